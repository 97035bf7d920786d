"""Integer arithmetic and comparisons that are exact, or say that they can't be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from xcube_tiles.errors import CellOverflowError

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import DTypeLike, NDArray

_WRAPPED = 2.0**63


def checked(
    function: Callable[..., NDArray[Any]],
    operands: list[NDArray[Any]],
    work: DTypeLike,
    dtype: DTypeLike,
    missing: NDArray[np.bool_],
) -> NDArray[Any]:
    """Compute in 64-bit integers and refuse results that don't fit.

    Parameters
    ----------
    function
        Elementwise, of one or two arrays, for integers and for floats.
    operands
        Integers.
    work
        Dtype to compute in, of 64 bits.
    dtype
        Dtype of the result, of 64 bits.
    missing
        Where operands have no value; what comes out there doesn't matter.

    Raises
    ------
    CellOverflowError
        A result outside the range of `dtype`; the text shows the operands.

    Notes
    -----
    Integers wrap modulo 2**64, so that a wrong result is off by at least 2**64. The same computed
    in float64 is off by far less, so that the two differ by more than 2**63 exactly where the
    integer wrapped.

    Examples
    --------
    >>> big = np.array([2**62])
    >>> checked(np.add, [big, big - 1], "int64", "int64", np.array([False]))
    array([9223372036854775807])
    """
    with np.errstate(all="ignore"):
        exact = function(*(operand.astype(work) for operand in operands))
        result = exact.astype(dtype, copy=False)
        near = function(*(operand.astype(np.float64) for operand in operands))
        wrapped = ~(np.abs(near - result.astype(np.float64)) <= _WRAPPED) & ~missing
    if wrapped.any():
        at = tuple(np.argwhere(wrapped)[0])
        shown = " and ".join(str(np.broadcast_to(each, result.shape)[at]) for each in operands)
        raise CellOverflowError(
            f"the result of {shown} doesn't fit {np.dtype(dtype).name}; convert the cells first: "
            "cube.tiles.convert('float64')"
        )
    return result


def compare(ufunc: np.ufunc, a: Any, b: Any) -> NDArray[np.bool_]:
    """Compare cells by their exact numbers.

    Parameters
    ----------
    ufunc
        `numpy.less` or another comparison.
    a, b
        Arrays, or numbers of Python.

    Notes
    -----
    Numpy compares integers of any two dtypes exactly, but turns them into float64 beside floats,
    which rounds those beyond 2**53.

    Examples
    --------
    >>> compare(np.equal, np.array([2**53 + 1]), np.array([2.0**53]))
    array([False])
    """
    if _rounds(a, b):
        return np.asarray(ufunc(_order(a, b), 0))
    if _rounds(b, a):
        return np.asarray(ufunc(0, _order(b, a)))
    return np.asarray(ufunc(a, b))


def _rounds(integers: Any, floats: Any) -> bool:
    wide = isinstance(integers, np.ndarray) and integers.dtype.kind in "iu"
    floating = isinstance(floats, float) or getattr(floats, "dtype", np.dtype(int)).kind == "f"
    return wide and integers.dtype.itemsize == 8 and floating


def _order(integers: NDArray[Any], floats: Any) -> NDArray[np.float64]:
    """Return -1, 0 or 1 where an integer is below, equal to or above a float; NaN beside NaN."""
    floats = np.asarray(floats, np.float64)
    limits = np.iinfo(integers.dtype)
    # both bounds are powers of two, or one less: as floats they are the first that don't fit
    below, above = floats < float(limits.min), floats >= float(limits.max)
    near = np.where(below | above | np.isnan(floats), 0, floats)
    whole = np.trunc(near)
    held = whole.astype(integers.dtype)
    order = np.where(integers == held, -np.sign(near - whole), np.where(integers < held, -1, 1))
    order = np.where(below, 1.0, np.where(above, -1.0, order))
    return np.where(np.isnan(floats), np.nan, order)
