"""Patches become the next state of a layer."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from xcube_tiles._version import __version__
from xcube_tiles.catalog.building.running import blocks_ahead, run_stores
from xcube_tiles.catalog.format.conventions import PRIVATE
from xcube_tiles.catalog.format.shards import whole_shards
from xcube_tiles.catalog.growing.patches import (
    Overlaid,
    coarse,
    factors,
    outer_chunks,
    patched_levels,
)
from xcube_tiles.catalog.managing.statistics import layer_statistics
from xcube_tiles.cube.blocks import store_blocks
from xcube_tiles.cube.cells import set_cell_type

if TYPE_CHECKING:
    from collections.abc import Sequence

    from xcube_tiles.catalog.growing.drafting import Chunk, Draft
    from xcube_tiles.catalog.growing.fitting import Window
    from xcube_tiles.catalog.growing.patches import Patch
    from xcube_tiles.catalog.layer import Layer


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """A patch at one level."""

    patch: Patch
    """The patch."""

    level: int
    """Number of the level."""

    cells: Any
    """Dask array; its blocks end where objects of the target do."""

    start: tuple[int, ...]
    """Position of the first cell in the target."""

    over: tuple[Window, ...] | None
    """What the patch replaces, in cells of the level; None: all of it."""

    def region(self, index: tuple[int, ...]) -> tuple[slice, ...]:
        """Return where a block goes in the target."""
        found = []
        for sizes, start, at in zip(self.cells.chunks, self.start, index, strict=True):
            begin = start + sum(sizes[:at])
            found.append(slice(begin, begin + sizes[at]))
        return tuple(found)

    def is_wanted(self, index: tuple[int, ...]) -> bool:
        """Whether the patch replaces anything in a block."""
        if self.over is None:
            return True
        rows, cols = self.region(index)[-2:]
        return any(
            rows.start < over[0].stop
            and over[0].start < rows.stop
            and cols.start < over[1].stop
            and over[1].start < cols.stop
            for over in self.over
        )


def sheets_of(layer: Layer, patches: Sequence[Patch]) -> list[Sheet]:
    """Return all levels of patches, the finest level of all first."""
    sheets = []
    for patch in patches:
        levels = patched_levels(layer, patch)
        for number, (cells, factor) in enumerate(zip(levels, factors(layer), strict=True)):
            rows, cols = coarse(patch.window, factor)
            lead = (patch.start,) * (cells.ndim - 2)
            over = None if patch.over is None else tuple(coarse(w, factor) for w in patch.over)
            start = (*lead, rows.start, cols.start)
            sheets.append(Sheet(patch=patch, level=number, cells=cells, start=start, over=over))
    # The finest first, as they are written.
    return sorted(sheets, key=lambda sheet: sheet.level)


def touched_objects(layer: Layer, sheets: Sequence[Sheet]) -> dict[str, set[Chunk]]:
    """Return the objects that patches write, by the path of their array."""
    touched: dict[str, set[Chunk]] = {}
    for sheet in sheets:
        array = layer.array(sheet.patch.variable, sheet.level)
        path = f"{layer.levels[sheet.level].path}/{sheet.patch.variable}"
        found = touched.setdefault(path, set())
        for index in product(*(range(len(sizes)) for sizes in sheet.cells.chunks)):
            if sheet.is_wanted(index):
                sizes = outer_chunks(array)
                found.update(
                    product(
                        *(
                            range(part.start // size, -(-part.stop // size))
                            for part, size in zip(sheet.region(index), sizes, strict=True)
                        )
                    )
                )
    return touched


def write_sheets(draft: Draft, sheets: Sequence[Sheet], progress: bool | None) -> None:
    """Compute the cells of patches and write them to the next state of a layer."""
    targets: list[Any] = []
    for sheet in sheets:
        variable, level = sheet.patch.variable, sheet.level
        cells = draft.cells(variable, level)
        present = draft.layer.array(variable, level)
        targets.append(Overlaid(cells, present) if sheet.patch.keeps else whole_shards(cells))
    reports = run_stores(
        store_blocks(
            [sheet.cells for sheet in sheets],
            targets,
            [f"{sheet.level}-{sheet.patch.variable}-{sheet.patch.start}" for sheet in sheets],
            starts=[sheet.start for sheet in sheets],
            wanted=lambda n, index: sheets[n].is_wanted(index),
            finished=draft.build.finished,
            mark=draft.build.mark,
            levels=len(draft.layer.levels),
            ahead=blocks_ahead(),
        ),
        progress,
    )
    draft.build.collect(reports)


def commit(draft: Draft, **details: object) -> None:
    """Show the next state of a layer, with statistics of its coarsest level."""
    layer, private = draft.layer, draft.attributes[PRIVATE]
    level = len(layer.levels) - 1
    arrays = {name: draft.cells(name, level) for name in layer.variables}
    cells = xr.Dataset(
        {
            name: ([f"{name}-{axis}" for axis in range(array.ndim)], np.empty((0,) * array.ndim))
            for name, array in arrays.items()
        }
    )
    for name, array in arrays.items():
        cells[name] = set_cell_type(cells[name].astype(array.dtype), layer.cell_type(name))
    private["statistics"] = layer_statistics(arrays, cells, layer.shape_of(level))
    private["software"] = f"xcube_tiles {__version__}"
    draft.build.commit(draft.attributes, **details)
