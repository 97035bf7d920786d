"""The three key indexes: Hilbert, Z-order and row-major."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from xcube_tiles.errors import GridError
from xcube_tiles.grid.curves import hilbert, rowmajor, zorder
from xcube_tiles.grid.curves.index import KeyIndex, check_common
from xcube_tiles.grid.curves.timeaxis import MOST_BINS, TimeBins, TimeSteps
from xcube_tiles.grid.curves.walk import cover, nth

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from xcube_tiles.grid.curves.walk import Curve
    from xcube_tiles.grid.keys import SpaceTimeKey, TileKey

_AXES = ("columns", "rows", "time")


@dataclass(frozen=True, slots=True, kw_only=True)
class HilbertIndex(KeyIndex):
    """Places on a Hilbert curve: each key is a neighbour of the one before.

    The bounds can't grow: other bounds give the keys other indexes.

    Raises
    ------
    GridError
        Bounds that take more than 62 bits; fields that contradict each other.

    Notes
    -----
    The compact curve of Hamilton & Rau-Chaplin with as many bits an axis as the bounds take, in the
    orientation of GeoTrellis, whose indexes these are if `time_bits` is given or there is no time.

    Examples
    --------
    >>> from xcube_tiles.grid.bounds import KeyBounds
    >>> from xcube_tiles.grid.keys import TileKey
    >>> index = HilbertIndex(bounds=KeyBounds(TileKey(10, 20), TileKey(13, 23)))
    >>> index.to_index([10, 11, 11, 10], [20, 20, 21, 21])
    array([0, 1, 2, 3])
    >>> index.ranges(KeyBounds(TileKey(10, 20), TileKey(13, 20))).tolist()
    [[0, 1], [14, 15]]
    """

    name: ClassVar[str] = "hilbert"

    time_bits: int | None = None
    """Binary logarithm of the number of bins that the time of the bounds is cut into, as GeoTrellis
    does, in place of `time_step`."""

    space_bits: tuple[int, int] | None = None
    """Bits of columns and rows; None: as few as the bounds take."""

    def __post_init__(self) -> None:
        check_common(self)
        if self.has_time and (self.time_step is None) == (self.time_bits is None):
            raise GridError(
                "a Hilbert index of keys with instants needs either time_step (such as '1D') or "
                f"time_bits, got {self.time_step!r} and {self.time_bits!r}"
            )
        if self.time_bits is not None and not (
            self.has_time and isinstance(self.time_bits, int) and 0 <= self.time_bits <= MOST_BINS
        ):
            raise GridError(
                f"time_bits must be an integer from 0 to {MOST_BINS}, for bounds with instants; "
                f"got {self.time_bits!r}"
            )
        _check_space_bits(self)
        _check_bits(self.bits, hilbert.MAX_BITS, "a Hilbert index takes at most 62 bits")

    @property
    def bits(self) -> tuple[int, ...]:
        """Bits of each axis: columns, rows and time."""
        first, last = self._whole()
        bits = [(high - low).bit_length() for low, high in zip(first, last, strict=True)]
        if self.space_bits is not None:
            bits[:2] = self.space_bits
        if self.time_bits is not None:
            bits[2] = self.time_bits
        return tuple(bits)

    @property
    def size(self) -> int:
        """How many indexes the curve has; those of the bounds may be fewer."""
        return 1 << sum(self.bits)

    def _time_axis(self) -> TimeSteps | TimeBins:
        if self.time_bits is None or self.bounds.instants is None:
            return self._time_steps()
        first, last = (int(instant.astype(np.int64)) for instant in self.bounds.instants)
        return TimeBins(first=first, last=last, bits=self.time_bits)

    def _starts(self) -> tuple[int, ...]:
        return self._absolute(self.bounds.first)

    def _encode(self, places: Sequence[NDArray[np.int64]]) -> NDArray[np.int64]:
        return hilbert.encode(places, self.bits)

    def _decode(self, indexes: NDArray[np.int64]) -> Sequence[NDArray[np.int64]]:
        return hilbert.decode(indexes, self.bits)

    def _cover(self, first: Sequence[int], last: Sequence[int], most: int) -> NDArray[np.int64]:
        return cover(hilbert.curve(self.bits), first, last, most).ranges

    def _nth(
        self, first: Sequence[int], last: Sequence[int], which: NDArray[np.int64]
    ) -> NDArray[np.int64]:
        return nth(hilbert.curve(self.bits), first, last, which)


@dataclass(frozen=True, slots=True, kw_only=True)
class ZOrderIndex(KeyIndex):
    """Places on a Z-order (Morton) curve: the bits of column, row and time interleaved.

    The index of a key doesn't depend on the bounds, as long as these don't reach below the origin:
    they may grow.

    Raises
    ------
    GridError
        Bounds that take more than 31 bits an axis, or 21 with time; fields that contradict each
        other.

    Notes
    -----
    Bit i of the column is bit 2 i of the index, that of the row bit 2 i + 1; with time they are 3 i
    and 3 i + 1, and that of the time step 3 i + 2: the indexes of GeoTrellis for keys from 0 and
    instants from 1970, whose indexes of others are wrong.

    Examples
    --------
    >>> from xcube_tiles.grid.bounds import KeyBounds
    >>> from xcube_tiles.grid.keys import TileKey
    >>> index = ZOrderIndex(bounds=KeyBounds(TileKey(0, 0), TileKey(7, 7)))
    >>> index.to_index([0, 1, 0, 1, 2], [0, 0, 1, 1, 0])
    array([0, 1, 2, 3, 4])
    """

    name: ClassVar[str] = "zorder"

    origin: TileKey | SpaceTimeKey | None = None
    """The key of index 0, of the kind of the bounds. None: column 0, row 0 and 1970; along an axis
    where the first of the bounds is below, that one."""

    def __post_init__(self) -> None:
        check_common(self)
        if self.has_time and self.time_step is None:
            raise GridError("a Z-order index of keys with instants needs time_step, such as '1D'")
        if self.origin is not None and type(self.origin) is not type(self.bounds.first):
            raise GridError(
                f"the origin must be a key of the kind of the bounds, {self.bounds.first!r}, "
                f"got {self.origin!r}"
            )
        first, _ = self._whole()
        if min(first) < 0:
            raise GridError(
                f"the origin {self.origin!s} lies behind the first key of the bounds, "
                f"{self.bounds.first!s}, along an axis"
            )
        most = zorder.MAX_BITS[len(first)]
        _check_bits(self.bits, most, f"a Z-order index takes at most {most} bits an axis", max)

    @property
    def bits(self) -> tuple[int, ...]:
        """Bits of each axis: columns, rows and time, from the origin."""
        return tuple(place.bit_length() for place in self._whole()[1])

    @property
    def size(self) -> int:
        """How many indexes the curve has; those of the bounds may be fewer."""
        return 1 << max(self.bits) * len(self.bits)

    def _starts(self) -> tuple[int, ...]:
        if self.origin is not None:
            return self._absolute(self.origin)
        return tuple(min(place, 0) for place in self._absolute(self.bounds.first))

    def _curve(self) -> Curve:
        return zorder.curve(self.bits)

    def _encode(self, places: Sequence[NDArray[np.int64]]) -> NDArray[np.int64]:
        return zorder.encode(places)

    def _decode(self, indexes: NDArray[np.int64]) -> Sequence[NDArray[np.int64]]:
        return zorder.decode(indexes, len(self.bits))

    def _cover(self, first: Sequence[int], last: Sequence[int], most: int) -> NDArray[np.int64]:
        return cover(self._curve(), first, last, most).ranges

    def _nth(
        self, first: Sequence[int], last: Sequence[int], which: NDArray[np.int64]
    ) -> NDArray[np.int64]:
        return nth(self._curve(), first, last, which)


@dataclass(frozen=True, slots=True, kw_only=True)
class RowMajorIndex(KeyIndex):
    """Places in row-major order: time step by time step, row by row, column by column.

    Raises
    ------
    GridError
        Bounds of 2**63 keys or more; fields that contradict each other.

    Examples
    --------
    >>> from xcube_tiles.grid.bounds import KeyBounds
    >>> from xcube_tiles.grid.keys import TileKey
    >>> index = RowMajorIndex(bounds=KeyBounds(TileKey(10, 20), TileKey(13, 23)))
    >>> index.to_index([10, 13, 10], [20, 20, 21])
    array([0, 3, 4])
    """

    name: ClassVar[str] = "rowmajor"

    def __post_init__(self) -> None:
        check_common(self)
        if self.has_time and self.time_step is None:
            raise GridError("a row-major index of keys with instants needs time_step, such as '1D'")
        if self.size > rowmajor.MOST:
            spans = ", ".join(
                f"{name} {count}" for name, count in zip(_AXES, self._shape(), strict=False)
            )
            raise GridError(f"a row-major index has at most 2**63 keys, these bounds have {spans}")

    @property
    def size(self) -> int:
        """How many keys the bounds have."""
        size = 1
        for count in self._shape():
            size *= count
        return size

    def _shape(self) -> tuple[int, ...]:
        first, last = self._whole()
        return tuple(high - low + 1 for low, high in zip(first, last, strict=True))

    def _starts(self) -> tuple[int, ...]:
        return self._absolute(self.bounds.first)

    def _encode(self, places: Sequence[NDArray[np.int64]]) -> NDArray[np.int64]:
        return rowmajor.encode(places, self._shape())

    def _decode(self, indexes: NDArray[np.int64]) -> Sequence[NDArray[np.int64]]:
        return rowmajor.decode(indexes, self._shape())

    def _cover(self, first: Sequence[int], last: Sequence[int], most: int) -> NDArray[np.int64]:
        return rowmajor.cover(self._shape(), first, last, most).ranges

    def _nth(
        self, first: Sequence[int], last: Sequence[int], which: NDArray[np.int64]
    ) -> NDArray[np.int64]:
        return which


def _check_bits(bits: Sequence[int], most: int, rule: str, total: object = sum) -> None:
    found = total(bits)  # type: ignore[operator]
    if found > most:
        axes = ", ".join(f"{name} {count}" for name, count in zip(_AXES, bits, strict=False))
        raise GridError(
            f"{rule}, these bounds take {axes}; take smaller bounds"
            + (" or longer steps of time" if len(bits) == len(_AXES) else "")
        )


def _check_space_bits(index: HilbertIndex) -> None:
    if index.space_bits is None:
        return
    needed = [(len(span) - 1).bit_length() for span in (index.bounds.cols, index.bounds.rows)]
    given = index.space_bits
    if not (
        isinstance(given, tuple)
        and len(given) == len(needed)
        and all(isinstance(bits, int) for bits in given)
        and all(bits >= least for bits, least in zip(given, needed, strict=True))
    ):
        raise GridError(
            f"space_bits must be a tuple of two integers, of at least {needed[0]} bits for columns "
            f"and {needed[1]} for rows, got {given!r}"
        )
