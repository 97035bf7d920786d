"""The Zarr documents of a layer: arrays and groups of its levels, and the root above them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import zarr
from zarr.codecs import BloscCodec
from zarr.core.buffer import cpu, default_buffer_prototype
from zarr.core.sync import sync

from xcube_tiles.catalog.conventions import (
    PRIVATE,
    as_json,
    encode_nodata,
    level_attributes,
    public_attributes,
)
from xcube_tiles.catalog.coords import encode_coord, is_stored_as_array, to_json
from xcube_tiles.cube.cells import cell_type_of
from xcube_tiles.cube.crs import SPATIAL_REF
from xcube_tiles.cube.georef import geobox_of
from xcube_tiles.errors import CatalogError

if TYPE_CHECKING:
    from collections.abc import Mapping

    import xarray as xr
    from numpy.typing import NDArray
    from zarr.abc.store import Store

_NODATA_ATTRS = ("_FillValue", "nodata", "missing_value")


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoding:
    """How cells are packed.

    Raises
    ------
    CatalogError
        Sizes that aren't positive, or a shard that isn't a whole number of chunks.
    """

    sharded: bool
    """Whether chunks are packed into shards."""

    chunk: int
    """Edge of the chunks in cells."""

    shard: int
    """Edge of the shards in cells."""

    def __post_init__(self) -> None:
        for name in ("chunk", "shard"):
            size = getattr(self, name)
            if not isinstance(size, int) or size < 1:
                raise CatalogError(f"{name} must be a positive number of cells, got {size!r}")
        if self.shard % self.chunk:
            raise CatalogError(
                f"shard must be a multiple of chunk, got {self.shard!r} and {self.chunk!r}"
            )

    def chunks(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Return the shape of the chunks of an array."""
        if self.shards(shape) is not None:
            return (*(1,) * (len(shape) - 2), self.chunk, self.chunk)
        return (*(1,) * (len(shape) - 2), *(min(self.chunk, size) for size in shape[-2:]))

    def shards(self, shape: tuple[int, ...]) -> tuple[int, ...] | None:
        """Return the shape of the shards of an array, or None if it is smaller than one."""
        if not self.sharded or max(shape[-2:]) < self.shard:
            return None
        return (*(1,) * (len(shape) - 2), self.shard, self.shard)

    def aligned(self, array: Any) -> Any:
        """Return a dask array whose blocks are whole shards: two tasks never write to one."""
        cuts = array.chunks[-2:]
        if all(size % self.shard == 0 for sizes in cuts for size in sizes[:-1]):
            return array
        return array.rechunk((*array.chunks[:-2], self.shard, self.shard))


@dataclass(frozen=True, slots=True, kw_only=True)
class CreatedLevel:
    """A level whose documents and coordinates are written and whose cells aren't."""

    arrays: list[tuple[Any, zarr.Array[Any]]]
    """What to compute, and where it goes."""

    json_coords: dict[str, Any]
    """Coordinates that no array holds."""

    @property
    def targets(self) -> dict[str, zarr.Array[Any]]:
        """The arrays on disk by the variable's name."""
        return {target.basename: target for _, target in self.arrays}


