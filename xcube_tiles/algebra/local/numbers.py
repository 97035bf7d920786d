"""Which integers an operation can give, and the cell type that holds them all."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

from xcube_tiles.grid.celltype import CellType
from xcube_tiles.grid.dtypes import limits

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

_SIZES = (1, 2, 4, 8)


@dataclass(frozen=True, slots=True)
class Numbers:
    """The integers from `low` to `high`, without some."""

    low: int
    """The least of them."""

    high: int
    """The greatest of them."""

    holes: frozenset[int] = frozenset()
    """Numbers in between that aren't among them, such as NoData."""

    span: tuple[int, int] | None = None
    """Limits of the dtype that they are cells of; None for a single number."""

    def holds(self, number: int) -> bool:
        """Whether a number is among them."""
        return self.low <= number <= self.high and number not in self.holes


def numbers_of(operand: CellType | int) -> Numbers:
    """Return the values that cells of an integer type can have, or a number by itself.

    Examples
    --------
    >>> numbers_of(CellType.parse("uint8ud255")).high
    254
    """
    if not isinstance(operand, CellType):
        return Numbers(int(operand), int(operand))
    low, high = (int(end) for end in limits(operand.dtype))
    nodata, span = operand.nodata, (low, high)
    if nodata is None:
        return Numbers(low, high, span=span)
    nodata = int(nodata)
    if nodata in (low, high):
        return Numbers(low + (nodata == low), high - (nodata == high), frozenset({nodata}), span)
    return Numbers(low, high, frozenset({nodata}), span)


def join(*sets: Numbers) -> Numbers:
    """Return the numbers that are in any of several sets.

    Examples
    --------
    >>> join(Numbers(0, 9, frozenset({5})), Numbers(20, 30)).holds(5)
    False
    """
    holes = frozenset(
        hole for each in sets for hole in each.holes if not any(one.holds(hole) for one in sets)
    )
    return Numbers(min(one.low for one in sets), max(one.high for one in sets), holes)


def result_type(
    numbers: Numbers, sources: Iterable[CellType], *, lacks: bool
) -> tuple[CellType, bool]:
    """Return the cell type of a result that can be any of some integers.

    Parameters
    ----------
    numbers
        What the result can be.
    sources
        Cell types of the operands; integers.
    lacks
        Whether cells of the result may have no value.

    Returns
    -------
    CellType
        At least as wide as the widest source, and widened until it holds every number and beside
        them one that means NoData: that of a source where no result can be it, else the far end of
        the dtype (lowest of signed, highest of unsigned integers).
    bool
        Whether results can leave the dtype, which then has 64 bits: they must be checked.

    Examples
    --------
    >>> byte = CellType.parse("uint8ud255")
    >>> result_type(Numbers(0, 508), [byte, byte], lacks=True)[0].name
    'uint16ud65535'
    """
    sources = list(sources)
    own = [int(source.nodata) for source in sources if source.nodata is not None]
    for dtype in _candidates([source.dtype for source in sources]):
        low, high = (int(end) for end in limits(dtype))
        if not (low <= numbers.low and numbers.high <= high):
            continue
        if not lacks:
            return CellType(dtype=dtype, nodata=None), False
        for nodata in (*own, _far_end(dtype)):
            if low <= nodata <= high and not numbers.holds(nodata):
                return CellType(dtype=dtype, nodata=nodata), False
    dtype = np.dtype(np.int64 if numbers.low < 0 else np.uint64)
    leaves = numbers.low < limits(dtype)[0] or numbers.high > limits(dtype)[1]
    return CellType(dtype=dtype, nodata=_far_end(dtype) if lacks else None), leaves


def work_dtype(numbers: Numbers) -> np.dtype[Any] | None:
    """Return the smallest integer dtype that holds some numbers; None: there is none.

    Examples
    --------
    >>> work_dtype(Numbers(-1, 255)).name
    'int16'
    """
    for size, kind in product(_SIZES, "iu"):
        dtype = np.dtype(f"{kind}{size}")
        low, high = limits(dtype)
        if low <= numbers.low and numbers.high <= high:
            return dtype
    return None


