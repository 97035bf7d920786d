"""The grids of a pyramid's levels: how many, where they begin, and what pads the base."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import ceil, isclose, log2
from typing import TYPE_CHECKING

from affine import Affine
from odc.geo.geobox import GeoBox

from xcube_tiles.errors import GridError
from xcube_tiles.grid.extent import Extent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from xcube_tiles.grid.layout import TileLayout
    from xcube_tiles.grid.scheme import Scheme

COARSEST = 256
"""No level is added below one that fits into so many cells along each edge."""

_TOLERANCE = 1e-6
"""Of a cell: how far a cube's corner may lie from that of its grid."""


def local_exponents(shape: Sequence[int], levels: int | None, factor: int) -> tuple[int, ...]:
    """Return how many times each level of a local pyramid halves the base, which is the first.

    Raises
    ------
    GridError
        A number of levels that the grid hasn't: past one of a single cell there is none.
    """
    longest, step = max(int(size) for size in shape), factor.bit_length() - 1
    limit = _steps(log2(longest), step) + 1
    enough = _steps(log2(longest / COARSEST), step) + 1
    return _exponents(_checked(levels, enough, limit), step)


@dataclass(frozen=True, slots=True, kw_only=True)
class ZoomRange:
    """The part of a zoomed scheme that a pyramid takes."""

    zoom: int
    """Zoom of the base, the finest one."""

    exponents: tuple[int, ...]
    """How many zooms each level is below the base's, which is the first."""

    geobox: GeoBox = field(repr=False)
    """Grid of the base: whole tiles, beginning where a cell of the coarsest level does."""


