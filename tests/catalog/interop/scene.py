"""The cube that other software is to find in a layer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.catalog.cubes import random_cube

if TYPE_CHECKING:
    import xarray as xr
    from odc.geo.geobox import GeoBox

    from xcube_tiles.catalog.layer import Layer

LAYERS = ("sharded", "plain", "again")
"""Layers of the catalog that the fixture `folder` makes."""

LEVELS = 3

CHUNK = 128

PROJ4 = {"EPSG:32633": "+proj=utm +zone=33 +datum=WGS84 +units=m +no_defs"}


def scene() -> xr.Dataset:
    """Return two days of integers and floats with NoData, and classes without time.

    Neither its rows nor its columns can be halved twice.
    """
    cube = random_cube((2, 301, 523))
    floats = cube.band.where(cube.band != -9999).astype("float32")
    floats.attrs = {}
    classes = (cube.band % 5).astype("uint8").isel(time=0, drop=True)
    classes.attrs = {"_FillValue": 255, "flag_values": [0, 1, 2, 3, 4]}
    return cube.assign(share=floats, classes=classes)


def probes(layer: Layer, level: int) -> list[tuple[int, int]]:
    """Return a row and a column in the corners, in the middle, and in the padding."""
    height, width = layer.levels[level].shape
    inner_height, inner_width = layer.shape_of(level)
    return [
        (0, 0),
        (0, inner_width - 1),
        (inner_height - 1, 0),
        (inner_height - 1, inner_width - 1),
        (height // 2, width // 3),
        (height - 1, width - 1),
    ]


def centre(geobox: GeoBox, row: int, col: int) -> tuple[float, float]:
    """Return the x and y of a cell's centre."""
    x, y = geobox.affine @ (col + 0.5, row + 0.5)
    return float(x), float(y)


def all_cells(layer: Layer, variable: str, level: int) -> Any:
    """Return all cells of a level as we read them, padding included."""
    height, width = layer.levels[level].shape
    return layer.read(variable, level=level, rows=slice(0, height), cols=slice(0, width))
