"""What all capabilities tell: layers that can be read, their times, the tiles that show them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xcube_tiles.errors import XcubeTilesError
from xcube_tiles.render.reach import TileLimits, tile_limits
from xcube_tiles.render.tms import named_tms, tms_names

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np

    from xcube_tiles.render.source import TileSource
    from xcube_tiles.server.library import Library
    from xcube_tiles.server.served import ServedLayer


def readable(library: Library) -> Iterator[ServedLayer]:
    """Yield the layers that can be read: one that can't hides no other."""
    for name in library.names():
        try:
            layer = library[name]
            _ = layer.source.geoboxes, layer.source.variables
        except XcubeTilesError:
            continue
        yield layer


def sorted_times(source: TileSource) -> list[np.datetime64]:
    """Return the instants of a source, the earliest first; empty where it has none."""
    return [] if source.times is None else sorted(source.times)


def limits_by_set(
    source: TileSource, names: tuple[str, ...] | None = None
) -> dict[str, tuple[TileLimits, ...]]:
    """Return the tiles that show a source, by the names of the sets that show it at all."""
    found = {name: tile_limits(source, name) for name in names or tms_names()}
    return {name: limits for name, limits in found.items() if limits}


def regular_sets() -> tuple[str, ...]:
    """Return the names of the sets whose rows all have tiles of one width: WMTS 1.0 has no other.

    WebMercatorQuad is first: many clients take the first.
    """
    names = [
        name
        for name in tms_names()
        if not any(matrix.variableMatrixWidths for matrix in named_tms(name).tileMatrices)
    ]
    return tuple(sorted(names, key=lambda name: (name != "WebMercatorQuad", name)))
