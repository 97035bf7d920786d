"""Slices added to a layer along a dimension."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dask.base import tokenize

from xcube_tiles.catalog.building.running import check_shared
from xcube_tiles.catalog.format.conventions import as_json
from xcube_tiles.catalog.growing.change import commit, sheets_of, write_sheets
from xcube_tiles.catalog.growing.drafting import Draft, keeps_coords
from xcube_tiles.catalog.growing.fitting import check_own, fitted_cube, placed
from xcube_tiles.catalog.growing.labels import coord_arrays, growth, runs, size_along
from xcube_tiles.catalog.growing.patches import Patch, block_edge, outer_chunks
from xcube_tiles.catalog.icechunk.building import start_build
from xcube_tiles.catalog.layer import Layer, open_layer
from xcube_tiles.errors import CatalogError, CellTypeError

if TYPE_CHECKING:
    from collections.abc import Mapping

    import xarray as xr
    from zarr.abc.store import Store

    from xcube_tiles.catalog.growing.drafting import Chunk
    from xcube_tiles.catalog.growing.fitting import Window
    from xcube_tiles.catalog.growing.labels import Growth
    from xcube_tiles.typing import XarrayObject


def append(
    store: Store,
    name: str,
    obj: XarrayObject,
    *,
    dim: str = "time",
    insert: bool = False,
    resume: bool = False,
    provenance: Mapping[str, object] | None = None,
    progress: bool | None = None,
) -> Layer:
    """Add the slices of a cube to a layer, at all its levels.

    Parameters
    ----------
    store
        The catalog's store.
    name
        Name of the layer.
    obj
        The cube.
    dim, insert, resume, provenance, progress
        As in `Catalog.append`, which tells the errors as well.
    """
    layer = open_layer(store, name)
    check_own(layer)
    check_shared(store)
    size_along(layer, dim)
    cube = fitted_cube(layer, obj, (dim,), subset=False)
    joined = growth(layer, cube, dim, insert=insert)
    block = max(block_edge(layer, str(variable)) for variable in cube.data_vars)
    cube, window, _ = placed(layer, cube, block)
    _check_whole(layer, cube, window, dim)
    in_place = joined.at_end and keeps_coords(layer, coord_arrays(layer), joined)
    build = start_build(
        store, name, operation="append", exists=True, moves=not in_place, resume=resume,
        fingerprint=tokenize(obj.__dask_tokenize__(), dim, joined.new),
    )  # fmt: skip
    with build:
        draft = Draft(build, layer)
        draft.lengthen(dim, joined.size)
        draft.write_coords(joined)
        if not in_place:
            draft.link(_Shift(layer, joined), left_out=list(joined.coords))
        write_sheets(draft, sheets_of(layer, _patches(cube, window, joined)), progress)
        details: dict[str, Any] = {"dim": dim, "labels": joined.labels, "count": len(joined.new)}
        if provenance:
            details["provenance"] = as_json(dict(provenance))
        commit(draft, **details)
    return open_layer(store, name)


def _check_whole(layer: Layer, cube: xr.Dataset, window: Window, dim: str) -> None:
    """Make sure that there is something to write, in cells that can be absent if some are."""
    if not cube.sizes[dim]:
        raise CatalogError(f"the cube has no slices along {dim!r}: nothing to append")
    whole = tuple((part.start, part.stop) for part in window)
    for name in map(str, cube.data_vars):
        cell_type = layer.cell_type(name)
        if outer_chunks(layer.array(name, 0))[0] != 1:
            raise CatalogError(
                f"layer {layer.name!r} keeps several slices along {dim!r} in one chunk: it can't "
                "grow in place; write it anew"
            )
        if cell_type.nodata is None and whole != tuple((0, size) for size in layer.shape_of(0)):
            raise CellTypeError(
                f"the cube covers a part of layer {layer.name!r}, and cells of the type "
                f"{cell_type.name} have no NoData for the rest: pass cubes of the whole grid"
            )


def _patches(cube: xr.Dataset, window: Window, joined: Growth) -> list[Patch]:
    order = sorted(range(len(joined.new)), key=joined.new.__getitem__)
    ordered = [joined.new[at] for at in order]
    if order != list(range(len(order))):
        cube = cube.isel({joined.dim: order})
    return [
        Patch(
            variable=str(name),
            cells=array.isel({joined.dim: run}),
            window=window,
            start=ordered[run.start],
        )
        for name, array in cube.data_vars.items()
        for run in runs(ordered)
    ]


class _Shift:
    """Where the objects of a layer go when slices come between them."""

    def __init__(self, layer: Layer, joined: Growth) -> None:
        self.old = joined.old
        self.moving = {
            f"{level.path}/{name}"
            for level in layer.levels
            for name in layer.variables
            if joined.dim in layer.dims(name)
        }

    def __call__(self, path: str, at: Chunk) -> Chunk:
        return (self.old[at[0]], *at[1:]) if path in self.moving else at
