"""Windows of a level from the files that lie in them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from rasterio.windows import Window

from xcube_tiles.catalog.cog.handles import read_band
from xcube_tiles.errors import CatalogError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from xcube_tiles.catalog.cog.table import FileRow, LevelRow
    from xcube_tiles.grid.celltype import CellType

_MOST_CELLS = 2**24
"""Cells of an overview that are held at a time where a level takes one of several."""


@dataclass(frozen=True, slots=True)
class _Piece:
    file: FileRow
    band: int


class Mosaic:
    """One variable at one time and level, from the files that hold it.

    Parameters
    ----------
    files
        Files of the level's group that hold the variable at that time.
    variable
        Its name.
    cells
        Its cell type.
    level
        The level.
    """

    __slots__ = ("_bounds", "_cells", "_level", "_pieces")

    def __init__(
        self, files: Iterable[FileRow], variable: str, cells: CellType, level: LevelRow
    ) -> None:
        self._pieces = tuple(_Piece(file, file.bands[variable]) for file in files)
        self._cells, self._level = cells, level
        # Rows and columns of the level's overview: first, and the one past the last.
        bounds = [_bounds_of(piece.file, level) for piece in self._pieces]
        self._bounds = np.array(bounds, np.int64).reshape(-1, 4)

    def read(self, rows: slice, cols: slice) -> NDArray[Any]:
        """Return a window of the level; NoData where no file lies.

        Parameters
        ----------
        rows, cols
            Both bounds given, within the level.

        Raises
        ------
        CatalogError
            A file that can't be read, or has changed.
        """
        nodata = self._cells.nodata
        shape = (rows.stop - rows.start, cols.stop - cols.start)
        found = np.full(shape, 0 if nodata is None else nodata, self._cells.dtype)
        step = self._level.step
        half = step // 2
        window = np.array([rows.start, rows.stop - 1, cols.start, cols.stop - 1]) * step + half
        low, high = self._bounds[:, 0::2], self._bounds[:, 1::2]
        touching = (low <= window[1::2]).all(axis=1) & (high > window[0::2]).all(axis=1)
        numbers = np.flatnonzero(touching)
        # Of two files the first one counts: it is drawn last.
        for number in numbers[::-1]:
            self._paste(found, int(number), rows, cols, alone=len(numbers) == 1)
        return found

    def _paste(
        self, found: NDArray[Any], number: int, rows: slice, cols: slice, *, alone: bool
    ) -> None:
        top, bottom, left, right = map(int, self._bounds[number])
        down = _inside(rows, top, bottom, self._level.step)
        across = _inside(cols, left, right, self._level.step)
        if down.start >= down.stop or across.start >= across.stop:
            return
        cells = self._cells_of(number, down, across, top, left)
        target = found[
            down.start - rows.start : down.stop - rows.start,
            across.start - cols.start : across.stop - cols.start,
        ]
        if alone or self._cells.nodata is None:
            target[...] = cells
        else:
            np.copyto(target, cells, where=~self._cells.is_nodata(cells))

    def _cells_of(
        self, number: int, down: slice, across: slice, top: int, left: int
    ) -> NDArray[Any]:
        """Return the cells of a file for rows and columns of the level that lie in it."""
        step = self._level.step
        wide = (across.stop - across.start) * step * step
        most = max(1, _MOST_CELLS // wide)
        parts = [
            self._window(number, slice(row, min(row + most, down.stop)), across, top, left)
            for row in range(down.start, down.stop, most)
        ]
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def _window(self, number: int, down: slice, across: slice, top: int, left: int) -> NDArray[Any]:
        piece, step = self._pieces[number], self._level.step
        first_row, first_col = (
            span.start * step + step // 2 - edge for span, edge in ((down, top), (across, left))
        )
        height = (down.stop - down.start - 1) * step + 1
        width = (across.stop - across.start - 1) * step + 1
        cells = read_band(
            piece.file.path,
            piece.file.version,
            self._level.overview,
            piece.band,
            Window(first_col, first_row, width, height),
        )
        if cells.shape != (height, width) or cells.dtype != self._stored():
            raise CatalogError(
                f"{piece.file.path!r} has changed since it became part of the layer: expected "
                f"{height} x {width} cells of {self._stored()} at column {first_col} and row "
                f"{first_row}, got {cells.shape[0]} x {cells.shape[1]} of {cells.dtype}"
            )
        return np.asarray(cells[::step, ::step])

    def _stored(self) -> np.dtype[Any]:
        return self._cells.dtype


def _bounds_of(file: FileRow, level: LevelRow) -> tuple[int, int, int, int]:
    top, left = file.row // level.factor - level.row, file.col // level.factor - level.col
    height, width = -(-file.height // level.factor), -(-file.width // level.factor)
    return top, top + height, left, left + width


def _inside(span: slice, start: int, stop: int, step: int) -> slice:
    """Return the part of a level's rows or columns whose cells are taken from a file's span."""
    half = step // 2
    first = -(-(start - half) // step)
    last = -(-(stop - half) // step)
    return slice(max(span.start, first), min(span.stop, last))
