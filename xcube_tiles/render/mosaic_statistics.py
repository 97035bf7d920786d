"""The range of a mosaic's values, from the overviews of a few of its files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from xcube_tiles.sources.reading import read_window

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from xcube_tiles.grid.celltype import CellType
    from xcube_tiles.render.mosaic_cells import PlacedFile

SAMPLED_FILES = 12
"""Files that are looked at, evenly spread over the places and times."""

_EDGE = 512
"""Of a file without coarse overviews this many rows and columns about the middle are read."""

_PERCENTILES = (2, 50, 98)


class MosaicStatistics(Mapping[str, Mapping[str, float]]):
    """Least and greatest value and percentiles of variables, found when they are asked for.

    Parameters
    ----------
    files
        Rasters by variable.
    types
        Cell type of each variable.
    options
        Options of the file system.
    """

    def __init__(
        self,
        files: Mapping[str, Sequence[PlacedFile]],
        types: Mapping[str, CellType],
        options: Mapping[str, Any] | None,
    ) -> None:
        self._files, self._types, self._options = files, types, options
        self._known: dict[str, Mapping[str, float]] = {}

    def __getitem__(self, variable: str) -> Mapping[str, float]:
        if variable not in self._known:
            self._known[variable] = self._found(variable)
        return self._known[variable]

    def __iter__(self) -> Iterator[str]:
        return iter(self._files)

    def __len__(self) -> int:
        return len(self._files)

    def _found(self, variable: str) -> Mapping[str, float]:
        files = self._files[variable]
        chosen = np.unique(np.linspace(0, len(files) - 1, min(len(files), SAMPLED_FILES)).round())
        values = np.concatenate([self._values(files[int(at)], variable) for at in chosen])
        if not values.size:
            return {}
        found = {f"p{p}": float(np.percentile(values, p)) for p in _PERCENTILES}
        return {"min": float(values.min()), "max": float(values.max()), **found}

    def _values(self, file: PlacedFile, variable: str) -> NDArray[np.float64]:
        height, width = (int(size) for size in file.geoboxes[-1].shape)
        last = len(file.geoboxes) - 2
        cells = read_window(
            file.part,
            _middle(height),
            _middle(width),
            shape=(height, width),
            options=self._options,
            overview=last if last >= 0 else None,
        )
        values = cells[~self._types[variable].is_nodata(cells)].astype(np.float64)
        return values[np.isfinite(values)]


def _middle(size: int) -> slice:
    start = max(0, (size - _EDGE) // 2)
    return slice(start, min(start + _EDGE, size))
