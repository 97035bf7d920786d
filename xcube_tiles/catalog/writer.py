"""Write a cube as a layer: all levels in one pass over the source, shown when complete."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import xarray as xr
from dask.base import tokenize

from xcube_tiles._version import __version__
from xcube_tiles.catalog.building.running import blocks_ahead, check_shared, run_stores
from xcube_tiles.catalog.cubes import as_layer_cube, check_labels, checked_name
from xcube_tiles.catalog.folders import create_root
from xcube_tiles.catalog.format.conventions import (
    FORMAT_VERSION,
    PRIVATE,
    as_json,
    layer_attributes,
    public_attributes,
)
from xcube_tiles.catalog.format.documents import CreatedLevel, Encoding, create_level
from xcube_tiles.catalog.format.shards import whole_shards
from xcube_tiles.catalog.icechunk.building import start_build
from xcube_tiles.catalog.layer import Layer, open_layer
from xcube_tiles.catalog.managing.statistics import layer_statistics
from xcube_tiles.catalog.pyramids.pyramid import SHARD, pyramid
from xcube_tiles.catalog.stores.store import StoreLike, open_store
from xcube_tiles.cube.blocks import store_blocks
from xcube_tiles.cube.georef import geobox_of
from xcube_tiles.errors import CatalogError
from xcube_tiles.grid.scheme import LOCAL

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from xcube_tiles.catalog.building.build import Build
    from xcube_tiles.typing import PyramidResampling, XarrayObject


def to_catalog(
    obj: XarrayObject | xr.DataTree,
    url: StoreLike,
    layer: str,
    *,
    scheme: str = LOCAL,
    resampling: PyramidResampling | Mapping[str, PyramidResampling] | None = None,
    levels: int | None = None,
    min_valid: float = 0.0,
    zooms: tuple[int | None, int | None] | None = None,
    factor: int = 2,
    overwrite: bool = False,
    resume: bool = False,
    sharded: bool = True,
    chunk: int | None = None,
    shard: int | None = None,
    provenance: Mapping[str, object] | None = None,
    progress: bool | None = None,
    storage_options: Mapping[str, object] | None = None,
) -> Layer:
    """Write a cube as a layer of a catalog, which is made if it isn't there.

    Parameters
    ----------
    obj
        A cube, or a pyramid of one, as `pyramid` makes it.
    url
        Path or URL of the catalog, or a Zarr store.
    layer
        Name of the layer: letters, digits, ``_``, ``-`` and ``.``.
    scheme, resampling, levels, min_valid, zooms, factor
        As in `pyramid`; a tree has its levels already.
    overwrite
        Whether a layer of that name is replaced. It is there until the new one is complete, so that
        the cube may come from it, and its cells stay until the layer is replaced once more, for
        those who have it open; `Catalog.vacuum` removes them at once.
    resume
        Whether to go on where an earlier call with the same cube and parameters ended early: blocks
        that it has finished aren't computed again. Without one to go on from, all is written.
    sharded
        Whether chunks are packed into shards. Readers older than GDAL 3.13 and QGIS 4.2 need
        False.
    chunk
        Edge of the chunks in cells; by default 256 in shards, 512 without.
    shard
        Edge of the shards in cells, a multiple of `chunk`; by default 2048. Levels smaller than a
        shard have none.
    provenance
        What the layer tells of where it comes from, as JSON, such as
        ``{"expression": "(nir - red) / (nir + red)"}``; `source` and `history` of the cube's
        attributes are part of it.
    progress
        Whether to show a progress bar; by default the option `progress`.
    storage_options
        Options of an object store.

    Returns
    -------
    Layer
        The layer as it lies on disk.

    Raises
    ------
    LayerExistsError
        The catalog has a layer of that name, and `overwrite` is False.
    LayerBusyError
        Somebody else is writing to a layer of that name.
    CatalogError
        An unfinished layer of another cube or other parameters to resume;
        A name, chunk or shard size that isn't possible; a folder that is no catalog; a store in
        memory with a cluster, whose workers don't share it.
    DimensionError, GeoreferenceError, CellTypeError, ReducerError, GridError
        As `pyramid`.

    Notes
    -----
    Each of the source's blocks is computed once, whatever the number of levels. Memory holds some
    blocks per worker, not the cube. Runs on the active dask scheduler; workers of a cluster need
    access to the same path.

    A reader sees the layer when it is complete: its root document, without which it is no layer, is
    written last. A writer that fails or is killed leaves what it has finished where no reader
    looks; `resume` goes on from there, and another call begins anew.
    """
    checked_name(layer)
    encoding = Encoding(
        sharded=sharded,
        chunk=(256 if sharded else 512) if chunk is None else chunk,
        shard=SHARD if shard is None else shard,
    )
    if isinstance(obj, xr.DataTree):
        given = (resampling, levels, zooms) != (None, None, None) or min_valid or factor != 2
        if scheme != LOCAL or given:
            raise CatalogError(
                "a tree has its levels: pass scheme, resampling, levels, min_valid, zooms and "
                "factor to pyramid()"
            )
        tree = obj
    else:
        named = obj.rename(layer) if isinstance(obj, xr.DataArray) and obj.name is None else obj
        tree = pyramid(
            named, scheme=scheme, resampling=resampling, levels=levels, min_valid=min_valid,
            zooms=zooms, factor=factor, block=encoding.shard,
        )  # fmt: skip
    cubes = _levels_of(tree)
    store = open_store(url, read_only=False, storage_options=storage_options)
    check_shared(store)
    create_root(store, url)
    fingerprint = tokenize(encoding, tree.attrs, [cube.__dask_tokenize__() for cube in cubes])
    build = start_build(
        store, layer, operation="write", fingerprint=fingerprint,
        exists=None if overwrite else False, moves=True, resume=resume,
    )  # fmt: skip
    with build:
        _write(build, tree, cubes, encoding, _provenance(cubes[0], provenance), progress)
    return open_layer(store, layer)


def _levels_of(tree: xr.DataTree) -> tuple[xr.Dataset, ...]:
    """Return the levels of a tree, the finest first.

    Raises
    ------
    CatalogError
        Children that aren't levels, or levels that don't agree.
    """
    names = [str(number) for number in range(len(tree.children))]
    if not names or set(names) != set(tree.children):
        raise CatalogError(
            "a pyramid has the children '0' (the finest), '1' ..., "
            f"got {sorted(map(str, tree.children))!r}"
        )
    cubes = tuple(as_layer_cube(tree.children[name].to_dataset(inherit=False)) for name in names)
    base = cubes[0]
    check_labels(base)
    factor = max(2, round(base.sizes["x"] / cubes[min(1, len(cubes) - 1)].sizes["x"]))
    for number, cube in enumerate(cubes):
        shape = tuple(size // factor**number for size in (base.sizes["y"], base.sizes["x"]))
        if (cube.sizes["y"], cube.sizes["x"]) != shape:
            raise CatalogError(
                f"level {number} must have the shape {shape!r}, 1 / {factor} of the one before; "
                f"got {(cube.sizes['y'], cube.sizes['x'])!r}"
            )
        if _dtypes(cube) != _dtypes(base):
            raise CatalogError(f"level {number} has other variables or dtypes than level 0")
    return cubes


def _dtypes(cube: xr.Dataset) -> dict[str, object]:
    return {str(name): array.dtype for name, array in cube.data_vars.items()}


def _write(
    build: Build,
    tree: xr.DataTree,
    cubes: Sequence[xr.Dataset],
    encoding: Encoding,
    provenance: Mapping[str, Any],
    progress: bool | None,
) -> None:
    private: dict[str, Any] = {"version": FORMAT_VERSION, **tree.attrs.get(PRIVATE, {})}
    methods: dict[str, PyramidResampling] = private.get("resampling", {})
    levels = [
        create_level(build.draft, f"{build.prefix}{number}", cube, encoding, methods)
        for number, cube in enumerate(cubes)
    ]
    store_levels(build, levels, progress)
    height, width = private.get("original_shape", (cubes[0].sizes["y"], cubes[0].sizes["x"]))
    edge = cubes[0].sizes["x"] // cubes[-1].sizes["x"]
    main = max(methods.values(), key=list(methods.values()).count) if methods else "mean"
    coarsest = {name: build.bound(array) for name, array in levels[-1].arrays.items()}
    private |= {
        "coords": levels[0].json_coords,
        "statistics": layer_statistics(
            coarsest, cubes[-1], (-(-height // edge), -(-width // edge))
        ),
        "software": f"xcube_tiles {__version__}",
        "created": datetime.now(UTC).isoformat(),
        **({"provenance": dict(provenance)} if provenance else {}),
    }
    boxes = [geobox_of(cube) for cube in cubes]
    attributes = {
        **public_attributes(cubes[0].attrs),
        **layer_attributes(boxes, main, prefix=build.prefix),
        PRIVATE: private,
    }
    build.commit(attributes)


def _provenance(cube: xr.Dataset, given: Mapping[str, object] | None) -> dict[str, Any]:
    """Return where a layer comes from: what attributes say, and what is told beside.

    Expressions are attributes of the variables that they made.
    """
    told = {key: cube.attrs[key] for key in ("source", "history") if key in cube.attrs}
    made = {
        str(name): array.attrs["expression"]
        for name, array in cube.data_vars.items()
        if "expression" in array.attrs
    }
    if made:
        told["expression"] = next(iter(made.values())) if len(cube.data_vars) == 1 else made
    found: dict[str, Any] = as_json({**told, **(given or {})})
    return found


def store_levels(build: Build, levels: Sequence[CreatedLevel], progress: bool | None) -> None:
    """Compute all arrays of all levels together, each block written as soon as it is there."""
    blocks = [block for level in levels for block in level.blocks.values()]
    arrays = [array for level in levels for array in level.arrays.values()]
    reports = run_stores(
        store_blocks(
            blocks,
            [whole_shards(build.bound(array)) for array in arrays],
            [array.path for array in arrays],
            finished=build.finished,
            mark=build.mark,
            levels=len(levels),
            ahead=blocks_ahead(),
        ),
        progress,
    )
    build.collect(reports)
