"""The grid of a STAC cube: its size, its cells, and what they would cost."""

from __future__ import annotations

import math
from dataclasses import dataclass
from numbers import Integral
from typing import TYPE_CHECKING, Literal, TypeAlias

from affine import Affine
from odc.geo.geobox import GeoBox

from xcube_tiles.errors import SizeLimitError, StacError
from xcube_tiles.sources.stac.native import CellSize, NativeGrid, finest, size_in

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from odc.geo.crs import CRS

    from xcube_tiles.grid.extent import Extent

Resolution: TypeAlias = float | Literal["native"]
"""Edge of a cell in units of the target CRS, or the finest that the items have."""

DEFAULT_WIDTH = 1024
"""Columns of a cube if neither size nor resolution is asked for, as in openEO by TiTiler."""

_COARSEST_DEGREES = 1.0
# A cell of more than a degree is 111 km wide: whoever writes 10 for a geographic CRS means metres.

_SNAP = 1e-6
# Edges closer than this to a cell border, in cells, count as on it.


@dataclass(frozen=True, slots=True, kw_only=True)
class SizeRequest:
    """How large the cube shall be; at most one of size and resolution."""

    width: int | None = None
    """Columns over the extent asked for."""

    height: int | None = None
    """Rows over the extent asked for."""

    resolution: Resolution | None = None
    """Cell size in units of the target CRS, or `"native"`."""

    def __post_init__(self) -> None:
        for name in ("width", "height"):
            value = getattr(self, name)
            if value is not None and (not isinstance(value, Integral) or value < 1):
                raise StacError(f"{name} must be a positive whole number of cells, got {value!r}")
        if self.resolution is None or self.resolution == "native":
            pass
        elif isinstance(self.resolution, str) or not 0 < self.resolution < math.inf:
            raise StacError(
                "resolution must be a positive number of CRS units, or 'native', "
                f"got {self.resolution!r}"
            )
        if self.resolution is not None and (self.width or self.height):
            raise StacError("give either resolution or width and height, not both")


def plan_geobox(extent: Extent, request: SizeRequest, grids: Sequence[NativeGrid]) -> GeoBox:
    """Return the grid over an extent.

    Parameters
    ----------
    extent
        Area asked for, in the target CRS.
    request
        Size or resolution.
    grids
        Native grids of the items, for `"native"` and for the texts of errors.

    Raises
    ------
    StacError
        A resolution in metres asked of a geographic CRS, a native resolution that no item tells,
        or an extent without area.

    Notes
    -----
    With width or height the grid has exactly the edges of the extent; one alone keeps the
    proportions (the other is rounded, never below 1); neither is `DEFAULT_WIDTH` columns. With a
    resolution its cells have exactly that size, and the edges move outwards to multiples of it, or,
    for the native size in the native CRS, to the cells of the items.
    """
    if not (extent.width > 0 and extent.height > 0):
        raise StacError(f"bbox {tuple(extent.bounds)!r} has no area in {extent.crs!s}")
    if request.resolution is None:
        height, width = shape_of(extent.width / extent.height, request.width, request.height)
        x, y = extent.width / width, extent.height / height
        # Not GeoBox.from_bbox: it moves the edges onto multiples of the cell size.
        transform = Affine(x, 0, extent.xmin, 0, -y, extent.ymax)
        return GeoBox((height, width), transform, extent.crs)
    fine = finest(grids, extent.crs, extent.center)
    if request.resolution == "native":
        if fine is None:
            raise StacError(
                "no item tells its resolution (proj:transform, proj:shape with proj:bbox, "
                "spatial_resolution or gsd); give resolution=, width= or height="
            )
        size = fine
    else:
        _check_degrees(request.resolution, extent)
        size = CellSize(request.resolution, request.resolution)
    return snapped(extent, size, _origin(size, grids, extent.crs))


def shape_of(aspect: float, width: int | None, height: int | None) -> tuple[int, int]:
    """Return rows and columns from what is asked for and the ratio of width to height.

    Examples
    --------
    >>> shape_of(2.0, None, None), shape_of(2.0, 100, None), shape_of(2.0, None, 100)
    ((512, 1024), (50, 100), (100, 200))
    """
    if width is None and height is None:
        width = DEFAULT_WIDTH
    if width is None:
        assert height is not None
        width = max(1, round(height * aspect))
    if height is None:
        height = max(1, round(width / aspect))
    return height, width


