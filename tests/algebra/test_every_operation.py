"""What holds for every operation of map algebra: laziness, chunks without a trace, odd rasters.

What an operation computes is tested beside it; here each is called once, with what it needs.
"""

from __future__ import annotations

import inspect
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import xarray as xr
from affine import Affine
from odc.geo.geobox import GeoBox

import xcube_tiles as xt
from xcube_tiles.accessor import (
    filters,
    focal,
    globals,
    grids,
    histograms,
    hydrology,
    local,
    terrain,
    zonal,
)
from xcube_tiles.cube.georef import assign_geobox
from xcube_tiles.testing.asserts import assert_lazy

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

FAMILIES = (
    local.LocalMethods, focal.FocalMethods, filters.FilterMethods, terrain.TerrainMethods,
    zonal.ZonalMethods, histograms.HistogramMethods, globals.GlobalMethods,
    hydrology.HydrologyMethods, grids.GridMethods,
)  # fmt: skip
SHAPE = (19, 23)
OTHERS = {"layout", "split", "combinations", "tile"}
"""Methods that return no raster or table of the whole cube."""


def on_grid(cells: NDArray[Any], **attrs: Any) -> xr.DataArray:
    grid = GeoBox(cells.shape[-2:], Affine(10, 0, 500_000, 0, -10, 5_500_000), "EPSG:32633")
    dims = ("time", "y", "x")[-cells.ndim :]
    array = xr.DataArray(cells, dims=dims, name="cells", attrs=attrs)
    if cells.ndim == 3:
        array = array.assign_coords(time=np.array(["2024-01-01", "2024-02-01"], "M8[ns]"))
    return assign_geobox(array, grid)


def heights(shape: tuple[int, ...] = SHAPE) -> xr.DataArray:
    """Float32 with NaN, of a surface with hollows."""
    generator = np.random.default_rng(1)
    cells = generator.random(shape, dtype=np.float32) * 20
    cells += np.arange(shape[-1], dtype=np.float32)
    cells[generator.random(shape) < 0.1] = np.nan
    return on_grid(cells)


def classes(shape: tuple[int, ...] = SHAPE) -> xr.DataArray:
    """Int16 from 0 to 5, with -1 for NoData."""
    cells = np.random.default_rng(2).integers(-1, 6, shape).astype("int16")
    return on_grid(cells, _FillValue=np.int16(-1))