def create_level(
    store: Store,
    path: str,
    cube: xr.Dataset,
    encoding: Encoding,
    methods: Mapping[str, str],
) -> CreatedLevel:
    """Write the documents and coordinates of a level.

    Parameters
    ----------
    store, path
        Where the level's group goes.
    cube
        The level as a cube in canonical form.
    encoding
        How cells are packed.
    methods
        Resampling of each variable.
    """
    coords = {str(name): c for name, c in cube.coords.items() if not _is_grid(str(name), c)}
    on_disk = {name: c for name, c in coords.items() if is_stored_as_array(c)}
    grid = level_attributes(geobox_of(cube))
    # Named here, and not in the arrays, as CF wants grid mappings kept out of `coordinates` there:
    # xarray makes coordinates of them, so that rioxarray finds the CRS.
    auxiliary = sorted({SPATIAL_REF, *on_disk} - {str(dim) for dim in cube.dims})
    attributes = {**public_attributes(cube.attrs), **grid, "coordinates": " ".join(auxiliary)}
    zarr.create_group(store, path=path, attributes=attributes)
    for axis in ("y", "x", SPATIAL_REF):
        _write_array(store, f"{path}/{axis}", cube[axis].values, cube[axis].dims, cube[axis].attrs)
    for name, coord in on_disk.items():
        values, attrs = encode_coord(coord)
        _write_array(store, f"{path}/{name}", values, coord.dims, attrs)
    arrays = []
    for variable, array in cube.data_vars.items():
        method = methods.get(str(variable))
        private = {} if method is None else {"resampling": method}
        target = _create_cells(store, f"{path}/{variable}", array, encoding, grid, private)
        arrays.append((encoding.aligned(array.chunk().data), target))
    others = {name: to_json(c) for name, c in coords.items() if name not in on_disk}
    return CreatedLevel(arrays=arrays, json_coords=others)


def _is_grid(name: str, coord: xr.DataArray) -> bool:
    return name == SPATIAL_REF or bool({"y", "x"} & set(coord.dims))


def _write_array(
    store: Store, path: str, values: NDArray[Any], dims: tuple[Any, ...], attrs: Mapping[Any, Any]
) -> None:
    zarr.create_array(
        store,
        name=path,
        data=np.asarray(values),
        chunks=tuple(max(1, size) for size in values.shape),
        compressors=_compressor(),
        dimension_names=[str(dim) for dim in dims],
        attributes=as_json(dict(attrs)),
    )


def _create_cells(
    store: Store,
    path: str,
    array: xr.DataArray,
    encoding: Encoding,
    grid: Mapping[str, Any],
    private: Mapping[str, Any],
) -> zarr.Array[Any]:
    cell_type = cell_type_of(array)
    public = public_attributes(array.attrs)
    kept = {key: value for key, value in public.items() if key not in _NODATA_ATTRS}
    nodata = encode_nodata(cell_type)
    attributes = {**kept, **grid, "grid_mapping": SPATIAL_REF, PRIVATE: dict(private)}
    if nodata is not None:
        attributes["_FillValue"] = nodata
    return zarr.create_array(
        store,
        name=path,
        shape=array.shape,
        dtype=cell_type.dtype,
        chunks=encoding.chunks(array.shape),
        shards=encoding.shards(array.shape),
        compressors=_compressor(),
        fill_value=cell_type.dtype.type(0 if cell_type.nodata is None else cell_type.nodata),
        dimension_names=[str(dim) for dim in array.dims],
        attributes=attributes,
    )


def _compressor() -> BloscCodec:
    return BloscCodec(cname="zstd", clevel=3, shuffle="shuffle")


def write_root(store: Store, path: str, attributes: Mapping[str, Any]) -> None:
    """Write a layer's root document with the metadata of all below it, in one step.

    Parameters
    ----------
    store, path
        Where the layer's levels are.
    attributes
        Attributes of the layer.
    """
    documents = {
        key.removeprefix(f"{path}/").removesuffix("/zarr.json"): _document(store, key)
        for key in sorted(sync(_documents_below(store, path)))
    }
    consolidated = {"kind": "inline", "must_understand": False, "metadata": documents}
    root = {
        "zarr_format": 3,
        "node_type": "group",
        "attributes": dict(attributes),
        "consolidated_metadata": consolidated,
    }
    content = cpu.Buffer.from_bytes(json.dumps(root, indent=1, allow_nan=False).encode())
    sync(store.set(f"{path}/zarr.json", content))


async def _documents_below(store: Store, path: str) -> list[str]:
    return [
        key
        async for key in store.list_prefix(f"{path}/")
        if key.endswith("/zarr.json") and key != f"{path}/zarr.json"
    ]


def _document(store: Store, key: str) -> Any:
    buffer = sync(store.get(key, default_buffer_prototype()))
    if buffer is None:
        raise CatalogError(f"{key} vanished while the layer was written")
    return json.loads(buffer.to_bytes())