def _candidates(dtypes: list[np.dtype[Any]]) -> Iterator[np.dtype[Any]]:
    size = max((dtype.itemsize for dtype in dtypes), default=1)
    signed = any(dtype.kind == "i" for dtype in dtypes)
    for bytes_, kind in product(_SIZES, "iu" if signed else "ui"):
        if bytes_ >= size:
            yield np.dtype(f"{kind}{bytes_}")


def _far_end(dtype: np.dtype[Any]) -> int:
    low, high = limits(dtype)
    return int(low if dtype.kind == "i" else high)


def added(a: Numbers, b: Numbers) -> Numbers:
    """Return all sums."""
    return Numbers(a.low + b.low, a.high + b.high)


def subtracted(a: Numbers, b: Numbers) -> Numbers:
    """Return all differences."""
    return Numbers(a.low - b.high, a.high - b.low)


def multiplied(a: Numbers, b: Numbers) -> Numbers:
    """Return all products."""
    return _corners(lambda x, y: x * y, (a.low, a.high), (b.low, b.high))


def floor_divided(a: Numbers, b: Numbers) -> Numbers:
    """Return all quotients, rounded down; a divisor of 0 gives none."""
    parts = [(max(b.low, 1), b.high), (b.low, min(b.high, -1))]
    divisors = [end for low, high in parts if low <= high for end in (low, high)]
    return _corners(lambda x, y: x // y, (a.low, a.high), divisors) if divisors else Numbers(0, 0)


def remainders(a: Numbers, b: Numbers) -> Numbers:
    """Return all remainders, which have the sign of the divisor."""
    return Numbers(min(0, b.low + 1), max(0, b.high - 1))


def raised(a: Numbers, b: Numbers) -> Numbers:
    """Return all powers of one whole, non-negative exponent."""
    between = (0,) if a.low < 0 < a.high else ()
    return _corners(lambda x, y: x**y, (a.low, *between, a.high), (b.low,))


def smaller(a: Numbers, b: Numbers) -> Numbers:
    """Return all minima."""
    return Numbers(min(a.low, b.low), min(a.high, b.high), join(a, b).holes)


def larger(a: Numbers, b: Numbers) -> Numbers:
    """Return all maxima."""
    return Numbers(max(a.low, b.low), max(a.high, b.high), join(a, b).holes)


def bits_of_both(a: Numbers, b: Numbers) -> Numbers:
    """Return what bits that both have can make."""
    positive = [each.high for each in (a, b) if each.low >= 0]
    return Numbers(0, min(positive)) if positive else bits_of_either(a, b)


def bits_of_either(a: Numbers, b: Numbers) -> Numbers:
    """Return what bits that either has can make."""
    ends = (a.low, a.high, b.low, b.high)
    most = 1 << max((end if end >= 0 else ~end).bit_length() for end in ends)
    return Numbers(0 if min(ends) >= 0 else -most, most - 1)


def complements(a: Numbers) -> Numbers:
    """Return all complements in the dtype of the cells."""
    low, high = a.span or (-1, 0)
    total = low + high  # -1 where signed
    return Numbers(total - a.high, total - a.low)


def shifted(a: Numbers, b: Numbers) -> Numbers:
    """Return what is left without the lowest bits."""
    return Numbers(a.low >> b.low, a.high >> b.low)


def negated(a: Numbers) -> Numbers:
    """Return all negatives."""
    return Numbers(-a.high, -a.low)


def magnitudes(a: Numbers) -> Numbers:
    """Return all absolute values."""
    ends = (abs(a.low), abs(a.high))
    return Numbers(0 if a.low <= 0 <= a.high else min(ends), max(ends))


def signs(a: Numbers) -> Numbers:
    """Return all signs."""
    return Numbers(-1 if a.low < 0 else 0, 1 if a.high > 0 else 0)


def same(a: Numbers) -> Numbers:
    """Return the numbers themselves."""
    return a


def _corners(
    function: Callable[[int, int], int], firsts: Iterable[int], seconds: Iterable[int]
) -> Numbers:
    found = [function(x, y) for x, y in product(firsts, seconds)]
    return Numbers(min(found), max(found))
