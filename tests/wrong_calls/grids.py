"""Wrong calls of the geometry of grids: other grids, parts of grids, grids put together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

import xcube_tiles  # noqa: F401  (registers the accessor)
from tests.cube.rasters import UTM, raster
from tests.wrong_calls import WrongCall
from xcube_tiles.algebra.tiles import stitch
from xcube_tiles.errors import (
    AlgebraError,
    CellTypeError,
    DimensionError,
    GridError,
    IncompatibleCubesError,
)
from xcube_tiles.grid.extent import Extent
from xcube_tiles.grid.layout import TileLayout

if TYPE_CHECKING:
    import xarray as xr

# what a type checker refuses, a user of a notebook may still pass
NOT_A_GRID: Any = "EPSG:3857"
SQUARE: Any = 3
NO_METHOD: Any = "linear"
NO_RULE: Any = "newest"
NO_FUNCTION: Any = "mean"
BYTES = np.arange(20, dtype=np.uint8)[None].repeat(4, 0)[:, :5]


def floats() -> xr.DataArray:
    return raster(np.arange(20.0).reshape(4, 5))


def tiles() -> Any:
    return floats().tiles


def raw() -> Any:
    return raster(BYTES).tiles


def shifted() -> TileLayout:
    layout = TileLayout.from_geobox(UTM, 2)
    return TileLayout(
        crs=layout.crs,
        origin=(layout.origin[0] + 5, layout.origin[1]),
        resolution=layout.resolution,
        tile_shape=layout.tile_shape,
        layout_shape=layout.layout_shape,
    )


def missing_one() -> dict[Any, xr.DataArray]:
    cut = tiles().split(2)
    cut.pop(next(iter(cut)))
    return cut  # type: ignore[no-any-return]


CALLS: list[WrongCall] = [
    WrongCall(
        "ds.tiles.resample",
        lambda: tiles().resample(),
        GridError,
        r"pass one of resolution .*, shape .* and factor .*, got none of them",
    ),
    WrongCall(
        "ds.tiles.resample",
        lambda: tiles().resample(factor=2, resolution=20),
        GridError,
        r"got resolution, factor",
    ),
    WrongCall(
        "ds.tiles.resample",
        lambda: tiles().resample(resolution=0),
        GridError,
        r"resolution must be a positive number, or two \(x, y\), got 0",
    ),
    WrongCall(
        "ds.tiles.resample",
        lambda: tiles().resample(factor=(2, 2, 2)),
        GridError,
        r"factor must be a positive number, or two \(x, y\), got \(2, 2, 2\)",
    ),
    WrongCall(
        "ds.tiles.resample",
        lambda: tiles().resample(shape=SQUARE),
        GridError,
        r"shape must be two positive integers \(rows, columns\), got 3",
    ),
    WrongCall(
        "ds.tiles.resample",
        lambda: tiles().resample(factor=2, resampling=NO_METHOD),
        GridError,
        r"unknown resampling 'linear'; the methods are nearest, bilinear",
    ),
    WrongCall(
        "ds.tiles.mosaic",
        lambda: tiles().mosaic([]),
        DimensionError,
        r"there are no other cubes",
    ),
    WrongCall(
        "ds.tiles.mosaic",
        lambda: tiles().mosaic(floats()),
        DimensionError,
        r"the other cubes must be a list, got DataArray",
    ),
    WrongCall(
        "ds.tiles.mosaic",
        lambda: tiles().mosaic([floats().to_dataset(name="a")]),
        DimensionError,
        r"cube 2 is Dataset",
    ),
    WrongCall(
        "ds.tiles.mosaic",
        lambda: tiles().mosaic([floats()], overlap=NO_RULE),
        DimensionError,
        r"unknown overlap resolver 'newest'; expected one of first, last, min, max, mean, sum",
    ),
    WrongCall(
        "ds.tiles.mosaic",
        lambda: tiles().mosaic([floats()], target=NOT_A_GRID),
        GridError,
        r"target must be a GeoBox, a TileLayout or a georeferenced xarray object",
    ),
    WrongCall(
        "ds.tiles.mosaic",
        lambda: tiles().mosaic([floats().astype("float32")]),
        IncompatibleCubesError,
        r"cell types of 'a' differ: float64 and float32; convert one first",
    ),
    WrongCall(
        "ds.tiles.mosaic",
        lambda: raw().mosaic([raster(BYTES)]),
        CellTypeError,
        r"'a' has no NoData value \(uint8raw\), which cells that no cube has would be",
    ),
    WrongCall(
        "ds.tiles.split",
        lambda: tiles().split(0),
        GridError,
        r"tile_size must be a positive integer or a pair \(height, width\), got 0",
    ),
    WrongCall(
        "ds.tiles.split",
        lambda: tiles().split(shifted()),
        GridError,
        r"the layout has other cells than the cube .* cube.tiles.reproject\(layout\)",
    ),
    WrongCall(
        "ds.tiles.split",
        lambda: tiles().split(TileLayout.from_geobox(UTM[:2, :2], 2)),
        GridError,
        r"the cube reaches beyond the layout; crop it first",
    ),
    WrongCall(
        "ds.tiles.split",
        lambda: raw().split(3, pad=True),
        CellTypeError,
        r"no NoData value",
    ),
    WrongCall(
        "stitch",
        lambda: stitch({}),
        GridError,
        r"expected tiles by their keys, as split returns them",
    ),
    WrongCall(
        "stitch",
        lambda: stitch(missing_one()),
        GridError,
        r"the tiles have gaps \(0/0\); put them together with mosaic",
    ),
    WrongCall(
        "stitch",
        lambda: stitch(dict(zip(tiles().split(2), [floats()] * 6, strict=True))),
        GridError,
        r"the tiles don't lie side by side",
    ),
    WrongCall(
        "ds.tiles.map_tiles",
        lambda: tiles().map_tiles(NO_FUNCTION),
        AlgebraError,
        r"expected a function of a tile and its key, got 'mean'",
    ),
    WrongCall(
        "ds.tiles.map_tiles",
        lambda: tiles().map_tiles(lambda tile, key: tile, depth=-1),
        AlgebraError,
        r"depth must be a whole number of cells, at least 0, got -1",
    ),
    WrongCall(
        "ds.tiles.map_tiles",
        lambda: tiles().map_tiles(lambda tile, key: tile[:1], 2),
        AlgebraError,
        r"must return an array of shape \(2, 2\) for tile 0/0, got \(1, 2\)",
    ),
    WrongCall(
        "ds.tiles.map_tiles",
        lambda: tiles().map_tiles(lambda tile, key: tile, cell_type="uint8"),
        AlgebraError,
        r"returns float64 for tile 0/0, which 'uint8' can't hold; declare it: map_tiles",
    ),
    WrongCall(
        "ds.tiles.map_tiles",
        lambda: raw().map_tiles(lambda tile, key: tile, depth=1),
        CellTypeError,
        r"no NoData value \(uint8raw\), which the rim beyond the cube would be",
    ),
    WrongCall(
        "ds.tiles.mask",
        lambda: tiles().mask(shapely.Point(300_005, 5_000_005)),
        GridError,
        r"cells are masked by areas, got Point without area; buffer points",
    ),
    WrongCall(
        "ds.tiles.mask",
        lambda: tiles().mask(shapely.box(0, 0, 1, 1), values=[1]),
        DimensionError,
        r"an area has no values to choose from",
    ),
    WrongCall(
        "ds.tiles.mask",
        lambda: tiles().mask(shapely.geometry.mapping(shapely.box(3e5, 5e6, 4e5, 6e6))),
        GridError,
        r"GeoJSON holds longitudes and latitudes, .* pass crs=",
    ),
    WrongCall(
        "ds.tiles.mask",
        lambda: tiles().mask({"type": "Polygon"}),
        GridError,
        r"expected GeoJSON with 'type' and 'coordinates'",
    ),
    WrongCall(
        "ds.tiles.mask",
        lambda: tiles().mask(Extent.from_bounds((0, 0, 1, 1), 4326), crs=4326),
        GridError,
        r"an extent has a CRS of its own",
    ),
    WrongCall(
        "ds.tiles.mask",
        lambda: tiles().mask(shapely.Polygon([(0, 0), (1, 1), (1, 0), (0, 2)])),
        GridError,
        r"the geometry isn't valid \(Self-intersection.*shapely.make_valid",
    ),
    WrongCall(
        "ds.tiles.mask",
        lambda: tiles().mask(3),
        TypeError,
        r"the mask must be a DataArray, an Extent, a geometry of shapely or GeoJSON, got 3",
    ),
]
