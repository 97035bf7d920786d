"""Focal statistics: by hand, and against a loop, for any chunks, edges, targets and areas."""

from __future__ import annotations

import math
from itertools import product
from typing import TYPE_CHECKING, Any, get_args

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from odc.geo.geobox import GeoBox

import xcube_tiles as xt
from xcube_tiles.algebra.focal.layers import Target
from xcube_tiles.algebra.focal.statistics import focal
from xcube_tiles.algebra.focal.table import STATISTICS, statistic_named, statistic_names
from xcube_tiles.cube.cells import cell_type_of, set_cell_type
from xcube_tiles.cube.georef import assign_geobox, extent_of
from xcube_tiles.errors import AlgebraError, NoDataCollisionError
from xcube_tiles.grid.celltype import CellType
from xcube_tiles.kernels.focal.window import Edge
from xcube_tiles.testing.asserts import assert_lazy, assert_same_cells, count_tasks
from xcube_tiles.testing.strategies import chunks

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from xcube_tiles.kernels.neighborhood import Neighborhood

WINDOWS: list[Neighborhood] = [
    xt.Square(1), xt.Square(3), xt.Circle(2), xt.Nesw(2), xt.Wedge(3, 30, 100), xt.Annulus(1, 2),
    xt.Kernel([[0, 1, 1]]),
]  # fmt: skip
TYPES = ("float32", "float64ud-9999", "uint8ud0", "int16ud-9999", "uint8raw")
FURTHER_TYPES = ("int32", "int64raw")
ONE_OF_EACH_RESULT = ("min", "range", "mean", "sum", "count")
EDGES: list[Any] = [(name, 3 if name == "constant" else None) for name in get_args(Edge)]
MODES: dict[str, str] = {"nearest": "edge", "reflect": "symmetric", "wrap": "wrap"}


def raster(values: Any, cells: str | None = None, **attrs: object) -> xr.DataArray:
    """Return an array of cells 10 m wide, its lower left corner at (0, 0)."""
    values = np.asarray(values, None if cells is None else CellType.parse(cells).dtype)
    *_, height, width = values.shape
    dims = ("time", "y", "x")[-values.ndim :]
    array = xr.DataArray(values, dims=dims, name="t", attrs=attrs)
    grid = GeoBox.from_bbox((0, 0, 10 * width, 10 * height), "EPSG:32633", shape=(height, width))
    array = assign_geobox(array, grid)
    return array if cells is None else set_cell_type(array, CellType.parse(cells))


def random(cells: str, shape: tuple[int, ...], seed: int = 0) -> xr.DataArray:
    """Return cells of few values, a third of them NoData where the type has it."""
    cell_type, rng = CellType.parse(cells), np.random.default_rng(seed)
    values = rng.integers(1, 9, shape).astype(cell_type.dtype)
    if cell_type.nodata is not None:
        values[rng.random(shape) < 0.3] = cell_type.nodata
    return raster(values, cells)


def entropy(cells: NDArray[Any]) -> float:
    shares = np.unique(cells, return_counts=True)[1] / len(cells)
    return float(-(shares * np.log2(shares)).sum())


def frequent(cells: NDArray[Any], sign: int) -> Any:
    values, counts = np.unique(cells, return_counts=True)
    return values[np.argmax(sign * counts)]


ORACLES: dict[str, Callable[[NDArray[Any]], Any]] = {
    "mean": np.mean,
    "sum": np.sum,
    "min": np.min,
    "max": np.max,
    "range": np.ptp,
    "sd": np.std,
    "variance": np.var,
    "median": np.median,
    "percentile": lambda cells: np.quantile(cells, 0.3),
    "mode": lambda cells: frequent(cells, 1),
    "minority": lambda cells: frequent(cells, -1),
    "variety": lambda cells: len(np.unique(cells)),
    "entropy": entropy,
    "count": len,
}


def options(name: str) -> dict[str, Any]:
    return {"q": 0.3} if name == "percentile" else {}


