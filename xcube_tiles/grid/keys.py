"""Tile keys: where a tile lies in a layout, and when."""

from __future__ import annotations

import operator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np

from xcube_tiles.errors import GridError

if TYPE_CHECKING:
    from typing import SupportsIndex

_AROUND = [(cols, rows) for rows in (-1, 0, 1) for cols in (-1, 0, 1) if (cols, rows) != (0, 0)]


@dataclass(frozen=True, slots=True, order=True)
class TileKey:
    """Place of a tile in a layout, counted from its top-left corner.

    Keys are ordered by column, then row. Negative numbers are allowed, as a key by itself knows
    no layout; `TileLayout` refuses keys outside it.

    Raises
    ------
    GridError
        A column or row that isn't an integer.

    Examples
    --------
    >>> TileKey.parse("3/5")
    TileKey(col=3, row=5)
    >>> str(TileKey(col=3, row=5))
    '3/5'
    """

    col: int
    """Column; grows to the east."""

    row: int
    """Row; grows to the south."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "col", _integer("col", self.col))
        object.__setattr__(self, "row", _integer("row", self.row))

    @classmethod
    def parse(cls, text: str) -> TileKey:
        """Return the key that `str` wrote: `col/row`.

        Raises
        ------
        GridError
            A text that isn't such a key.
        """
        parts = text.split("/") if isinstance(text, str) else ()
        if len(parts) != 2:
            raise GridError(f"expected a tile key 'col/row' such as '3/5', got {text!r}")
        return cls(*(_parsed_integer(part, text) for part in parts))

    def __str__(self) -> str:
        return f"{self.col}/{self.row}"

    def parent(self) -> TileKey:
        """Return the key of the tile around this one in the layout of twice the cell size.

        Both layouts have the same origin and as many cells in a tile.

        Examples
        --------
        >>> TileKey(col=3, row=5).parent()
        TileKey(col=1, row=2)
        """
        return TileKey(self.col // 2, self.row // 2)

    def children(self) -> tuple[TileKey, TileKey, TileKey, TileKey]:
        """Return the keys of the four tiles inside this one in the layout of half the cell size.

        In row-major order: top left, top right, bottom left, bottom right.

        Examples
        --------
        >>> [str(key) for key in TileKey(col=1, row=2).children()]
        ['2/4', '3/4', '2/5', '3/5']
        """
        col, row = 2 * self.col, 2 * self.row
        return (
            TileKey(col, row),
            TileKey(col + 1, row),
            TileKey(col, row + 1),
            TileKey(col + 1, row + 1),
        )

    def moved(self, cols: int, rows: int) -> TileKey:
        """Return the key so many columns to the right and rows further down."""
        return TileKey(self.col + cols, self.row + rows)

    def neighbours(self) -> tuple[TileKey, ...]:
        """Return the keys of the eight tiles around, in row-major order.

        A key knows no layout, so that some may lie outside: see `TileLayout.neighbours`.

        Examples
        --------
        >>> [str(key) for key in TileKey(col=1, row=1).neighbours()]
        ['0/0', '1/0', '2/0', '0/1', '2/1', '0/2', '1/2', '2/2']
        """
        return tuple(self.moved(cols, rows) for cols, rows in _AROUND)


@dataclass(frozen=True, slots=True, order=True)
class SpaceTimeKey:
    """Place of a tile in a layout, and its instant.

    Keys are ordered by column, then row, then instant.

    Raises
    ------
    GridError
        A column or row that isn't an integer, or an instant that isn't one.

    Examples
    --------
    >>> key = SpaceTimeKey.parse("3/5/2018-05-24T10:30")
    >>> key.instant
    np.datetime64('2018-05-24T10:30:00.000000000')
    >>> str(key), key.spatial
    ('3/5/2018-05-24T10:30', TileKey(col=3, row=5))
    """

    col: int
    """Column; grows to the east."""

    row: int
    """Row; grows to the south."""

    instant: np.datetime64
    """Point in time, UTC, as datetime64[ns]; a text or datetime is accepted (with a zone: brought
    to UTC)."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "col", _integer("col", self.col))
        object.__setattr__(self, "row", _integer("row", self.row))
        object.__setattr__(self, "instant", as_instant(self.instant))

    @classmethod
    def parse(cls, text: str) -> SpaceTimeKey:
        """Return the key that `str` wrote: `col/row/instant`, the instant in ISO 8601.

        Raises
        ------
        GridError
            A text that isn't such a key.
        """
        parts = text.split("/") if isinstance(text, str) else ()
        if len(parts) != 3:
            raise GridError(
                "expected a space-time key 'col/row/instant' such as '3/5/2018-05-24', "
                f"got {text!r}"
            )
        col, row = (_parsed_integer(part, text) for part in parts[:2])
        return cls(col, row, as_instant(parts[2]))

    @property
    def spatial(self) -> TileKey:
        """The key without the instant."""
        return TileKey(self.col, self.row)

    def parent(self) -> SpaceTimeKey:
        """Return the key around this one in the layout of twice the cell size; see `TileKey`."""
        return self._at(self.spatial.parent())

    def children(self) -> tuple[SpaceTimeKey, ...]:
        """Return the four keys inside this one in the layout of half the cell size."""
        return tuple(self._at(key) for key in self.spatial.children())

    def moved(self, cols: int, rows: int) -> SpaceTimeKey:
        """Return the key so many columns to the right and rows further down."""
        return self._at(self.spatial.moved(cols, rows))

    def neighbours(self) -> tuple[SpaceTimeKey, ...]:
        """Return the keys of the eight tiles around at this instant, in row-major order."""
        return tuple(self._at(key) for key in self.spatial.neighbours())

    def _at(self, key: TileKey) -> SpaceTimeKey:
        return SpaceTimeKey(key.col, key.row, self.instant)

    def __str__(self) -> str:
        return f"{self.col}/{self.row}/{np.datetime_as_string(self.instant, unit='auto')}"


