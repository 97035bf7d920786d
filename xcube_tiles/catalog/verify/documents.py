"""Whether a layer's documents are all there, say the same, and make a layer."""

from __future__ import annotations

from math import isclose
from typing import TYPE_CHECKING, Any

import numpy as np

from xcube_tiles.catalog.format.conventions import (
    FORMAT_VERSION,
    PRIVATE,
    decode_nodata,
    layer_attributes,
    level_attributes,
    parse_layout,
)
from xcube_tiles.catalog.layer import dimension_names
from xcube_tiles.catalog.stores.objects import get_document
from xcube_tiles.catalog.verify.report import problem
from xcube_tiles.cube.crs import SPATIAL_REF
from xcube_tiles.errors import CatalogError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import zarr
    from odc.geo.geobox import GeoBox
    from zarr.abc.store import Store

    from xcube_tiles.catalog.layer import Layer, Level
    from xcube_tiles.catalog.verify.report import Problem

CLOSE = 1e-6
"""Share of a cell by which coordinates may be off."""


def check_root(name: str, root: Mapping[str, Any]) -> Iterator[Problem]:
    """Check the attributes of the root document by themselves."""
    attributes = root.get("attributes", {})
    try:
        boxes = [box for _, box in parse_layout(attributes)]
    except (CatalogError, ValueError, TypeError) as error:
        yield problem(name, "zarr.json", "convention", str(error))
        return
    version = attributes[PRIVATE].get("version")
    if version != FORMAT_VERSION:
        text = f"its format has the version {version!r}, this package reads {FORMAT_VERSION}"
        yield problem(name, "zarr.json", "convention", text)
    yield from _check_grid(name, "zarr.json", attributes, layer_attributes(boxes))
    yield from _check_layout(name, attributes["multiscales"]["layout"], boxes)
    if "consolidated_metadata" not in root:
        text = "it lacks the metadata of what is below it"
        yield problem(name, "zarr.json", "document", text)


def _check_grid(
    name: str, path: str, found: Mapping[str, Any], expected: Mapping[str, Any]
) -> Iterator[Problem]:
    """Compare the attributes `zarr_conventions`, `proj:` and `spatial:` with those of a grid."""
    entries = [entry.get("uuid") for entry in found.get("zarr_conventions", [])]
    for entry in expected["zarr_conventions"]:
        if entry["uuid"] not in entries:
            text = f"the convention {entry['name']!r} isn't declared"
            yield problem(name, path, "convention", text)
    for key in (key for key in found if key.startswith("proj:")):
        if key not in expected:
            yield problem(name, path, "convention", f"{key} is there beside another CRS")
    for key, value in expected.items():
        if key.startswith(("proj:", "spatial:")) and not _same(found.get(key), value):
            text = f"{key} is {found.get(key)!r}; the grid has {value!r}"
            yield problem(name, path, "grid", text)


def _same(found: object, expected: object) -> bool:
    if isinstance(found, list) and isinstance(expected, list):
        return len(found) == len(expected) and all(map(_same, found, expected))
    if isinstance(found, int | float) and isinstance(expected, float):
        return isclose(found, expected, rel_tol=1e-9, abs_tol=1e-9)
    return found == expected


def _check_layout(name: str, layout: list[Any], boxes: list[GeoBox]) -> Iterator[Problem]:
    """Check that the grids of the levels begin at one corner and are multiples of each other."""
    for number in range(1, len(boxes)):
        finer, own, entry = boxes[number - 1], boxes[number], layout[number]
        scale = entry.get("transform", {}).get("scale")
        ratios = [own.affine.e / finer.affine.e, own.affine.a / finer.affine.a]
        factor = round(ratios[0])
        place = f"entry {number} of the multiscales layout"
        if factor < 2 or not _same([float(factor)] * 2, ratios) or not _same(scale, ratios):
            text = f"{place} has the scale {scale!r}; its cells are {ratios} times larger"
            yield problem(name, "zarr.json", "grid", text)
        elif any(a != b * factor for a, b in zip(finer.shape, own.shape, strict=True)):
            text = (
                f"{place} has the shape {tuple(own.shape)}, which is no 1/{factor} of that "
                f"of the level before, {tuple(finer.shape)}"
            )
            yield problem(name, "zarr.json", "grid", text)
        if not _same([own.affine.c, own.affine.f], [finer.affine.c, finer.affine.f]):
            text = f"{place} begins at another corner than the level before"
            yield problem(name, "zarr.json", "grid", text)


def check_copies(store: Store, name: str, root: Mapping[str, Any]) -> Iterator[Problem]:
    """Compare each document with the root document's copy of it."""
    inline = root.get("consolidated_metadata", {}).get("metadata", {})
    for path, expected in inline.items():
        key = f"{path}/zarr.json"
        try:
            found = get_document(store, f"{name}/{key}")
        except CatalogError as error:
            yield problem(name, key, "document", str(error))
            continue
        if found is None:
            yield problem(name, key, "document", "the document is missing")
        elif _bare(found) != _bare(expected):
            differing = [k for k in expected if found.get(k) != expected[k]]
            text = (
                f"it isn't what the layer's root document says of it; "
                f"{', '.join(sorted({*differing, *(set(found) - set(expected))}))} differ"
            )
            yield problem(name, key, "document", text)
        else:
            yield from _check_own_copies(name, path, found, inline)


