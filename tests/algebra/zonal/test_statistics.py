"""Zonal statistics: by hand, in exact fractions, by pandas and scipy, whatever the chunks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import dask.array as da
import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from odc.geo.geobox import GeoBox
from scipy import ndimage

from tests.algebra.zonal.oracle import cells_of, statistic
from tests.cube.rasters import UTM, raster
from xcube_tiles.algebra.zonal.statistics import zonal
from xcube_tiles.algebra.zonal.table import STATISTICS
from xcube_tiles.cube.cells import cell_type_of, set_cell_type
from xcube_tiles.cube.georef import assign_geobox
from xcube_tiles.errors import (
    AlgebraError,
    CellTypeError,
    DimensionError,
    IncompatibleCubesError,
    NoDataCollisionError,
)
from xcube_tiles.testing.asserts import assert_lazy, assert_raises_at_call, count_tasks
from xcube_tiles.testing.strategies import cell_types, cells, chunks, geoboxes

if TYPE_CHECKING:
    from hypothesis.strategies import DrawFn
    from numpy.typing import NDArray

NAMES = (*(row.name for row in STATISTICS), "p90", "p12.5")
ZONES = raster(np.array([1, 1, 2, 2, 0], np.uint8), nodata=0)


def grid(height: int, width: int) -> GeoBox:
    return GeoBox.from_bbox((0, 0, 10 * width, 10 * height), crs="EPSG:32633", resolution=10)


def on_grid(values: NDArray[Any], **attrs: Any) -> xr.DataArray:
    array = xr.DataArray(values, dims=("time", "y", "x")[-values.ndim :], attrs=attrs)
    return assign_geobox(array, grid(*values.shape[-2:]))


def test_by_hand() -> None:
    cells = raster(np.array([3, 5, 7, 255, 9], np.uint8), nodata=255)
    table = zonal(cells, ZONES, NAMES)
    assert table["zone"].values.tolist() == [1, 2]
    assert table["zone"].dtype == np.uint8
    expected = {
        "count": [8, 4], "sum": [32, 28], "mean": [4, 7], "min": [3, 7], "max": [5, 7],
        "range": [2, 0], "sd": [1, 0], "variance": [1, 0], "median": [4, 7], "mode": [3, 7],
        "minority": [3, 7], "variety": [2, 1], "p90": [5, 7], "p12.5": [3, 7],
    }  # fmt: skip
    for name, values in expected.items():
        np.testing.assert_array_equal(table[name], values, name)


def test_cell_types() -> None:
    def types(array: xr.DataArray) -> dict[str, str]:
        table = zonal(array, ZONES, ["count", "sum", "min", "range", "mean", "median", "mode"])
        return {str(name): cell_type_of(column).name for name, column in table.items()}

    floats = {"mean": "float64", "median": "float64", "count": "int64raw"}
    of_bytes = {"sum": "uint64ud18446744073709551615", "range": "uint64ud18446744073709551615"}
    assert types(raster(np.uint8(1), nodata=255)) == {
        **floats, **of_bytes, "min": "uint8ud255", "mode": "uint8ud255",
    }  # fmt: skip
    assert types(raster(np.uint8(1))) == {**floats, **of_bytes, "min": "int16", "mode": "int16"}
    assert types(raster(np.float32(1))) == {
        **floats, "sum": "float64", "range": "float64", "min": "float32", "mode": "float32",
    }  # fmt: skip
    assert types(raster(np.int64(1)))["sum"] == "float64"
    assert types(raster(True))["min"] == "uint8ud255"


@st.composite
def scenes(draw: DrawFn) -> tuple[xr.DataArray, xr.DataArray, Any]:
    """Draw cells of any type, zones with NoData, and chunks; some zones differ by time."""
    geobox = draw(geoboxes(7))
    dtypes = ("uint8", "int16", "int32", "uint64", "int64", "float32", "float64")
    cell_type, shape = draw(cell_types(dtypes)), (2, *geobox.shape.yx)
    array = xr.DataArray(draw(cells(cell_type, shape)), dims=("time", "y", "x"))
    zone_type = draw(cell_types(("uint8", "int64")))
    own = shape if draw(st.booleans()) else shape[1:]
    small = draw(st.booleans())  # many cells of few zones, or few cells of many
    numbers = draw(cells(zone_type, own)) % 3 if small else draw(cells(zone_type, own))
    zones = xr.DataArray(numbers.astype(zone_type.dtype), dims=("time", "y", "x")[-len(own) :])
    days = {"time": np.array(["2024-01-01", "2024-01-02"], "datetime64[ns]")}
    both = [
        assign_geobox(set_cell_type(each, kind), geobox).assign_coords(
            days if "time" in each.dims else {}
        )
        for each, kind in ((array, cell_type), (zones, zone_type))
    ]
    return both[0], both[1], draw(chunks(shape))


@settings(max_examples=30)
@given(scene=scenes(), labels=st.none() | st.just([2, 0, 7]))
def test_chunked_as_whole_and_as_fractions(
    scene: tuple[xr.DataArray, xr.DataArray, Any], labels: list[int] | None
) -> None:
    array, zones, pieces = scene
    if labels is not None:
        labels = [label for label in labels if label != cell_type_of(zones).nodata]
    source = cell_type_of(array)
    try:
        whole = zonal(array, zones, NAMES, labels=labels)
    except NoDataCollisionError:
        assert source.nodata is None
        assert source.dtype.itemsize == 8
        return
    lazy = array.chunk(dict(zip(array.dims, pieces, strict=True)))
    with assert_lazy():
        table = zonal(lazy, zones, NAMES, labels=labels)
    xr.testing.assert_identical(table.compute(), whole)
    blocks = zones.chunk({dim: lazy.chunksizes[dim] for dim in zones.dims})
    xr.testing.assert_identical(zonal(lazy, blocks, NAMES, labels=labels).compute(), whole)
    check_against_fractions(array, zones, whole)


def check_against_fractions(array: xr.DataArray, zones: xr.DataArray, table: xr.Dataset) -> None:
    source = cell_type_of(array)
    missing = source.is_nodata(array.values)
    if source.dtype.kind == "f":
        missing |= np.isnan(array.values)
    outside = cell_type_of(zones).is_nodata(zones.values)
    numbers = np.broadcast_to(zones.values, array.shape)
    missing = missing | np.broadcast_to(outside, array.shape)
    for at, label in enumerate(table["zone"].values):
        for time in range(array.sizes["time"]):
            valid = cells_of(array.values[time], numbers[time], label, missing[time])
            for name in NAMES:
                check_value(name, table[name][time, at], statistic(name, valid))


def check_value(name: str, value: xr.DataArray, expected: float | None) -> None:
    found, nodata = value.values[()], cell_type_of(value).nodata
    if expected is None:
        assert found == nodata or np.isnan(found)
    elif name == "sd" or name[0] == "p" or name == "median":
        # the square root of a rounded variance; numpy's quantiles may leave the range
        if np.isfinite(expected) and np.isfinite(found):
            np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-300)
    elif name == "range" and found.dtype.kind == "f":
        np.testing.assert_equal(found, expected)
    else:
        assert found == value.dtype.type(expected), name


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e6])
@pytest.mark.parametrize("spread", [1.0, 30.0])
def test_floats_of_near_and_far_sizes_as_fractions(scale: float, spread: float) -> None:
    generator = np.random.default_rng(4)
    sizes = scale * spread ** generator.normal(size=(40, 60))
    array = on_grid((sizes * generator.choice([-1, 1], sizes.shape)).astype(np.float32))
    zones = on_grid(generator.integers(0, 3, (40, 60)))
    table = zonal(array, zones, ["sum", "mean", "variance"])
    for at in range(3):
        valid = array.values[zones.values == at].tolist()
        for name in ("sum", "mean", "variance"):
            assert table[name].values[at] == statistic(name, valid)


def test_as_pandas_and_scipy() -> None:
    generator = np.random.default_rng(1)
    values = generator.normal(20, 5, (60, 70))
    values[generator.random(values.shape) < 0.05] = np.nan
    zones = on_grid(generator.integers(0, 40, (60, 70)))
    names = ["count", "mean", "min", "max", "median", "sum"]
    table = zonal(on_grid(values), zones, names)
    frame = xr.Dataset({"v": on_grid(values), "z": zones}).to_dataframe().groupby("z")["v"]
    for name in names:
        np.testing.assert_allclose(table[name], frame.agg(name), rtol=1e-13)
    sample = zonal(on_grid(values), zones, ["std", "var"], ddof=1)
    np.testing.assert_allclose(sample["std"], frame.std(), rtol=1e-13)
    np.testing.assert_allclose(sample["var"], frame.var(), rtol=1e-13)
    filled = np.nan_to_num(values, nan=20.0)
    index = np.unique(zones)
    result = zonal(on_grid(filled), zones, ["sd", "p90"])
    np.testing.assert_allclose(
        result["sd"], ndimage.standard_deviation(filled, zones.values, index), rtol=1e-12
    )
    tenth = ndimage.labeled_comprehension(
        filled, zones.values, index, lambda part: np.percentile(part, 90), float, 0
    )
    np.testing.assert_allclose(result["p90"], tenth, rtol=1e-13)


def test_a_field_of_288_kelvin_averages_right() -> None:
    # 16 million cells without their memory: one column, repeated
    column = (288 + np.random.default_rng(0).random(4096, np.float32)).astype(np.float32)
    values = da.broadcast_to(da.from_array(column[:, None], chunks=1024), (4096, 4096))
    array = assign_geobox(xr.DataArray(values, dims=("y", "x")), grid(4096, 4096))
    zones = assign_geobox(
        xr.DataArray(da.zeros((4096, 4096), dtype=np.uint8, chunks=(1024, 4096)), dims=("y", "x")),
        grid(4096, 4096),
    )
    table = zonal(array, zones, ["mean", "sd", "count"], labels=[0]).compute()
    exact = column.astype(np.float64)
    assert table["count"].item() == 4096**2
    assert table["mean"].item() == statistic("mean", column.tolist())
    np.testing.assert_allclose(table["sd"].item(), exact.std(), rtol=1e-12)


def test_infinite_cells() -> None:
    array = raster(np.array([np.inf, 1, -np.inf, np.inf, 2]))
    zones = raster(np.array([0, 0, 1, 1, 2], np.uint8))
    table = zonal(array, zones, ["sum", "mean", "variance", "max", "range", "p0", "median", "p100"])
    np.testing.assert_array_equal(table["sum"], [np.inf, np.nan, 8])
    np.testing.assert_array_equal(table["mean"], [np.inf, np.nan, 2])
    np.testing.assert_array_equal(table["variance"], [np.nan, np.nan, 0])
    np.testing.assert_array_equal(table["max"], [np.inf, np.inf, 2])
    np.testing.assert_array_equal(table["range"], [np.inf, np.inf, 0])
    np.testing.assert_array_equal(table["p0"], [1, -np.inf, 2])
    np.testing.assert_array_equal(table["median"], [np.inf, np.nan, 2])
    np.testing.assert_array_equal(table["p100"], [np.inf, np.inf, 2])


def test_one_cell_and_all_nodata() -> None:
    one = on_grid(np.array([[7]], np.int16))
    table = zonal(one, on_grid(np.array([[4]])), ["mean", "sd", "p90"])
    assert [table[name].item() for name in table] == [7, 0, 7]
    nothing = raster(np.nan)
    table = zonal(nothing, ZONES, NAMES)
    assert (table["count"] == 0).all()
    assert (table["variety"] == 0).all()
    assert table.drop_vars(["count", "variety"]).isnull().all().to_array().all()
    nowhere = zonal(nothing, raster(np.uint8(0), nodata=0), NAMES)
    assert nowhere.sizes["zone"] == 0


def test_labels_far_apart_and_in_any_order() -> None:
    far = np.array([-(2**62), 5, 2**62, 5, 7])
    cells = raster(np.arange(5))
    table = zonal(cells, raster(far), ["sum"])
    assert table["zone"].values.tolist() == [-(2**62), 5, 7, 2**62]
    np.testing.assert_array_equal(table["sum"], [0, 16, 16, 8])
    table = zonal(cells, raster(far), ["sum", "mode"], labels=[7, 9, -(2**62)])
    np.testing.assert_array_equal(table["sum"], [16, np.nan, 0])
    assert table["mode"].values.tolist() == [4, -(2**63), 0]
    unsigned = raster(np.array([0, 2**64 - 1, 1, 1, 1], np.uint64))
    assert zonal(cells, unsigned, "count")["zone"].values.tolist() == [0, 1, 2**64 - 1]
    table = zonal(cells, unsigned, "count", labels=[2**64 - 1, 1])
    assert table["zone"].values.tolist() == [2**64 - 1, 1]
    assert table["count"].values.tolist() == [4, 12]


def test_a_dataset_names_variables_and_statistics() -> None:
    cube = xr.Dataset({"red": raster(1.0), "nir": raster(np.uint8(2)), "note": ((), "x")})
    table = zonal(cube, ZONES, ["mean", "p90"])
    assert list(table) == ["red_mean", "red_p90", "nir_mean", "nir_p90"]
    np.testing.assert_array_equal(table["nir_mean"], [2, 2])


def test_other_dimensions_and_coordinates_stay() -> None:
    times = ["2024-01-01", "2024-01-02"]
    cube = raster(1.0, times=times).assign_coords(sensor="S2")
    table = zonal(cube, ZONES, "mean")
    assert table["mean"].dims == ("time", "zone")
    assert set(table.coords) == {"time", "zone", "sensor"}
    moving = raster(np.uint8(1), times=times).copy()
    moving[1] = 2
    table = zonal(raster(3.0), moving, "count", labels=[1, 2])
    np.testing.assert_array_equal(table["count"], [[20, 0], [0, 20]])


def test_units() -> None:
    table = zonal(raster(1.0).assign_attrs(units="K"), ZONES, ["mean", "variance", "count"])
    assert [table[name].attrs.get("units") for name in table] == ["K", "(K)^2", None]


def test_one_task_per_block_and_equal_names() -> None:
    blocks = {"y": 1, "x": 1}
    array, zones = raster(1.0).chunk(blocks), ZONES.chunk(blocks)
    with assert_lazy():
        one, two = (zonal(array, zones, ["mean", "p90"], labels=[1, 2]) for _ in "12")
    assert one["mean"].data.name == two["mean"].data.name
    # the inputs, blocks, what combines and finishes them, the labels, and each statistic
    assert count_tasks(one) <= 20 + 20 + 20 + 3 + 1 + 1 + 2


def test_a_wrong_grid_is_told_before_zones_are_computed() -> None:
    other = ZONES.isel(x=slice(1, None)).chunk()
    text = assert_raises_at_call(lambda: zonal(raster(1.0), other), IncompatibleCubesError)
    assert "cube.tiles.reproject(other)" in text


def test_refused() -> None:
    with pytest.raises(AlgebraError, match="unknown statistic 'avg'; expected one of count, sum"):
        zonal(raster(1.0), ZONES, ["avg"])
    with pytest.raises(AlgebraError, match="unknown statistic 'p101'"):
        zonal(raster(1.0), ZONES, "p101")
    with pytest.raises(AlgebraError, match="different names"):
        zonal(raster(1.0), ZONES, ["mean", "mean"])
    with pytest.raises(CellTypeError, match=r"must be integers or bool.*convert\('int32'\)"):
        zonal(raster(1.0), raster(1.0))
    with pytest.raises(DimensionError, match="must be one raster"):
        zonal(raster(1.0), ZONES.to_dataset())  # type: ignore[arg-type]
    with pytest.raises(DimensionError, match="gets a dimension 'zone'"):
        zonal(raster(1.0).expand_dims(zone=[1]), ZONES)
    with pytest.raises(AlgebraError, match="labels contain 0, which means NoData"):
        zonal(raster(1.0), ZONES, labels=[0, 1])
    with pytest.raises(AlgebraError, match="must fit the uint8 cells"):
        zonal(raster(1.0), ZONES, labels=[300])
    with pytest.raises(AlgebraError, match="got 1 twice"):
        zonal(raster(1.0), ZONES, labels=[1, 1])
    with pytest.raises(AlgebraError, match="list of integers"):
        zonal(raster(1.0), ZONES, labels=[1.5])  # type: ignore[list-item]
    with pytest.raises(AlgebraError, match="ddof must be"):
        zonal(raster(1.0), ZONES, "sd", ddof=-1)
    lowest = raster(np.int64(-(2**63)))
    with pytest.raises(NoDataCollisionError, match="only number that is left"):
        zonal(lowest, ZONES, "min")
    both = raster(np.array([-(2**63), 2**63 - 1, 1, 1, 1]), nodata=0)
    with pytest.raises(NoDataCollisionError, match="value is 18446744073709551615"):
        zonal(both, ZONES, "range")
    assert UTM.shape == ZONES.shape
