"""Which single cells have no value, for compiled loops."""

from __future__ import annotations

from typing import Any

from numba import njit


@njit(nogil=True, cache=True)
def is_missing(value: Any, nodata: Any, masked: bool) -> Any:
    """Whether a cell is NaN, or the NoData number where there is one (`masked`).

    Without branches: compiled into a loop, it leaves the loop to the vector units.
    """
    return (value != value) | (masked & (value == nodata))
