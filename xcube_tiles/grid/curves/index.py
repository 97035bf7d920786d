"""Key indexes: one integer for each tile key, close numbers for close tiles."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from numbers import Integral
from typing import TYPE_CHECKING, ClassVar, NamedTuple

import numpy as np

from xcube_tiles.errors import GridError
from xcube_tiles.grid.bounds import KeyBounds
from xcube_tiles.grid.curves.timeaxis import TimeBins, TimeSteps, nanoseconds_of, step_of
from xcube_tiles.grid.keys import SpaceTimeKey, TileKey

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

MAX_RANGES = 1000
"""Index ranges of a box, at most, unless a call says otherwise."""


class Keys(NamedTuple):
    """Many tile keys, as arrays of one shape."""

    cols: NDArray[np.int64]
    """Columns."""

    rows: NDArray[np.int64]
    """Rows."""

    times: NDArray[np.datetime64] | None
    """Instants, datetime64[ns]; None for keys without."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyIndex(ABC):
    """What the indexes have in common; see `HilbertIndex`, `ZOrderIndex` and `RowMajorIndex`."""

    name: ClassVar[str]
    """Name of the curve."""

    bounds: KeyBounds
    """The keys that the index is for; with instants if it's an index of space and time."""

    time_step: np.timedelta64 | None = None
    """Keys whose instants lie in one step, counted from 1970, have one index; None without
    instants. A text such as '1D' or a timedelta is accepted."""

    def to_index(
        self, cols: ArrayLike, rows: ArrayLike, times: ArrayLike | None = None
    ) -> NDArray[np.int64]:
        """Return the indexes of keys.

        Parameters
        ----------
        cols, rows
            Columns and rows: integers or arrays of them.
        times
            Instants: datetime64, one or an array; None for an index without time.

        Returns
        -------
        int64 array
            Of the shape that the arguments broadcast to; never negative.

        Raises
        ------
        GridError
            A key outside the bounds, instants where the index has none or the other way round,
            numbers that aren't integers.
        """
        axes = [
            _inside("cols", cols, self.bounds.cols.start, self.bounds.cols.stop - 1),
            _inside("rows", rows, self.bounds.rows.start, self.bounds.rows.stop - 1),
        ]
        if (instants := self._instants(times)) is not None:
            axes.append(self._time_axis().places(instants))
        try:
            shape = np.broadcast_shapes(*(values.shape for values in axes))
        except ValueError:
            shapes = ", ".join(str(values.shape) for values in axes)
            raise GridError(f"the arrays of a key don't fit each other: shapes {shapes}") from None
        places = [
            np.broadcast_to(values - start, shape).ravel()
            for values, start in zip(axes, self._starts(), strict=True)
        ]
        return self._encode(places).reshape(shape)

    def from_index(self, indexes: ArrayLike) -> Keys:
        """Return the keys that have some indexes.

        Parameters
        ----------
        indexes
            Integers, one or an array.

        Returns
        -------
        Keys
            Arrays of the shape of `indexes`. Instants are the start of their step. Indexes between
            those of the bounds may belong to keys outside; they are returned as any other.

        Raises
        ------
        GridError
            A number that isn't an integer, or that is no index of this curve.
        """
        values = _inside("indexes", indexes, 0, self.size - 1)
        places = self._decode(values.ravel())
        axes = [
            (axis + start).reshape(values.shape)
            for axis, start in zip(places, self._starts(), strict=True)
        ]
        if len(axes) == 2:
            return Keys(axes[0], axes[1], None)
        return Keys(axes[0], axes[1], self._time_axis().starts(axes[2]).astype("M8[ns]"))

    def ranges(
        self, box: KeyBounds | None = None, *, max_ranges: int = MAX_RANGES
    ) -> NDArray[np.int64]:
        """Return index ranges that hold all keys of a box.

        Parameters
        ----------
        box
            The keys; without instants in an index with time: at all times. What lies outside the
            bounds doesn't count. None: the bounds.
        max_ranges
            Ranges at most.

        Returns
        -------
        int64 array, (n, 2)
            First and last index of each range, both included; ascending, with gaps between;
            empty if the box has no key inside the bounds. They hold no index of another key (or
            step of time) if the box has no more than `max_ranges` of them and its surface isn't
            too large: their lengths add up to the number of keys exactly then. Else ranges are
            joined across the smallest gaps: compare the keys with the box.

        Raises
        ------
        GridError
            A box with instants where the index has none; fewer than 1 range.
        """
        if not isinstance(max_ranges, Integral) or max_ranges < 1:
            raise GridError(f"max_ranges must be an integer from 1, got {max_ranges!r}")
        places = self._box(self.bounds if box is None else box)
        if places is None:
            return np.empty((0, 2), np.int64)
        return self._cover(*places, int(max_ranges))

    def breaks(self, parts: int) -> NDArray[np.int64]:
        """Return where to cut the index for parts of equal numbers of keys.

        Parameters
        ----------
        parts
            How many parts, from 1.

        Returns
        -------
        int64 array, (parts - 1,)
            The first index of each part but the first, so that
            `np.searchsorted(breaks, indexes, side="right")` is the part of each index. The numbers
            of keys of the bounds (of steps, along time) differ by one at most.

        Raises
        ------
        GridError
            Fewer than 1 part.

        Examples
        --------
        >>> from xcube_tiles.grid.curves import key_index
        >>> index = key_index("hilbert", KeyBounds(TileKey(0, 0), TileKey(3, 2)))
        >>> index.breaks(3)
        array([ 4, 12])
        """
        if not isinstance(parts, Integral) or parts < 1:
            raise GridError(f"parts must be an integer from 1, got {parts!r}")
        first, last = self._whole()
        keys = 1
        for low, high in zip(first, last, strict=True):
            keys *= high - low + 1
        which = np.array([keys * part // int(parts) for part in range(1, int(parts))], np.int64)
        return self._nth(first, last, which)

    @property
    def has_time(self) -> bool:
        """Whether keys have instants."""
        return self.bounds.instants is not None

    @property
    @abstractmethod
    def size(self) -> int:
        """How many indexes the curve has; those of the bounds may be fewer."""

    @abstractmethod
    def _starts(self) -> tuple[int, ...]:
        """Return the column, row and time that are counted from."""

    @abstractmethod
    def _encode(self, places: Sequence[NDArray[np.int64]]) -> NDArray[np.int64]: ...

    @abstractmethod
    def _decode(self, indexes: NDArray[np.int64]) -> Sequence[NDArray[np.int64]]: ...

    @abstractmethod
    def _cover(self, first: Sequence[int], last: Sequence[int], most: int) -> NDArray[np.int64]: ...

    @abstractmethod
    def _nth(
        self, first: Sequence[int], last: Sequence[int], which: NDArray[np.int64]
    ) -> NDArray[np.int64]: ...

    def _time_steps(self) -> TimeSteps:
        if self.time_step is None:
            raise GridError("an index of keys with instants needs time_step, such as '1D'")
        return TimeSteps(step=int(self.time_step.astype(np.int64)))

    def _time_axis(self) -> TimeSteps | TimeBins:
        return self._time_steps()

    def _instants(self, times: ArrayLike | None) -> NDArray[np.int64] | None:
        bounds = self.bounds.instants
        if bounds is None:
            if times is not None:
                raise GridError(f"the index has no time, but instants were given: {times!r}")
            return None
        if times is None:
            raise GridError("the index has time: give the instants of the keys too")
        found = nanoseconds_of(times)
        first, last = (int(bound.astype(np.int64)) for bound in bounds)
        if found.size and (int(found.min()) < first or int(found.max()) > last):
            wrong = found[(found < first) | (found > last)][0]
            raise GridError(
                f"the instant {np.datetime64(int(wrong), 'ns')} lies outside the bounds of the "
                f"index, {bounds[0]} to {bounds[1]}"
            )
        return found

    def _absolute(self, key: TileKey | SpaceTimeKey) -> tuple[int, ...]:
        """Return column, row and time of a key, counted from 0 and 1970."""
        if not isinstance(key, SpaceTimeKey):
            return key.col, key.row
        return key.col, key.row, int(self._time_axis().places(nanoseconds_of(key.instant)))

    def _places(self, key: TileKey | SpaceTimeKey) -> tuple[int, ...]:
        return tuple(
            place - start for place, start in zip(self._absolute(key), self._starts(), strict=True)
        )

    def _whole(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        return self._places(self.bounds.first), self._places(self.bounds.last)

    def _box(self, box: KeyBounds) -> tuple[tuple[int, ...], tuple[int, ...]] | None:
        if not isinstance(box, KeyBounds):
            raise GridError(f"expected a box as KeyBounds, got {box!r}")
        if (instants := self.bounds.instants) is not None and box.instants is None:
            first, last = (
                SpaceTimeKey(key.col, key.row, instant)
                for key, instant in zip((box.first, box.last), instants, strict=True)
            )
            box = KeyBounds(first, last)
        inside = self.bounds.intersection(box)
        return None if inside is None else (self._places(inside.first), self._places(inside.last))


def check_common(index: KeyIndex) -> None:
    """Check and convert the fields that all indexes have.

    Raises
    ------
    GridError
        Fields that contradict each other.
    """
    if not isinstance(index.bounds, KeyBounds):
        raise GridError(f"expected the bounds of an index as KeyBounds, got {index.bounds!r}")
    if index.time_step is None:
        return
    if index.bounds.instants is None:
        raise GridError(
            f"time_step={index.time_step!r} is for keys with instants; the bounds have none: "
            f"{index.bounds!r}"
        )
    step = step_of(index.time_step)
    first, length = int(index.bounds.instants[0].astype(np.int64)), int(step.astype(np.int64))
    if first // length * length < np.iinfo(np.int64).min:
        raise GridError(f"the first step of {step} starts before 1678: take a shorter time_step")
    object.__setattr__(index, "time_step", step)


def _inside(name: str, values: ArrayLike, first: int, last: int) -> NDArray[np.int64]:
    """Return integers from `first` to `last` as int64."""
    found = np.asarray(values)
    if found.dtype.kind not in "iu":
        if found.size:
            raise GridError(f"{name} must be integers, got the dtype {found.dtype.name!r}")
        return found.astype(np.int64)
    if found.size and (int(found.min()) < first or int(found.max()) > last):
        wrong = found[(found < first) | (found > last)].ravel()[0]
        raise GridError(f"{name} of this index go from {first} to {last}, got {wrong}")
    return found.astype(np.int64)
