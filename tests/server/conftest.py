from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import xarray as xr

from tests.render.sources import grid
from tests.server.client import Client
from xcube_tiles.catalog.writer import to_catalog
from xcube_tiles.cube.georef import assign_geobox
from xcube_tiles.server.app import create_app

if TYPE_CHECKING:
    from pathlib import Path

TILE = "WebMercatorQuad/9/276/172"
"""A tile in the middle of the layers."""


def scene() -> xr.Dataset:
    """Return three dates of a ramp, a class map and a band of NoData, in UTM zone 33."""
    rows, cols = np.mgrid[0:600, 0:600].astype(np.float32)
    ramp = (rows + cols) / 1200
    ramp[290:310] = np.nan
    classes = (cols // 200).astype(np.uint8)
    flags = {"flag_values": [0, 1, 2], "flag_meanings": "land water forest", "_FillValue": 255}
    cube = xr.Dataset(
        {
            "ndvi": (("time", "y", "x"), np.stack([ramp, ramp / 2, 1 - ramp]), {"units": "1"}),
            "landcover": (("time", "y", "x"), np.stack([classes] * 3), flags),
        },
        coords={
            "time": np.array(["2018-05-06", "2018-05-24", "2018-06-15"], dtype="datetime64[ns]")
        },
        attrs={"title": "A scene"},
    )
    return assign_geobox(
        cube, grid((600, 600), "EPSG:32633", left=400_000, top=5_650_000, cell=200)
    )


@pytest.fixture(scope="session")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the path of a catalog with the layer `scene`; not to be changed."""
    path = tmp_path_factory.mktemp("served") / "catalog.zarr"
    to_catalog(scene(), str(path), "scene", progress=False)
    return path


@pytest.fixture(scope="session")
def client(catalog: Path) -> Client:
    """Return a client of a server of that catalog."""
    return Client(create_app(catalog))
