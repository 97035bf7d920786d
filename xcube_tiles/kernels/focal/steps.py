"""How a window's cells are put together in few steps, each from two (or three) results before.

A window of 25 rows is one of 12, the next 12 and one more; that of 12 two of 6; that of 6 two of 3.
Rows come one by one, and of each step only so many rows are kept as the next step reaches back.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Steps(NamedTuple):
    """Lengths of windows that are made one after the other, and where their rows are kept."""

    lengths: NDArray[np.int64]
    """Cells that the window of each step has; the first has 1, the last all."""

    slots: NDArray[np.int64]
    """Rows that are kept of each step."""

    bases: NDArray[np.int64]
    """Where the rows of each step begin in the array of all; one more: how many there are."""


def exact_steps(length: int) -> Steps:
    """Return steps that take each cell once: of m cells come those of 2 m or 2 m + 1.

    Parameters
    ----------
    length
        Cells of the whole window, at least 1.

    Examples
    --------
    >>> exact_steps(25).lengths.tolist()
    [1, 3, 6, 12, 25]
    """
    lengths = [length >> shift for shift in reversed(range(length.bit_length()))]
    # Any step may need single cells: as many rows of them are kept as the window has.
    return _steps(lengths, first=length)


def covering_steps(length: int) -> Steps:
    """Return steps that may take a cell twice, as extremes may: doubling, then one that overlaps.

    Examples
    --------
    >>> covering_steps(25).lengths.tolist(), covering_steps(4).lengths.tolist()
    ([1, 2, 4, 8, 16, 25], [1, 2, 4])
    """
    lengths = [1 << shift for shift in range(length.bit_length())]
    if lengths[-1] != length:
        lengths.append(length)
    return _steps(lengths, first=1)


def _steps(lengths: list[int], *, first: int) -> Steps:
    reach = [after - before + 1 for before, after in pairwise(lengths)]
    slots = np.array([*reach, 1], np.int64)
    slots[0] = max(int(slots[0]), first)
    bases = np.concatenate([[0], np.cumsum(slots)]).astype(np.int64)
    return Steps(np.array(lengths, np.int64), slots, bases)
