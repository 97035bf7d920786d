"""The colour maps of Terracotta: 255 colours each, by the names that its clients ask for."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from xcube_tiles.errors import StyleError
from xcube_tiles.render.colormaps import colormap, colormap_names
from xcube_tiles.render.colour_tables import CLOUD, cloud_table, colour_tables
from xcube_tiles.render.stretch import COLOURS

if TYPE_CHECKING:
    from numpy.typing import NDArray

SUFFIX = "_rgba.npy"
"""End of the name of a file that holds a colour map of one's own."""


@lru_cache(maxsize=1)
def _tables() -> dict[str, NDArray[np.uint8]]:
    opaque = np.full((COLOURS, 1), 255, dtype=np.uint8)
    tables = {name: np.hstack([table, opaque]) for name, table in colour_tables().items()}
    for table in tables.values():
        table.flags.writeable = False
    return {CLOUD: cloud_table(), **tables}


@lru_cache(maxsize=8)
def _own(folder: str) -> dict[str, NDArray[np.uint8]]:
    if not Path(folder).is_dir():
        raise StyleError(f"the folder of colour maps {folder!r} doesn't exist")
    found = {}
    for path in sorted(Path(folder).glob(f"*{SUFFIX}")):
        table = np.load(path, allow_pickle=False)
        if table.shape != (COLOURS, 4) or table.dtype != np.uint8:
            raise StyleError(
                f"{str(path)!r} is no colour map: expected uint8 of shape ({COLOURS}, 4), got "
                f"{table.dtype} of shape {table.shape}"
            )
        found[path.name.removesuffix(SUFFIX)] = table
    return found


def colour_names(folder: str | None = None) -> tuple[str, ...]:
    """Return the names of all colour maps, sorted.

    Parameters
    ----------
    folder
        Folder of maps of one's own, files ``NAME_rgba.npy`` of uint8 (255, 4).

    Examples
    --------
    >>> {"viridis", "viridis_r", "tab20", "cloud", "ndvi"} <= set(colour_names())
    True
    """
    own = _own(folder) if folder else {}
    return tuple(sorted({*_tables(), *colormap_names(with_reversed=True), *own}))


def colour_table(name: str | None, folder: str | None = None) -> NDArray[np.uint8]:
    """Return the colours of the values 1 to 255.

    Parameters
    ----------
    name
        One of `colour_names`, in lower case; None: greys.
    folder
        As for `colour_names`; its maps hide others of the same name.

    Returns
    -------
    ndarray of uint8, shape (255, 4)
        Red, green, blue, opacity.

    Raises
    ------
    StyleError
        A name that there isn't, or a folder that can't be read.

    Examples
    --------
    >>> colour_table("viridis")[[0, 254]].tolist()
    [[68, 1, 84, 255], [253, 231, 36, 255]]
    >>> colour_table(None)[[0, 254]].tolist()
    [[1, 1, 1, 255], [255, 255, 255, 255]]
    """
    if name is None:
        grey = np.arange(1, COLOURS + 1, dtype=np.uint8)
        return np.stack([grey, grey, grey, np.full_like(grey, 255)], axis=1)
    own = _own(folder) if folder else {}
    if name in own:
        return own[name]
    if name in _tables():
        return _tables()[name]
    if name in colormap_names(with_reversed=True):
        ours = colormap(name, COLOURS)
        return np.concatenate([ours, np.full((COLOURS, 1), 255, dtype=np.uint8)], axis=1)
    raise StyleError(f"unknown colormap {name!r}; the names are {', '.join(colour_names(folder))}")
