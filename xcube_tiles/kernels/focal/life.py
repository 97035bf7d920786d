"""Conway's game of life on planes of zeros and ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numba import njit

if TYPE_CHECKING:
    from numpy.typing import NDArray


def generations(
    alive: NDArray[np.bool_], barren: NDArray[np.bool_], steps: int
) -> NDArray[np.uint8]:
    """Return the zeros and ones of a plane some generations later; around it nothing lives.

    Parameters
    ----------
    alive
        Which cells live, (h, w).
    barren
        Where no cell ever lives, (h, w).
    steps
        Number of generations.

    Examples
    --------
    >>> row = np.array([[0, 0, 0], [1, 1, 1], [0, 0, 0]], bool)
    >>> generations(row, np.zeros_like(row), 1)
    array([[0, 1, 0],
           [0, 1, 0],
           [0, 1, 0]], dtype=uint8)
    """
    now = np.zeros((alive.shape[0] + 2, alive.shape[1] + 2), np.uint8)
    now[1:-1, 1:-1] = alive & ~barren
    following = np.zeros_like(now)
    for _ in range(steps):
        _step(now, barren, following)
        now, following = following, now
    return np.ascontiguousarray(now[1:-1, 1:-1])


@njit(nogil=True, cache=True)
def _step(now: NDArray[np.uint8], barren: NDArray[np.bool_], out: NDArray[np.uint8]) -> None:
    for i in range(barren.shape[0]):
        above, here, below = now[i], now[i + 1], now[i + 2]
        row, never = out[i + 1], barren[i]
        for j in range(barren.shape[1]):
            count = (
                above[j] + above[j + 1] + above[j + 2]
                + here[j] + here[j + 1] + here[j + 2]
                + below[j] + below[j + 1] + below[j + 2]
            )  # fmt: skip
            # The count has the cell itself: 3 of 8 around it, or 2 and the cell, or 3 and the cell.
            lives = (count == 3) | ((count == 4) & (here[j + 1] == 1))
            row[j + 1] = np.uint8(lives & ~never[j])
