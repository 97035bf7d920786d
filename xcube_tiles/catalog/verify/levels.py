"""Whether the cells of coarser levels are those that the finest level gives."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from dask.base import compute

from xcube_tiles.catalog.pyramids.pyramid import SHARD, levels_on
from xcube_tiles.catalog.reading.selection import read_layer
from xcube_tiles.catalog.verify.report import problem

if TYPE_CHECKING:
    from collections.abc import Iterator

    from xcube_tiles.catalog.layer import Layer
    from xcube_tiles.catalog.verify.report import Problem

CLOSE = 1e-5
"""Relative difference of floats: levels past a block add in another order."""


def check_cells(layer: Layer) -> Iterator[Problem]:
    """Compute each coarser level anew and compare it with what is stored.

    Cells are streamed; memory holds some blocks.
    """
    methods = layer.metadata.get("resampling", {})
    if len(layer.levels) < 2:
        return
    if set(methods) != set(layer.variables):
        text = "how its levels were made isn't known: their cells can't be compared"
        yield problem(layer.name, "", "unchecked", text)
        return
    minimum = layer.metadata.get("min_valid", 0.0)
    made = levels_on(read_layer(layer), layer.geoboxes, methods, minimum, _block(layer))
    places, counts = [], []
    for level in layer.levels[1:]:
        stored = read_layer(layer, zoom=level.zoom)
        for name in layer.variables:
            rows, cols = stored[name].shape[-2:]
            other = made[name][level.number][..., :rows, :cols]
            places.append(f"{level.path}/{name}")
            counts.append(_differs(stored[name].data.rechunk(other.chunks), other).sum())
    for place, count in zip(places, compute(*counts), strict=True):
        if count:
            text = f"{int(count)} of its cells aren't those that level 0 gives"
            yield problem(layer.name, place, "values", text)


def _block(layer: Layer) -> int:
    """Return the edge of the blocks that the layer was made in, as far as it tells."""
    edges = {(layer.array(name, 0).shards or (SHARD,))[-1] for name in layer.variables}
    return edges.pop() if len(edges) == 1 else SHARD


def _differs(stored: Any, made: Any) -> Any:
    if stored.dtype.kind != "f":
        return stored != made
    both = np.isnan(stored) & np.isnan(made)
    return ~(both | (stored == made) | (abs(stored - made) <= CLOSE * abs(made)))
