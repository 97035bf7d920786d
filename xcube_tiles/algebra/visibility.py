"""Viewshed: what is seen from a place."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial
from itertools import accumulate
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from xcube_tiles.algebra.choosing import chosen
from xcube_tiles.algebra.local.operands import finite, number
from xcube_tiles.algebra.places import cells_at
from xcube_tiles.algebra.rasters import raster_of
from xcube_tiles.algebra.terrain.cells import cell_sizes, metres_per_unit, positive
from xcube_tiles.cube.blocks import is_lazy, map_windows
from xcube_tiles.cube.blocks.threads import bands
from xcube_tiles.cube.cells import cell_type_of, set_cell_type
from xcube_tiles.cube.georef import geobox_of
from xcube_tiles.errors import AlgebraError, GeoreferenceError
from xcube_tiles.grid.celltype import CellType
from xcube_tiles.kernels.nodata import as_cells, average_dtype, with_nan
from xcube_tiles.kernels.visibility import look

if TYPE_CHECKING:
    import xarray as xr
    from numpy.typing import NDArray
    from odc.geo.geobox import GeoBox

EARTH_RADIUS = 6_371_008.8
"""Mean radius of the earth in metres (IUGG)."""

_OUTPUTS = MappingProxyType(
    {"visible": CellType.parse("uint8ud255"), "height": CellType.parse("float32")}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _View:
    """Where an observer stands, and how far and where to he looks; lengths as elevations have."""

    row: int
    """Of the observer's cell."""

    col: int
    """Of the observer's cell."""

    cell: tuple[float, float]
    """Height and width of a cell."""

    raised: tuple[float, float]
    """Height of the eye and of targets above the ground."""

    bend: float
    """The earth bends away by this times the squared distance."""

    limits: tuple[float, float, float, float, float]
    """Farthest distance; azimuth and half the field of view in radians; tangents of the lowest and
    the highest angle."""

    def reach(self, step: int) -> int:
        """Return how many cells are seen along y (0) or x (1) from the observer, at most."""
        # Rounding must not lose the last cell; what is too far away the kernel leaves out.
        return int(min(self.limits[0] / self.cell[step] * (1 + 1e-9), 2.0**60))

    def window(self, rows: slice, cols: slice) -> tuple[slice, slice]:
        """Return what a block's lines of sight cross: it and the observer; empty out of reach."""
        parts = (_towards(rows, self.row, self.reach(0)), _towards(cols, self.col, self.reach(1)))
        if any(part.start == part.stop for part in parts):
            return slice(0, 0), slice(0, 0)
        return parts


def _towards(part: slice, at: int, reach: int) -> slice:
    start, stop = max(part.start, at - reach), min(part.stop, at + reach + 1)
    return slice(min(start, at), max(stop, at + 1)) if start < stop else slice(0, 0)


