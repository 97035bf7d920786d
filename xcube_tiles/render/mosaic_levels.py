"""The levels of a mosaic: as coarse as can be drawn from few files."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from xcube_tiles.sources.mosaic_grid import coarser_levels, level_count

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray
    from odc.geo.geobox import GeoBox

    from xcube_tiles.render.mosaic_cells import PlacedFile
    from xcube_tiles.sources.footprints import Footprints

_PICTURE = 512
"""Cells about the middle of a file that are looked at: a tile lies in them wherever it begins."""

_WHOLE = 1024
"""A coarsest level of at most that many cells an edge is read at once for a range of values."""

_COARSER = 5
"""Levels beyond a file's coarsest overview that are drawn of it: a tile reads 8192 x 8192 cells."""

_MOST_STACKS = 64
"""Times whose files are counted, those with the most."""


def mosaic_levels(
    base: GeoBox,
    places: Footprints,
    stacks: Sequence[Mapping[int, Sequence[tuple[int, PlacedFile]]]],
    count: int,
    selection: str,
    max_files: int,
) -> tuple[tuple[GeoBox, ...], float | None]:
    """Return the grids of a mosaic's levels, and the widest pixel that can be drawn.

    Parameters
    ----------
    base
        The finest grid.
    places
        Rectangles around the files' grids.
    stacks
        Files by the number of their grid, for each variable and time.
    count
        Number of grids.
    selection
        Of `first` and `last` a grid is read about once, however many files have it.
    max_files
        Most files that a picture may read.

    Returns
    -------
    levels : tuple of GeoBox
        The finest first. A level is left out if a tile of it would need too many files, or files
        whose coarsest overview is finer by far.
    widest : float or None
        Edge of a cell of the coarsest, in units of the CRS, if there are fewer levels than the
        grid could have; None: any picture can be drawn.
    """
    top = selection in ("first", "last")
    weights = [_weights(stack, count, top=top) for stack in _largest(stacks)]
    size = math.sqrt(abs(base.affine.a * base.affine.e))
    wanted = level_count(base)
    kept = 1
    for level in range(1, min(wanted, 1 + _COARSER + _overviews(stacks))):
        edge = max(base.shape) / 2**level
        whole = edge <= _WHOLE
        if any(
            places.most_together(_PICTURE * size * 2**level, each) > max_files
            or (whole and each.sum() > max_files)
            for each in weights
        ):
            break
        kept = level + 1
    levels = coarser_levels(base, kept)
    return levels, size * 2 ** (kept - 1) if kept < wanted else None


def _weights(stack: Mapping[int, Sequence[Any]], count: int, *, top: bool) -> NDArray[np.float64]:
    weights = np.zeros(count)
    for number, files in stack.items():
        weights[number] = 1 if top else len(files)
    return weights


def _largest(stacks: Sequence[Mapping[int, Sequence[Any]]]) -> list[Mapping[int, Sequence[Any]]]:
    # Bands of a time mostly have the same files: each set of places is counted once.
    sizes = {
        tuple((number, len(stack[number])) for number in sorted(stack)): stack for stack in stacks
    }
    return sorted(sizes.values(), key=lambda stack: sum(map(len, stack.values())))[-_MOST_STACKS:]


def _overviews(stacks: Sequence[Mapping[int, Sequence[tuple[int, PlacedFile]]]]) -> int:
    """Return how many times the files' overviews at least halve their resolution."""
    coarsest = {
        (max(file.geoboxes[0].shape), max(file.geoboxes[-1].shape))
        for stack in stacks
        for files in stack.values()
        for _, file in files
    }
    ratios = [fine / coarse for fine, coarse in coarsest]
    return math.floor(math.log2(min(ratios, default=1.0)) + 0.5)
