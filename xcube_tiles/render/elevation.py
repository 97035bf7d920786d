"""Elevations as colours that clients compute with: terrain-RGB (Mapbox) and Terrarium."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias, get_args

import numpy as np

from xcube_tiles.errors import StyleError

if TYPE_CHECKING:
    from numpy.typing import NDArray

Elevation: TypeAlias = Literal["terrainrgb", "terrarium"]
"""How elevations in metres stand in red, green and blue."""

# Offset, and steps in a metre.
_SCALES: dict[str, tuple[float, float]] = {
    "terrainrgb": (10000.0, 10.0),
    "terrarium": (32768.0, 256.0),
}
_HIGHEST = 2**24 - 1


def check_elevation(name: str) -> None:
    """Raise StyleError for a name that no encoding of elevations has."""
    if name not in get_args(Elevation):
        raise StyleError(
            f"elevations are encoded as {' or '.join(get_args(Elevation))}, got {name!r}"
        )


def elevation_colours(metres: NDArray[np.floating], encoding: Elevation) -> NDArray[np.uint8]:
    """Return red, green, blue and opacity that mean elevations.

    Parameters
    ----------
    metres
        Elevations, any shape; NaN: no value.
    encoding
        `terrainrgb`: ``-10000 + (r * 65536 + g * 256 + b) / 10``; `terrarium`: ``r * 256 + g + b /
        256 - 32768``.

    Returns
    -------
    ndarray of uint8, shape (..., 4)
        The nearest colour; elevations beyond the colours get the last one. Without a value it is
        that of 0 m, transparent: clients that don't look at the opacity see the level of the sea.

    Notes
    -----
    Mapbox Terrain-RGB v1, and Terrarium of Mapzen's terrain tiles.

    Examples
    --------
    >>> elevation_colours(np.array([0.0, 100.0, np.nan]), "terrainrgb").tolist()
    [[1, 134, 160, 255], [1, 138, 136, 255], [1, 134, 160, 0]]
    """
    check_elevation(encoding)
    offset, steps = _SCALES[encoding]
    missing = np.isnan(metres)
    number = np.floor((np.where(missing, 0.0, metres).astype(np.float64) + offset) * steps + 0.5)
    whole = np.clip(number, 0, _HIGHEST).astype(np.uint32)
    opacity = np.where(missing, 0, 255)
    colours = [(whole >> 16) & 255, (whole >> 8) & 255, whole & 255, opacity]
    return np.stack(colours, axis=-1).astype(np.uint8)
