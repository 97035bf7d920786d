"""The numpy dtypes that cells can have, and the numbers that fit them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from xcube_tiles.errors import CellTypeError

if TYPE_CHECKING:
    from numpy.typing import DTypeLike

DTYPE_NAMES = (
    "bool",
    "int8",
    "uint8",
    "int16",
    "uint16",
    "int32",
    "uint32",
    "int64",
    "uint64",
    "float32",
    "float64",
)
"""Numpy dtypes that cells can have."""


def cell_dtype(dtype: DTypeLike) -> np.dtype[Any]:
    """Return a dtype that cells can have, in native byte order.

    Raises
    ------
    CellTypeError
        A dtype that cells can't have.

    Examples
    --------
    >>> cell_dtype(">i2")
    dtype('int16')
    """
    try:
        # None means float64 to numpy, and nothing to us
        known = np.dtype(dtype if dtype is not None else "V").newbyteorder("=")
    except TypeError:
        known = None
    if known is None or known.name not in DTYPE_NAMES:
        raise CellTypeError(
            f"cells can't have the dtype {str(dtype)!r}; those they can have are "
            f"{', '.join(DTYPE_NAMES)}"
        )
    return known


def limits(dtype: np.dtype[Any]) -> tuple[int, int] | tuple[float, float]:
    """Return the lowest and the highest finite number of a dtype.

    Examples
    --------
    >>> limits(np.dtype("int8")), limits(np.dtype("bool"))
    ((-128, 127), (0, 1))
    """
    if dtype.kind == "b":
        return 0, 1
    if dtype.kind == "f":
        return float(np.finfo(dtype).min), float(np.finfo(dtype).max)
    return int(np.iinfo(dtype).min), int(np.iinfo(dtype).max)


def held_nodata(dtype: np.dtype[Any], nodata: float | None) -> int | float | None:
    """Return a NoData value as cells of a dtype hold it.

    Parameters
    ----------
    dtype
        One of `DTYPE_NAMES`.
    nodata
        The number; None: no NoData.

    Returns
    -------
    int, float or None
        For integers an int, exact; for floats the float that a cell can hold, with one NaN and no
        negative zero, so that equal values are equal objects to a dict.

    Raises
    ------
    CellTypeError
        A number out of range, a fraction for integers, anything but None for bool.

    Examples
    --------
    >>> held_nodata(np.dtype("uint8"), 255.0), held_nodata(np.dtype("float32"), -3.4e38)
    (255, -3.3999999521443642e+38)
    """
    if nodata is None:
        return None
    if isinstance(nodata, np.generic):
        nodata = nodata.item()
    if isinstance(nodata, bool) or not isinstance(nodata, int | float) or dtype.kind == "b":
        raise CellTypeError(
            f"{dtype.name} cells can't have the NoData value {nodata!r}; "
            f"expected {'None' if dtype.kind == 'b' else 'a number or None'}"
        )
    held, fits = _held_float(dtype, nodata) if dtype.kind == "f" else _held_int(dtype, nodata)
    if not fits:
        lowest, highest = limits(dtype)
        raise CellTypeError(
            f"{dtype.name} cells can't hold the NoData value {nodata!r}; "
            f"expected {'a number' if dtype.kind == 'f' else 'an integer'} "
            f"from {lowest} to {highest}"
        )
    return held


def _held_float(dtype: np.dtype[Any], nodata: float) -> tuple[float, bool]:
    try:
        with np.errstate(over="ignore"):
            held = float(dtype.type(nodata))
    except OverflowError:
        return math.inf, False
    fits = math.isfinite(held) or (isinstance(nodata, float) and not math.isfinite(nodata))
    return (math.nan if math.isnan(held) else held + 0.0), fits


def _held_int(dtype: np.dtype[Any], nodata: float) -> tuple[int, bool]:
    lowest, highest = limits(dtype)
    if not math.isfinite(nodata) or int(nodata) != nodata:
        return 0, False
    return int(nodata), lowest <= nodata <= highest