RASTERS = {"heights": heights, "classes": classes}
ZONES = on_grid((np.indices(SHAPE).sum(0) // 9).astype("int32"))
INSIDE = (500_005.0, 5_499_995.0)
MASK = on_grid((np.indices(SHAPE).sum(0) % 3).astype("uint8"))


def like(raster: xr.DataArray, other: xr.DataArray) -> xr.DataArray:
    """Cut a raster to the size of another one."""
    return raster.isel(y=slice(0, other.sizes["y"]), x=slice(0, other.sizes["x"]))


def doubled(tile: NDArray[Any], key: Any) -> NDArray[Any]:
    return tile * 2


OPERATIONS: dict[str, Callable[[xr.DataArray], xr.DataArray | xr.Dataset]] = {
    "local add": lambda a: a.tiles.local("add", 3),
    "local divide": lambda a: a.tiles.local("divide", a),
    "local sqrt": lambda a: a.tiles.local("sqrt"),
    "local less": lambda a: a.tiles.local("less", 4),
    "where": lambda a: a.tiles.where(like(MASK, a), 7),
    "defined": lambda a: a.tiles.defined(),
    "undefined": lambda a: a.tiles.undefined(),
    "cell_statistics": lambda a: a.tiles.cell_statistics([a, a], "median"),
    "rank": lambda a: a.tiles.rank([a, a], 1),
    "combine": lambda a: a.tiles.local("less", 3).tiles.combine(like(MASK, a)),
    "reclassify": lambda a: a.tiles.reclassify({2: 1, 4: 2}, boundary="less", fallback=9),
    "rescale": lambda a: a.tiles.rescale(0, 1),
    "normalize": lambda a: a.tiles.normalize(),
    "clip": lambda a: a.tiles.clip(1, 3),
    "mask": lambda a: a.tiles.mask(like(MASK, a)),
    "expression": lambda a: a.to_dataset(name="a").tiles.expression("a * 2 + 1"),
    "focal mean": lambda a: a.tiles.focal("mean", xt.Square(2)),
    "focal median, large": lambda a: a.tiles.focal("median", xt.Circle(30)),
    "focal mode, gaps": lambda a: a.tiles.focal("mode", xt.Annulus(1, 2), target="nodata"),
    "focal sd, round": lambda a: a.tiles.focal("sd", xt.Wedge(3, 0, 90), edge="wrap"),
    "convolve": lambda a: a.tiles.convolve(xt.Kernel.gaussian(1.0), normalize=True),
    "morphology": lambda a: a.tiles.morphology("opening", xt.Nesw(1)),
    "fill_gaps": lambda a: a.tiles.fill_gaps(passes=2),
    "morans_i": lambda a: a.tiles.morans_i(xt.Square(1)),
    "morans_i, local": lambda a: a.tiles.morans_i(xt.Square(1), local=True),
    "getis_ord": lambda a: a.tiles.getis_ord(xt.Circle(1)),
    "game_of_life": lambda a: a.tiles.local("less", 3).tiles.game_of_life(generations=3),
    "slope": lambda a: a.tiles.slope(),
    "aspect": lambda a: a.tiles.aspect(),
    "hillshade": lambda a: a.tiles.hillshade(light="multidirectional"),
    "curvature": lambda a: a.tiles.curvature(),
    "tpi": lambda a: a.tiles.tpi(),
    "tri": lambda a: a.tiles.tri(),
    "roughness": lambda a: a.tiles.roughness(),
    "viewshed": lambda a: a.tiles.viewshed(*INSIDE),
    "zonal": lambda a: a.tiles.zonal(like(ZONES, a), ["mean", "p25", "mode", "sd", "count"]),
    "crosstab": lambda a: a.tiles.local("less", 3).tiles.crosstab(like(ZONES, a), classes=[0, 1]),
    "zonal_percentage": lambda a: a.tiles.local("less", 3).tiles.zonal_percentage(
        like(ZONES, a), classes=[0, 1]
    ),
    "zonal_histogram": lambda a: a.tiles.zonal_histogram(like(ZONES, a), 4, range=(0, 20)),
    "to_raster": lambda a: a.tiles.zonal(like(ZONES, a), "mean").tiles.to_raster(like(ZONES, a)),
    "histogram": lambda a: a.tiles.histogram(8),
    "class_breaks": lambda a: a.tiles.class_breaks(3),
    "equalize": lambda a: a.tiles.equalize(),
    "match_histogram": lambda a: a.tiles.match_histogram(heights()),
    "sigmoidal_contrast": lambda a: a.tiles.sigmoidal_contrast(4.0),
    "regions": lambda a: a.tiles.regions(connectivity=8),
    "proximity": lambda a: a.tiles.local("less", 2).tiles.proximity(),
    "proximity, near": lambda a: a.tiles.local("less", 2).tiles.proximity(max_distance=25),
    "allocation": lambda a: a.tiles.allocation(),
    "direction": lambda a: a.tiles.direction(),
    "cost_distance": lambda a: a.tiles.cost_distance([INSIDE]),
    "least_cost_path": lambda a: (
        a.tiles.fill_gaps(passes=3).tiles.local("add", 1).tiles.least_cost_path(INSIDE, INSIDE)
    ),
    "fill_depressions": lambda a: a.tiles.fill_depressions(),
    "flow_direction": lambda a: a.tiles.flow_direction(),
    "flow_accumulation": lambda a: a.tiles.flow_direction().tiles.flow_accumulation(),
    "watershed": lambda a: a.tiles.flow_direction().tiles.watershed(),
    "stream_order": lambda a: a.tiles.flow_direction().tiles.stream_order(threshold=3),
    "reproject": lambda a: a.tiles.reproject("EPSG:3857", resampling="cubic"),
    "crop": lambda a: a.tiles.crop((499_000, 5_499_000, 500_100, 5_501_000)),
    "resample": lambda a: a.tiles.resample(factor=0.5, resampling="average"),
    "mosaic": lambda a: a.tiles.mosaic([a], overlap="mean"),
    "map_tiles": lambda a: a.tiles.map_tiles(doubled, 8),
}
"""An operation by its name, after which may follow what kind of it."""

MIXING_LAYERS = {"combine", "histogram", "class_breaks", "match_histogram"}
"""Operations that count over all layers of a cube."""


def arrays_of(result: xr.DataArray | xr.Dataset) -> list[xr.DataArray]:
    return [result] if isinstance(result, xr.DataArray) else list(result.data_vars.values())


def call(name: str, raster: xr.DataArray) -> xr.DataArray | xr.Dataset:
    with warnings.catch_warnings():
        # affine's advice on an operator, which odc-geo follows late
        warnings.simplefilter("ignore", PendingDeprecationWarning)
        return OPERATIONS[name](raster)


def test_every_operation_is_here() -> None:
    methods = {
        name
        for family in FAMILIES
        for name, member in vars(family).items()
        if inspect.isfunction(member) and not name.startswith("_")
    }
    assert methods - OTHERS == {name.split(",")[0].split(" ")[0] for name in OPERATIONS}


@pytest.mark.parametrize("kind", RASTERS)
@pytest.mark.parametrize("name", OPERATIONS)
def test_chunks_leave_no_trace(name: str, kind: str) -> None:
    raster = RASTERS[kind]()
    eager = call(name, raster)
    assert not any(array.chunks for array in arrays_of(eager))
    for sizes in ((5, 7), (1, 23)):
        lazy = raster.chunk(y=sizes[0], x=sizes[1])
        with assert_lazy():
            result = call(name, lazy)
        assert all(array.chunks is not None for array in arrays_of(result))
        xr.testing.assert_identical(eager, result.compute())
        again = call(name, lazy)
        assert [a.data.name for a in arrays_of(again)] == [a.data.name for a in arrays_of(result)]


@pytest.mark.parametrize("kind", RASTERS)
@pytest.mark.parametrize("name", OPERATIONS)
@pytest.mark.parametrize("shape", [(1, 1), (1, 6), (6, 1)])
def test_tiny_rasters(name: str, kind: str, shape: tuple[int, int]) -> None:
    raster = RASTERS[kind]().isel(y=slice(0, shape[0]), x=slice(0, shape[1]))
    eager = call(name, raster)
    xr.testing.assert_identical(eager, call(name, raster.chunk(y=1, x=4)).compute())


@pytest.mark.parametrize("kind", RASTERS)
@pytest.mark.parametrize("name", sorted(OPERATIONS.keys() - {"viewshed"}))
def test_without_any_value(name: str, kind: str) -> None:
    raster = RASTERS[kind]()
    nothing = raster.copy(data=np.full(SHAPE, raster.tiles.cell_type.nodata, raster.dtype))
    eager = call(name, nothing)
    xr.testing.assert_identical(eager, call(name, nothing.chunk(y=5, x=7)).compute())


@pytest.mark.parametrize("name", sorted(OPERATIONS.keys() - MIXING_LAYERS))
def test_layers_along_time_are_computed_alone(name: str) -> None:
    stack = classes((2, *SHAPE))
    result = call(name, stack.chunk(time=1, y=8)).compute()
    for at in range(2):
        alone = call(name, stack.isel(time=at, drop=True))
        xr.testing.assert_equal(result.isel(time=at, drop=True), alone)