def as_instant(value: np.datetime64 | datetime | str) -> np.datetime64:
    """Return a point in time as datetime64[ns], UTC.

    Parameters
    ----------
    value
        A datetime64 of any unit, a datetime, or a text in ISO 8601. One with a zone is brought to
        UTC; one without is UTC.

    Raises
    ------
    GridError
        Something that isn't a point in time, or one before 1678 or after 2262.

    Examples
    --------
    >>> as_instant("2018-05-24T12:00+02:00")
    np.datetime64('2018-05-24T10:00:00.000000000')
    """
    try:
        instant = _plain_instant(value)
    except (ValueError, TypeError) as error:
        raise GridError(
            f"expected a point in time (datetime64, datetime or ISO 8601), got {value!r}"
        ) from error
    nanoseconds = _in_nanoseconds(instant)
    if nanoseconds is None:
        raise GridError(f"expected a point in time from 1678 to 2262, got {value!r}")
    return nanoseconds


def _in_nanoseconds(instant: np.datetime64) -> np.datetime64 | None:
    """Return the same instant in nanoseconds; None for NaT and where they don't reach."""
    if np.isnat(instant):
        return None
    try:
        nanoseconds = np.datetime64(instant.astype("M8[ns]"))
    except OverflowError:
        return None
    # Before 2.5 numpy wraps around silently.
    return nanoseconds if nanoseconds.astype(instant.dtype) == instant else None


def _plain_instant(value: np.datetime64 | datetime | str) -> np.datetime64:
    if isinstance(value, np.datetime64):
        return value
    if isinstance(value, str):
        if value.lower() in {"", "nat"}:  # without a unit numpy warns of them
            return np.datetime64("NaT", "ns")
        # numpy reads all of ISO 8601 but zones, datetime reads zones but no nanoseconds
        if "T" not in value or not any(sign in value.split("T")[1] for sign in "Z+-"):
            return np.datetime64(value)
        value = datetime.fromisoformat(value)
    if not isinstance(value, datetime):
        raise TypeError(value)
    if value.tzinfo is not None:
        value = value.astimezone(UTC).replace(tzinfo=None)
    instant = np.datetime64(value, "us")
    # a pandas Timestamp is a datetime with nanoseconds, which numpy drops
    nanoseconds = getattr(value, "nanosecond", 0)
    return instant + np.timedelta64(nanoseconds, "ns") if nanoseconds else instant


def _integer(name: str, value: SupportsIndex) -> int:
    try:
        return operator.index(value)
    except TypeError:
        raise GridError(f"{name} of a tile key must be an integer, got {value!r}") from None


def _parsed_integer(part: str, text: str) -> int:
    try:
        return int(part)
    except ValueError:
        raise GridError(f"expected an integer in the tile key {text!r}, got {part!r}") from None
