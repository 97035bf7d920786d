"""Between which breaks cells lie."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numba import njit

if TYPE_CHECKING:
    from numpy.typing import NDArray

_FEW = 256
# Counting all breaks below a cell runs in the vector units. Measured on one core, float32 cells in
# no order: 0.8 ns a cell for 8 breaks, 5 for 64, 20 for 256; a binary search, which guesses
# branches wrong, 13, 33 and 47.


@njit(nogil=True, cache=True)
def _count(
    cells: NDArray[Any], breaks: NDArray[Any], inclusive: bool, out: NDArray[np.int32]
) -> None:
    out[:] = 0
    for k in range(breaks.size):
        edge = breaks[k]
        if inclusive:
            for i in range(cells.size):
                out[i] += cells[i] >= edge
        else:
            for i in range(cells.size):
                out[i] += cells[i] > edge


def breaks_below(
    cells: NDArray[Any], breaks: NDArray[Any], *, inclusive: bool
) -> NDArray[np.int32]:
    """Return how many breaks are below each cell.

    Parameters
    ----------
    cells
        Integers or floats, any shape; NaN has arbitrary numbers.
    breaks
        Ascending, in the dtype of the cells.
    inclusive
        Whether a break that equals a cell counts.

    Examples
    --------
    >>> breaks_below(np.array([1, 5, 9]), np.array([1, 5]), inclusive=False)
    array([0, 1, 2], dtype=int32)
    """
    if breaks.size > _FEW:
        found: NDArray[Any] = np.searchsorted(breaks, cells, "right" if inclusive else "left")
        return found.astype(np.int32)
    flat = np.ascontiguousarray(cells).ravel()
    out = np.empty(flat.size, np.int32)
    flat.flags.writeable = False  # numba compiles read-only arrays as a type of their own
    edges = breaks.copy()
    edges.flags.writeable = False
    _count(flat, edges, inclusive, out)
    return out.reshape(cells.shape)
