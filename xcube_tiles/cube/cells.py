"""Cell types of xarray objects: NoData lives in `attrs["_FillValue"]`, NaN needs no attribute."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, get_args

import numpy as np
import xarray as xr

from xcube_tiles.cube.blocks import map_blocks
from xcube_tiles.cube.georef import spatial_dims
from xcube_tiles.errors import CellTypeError
from xcube_tiles.grid.celltype import CellType, convert
from xcube_tiles.typing import OverflowPolicy

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xcube_tiles.typing import XarrayT

_NODATA_ATTRS = ("_FillValue", "nodata", "missing_value")


def cell_type_of(array: xr.DataArray) -> CellType:
    """Return the cell type of an array.

    NoData is what `attrs` say (`_FillValue`, else `nodata`, else `missing_value`). Without such an
    attribute floats use NaN and integers have no NoData.

    Raises
    ------
    CellTypeError
        A dtype that isn't numeric, a NoData value that the dtype can't hold, or one that xarray's
        arithmetic left behind (an integer's on floats).

    Notes
    -----
    Where xarray or rioxarray masked the cells on opening (`mask_and_scale=True`, `masked=True`)
    NoData is NaN already; the number in `encoding` is that of the file, not of these cells.

    Examples
    --------
    >>> cells = xr.DataArray(np.uint8([1, 0]), attrs={"_FillValue": np.uint8(0)})
    >>> cell_type_of(cells), cell_type_of(cells.astype("float32").drop_attrs()).name
    (CellType(dtype=dtype('uint8'), nodata=0), 'float32')
    """
    if array.dtype == bool:  # a comparison keeps the attributes of what it compared
        return CellType.default(bool)
    for name in _NODATA_ATTRS:
        value = array.attrs.get(name)
        if value is not None:
            _check_fresh(array, name, value)
            return CellType(dtype=array.dtype, nodata=np.asarray(value).reshape(-1)[0].item())
    return CellType.default(array.dtype)


def _check_fresh(array: xr.DataArray, name: str, value: object) -> None:
    """Refuse an attribute that arithmetic left behind: its NoData was computed with."""
    if array.dtype.kind == "f" and isinstance(value, np.integer):
        raise CellTypeError(
            f"{name}={value!r} of {array.name!r} is left over from {value.dtype} cells; the cells "
            f"are {array.dtype} now, so NoData was computed with. Compute with "
            "cube.tiles.expression(...), which skips NoData, or remove the attribute if there was "
            f"none: del array.attrs[{name!r}]"
        )


def set_cell_type(array: xr.DataArray, cell_type: CellType) -> xr.DataArray:
    """Return an array whose attributes declare a cell type; the cells stay as they are.

    Raises
    ------
    CellTypeError
        The dtypes differ: converting cells is `convert_cells`.
    """
    if array.dtype != cell_type.dtype:
        raise CellTypeError(
            f"cells of dtype {array.dtype} can't be declared {cell_type.name!r}; "
            "convert them with convert_cells"
        )
    result = array.copy(deep=False)
    result.attrs = declared_attrs(array.attrs, cell_type)
    # What else the file said (dtype, scale, chunks) was about the cells that it holds.
    result.encoding = {key: val for key, val in array.encoding.items() if key == "grid_mapping"}
    return result


def declared_attrs(attrs: dict[Any, Any], cell_type: CellType) -> dict[Any, Any]:
    """Return attributes that declare the NoData of a cell type and no other."""
    kept = {key: value for key, value in attrs.items() if key not in _NODATA_ATTRS}
    if cell_type.nodata is None or np.isnan(cell_type.nodata):
        return kept
    return {**kept, "_FillValue": cell_type.dtype.type(cell_type.nodata)}


def convert_cells(
    obj: XarrayT, target: CellType | str, *, overflow: OverflowPolicy = "raise"
) -> XarrayT:
    """Convert cells to another cell type.

    Parameters
    ----------
    obj
        Cells of any cell type; of a Dataset, every variable with both spatial dimensions.
    target
        Cell type or its name, such as `"uint8ud255"`.
    overflow
        What becomes of a valid value that doesn't fit, or that equals the target's NoData: raise
        an error (for lazy data when it is computed), take the nearest value that fits, or NoData.

    Raises
    ------
    CellTypeError
        A name that isn't a cell type; values that don't fit, with `overflow="raise"`; an unknown
        policy.
    GeoreferenceError
        A Dataset without spatial dimensions.

    Examples
    --------
    >>> cells = xr.DataArray(np.int16([7, -1]), attrs={"_FillValue": np.int16(-1)})
    >>> bytes_ = convert_cells(cells, "uint8ud255")
    >>> bytes_.values, cell_type_of(bytes_).name
    (array([  7, 255], dtype=uint8), 'uint8ud255')
    """
    if overflow not in get_args(OverflowPolicy):
        raise CellTypeError(
            f"unknown overflow policy {overflow!r}; expected one of "
            f"{', '.join(get_args(OverflowPolicy))}"
        )
    goal = target if isinstance(target, CellType) else CellType.parse(target)
    if isinstance(obj, xr.DataArray):
        return _convert_array(obj, goal, overflow)
    plane = set(spatial_dims(obj))
    spatial = {name: a for name, a in obj.data_vars.items() if plane <= set(a.dims)}
    return obj.assign({name: _convert_array(a, goal, overflow) for name, a in spatial.items()})


def _convert_array(array: xr.DataArray, target: CellType, overflow: OverflowPolicy) -> xr.DataArray:
    data = map_blocks(
        _convert_block,
        array.data,
        name="convert-cells",
        dtype=target.dtype,
        source=cell_type_of(array),
        target=target,
        overflow=overflow,
    )
    return set_cell_type(array.copy(data=data), target)


def _convert_block(
    block: NDArray[Any], *, source: CellType, target: CellType, overflow: OverflowPolicy
) -> NDArray[Any]:
    return convert(block, source, target, overflow=overflow)
