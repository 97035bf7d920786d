"""Grids of the levels of others, from what their makers wrote: transforms, coordinates, shapes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from affine import Affine
from odc.geo.geobox import GeoBox

from xcube_tiles.cube.crs import declared_transform
from xcube_tiles.cube.georef import geobox_of, spatial_dims
from xcube_tiles.errors import CatalogError, GeoreferenceError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import xarray as xr
    from odc.geo.crs import CRS

    from xcube_tiles.catalog.foreign.nodes import Node

_APART = 0.51
"""Most cells between a coordinate and the transform's cell centre: half a cell, as some makers
write corners, and a little for rounding."""


class Placed(NamedTuple):
    """Where the cells of a level are."""

    geobox: GeoBox
    """Grid with north up."""

    flip_rows: bool
    """Whether the first row that is stored is the southernmost."""

    flip_cols: bool
    """Whether the first column that is stored is the easternmost."""


def place_finest(node: Node, declared: Any = None) -> Placed:
    """Return the grid of a finest level, or of a store's only one.

    Parameters
    ----------
    node
        The level.
    declared
        `spatial:transform` of its entry in a layout; None: the entry has none.

    Raises
    ------
    GeoreferenceError
        No CRS, a rotated or irregular grid, or nothing that tells where the cells are.
    CatalogError
        A transform that isn't six numbers, or that the coordinates contradict.
    """
    crs = node.crs()
    transform = declared if declared is not None else _own_transform(node)
    if transform is not None:
        placed = from_transform(transform, node.shape, crs, registration=_registration(node))
        _check_coordinates(node, placed)
        return placed
    skeleton = node.skeleton()
    known = set(node.dims) <= set(skeleton.coords) or declared_transform(skeleton) is not None
    bbox = node.own("spatial:bbox")
    if not known and bbox is not None:
        return _from_bounds(bbox, node.shape, crs, registration=_registration(node))
    geobox = geobox_of(_named(node))
    return Placed(GeoBox(geobox.shape, geobox.affine, crs), *_directions(node))


def place_coarser(node: Node, finest: Placed, declared: Any, factors: Any) -> Placed:
    """Return the grid of a coarser level.

    Parameters
    ----------
    node
        The level.
    finest
        Grid of the finest level.
    declared
        `spatial:transform` of the level's entry in a layout; None: the entry has none.
    factors
        How many cells of the finest level a cell spans, along y and x; None: nobody says.

    Raises
    ------
    GeoreferenceError, CatalogError
        As `place_finest`.
    """
    crs = finest.geobox.crs
    transform = declared
    # What the group above has is inherited, but it is about the finest level.
    if transform is None and "spatial:transform" in node.group.attrs:
        transform = node.group.attrs["spatial:transform"]
    if transform is not None:
        return from_transform(transform, node.shape, crs, registration=_registration(node))
    if factors is not None:
        return coarsened(finest, node.shape, factors)
    skeleton = node.skeleton()
    if set(node.dims) <= set(skeleton.coords) or declared_transform(skeleton) is not None:
        geobox = geobox_of(_named(node))
        return Placed(GeoBox(geobox.shape, geobox.affine, crs), *_directions(node))
    return coarsened(finest, node.shape, _likely_factors(finest, node.shape))


def from_transform(
    values: Any, shape: tuple[int, int], crs: CRS | None, *, registration: str = "pixel"
) -> Placed:
    """Return the grid of a transform.

    Parameters
    ----------
    values
        Six numbers, in the order of `affine`: from column and row to x and y.
    shape
        Rows and columns that are stored.
    crs
        Coordinate reference system.
    registration
        What the transform gives: corners of cells (`pixel`) or their centres (`node`).

    Raises
    ------
    CatalogError
        Something other than six numbers.
    GeoreferenceError
        A rotated or sheared grid.

    Examples
    --------
    Rows that are stored from south to north:

    >>> placed = from_transform([10, 0, 500, 0, 10, 0], (2, 3), None)
    >>> placed.geobox.affine.f, placed.geobox.affine.e, placed.flip_rows
    (20.0, -10.0, True)
    """
    try:
        a, b, c, d, e, f = (float(value) for value in values)
    except (TypeError, ValueError) as error:
        raise CatalogError(f"'spatial:transform' must be six numbers, got {values!r}") from error
    if b or d or not a or not e:
        raise GeoreferenceError(
            f"the grid is rotated or sheared (spatial:transform {list(values)!r}); warp it to a "
            "north-up grid first"
        )
    if registration == "node":
        c, f = c - a / 2, f - e / 2
    height, width = shape
    west, north = (c if a > 0 else c + a * width), (f if e < 0 else f + e * height)
    affine = Affine(abs(a), 0, west, 0, -abs(e), north)
    return Placed(GeoBox(shape, affine, crs), flip_rows=e > 0, flip_cols=a < 0)


def coarsened(finest: Placed, shape: tuple[int, int], factors: tuple[float, float]) -> Placed:
    """Return the grid of cells that span whole windows, counted from the first cell stored.

    The last window may reach over the edge of the finest level, or leave some of its cells out:
    where rows are stored from south to north that is in the north.

    Raises
    ------
    CatalogError
        So many or so few cells that they can't be of these windows.

    Examples
    --------
    >>> base = from_transform([1, 0, 0, 0, 1, 0], (5, 4), None)
    >>> coarsened(base, (3, 2), (2, 2)).geobox.affine.f  # the sixth row would be the northernmost
    6.0
    """
    old, (height, width) = finest.geobox.affine, shape
    for factor, size, whole in zip(factors, shape, finest.geobox.shape, strict=True):
        if abs(size * factor - whole) >= max(factor, 1):
            raise CatalogError(
                f"a level of {shape} cells can't be one of {tuple(finest.geobox.shape)} whose "
                f"cells are {tuple(factors)} times as large"
            )
    x_step, y_step = old.a * factors[1], -old.e * factors[0]
    box = finest.geobox.boundingbox
    west = box.right - x_step * width if finest.flip_cols else box.left
    north = box.bottom + y_step * height if finest.flip_rows else box.top
    affine = Affine(x_step, 0, west, 0, -y_step, north)
    return finest._replace(geobox=GeoBox(shape, affine, finest.geobox.crs))


def relative_factors(
    entry: Mapping[str, Any], derived_from: tuple[float, float]
) -> tuple[float, float] | None:
    """Return how many of the finest cells a cell spans, by a layout entry's `transform`.

    Parameters
    ----------
    entry
        Entry of a layout.
    derived_from
        The factors of the level that the entry is derived from.

    Returns
    -------
    tuple or None
        Along y and x; None where the entry doesn't say, or says something else than that cells
        span cells beginning with the first.
    """
    transform = entry.get("transform") or {}
    scale = _last_two(transform.get("scale"))
    if scale is None or min(scale) < 1:
        return None
    offset = _last_two(transform.get("translation")) or (0.0, 0.0)
    # Some count from the centre of the first cell: half of what a cell grows by is no shift then.
    centred = [(factor - 1) / 2 for factor in scale]
    if not (np.allclose(offset, 0) or np.allclose(offset, centred)):
        return None
    return scale[0] * derived_from[0], scale[1] * derived_from[1]


def _last_two(values: Any) -> tuple[float, float] | None:
    if not isinstance(values, list) or len(values) < 2:
        return None
    return float(values[-2]), float(values[-1])


def _likely_factors(finest: Placed, shape: Sequence[int]) -> tuple[float, float]:
    """Return whole factors where they explain the shape, else the ratio of the shapes."""
    found = []
    for whole, size in zip(finest.geobox.shape, shape, strict=True):
        factor = round(whole / size) or 1
        found.append(float(factor) if abs(factor * size - whole) < factor else whole / size)
    return found[0], found[1]


def _own_transform(node: Node) -> Any:
    """Return the transform that the level declares; not that of levels of another shape."""
    declared = node.own("spatial:transform")
    shape = node.attrs.get("spatial:shape")
    inherited = "spatial:transform" not in node.group.attrs
    if inherited and shape is not None and list(shape) != list(node.shape):
        return None
    return declared


def _registration(node: Node) -> str:
    found = node.own("spatial:registration") or "pixel"
    if found not in ("pixel", "node"):
        raise CatalogError(f"'spatial:registration' must be 'pixel' or 'node', got {found!r}")
    return str(found)


def _from_bounds(bbox: Any, shape: tuple[int, int], crs: CRS, *, registration: str) -> Placed:
    try:
        west, south, east, north = (float(value) for value in bbox)
    except (TypeError, ValueError) as error:
        raise CatalogError(f"'spatial:bbox' must be four numbers, got {bbox!r}") from error
    # Between the centres of the outermost cells there is one cell less.
    less = int(registration == "node")
    height, width = shape
    steps = (east - west) / (width - less), (south - north) / (height - less)
    values = [steps[0], 0, west, 0, steps[1], north]
    return from_transform(values, shape, crs, registration=registration)


def _named(node: Node) -> xr.Dataset:
    """Return the level's skeleton with its CRS, and dimensions that are recognised by name."""
    skeleton = node.skeleton().assign_attrs({"proj:wkt2": node.crs().to_wkt()})
    try:
        if spatial_dims(skeleton) == node.dims:
            return skeleton
    except GeoreferenceError:
        pass
    return skeleton.rename(dict(zip(node.dims, ("y", "x"), strict=True)))