def viewshed(
    elevation: xr.DataArray,
    x: float,
    y: float,
    *,
    observer_height: float = 1.75,
    target_height: float = 0.0,
    max_distance: float | None = None,
    azimuth: float = 0.0,
    field_of_view: float = 360.0,
    lowest: float = -90.0,
    highest: float = 90.0,
    curvature: bool = True,
    refraction: float = 0.13,
    output: Literal["visible", "height"] = "visible",
    z_factor: float | None = None,
) -> xr.DataArray:
    """Return what is seen from a place.

    Parameters
    ----------
    elevation
        Elevations, of any cell type, dimensions (..., y, x), in a projected CRS.
    x, y
        Where the observer stands, in the cube's CRS: in the middle of the cell there.
    observer_height, target_height
        Height of the eye, and of what is looked for, above the ground, in the unit of the
        elevations.
    max_distance
        How far to look, in the unit of the coordinates; None: everywhere. Only the blocks within
        are read.
    azimuth, field_of_view
        Where to look, in degrees clockwise from north, and how wide, in degrees; the middle of a
        cell decides.
    lowest, highest
        Angles against the horizon, in degrees, between which the top of a target must appear.
    curvature
        Whether the earth bends away.
    refraction
        By which share of the earth's curvature air bends the light after it; 0.13 is that of
        surveyors, 1/7 that of `gdal_viewshed`.
    output
        `"visible"`: whether targets are seen; `"height"`: how high above the ground one has to be
        to be seen, whatever `target_height`.
    z_factor
        What elevations are multiplied by to have the unit of the coordinates; None: both are in
        metres.

    Returns
    -------
    uint8, 1 for seen, 0 for hidden, 255 for NoData, or float32 in the unit of the elevations, 0 for
    what is seen from the ground, NaN for NoData. NoData are cells without an elevation, and those
    that aren't looked at: beyond `max_distance`, the field of view or the angles. Lazy if
    `elevation` is, with one task per block.

    Raises
    ------
    AlgebraError
        A place outside the cube, or where it has no elevation (for lazy data when it is computed);
        numbers out of range; an unknown output.
    GeoreferenceError
        A CRS in degrees: reproject first. One whose unit isn't the metre, without `z_factor`.
    DimensionError
        A Dataset: name the variable.

    Notes
    -----
    Exact: every cell has a line of sight of its own, from the eye to the middle of the cell, and is
    seen if nothing of the surface stands above it, wherever it crosses the lines between the
    middles of neighbours in a row or column; there the surface is linear between the two. That is
    R3 of Franklin, W. R. and Ray, C. K. (1994), Higher isn't necessarily better: visibility
    algorithms and experiments, Proc. 6th Symp. Spatial Data Handling. NoData hides nothing. A line
    that touches the surface isn't hidden.

    At a distance d the earth has bent away by ``d**2 (1 - refraction) / (2 R)`` with R = 6371008.8
    m, its mean radius.

    A block needs all blocks between it and the observer. So for large rasters give `max_distance`;
    the work grows with its third power.

    Examples
    --------
    >>> import xarray as xr
    >>> from affine import Affine
    >>> from odc.geo.geobox import GeoBox
    >>> from xcube_tiles.cube.georef import assign_geobox
    >>> grid = GeoBox((1, 5), Affine(10, 0, 0, 0, -10, 0), "EPSG:32633")
    >>> wall = assign_geobox(xr.DataArray([[0.0, 0.0, 5.0, 0.0, np.nan]], dims=("y", "x")), grid)
    >>> viewshed(wall, 5, -5).values
    array([[  1,   1,   1,   0, 255]], dtype=uint8)
    >>> viewshed(wall, 5, -5, observer_height=2, output="height").values.round(2)
    array([[0. , 0. , 0. , 6.5, nan]], dtype=float32)
    """
    result = chosen("output", output, _OUTPUTS)
    if not isinstance(curvature, bool):
        raise AlgebraError(f"curvature must be True or False, got {curvature!r}")
    elevation = raster_of(elevation, "elevations")
    geobox = geobox_of(elevation)
    height, width = _plane(geobox, z_factor)
    stretch = 1.0 if z_factor is None else positive(z_factor)
    row, col = cells_at("the observer", [(x, y)], elevation)[0]
    unit = metres_per_unit(geobox.crs) * stretch
    view = _View(
        row=row,
        col=col,
        cell=(height, width),
        raised=(_height("observer", observer_height), _height("target", target_height)),
        bend=(1 - _refraction(refraction)) * unit / (2 * EARTH_RADIUS) if curvature else 0.0,
        limits=(
            _farthest(max_distance) / stretch,
            *_field(azimuth, field_of_view, lowest, highest),
        ),
    )
    data = _look(elevation, view, result)
    array = elevation.copy(data=data).rename("viewshed")
    array.attrs = {}
    return set_cell_type(array, result)


def _plane(geobox: GeoBox, z_factor: float | None) -> tuple[float, float]:
    """Return the height and width of a cell in the unit of the elevations."""
    if geobox.crs is not None and geobox.crs.geographic:
        raise GeoreferenceError(
            f"lines of sight need a projected CRS, got {geobox.crs}: reproject first, e.g. "
            "cube.tiles.reproject(32633)"
        )
    sizes = cell_sizes(geobox, z_factor)
    return sizes.height, sizes.width


def _height(whose: str, height: float) -> float:
    if finite(height, f"{whose}_height") < 0:
        raise AlgebraError(
            f"{whose}_height must be 0 or more, in the unit of the elevations, got {height!r}"
        )
    return float(height)


