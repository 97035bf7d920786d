"""Georeference of xarray objects: canonical form in, grids and coordinates out.

Canonical form is: last dimensions named `y, x`, 1-D cell-centre coordinates with y descending and
x ascending, and a scalar coordinate `spatial_ref` with CF attributes and GDAL's `GeoTransform`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import xarray as xr
from affine import Affine
from odc.geo.geobox import GeoBox

from xcube_tiles.cube.crs import SPATIAL_REF, declared_transform, find_crs, grid_mapping_name
from xcube_tiles.errors import GeoreferenceError
from xcube_tiles.grid.extent import Extent, as_crs

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray
    from odc.geo.crs import CRS

    from xcube_tiles.typing import XarrayObject, XarrayT

_NAMES = (
    ("y", "x"),
    ("yc", "xc"),
    ("latitude", "longitude"),
    ("lat", "lon"),
    ("northing", "easting"),
)
"""Spatial dimension names that are recognised, y before x."""

_IRREGULAR = 0.01
"""Largest departure of a coordinate from a regular grid, in cells. Coordinates kept as float32
reach some thousandths; a hundredth of a cell moves nothing that a user could see."""

GRID_TOLERANCE = 1e-6
"""Largest difference between two grids that count as equal, in cells."""


def spatial_dims(obj: XarrayObject) -> tuple[str, str]:
    """Return the names of the y and x dimensions.

    Raises
    ------
    GeoreferenceError
        None of the known pairs of names is among the dimensions.
    """
    for names in _NAMES:
        if set(names) <= set(obj.dims):
            return names
    known = ", ".join(f"({y}, {x})" for y, x in _NAMES)
    raise GeoreferenceError(
        f"no spatial dimensions among {tuple(obj.dims)!r}; expected one of {known}. "
        "Rename them, e.g. obj.rename({'rows': 'y', 'cols': 'x'})"
    )


def canonical(obj: XarrayT) -> XarrayT:
    """Return an object in canonical form.

    Data isn't copied: flipped axes become views, lazy data stays lazy.

    Parameters
    ----------
    obj
        Any object with spatial dimensions `y, x`, `yc, xc`, `lat, lon`, `latitude, longitude` or
        `northing, easting`, in any order and direction.

    Raises
    ------
    GeoreferenceError
        No CRS; no regular coordinates; a `GeoTransform` that the coordinates contradict; a rotated
        grid. The text says what to do.

    Notes
    -----
    A `GeoTransform` and coordinates agree if every coordinate is a cell centre of the transform's
    grid: indexing with `isel` keeps that true, a shift by half a cell doesn't. What indexing left
    is then the grid of the result.

    Coordinates keep their values where these are the grid's to a millionth of a cell: xarray then
    aligns the result with what it was made of. Others, such as rounded ones, become the grid's.
    """
    geobox, flip = _georeference(obj)
    if not flip and _is_canonical(obj, geobox):
        return obj
    ydim, xdim = spatial_dims(obj)
    taken = [new for old, new in ((ydim, "y"), (xdim, "x")) if old != new and _has_name(obj, new)]
    if taken:
        raise GeoreferenceError(
            f"can't rename {ydim!r}, {xdim!r} to 'y', 'x': {taken[0]!r} is taken. Rename it first"
        )
    mapping = grid_mapping_name(obj)
    if mapping is not None:
        obj = obj.drop_vars(mapping)
    obj = obj.rename({old: new for old, new in ((ydim, "y"), (xdim, "x")) if old != new})
    flips = {dim: slice(None, None, -1) for dim in flip}
    if flips:
        obj = obj.isel({"y" if dim == ydim else "x": part for dim, part in flips.items()})
    obj = obj.transpose(..., "y", "x")
    coords = grid_coords(geobox)
    for dim, values in _agreeing(obj, geobox).items():
        coords[dim] = coords[dim].copy(data=values)
    return _with_coords(obj, coords)


def _is_canonical(obj: XarrayObject, geobox: GeoBox) -> bool:
    """Whether an object has canonical coordinates of its grid: looking is cheaper than setting."""
    mapping = obj.coords.get(SPATIAL_REF)
    if mapping is None or not {"y", "x"} <= set(obj.coords) or "crs_wkt" not in mapping.attrs:
        return False
    arrays = obj.data_vars.values() if isinstance(obj, xr.Dataset) else [obj]
    return (
        mapping.attrs.get("GeoTransform") == _transform_text(geobox)
        and all("axis" in obj.coords[dim].attrs for dim in ("y", "x"))
        and len(_agreeing(obj, geobox)) == 2
        and all(
            "grid_mapping" not in array.attrs
            and array.encoding.get("grid_mapping") == SPATIAL_REF
            and array.dims[-2:] == ("y", "x")
            for array in arrays
            if {"y", "x"} & set(array.dims)
        )
    )


def _agreeing(obj: XarrayObject, geobox: GeoBox) -> dict[str, NDArray[np.float64]]:
    """Return those of an object's coordinates y and x that are a grid's but for rounding."""
    found = {}
    for dim, (values, step) in _centres_of(geobox).items():
        if dim not in obj.coords or obj.coords[dim].dtype.kind not in "iuf":
            continue
        own = np.asarray(obj.coords[dim].values, np.float64)
        if np.abs(own - values).max() <= GRID_TOLERANCE * abs(step):
            found[dim] = own
    return found


def _centres_of(geobox: GeoBox) -> dict[str, tuple[NDArray[np.floating[Any]], float]]:
    """Return the centres of the cells along y and x, and the steps between them."""
    affine, (height, width) = geobox.affine, geobox.shape
    y = affine.f + (np.arange(height) + 0.5) * affine.e
    x = affine.c + (np.arange(width) + 0.5) * affine.a
    return {"y": (y, affine.e), "x": (x, affine.a)}


def _has_name(obj: XarrayObject, name: str) -> bool:
    return name in obj.dims or name in obj.coords or (isinstance(obj, xr.Dataset) and name in obj)


def geobox_of(obj: XarrayObject) -> GeoBox:
    """Return the grid of an object: shape, north-up transform and CRS.

    Raises
    ------
    GeoreferenceError
        As `canonical`.
    """
    return _georeference(obj)[0]


def crs_of(obj: XarrayObject) -> CRS:
    """Return the CRS of an object.

    Raises
    ------
    GeoreferenceError
        The object declares none.
    """
    crs = find_crs(obj, spatial_dims(obj))
    if crs is None:
        raise GeoreferenceError(
            "the object has no CRS: neither a 'spatial_ref' coordinate, nor attributes "
            "'grid_mapping' or 'crs', nor latitude and longitude. Give it one with "
            "obj.tiles.set_crs('EPSG:32633')"
        )
    return crs


def extent_of(obj: XarrayObject) -> Extent:
    """Return the outer edges of an object's cells, in its own CRS."""
    return Extent.from_geobox(geobox_of(obj))