def by_loop(
    array: xr.DataArray,
    name: str,
    neighborhood: Neighborhood,
    edge: str = "clip",
    constant: float | None = None,
    *,
    skipna: bool = True,
    min_count: int = 1,
) -> NDArray[np.float64]:
    """Compute a statistic cell by cell, of 2-D cells as floats; NaN: no value."""
    values = array.values.astype(float)
    values[cell_type_of(array).is_nodata(array.values)] = np.nan
    inside = np.ones(values.shape, bool)
    mask = neighborhood.mask()
    rims = [(size // 2,) * 2 for size in mask.shape]
    if edge in MODES:
        values = np.pad(values, rims, mode=MODES[edge])  # type: ignore[call-overload]
        inside = np.pad(inside, rims, constant_values=True)
    else:
        values = np.pad(values, rims, constant_values=np.nan if constant is None else constant)
        inside = np.pad(inside, rims, constant_values=constant is not None)
    result = np.full(array.shape, np.nan)
    for i, j in np.ndindex(array.shape):
        part = (slice(i, i + mask.shape[0]), slice(j, j + mask.shape[1]))
        around = values[part][mask & inside[part]]
        valid = around[~np.isnan(around)]
        enough = len(valid) >= min_count and (skipna or len(valid) == len(around))
        if len(valid) and enough:
            result[i, j] = ORACLES[name](valid)
        elif name in ("count", "variety"):
            result[i, j] = 0
    return result


def as_floats(array: xr.DataArray) -> NDArray[np.float64]:
    values = array.values.astype(float)
    values[cell_type_of(array).is_nodata(array.values)] = np.nan
    return values


def test_names() -> None:
    assert set(statistic_names()) == set(ORACLES)
    assert statistic_named("std").name == "sd"
    aliases = [name for row in STATISTICS for name in (row.name, *row.aliases)]
    assert len(aliases) == len(set(aliases))


def test_by_hand() -> None:
    cube = raster([[1, 2, 255], [4, 255, 255]], "uint8ud255", units="K", long_name="Heat")
    mean = cube.tiles.focal("mean", xt.Square(1))
    np.testing.assert_allclose(mean, [[7 / 3, 7 / 3, 2], [7 / 3, 7 / 3, 2]], rtol=1e-6)
    assert (mean.dtype, mean.name, mean.attrs) == (
        np.float32,
        "t",
        {"units": "K", "long_name": "Heat"},
    )
    largest = cube.tiles.focal("max", xt.Nesw(1))
    assert largest.values.tolist() == [[4, 2, 2], [4, 4, 255]]
    assert cell_type_of(largest).name == "uint8ud255"
    assert cube.tiles.focal("variance", xt.Square(1)).attrs["units"] == "(K)^2"
    assert cube.tiles.focal("count", xt.Square(1)).attrs == {"long_name": "Heat"}


# each dtype makes all kernels anew, whose own tests go through the dtypes
@pytest.mark.parametrize(
    ("name", "cells"),
    [*product(ORACLES, TYPES), *product(ONE_OF_EACH_RESULT, FURTHER_TYPES)],
)
def test_against_a_loop(name: str, cells: str) -> None:
    array = random(cells, (7, 9))
    for neighborhood in WINDOWS:
        if cells.endswith("raw") and neighborhood == xt.Annulus(1, 2):
            continue  # without a number for NoData it has to have the focus
        got = focal(array, name, neighborhood, **options(name))
        expected = by_loop(array, name, neighborhood)
        np.testing.assert_allclose(as_floats(got), expected, rtol=2e-6, atol=1e-6)


@pytest.mark.parametrize(("edge", "constant"), EDGES)
@pytest.mark.parametrize("neighborhood", WINDOWS, ids=repr)
def test_edges(neighborhood: Neighborhood, edge: Edge, constant: float | None) -> None:
    for shape in ((6, 5), (1, 1), (2, 9)):
        for cells in ("float32", "int16ud-9999"):
            array = random(cells, shape, seed=3)
            for name in ("sum", "max", "median"):
                got = focal(array, name, neighborhood, edge=edge, constant=constant)
                expected = by_loop(array, name, neighborhood, edge, constant)
                np.testing.assert_allclose(as_floats(got), expected)


@pytest.mark.parametrize(("edge", "constant"), EDGES)
@pytest.mark.parametrize("cells", ["float32", "uint8ud0"])
def test_what_is_needed_of_neighbours(cells: str, edge: Edge, constant: float | None) -> None:
    array = random(cells, (8, 9), seed=4)
    for skipna, min_count in ((False, 1), (True, 8), (False, 9)):
        need: dict[str, Any] = {"skipna": skipna, "min_count": min_count}
        got = focal(array, "mean", xt.Square(1), edge=edge, constant=constant, **need)
        expected = by_loop(array, "mean", xt.Square(1), edge, constant, **need)
        np.testing.assert_allclose(as_floats(got), expected, rtol=1e-6)
        assert np.isnan(expected).any()


def test_missing_constants_count_as_cells_without_value() -> None:
    array = raster([[1.0, 2.0, 3.0]])
    beyond: dict[str, Any] = {"edge": "constant", "constant": np.nan}
    got = focal(array, "sum", xt.Nesw(1), **beyond)
    assert got.values.tolist() == [[3, 6, 5]]
    strict = focal(array, "sum", xt.Kernel([[1, 1, 1]]), skipna=False, **beyond)
    np.testing.assert_array_equal(strict, [[np.nan, 6, np.nan]])


@pytest.mark.parametrize("cells", ["float32", "float32ud-9999", "uint8ud0", "int16ud-9999"])
@pytest.mark.parametrize("name", ORACLES)
def test_targets(name: str, cells: str) -> None:
    array = random(cells, (6, 7), seed=5)
    original, computed = as_floats(array), by_loop(array, name, xt.Square(1))
    gone = np.isnan(original)
    for target, chosen in (("all", gone | ~gone), ("data", ~gone), ("nodata", gone)):
        got = focal(array, name, xt.Square(1), target=target, **options(name))  # type: ignore[arg-type]
        expected = np.where(chosen, computed, original)
        np.testing.assert_allclose(as_floats(got), expected, rtol=2e-6, atol=1e-6)


def test_copies_stay_exact() -> None:
    array = raster([[2**31 - 1, -1, 5]], "int32ud-1")
    filled = focal(array, "sum", xt.Nesw(1), target="nodata")
    assert filled.values.tolist() == [[2**31 - 1, 2**31 + 4, 5]]
    assert cell_type_of(filled) == CellType.parse("int64")
    kept = focal(array, "count", xt.Nesw(1), target="data")
    assert kept.values.tolist() == [[1, np.iinfo("int64").min, 1]]


@pytest.mark.parametrize(("edge", "constant"), EDGES)
@pytest.mark.parametrize("name", ["mean", "max", "sd", "median"])
def test_areas(name: str, edge: Edge, constant: float | None) -> None:
    array = random("float64", (9, 11), seed=6)
    whole = focal(array, name, xt.Square(2), edge=edge, constant=constant)
    area = (20, 0, 55, 41)
    for obj in (array, array.chunk(y=4, x=3)):
        part = focal(obj, name, xt.Square(2), edge=edge, constant=constant, area=area)
        assert tuple(extent_of(part).bounds) == (20, 0, 60, 50)
        xr.testing.assert_identical(part.compute(), whole.tiles.crop(area))


@settings(max_examples=15)
@pytest.mark.parametrize("name", ORACLES)
@given(
    data=st.data(),
    cells=st.sampled_from(("float32", "float64", "uint8ud0", "int16ud-9999", "uint8raw")),
    neighborhood=st.sampled_from(WINDOWS[:5]),
    edge=st.sampled_from(EDGES),
    target=st.sampled_from(get_args(Target)),
    skipna=st.booleans(),
)
def test_chunks_change_nothing(
    name: str,
    data: st.DataObject,
    cells: str,
    neighborhood: Neighborhood,
    edge: tuple[Edge, float | None],
    target: Target,
    skipna: bool,
) -> None:
    shape = (2, data.draw(st.integers(1, 8)), data.draw(st.integers(1, 8)))
    rng = np.random.default_rng(data.draw(st.integers(0, 99)))
    array = random(cells, shape)
    if array.dtype.kind == "f":  # numbers whose sums depend on their order
        array = array + rng.random(shape).astype(array.dtype)
    args: dict[str, Any] = {"edge": edge[0], "constant": edge[1], "target": target}
    if name not in ("count", "variety"):
        args["skipna"] = skipna
    eager = focal(array, name, neighborhood, **args, **options(name))
    pieces = data.draw(chunks(shape))
    lazy = focal(
        array.chunk(dict(zip(array.dims, pieces, strict=True))), name, neighborhood, **args,
        **options(name),
    )  # fmt: skip
    assert_same_cells(lazy, eager)
    assert lazy.attrs == eager.attrs


@pytest.mark.parametrize("name", ORACLES)
def test_no_value_at_all(name: str) -> None:
    array = raster(np.full((3, 4), np.nan, "float32"))
    got = focal(array, name, xt.Square(1), **options(name))
    assert (got == 0).all() if name in ("count", "variety") else np.isnan(got).all()


@pytest.mark.parametrize("name", ORACLES)
def test_a_window_far_larger_than_the_raster(name: str) -> None:
    array = random("int16ud-9999", (3, 4), seed=7)
    got = focal(array, name, xt.Square(300), **options(name))
    expected = by_loop(array, name, xt.Square(4))
    np.testing.assert_allclose(as_floats(got), expected, rtol=2e-6, atol=1e-6)
    far = focal(array, name, xt.Annulus(200, 210), **options(name))
    assert np.isnan(as_floats(far)).all() or name in ("count", "variety")


@pytest.mark.parametrize("dtype", ["uint8", "int8", "uint16", "int16"])
def test_raw_integers_of_all_values(dtype: str) -> None:
    limits = np.iinfo(dtype)
    values = np.arange(int(limits.min), int(limits.max) + 1, dtype=dtype).reshape(-1, 64)
    array, window = raster(values, f"{dtype}raw"), xt.Nesw(1)
    assert focal(array, "min", window).values[0, 0] == limits.min
    assert focal(array, "max", window).values[-1, -1] == limits.max
    assert focal(array, "max", window).dtype == array.dtype
    total, corner = focal(array, "sum", window), values.astype(int)[:2, :2]
    assert total[0, 0] == corner[0, 0] + corner[0, 1] + corner[1, 0]
    assert focal(array, "range", window)[0, 0] == 64
    assert focal(array, "count", window)[0, :2].values.tolist() == [3, 4]


def test_extreme_integers_of_64_bits() -> None:
    low, high = np.iinfo("int64").min, np.iinfo("int64").max
    array = raster(np.array([[low, 7, high]]), "int64raw")
    assert focal(array, "max", xt.Nesw(1)).values.tolist() == [[7, high, high]]
    assert focal(array, "range", xt.Nesw(1)).values.tolist() == [[7 - low, high - low, high - 7]]


def test_numbers_that_mean_nodata_are_refused_not_lost() -> None:
    ends = raster([[0, 2**64 - 1]], "uint64ud5")
    with pytest.raises(NoDataCollisionError, match=r"a difference of 18446744073709551615 is the"):
        focal(ends, "range", xt.Square(1))
    assert focal(raster([[0, 2**64 - 1]], "uint64raw"), "range", xt.Square(1)).values.max() > 2**63
    lowest = raster([[-(2**63), 0, 7]], "int64ud0")
    with pytest.raises(NoDataCollisionError, match=r"-9223372036854775808 can't be copied among"):
        focal(lowest, "count", xt.Nesw(1), target="nodata")
    assert focal(lowest, "count", xt.Nesw(1)).values.tolist() == [[1, 2, 1]]


def test_bool() -> None:
    array = raster([[True, False, False]])
    assert focal(array, "max", xt.Nesw(1)).values.tolist() == [[True, True, False]]
    assert focal(array, "max", xt.Nesw(1)).dtype == bool
    assert focal(array, "sum", xt.Nesw(1)).values.tolist() == [[1, 1, 0]]


def test_cell_types() -> None:
    types = {
        name: [
            cell_type_of(focal(random(cells, (3, 3)), name, xt.Square(1))).name
            for cells in ("uint8ud0", "int32", "float32", "uint8raw")
        ]
        for name in ("mean", "sum", "min", "range", "count")
    }
    assert types == {
        "mean": ["float32", "float64", "float32", "float32"],
        "sum": [f"uint64ud{2**64 - 1}", "int64", "float64", "uint64raw"],
        "min": ["uint8", "int32", "float32", "uint8raw"],
        "range": ["int16", "int64", "float32", "int16raw"],
        "count": ["int32raw"] * 4,
    }


def test_lazy() -> None:
    cube = xr.Dataset({
        "a": random("float32", (2, 12, 10)).chunk(time=1, y=5, x=4),
        "b": random("uint8ud0", (12, 10)).chunk(y=3, x=10),
    })  # fmt: skip
    cube["n"] = ("time", [1, 2])
    with assert_lazy():
        result = cube.tiles.focal("mean", xt.Square(2))
    blocks = 2 * 3 * 3 + 4
    assert count_tasks(result) - count_tasks(cube) == blocks
    assert result["n"].identical(cube["n"])
    again = cube.tiles.focal("mean", xt.Square(2))
    assert dict(again.__dask_graph__()).keys() == dict(result.__dask_graph__()).keys()
    other = cube.tiles.focal("mean", xt.Circle(2))
    assert other["a"].data.name != result["a"].data.name


def test_input_stays() -> None:
    array = random("int16ud-9999", (5, 6))
    before = array.copy(deep=True)
    for target in get_args(Target):
        focal(array, "mean", xt.Square(1), target=target)
    xr.testing.assert_identical(array, before)


def test_flipped_cubes() -> None:
    array = random("float32", (5, 6))
    flipped = array.isel(y=slice(None, None, -1), x=slice(None, None, -1))
    expected = focal(array, "sum", xt.Wedge(2, 0, 90))
    xr.testing.assert_equal(focal(flipped, "sum", xt.Wedge(2, 0, 90)), expected)


def test_wedges_look_where_they_say() -> None:
    array = raster([[0.0, 0, 0], [0, 0, 5], [0, 0, 0]])
    east = focal(array, "max", xt.Wedge(1, 350, 10))
    assert east.values.tolist() == [[0, 0, 0], [0, 5, 5], [0, 0, 0]]


def test_raw_cells_have_no_number_for_missing_results() -> None:
    array = raster([[1, 2, 3]], "uint8raw")
    with pytest.raises(AlgebraError, match="has no number that means NoData"):
        focal(array, "max", xt.Nesw(1), min_count=2)
    mirrored = focal(array, "max", xt.Nesw(1), min_count=5, edge="reflect")
    assert mirrored.values.tolist() == [[2, 3, 3]]
    assert math.isnan(float(focal(array, "mean", xt.Nesw(1), min_count=3)[0, 0]))
