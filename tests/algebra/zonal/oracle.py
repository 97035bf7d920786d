"""Zonal statistics in exact fractions, cell by cell."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


def statistic(name: str, cells: Sequence[Any]) -> float | int | None:
    """Return a statistic of valid cells, rounded once; None: they have none."""
    if name in ("count", "variety"):
        return len(cells) if name == "count" else len(set(cells))
    if not cells:
        return None
    found: float | int
    floats = isinstance(cells[0], float)
    if name in ("min", "max"):
        found = {"min": min, "max": max}[name](cells)
    elif name in ("mode", "minority"):
        sign = -1 if name == "mode" else 1
        found = min(Counter(cells).items(), key=lambda pair: (sign * pair[1], pair[0]))[0]
    elif name == "range":
        found = max(cells) - min(cells)
    elif name == "sum":
        total = sum(map(Fraction, cells), Fraction())
        found = as_float(total) if floats else int(total)
    elif name in ("mean", "variance", "sd"):
        found = as_float(moment(name, [Fraction(cell) for cell in cells]))
        found = float(np.sqrt(found)) if name == "sd" else found
    else:
        share = 0.5 if name == "median" else float(name[1:]) / 100
        with np.errstate(all="ignore"):
            found = float(np.quantile(np.array(cells, np.float64), share))
    return found


def moment(name: str, numbers: Sequence[Fraction]) -> Fraction:
    mean = sum(numbers, Fraction()) / len(numbers)
    if name == "mean":
        return mean
    return sum(((number - mean) ** 2 for number in numbers), Fraction()) / len(numbers)


def as_float(value: Fraction) -> float:
    """Round a fraction; beyond floats it is infinite."""
    try:
        return float(value)
    except OverflowError:
        return np.inf if value > 0 else -np.inf


def cells_of(
    cells: NDArray[Any], zones: NDArray[Any], label: int, missing: NDArray[np.bool_]
) -> list[Any]:
    """Return the valid cells of a zone, as Python numbers."""
    found: list[Any] = cells[(zones == label) & ~missing].tolist()
    return found