def set_crs(obj: XarrayT, crs: object) -> XarrayT:
    """Return an object in canonical form whose coordinates are declared to be in a CRS.

    Nothing is reprojected; a `GeoTransform` that the object has is recomputed from the coordinates.

    Raises
    ------
    GeoreferenceError
        Coordinates that are absent or not regular.
    """
    bare = obj.drop_vars([name for name in (grid_mapping_name(obj),) if name is not None])
    declared = bare.assign_coords({SPATIAL_REF: xr.Variable((), 0, crs_attrs(as_crs(crs)))})
    return canonical(declared)


def assign_geobox(obj: XarrayT, geobox: GeoBox) -> XarrayT:
    """Return an object with the coordinates of a grid.

    Parameters
    ----------
    obj
        Object whose last dimensions are y and x.
    geobox
        North-up grid of the same shape.

    Raises
    ------
    GeoreferenceError
        The shapes differ.
    """
    shape = (obj.sizes["y"], obj.sizes["x"])
    if shape != tuple(geobox.shape):
        raise GeoreferenceError(f"a grid of shape {tuple(geobox.shape)} for data of {shape} (y, x)")
    return _with_coords(obj, grid_coords(geobox))


def _with_coords(obj: XarrayT, coords: Mapping[str, xr.Variable]) -> XarrayT:
    obj = obj.assign_coords(coords)
    for array in obj.data_vars.values() if isinstance(obj, xr.Dataset) else [obj]:
        if "grid_mapping" in array.attrs:
            array.attrs = {key: val for key, val in array.attrs.items() if key != "grid_mapping"}
        if {"y", "x"} <= set(array.dims):
            array.encoding = {**array.encoding, "grid_mapping": SPATIAL_REF}
    return obj


def grid_coords(geobox: GeoBox) -> dict[str, xr.Variable]:
    """Return the canonical coordinates `y`, `x` and `spatial_ref` of a north-up grid."""
    if geobox.crs is None:
        raise GeoreferenceError("a grid without a CRS can't georeference anything")
    affine = geobox.affine
    if affine.b or affine.d:
        raise GeoreferenceError(f"a rotated grid can't have 1-D coordinates: {tuple(affine)[:6]!r}")
    attrs = {**crs_attrs(geobox.crs), "GeoTransform": _transform_text(geobox)}
    centres = {
        dim: xr.Variable(dim, values, _axis_attrs(dim.upper(), geobox.crs))
        for dim, (values, _) in _centres_of(geobox).items()
    }
    return {**centres, SPATIAL_REF: xr.Variable((), 0, attrs)}


def _transform_text(geobox: GeoBox) -> str:
    return " ".join(repr(float(value)) for value in geobox.affine.to_gdal())


def crs_attrs(crs: CRS) -> dict[str, Any]:
    """Return the CF grid-mapping attributes of a CRS, with the WKT under both names in use."""
    attrs: dict[str, Any] = crs.proj.to_cf()
    return {**attrs, "spatial_ref": attrs["crs_wkt"]}


