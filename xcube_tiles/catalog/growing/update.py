"""Windows of a layer's cells replaced."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, get_args

from dask.base import tokenize

from xcube_tiles.catalog.building.running import check_shared
from xcube_tiles.catalog.format.conventions import as_json
from xcube_tiles.catalog.growing.change import commit, sheets_of, touched_objects, write_sheets
from xcube_tiles.catalog.growing.drafting import Draft
from xcube_tiles.catalog.growing.fitting import check_own, fitted_cube, placed
from xcube_tiles.catalog.growing.labels import positions, runs
from xcube_tiles.catalog.growing.patches import Patch, block_edge
from xcube_tiles.catalog.icechunk.building import start_build
from xcube_tiles.catalog.layer import Layer, open_layer
from xcube_tiles.errors import CatalogError, GridError
from xcube_tiles.grid.keys import TileKey
from xcube_tiles.grid.layout import TileLayout

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import xarray as xr
    from zarr.abc.store import Store

    from xcube_tiles.catalog.growing.drafting import Chunk
    from xcube_tiles.catalog.growing.fitting import Window
    from xcube_tiles.typing import XarrayObject

UpdateOverlay = Literal["all", "valid"]
"""Which cells of a cube replace those of a layer."""

TILE = 256
"""Edge, in cells of the base, of the tiles that keys name."""


def update(
    store: Store,
    name: str,
    obj: XarrayObject,
    *,
    overlay: UpdateOverlay = "all",
    keys: Iterable[TileKey] | None = None,
    resume: bool = False,
    provenance: Mapping[str, object] | None = None,
    progress: bool | None = None,
) -> Layer:
    """Replace cells of a layer, at all its levels.

    Parameters
    ----------
    store
        The catalog's store.
    name
        Name of the layer.
    obj
        The cube.
    overlay, keys, resume, provenance, progress
        As in `Catalog.update`, which tells the errors as well.
    """
    if overlay not in get_args(UpdateOverlay):
        raise CatalogError(
            f"unknown overlay {overlay!r}; expected {', '.join(get_args(UpdateOverlay))}"
        )
    layer = open_layer(store, name)
    check_own(layer)
    check_shared(store)
    cube = fitted_cube(layer, obj, (), subset=True)
    places = _positions(layer, cube)
    block = max(block_edge(layer, str(variable)) for variable in cube.data_vars)
    cube, window, warped = placed(layer, cube, block)
    if warped and overlay == "all":
        raise GridError(
            f"the cube isn't on the grid of layer {layer.name!r}; pass overlay='valid', so that "
            "the NoData around it once it is warped replaces nothing, or warp it yourself: "
            f"cube.tiles.reproject(catalog[{layer.name!r}].geoboxes[0])"
        )
    tiles = None if keys is None else _tiles(layer, list(keys), window)
    patches = _patches(cube, window, places, tiles, overlay == "valid")
    build = start_build(
        store, name, operation="update", exists=True, moves=True, resume=resume,
        fingerprint=tokenize(obj.__dask_tokenize__(), overlay, tiles),
    )  # fmt: skip
    with build:
        draft = Draft(build, layer)
        sheets = sheets_of(layer, patches)
        touched = touched_objects(layer, sheets)
        draft.link(_Untouched(touched))
        write_sheets(draft, sheets, progress)
        details: dict[str, Any] = {
            "variables": [str(variable) for variable in cube.data_vars],
            "rows": [window[0].start, window[0].stop],
            "cols": [window[1].start, window[1].stop],
            "slices": {dim: len(at) for dim, at in places.items()},
        }
        if provenance:
            details["provenance"] = as_json(dict(provenance))
        commit(draft, **details)
    return open_layer(store, name)


class _Untouched:
    """Which objects stay as they are."""

    def __init__(self, touched: Mapping[str, set[Chunk]]) -> None:
        self.touched = touched

    def __call__(self, path: str, at: Chunk) -> Chunk | None:
        return None if at in self.touched.get(path, ()) else at


def _positions(layer: Layer, cube: xr.Dataset) -> dict[str, list[int]]:
    dims = {str(dim) for array in cube.data_vars.values() for dim in array.dims[:-2]}
    empty = [dim for dim in sorted(dims) if not cube.sizes[dim]]
    if empty:
        raise CatalogError(f"the cube has no slices along {empty[0]!r}: nothing to update")
    return {dim: positions(layer, cube, dim) for dim in sorted(dims)}


def _patches(
    cube: xr.Dataset,
    window: Window,
    places: Mapping[str, list[int]],
    tiles: list[Window] | None,
    valid_only: bool,
) -> list[Patch]:
    patches = []
    for name, array in cube.data_vars.items():
        dims = [str(dim) for dim in array.dims[:-2]]
        at = places[dims[0]] if dims else [0]
        order = sorted(range(len(at)), key=at.__getitem__)
        ordered = [at[number] for number in order]
        for run in runs(ordered):
            chosen = order[run]
            near = chosen == list(range(chosen[0], chosen[0] + len(chosen)))
            picked: Any = slice(chosen[0], chosen[0] + len(chosen)) if near else chosen
            cells = array.isel({dims[0]: picked}) if dims else array
            patches.append(
                Patch(
                    variable=str(name), cells=cells, window=window, start=ordered[run.start],
                    over=tiles, keeps=True, valid_only=valid_only,
                )
            )  # fmt: skip
    return patches


def _tiles(layer: Layer, keys: list[TileKey], window: Window) -> list[Window]:
    """Return the windows of tiles within that of a cube."""
    height, width = layer.shape_of(0)
    layout = TileLayout.from_geobox(layer.geoboxes[0][:height, :width], TILE)
    found = []
    for key in keys:
        if not isinstance(key, TileKey):
            raise CatalogError(f"keys are TileKey(col=, row=), got {key!r}")
        rows, cols = (
            slice(max(at * TILE, part.start), min((at + 1) * TILE, part.stop))
            for at, part in zip((key.row, key.col), window, strict=True)
        )
        if key not in layout or rows.start >= rows.stop or cols.start >= cols.stop:
            raise CatalogError(
                f"tile {key} isn't one that the cube touches; those are the columns "
                f"{window[1].start // TILE} to {(window[1].stop - 1) // TILE} and the rows "
                f"{window[0].start // TILE} to {(window[0].stop - 1) // TILE}"
            )
        found.append((rows, cols))
    if not found:
        raise CatalogError("keys is empty: nothing to update; leave it out to update all")
    return found
