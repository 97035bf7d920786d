"""Cell types: what the cells of a raster can hold, and which of them mean "no value"."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, get_args

import numpy as np

from xcube_tiles.errors import CellOverflowError, CellTypeError, NoDataCollisionError
from xcube_tiles.grid.dtypes import DTYPE_NAMES, cell_dtype, held_nodata, limits
from xcube_tiles.typing import OverflowPolicy

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, DTypeLike, NDArray

__all__ = ["DTYPE_NAMES", "CellType", "convert"]

_NAME = re.compile(
    r"(?P<dtype>bool|u?int(?:8|16|32|64)|float(?:32|64))"
    r"(?:(?P<raw>raw)|ud(?P<nodata>[+-]?(?:[0-9]+(?:\.[0-9]*)?(?:[eE][+-]?[0-9]+)?|NaN|nan|inf)))?"
)
_GRAMMAR = "a dtype, then nothing, 'raw' or 'ud<number>', such as uint8, float32raw or int16ud-9999"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CellType:
    """A numpy dtype together with its NoData policy.

    The policy is one of three: no NoData (*raw*: every cell has a value), the constant of the
    dtype, or a number of the user's choice.

    Raises
    ------
    CellTypeError
        A dtype that cells can't have, or a NoData value that the dtype can't hold.

    Notes
    -----
    Names and constants are those of GeoTrellis, which has 22 types (bool, and seven dtypes with
    three policies each); uint32, int64 and uint64 follow the same pattern. The constants are NaN
    for floats, the lowest number for signed integers and **0 for unsigned integers**: a cell of
    the type `uint8` (not `uint8raw`) that holds 0 has no value. Data where 0 counts want
    `uint8raw` or `uint8ud255`.

    In a float type with a NoData number NaN means NoData as well, as computing can make one.

    Examples
    --------
    >>> CellType.parse("uint8ud255").nodata
    255
    >>> CellType(dtype=np.dtype("int16"), nodata=None).name
    'int16raw'
    >>> CellType.parse("float32udNaN") == CellType.parse("float32")
    True
    """

    dtype: np.dtype[Any]
    """Numpy dtype of the cells, in native byte order."""

    nodata: int | float | None
    """The number that means NoData; None: every cell has a value. Integer types have an int here
    and float types a float, rounded to the dtype as it would be in a cell."""

    def __post_init__(self) -> None:
        dtype = cell_dtype(self.dtype)
        object.__setattr__(self, "dtype", dtype)
        object.__setattr__(self, "nodata", held_nodata(dtype, self.nodata))

    @classmethod
    def parse(cls, name: str) -> CellType:
        """Return the cell type of a name.

        Parameters
        ----------
        name
            A dtype alone (NoData is the constant of the dtype, see `constant`), or followed by
            `raw` (no NoData) or by `ud` and a number (that number is NoData).

        Raises
        ------
        CellTypeError
            A name that can't be read, or a number that the dtype can't hold.

        Examples
        --------
        >>> CellType.parse("int8").nodata, CellType.parse("int8ud-1").nodata
        (-128, -1)
        >>> CellType.parse("boolraw").name
        'bool'
        """
        match = _NAME.fullmatch(name) if isinstance(name, str) else None
        if match is None:
            raise CellTypeError(f"expected the name of a cell type ({_GRAMMAR}), got {name!r}")
        dtype = np.dtype(match["dtype"])
        if match["nodata"]:
            return cls(dtype=dtype, nodata=_number(match["nodata"]))
        return cls(dtype=dtype, nodata=None) if match["raw"] else cls.constant(dtype)

    @classmethod
    def constant(cls, dtype: DTypeLike) -> CellType:
        """Return the type whose NoData is the constant of a dtype.

        Floats: NaN; signed integers: the lowest number; unsigned integers: 0; bool: none.

        Raises
        ------
        CellTypeError
            A dtype that cells can't have.

        Examples
        --------
        >>> [CellType.constant(dtype).nodata for dtype in ("float32", "int64", "uint8", "bool")]
        [nan, -9223372036854775808, 0, None]
        """
        dtype = cell_dtype(dtype)
        if dtype.kind == "f":
            return cls(dtype=dtype, nodata=math.nan)
        if dtype.kind in "iu":
            return cls(dtype=dtype, nodata=int(np.iinfo(dtype).min))
        return cls(dtype=dtype, nodata=None)

    @classmethod
    def default(cls, dtype: DTypeLike) -> CellType:
        """Return the type of cells of which only the dtype is known.

        Floats use NaN; integers and bool are raw, as nothing says that any of their numbers is
        not a value. It is not the type that a bare dtype name parses to: see `constant`.

        Raises
        ------
        CellTypeError
            A dtype that cells can't have.

        Examples
        --------
        >>> [CellType.default(dtype).name for dtype in ("float32", "uint8", "bool")]
        ['float32', 'uint8raw', 'bool']
        """
        dtype = cell_dtype(dtype)
        return cls(dtype=dtype, nodata=math.nan if dtype.kind == "f" else None)

    @property
    def name(self) -> str:
        """Name that `parse` reads back into an equal type."""
        dtype = self.dtype.name
        if self.nodata is None:
            return dtype if dtype == "bool" else f"{dtype}raw"
        if self.dtype.kind == "f":
            return (
                dtype if math.isnan(self.nodata) else f"{dtype}ud{self.dtype.type(self.nodata)!s}"
            )
        constant = int(np.iinfo(self.dtype).min)
        return dtype if self.nodata == constant else f"{dtype}ud{self.nodata}"

    def __str__(self) -> str:
        return self.name

    # NaN differs from itself, so that the fields alone would make equal types unequal.
    def __eq__(self, other: object) -> bool:
        return self.name == other.name if isinstance(other, CellType) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.name)

    def is_nodata(self, values: ArrayLike) -> NDArray[np.bool_]:
        """Return where cells have no value.

        Parameters
        ----------
        values
            Cells of this type's dtype, any shape.

        Returns
        -------
        ndarray of bool
            True where a cell has no value; all False for a raw type. Same shape.

        Raises
        ------
        CellTypeError
            Cells of another dtype.

        Examples
        --------
        >>> CellType.parse("uint8ud255").is_nodata(np.array([0, 255], "uint8"))
        array([False,  True])
        >>> CellType.parse("uint8raw").is_nodata(np.array([0, 255], "uint8"))
        array([False, False])
        """
        cells = _checked_cells(values, self)
        if self.nodata is None:
            return np.zeros(cells.shape, dtype=np.bool_)
        missing = cells == self.dtype.type(self.nodata)
        if self.dtype.kind == "f":
            missing |= np.isnan(cells)
        return np.asarray(missing)


def convert(
    values: ArrayLike,
    source: CellType,
    target: CellType,
    *,
    overflow: OverflowPolicy = "raise",
) -> NDArray[Any]:
    """Return cells of one type as cells of another, NoData as NoData.

    Parameters
    ----------
    values
        Cells of the dtype of `source`, any shape.
    source, target
        Their type now, and the type wanted.
    overflow
        What becomes of a valid cell that `target` can't hold, be it out of range or equal to the
        NoData value. `raise`: an error. `saturate`: the nearest valid number; one step towards
        zero where the number is NoData (1 for 0). `nodata`: NoData.

    Returns
    -------
    ndarray
        Cells of the dtype of `target`, same shape; the very input if the types are equal.

    Raises
    ------
    CellOverflowError
        A valid cell is out of range: under `raise`; under `nodata` if `target` is raw.
    NoDataCollisionError
        A valid cell equals the NoData value of `target`, under `raise`.
    CellTypeError
        `target` is raw and some cells are NoData, under every policy; or the cells aren't of the
        dtype of `source`.

    Notes
    -----
    Floats become integers by rounding half to even (0.5 → 0, 1.5 → 2); integers and wider floats
    become floats by rounding to the nearest, half to even (IEEE 754). Infinity fits the float
    types only. A NaN in a raw float type is a value and stays so in another raw float type; it
    has no nearest number, so that `saturate` makes it NoData, or fails if `target` is raw.

    Examples
    --------
    >>> cells = np.array([-128, 3], "int8")
    >>> convert(cells, CellType.parse("int8"), CellType.parse("float32"))
    array([nan,  3.], dtype=float32)
    >>> byte = CellType.parse("uint8ud255")
    >>> convert(np.array([7.5, 300, np.nan]), CellType.parse("float64"), byte, overflow="saturate")
    array([  8, 254, 255], dtype=uint8)
    >>> convert(np.array([], "int8"), CellType.parse("int8"), byte)
    array([], dtype=uint8)
    """
    if overflow not in get_args(OverflowPolicy):
        names = ", ".join(get_args(OverflowPolicy))
        raise CellTypeError(f"unknown overflow policy {overflow!r}; the policies are {names}")
    cells = _checked_cells(values, source)
    if source == target:
        return cells
    missing = source.is_nodata(cells)
    if target.nodata is None and missing.any():
        raise CellTypeError(
            f"{_found(cells, missing)} NoData, which {target} doesn't have. Fill the cells first, "
            f"or convert to a type with NoData such as {_with_nodata(target)}"
        )
    numbers = _rounded(cells, target)
    low, high, lost = (mask & ~missing for mask in _outside(numbers, target))
    outside = low | high | lost
    zero = numbers.dtype.type(0)
    result = np.where(outside | missing, zero, numbers).astype(target.dtype)
    if overflow == "raise" or (target.nodata is None and overflow == "nodata"):
        _refuse(cells, outside, target, CellOverflowError)
    if overflow == "saturate":
        result[low], result[high] = limits(target.dtype)
        if target.nodata is None:
            _refuse(cells, lost, target, CellOverflowError)
    collides = target.is_nodata(result) & ~missing
    if overflow == "raise":
        _refuse(cells, collides, target, NoDataCollisionError)
    elif overflow == "saturate":
        # a NaN that was a value has no neighbour
        nan = collides & (result != result)
        result[collides & ~nan] = _neighbour(target)
        missing |= lost | nan
    else:
        missing |= outside | collides
    result[missing] = 0 if target.nodata is None else target.nodata
    return result


def _checked_cells(values: ArrayLike, celltype: CellType) -> NDArray[Any]:
    cells = np.asarray(values)
    if cells.dtype.newbyteorder("=") != celltype.dtype:
        raise CellTypeError(
            f"expected {celltype.dtype.name} cells, as the cell type is {celltype}; "
            f"got {cells.dtype.name} cells"
        )
    return cells.astype(celltype.dtype, copy=False)


def _rounded(cells: NDArray[Any], target: CellType) -> NDArray[Any]:
    if cells.dtype.kind == "b":
        return cells.astype(np.uint8)
    if cells.dtype.kind == "f" and target.dtype.kind != "f":
        return np.asarray(np.rint(cells))
    return cells


def _outside(
    numbers: NDArray[Any], target: CellType
) -> tuple[NDArray[np.bool_], NDArray[np.bool_], NDArray[np.bool_]]:
    """Where numbers are too low, too high, or not numbers, for the dtype of the target."""
    nowhere = np.zeros(numbers.shape, dtype=np.bool_)
    if target.dtype.kind == "f":
        if numbers.dtype.kind != "f" or numbers.dtype.itemsize <= target.dtype.itemsize:
            return nowhere, nowhere, nowhere
        with np.errstate(over="ignore"):
            infinite = np.isinf(numbers.astype(target.dtype)) & np.isfinite(numbers)
        return infinite & (numbers < 0), infinite & (numbers > 0), nowhere
    lowest, highest = limits(target.dtype)
    if numbers.dtype.kind == "f":
        # 2**63 - 1 is no float, but 2**63 is: compare with the first number that doesn't fit
        too_high = numbers >= float(highest + 1)
        return np.asarray(numbers < float(lowest)), np.asarray(too_high), np.isnan(numbers)
    return np.asarray(numbers < lowest), np.asarray(numbers > highest), nowhere


def _neighbour(celltype: CellType) -> int | float:
    """Return the valid number next to the NoData value, towards zero; above zero for zero."""
    nodata = celltype.nodata
    if nodata is None:
        return 0
    if celltype.dtype.kind != "f":
        return int(nodata) - 1 if nodata > 0 else int(nodata) + 1
    number = celltype.dtype.type(nodata)
    return float(np.nextafter(number, celltype.dtype.type(0 if nodata else 1)))


def _found(cells: NDArray[Any], wrong: NDArray[np.bool_]) -> str:
    position = tuple(int(index) for index in np.argwhere(wrong)[0])
    count = int(np.count_nonzero(wrong))
    first = cells[position].item()
    return f"{count} of {cells.size} cells, the first {first!r} at index {position}, hold"


def _with_nodata(celltype: CellType) -> str:
    names = {"bool": "uint8ud255", "uint8": "uint8ud255", "uint16": "uint16ud65535"}
    return names.get(celltype.dtype.name, celltype.dtype.name)


def _refuse(
    cells: NDArray[Any],
    wrong: NDArray[np.bool_],
    target: CellType,
    error: type[CellTypeError],
) -> None:
    if not wrong.any():
        return
    lowest, highest = limits(target.dtype)
    if error is NoDataCollisionError:
        reason = f"the number that is NoData in {target}"
    else:
        reason = f"a number that {target} can't ({lowest} to {highest})"
    remedies = ["overflow='saturate' to take the nearest valid number"]
    if target.nodata is not None:
        remedies.append("overflow='nodata' to make them NoData")
    raise error(
        f"{_found(cells, wrong)} {reason}. Pass {' or '.join(remedies)}, or convert to a wider type"
    )


def _number(text: str) -> int | float:
    try:
        # 64-bit integers stay exact
        return int(text)
    except ValueError:
        return float(text)