def _refraction(share: float) -> float:
    if not 0 <= number(share, "refraction") < 1:
        raise AlgebraError(f"refraction must be a share from 0 to less than 1, got {share!r}")
    return float(share)


def _farthest(distance: float | None) -> float:
    if distance is not None and not number(distance, "max_distance") > 0:
        raise AlgebraError(f"max_distance must be positive, or None, got {distance!r}")
    return math.inf if distance is None else float(distance)


def _field(
    azimuth: float, width: float, lowest: float, highest: float
) -> tuple[float, float, float, float]:
    finite(azimuth, "azimuth, in degrees clockwise from north,")
    if not 0 < number(width, "field_of_view") <= 360:
        raise AlgebraError(f"field_of_view must be more than 0 up to 360 degrees, got {width!r}")
    if not -90 <= number(lowest, "lowest") < number(highest, "highest") <= 90:
        raise AlgebraError(
            "lowest and highest must be degrees from -90 to 90, the first below the second, got "
            f"{lowest!r} and {highest!r}"
        )
    # The tangent of 90 degrees is a large number, which would shut out what is higher.
    low = -math.inf if lowest == -90 else math.tan(math.radians(lowest))
    high = math.inf if highest == 90 else math.tan(math.radians(highest))
    return math.radians(azimuth), math.radians(width / 2), low, high


def _look(elevation: xr.DataArray, view: _View, result: CellType) -> Any:
    data = elevation.data
    chunks = data.chunks[-2:] if is_lazy(data) else (bands(data.shape), data.shape[-1:])
    tops, lefts = (tuple(accumulate(sizes, initial=0)) for sizes in chunks)

    def window(i: int, j: int) -> tuple[slice, slice]:
        return view.window(slice(tops[i], tops[i + 1]), slice(lefts[j], lefts[j + 1]))

    return map_windows(
        partial(_look_block, tops=tops, lefts=lefts, view=view, source=cell_type_of(elevation)),
        data,
        chunks=chunks,
        windows=window,
        name="viewshed",
        dtype=result.dtype,
        missing=result.nodata,
    )


def _look_block(
    piece: NDArray[Any],
    *,
    block: tuple[int, int],
    tops: tuple[int, ...],
    lefts: tuple[int, ...],
    view: _View,
    source: CellType,
    missing: float,
) -> NDArray[Any]:
    (i, j), exact = block, math.isnan(missing)
    rows, cols = slice(tops[i], tops[i + 1]), slice(lefts[j], lefts[j + 1])
    dtype = np.dtype(np.float32 if exact else np.uint8)
    shape = (rows.stop - rows.start, cols.stop - cols.start)
    result = np.full((*piece.shape[:-2], *shape), missing, dtype)
    if not piece.size:
        return result
    within = view.window(rows, cols)
    y, x = (
        slice(max(part.start, reached.start), min(part.stop, reached.stop))
        for part, reached in zip((rows, cols), within, strict=True)
    )
    target = result[..., y.start - rows.start : y.stop - rows.start, :]
    target = target[..., x.start - cols.start : x.stop - cols.start]
    cells = as_cells(piece)
    heights = with_nan(cells, source.nodata, average_dtype(cells.dtype))
    north, west = within[0].start, within[1].start
    corner = (y.start - north, x.start - west)
    for index in np.ndindex(piece.shape[:-2]):
        _look_layer(
            heights[index], target[index], view, (view.row - north, view.col - west), corner
        )
    return result


def _look_layer(
    heights: NDArray[Any],
    target: NDArray[Any],
    view: _View,
    at: tuple[int, int],
    corner: tuple[int, int],
) -> None:
    if np.isnan(heights[at]):
        raise AlgebraError(
            f"the observer's cell (row {view.row}, column {view.col}) has no elevation; move x, y, "
            "or fill the gap first"
        )
    exact = target.dtype.kind == "f"
    out = np.empty(target.shape, target.dtype)
    look(
        np.ascontiguousarray(heights).reshape(-1),
        heights.shape,
        at,
        corner,
        view.cell,
        view.raised,
        view.bend,
        view.limits,
        exact,
        target.dtype.type(np.nan if exact else 255),
        out,
    )
    target[...] = out
