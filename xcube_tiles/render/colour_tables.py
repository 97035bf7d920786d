"""Colour maps of matplotlib as tables, for servers that don't have matplotlib."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

# Colours of matplotlib's maps at 255 equally spaced places, cut to whole numbers as Terracotta has
# them, kept as steps from one colour to the next: a tenth of the bytes once compressed.
# scripts/make_colormaps.py writes them.
_FILE = Path(__file__).with_name("colormaps.npz")

CLOUD = "cloud"
"""The one map of Terracotta that isn't matplotlib's: greys that become opaque."""

_SIZE = 255


@lru_cache(maxsize=1)
def colour_tables() -> Mapping[str, NDArray[np.uint8]]:
    """Return the colours of each map by its name in lower case, reversed ones included.

    Returns
    -------
    mapping of name to ndarray of uint8, shape (255, 3)
        Red, green, blue; read-only.

    Examples
    --------
    >>> colour_tables()["viridis"][[0, 254]].tolist()
    [[68, 1, 84], [253, 231, 36]]
    """
    with np.load(_FILE) as file:
        colours = np.cumsum(file["steps"], axis=2, dtype=np.uint8).transpose(0, 2, 1)
        names = file["names"].tolist()
    colours = np.ascontiguousarray(colours)
    colours.flags.writeable = False
    return dict(zip(names, colours, strict=True))


def cloud_table() -> NDArray[np.uint8]:
    """Return red, green, blue and opacity of the map `cloud`, shape (255, 4).

    Examples
    --------
    >>> cloud_table()[[0, 1, 254]].tolist()
    [[0, 0, 0, 0], [129, 129, 129, 1], [255, 255, 255, 255]]
    """
    place = np.arange(_SIZE)
    grey = 128 + (place + 1) // 2
    table = np.stack([grey, grey, grey, np.minimum(3 * place // 2, 255)], axis=1)
    table[0] = 0
    return table.astype(np.uint8)


def table_colours(name: str, size: int) -> NDArray[np.uint8] | None:
    """Return equally spaced colours of a map, the nearest of the table; None if it isn't there.

    Parameters
    ----------
    name
        Name in lower case.
    size
        Number of colours, both ends included.
    """
    table = colour_tables().get(name)
    return None if table is None else nearest_of(table, size)


def nearest_of(table: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    """Return equally spaced rows of a table, both ends included."""
    place = np.floor(np.linspace(0.0, len(table) - 1, size) + 0.5).astype(np.intp)
    return table[place]
