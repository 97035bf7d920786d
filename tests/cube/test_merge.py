"""Compatibility and merging: differences are named, overlaps are resolved cell by cell."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import xarray as xr
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from odc.geo.geobox import GeoBox

from tests.cube.rasters import UTM, raster
from xcube_tiles.cube.compatibility import check_compatible
from xcube_tiles.cube.labels import add_dimension, empty_cube
from xcube_tiles.cube.merge import merge
from xcube_tiles.errors import CellOverflowError, DimensionError, IncompatibleCubesError
from xcube_tiles.testing.asserts import assert_lazy

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xcube_tiles.typing import OverlapName

NUMPY: dict[OverlapName, Any] = {
    "min": np.ma.minimum,
    "max": np.ma.maximum,
    "mean": lambda a, b: (a.astype(float) + b) / 2,
    "sum": lambda a, b: a.astype(np.int64) + b,
    "first": lambda a, b: a,
    "last": lambda a, b: b,
}


def shifted(cells: float) -> GeoBox:
    return GeoBox(UTM.shape, UTM.affine * Affine.translation(cells, 0), UTM.crs)


def test_equal_grids_are_compatible() -> None:
    check_compatible(raster(1), raster(2.0))
    check_compatible(raster(1), raster(2, geobox=shifted(1e-7)))
    check_compatible(raster(1, times=["2024-01-01"]), raster(2))
    check_compatible(empty_cube(), raster(1))


def test_each_difference_is_named_with_its_mend() -> None:
    left = raster(1, times=["2024-01-01", "2024-01-02"])
    right = raster(1, times=["2024-01-02", "2024-01-03"], geobox=shifted(0.5))
    with pytest.raises(IncompatibleCubesError) as caught:
        check_compatible(left, right)
    text = str(caught.value)
    assert "0.5 cells apart" in text
    assert "cube.tiles.reproject(other)" in text
    assert "'time' differ: only the first has 2024-01-01" in text
    assert "merge" in text


def test_order_of_labels_matters() -> None:
    left = raster(1).expand_dims(sensor=["a", "b"])
    with pytest.raises(IncompatibleCubesError, match="another order"):
        check_compatible(left, left.isel(sensor=[1, 0]))


def test_crs_and_size_differ() -> None:
    other = GeoBox(UTM.shape, UTM.affine, "EPSG:32634")
    with pytest.raises(IncompatibleCubesError, match="EPSG:32633 and EPSG:32634"):
        check_compatible(raster(1), raster(1, geobox=other))
    with pytest.raises(IncompatibleCubesError, match=r"\(4, 5\) and \(3, 5\)"):
        check_compatible(raster(1), raster(1).isel(y=slice(1, None)))


def test_variables_are_labels() -> None:
    with pytest.raises(IncompatibleCubesError, match="'bands' differ"):
        check_compatible(raster(1).to_dataset(), raster(1, name="b").to_dataset())


def test_times_join_in_order() -> None:
    late, early = raster(2, times=["2024-03-01"]), raster(1, times=["2024-01-01"])
    joined = merge(late, early)
    assert list(joined.time.values) == sorted(joined.time.values)
    np.testing.assert_array_equal(joined[:, 0, 0], [1, 2])


def test_variables_join() -> None:
    joined = merge(raster(1, name="red").to_dataset(), raster(2, name="nir").to_dataset())
    assert list(joined.data_vars) == ["red", "nir"]


def test_overlap_needs_a_resolver() -> None:
    with pytest.raises(DimensionError, match="overlap='first'"):
        merge(raster(1), raster(2))
    left = raster(1, times=["2024-01-01", "2024-01-02"])
    right = raster(2, times=["2024-01-02", "2024-01-03"])
    with pytest.raises(DimensionError, match="1 labels of 'time', such as 2024-01-02"):
        merge(left, right)


def test_partial_overlap() -> None:
    left = raster(np.int16(1), times=["2024-01-01", "2024-01-02"])
    right = raster(np.int16(4), times=["2024-01-02", "2024-01-03"])
    np.testing.assert_array_equal(merge(left, right, overlap="max")[:, 0, 0], [1, 4, 4])
    mean = merge(left, right, overlap="mean")
    np.testing.assert_array_equal(mean[:, 0, 0], [1, 2.5, 4])
    assert mean.dtype == np.float32


@given(
    left=npst.arrays(np.int16, (4, 5), elements=st.integers(-32768, 32767)),
    right=npst.arrays(np.int16, (4, 5), elements=st.integers(-32768, 32767)),
    overlap=st.sampled_from(list(NUMPY)),
)
def test_overlap_equals_masked_arrays(
    left: NDArray[np.int16], right: NDArray[np.int16], overlap: OverlapName
) -> None:
    result = merge(raster(left, nodata=0), raster(right, nodata=0), overlap=overlap)
    one, two = np.ma.masked_equal(left, 0), np.ma.masked_equal(right, 0)
    both = NUMPY[overlap](one, two)
    expected = np.where(one.mask, two.data.astype(float), np.where(two.mask, one.data, both.data))
    expected = np.where(
        np.ma.getmaskarray(one) & np.ma.getmaskarray(two),
        {"mean": np.nan, "sum": float(np.iinfo(np.int64).min)}.get(overlap, 0),
        np.where(
            np.ma.getmaskarray(one), right, np.where(np.ma.getmaskarray(two), left, both.data)
        ),
    )
    np.testing.assert_array_equal(result.values.astype(float), expected.astype(float))


def test_sums_never_wrap() -> None:
    result = merge(raster(np.uint8(200)), raster(np.uint8(100)), overlap="sum")
    assert result.dtype == np.uint64
    assert result.values[0, 0] == 300


def test_a_callable_gets_floats_with_nan() -> None:
    left = raster(np.array([1, 2, 3, 4, 0], np.int16), nodata=0)
    right = raster(np.int16(10), nodata=0)
    result = merge(left, right, overlap=lambda a, b: np.where(np.isnan(a), -1.0, a * b))
    np.testing.assert_array_equal(result[0], [10, 20, 30, 40, -1])
    assert result.dtype == np.float64
    assert "_FillValue" not in result.attrs


def test_the_lower_cube_broadcasts() -> None:
    left = raster(np.int16(1), times=["2024-01-01", "2024-01-02"])
    result = merge(left, raster(np.int16(5)), overlap="max")
    assert result.dims == ("time", "y", "x")
    np.testing.assert_array_equal(result[:, 0, 0], [5, 5])


def test_empty_cube_takes_the_first_raster() -> None:
    frame = add_dimension(empty_cube(), "sensor", "S2")
    cube = merge(frame, raster(7).to_dataset())
    assert cube["a"].dims == ("sensor", "y", "x")
    assert list(cube.sensor.values) == ["S2"]
    xr.testing.assert_identical(merge(empty_cube(), cube), cube)


def test_lazy_and_equal_to_eager() -> None:
    left = raster(np.arange(20.0).reshape(4, 5), times=["2024-01-01", "2024-01-02"])
    right = raster(5.0, times=["2024-01-02"])
    with assert_lazy():
        lazy = merge(left.chunk(x=2), right.chunk(y=1), overlap="sum")
    np.testing.assert_array_equal(lazy.compute(), merge(left, right, overlap="sum"))


REFUSED = [
    (lambda: merge(raster(1), raster(1, geobox=shifted(2)), overlap="first"), "can't be merged"),
    (lambda: merge(raster(1), raster(1.5), overlap="first"), "cell types of 'a' differ"),
    (lambda: merge(raster(1), raster(2), overlap="middle"), "first, last, min, max, mean, sum"),  # type: ignore[arg-type]
    (lambda: merge(raster(1).to_dataset(), raster(1)), "DataArray"),  # type: ignore[type-var]
    (
        lambda: merge(
            raster(1, times=["2024-01-01"]).expand_dims(run=[1]),
            raster(1, times=["2024-01-02"]).expand_dims(run=[2]),
        ),
        "several dimensions",
    ),
]


@pytest.mark.parametrize(("call", "text"), REFUSED, ids=[text for _, text in REFUSED])
def test_refused(call: Any, text: str) -> None:
    with pytest.raises(DimensionError, match=text):
        call()


def test_sums_neither_wrap_nor_turn_into_nodata() -> None:
    total = merge(
        raster(np.uint8(100), nodata=255), raster(np.uint8(155), nodata=255), overlap="sum"
    )
    assert (total == 255).all()
    assert total.attrs["_FillValue"] == np.iinfo(np.uint64).max
    for huge in (np.int64(2**62), np.int64(-(2**62) - 1), np.uint64(2**63)):
        with pytest.raises(CellOverflowError, match=str(huge)):
            merge(raster(huge), raster(huge), overlap="sum")
    large = raster(np.uint64(2**63))
    assert (merge(large, large + 1, overlap="max") == 2**63 + 1).all()


def test_means_of_floats_use_nan() -> None:
    left, right = raster(-9998.0, nodata=-9999), raster(-10000.0, nodata=-9999)
    mean = merge(left, right, overlap="mean")
    assert (mean == -9999).all()
    assert "_FillValue" not in mean.attrs


def test_scalars_that_differ_are_left_out() -> None:
    cube = raster(1.0).assign_coords(run="a", sensor="S1")
    other = raster(2.0).assign_coords(run="a", sensor="S2")
    both = merge(cube, other, overlap="first")
    assert "sensor" not in both.coords
    assert both.run == "a"
    joined = merge(cube.to_dataset(name="vv"), other.to_dataset(name="red"))
    assert "sensor" not in joined.coords


def test_a_scalar_joins_the_dimension() -> None:
    cube = raster(1.0).assign_coords(sensor="S1")
    other = raster(2.0).expand_dims(sensor=["S2", "S3"])
    joined = merge(cube, other)
    assert list(joined.sensor.values) == ["S1", "S2", "S3"]
    np.testing.assert_array_equal(joined[:, 0, 0], [1, 2, 2])


def test_coordinates_along_the_joined_dimension() -> None:
    left = raster(1.0, times=["2024-01-01"]).assign_coords(orbit=("time", [7]))
    right = raster(1.0, times=["2024-02-01"]).assign_coords(orbit=("time", [8]))
    assert list(merge(left, right).orbit.values) == [7, 8]
    assert "orbit" not in merge(left, right.drop_vars("orbit")).coords


def test_labels_in_another_order() -> None:
    left = xr.Dataset({"a": raster(1.0, times=["2024-01-01", "2024-01-02"])})
    values = np.array([2.0, 3.0])[:, None, None]
    right = xr.Dataset({"b": raster(values, times=["2024-01-02", "2024-01-01"])})
    joined = merge(left, right)
    np.testing.assert_array_equal(joined["b"][:, 0, 0], [3, 2])
    xr.testing.assert_identical(joined.time, left.time)


def test_both_broadcast_and_join() -> None:
    left = raster(1.0, times=["2024-01-01"]).expand_dims(sensor=["S1"])
    right = raster(2.0, times=["2023-01-01"])
    joined = merge(left, right)
    assert joined.dims == ("sensor", "time", "y", "x")
    np.testing.assert_array_equal(joined[0, :, 0, 0], [2, 1])


def test_what_merge_refuses() -> None:
    twice = raster(1.0, times=["2024-01-01", "2024-01-01"])
    with pytest.raises(DimensionError, match="occurs twice"):
        merge(twice, raster(1.0, times=["2024-02-01"]))
    with pytest.raises(IncompatibleCubesError, match=r"assign_coords\(run="):
        merge(raster(1.0).expand_dims(run=2), raster(1.0).expand_dims(run=3))
    with pytest.raises(DimensionError, match=r"shape \(4, 5\), got \(\)"):
        merge(raster(1.0), raster(1.0), overlap=lambda a, b: a.sum())
    left = raster(1.0).to_dataset(name="a").assign(note=1)
    assert merge(left, left, overlap="first")["note"] == 1
    with pytest.raises(DimensionError, match="'note' has no y and x"):
        merge(left, left.assign(note=2), overlap="first")


def test_an_empty_cube_through_several_merges() -> None:
    frame = add_dimension(empty_cube(), "sensor", "S2")
    frame = merge(frame, add_dimension(empty_cube(), "time", "2024-01-01", type="temporal"))
    assert dict(frame.sizes) == {"time": 1, "sensor": 1}
    first = raster(1.0).assign_coords(time=np.datetime64("2024-01-01", "ns")).to_dataset()
    cube = merge(frame, first)
    assert set(cube["a"].dims) == {"sensor", "time", "y", "x"}
    later = raster(2.0, times=["2024-02-01"]).to_dataset()
    assert merge(cube, later).sizes["time"] == 2
    with pytest.raises(DimensionError, match="S2 in 'sensor', the raster S1"):
        merge(frame, first.assign_coords(sensor="S1"))
    named = add_dimension(empty_cube(), "bands", "a", type="bands")
    assert list(merge(named, first).data_vars) == ["a"]
    with pytest.raises(DimensionError, match="'bands', the raster a"):
        merge(add_dimension(empty_cube(), "bands", "b", type="bands"), first)


def test_times_of_other_units() -> None:
    left = raster(1.0, times=["2024-01-01"])
    right = left.assign_coords(time=np.array(["2024-01-01"], "datetime64[s]")) * 3
    check_compatible(left, right)
    assert (merge(left, right, overlap="max") == 3).all()


def test_axis_order_of_a_crs_does_not_count() -> None:
    grid = GeoBox((2, 2), Affine(1, 0, 0, 0, -1, 2), "EPSG:4326")
    check_compatible(
        raster(1, geobox=grid), raster(1, geobox=GeoBox(grid.shape, grid.affine, "OGC:CRS84"))
    )


def test_merge_mutates_nothing() -> None:
    left, right = (raster(np.int16(v), times=["2024-01-01"], nodata=-1) for v in (1, 2))
    before = [(a.copy(deep=True), dict(a.attrs), dict(a.encoding)) for a in (left, right)]
    merge(left, right, overlap="sum")
    for array, (copy, attrs, encoding) in zip((left, right), before, strict=True):
        xr.testing.assert_identical(array, copy)
        assert (array.attrs, array.encoding) == (attrs, encoding)
