"""Hillshade: the light on a surface."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

import numpy as np

from xcube_tiles.algebra.choosing import chosen
from xcube_tiles.algebra.local.operands import finite, number
from xcube_tiles.algebra.terrain.run import FLOATS, METHODS, run_product
from xcube_tiles.errors import AlgebraError
from xcube_tiles.grid.celltype import CellType
from xcube_tiles.kernels.terrain import gradient

if TYPE_CHECKING:
    import xarray as xr

    from xcube_tiles.algebra.terrain.cells import ZFactor
    from xcube_tiles.algebra.terrain.run import Edges, GradientMethod

_LIGHTS = MappingProxyType(
    {
        "single": gradient.SINGLE,
        "multidirectional": gradient.MULTIDIRECTIONAL,
        "combined": gradient.COMBINED,
        "igor": gradient.IGOR,
    }
)

_SCALES = MappingProxyType(
    {
        "byte": (CellType.parse("uint8ud0"), (254.0, 1.0)),
        "geotrellis": (CellType.parse("int16"), (127.0, 0.0)),
        "unit": (FLOATS, (1.0, 0.0)),
    }
)
"""Cell type of the result, and the factor and offset of the light in it."""

_AZIMUTH, _ALTITUDE = 315.0, 45.0


def hillshade(
    elevation: xr.DataArray,
    *,
    azimuth: float = _AZIMUTH,
    altitude: float = _ALTITUDE,
    light: Literal["single", "multidirectional", "combined", "igor"] = "single",
    scale: Literal["byte", "geotrellis", "unit"] = "byte",
    method: GradientMethod = "horn",
    z_factor: ZFactor = None,
    edges: Edges = "focus",
) -> xr.DataArray:
    """Return the shaded relief.

    Parameters
    ----------
    elevation, method, z_factor, edges
        As for `slope`. A larger `z_factor` exaggerates the relief.
    azimuth
        Direction of the light in degrees clockwise from north; not for `"multidirectional"`.
    altitude
        Height of the light above the horizon in degrees, 0 to 90; not for `"igor"`.
    light
        `"single"`: the cosine of the angle between the light and the normal of the surface;
        `"multidirectional"`: from 225, 270, 315 and 360 degrees at once; `"combined"`: that angle
        times the slope, so that level ground is bright; `"igor"`: a soft relief for maps.
    scale
        `"byte"`: uint8 from 1 (dark) to 255 (faces the light), 0 for NoData, as `gdaldem hillshade`
        has it; `"geotrellis"`: int16 from 0 to 127, -32768 for NoData; `"unit"`: float32 from 0 to
        1, NaN for NoData.

    Returns
    -------
    Of the cell type that `scale` names; lazy if `elevation` is, with one task per block.

    Raises
    ------
    AlgebraError
        An altitude outside 0 to 90; an azimuth that isn't finite; an azimuth or altitude for a
        light that takes none; unknown names. And as for `slope`.
    GeoreferenceError, DimensionError
        As for `slope`.

    Notes
    -----
    With the gradient (dx, dy) of `slope` and light from (east, south, up), the single light is
    ``max(0, (up - dx east - dy south) / sqrt(1 + dx**2 + dy**2))`` (Horn 1981). The
    multidirectional light is half the sum of four of them, each times the squared cosine of the
    angle between its azimuth and the aspect (after Mark, R. K. 1992, Multidirectional,
    oblique-weighted, shaded-relief image of the Island of Hawaii, USGS Open-File Report 92-422).
    Combined is ``1 - 4 / pi**2 arccos(single) slope``, Igor's ``1 - 2 / pi**2 slope turned``, where
    `turned` is the angle between the aspect and the azimuth. All four are those of
    `gdaldem hillshade`; Igor's goes from 0 to 255 there, and takes all cells for squares.

    Examples
    --------
    >>> import xarray as xr
    >>> from affine import Affine
    >>> from odc.geo.geobox import GeoBox
    >>> from xcube_tiles.cube.georef import assign_geobox
    >>> grid = GeoBox((1, 3), Affine(10, 0, 0, 0, -10, 0), "EPSG:32633")
    >>> dem = assign_geobox(xr.DataArray([[5.0, 5.0, np.nan]], dims=("y", "x")), grid)
    >>> hillshade(dem).values
    array([[181, 181,   0]], dtype=uint8)
    >>> hillshade(dem, scale="geotrellis").values
    array([[    90,     90, -32768]], dtype=int16)
    """
    kind = chosen("light", light, _LIGHTS)
    result, units = chosen("scale", scale, _SCALES)
    four = chosen("method", method, METHODS)
    sun = _sun(azimuth, altitude, light)
    return run_product(
        elevation,
        "hillshade",
        (four, kind, sun),
        edges=edges,
        z_factor=z_factor,
        result=result,
        scale=units,
    )


def _sun(azimuth: float, altitude: float, light: str) -> tuple[float, float, float, float]:
    """Return the unit vector to the light (east, south, up), and its azimuth from 0 to 2 pi."""
    finite(azimuth, "azimuth, in degrees clockwise from north,")
    if not 0 <= number(altitude, "altitude") <= 90:
        raise AlgebraError(f"altitude must be 0 to 90 degrees above the horizon, got {altitude!r}")
    if light == "multidirectional" and azimuth != _AZIMUTH:
        raise AlgebraError(
            f"the multidirectional light comes from 225, 270, 315 and 360 degrees: it takes no "
            f"azimuth, got {azimuth!r}"
        )
    if light == "igor" and altitude != _ALTITUDE:
        raise AlgebraError(f"Igor's light takes no altitude, got {altitude!r}")
    turn, height = np.radians(azimuth), np.radians(altitude)
    level = np.cos(height)
    east, south = np.sin(turn) * level, -np.cos(turn) * level
    return float(east), float(south), float(np.sin(height)), float(turn % (2 * np.pi))
