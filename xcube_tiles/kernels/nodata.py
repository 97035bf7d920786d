"""What NoData is to a kernel, where cells have a value, and which dtypes results need."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from xcube_tiles.errors import ReducerError

if TYPE_CHECKING:
    from numpy.typing import DTypeLike, NDArray


def as_cells(array: NDArray[Any]) -> NDArray[Any]:
    """Return an array in a dtype that kernels are compiled for; a view where possible.

    Parameters
    ----------
    array
        Numbers or bool. Bool becomes uint8, float16 float32, other byte orders the native one.

    Raises
    ------
    ReducerError
        The dtype is not a real number.

    Examples
    --------
    >>> as_cells(np.array([True, False])).dtype
    dtype('uint8')
    """
    dtype = array.dtype
    if dtype.kind == "b":
        return array.view(np.uint8)
    if dtype == np.float16:
        return array.astype(np.float32)
    if dtype.kind not in "iuf" or dtype.itemsize > 8:
        raise ReducerError(f"expected cells that are real numbers of at most 64 bits, got {dtype}")
    return array.astype(dtype.newbyteorder("="), copy=False)


def is_valid(array: NDArray[Any], nodata: float | None) -> NDArray[np.bool_]:
    """Return where cells have a value: not `nodata`, and not NaN.

    Parameters
    ----------
    array
        Cells of any shape.
    nodata
        The number that means NoData; None: none does, except NaN in floats.

    Examples
    --------
    >>> is_valid(np.array([1, 255], "uint8"), 255)
    array([ True, False])
    >>> is_valid(np.array([np.nan, 255.0]), None)
    array([False,  True])
    """
    valid = np.ones(array.shape, np.bool_)
    if array.dtype.kind == "f":
        valid = ~np.isnan(array)
    if nodata is not None and not np.isnan(nodata):
        valid &= array != array.dtype.type(nodata)
    return valid


def with_nan(array: NDArray[Any], nodata: float | None, dtype: DTypeLike) -> NDArray[Any]:
    """Return cells as floats whose NoData is NaN.

    Parameters
    ----------
    array
        Cells of any shape.
    nodata
        The number that means NoData; None: none does.
    dtype
        Float dtype of the result.

    Examples
    --------
    >>> with_nan(np.array([1, 255], "uint8"), 255, "float32")
    array([ 1., nan], dtype=float32)
    """
    if array.dtype.kind == "f" and (nodata is None or np.isnan(nodata)):
        return array.astype(dtype, copy=False)
    return np.where(is_valid(array, nodata), array, np.nan).astype(dtype, copy=False)


def average_dtype(dtype: DTypeLike) -> np.dtype[Any]:
    """Return the float dtype of cells that become floats: averages, scaled or drawn values.

    Bool, integers of at most 16 bits and float32 give float32, which holds each of their values and
    the middle of any two; wider types give float64.

    Examples
    --------
    >>> [average_dtype(dtype).name for dtype in ("uint8", "int16", "float32", "int32", "float64")]
    ['float32', 'float32', 'float32', 'float64', 'float64']
    """
    dtype = np.dtype(dtype)
    narrow = dtype.itemsize <= 2 or dtype == np.float32
    return np.dtype(np.float32 if narrow else np.float64)


def total_dtype(dtype: DTypeLike) -> np.dtype[Any]:
    """Return the dtype of sums of cells of a dtype: one that no sum leaves.

    Bool and unsigned integers of at most 32 bits give uint64, signed ones int64: exact for up to
    2**31 cells. Floats and integers of 64 bits, whose sums could wrap, give float64.

    Examples
    --------
    >>> [total_dtype(dtype).name for dtype in ("uint8", "int32", "int64", "float32")]
    ['uint64', 'int64', 'float64', 'float64']
    """
    dtype = np.dtype(dtype)
    if dtype.kind == "f" or dtype.itemsize == 8:
        return np.dtype(np.float64)
    return np.dtype(np.int64 if dtype.kind == "i" else np.uint64)
