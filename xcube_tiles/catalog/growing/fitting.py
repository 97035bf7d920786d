"""Whether a cube fits a layer: variables, cell types, dimensions, grid."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xcube_tiles.catalog.cubes import as_layer_cube
from xcube_tiles.catalog.pyramids.grids import zoom_range
from xcube_tiles.catalog.pyramids.pyramid import onto_zoom
from xcube_tiles.cube.cells import cell_type_of
from xcube_tiles.cube.georef import geobox_of
from xcube_tiles.errors import CatalogError, CellTypeError, DimensionError, GridError
from xcube_tiles.grid.extent import same_crs
from xcube_tiles.grid.scheme import LOCAL, resolve_scheme

if TYPE_CHECKING:
    from collections.abc import Iterable

    import xarray as xr
    from odc.geo.geobox import GeoBox

    from xcube_tiles.catalog.layer import Layer
    from xcube_tiles.typing import PyramidResampling, XarrayObject

Window = tuple[slice, slice]
"""Rows and columns of a layer's base."""

_TOLERANCE = 1e-3
"""Of a cell: how far cells may be from those of the layer."""


def check_own(layer: Layer) -> None:
    """Make sure that it is known how the layer's levels are made.

    Raises
    ------
    CatalogError
        A layer made by other software, or from a tree that `pyramid` didn't make.
    """
    methods = layer.metadata.get("resampling", {})
    if set(layer.variables) - set(methods):
        raise CatalogError(
            f"layer {layer.name!r} doesn't tell how its levels were made (it wasn't written from a "
            "cube by this package): write it anew with overwrite=True, then it can grow"
        )


def fitted_cube(
    layer: Layer, obj: XarrayObject, dims: Iterable[str], *, subset: bool
) -> xr.Dataset:
    """Return a cube in canonical form with the dimensions of the layer, or raise.

    Parameters
    ----------
    layer
        The layer to change.
    obj
        The cube. A dimension that it lacks is added where it has a scalar coordinate of its name.
    dims
        Leading dimensions that variables must have to take part.
    subset
        Whether variables of the layer may be left out.

    Raises
    ------
    CatalogError
        Variables that the layer hasn't, or that are missing.
    CellTypeError
        Another dtype or NoData than the layer's.
    DimensionError
        Other dimensions than the layer's.
    """
    only = layer.variables[0] if len(layer.variables) == 1 else "data"
    cube = as_layer_cube(obj, only)
    wanted = [name for name in layer.variables if not dims or set(layer.dims(name)) & set(dims)]
    _check_variables(layer, cube, wanted, subset=subset)
    cube = _with_dims(layer, cube)
    for name in map(str, cube.data_vars):
        array = cube[name]
        found, there = cell_type_of(array), layer.cell_type(name)
        if found != there:
            raise CellTypeError(
                f"{name!r} has cells of the type {found.name} and layer {layer.name!r} of "
                f"{there.name}; convert them: cube.tiles.convert({there.name!r})"
            )
        if array.dims != layer.dims(name):
            raise DimensionError(
                f"{name!r} has the dimensions {array.dims!r} and layer {layer.name!r} has "
                f"{layer.dims(name)!r}; rename, add or select some "
                "(cube.rename, cube.tiles.add_dimension, cube.isel)"
            )
    return cube


def _check_variables(layer: Layer, cube: xr.Dataset, wanted: list[str], *, subset: bool) -> None:
    found = [str(name) for name in cube.data_vars]
    extra = [name for name in found if name not in wanted]
    if extra:
        known = [name for name in extra if name in layer.variables]
        why = (
            f"layer {layer.name!r} has {known[0]!r} once for all slices, without the dimension"
            if known
            else f"layer {layer.name!r} has the variables {', '.join(layer.variables)}"
        )
        raise CatalogError(
            f"{why}; leave out {', '.join(map(repr, extra))} (cube.drop_vars({extra!r})) or rename "
            "it (cube.rename)"
        )
    missing = [name for name in wanted if name not in found]
    if missing and not subset:
        raise CatalogError(
            f"the cube lacks {', '.join(map(repr, missing))}; layer {layer.name!r} has the "
            f"variables {', '.join(wanted)}, each of which grows"
        )