def _check_own_copies(
    name: str, path: str, found: Mapping[str, Any], inline: Mapping[str, Any]
) -> Iterator[Problem]:
    """Compare what a level says of its arrays with what the root says."""
    own = (found.get("consolidated_metadata") or {}).get("metadata")
    if own is None:
        return
    start = f"{path}/"
    expected = {
        key.removeprefix(start): doc for key, doc in inline.items() if key.startswith(start)
    }
    for key in sorted({*own, *expected}):
        if _bare(own.get(key, {})) != _bare(expected.get(key, {})):
            text = f"what it says of {key!r} isn't what the layer's root document says"
            yield problem(name, f"{path}/zarr.json", "document", text)


def _bare(document: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in document.items() if key != "consolidated_metadata"}


def check_level(layer: Layer, level: Level) -> Iterator[Problem]:
    """Check a level's group, its variables and coordinates."""
    name, path = layer.name, level.path
    group = layer.group.get(path)
    if group is None or not hasattr(group, "arrays"):
        yield problem(name, path, "document", "the layer's layout names a level that isn't there")
        return
    grid = level_attributes(level.geobox)
    yield from _check_grid(name, f"{path}/zarr.json", group.attrs.asdict(), grid)
    arrays: dict[str, zarr.Array[Any]] = dict(group.arrays())
    for variable in layer.variables:
        if variable not in arrays:
            text = "the variable is at level 0 and not here"
            yield problem(name, f"{path}/{variable}", "variable", text)
            continue
        yield from _check_variable(layer, level, variable, arrays[variable])
        yield from _check_grid(
            name, f"{path}/{variable}/zarr.json", arrays[variable].attrs.asdict(), grid
        )
    for dim, size in _sizes(layer, level).items():
        coord = arrays.get(dim)
        if coord is not None and coord.shape != (size,):
            text = f"the coordinate has the shape {coord.shape}, its dimension {size} labels"
            yield problem(name, f"{path}/{dim}", "coordinate", text)
    extra = [n for n, a in arrays.items() if n not in layer.variables and a.ndim > 1]
    for variable in extra:
        yield problem(name, f"{path}/{variable}", "variable", "level 0 has no such variable")
    for needed in ("y", "x", SPATIAL_REF):
        if needed not in arrays:
            yield problem(name, f"{path}/{needed}", "coordinate", "the coordinate is missing")


def _sizes(layer: Layer, level: Level) -> dict[str, int]:
    sizes: dict[str, int] = {}
    for variable in layer.variables:
        sizes |= dict(zip(layer.dims(variable), layer.array(variable, 0).shape, strict=True))
    return {**sizes, "y": level.shape[0], "x": level.shape[1]}


def _check_variable(
    layer: Layer, level: Level, variable: str, array: zarr.Array[Any]
) -> Iterator[Problem]:
    base, path = layer.array(variable, 0), f"{level.path}/{variable}"
    shape = (*base.shape[:-2], *level.shape)
    rows = {
        "shape": (array.shape, shape),
        "dtype": (array.dtype, base.dtype),
        "dimensions": (dimension_names(array), dimension_names(base)),
    }
    for what, (found, expected) in rows.items():
        if found != expected:
            text = f"its {what} is {found!r}, expected {expected!r}"
            yield problem(layer.name, path, "variable", text)
    nodata = decode_nodata(array.attrs.get("_FillValue"), array.dtype)
    fill = array.fill_value
    number = np.asarray(fill).item()
    both_nan = nodata != nodata and number != number
    if nodata is not None and nodata != number and not both_nan:
        text = f"fill_value is {fill!r} and _FillValue {nodata!r}: some read NoData as cells"
        yield problem(layer.name, path, "variable", text)


def check_coordinates(layer: Layer, level: Level) -> Iterator[Problem]:
    """Check that the coordinates of a level are those of its grid; they are read."""
    group: Any = layer.group[level.path]
    for axis in ("y", "x"):
        if axis not in group:
            continue
        values = np.asarray(group[axis][:])
        expected = level.geobox.coordinates[level.geobox.dimensions["yx".index(axis)]].values
        if values.shape != expected.shape:
            continue  # said already
        off = np.abs(values - expected) / level.resolution["xy".index(axis)]
        if not (off <= CLOSE).all():
            text = (
                f"{int((~(off <= CLOSE)).sum())} of its values aren't centres of the grid's cells"
            )
            yield problem(layer.name, f"{level.path}/{axis}", "coordinate", text)
    for dim in {dim for name in layer.variables for dim in layer.dims(name)[:-2]}:
        if dim in group:
            array = group[dim]
            yield from _check_labels(layer, level, dim, array)


def _check_labels(layer: Layer, level: Level, dim: str, array: Any) -> Iterator[Problem]:
    path = f"{level.path}/{dim}"
    base: Any = layer.group[layer.levels[0].path]
    if level.number and dim in base and not np.array_equal(array[:], base[dim][:]):
        yield problem(layer.name, path, "coordinate", "its labels aren't those of level 0")