def _directions(node: Node) -> tuple[bool, bool]:
    """Return whether rows run from south to north, and columns from east to west."""
    skeleton = node.skeleton()
    transform = declared_transform(skeleton)
    found = []
    for dim, step in zip(node.dims, (-1.0, 1.0), strict=True):
        declared = step if transform is None else (transform.e if step < 0 else transform.a)
        values = skeleton.coords[dim].values if dim in skeleton.coords else np.empty(0)
        run = float(values[-1]) - float(values[0]) if len(values) > 1 else declared
        found.append(run * step < 0)
    return found[0], found[1]


def _check_coordinates(node: Node, placed: Placed) -> None:
    """Refuse coordinates that a transform contradicts: which of them is right can't be known."""
    coords = node.skeleton().coords
    affine, (height, width) = placed.geobox.affine, placed.geobox.shape
    axes = (
        (node.dims[0], affine.f, affine.e, height, placed.flip_rows),
        (node.dims[1], affine.c, affine.a, width, placed.flip_cols),
    )
    for dim, edge, step, size, flipped in axes:
        if dim not in coords:
            continue
        values = np.asarray(coords[dim].values[:: -1 if flipped else 1], np.float64)
        expected = edge + step / 2, edge + step * (size - 0.5)
        off = float(np.abs(values[[0, -1]] - np.array(expected)).max() / abs(step))
        if not off <= _APART:
            raise CatalogError(
                f"the coordinates {dim!r} of {node.group.store_path!s} run from "
                f"{values[0]:g} to {values[-1]:g}, and by 'spatial:transform' cells are centred "
                f"at {expected[0]:g} to {expected[1]:g}: correct what is wrong, or remove it"
            )
