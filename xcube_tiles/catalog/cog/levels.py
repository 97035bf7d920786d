"""The levels of files that are read in place: their overviews, and single cells beyond."""

from __future__ import annotations

from typing import TYPE_CHECKING

from affine import Affine
from odc.geo.geobox import GeoBox

from xcube_tiles.catalog.cog.table import LevelRow

if TYPE_CHECKING:
    from collections.abc import Sequence

    from xcube_tiles.catalog.cog.headers import Header
    from xcube_tiles.catalog.cog.table import FileRow

_COARSEST = 256
"""No level is added below one that fits into so many cells along each edge."""


def levels_of_files(
    geobox: GeoBox, rows: Sequence[FileRow], headers: Sequence[Header]
) -> tuple[LevelRow, ...]:
    """Return the levels of files of one resolution.

    Parameters
    ----------
    geobox
        The grid that holds all files.
    rows, headers
        The files, in the same order.

    Notes
    -----
    GDAL stretches overviews to the edges of their file. For a file by itself levels do so, too; of
    several files overviews count only where their cells are exact multiples.
    """
    whole = {(0, 0, int(geobox.shape[0]), int(geobox.shape[1]))}
    alone = {(row.row, row.col, row.height, row.width) for row in rows} == whole
    factors = [
        (index, factor)
        for index, factor in enumerate(headers[0].overviews)
        if _is_shared(index, factor, headers) and (alone or _fits(factor, rows))
    ]
    levels = [_level(geobox, 0, overview=None, factor=1, step=1)]
    levels += [
        _level(geobox, number, overview=index, factor=factor, step=1)
        for number, (index, factor) in enumerate(factors, 1)
    ]
    last, step = levels[-1], 2
    while max(levels[-1].geobox.shape) > _COARSEST:
        levels.append(
            _level(geobox, len(levels), overview=last.overview, factor=last.factor, step=step)
        )
        step *= 2
    return tuple(levels)


def _is_shared(index: int, factor: int, headers: Sequence[Header]) -> bool:
    # Opened by their index, overviews must stand at the same place in all files.
    return all(
        len(header.overviews) > index and header.overviews[index] == factor for header in headers
    )


def _fits(factor: int, rows: Sequence[FileRow]) -> bool:
    return not any(
        size % factor for row in rows for size in (row.row, row.col, row.height, row.width)
    )


def _level(full: GeoBox, number: int, *, overview: int | None, factor: int, step: int) -> LevelRow:
    height, width = (-(-int(size) // factor) for size in full.shape)
    # The overview as GDAL places it; of its cells those in the middle of `step` are taken, and
    # only where there is one: the last row may be left out.
    rows, cols = (max(1, (size - step // 2 - 1) // step + 1) for size in (height, width))
    scale = Affine.scale(full.shape[1] / width * step, full.shape[0] / height * step)
    return LevelRow(
        geobox=GeoBox((rows, cols), full.affine * scale, full.crs),
        zoom=number,
        group=0,
        overview=overview,
        factor=factor,
        step=step,
    )
