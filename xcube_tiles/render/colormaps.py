"""Colour maps: tables of control points, and the ramps interpolated between them."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from xcube_tiles.errors import StyleError
from xcube_tiles.render.colour_tables import (
    CLOUD,
    cloud_table,
    colour_tables,
    nearest_of,
    table_colours,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

REVERSED = "_r"
"""Suffix of a name that asks for the colours in reverse order."""

RAMP_SIZE = 256
"""Colours in a full ramp."""

# Equally spaced colours from the low to the high end, exact at any number of colours. The
# ColorBrewer schemes (Brewer 2013) are ramps between their own 9 or 11 colours. Maps that are
# curves of their own, as viridis, are tables.
_EVEN = {
    "gray": "000000 ffffff",
    "greys": "ffffff f0f0f0 d9d9d9 bdbdbd 959595 737373 525252 252525 000000",
    "blues": "f7fbff deebf7 c6dbef 9dcae1 6aaed6 4292c6 2171b5 08519c 08306b",
    "greens": "f7fcf5 e5f5e0 c7e9c0 a0d99b 73c476 42ab5d 238b45 006d2c 00441b",
    "ylgn": "ffffe5 f7fcb9 d9f0a3 acdd8e 77c679 42ab5d 238443 006837 004529",
    "ylorrd": "ffffcc ffeda0 fed976 feb24c fd8c3c fc4f2a e31a1c bd0026 800026",
    "rdylgn": "a50026 d83128 f46d43 fdad60 fee08b feffbe d9ef8b a7d96b 66bd63 199750 006837",
    "spectral": "9e0142 d63f4f f46d43 fdad60 fee08b ffffbe e6f598 acdda4 66c2a5 3387bc 5e4fa2",
    "rdbu": "67001f b3192c d6604d f3a481 fddbc7 f6f7f7 d1e5f0 93c6de 4393c3 2065ab 053061",
    "brbg": "543005 8d520b bf812d dec17b f6e8c3 f4f5f5 c7eae5 81cec2 35978f 01655d 003c30",
}

# Colours at positions of their own, 0 to 1. `ndvi` is meant for a stretch of -0.2..1: water and
# bare ground below 0.25 NDVI, then from straw to deep green; `water` for -1..1 of an index whose
# positive half is water.
_PLACED: dict[str, tuple[tuple[float, str], ...]] = {
    "terrain": (
        (0.0, "333399"),
        (0.15, "0099ff"),
        (0.25, "00cc66"),
        (0.5, "ffff99"),
        (0.75, "805c54"),
        (1.0, "ffffff"),
    ),
    "ndvi": (
        (0.0, "2b4a8b"),
        (0.12, "7f8f9c"),
        (0.17, "c9b79c"),
        (0.3, "e3d5a3"),
        (0.45, "c5d36a"),
        (0.6, "86b83d"),
        (0.78, "3f8f2a"),
        (1.0, "0b4a12"),
    ),
    "water": (
        (0.0, "8c6d46"),
        (0.35, "d9c9a3"),
        (0.5, "f2efe6"),
        (0.55, "a6d8e8"),
        (0.75, "2f86c2"),
        (1.0, "0a2a6b"),
    ),
    "hillshade": ((0.0, "1b1f24"), (0.5, "8a8f94"), (1.0, "fbfaf7")),
}


THEMES = tuple(_PLACED)
"""Maps that are meant for variables of their names."""


def colormap_names(*, with_reversed: bool = False) -> tuple[str, ...]:
    """Return the names of the colour maps that are always there, sorted.

    Parameters
    ----------
    with_reversed
        Whether the names with the suffix `_r` are listed too.

    Examples
    --------
    >>> {"viridis", "ndvi", "terrain"} <= set(colormap_names())
    True
    """
    tables = {name.removesuffix(REVERSED) for name in colour_tables()}
    names = sorted({*_EVEN, *_PLACED, CLOUD, *tables})
    return tuple(names + [name + REVERSED for name in names] if with_reversed else names)


def opacities(name: str, size: int = RAMP_SIZE) -> NDArray[np.uint8]:
    """Return the opacity of each colour of a map, shape (size,): 255 but for `cloud`.

    Examples
    --------
    >>> opacities("viridis", 2).tolist(), opacities("cloud", 3).tolist()
    ([255, 255], [0, 190, 255])
    """
    key = name.lower()
    if key.removesuffix(REVERSED) != CLOUD:
        return np.full(size, 255, dtype=np.uint8)
    opacity = nearest_of(cloud_table(), size)[:, 3]
    return opacity[::-1] if key.endswith(REVERSED) else opacity


@lru_cache(maxsize=256)
def colormap(name: str, size: int = RAMP_SIZE) -> NDArray[np.uint8]:
    """Return the colours of a map, from the low end to the high one.

    Parameters
    ----------
    name
        One of `colormap_names`, in any case, with `_r` for the reverse order. Where matplotlib is
        installed, its newer names as well; ours win.
    size
        Number of colours; they are equally spaced and the ends are included.

    Returns
    -------
    ndarray of uint8, shape (size, 3)
        Red, green, blue; read-only, as it is kept and given to every caller.

    Raises
    ------
    StyleError
        A name that nobody knows.

    Examples
    --------
    >>> colormap("gray", 3).tolist()
    [[0, 0, 0], [128, 128, 128], [255, 255, 255]]
    >>> bool((colormap("viridis_r") == colormap("viridis")[::-1]).all())
    True
    """
    if not isinstance(name, str) or not name:
        raise StyleError(f"a colour map is named by a text such as 'viridis', got {name!r}")
    key = name.lower()
    base = key.removesuffix(REVERSED)
    colours = _ours(base, size) if base in _EVEN or base in _PLACED else _theirs(name, base, size)
    colours = np.ascontiguousarray(colours[::-1] if key.endswith(REVERSED) else colours)
    colours.flags.writeable = False
    return colours


def _ours(name: str, size: int) -> NDArray[np.uint8]:
    if name in _EVEN:
        words = _EVEN[name].split()
        positions = np.linspace(0.0, 1.0, len(words))
    else:
        places, words = zip(*_PLACED[name], strict=True)  # type: ignore[assignment]
        positions = np.asarray(places)
    control = np.array([list(bytes.fromhex(word)) for word in words], dtype=np.float64)
    at = np.linspace(0.0, 1.0, size)
    ramp = np.stack([np.interp(at, positions, control[:, i]) for i in range(3)], axis=1)
    return np.floor(ramp + 0.5).astype(np.uint8)


def _theirs(name: str, base: str, size: int) -> NDArray[np.uint8]:
    """Return the colours of a map of matplotlib: of our table, or of its newer ones."""
    if base == CLOUD:
        return nearest_of(cloud_table(), size)[:, :3]
    table = table_colours(base, size)
    if table is not None:
        return table
    theirs = _names_of_matplotlib()
    if base not in theirs:
        more = "" if theirs else "; with matplotlib installed, its names are known too"
        raise StyleError(
            f"unknown colour map {name!r}; the names are {', '.join(colormap_names())}, "
            f"each also with {REVERSED!r}{more}"
        )
    from matplotlib import colormaps

    colours = colormaps[theirs[base]](np.linspace(0.0, 1.0, size), bytes=True)
    return np.asarray(colours, dtype=np.uint8)[:, :3]


def _names_of_matplotlib() -> dict[str, str]:
    try:
        from matplotlib import colormaps
    except ImportError:
        return {}
    return {name.lower(): name for name in colormaps}