def _with_dims(layer: Layer, cube: xr.Dataset) -> xr.Dataset:
    """Add dimensions of one label that a slice of a cube has lost."""
    for name in map(str, cube.data_vars):
        for dim in layer.dims(name)[:-2]:
            if dim in cube[name].dims or cube[name].ndim > 2:
                continue
            if dim not in cube.coords or cube[dim].ndim:
                raise DimensionError(
                    f"{name!r} has no dimension {dim!r}, and nothing tells its label: give it one "
                    f"with cube.tiles.add_dimension({dim!r}, label) or "
                    f"cube.assign_coords({dim}=label)"
                )
            cube[name] = cube[name].expand_dims(dim)
    return cube


def place(layer: Layer, box: GeoBox) -> Window:
    """Return the rows and columns of a layer's base that a grid covers, cell on cell.

    Raises
    ------
    GridError
        Another CRS, other cells, cells between those of the layer, or cells beyond its edges.
    """
    base = layer.geoboxes[0]
    mend = (
        f"bring it onto the layer's grid: cube.tiles.reproject(catalog[{layer.name!r}].geoboxes[0])"
    )
    if not same_crs(layer.crs, box.crs):
        raise GridError(f"the cube is in {box.crs} and layer {layer.name!r} in {layer.crs}; {mend}")
    cells = tuple(
        (own / other - 1) * size
        for own, other, size in (
            (box.affine.a, base.affine.a, box.shape[1]), (box.affine.e, base.affine.e, box.shape[0])
        )
    )  # fmt: skip
    if max(map(abs, cells)) > _TOLERANCE:
        raise GridError(
            f"the cube's cells are {box.affine.a!r} x {-box.affine.e!r} and those of layer "
            f"{layer.name!r} {base.affine.a!r} x {-base.affine.e!r}; {mend}"
        )
    col, row = ~base.affine * (box.affine.c, box.affine.f)
    if max(abs(col - round(col)), abs(row - round(row))) > _TOLERANCE:
        raise GridError(
            f"the cube's cells lie {row - round(row):.3g} rows and {col - round(col):.3g} columns "
            f"off those of layer {layer.name!r}; {mend}"
        )
    return _inside(layer, (round(row), round(col)), (int(box.shape[0]), int(box.shape[1])))


def _inside(layer: Layer, corner: tuple[int, int], shape: tuple[int, int]) -> Window:
    edges = ("above", "below"), ("left of", "right of")
    over = []
    for start, size, whole, names in zip(corner, shape, layer.shape_of(0), edges, strict=True):
        counts = (-start, start + size - whole)
        over += [f"{n} cells {name}" for n, name in zip(counts, names, strict=True) if n > 0]
    if over:
        raise GridError(
            f"the cube sticks out of layer {layer.name!r}: {', '.join(over)} it. Cut it first, "
            f"cube.tiles.crop(catalog[{layer.name!r}].extent), or write a new layer of both"
        )
    (row, col), (height, width) = corner, shape
    return slice(row, row + height), slice(col, col + width)


def placed(layer: Layer, cube: xr.Dataset, block: int) -> tuple[xr.Dataset, Window, bool]:
    """Return a cube on the layer's grid, where it lies there, and whether it was warped.

    A cube on the layer's own grid stays as it is. To a layer of a zoomed scheme any other one is
    warped, as it was when the layer was written.

    Raises
    ------
    GridError
        A cube that isn't on the layer's grid, or not within it.
    """
    scheme, zoom = layer.metadata.get("scheme", LOCAL), layer.metadata.get("zoom")
    box = geobox_of(cube)
    if scheme == LOCAL or zoom is None:
        return cube, place(layer, box), False
    try:
        return cube, place(layer, box), False
    except GridError:
        if same_crs(layer.crs, box.crs) and _same_cells(box, layer.geoboxes[0]):
            raise
    tiles = zoom_range(resolve_scheme(scheme), box, (zoom, zoom), None, 2).geobox
    rows, cols = place(layer, tiles)
    height, width = layer.shape_of(0)
    written: dict[str, PyramidResampling] = layer.metadata["resampling"]
    methods = {str(name): written[str(name)] for name in cube.data_vars}
    warped = onto_zoom(cube, layer.geoboxes[0][:height, :width], methods, block)
    return warped.isel(y=rows, x=cols), (rows, cols), True


def _same_cells(one: GeoBox, two: GeoBox) -> bool:
    pairs = ((one.affine.a, two.affine.a), (one.affine.e, two.affine.e))
    return all(abs(a / b - 1) < 1e-9 for a, b in pairs)