def _axis_attrs(axis: str, crs: CRS) -> dict[str, str]:
    if not crs.geographic:
        name = f"projection_{axis.lower()}_coordinate"
        # UDUNITS, which CF refers to, knows the names of EPSG with underscores.
        names = [info.unit_name.replace(" ", "_") for info in crs.proj.axis_info]
        return {"axis": axis, "standard_name": name, "units": names[0] if names else "metre"}
    name, unit = ("latitude", "degrees_north") if axis == "Y" else ("longitude", "degrees_east")
    return {"axis": axis, "standard_name": name, "units": unit}


def _georeference(obj: XarrayObject) -> tuple[GeoBox, list[str]]:
    """Return the north-up grid of an object, and the dimensions to flip to get there."""
    ydim, xdim = spatial_dims(obj)
    crs = crs_of(obj)
    transform = declared_transform(obj)
    shape = (obj.sizes[ydim], obj.sizes[xdim])
    if not min(shape):
        raise GeoreferenceError(f"an object without cells has no grid: y, x have sizes {shape}")
    if transform is not None and (transform.b or transform.d):
        raise GeoreferenceError(
            f"the grid is rotated or sheared (GeoTransform {transform.to_gdal()!r}); "
            "warp it to a north-up grid first, e.g. obj.rio.reproject(obj.rio.crs)"
        )
    x = _axis(obj, xdim, None if transform is None else (transform.a, transform.c))
    y = _axis(obj, ydim, None if transform is None else (transform.e, transform.f))
    flip = [dim for dim, axis, sign in ((xdim, x, -1), (ydim, y, 1)) if axis.step * sign > 0]
    west = x.last if xdim in flip else x.first
    north = y.last if ydim in flip else y.first
    affine = Affine(abs(x.step), 0, west, 0, -abs(y.step), north)
    return GeoBox(shape, affine, crs), flip


class _Axis(NamedTuple):
    """The grid along one dimension, in CRS units."""

    step: float
    """Cell size, negative where the coordinate descends."""

    first: float
    """Outer edge of the first cell."""

    last: float
    """Outer edge of the last cell."""


def _axis(obj: XarrayObject, dim: str, declared: tuple[float, float] | None) -> _Axis:
    """Return the grid along a dimension; `declared` is the step and first edge of a transform."""
    if dim not in obj.coords:
        if declared is None:
            raise GeoreferenceError(
                f"dimension {dim!r} has no coordinates and there is no 'GeoTransform'; "
                f"assign cell centres: obj.assign_coords({dim}=...)"
            )
        step, first = declared
        return _Axis(step, first, first + step * obj.sizes[dim])
    values = _centres(obj, dim)
    if declared is not None:
        return _declared_axis(values, dim, *declared)
    step = _spacing(values, dim)
    return _Axis(step, float(values[0]) - step / 2, float(values[-1]) + step / 2)


def _centres(obj: XarrayObject, dim: str) -> NDArray[np.float64]:
    coord = obj.coords[dim]
    if coord.ndim != 1 or coord.dtype.kind not in "iuf":
        raise GeoreferenceError(
            f"coordinate {dim!r} must be 1-D and numeric, got {coord.ndim}-D {coord.dtype}; "
            "curvilinear grids have to be warped to a regular one first"
        )
    values = np.asarray(coord.values, np.float64)
    if not np.isfinite(values).all():
        raise GeoreferenceError(f"coordinate {dim!r} has values that aren't finite")
    return values


def _spacing(values: NDArray[np.float64], dim: str) -> float:
    if len(values) < 2:
        raise GeoreferenceError(
            f"one cell along {dim!r} doesn't tell its size; add a 'GeoTransform' to spatial_ref"
        )
    step = float((values[-1] - values[0]) / (len(values) - 1))
    regular = values[0] + step * np.arange(len(values))
    worst = np.abs(values - regular).max()
    if step == 0 or worst > _IRREGULAR * abs(step):
        raise GeoreferenceError(
            f"coordinate {dim!r} isn't regular (it departs by {worst:.4g} from a spacing of "
            f"{step:.6g}); warp or interpolate to a regular grid first"
        )
    return step


def _declared_axis(values: NDArray[np.float64], dim: str, step: float, edge: float) -> _Axis:
    """Reconcile coordinates with the transform's axis, of which they may be a part."""
    cells = (values - edge) / step - 0.5
    nearest = np.rint(cells)
    stride = (nearest[-1] - nearest[0]) / max(len(values) - 1, 1) or 1.0
    parts = nearest[0] + stride * np.arange(len(values))
    off = float(np.abs(cells - parts).max())
    if off > _IRREGULAR or stride != np.rint(stride):
        raise GeoreferenceError(
            f"coordinate {dim!r} and the 'GeoTransform' disagree by {off:.4g} cells: the first "
            f"cell centre is {float(values[0])!r}, the transform's is {edge + step / 2!r}. If the "
            "coordinates are right, use obj.tiles.set_crs(crs); if the transform is, drop them: "
            f"obj.drop_vars({dim!r})"
        )
    # Edges are counted from the transform's own: the whole grid gives it back exactly.
    first, last = float(nearest[0]), float(nearest[-1])
    half = float(stride) / 2
    return _Axis(
        step * float(stride),
        edge + step * (first + 0.5 - half),
        edge + step * (last + 0.5 + half),
    )
