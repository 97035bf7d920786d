"""Grids of rasters: whether they agree, and the one that all are warped to."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from odc.geo.geobox import GeoBox

from xcube_tiles.cube.georef import GRID_TOLERANCE, geobox_of
from xcube_tiles.errors import GridError, UnequalGridsError
from xcube_tiles.grid.extent import Extent, as_crs, same_crs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from odc.geo.crs import CRS

    from xcube_tiles.sources.header import RasterHeader
    from xcube_tiles.typing import XarrayObject

_SHOWN = 5


def equal_grids(one: GeoBox, two: GeoBox) -> bool:
    """Whether two north-up grids have the same shape, CRS and, to 1e-6 of a cell, corners."""
    if one.shape != two.shape or not _equal_crs(one, two):
        return False
    height, width = one.shape
    return all(
        abs(difference) <= GRID_TOLERANCE
        for corner in ((0, 0), (width, height))
        for difference in _cells_apart(one, two, corner)
    )


def common_grid(headers: Sequence[RasterHeader]) -> GeoBox:
    """Return the one grid of all rasters.

    Raises
    ------
    UnequalGridsError
        There are several; the text names the files that aren't on the most common one.
    """
    groups = _groups(headers)
    if len(groups) > 1:
        raise _unequal(groups)
    return groups[0][0].geobox


def target_grid(
    headers: Sequence[RasterHeader],
    *,
    like: XarrayObject | GeoBox | None,
    crs: object | None,
    resolution: float | None,
) -> GeoBox:
    """Return the grid that rasters are warped to.

    Parameters
    ----------
    headers
        Headers of all rasters.
    like
        Grid, or a cube that is on it. Excludes the other two.
    crs
        CRS of the grid; None: that of the most common grid.
    resolution
        Edge of a cell in units of the CRS; None: the finest of the rasters, measured at their
        centres.

    Returns
    -------
    odc.geo.geobox.GeoBox
        Covers all rasters. Where CRS and resolution are those of the most common grid, its cells
        are continued, so that the rasters on it are read as they are; else cell edges are
        multiples of the resolution.

    Raises
    ------
    GridError
        `like` with `crs` or `resolution`; a resolution that isn't a positive number; an unknown
        CRS.
    """
    if like is not None:
        if crs is not None or resolution is not None:
            raise GridError("like= names the whole grid: leave out crs= and resolution=")
        return like if isinstance(like, GeoBox) else geobox_of(like)
    main = _groups(headers)[0][0].geobox
    goal = as_crs(main.crs if crs is None else crs)
    boxes = [header.geobox for header in headers]
    edge = min(resolution_in(box, goal) for box in boxes) if resolution is None else resolution
    if isinstance(edge, bool) or not isinstance(edge, (int, float)) or not 0 < edge < math.inf:
        raise GridError(f"resolution must be a positive number in units of the CRS, got {edge!r}")
    extents = [Extent.from_geobox(box).to_crs(goal) for box in boxes]
    whole = extents[0]
    for extent in extents[1:]:
        whole = whole.union(extent)
    if same_crs(main.crs, goal) and _square(main, edge):
        return continued(main, whole)
    return GeoBox.from_bbox(whole.bounds, goal, resolution=edge, tight=False)


def _groups(headers: Sequence[RasterHeader]) -> list[list[RasterHeader]]:
    """Return headers of equal grids together, the largest group first."""
    groups: list[list[RasterHeader]] = []
    for header in headers:
        for group in groups:
            if equal_grids(group[0].geobox, header.geobox):
                group.append(header)
                break
        else:
            groups.append([header])
    return sorted(groups, key=len, reverse=True)


def _unequal(groups: Sequence[Sequence[RasterHeader]]) -> UnequalGridsError:
    main = groups[0][0].geobox
    odd = [header for group in groups[1:] for header in group]
    shown = [f"  {header.path}: {_difference(main, header.geobox)}" for header in odd[:_SHOWN]]
    if len(odd) > _SHOWN:
        shown.append(f"  … and {len(odd) - _SHOWN} more")
    return UnequalGridsError(
        f"the rasters lie on {len(groups)} grids; {len(groups[0])} on {_described(main)}, but\n"
        + "\n".join(shown)
        + "\nSelect some with where(...), or warp them on reading: to_cube(like=cube), "
        "to_cube(crs='EPSG:3857', resolution=10) or to_cube(resolution=10)"
    )


def _described(box: GeoBox) -> str:
    x, y = abs(box.affine.a), abs(box.affine.e)
    return f"{box.shape.x}×{box.shape.y} cells of {x:g}×{y:g} in {box.crs}"


def _difference(main: GeoBox, odd: GeoBox) -> str:
    if not _equal_crs(main, odd) or main.shape != odd.shape:
        return _described(odd)
    cols, rows = _cells_apart(main, odd, (0, 0))
    if max(abs(cols), abs(rows)) > GRID_TOLERANCE:
        return f"shifted by {cols:.6g} columns and {rows:.6g} rows"
    return _described(odd)


def _cells_apart(one: GeoBox, two: GeoBox, corner: tuple[int, int]) -> tuple[float, float]:
    """Return how far a corner, as (col, row), of the second lies from that of the first."""
    col, row = ~one.affine * (two.affine * corner)
    return col - corner[0], row - corner[1]


def _equal_crs(one: GeoBox, two: GeoBox) -> bool:
    return one.crs is not None and two.crs is not None and same_crs(one.crs, two.crs)


def resolution_in(box: GeoBox, crs: CRS) -> float:
    """Return the shorter edge of the raster's middle cell in a CRS."""
    if same_crs(box.crs, crs):
        return min(abs(box.affine.a), abs(box.affine.e))
    height, width = box.shape
    col, row = width // 2, height // 2
    corners = [box.affine * (col + i, row + j) for i, j in ((0, 0), (1, 0), (0, 1))]
    transform = as_crs(box.crs).transformer_to_crs(crs)
    (x0, y0), (x1, y1), (x2, y2) = (transform(x, y) for x, y in corners)
    return float(min(math.hypot(x1 - x0, y1 - y0), math.hypot(x2 - x0, y2 - y0)))


def _square(box: GeoBox, edge: float) -> bool:
    cells = max(box.shape)
    return all(
        abs(abs(size) / edge - 1) * cells < GRID_TOLERANCE for size in (box.affine.a, box.affine.e)
    )


def continued(box: GeoBox, whole: Extent) -> GeoBox:
    """Return the grid of the same cells that covers an extent in its CRS."""
    left, top = ~box.affine * (whole.xmin, whole.ymax)
    right, bottom = ~box.affine * (whole.xmax, whole.ymin)
    # Edges that are equal but for rounding must not add a row.
    first = [math.floor(value + GRID_TOLERANCE) for value in (left, top)]
    last = [math.ceil(value - GRID_TOLERANCE) for value in (right, bottom)]
    affine = box.affine * type(box.affine).translation(*first)
    return GeoBox((last[1] - first[1], last[0] - first[0]), affine, box.crs)
