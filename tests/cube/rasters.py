"""Small rasters that the tests of the cube room share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr
from odc.geo.geobox import GeoBox

from xcube_tiles.cube.georef import assign_geobox

if TYPE_CHECKING:
    from collections.abc import Sequence

UTM = GeoBox.from_bbox((300_000, 5_000_000, 300_050, 5_000_040), crs="EPSG:32633", resolution=10)
"""Five cells wide, four high."""


def raster(
    values: Any,
    *,
    geobox: GeoBox = UTM,
    name: str = "a",
    times: Sequence[str] | None = None,
    nodata: float | None = None,
) -> xr.DataArray:
    """Return a georeferenced array; values broadcast to the grid."""
    values = np.asarray(values)
    lead = () if times is None else (len(times),)
    data = np.broadcast_to(values, (*lead, *geobox.shape)).copy()
    dims = ("y", "x") if times is None else ("time", "y", "x")
    coords = {} if times is None else {"time": np.array(times, "datetime64[ns]")}
    attrs = {} if nodata is None else {"_FillValue": values.dtype.type(nodata)}
    return assign_geobox(xr.DataArray(data, coords, dims, name, attrs), geobox)
