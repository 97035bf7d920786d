"""Key bounds: a box of tile keys, in space or in space and time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from xcube_tiles.errors import GridError
from xcube_tiles.grid.keys import SpaceTimeKey, TileKey

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    import numpy as np


@dataclass(frozen=True, slots=True)
class KeyBounds:
    """The keys from one to another, both included, along columns, rows and instants each.

    Raises
    ------
    GridError
        A key of space and one of space and time; a last key before the first along an axis.

    Examples
    --------
    >>> bounds = KeyBounds(TileKey(1, 2), TileKey(3, 2))
    >>> bounds.cols, bounds.rows, TileKey(4, 2) in bounds
    (range(1, 4), range(2, 3), False)
    """

    first: TileKey | SpaceTimeKey
    """The lowest column, row and instant."""

    last: TileKey | SpaceTimeKey
    """The highest column, row and instant, of the same kind as `first`."""

    def __post_init__(self) -> None:
        for key in (self.first, self.last):
            if not isinstance(key, TileKey | SpaceTimeKey):
                raise GridError(f"expected a TileKey or SpaceTimeKey, got {key!r}")
        if type(self.first) is not type(self.last):
            raise GridError(
                "key bounds need two keys of one kind, with or without an instant, got "
                f"{self.first!r} and {self.last!r}"
            )
        if any(low > high for low, high in zip(_axes(self.first), _axes(self.last), strict=True)):
            raise GridError(
                "the first key of key bounds may not lie behind the last along any axis, got "
                f"{self.first!s} and {self.last!s}; KeyBounds.around(keys) sorts them"
            )

    @classmethod
    def around(cls, keys: Iterable[TileKey | SpaceTimeKey]) -> KeyBounds:
        """Return the smallest bounds that hold some keys, in any order.

        Raises
        ------
        GridError
            No key at all, or keys of two kinds.

        Examples
        --------
        >>> KeyBounds.around([TileKey(3, 0), TileKey(1, 2)])
        KeyBounds(first=TileKey(col=1, row=0), last=TileKey(col=3, row=2))
        """
        found: KeyBounds | None = None
        for key in keys:
            one = cls(key, key)
            found = one if found is None else found.union(one)
        if found is None:
            raise GridError("expected at least one key, got none")
        return found

    @property
    def cols(self) -> range:
        """The columns."""
        return range(self.first.col, self.last.col + 1)

    @property
    def rows(self) -> range:
        """The rows."""
        return range(self.first.row, self.last.row + 1)

    @property
    def instants(self) -> tuple[np.datetime64, np.datetime64] | None:
        """The first and the last instant; None for keys without."""
        if isinstance(self.first, SpaceTimeKey) and isinstance(self.last, SpaceTimeKey):
            return self.first.instant, self.last.instant
        return None

    @property
    def spatial(self) -> KeyBounds:
        """The bounds without instants."""
        return KeyBounds(
            TileKey(self.first.col, self.first.row), TileKey(self.last.col, self.last.row)
        )

    def __contains__(self, key: TileKey | SpaceTimeKey) -> bool:
        bounds = self if type(key) is type(self.first) else self.spatial
        places = _axes(key) if bounds is self else _axes(key)[:2]
        return all(
            low <= place <= high
            for low, place, high in zip(
                _axes(bounds.first), places, _axes(bounds.last), strict=True
            )
        )

    def union(self, other: KeyBounds) -> KeyBounds:
        """Return the smallest bounds around two.

        Raises
        ------
        GridError
            Bounds of two kinds of keys.
        """
        self._check_kind(other)
        return KeyBounds(
            _combined(min, self.first, other.first), _combined(max, self.last, other.last)
        )

    def intersection(self, other: KeyBounds) -> KeyBounds | None:
        """Return the bounds of the keys that two have in common; None if there are none.

        Raises
        ------
        GridError
            Bounds of two kinds of keys.

        Examples
        --------
        >>> bounds = KeyBounds(TileKey(0, 0), TileKey(3, 3))
        >>> bounds.intersection(KeyBounds(TileKey(2, 1), TileKey(9, 1)))
        KeyBounds(first=TileKey(col=2, row=1), last=TileKey(col=3, row=1))
        >>> bounds.intersection(KeyBounds(TileKey(4, 0), TileKey(9, 1))) is None
        True
        """
        self._check_kind(other)
        first = _combined(max, self.first, other.first)
        last = _combined(min, self.last, other.last)
        if any(low > high for low, high in zip(_axes(first), _axes(last), strict=True)):
            return None
        return KeyBounds(first, last)

    def _check_kind(self, other: KeyBounds) -> None:
        if not isinstance(other, KeyBounds):
            raise GridError(f"expected KeyBounds, got {other!r}")
        if type(other.first) is not type(self.first):
            raise GridError(
                "one of the key bounds has instants, the other has none: "
                f"{self!r} and {other!r}; take `spatial` of the one that has"
            )


def _axes(key: TileKey | SpaceTimeKey) -> tuple[int, ...]:
    """Return the places of a key along its axes, the instant in nanoseconds."""
    if isinstance(key, SpaceTimeKey):
        return key.col, key.row, int(key.instant.astype("i8"))
    return key.col, key.row


def _combined(
    choose: Callable[[Any, Any], Any],
    first: TileKey | SpaceTimeKey,
    second: TileKey | SpaceTimeKey,
) -> TileKey | SpaceTimeKey:
    col, row = choose(first.col, second.col), choose(first.row, second.row)
    if isinstance(first, SpaceTimeKey) and isinstance(second, SpaceTimeKey):
        return SpaceTimeKey(col, row, choose(first.instant, second.instant))
    return TileKey(col, row)
