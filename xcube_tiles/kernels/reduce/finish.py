"""What becomes of a state of `kernels.reduce.moments` in the end: a value, or NoData.

Each function takes a state and the same keywords: `dtype` of the result, `missing` (what stands
where there is no value), `min_count` (least number of valid cells that give a value) and `ddof`
(subtracted from that number in variances). What a function doesn't need it ignores.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import DTypeLike, NDArray

    from xcube_tiles.kernels.reduce.moments import State


def finish_value(
    state: State, *, dtype: DTypeLike, missing: float, min_count: int, ddof: int
) -> NDArray[Any]:
    """Return the second part of a state: a sum, a product, an extreme or an end."""
    result: NDArray[Any] = state[1].astype(dtype, copy=False)
    enough = state[0] >= max(min_count, 1)
    if not enough.all():
        result = np.where(enough, result, result.dtype.type(missing))
    return result


def finish_mean(
    state: State, *, dtype: DTypeLike, missing: float, min_count: int, ddof: int
) -> NDArray[Any]:
    """Return the mean of the state of `sums`."""
    return finish_value(
        (state[0], state[1] / np.maximum(state[0], 1)),
        dtype=dtype,
        missing=missing,
        min_count=min_count,
        ddof=ddof,
    )


def finish_variance(
    state: State, *, dtype: DTypeLike, missing: float, min_count: int, ddof: int
) -> NDArray[Any]:
    """Return the variance of the state of `spreads`; none where `ddof` leaves no cell."""
    return finish_value(
        (state[0], state[2] / np.maximum(state[0] - ddof, 1)),
        dtype=dtype,
        missing=missing,
        min_count=max(min_count, ddof + 1),
        ddof=ddof,
    )


def finish_sd(
    state: State, *, dtype: DTypeLike, missing: float, min_count: int, ddof: int
) -> NDArray[Any]:
    """Return the standard deviation of the state of `spreads`."""
    variance = finish_variance(
        state, dtype=np.float64, missing=np.nan, min_count=min_count, ddof=ddof
    )
    return np.asarray(np.sqrt(variance), dtype=dtype)


def finish_count(
    state: State, *, dtype: DTypeLike, missing: float, min_count: int, ddof: int
) -> NDArray[Any]:
    """Return the number of valid cells."""
    return state[0].astype(dtype, copy=False)


def finish_any(
    state: State, *, dtype: DTypeLike, missing: float, min_count: int, ddof: int
) -> NDArray[Any]:
    """Return whether a valid cell isn't zero."""
    return np.asarray(state[1] > 0)


def finish_all(
    state: State, *, dtype: DTypeLike, missing: float, min_count: int, ddof: int
) -> NDArray[Any]:
    """Return whether there are at least `min_count` valid cells and none of them is zero."""
    return np.asarray((state[0] >= max(min_count, 1)) & (state[1] == state[0]))
