"""Instants as whole numbers: steps of equal length since 1970, or a power of two of bins."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal, cast

import numpy as np

from xcube_tiles.errors import GridError
from xcube_tiles.grid.keys import as_instant

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

_UNITS = ("W", "D", "h", "m", "s", "ms", "us", "ns")
# Of fixed length: months and years aren't.

_EXPECTED = (
    "expected a length of time such as '1D', '6h', '30D' or '500ms' (units "
    f"{', '.join(_UNITS)}), a timedelta or a timedelta64"
)

_NAT = np.iinfo(np.int64).min

MOST_BINS = 31
"""Bits of a number of bins at most, for exact arithmetic in 64 bits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeSteps:
    """Steps of equal length, counted from 1970-01-01T00; those before have negative numbers."""

    step: int
    """Length of a step, in nanoseconds."""

    def places(self, nanoseconds: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the step that each instant is in; a step holds its start, not its end."""
        return np.floor_divide(nanoseconds, self.step)

    def starts(self, places: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return where steps start, in nanoseconds since 1970; NaT after 2262."""
        last = np.iinfo(np.int64).max // self.step
        return np.where(places <= last, np.minimum(places, last) * self.step, _NAT)


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeBins:
    """A power of two of bins between two instants; the last holds its end too."""

    first: int
    """The first instant, in nanoseconds since 1970."""

    last: int
    """The last instant, in nanoseconds since 1970."""

    bits: int
    """Binary logarithm of the number of bins, up to `MOST_BINS`."""

    def places(self, nanoseconds: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the bin that each instant is in: floor((t - first) * bins / (last - first))."""
        width = self.last - self.first
        if not width:
            return np.zeros(nanoseconds.shape, np.int64)
        # A long division, some binary digits at a time: the product doesn't fit 64 bits.
        rest = (nanoseconds - np.int64(self.first)).astype(np.uint64)
        found = np.zeros(rest.shape, np.uint64)
        left = self.bits
        while left:
            digits = min(left, 64 - width.bit_length())
            rest <<= np.uint64(digits)
            quotient = rest // np.uint64(width)
            rest -= quotient * np.uint64(width)
            found = found << np.uint64(digits) | quotient
            left -= digits
        return np.minimum(found.astype(np.int64), (1 << self.bits) - 1)

    def starts(self, places: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the first nanosecond of each bin, since 1970."""
        width, below = self.last - self.first, (1 << self.bits) - 1
        return (
            self.first
            + places * (width >> self.bits)
            + ((places * (width & below) + below) >> self.bits)
        )


def step_of(value: str | timedelta | np.timedelta64) -> np.timedelta64:
    """Return a length of time as timedelta64[ns].

    Parameters
    ----------
    value
        A timedelta, a timedelta64 of a unit of fixed length, or a number with such a unit: W, D,
        h, m, s, ms, us, ns.

    Raises
    ------
    GridError
        Something else, or a length that isn't positive or that nanoseconds can't hold.

    Examples
    --------
    >>> step_of("6h")
    np.timedelta64(21600000000000,'ns')
    """
    found = _plain_step(value)
    if found is None:
        raise GridError(f"{_EXPECTED}, got {value!r}; a month is no fixed length, take '30D'")
    nanoseconds = found.astype("m8[ns]")
    if nanoseconds.astype(found.dtype) != found or nanoseconds.astype(np.int64) <= 0:
        raise GridError(f"a length of time must be positive and below 292 years, got {value!r}")
    return np.timedelta64(nanoseconds, "ns")


def _plain_step(value: Any) -> np.timedelta64 | None:
    if isinstance(value, str):
        match = re.fullmatch(r"(\d{0,18})\s*([A-Za-z]+)", value)
        if match is None or match[2] not in _UNITS:
            return None
        return np.timedelta64(int(match[1] or 1), cast("Literal['ns']", match[2]))
    if isinstance(value, timedelta):
        return np.timedelta64(value)
    fixed = isinstance(value, np.timedelta64) and np.datetime_data(value.dtype)[0] in _UNITS
    return value if fixed else None


def nanoseconds_of(times: ArrayLike) -> NDArray[np.int64]:
    """Return instants as nanoseconds since 1970.

    Parameters
    ----------
    times
        An array of datetime64 of any unit, or one instant as `SpaceTimeKey` takes it.

    Raises
    ------
    GridError
        Something else; NaT; an instant before 1678 or after 2262.

    Examples
    --------
    >>> nanoseconds_of(np.array(["1969-12-31T23:59:59"], "M8[s]"))
    array([-1000000000])
    """
    found = np.asarray(times)
    if found.dtype.kind != "M":
        if found.ndim:
            raise GridError(
                f"expected instants as an array of datetime64, got the dtype {found.dtype.name!r}"
            )
        found = np.asarray(as_instant(times))  # type: ignore[arg-type]
    if np.isnat(found).any():
        raise GridError("expected points in time, got NaT among them")
    try:
        nanoseconds = found.astype("M8[ns]")
        # Before 2.5 numpy wraps around silently.
        if bool((nanoseconds.astype(found.dtype) == found).all()):
            return nanoseconds.astype(np.int64)
    except OverflowError:
        pass
    raise GridError("expected points in time from 1678 to 2262, got one outside")
