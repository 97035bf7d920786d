"""Write a cube as a layer: all levels in one pass over the source, shown when complete."""

from __future__ import annotations

import sys
from contextlib import nullcontext
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import dask.array as da
import xarray as xr
from dask.base import compute, persist
from dask.diagnostics.progress import ProgressBar

from xcube_tiles._version import __version__
from xcube_tiles.catalog.conventions import (
    FORMAT_VERSION,
    PRIVATE,
    layer_attributes,
    public_attributes,
)
from xcube_tiles.catalog.cubes import as_layer_cube, checked_name
from xcube_tiles.catalog.documents import Encoding, create_level, write_root
from xcube_tiles.catalog.layer import Layer, open_layer
from xcube_tiles.catalog.pyramid import SHARD, pyramid
from xcube_tiles.catalog.statistics import layer_statistics
from xcube_tiles.catalog.store import Staging, StoreLike, create_root, is_in_memory, open_store
from xcube_tiles.cube.georef import geobox_of
from xcube_tiles.errors import CatalogError
from xcube_tiles.grid.scheme import LOCAL
from xcube_tiles.options import shows_progress

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import zarr
    from zarr.abc.store import Store

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
    overwrite: bool = False,
    sharded: bool = True,
    chunk: int | None = None,
    shard: int | None = None,
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
    scheme, resampling, levels, min_valid
        As in `pyramid`; a tree has its levels already.
    overwrite
        Whether a layer of that name is replaced. On a local disk it is there until the new one is
        complete, so that the cube may come from it; in an object store it goes at once.
    sharded
        Whether chunks are packed into shards. Readers older than GDAL 3.13 and QGIS 4.2 need
        False.
    chunk
        Edge of the chunks in cells; by default 256 in shards, 512 without.
    shard
        Edge of the shards in cells, a multiple of `chunk`; by default 2048. Levels smaller than a
        shard have none.
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
    CatalogError
        A name, chunk or shard size that isn't possible; a folder that is no catalog; a store in
        memory with a cluster, whose workers don't share it.
    DimensionError, GeoreferenceError, CellTypeError, ReducerError, GridError
        As `pyramid`.

    Notes
    -----
    Each of the source's blocks is computed once, whatever the number of levels. Memory holds some
    blocks per worker, not the cube. Runs on the active dask scheduler; workers of a cluster need
    access to the same path.

    A reader sees the layer when it is complete: on a local disk it is built in a hidden folder and
    renamed, elsewhere its root document is written last. If writing fails nothing is left behind;
    a killed process leaves a hidden folder, which may be deleted.
    """
    checked_name(layer)
    encoding = Encoding(
        sharded=sharded,
        chunk=(256 if sharded else 512) if chunk is None else chunk,
        shard=SHARD if shard is None else shard,
    )
    if isinstance(obj, xr.DataTree):
        if scheme != LOCAL or resampling is not None or levels is not None or min_valid:
            raise CatalogError(
                "a tree has its levels: pass scheme, resampling, levels, min_valid to pyramid()"
            )
        tree = obj
    else:
        named = obj.rename(layer) if isinstance(obj, xr.DataArray) and obj.name is None else obj
        tree = pyramid(
            named, scheme=scheme, resampling=resampling, levels=levels, min_valid=min_valid,
            block=encoding.shard,
        )  # fmt: skip
    cubes = _levels_of(tree)
    store = open_store(url, read_only=False, storage_options=storage_options)
    if is_in_memory(store) and _cluster_client() is not None:
        raise CatalogError(
            f"the workers of a cluster don't share {store!s}; write to a path or URL that they all "
            "reach, or close the cluster's client"
        )
    create_root(store, url)
    staging = Staging(store, layer, overwrite=overwrite)
    try:
        _write(store, staging.path, tree, cubes, encoding, progress)
        staging.publish()
    except BaseException:
        staging.discard()
        raise
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
    for number, cube in enumerate(cubes):
        shape = tuple(size // 2**number for size in (base.sizes["y"], base.sizes["x"]))
        if (cube.sizes["y"], cube.sizes["x"]) != shape:
            raise CatalogError(
                f"level {number} must have the shape {shape!r}, half of the one before; "
                f"got {(cube.sizes['y'], cube.sizes['x'])!r}"
            )
        if _dtypes(cube) != _dtypes(base):
            raise CatalogError(f"level {number} has other variables or dtypes than level 0")
    return cubes


def _dtypes(cube: xr.Dataset) -> dict[str, object]:
    return {str(name): array.dtype for name, array in cube.data_vars.items()}


def _write(
    store: Store,
    path: str,
    tree: xr.DataTree,
    cubes: Sequence[xr.Dataset],
    encoding: Encoding,
    progress: bool | None,
) -> None:
    private: dict[str, Any] = {"version": FORMAT_VERSION, **tree.attrs.get(PRIVATE, {})}
    methods: dict[str, PyramidResampling] = private.get("resampling", {})
    levels = [
        create_level(store, f"{path}/{number}", cube, encoding, methods)
        for number, cube in enumerate(cubes)
    ]
    pairs = [pair for level in levels for pair in level.arrays]
    _store(pairs, shows_progress(progress))
    height, width = private.get("original_shape", (cubes[0].sizes["y"], cubes[0].sizes["x"]))
    edge = 2 ** (len(cubes) - 1)
    main = max(methods.values(), key=list(methods.values()).count) if methods else "mean"
    private |= {
        "coords": levels[0].json_coords,
        "statistics": layer_statistics(
            levels[-1].targets, cubes[-1], (-(-height // edge), -(-width // edge))
        ),
        "software": f"xcube_tiles {__version__}",
        "created": datetime.now(UTC).isoformat(),
    }
    attributes = {
        **public_attributes(cubes[0].attrs),
        **layer_attributes([geobox_of(cube) for cube in cubes], main),
        PRIVATE: private,
    }
    write_root(store, path, attributes)


def _store(pairs: Sequence[tuple[Any, zarr.Array[Any]]], shown: bool) -> None:
    """Compute all arrays of all levels together, each block written as soon as it is there."""
    sources, targets = zip(*pairs, strict=True)
    pending = da.store(sources, targets, lock=False, compute=False)
    client = _cluster_client()
    if shown and client is not None:
        from distributed import progress as bar

        running = persist(pending)
        bar(running, notebook=False)
        compute(running)
        return
    with ProgressBar() if shown else nullcontext():
        compute(pending)


def _cluster_client() -> object | None:
    """Return the client of the active cluster, if there is one."""
    distributed = sys.modules.get("distributed")
    if distributed is None:
        return None
    try:
        client: object = distributed.get_client()
    except ValueError:
        return None
    return client
