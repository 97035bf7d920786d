"""The cells of a grid from many files: each file is read where it may count, and no more."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol, TypeAlias

import numpy as np

from xcube_tiles.errors import SizeLimitError
from xcube_tiles.kernels.nodata import average_dtype
from xcube_tiles.render.window import MOST_CELLS, find_window
from xcube_tiles.sources.reading import read_window

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from numpy.typing import NDArray
    from odc.geo.geobox import GeoBox

    from xcube_tiles.grid.celltype import CellType
    from xcube_tiles.render.window import Window
    from xcube_tiles.sources.reading import Part

Selection: TypeAlias = Literal["first", "last", "highest", "lowest", "mean", "median"]
"""What a cell becomes that several files have."""


class PlacedFile(NamedTuple):
    """A raster of a mosaic."""

    geoboxes: tuple[GeoBox, ...]
    """Its grid, then those of its overviews."""

    part: Part
    """How it is read."""


class Canvas(Protocol):
    """Cells that are put together file by file."""

    def missing(self) -> NDArray[np.bool_] | None:
        """Return which cells another file could change; None: any."""

    def put(self, cells: NDArray[Any], valid: NDArray[np.bool_]) -> None:
        """Take the cells of one file, those that have a value there."""

    def result(self) -> NDArray[Any]:
        """Return the cells of all files."""


class _First:
    def __init__(self, shape: tuple[int, int], cell_type: CellType) -> None:
        self._cells = np.full(shape, cell_type.nodata, cell_type.dtype)
        self._empty = np.ones(shape, np.bool_)

    def missing(self) -> NDArray[np.bool_] | None:
        return self._empty

    def put(self, cells: NDArray[Any], valid: NDArray[np.bool_]) -> None:
        taken = valid & self._empty
        np.copyto(self._cells, cells, where=taken)
        self._empty &= ~taken

    def result(self) -> NDArray[Any]:
        return self._cells


class _Extreme(_First):
    _better: Any = np.greater

    def missing(self) -> NDArray[np.bool_] | None:
        return None

    def put(self, cells: NDArray[Any], valid: NDArray[np.bool_]) -> None:
        taken = valid & (self._empty | self._better(cells, self._cells))
        np.copyto(self._cells, cells, where=taken)
        self._empty &= ~taken


class _Lowest(_Extreme):
    _better = np.less


class _Mean:
    def __init__(self, shape: tuple[int, int], cell_type: CellType) -> None:
        self._dtype = average_dtype(cell_type.dtype)
        self._sums, self._counts = np.zeros(shape), np.zeros(shape, np.int32)

    def missing(self) -> NDArray[np.bool_] | None:
        return None

    def put(self, cells: NDArray[Any], valid: NDArray[np.bool_]) -> None:
        np.add(self._sums, cells, out=self._sums, where=valid)
        self._counts += valid

    def result(self) -> NDArray[Any]:
        with np.errstate(invalid="ignore", divide="ignore"):
            mean: NDArray[Any] = (self._sums / self._counts).astype(self._dtype)
        return mean


class _Median:
    def __init__(self, shape: tuple[int, int], cell_type: CellType) -> None:
        self._shape, self._dtype = shape, average_dtype(cell_type.dtype)
        self._layers: list[NDArray[Any]] = []

    def missing(self) -> NDArray[np.bool_] | None:
        return None

    def put(self, cells: NDArray[Any], valid: NDArray[np.bool_]) -> None:
        self._layers.append(np.where(valid, cells, np.nan).astype(self._dtype))

    def result(self) -> NDArray[Any]:
        if not self._layers:
            return np.full(self._shape, np.nan, self._dtype)
        ordered = np.sort(np.stack(self._layers), axis=0)  # NaN goes to the end
        counts = np.isfinite(ordered).sum(axis=0)
        low, high = np.maximum(counts - 1, 0) // 2, counts // 2
        high = np.minimum(high, len(ordered) - 1)
        pair = [np.take_along_axis(ordered, at[np.newaxis], axis=0)[0] for at in (low, high)]
        median: NDArray[Any] = ((pair[0].astype(np.float64) + pair[1]) / 2).astype(self._dtype)
        median[counts == 0] = np.nan
        return median


_CANVASES: Mapping[Selection, Callable[[tuple[int, int], CellType], Canvas]] = {
    "first": _First,
    "last": _First,  # of the files in the other direction
    "highest": _Extreme,
    "lowest": _Lowest,
    "mean": _Mean,
    "median": _Median,
}
SELECTIONS = tuple(_CANVASES)
"""Names of the selections."""

AVERAGES = ("mean", "median")
"""Selections that make new values: floats."""

_BLOCK = 1024
# The median keeps the cells of all files: larger windows are done block by block.


class Budget:
    """What one window of a mosaic may still read.

    Parameters
    ----------
    files
        Most files, each counted once.
    cells
        Cells of the window.
    """

    def __init__(self, files: int, cells: int) -> None:
        self._most, self._cells = files, MOST_CELLS + 4 * cells
        self._read: set[str] = set()

    def spend(self, path: str, cells: int) -> None:
        """Note that a file is read.

        Raises
        ------
        SizeLimitError
            That is one too many, or its cells are.
        """
        self._read.add(path)
        self._cells -= cells
        if len(self._read) > self._most:
            raise SizeLimitError(
                f"this picture needs more than {self._most} files of the mosaic: zoom in, store "
                "the mosaic as a pyramid (ds.tiles.mosaic, then to_catalog), or allow "
                "more (max_files=)"
            )
        if self._cells < 0:
            raise SizeLimitError(
                f"this picture needs more than {MOST_CELLS} cells, as {path!r} has no overviews "
                "that are coarse enough: zoom in, or give the files overviews "
                "(xcube-tiles optimize)"
            )


def mosaic_cells(
    files: Iterable[PlacedFile],
    target: GeoBox,
    selection: Selection,
    cell_type: CellType,
    *,
    max_files: int,
    options: Mapping[str, Any] | None,
    tolerance: float,
) -> NDArray[Any]:
    """Return the cells of a grid from files that touch it.

    Parameters
    ----------
    files
        The one on top first.
    target
        Grid.
    selection
        What a cell becomes that several files have.
    cell_type
        Dtype and NoData of the files' cells once they are read.
    max_files
        Most files that may be read.
    options
        Options of the file system.
    tolerance
        Largest error of a position, in cells of a file.

    Returns
    -------
    ndarray, shape of `target`
        In the dtype of `cell_type`; means and medians as `average_dtype` with NaN.

    Raises
    ------
    SizeLimitError
        Too many files or cells.
    CollectionError
        A file has changed its shape.

    Notes
    -----
    Each cell takes the nearest cell of a file, of the level whose cells are nearest in size. With
    `first` and `last` a file is read only if it has a place for a cell that is still empty.
    """
    height, width = target.shape
    budget = Budget(max_files, height * width)
    chosen = list(files)[::-1] if selection == "last" else list(files)
    rows, cols = range(0, height, _BLOCK), range(0, width, _BLOCK)
    if len(rows) * len(cols) == 1:
        return _block(chosen, target, selection, cell_type, budget, options, tolerance)
    blocks = [
        [
            _block(
                chosen,
                target[row : min(row + _BLOCK, height), col : min(col + _BLOCK, width)],
                selection,
                cell_type,
                budget,
                options,
                tolerance,
            )
            for col in cols
        ]
        for row in rows
    ]
    return np.block(blocks)


def _block(
    files: list[PlacedFile],
    target: GeoBox,
    selection: Selection,
    cell_type: CellType,
    budget: Budget,
    options: Mapping[str, Any] | None,
    tolerance: float,
) -> NDArray[Any]:
    canvas = _CANVASES[selection]((int(target.shape[0]), int(target.shape[1])), cell_type)
    for file in files:
        missing = canvas.missing()
        if missing is not None and not missing.any():
            break
        window = _window(file, target, tolerance)
        if window is None or not _counts(window, missing):
            continue
        budget.spend(file.part.path, window.size)
        cells = window.gather(_read(file, window, options))
        valid = ~cell_type.is_nodata(cells)
        if window.outside is not None:
            valid &= ~window.outside
        canvas.put(cells, valid)
    return canvas.result()


def _window(file: PlacedFile, target: GeoBox, tolerance: float) -> Window | None:
    try:
        # Of what a source is, only the grids count here.
        return find_window(file, target, tolerance=tolerance)  # type: ignore[arg-type]
    except SizeLimitError as error:
        raise SizeLimitError(
            f"{file.part.path!r} has no overviews that are coarse enough for this picture: zoom "
            "in, or give the files overviews (xcube-tiles optimize)"
        ) from error


def _counts(window: Window, missing: NDArray[np.bool_] | None) -> bool:
    if missing is None or window.outside is None:
        return True
    return bool((missing & ~window.outside).any())


def _read(file: PlacedFile, window: Window, options: Mapping[str, Any] | None) -> NDArray[Any]:
    height, width = file.geoboxes[window.level].shape
    return read_window(
        file.part,
        window.rows,
        window.cols,
        shape=(int(height), int(width)),
        options=options,
        overview=window.level - 1 if window.level else None,
    )