def _check_degrees(resolution: float, extent: Extent) -> None:
    if not extent.crs.geographic or resolution <= _COARSEST_DEGREES:
        return
    centre = extent.center
    degrees = size_in(
        NativeGrid(crs=None, size=CellSize(resolution, resolution)), extent.crs, centre
    )
    raise StacError(
        f"resolution={resolution!r} asks for cells of {resolution!r} degrees, as {extent.crs!s} is "
        f"geographic. {resolution!r} m are resolution={degrees.y:.3g} here; for metres choose a "
        "projected target_crs; for cells of more than a degree give width="
    )


def _origin(size: CellSize, grids: Iterable[NativeGrid], crs: CRS) -> tuple[float, float]:
    same = (
        grid.origin
        for grid in grids
        if grid.crs == crs
        and grid.origin
        and math.isclose(grid.size.x, size.x, rel_tol=1e-9)
        and math.isclose(grid.size.y, size.y, rel_tol=1e-9)
    )
    # The smallest origin of several aligned tiles: the choice must not depend on their order.
    return min(same, default=(0.0, 0.0))


def snapped(extent: Extent, size: CellSize, origin: tuple[float, float]) -> GeoBox:
    """Return the cells of a grid, given by a corner and a cell size, that cover an extent."""
    left = math.floor((extent.xmin - origin[0]) / size.x + _SNAP)
    right = math.ceil((extent.xmax - origin[0]) / size.x - _SNAP)
    bottom = math.floor((extent.ymin - origin[1]) / size.y + _SNAP)
    top = math.ceil((extent.ymax - origin[1]) / size.y - _SNAP)
    x, y = origin[0] + left * size.x, origin[1] + top * size.y
    shape = max(1, top - bottom), max(1, right - left)
    return GeoBox(shape, Affine(size.x, 0, x, 0, -size.y, y), extent.crs)


def cropped(geobox: GeoBox, area: Extent) -> GeoBox:
    """Return the part of a grid that covers an area; its cells stay where they are.

    A cube asked for a box beyond the items' footprint has proportionally fewer cells.
    """
    size, corner = geobox.resolution, geobox.boundingbox
    left, right = ((x - corner.left) / size.x for x in (area.xmin, area.xmax))
    top, bottom = ((y - corner.top) / size.y for y in (area.ymax, area.ymin))
    height, width = geobox.shape.yx
    rows = slice(max(0, math.floor(top + _SNAP)), min(height, math.ceil(bottom - _SNAP)))
    cols = slice(max(0, math.floor(left + _SNAP)), min(width, math.ceil(right - _SNAP)))
    return geobox[rows, cols]


def check_size(geobox: GeoBox, full: GeoBox, *, times: int, bands: int, max_pixels: int) -> None:
    """Refuse a cube of too many cells, from metadata alone.

    Parameters
    ----------
    geobox
        Grid of the cube.
    full
        The grid before it was cropped to the items: what width and resolution are asked of.
    times, bands
        Number of time steps and of variables.
    max_pixels
        Most cells, over all times and bands.

    Raises
    ------
    SizeLimitError
        More than `max_pixels` cells; the text says how to shrink the cube.
    """
    height, width = geobox.shape.yx
    layers = times * bands
    cells = width * height * layers
    if cells <= max_pixels:
        return
    share = (width * height) / (full.shape.x * full.shape.y)
    advice = [*_smaller(full, max_pixels / layers / share), "a smaller bbox"]
    advice += ["a shorter datetime"] * (times > 1) + ["fewer bands"] * (bands > 1)
    raise SizeLimitError(
        f"the cube would have {width} x {height} cells x {times} times x {bands} bands = "
        f"{cells} cells, but max_pixels={max_pixels}. Ask for less: {', '.join(advice)}; "
        f"or allow it with max_pixels={cells}"
    )


def _smaller(full: GeoBox, cells: float) -> list[str]:
    """Return arguments that keep a layer within a number of cells; none if not even one fits."""
    height, width = full.shape.yx
    shrink = math.sqrt(cells / (width * height))
    # One cell less: rounding and the cells that edges cut must not exceed the limit again.
    columns, rows = math.floor(width * shrink) - 1, math.floor(height * shrink) - 1
    # A width alone may round the rows up, which counts where they are few.
    while columns > 0 and columns * math.ceil(columns * height / width) > cells:
        columns -= 1
    if columns < 1 or rows < 1:
        return []
    size = max(abs(full.resolution.x) * width / columns, abs(full.resolution.y) * height / rows)
    return [f"width={columns}", f"resolution={_rounded_up(size)!r}"]


def _rounded_up(value: float) -> float:
    """Return a number of three digits that isn't smaller: advice that holds and can be read."""
    step = 10.0 ** (math.floor(math.log10(value)) - 2)
    return float(f"{math.ceil(value / step) * step:.3g}")
