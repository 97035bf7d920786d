"""What is wanted of a layer, as it was asked for."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from xcube_tiles.catalog.format.coords import decode_coord, from_json
from xcube_tiles.catalog.layer import dimension_names
from xcube_tiles.catalog.reading.labels import choose
from xcube_tiles.catalog.reading.place import Placing
from xcube_tiles.cube.crs import SPATIAL_REF
from xcube_tiles.errors import CatalogError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import xarray as xr
    from numpy.typing import NDArray
    from odc.geo.geobox import GeoBox

    from xcube_tiles.catalog.layer import Layer
    from xcube_tiles.catalog.reading.labels import Chosen, TimeSelection
    from xcube_tiles.catalog.reading.place import Areas, Extents, Place


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Conditions:
    """Conditions that hold together; None: no condition."""

    extent: Extents | None = None
    geometry: Areas | None = None
    crs: object = None
    """CRS of the geometry."""

    time: TimeSelection | None = None
    bands: str | Iterable[str] | None = None
    sel: Mapping[str, object] = field(default_factory=dict)
    """Labels of other dimensions, by their names."""


def place_of(layer: Layer, geobox: GeoBox, conditions: Sequence[Conditions]) -> Place:
    """Return which cells of a grid all conditions mean.

    Raises
    ------
    GridError
        An extent or geometry that doesn't touch the layer, or together with others no cell; a
        geometry without area or that isn't valid; `crs` without a geometry.
    """
    placing = Placing(layer.name, geobox)
    for each in conditions:
        if each.extent is not None:
            placing.extents(each.extent)
        if each.geometry is not None:
            placing.geometries(each.geometry, each.crs)
        elif each.crs is not None:
            raise CatalogError(
                f"crs={each.crs!r} is that of a geometry, and there is none; "
                "an extent has a CRS of its own: Extent.from_bounds(bounds, crs)"
            )
    return placing.place()


def bands_of(layer: Layer, conditions: Sequence[Conditions]) -> tuple[str, ...]:
    """Return the variables that all conditions name, in the order of the last one.

    Raises
    ------
    CatalogError
        A name that the layer hasn't, or twice; no name that is in all conditions.
    """
    names = layer.variables
    listed = ", ".join(names)
    for each in conditions:
        if each.bands is None:
            continue
        wanted = (each.bands,) if isinstance(each.bands, str) else tuple(each.bands)
        for name in wanted:
            if name not in layer.variables:
                raise CatalogError(f"layer {layer.name!r} has no band {name!r}; it has {listed}")
            if wanted.count(name) > 1:
                raise CatalogError(f"band {name!r} is asked for twice: {list(wanted)!r}")
        names = tuple(name for name in wanted if name in names)
        if not names:
            raise CatalogError(f"no bands to read; layer {layer.name!r} has {listed}")
    return names


def labels_of(layer: Layer, conditions: Sequence[Conditions]) -> dict[str, Chosen]:
    """Return the positions that all conditions mean, by dimension; those without one are left out.

    Raises
    ------
    CatalogError
        A dimension or label that the layer hasn't; no label that is in all conditions.
    """
    found: dict[str, Chosen] = {}
    for each in conditions:
        wanted = dict(each.sel)
        if each.time is not None:
            dim = time_dim(layer)
            if dim is None:
                raise CatalogError(
                    f"layer {layer.name!r} has no time dimension to select {each.time!r} from"
                )
            if dim in wanted:
                raise CatalogError(f"{dim!r} is selected twice: by time and by sel")
            wanted[dim] = each.time
        for dim, label in wanted.items():
            chosen = choose(layer.name, dim, _values_of(layer, dim), label)
            found[dim] = found[dim].both(chosen) if dim in found else chosen
            if not found[dim].positions:
                raise CatalogError(
                    f"no {dim} of layer {layer.name!r} is left: {label!r} has none in common with "
                    "the conditions before it"
                )
    return found


def lead_sizes(layer: Layer) -> dict[str, int]:
    """Return the dimensions of a layer other than y and x, with their sizes."""
    return {
        dim: size
        for name in layer.variables
        for dim, size in zip(layer.dims(name)[:-2], layer.array(name, 0).shape, strict=False)
    }


def time_dim(layer: Layer) -> str | None:
    """Return the dimension whose labels are instants; None if there is none.

    Raises
    ------
    CatalogError
        There are several, and none is named `time`.
    """
    coords = coords_of(layer)
    dims = [dim for dim in lead_sizes(layer) if dim in coords and coords[dim].dtype.kind == "M"]
    if len(dims) > 1 and "time" not in dims:
        raise CatalogError(
            f"layer {layer.name!r} has several dimensions of instants ({', '.join(dims)}): "
            f"name the one that is meant, e.g. sel={{{dims[0]!r}: ...}}"
        )
    return "time" if "time" in dims else next(iter(dims), None)


def coords_of(layer: Layer) -> dict[str, xr.Variable]:
    """Return the coordinates other than y, x and the grid mapping; they are read once."""
    kept: dict[str, xr.Variable] | None = layer._cache.get("coords")
    if kept is None:
        kept = layer._cache["coords"] = _read_coords(layer)
    return kept


def _read_coords(layer: Layer) -> dict[str, xr.Variable]:
    group = layer.group[layer.levels[0].path]
    spatial = {"y", "x", SPATIAL_REF, *layer.dims(layer.variables[0])[-2:]}
    found = {}
    for name, array in group.arrays():  # type: ignore[union-attr]
        dims = dimension_names(array)
        if name not in spatial and len(dims) == 1 and not spatial & set(dims):
            found[name] = decode_coord(dims[0], np.asarray(array[:]), array.attrs.asdict())
    stored = layer.metadata.get("coords", {})
    return {**found, **{name: from_json(document) for name, document in stored.items()}}


def _values_of(layer: Layer, dim: str) -> NDArray[Any]:
    sizes = lead_sizes(layer)
    if dim not in sizes:
        there = ", ".join(sizes) or "none"
        hint = "; choose cells by extent= or geometry=" if dim in ("y", "x") else ""
        raise CatalogError(
            f"layer {layer.name!r} has no dimension {dim!r} besides y and x; it has {there}{hint}"
        )
    coords = coords_of(layer)
    return coords[dim].values if dim in coords else np.arange(sizes[dim])
