"""Pack a layer anew: other chunks and shards, the same cells."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import zarr
from dask.base import tokenize
from zarr.codecs import Crc32cCodec

from xcube_tiles.catalog.building.build import Build
from xcube_tiles.catalog.building.running import blocks_ahead, check_shared, run_stores
from xcube_tiles.catalog.format.conventions import PRIVATE
from xcube_tiles.catalog.format.shards import whole_shards
from xcube_tiles.catalog.stores.objects import get, keys_below, put
from xcube_tiles.cube.blocks import from_reader, store_blocks
from xcube_tiles.errors import CatalogError
from xcube_tiles.grid.curves.ordering import check_order

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray
    from zarr.abc.store import Store

    from xcube_tiles.catalog.format.documents import Encoding
    from xcube_tiles.catalog.layer import Layer, Level
    from xcube_tiles.grid.curves import Order


def reindex_layer(
    store: Store, layer: Layer, encoding: Encoding, order: Order, *, progress: bool | None
) -> None:
    """Write all levels of a layer with another encoding, as its next state.

    Raises
    ------
    GridError
        An unknown order.
    LayerBusyError
        Somebody is writing to the layer, or has changed it since it was opened.
    CatalogError
        A layer that another program made.
    """
    check_order(order)
    if not layer.revision:
        raise CatalogError(
            f"another program made layer {layer.name!r}: it can't be packed anew in its place. "
            "Read it and write the cube"
        )
    check_shared(store)
    fingerprint = tokenize(encoding, order, layer.revision, layer.metadata.get("created"))
    build = Build(
        store, layer.name, operation="reindex", fingerprint=fingerprint, exists=True, moves=True
    )
    with build:
        if build.revision != layer.revision:
            raise CatalogError(f"layer {layer.name!r} was changed meanwhile; try again")
        pairs = [
            pair for level in layer.levels for pair in _prepared(build, layer, level, encoding)
        ]
        run_stores(
            store_blocks(
                [cells for cells, _ in pairs],
                [whole_shards(build.bound(array)) for _, array in pairs],
                [array.path for _, array in pairs],
                finished=build.finished,
                mark=build.mark,
                by=order,
                levels=len(layer.levels),
                ahead=blocks_ahead(),
            ),
            progress,
        )
        packing = {"chunk": encoding.chunk, "shard": encoding.shard if encoding.sharded else None}
        build.commit(_attributes(build, layer, order), **packing, order=order)


def _prepared(
    build: Build, layer: Layer, level: Level, encoding: Encoding
) -> Iterator[tuple[Any, zarr.Array[Any]]]:
    """Put a level's documents into the draft; yield the cells of its variables and their arrays."""
    path = f"{build.prefix}{level.number}"
    group: Any = layer.group[level.path]
    zarr.create_group(build.draft, path=path, attributes=group.attrs.asdict())
    store, start = layer.group.store_path.store, f"{layer.group.store_path.path}/{level.path}"
    others = [name for name, _ in group.arrays() if name not in layer.variables]
    for name in others:
        old = group[name]
        summed = any(isinstance(codec, Crc32cCodec) for codec in old.compressors)
        if old.ndim < 2 and summed != encoding.sharded:
            _create(build, f"{path}/{name}", old, old.chunks, None, encoding)[...] = old[...]
            continue
        for key in keys_below(store, f"{start}/{name}"):
            content = get(store, key)
            if content is not None:
                put(build.draft, f"{path}/{key.removeprefix(f'{start}/')}", content)
    for name in layer.variables:
        old = layer.array(name, level.number)
        chunks, shards = encoding.chunks(old.shape), encoding.shards(old.shape)
        new = _create(build, f"{path}/{name}", old, chunks, shards, encoding)
        edges = new.shards or (*new.chunks[:-2], encoding.shard, encoding.shard)
        token = (str(layer.group.store_path), level.path, name, layer.revision)
        cells = from_reader(
            partial(_read, old), shape=old.shape, chunks=edges, dtype=old.dtype,
            name=f"reindex-{name}", token=token,
        )  # fmt: skip
        yield cells, new


def _create(
    build: Build,
    path: str,
    old: zarr.Array[Any],
    chunks: tuple[int, ...],
    shards: tuple[int, ...] | None,
    encoding: Encoding,
) -> zarr.Array[Any]:
    """Put an array like another into the draft, without cells and packed as they are to be."""
    metadata: Any = old.metadata
    kept = tuple(codec for codec in old.compressors if not isinstance(codec, Crc32cCodec))
    sums = tuple(codec for codec in encoding.compressors if isinstance(codec, Crc32cCodec))
    return zarr.create_array(
        build.draft,
        name=path,
        shape=old.shape,
        dtype=old.dtype,
        chunks=chunks,
        shards=shards,
        compressors=(*kept, *sums),
        fill_value=old.fill_value,
        dimension_names=metadata.dimension_names,
        attributes=old.attrs.asdict(),
    )


def _read(array: zarr.Array[Any], index: tuple[slice, ...]) -> NDArray[Any]:
    return np.asarray(array[index])


def _attributes(build: Build, layer: Layer, order: Order) -> dict[str, Any]:
    """Return the layer's attributes with its levels in their new places."""
    attributes: dict[str, Any] = layer.group.attrs.asdict()
    places = {level.path: f"{build.prefix}{level.number}" for level in layer.levels}
    multiscales = attributes["multiscales"]
    layout = [
        {
            **entry,
            **{key: places[entry[key]] for key in ("asset", "derived_from") if key in entry},
        }
        for entry in multiscales["layout"]
    ]
    private = {**attributes[PRIVATE], "key_index": {"order": order}}
    return {**attributes, "multiscales": {**multiscales, "layout": layout}, PRIVATE: private}
