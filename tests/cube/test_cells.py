"""Cell types of arrays: declared in attributes, converted lazily."""

from __future__ import annotations

import numpy as np
import pytest

from tests.cube.rasters import raster
from xcube_tiles.cube.cells import cell_type_of, convert_cells, set_cell_type
from xcube_tiles.errors import CellOverflowError, CellTypeError, NoDataCollisionError
from xcube_tiles.grid.celltype import CellType
from xcube_tiles.testing.asserts import assert_lazy


def test_nodata_attributes_in_order() -> None:
    array = raster(np.int16(1))
    assert cell_type_of(array).name == "int16raw"
    assert cell_type_of(array.assign_attrs(missing_value=-7)).nodata == -7
    assert cell_type_of(array.assign_attrs(missing_value=-7, nodata=-8)).nodata == -8
    assert cell_type_of(array.assign_attrs(nodata=-8, _FillValue=-9)).nodata == -9


def test_floats_use_nan() -> None:
    assert cell_type_of(raster(np.float32(1))).name == "float32"


def test_nodata_that_does_not_fit() -> None:
    with pytest.raises(CellTypeError, match="300"):
        cell_type_of(raster(np.uint8(1)).assign_attrs(_FillValue=300))


def test_declaring_removes_stale_attributes() -> None:
    stale = raster(np.float32(1)).assign_attrs(_FillValue=-1, nodata=-1, units="m")
    declared = set_cell_type(stale, CellType.parse("float32"))
    assert declared.attrs == {"units": "m"}
    assert stale.attrs["nodata"] == -1


def test_declaring_another_dtype_is_refused() -> None:
    with pytest.raises(CellTypeError, match="convert_cells"):
        set_cell_type(raster(np.float32(1)), CellType.parse("int16"))


def test_convert_maps_nodata() -> None:
    array = raster(np.array([1, 2, 3, 4, -1], np.int16), nodata=-1)
    with assert_lazy():
        lazy = convert_cells(array.chunk(x=2), "uint8ud255")
    for result in (convert_cells(array, "uint8ud255"), lazy.compute()):
        np.testing.assert_array_equal(result[0], np.array([1, 2, 3, 4, 255], np.uint8))
        assert result.attrs["_FillValue"] == 255


def test_convert_never_wraps() -> None:
    array = raster(np.int16(300))
    with pytest.raises(CellOverflowError, match="300"):
        convert_cells(array, "uint8raw")
    assert convert_cells(array, "uint8raw", overflow="saturate").max() == 255
    with pytest.raises(NoDataCollisionError):
        convert_cells(raster(np.int16(255)), "uint8ud255")


def test_convert_a_cube() -> None:
    cube = raster(np.int16(3)).to_dataset().assign(scalar=1.5)
    result = convert_cells(cube, "float32")
    assert result["a"].dtype == np.float32
    assert result["scalar"].dtype == np.float64


def test_unknown_policy() -> None:
    with pytest.raises(CellTypeError, match="raise, saturate, nodata"):
        convert_cells(raster(np.int16(3)), "uint8raw", overflow="wrap")  # type: ignore[arg-type]


def test_leftovers_of_arithmetic_are_refused() -> None:
    halves = raster(np.int16(3), nodata=-1) * 0.5
    with pytest.raises(CellTypeError, match="left over from int16"):
        cell_type_of(halves)
    assert cell_type_of(raster(np.int16(3), nodata=-1) == 3).name == "bool"
    assert cell_type_of(raster(1.5).assign_attrs(_FillValue=-9999)).nodata == -9999


def test_what_the_file_said_is_not_said_of_other_cells() -> None:
    array = raster(np.float32(1))
    array.encoding |= {
        "dtype": "int16",
        "scale_factor": 0.1,
        "_FillValue": -1,
        "chunksizes": (1, 1),
    }
    assert convert_cells(array, "float64").encoding == {"grid_mapping": "spatial_ref"}


def test_convert_a_cube_by_any_spatial_names() -> None:
    cube = raster(np.int16(3)).rename(y="latitude", x="longitude").to_dataset()
    assert convert_cells(cube, "float32")["a"].dtype == np.float32


def test_convert_to_what_is_no_cell_type() -> None:
    with pytest.raises(CellTypeError, match="name of a cell type"):
        convert_cells(raster(np.int16(3)), np.dtype("float32"))  # type: ignore[arg-type]
