"""Dimension types and labels: found, not guessed; added, dropped, renamed."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from tests.cube.rasters import raster
from xcube_tiles.cube.bands import stack_bands, unstack_bands
from xcube_tiles.cube.dimensions import declare_type, dimension_types, find_dim
from xcube_tiles.cube.keycoords import KEY_ATTR, key_coord, keys_of
from xcube_tiles.cube.labels import add_dimension, drop_dimension, empty_cube, rename_labels
from xcube_tiles.errors import DimensionError

DATES = ["2024-01-01", "2024-02-01"]


def test_types_of_a_cube() -> None:
    array = raster(1, times=DATES).expand_dims(sensor=["S2"], bands=["nir"])
    assert dimension_types(array) == {
        "sensor": "other",
        "bands": "bands",
        "time": "temporal",
        "y": "spatial",
        "x": "spatial",
    }


def test_latitude_is_spatial() -> None:
    array = xr.DataArray(np.zeros((2, 2)), {"lat": [1, 0], "lon": [0, 1]}, ("lat", "lon"))
    assert set(dimension_types(array).values()) == {"spatial"}


def test_cf_attributes_tell() -> None:
    array = raster(1, times=DATES).rename(time="when")
    assert find_dim(array, "temporal") == "when"
    coord = xr.Variable("w", [443.0, 490.0], {"standard_name": "sensor_band_central_wavelength"})
    spectral = raster(1).expand_dims(w=2).assign_coords(w=coord)
    assert find_dim(spectral, "bands") == "w"


def test_cftime_is_temporal() -> None:
    cftime = pytest.importorskip("cftime", reason="cftime isn't installed")
    when = np.array([cftime.Datetime360Day(2024, 2, 30)])
    array = raster(1).expand_dims(run=1).assign_coords(run=("run", when))
    assert find_dim(array, "temporal") == "run"
    later = cftime.Datetime360Day(2025, 2, 30)
    assert rename_labels(array, "run", [later]).run.values[0] == later


def test_a_name_alone_does_not_make_a_time() -> None:
    array = raster(1, times=[*DATES, "2024-03-01"]).drop_vars("time")
    with pytest.raises(DimensionError, match="no coordinate"):
        dimension_types(array)
    counted = array.assign_coords(time=[1, 2, 3])
    with pytest.raises(DimensionError, match="int64"):
        dimension_types(counted)
    assert dimension_types(declare_type(counted, "time", "other"))["time"] == "other"


def test_two_times_are_ambiguous() -> None:
    array = raster(1, times=DATES).expand_dims(run=np.array(DATES, "datetime64[ns]"))
    with pytest.raises(DimensionError, match="several"):
        find_dim(array, "temporal")


def test_add_to_a_raster() -> None:
    result = add_dimension(raster(1), "sensor", "S2")
    assert result.dims == ("sensor", "y", "x")
    assert list(result.sensor.values) == ["S2"]
    timed = add_dimension(raster(1), "time", "2024-05", type="temporal")
    assert timed.time.values[0] == np.datetime64("2024-05-01")
    assert find_dim(timed, "temporal") == "time"


def test_add_then_drop_is_nothing() -> None:
    array = raster(np.arange(20).reshape(4, 5))
    xr.testing.assert_identical(drop_dimension(add_dimension(array, "run", 1), "run"), array)


def test_empty_cube_takes_dimensions() -> None:
    cube = add_dimension(add_dimension(empty_cube(), "sensor", "S2"), "t", "2024", type="temporal")
    assert dict(cube.sizes) == {"sensor": 1, "t": 1}
    assert find_dim(cube, "temporal") == "t"


def test_rename_labels_by_position_source_and_mapping() -> None:
    array = raster(1).expand_dims(sensor=["a", "b", "c"])
    assert list(rename_labels(array, "sensor", ["x", "y", "z"]).sensor.values) == ["x", "y", "z"]
    some = rename_labels(array, "sensor", ["B"], source=["b"])
    assert list(some.sensor.values) == ["a", "B", "c"]
    assert list(rename_labels(array, "sensor", {"c": "C"}).sensor.values) == ["a", "b", "C"]


def test_rename_swaps() -> None:
    array = raster(1).expand_dims(sensor=["a", "b"])
    swapped = rename_labels(array, "sensor", {"a": "b", "b": "a"})
    assert list(swapped.sensor.values) == ["b", "a"]


def test_rename_times_parses_dates() -> None:
    result = rename_labels(raster(1, times=DATES), "time", ["2025-01-01", "2025-02-01"])
    assert result.time.dtype.kind == "M"
    assert result.time.values[1] == np.datetime64("2025-02-01")


def test_rename_variables_as_bands() -> None:
    cube = raster(1, name="B04").to_dataset()
    assert list(rename_labels(cube, "bands", {"B04": "red"}).data_vars) == ["red"]


def test_bands_round_trip() -> None:
    cube = xr.Dataset(
        {
            "red": raster(np.int16(1), times=DATES, nodata=-1).assign_attrs(units="1"),
            "nir": raster(np.int16(2), times=DATES, nodata=-1).assign_attrs(units="1", note="x"),
        }
    )
    stacked = stack_bands(cube)
    assert stacked.dims == ("time", "bands", "y", "x")
    assert stacked.attrs == {"units": "1", "_FillValue": -1}
    back = unstack_bands(stacked)
    np.testing.assert_array_equal(back["nir"], cube["nir"])
    assert list(back.data_vars) == ["red", "nir"]
    assert find_dim(stacked, "bands") == "bands"


def test_bands_of_different_cells_do_not_stack() -> None:
    cube = xr.Dataset({"a": raster(np.int16(1)), "b": raster(np.float32(1))})
    with pytest.raises(DimensionError, match="a: int16raw, b: float32"):
        stack_bands(cube)
    with pytest.raises(DimensionError, match="no bands"):
        stack_bands(xr.Dataset())
    with pytest.raises(DimensionError, match="no band axis"):
        unstack_bands(raster(1))


def test_keys() -> None:
    cube = raster(1, times=DATES).to_dataset(name="ndvi")
    cube = cube.assign_coords(
        time=key_coord("time", "date", list(cube.time.values), type="temporal"),
        sensor=key_coord("sensor", "sensor", "S2"),
    ).assign_attrs({KEY_ATTR: "band"})
    keys = keys_of(cube)
    assert list(keys) == ["date", "sensor", "band"]
    assert keys["sensor"] == ["S2"]
    assert type(keys["sensor"][0]) is str  # prints without numpy's name
    assert keys["date"] == list(cube.time.values)
    assert keys["band"] == ["ndvi"]


@pytest.mark.parametrize("label", [2024, None, "NaT", 1.5, "soon"])
def test_what_is_not_a_date(label: object) -> None:
    with pytest.raises(DimensionError, match="must be a date"):
        add_dimension(raster(1), "time", label, type="temporal")


def test_zones_are_brought_to_utc() -> None:
    timed = add_dimension(raster(1), "time", "2024-01-01T00:00+02:00", type="temporal")
    assert timed.time.values[0] == np.datetime64("2023-12-31T22:00")


def test_rename_some_dates_by_text() -> None:
    result = rename_labels(raster(1, times=DATES), "time", {"2024-01-01": "2023-01-01"})
    np.testing.assert_array_equal(result.time, np.array(["2023-01-01", "2024-02-01"], "M8[ns]"))


def test_what_rename_refuses() -> None:
    cube = raster(1, name="B04").to_dataset()
    with pytest.raises(DimensionError, match="a coordinate has that name"):
        rename_labels(cube, "bands", {"B04": "spatial_ref"})
    array = raster(1).expand_dims(sensor=["a", "b"])
    with pytest.raises(DimensionError, match="leave out `source`"):
        rename_labels(array, "sensor", {"a": "c"}, source=["a"])
    with pytest.raises(DimensionError, match="got the text 'cd'"):
        rename_labels(array, "sensor", "cd")
    with pytest.raises(DimensionError, match="occur twice"):
        rename_labels(array, "sensor", {"a": "b"})
    with pytest.raises(DimensionError, match="its labels are a, b"):
        rename_labels(array, "sensor", {"z": "b"})


def test_bands_that_cannot_be_variables() -> None:
    array = raster(1).expand_dims(bands=["a", "a"])
    with pytest.raises(DimensionError, match="several bands have that name"):
        unstack_bands(array)
    with pytest.raises(DimensionError, match="a coordinate has that name"):
        unstack_bands(raster(1).expand_dims(bands=["x"]))
    with pytest.raises(DimensionError, match="no labels"):
        unstack_bands(raster(1).expand_dims(bands=2))


def test_the_key_of_bands_survives_both_shapes() -> None:
    cube = raster(1.0, name="nir").to_dataset().assign_attrs({KEY_ATTR: "band"})
    stacked = stack_bands(cube)
    assert keys_of(stacked) == keys_of(unstack_bands(stacked)) == {"band": ["nir"]}


def test_what_add_and_drop_refuse() -> None:
    for name, kind in (("x", "other"), ("plane", "spatial")):
        with pytest.raises(DimensionError, match="spatial dimensions can't be added"):
            add_dimension(raster(1), name, 1, type=kind)  # type: ignore[arg-type]
    with pytest.raises(DimensionError, match="unknown dimension type"):
        add_dimension(raster(1), "run", 1, type="colour")  # type: ignore[arg-type]
    with pytest.raises(DimensionError, match="taken"):
        add_dimension(raster(1), "spatial_ref", 1)
    with pytest.raises(DimensionError, match="stack_bands"):
        add_dimension(raster(1).to_dataset(), "bands", "a", type="bands")
    with pytest.raises(DimensionError, match="has 2 labels"):
        drop_dimension(raster(1, times=DATES), "time")
    with pytest.raises(DimensionError, match="inherent"):
        drop_dimension(raster(1), "y")
    with pytest.raises(DimensionError, match="the dimensions are"):
        drop_dimension(raster(1), "run")
