"""From cell values to palette indices: linear stretches and categories, by table where possible."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from xcube_tiles.errors import StyleError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xcube_tiles.grid.celltype import CellType
    from xcube_tiles.render.categories import Category

TRANSPARENT = 0
"""Palette index of a pixel without a value."""

COLOURS = 255
"""Palette indices 1 to 255 carry values."""


class Stretch(NamedTuple):
    """The values that get the first and the last colour."""

    low: float
    """Value of the first colour; lower ones get it too."""

    high: float
    """Value of the last colour; higher ones get it too."""


def check_stretch(stretch: Stretch) -> None:
    """Raise StyleError unless both ends are finite and the low one is the lower."""
    low, high = stretch
    if not (math.isfinite(low) and math.isfinite(high)):
        raise StyleError(f"the ends of a stretch are finite numbers, got {low!r} and {high!r}")
    if not low < high:
        raise StyleError(
            f"a stretch goes from a lower to a higher value, got {low!r} and {high!r}; "
            "for the colours in reverse order add '_r' to the name of the colour map"
        )


def stretched(values: NDArray[Any], cell_type: CellType, stretch: Stretch) -> NDArray[np.uint8]:
    """Return the palette index of each cell.

    Parameters
    ----------
    values
        Cells of the type `cell_type`, any shape.
    cell_type
        Says which cells are NoData.
    stretch
        Ends of the ramp.

    Returns
    -------
    ndarray of uint8
        0 for NoData, else 1 to 255. Same shape.

    Notes
    -----
    ``floor(1.5 + 254 * (v - low) / (high - low))``, clipped to 1..255: `low` has the index 1,
    `high` 255. Infinities are values: they get the ends.

    Cells of 8 and 16 bits are looked up in a table of all their values, which is kept.

    Examples
    --------
    >>> from xcube_tiles.grid.celltype import CellType
    >>> cells = np.array([0, 100, 50, 200, 255], dtype="uint8")
    >>> stretched(cells, CellType.parse("uint8ud255"), Stretch(0, 100)).tolist()
    [1, 255, 128, 255, 0]
    >>> stretched(np.array([np.nan, 0.0]), CellType.parse("float64"), Stretch(0, 1)).tolist()
    [0, 1]
    """
    if _has_table(values.dtype):
        return np.take(_stretch_table(cell_type, stretch), _unsigned(values), mode="clip")
    return _stretch_directly(values, cell_type, stretch)


def categorised(
    values: NDArray[Any], cell_type: CellType, categories: tuple[Category, ...]
) -> NDArray[np.uint8]:
    """Return the palette index of each cell: the place of its category, counted from 1.

    Parameters
    ----------
    values
        Cells of the type `cell_type`, any shape.
    cell_type
        Says which cells are NoData.
    categories
        The values that have a colour; of two equal ones the first counts.

    Returns
    -------
    ndarray of uint8
        0 for NoData and for values that are no category. Same shape.
    """
    if _has_table(values.dtype):
        return np.take(_category_table(cell_type, categories), _unsigned(values), mode="clip")
    return _categorise_directly(values, cell_type, categories)


def _stretch_directly(
    values: NDArray[Any], cell_type: CellType, stretch: Stretch
) -> NDArray[np.uint8]:
    low, high = stretch
    # float32 holds 254 steps with room to spare once the low end is taken away; wider integers
    # would lose their last digits before that.
    dtype = np.float32 if values.dtype == np.float32 else np.float64
    with np.errstate(over="ignore", invalid="ignore"):
        place = np.subtract(values, low, dtype=dtype)
        place *= dtype((COLOURS - 1) / (high - low))
        place += dtype(1.5)
    np.maximum(place, 1, out=place)
    np.minimum(place, COLOURS, out=place)
    if values.dtype.kind == "f":
        np.fmax(place, TRANSPARENT, out=place)  # NaN lost every comparison but this one
    index: NDArray[np.uint8] = place.astype(np.uint8)
    if cell_type.nodata is not None and not math.isnan(cell_type.nodata):
        index[cell_type.is_nodata(values)] = TRANSPARENT
    return index


def _categorise_directly(
    values: NDArray[Any], cell_type: CellType, categories: tuple[Category, ...]
) -> NDArray[np.uint8]:
    index = np.zeros(values.shape, dtype=np.uint8)
    for place, category in reversed(tuple(enumerate(categories, start=1))):
        index[values == category.value] = place
    index[cell_type.is_nodata(values)] = TRANSPARENT
    return index


def _has_table(dtype: np.dtype[Any]) -> bool:
    return dtype.kind in "iub" and dtype.itemsize <= 2


def _unsigned(values: NDArray[Any]) -> NDArray[Any]:
    """Return the same bytes as unsigned integers, which index a table from 0."""
    native = values.astype(values.dtype.newbyteorder("="), copy=False)
    unsigned: NDArray[Any] = native.view(np.dtype(f"u{values.dtype.itemsize}"))
    return unsigned


def _all_values(dtype: np.dtype[Any]) -> NDArray[Any]:
    """Return every value of a small dtype, in the order of its unsigned bytes."""
    if dtype.kind == "b":
        return np.array([False, True])
    unsigned = np.dtype(f"u{dtype.itemsize}")
    return np.arange(2 ** (8 * dtype.itemsize), dtype=unsigned).view(dtype)


@lru_cache(maxsize=256)
def _stretch_table(cell_type: CellType, stretch: Stretch) -> NDArray[np.uint8]:
    values = _all_values(cell_type.dtype)
    numbers = values.astype(np.uint8) if cell_type.dtype.kind == "b" else values
    table = _stretch_directly(numbers, _numeric(cell_type), stretch)
    table.flags.writeable = False
    return table


@lru_cache(maxsize=64)
def _category_table(cell_type: CellType, categories: tuple[Category, ...]) -> NDArray[np.uint8]:
    table = _categorise_directly(_all_values(cell_type.dtype), cell_type, categories)
    table.flags.writeable = False
    return table


def _numeric(cell_type: CellType) -> CellType:
    """Return a cell type that numpy can subtract from: bool as uint8."""
    if cell_type.dtype.kind != "b":
        return cell_type
    return type(cell_type)(dtype=np.dtype(np.uint8), nodata=None)
