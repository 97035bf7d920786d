"""Reading windows of raster files into arrays."""

from __future__ import annotations

import pickle
import zlib
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from rasterio.windows import Window

from xcube_tiles.errors import RasterReadError
from xcube_tiles.sources.handles import handle

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from xcube_tiles.sources.decoding import Decoding
    from xcube_tiles.sources.header import Flip, RasterHeader
    from xcube_tiles.sources.raster import Raster


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One band of one file, and how its cells are decoded."""

    path: str
    """Absolute path or URL."""

    number: int
    """Band of the file, from 1."""

    flip: Flip
    """How the file's rows and columns run against the north-up grid."""

    decoding: Decoding
    """From stored cells to those of the variable."""


def part_of(raster: Raster, header: RasterHeader, decoding: Decoding) -> Part:
    """Return how one raster is read."""
    number, _ = header.band(raster.raster_band)
    return Part(path=raster.path, number=number, flip=header.flip, decoding=decoding)


def read_window(
    part: Part,
    rows: slice,
    cols: slice,
    *,
    shape: tuple[int, int],
    options: Mapping[str, Any] | None = None,
    overview: int | None = None,
) -> NDArray[Any]:
    """Read a window of one raster.

    Parameters
    ----------
    part
        What to read.
    rows, cols
        Window on the north-up grid, bounds within `shape`.
    shape
        Rows and columns of the full resolution, or of the overview.
    options
        Options of the file system.
    overview
        Index of the overview to read instead of the full resolution.

    Returns
    -------
    ndarray, shape (rows, cols)
        Decoded cells, north up.

    Raises
    ------
    RasterReadError
        The file has another shape by now, or is gone, cut short or damaged.
    """
    if rows.start >= rows.stop or cols.start >= cols.stop:
        empty = (max(rows.stop - rows.start, 0), max(cols.stop - cols.start, 0))
        return np.empty(empty, part.decoding.target.dtype)
    down = _stored(rows, shape[0], part.flip.rows)
    right = _stored(cols, shape[1], part.flip.cols)
    window = Window.from_slices(down, right)
    with handle(part.path, options, overview) as file:
        if tuple(file.shape) != shape:
            raise RasterReadError(
                f"{part.path!r} had {shape} rows and columns when its header was read, now it has "
                f"{tuple(file.shape)}; scan it again"
            )
        cells = file.read(part.number, window=window)
        mask = file.read_masks(part.number, window=window) if part.decoding.masked else None
    turn = tuple(slice(None, None, -1 if flipped else 1) for flipped in part.flip)
    return part.decoding.apply(cells, mask)[turn]


def _stored(span: slice, size: int, flipped: bool) -> slice:
    return slice(size - span.stop, size - span.start) if flipped else span


class StackReader:
    """Reads blocks of a stack of rasters on one grid.

    Parameters
    ----------
    parts
        Rasters in the order of the leading dimensions, the last of these running fastest.
    shape
        Sizes of the leading dimensions, then of y and x.
    options
        Options of the file system.
    """

    __slots__ = ("_options", "_packed", "_parts", "_shape")

    def __init__(
        self, parts: tuple[Part, ...], shape: tuple[int, ...], options: Mapping[str, Any] | None
    ) -> None:
        self._parts, self._shape, self._options = parts, shape, options
        self._packed: bytes | None = None

    def __call__(self, index: tuple[slice, ...]) -> NDArray[Any]:
        """Return the block of a tuple of slices, each of step 1 and with both bounds."""
        *lead, rows, cols = index
        sizes = tuple(span.stop - span.start for span in index)
        block = np.empty(sizes, self._parts[0].decoding.target.dtype)
        for at in np.ndindex(*sizes[:-2]):
            place = tuple(span.start + step for span, step in zip(lead, at, strict=True))
            block[at] = self._read(place, rows, cols)
        return block

    def _read(self, place: tuple[int, ...], rows: slice, cols: slice) -> NDArray[Any]:
        flat = int(np.ravel_multi_index(place, self._shape[:-2])) if place else 0
        height, width = self._shape[-2:]
        return read_window(
            self._parts[flat], rows, cols, shape=(height, width), options=self._options
        )

    def __reduce__(self) -> tuple[Callable[[bytes], StackReader], tuple[bytes]]:
        # Each task carries its reader to a worker: a thousand paths, nearly equal, pack well.
        if self._packed is None:
            self._packed = zlib.compress(pickle.dumps((self._parts, self._shape, self._options)))
        return _unpacked, (self._packed,)


@lru_cache(maxsize=256)
def _unpacked(packed: bytes) -> StackReader:
    return StackReader(*pickle.loads(zlib.decompress(packed)))
