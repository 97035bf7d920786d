"""A layer, or a part of it, as a lazy cube."""

from __future__ import annotations

from typing import TYPE_CHECKING

import xarray as xr

from xcube_tiles.catalog.reading.cells import CellReader, lead_chunks, space_chunks
from xcube_tiles.catalog.reading.conditions import (
    Conditions,
    bands_of,
    coords_of,
    labels_of,
    place_of,
)
from xcube_tiles.catalog.reading.target import target_at
from xcube_tiles.cube.blocks import from_reader
from xcube_tiles.cube.cells import set_cell_type
from xcube_tiles.cube.georef import assign_geobox
from xcube_tiles.errors import CellTypeError
from xcube_tiles.options import get_options

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from xcube_tiles.catalog.layer import Layer
    from xcube_tiles.catalog.reading.labels import Chosen, TimeSelection
    from xcube_tiles.catalog.reading.place import Areas, Extents, Place
    from xcube_tiles.catalog.reading.target import Overzoom, Target


def read_layer(
    layer: Layer,
    *,
    zoom: int | None = None,
    resolution: float | None = None,
    overzoom: Overzoom | None = None,
    extent: Extents | None = None,
    geometry: Areas | None = None,
    crs: object = None,
    time: TimeSelection | None = None,
    bands: str | Iterable[str] | None = None,
    sel: Mapping[str, object] | None = None,
) -> xr.Dataset:
    """Return a layer, or a part of it, as a lazy cube in canonical form.

    Parameters
    ----------
    layer
        Layer of a catalog.
    zoom
        Zoom of the layer's scheme; for a local scheme the number of the level, 0 the finest.
        None: the finest.
    resolution
        Instead of a zoom: the largest cells that will do, in units of the CRS. The coarsest level
        that has no larger ones is read.
    overzoom
        How cells smaller than those of the finest level are made of them: ``"nearest"``,
        ``"bilinear"``, ``"cubic"``, ``"cubic_spline"`` or ``"lanczos"``. A zoom of a scheme is then
        larger than that of the finest level, a number of a local level negative: -1 is half the
        size. None: such a zoom is an error.
    extent
        Part wanted, in any CRS; ``(xmin, ymin, xmax, ymax)`` is in the layer's own. The result
        holds every cell that it touches: one that has only its south or east edge in common with
        it isn't touched. Of a list, each has to touch the layer; the result is the window around
        all, and cells that none touches are NoData.
    geometry
        Area wanted: a polygon of shapely, GeoJSON, an Extent, or a list of these, all of which have
        to touch the layer. The result is the window that they touch; cells whose centres aren't in
        one of them, or on its boundary, are NoData, as `tiles.mask` has it.
    crs
        CRS of the geometry; by default that of the layer, and of GeoJSON longitude and latitude.
    time
        An instant; a text that names a period such as ``"2018-05"``; a range ``(start, stop)`` or a
        slice with both ends included, None for an open one; or a list of any of these, which
        means all of them, in the layer's order. What isn't there is an error, also within a list.
        A single instant, and a text as precise as the time axis, drop the dimension.
    bands
        Names of variables, in the order wanted; None: all.
    sel
        Labels of other dimensions by name, e.g. ``{"depth": [5, 10]}``: one label (its dimension is
        dropped), a range with both ends, or a list of these, as for the time.

    Returns
    -------
    Dataset
        Integer cells stay integers, with their NoData in ``attrs["_FillValue"]``. The padding of
        the base is left out. Only blocks in which a cell is wanted are read.

    Raises
    ------
    CatalogError
        A zoom, variable, dimension or label that the layer hasn't, or that isn't understood. When
        cells are computed: the layer was deleted or replaced meanwhile.
    GridError
        An extent or geometry that doesn't touch the layer; one in parts that lie at both ends of
        the earth; a geometry without area or that isn't valid.
    CellTypeError
        A variable without NoData of which some cells aren't wanted; 64-bit integers and an
        `overzoom` that blends them.
    """
    wanted = Conditions(
        extent=extent, geometry=geometry, crs=crs, time=time, bands=bands, sel=sel or {}
    )
    target = target_at(layer, zoom, resolution=resolution, overzoom=overzoom)
    return read_cube(layer, target, [wanted])


def read_cube(layer: Layer, target: Target, conditions: Sequence[Conditions]) -> xr.Dataset:
    """Return the cells of a target grid that conditions mean, as a lazy cube.

    Raises
    ------
    CatalogError, GridError, CellTypeError
        As `read_layer`.
    """
    place = place_of(layer, target.geobox, conditions)
    labels = labels_of(layer, conditions)
    names = bands_of(layer, conditions)
    arrays = {name: _lazy(layer, name, target, place, labels) for name in names}
    window = slice(*place.window.rows), slice(*place.window.cols)
    coords = {name: _chosen(coord, labels) for name, coord in coords_of(layer).items()}
    cube = assign_geobox(xr.Dataset(arrays, coords, layer.attrs), target.geobox[window])
    for name in names:
        cube[name] = set_cell_type(cube[name], layer.cell_type(name))
    return cube.squeeze([dim for dim, chosen in labels.items() if chosen.single])


def _chosen(coord: xr.Variable, labels: Mapping[str, Chosen]) -> xr.Variable:
    here = {dim: list(labels[dim].positions) for dim in map(str, coord.dims) if dim in labels}
    return coord.isel(here)


def _lazy(
    layer: Layer, name: str, target: Target, place: Place, labels: Mapping[str, Chosen]
) -> xr.Variable:
    number = target.level.number
    array, cells = layer.array(name, number), layer.cell_type(name)
    _check_cells(name, layer, target, place)
    dims = (*layer.dims(name)[:-2], "y", "x")
    positions = tuple(
        labels[dim].positions if dim in labels else tuple(range(size))
        for dim, size in zip(dims[:-2], array.shape, strict=False)
    )
    window = place.window
    reader = CellReader(
        layer=layer,
        array=array,
        target=target,
        cells=cells,
        positions=positions,
        corner=(window.rows[0], window.cols[0]),
        inside=place.inside,
    )
    inner = array.chunks[-1] * target.factor
    edge = max(inner, get_options().chunk_size // inner * inner)
    spans = window.rows, window.cols
    data = from_reader(
        reader,
        shape=(*map(len, positions), *(last - first for first, last in spans)),
        chunks=(
            *map(lead_chunks, positions, array.chunks),
            *(space_chunks(span, edge) for span in spans),
        ),
        dtype=array.dtype,
        name=f"layer-{layer.name}",
        # A layer that is written again under its name has another instant of creation.
        token=(
            str(array.store_path), layer.metadata.get("created"), layer.metadata.get("revision"),
            positions, target.factor, target.method, place.window, place.inside,
        ),
    )  # fmt: skip
    return xr.Variable(dims, data, layer.variable_attrs(name))


def _check_cells(name: str, layer: Layer, target: Target, place: Place) -> None:
    cells = layer.cell_type(name)
    if place.inside is not None and cells.nodata is None:
        raise CellTypeError(
            f"{name!r} of layer {layer.name!r} has no NoData value ({cells.name}) for the cells "
            "that aren't wanted; read one extent and compute with that"
        )
    blends = target.factor > 1 and target.method != "nearest"
    if blends and cells.dtype.itemsize == 8 and cells.dtype.kind in "iu":
        raise CellTypeError(
            f"{name!r} of layer {layer.name!r} has 64-bit integers, which {target.method!r} would "
            "round to float64; use overzoom='nearest'"
        )