def zoom_range(
    scheme: Scheme,
    geobox: GeoBox,
    zooms: tuple[int | None, int | None] | None,
    levels: int | None,
    factor: int,
) -> ZoomRange:
    """Choose the zooms of a grid's pyramid.

    Parameters
    ----------
    scheme
        A zoomed scheme.
    geobox
        Grid of the cube.
    zooms
        Coarsest and finest zoom; None leaves either to the cube and to `levels`.
    levels, factor
        As in `catalog.pyramids.pyramid.pyramid`.

    Raises
    ------
    GridError
        Zooms that the scheme hasn't, or whose cells don't halve; zooms and levels that contradict
        each other.
    """
    coarsest, finest = _checked_zooms(scheme, zooms, levels)
    zoom = scheme.zoom_for(geobox) if finest is None else finest
    if coarsest is not None and coarsest > zoom:
        raise GridError(
            f"the coarsest zoom {coarsest} is finer than that of the cube's cells, {zoom}; "
            f"pass the finest as well: zooms=({coarsest}, {coarsest})"
        )
    step, most = factor.bit_length() - 1, _halvings(scheme, zoom)
    layout = scheme.layout(zoom)
    extent = _within(Extent.from_geobox(geobox), layout).to_crs(layout.crs)
    cols, rows = layout.key_range(extent)
    if coarsest is not None:
        if zoom - coarsest > most:
            raise GridError(f"the cells of the zooms {zoom} to {coarsest} don't halve each time")
        count = (zoom - coarsest) // step + 1
    else:
        enough = 1
        while enough * step <= most and _longest(layout, cols, rows, (enough - 1) * step) > (
            COARSEST << (enough - 1) * step
        ):
            enough += 1
        count = _checked(levels, enough, most // step + 1)
    exponents = _exponents(count, step)
    box = _tiles(layout, cols, rows, exponents[-1])
    return ZoomRange(zoom=zoom, exponents=exponents, geobox=box)


def padded_geoboxes(geobox: GeoBox, exponents: Sequence[int]) -> tuple[GeoBox, ...]:
    """Return the grids of the levels, the base padded so that it divides exactly."""
    edge = 2 ** exponents[-1]
    height, width = (-(-int(size) // edge) * edge for size in geobox.shape)
    affine = geobox.affine
    return tuple(
        GeoBox(
            (height >> exponent, width >> exponent),
            Affine(affine.a * 2**exponent, 0, affine.c, 0, affine.e * 2**exponent, affine.f),
            geobox.crs,
        )
        for exponent in exponents
    )


def level_exponents(geoboxes: Sequence[GeoBox], cube: GeoBox) -> tuple[int, ...]:
    """Return how many times each grid halves the resolution of the first.

    Raises
    ------
    GridError
        Grids that aren't levels of one pyramid, or a cube that doesn't lie on the first.
    """
    base = geoboxes[0]
    if not _lies_on(cube, base):
        raise GridError(
            f"the cube must lie on the base grid {base!r} or on its upper left part, got {cube!r}"
        )
    exponents = tuple(round(log2(box.affine.a / base.affine.a)) for box in geoboxes)
    wanted = padded_geoboxes(base, exponents)
    same = all(
        box.shape == other.shape and _lies_on(box, other)
        for box, other in zip(geoboxes, wanted, strict=True)
    )
    if not same or list(exponents) != sorted(set(exponents)):
        raise GridError(
            "the grids of levels begin at one corner and have cells 2, 4, 8 ... times larger than "
            f"the first's, which divide its shape; got {list(geoboxes)!r}"
        )
    return exponents


def _lies_on(box: GeoBox, grid: GeoBox) -> bool:
    """Whether a grid has the corner, cells and CRS of another and no more rows and columns."""
    ours, other = tuple(box.affine)[:6], tuple(grid.affine)[:6]
    cell = max(abs(grid.affine.a), abs(grid.affine.e))
    near = all(abs(a - b) <= _TOLERANCE * cell for a, b in zip(ours, other, strict=True))
    fits = all(a <= b for a, b in zip(box.shape, grid.shape, strict=True))
    return near and fits and box.crs == grid.crs


def _steps(halvings: float, step: int) -> int:
    return max(0, ceil(halvings / step))


def _exponents(count: int, step: int) -> tuple[int, ...]:
    return tuple(level * step for level in range(count))


def _checked(levels: int | None, enough: int, limit: int) -> int:
    count = min(enough, limit) if levels is None else levels
    if not isinstance(count, int) or isinstance(count, bool) or not 1 <= count <= limit:
        raise GridError(f"levels must be a number from 1 to {limit} for this grid, got {levels!r}")
    return count


def _checked_zooms(
    scheme: Scheme, zooms: tuple[int | None, int | None] | None, levels: int | None
) -> tuple[int | None, int | None]:
    if zooms is None:
        return None, None
    known = scheme.zooms
    pair = tuple(zooms) if isinstance(zooms, tuple | list) else ()
    if len(pair) != 2 or not all(zoom is None or zoom in known for zoom in pair):
        raise GridError(
            f"zooms must be (coarsest, finest) of {known[0]} to {known[-1]}, or None in place of "
            f"either; got {zooms!r}"
        )
    coarsest, finest = pair
    if coarsest is not None and finest is not None and coarsest > finest:
        raise GridError(f"zooms must be (coarsest, finest), the smaller first; got {zooms!r}")
    if coarsest is not None and levels is not None:
        raise GridError(f"pass either levels or the coarsest zoom, got {levels!r} and {zooms!r}")
    return coarsest, finest


def _halvings(scheme: Scheme, zoom: int) -> int:
    """Return how many zooms below one have cells of exactly twice the size of the one above."""
    finest = scheme.layout(zoom).resolution
    count = 0
    while zoom - count - 1 in scheme.zooms:
        coarser = scheme.layout(zoom - count - 1).resolution
        pairs = zip(finest, coarser, strict=True)
        if not all(
            isclose(fine * 2 ** (count + 1), coarse, rel_tol=1e-6) for fine, coarse in pairs
        ):
            break
        count += 1
    return count


def _tiles(layout: TileLayout, cols: range, rows: range, halvings: int) -> GeoBox:
    """Return the grid of tiles from where a cell of a coarser zoom begins.

    Where ``2**halvings`` exceeds a tile, coarse cells begin at multiples of it, as the zoom's do.
    """
    (height, width), (x, y) = layout.tile_shape, layout.resolution
    top = rows.start * height >> halvings << halvings
    left = cols.start * width >> halvings << halvings
    shape = (rows.stop * height - top, cols.stop * width - left)
    corner = Affine(x, 0, layout.origin[0] + left * x, 0, -y, layout.origin[1] - top * y)
    return GeoBox(shape, corner, layout.crs)


def _longest(layout: TileLayout, cols: range, rows: range, halvings: int) -> int:
    return max(int(size) for size in _tiles(layout, cols, rows, halvings).shape)


def _within(extent: Extent, layout: TileLayout) -> Extent:
    """Return the part of an extent that a layout covers: Web Mercator has no poles."""
    if not extent.crs.geographic or layout.crs.geographic:
        return extent
    return extent.intersection(layout.extent().to_crs(extent.crs)) or extent
