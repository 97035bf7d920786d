"""The Zarr documents of a level: its group, its coordinates and the arrays of its cells."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import zarr
from zarr.codecs import BloscCodec, Crc32cCodec

from xcube_tiles.catalog.format.conventions import (
    PRIVATE,
    as_json,
    encode_nodata,
    level_attributes,
    public_attributes,
)
from xcube_tiles.catalog.format.coords import COORD_CHUNK, encode_coord, is_stored_as_array, to_json
from xcube_tiles.cube.cells import cell_type_of
from xcube_tiles.cube.crs import SPATIAL_REF
from xcube_tiles.cube.georef import geobox_of
from xcube_tiles.errors import CatalogError

if TYPE_CHECKING:
    from collections.abc import Mapping

    import xarray as xr
    from numpy.typing import NDArray
    from zarr.abc.codec import BytesBytesCodec
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

    def __dask_tokenize__(self) -> tuple[object, ...]:
        # With the codecs: blocks that a version with other ones has left unfinished aren't resumed.
        codecs = [codec.to_dict() for codec in self.compressors]
        return (type(self).__name__, self.sharded, self.chunk, self.shard, codecs)

    @property
    def compressors(self) -> tuple[BytesBytesCodec, ...]:
        """Codecs of all arrays of a layer."""
        return compressors(checksums=self.sharded)

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

    blocks: dict[str, Any]
    """What to compute, a dask array for each variable; its blocks are whole shards."""

    arrays: dict[str, zarr.Array[Any]]
    """Where it goes."""

    json_coords: dict[str, Any]
    """Coordinates that no array holds."""


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
        _write_array(
            store, f"{path}/{axis}", cube[axis].values, cube[axis].dims, cube[axis].attrs,
            encoding.compressors,
        )  # fmt: skip
    for name, coord in on_disk.items():
        write_coord(store, f"{path}/{name}", coord, encoding.compressors)
    blocks, arrays = {}, {}
    for variable, array in cube.data_vars.items():
        method = methods.get(str(variable))
        private = {} if method is None else {"resampling": method}
        name = str(variable)
        arrays[name] = _create_cells(store, f"{path}/{name}", array, encoding, grid, private)
        blocks[name] = encoding.aligned(array.chunk().data)
    others = {name: to_json(c) for name, c in coords.items() if name not in on_disk}
    return CreatedLevel(blocks=blocks, arrays=arrays, json_coords=others)


def _is_grid(name: str, coord: xr.DataArray) -> bool:
    return name == SPATIAL_REF or bool({"y", "x"} & set(coord.dims))


def write_coord(
    store: Store, path: str, coord: xr.DataArray, codecs: tuple[BytesBytesCodec, ...]
) -> None:
    """Write a coordinate along a leading dimension, so that labels can be added later."""
    values, attrs = encode_coord(coord)
    _write_array(store, path, values, coord.dims, attrs, codecs, (COORD_CHUNK,))


def _write_array(
    store: Store,
    path: str,
    values: NDArray[Any],
    dims: tuple[Any, ...],
    attrs: Mapping[Any, Any],
    codecs: tuple[BytesBytesCodec, ...],
    chunks: tuple[int, ...] | None = None,
) -> None:
    zarr.create_array(
        store,
        name=path,
        data=np.asarray(values),
        chunks=chunks or tuple(max(1, size) for size in values.shape),
        compressors=codecs,
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
        compressors=encoding.compressors,
        fill_value=cell_type.dtype.type(0 if cell_type.nodata is None else cell_type.nodata),
        dimension_names=[str(dim) for dim in array.dims],
        attributes=attributes,
    )


def compressors(*, checksums: bool) -> tuple[BytesBytesCodec, ...]:
    """Return the codecs of a layer's arrays, of their chunks where they have shards.

    Parameters
    ----------
    checksums
        Whether each chunk ends with the checksum of its bytes, which neither blosc nor zstd has.
        Layers without shards have none: GDAL before 3.13 refuses arrays with them.
    """
    blosc = BloscCodec(cname="zstd", clevel=3, shuffle="shuffle")
    return (blosc, Crc32cCodec()) if checksums else (blosc,)


def has_checksums(document: Mapping[str, Any]) -> bool:
    """Whether all bytes of an array's objects are covered by checksums, by its document."""
    codecs = document.get("codecs") or [{}]
    ends = [codecs[-1]]
    if codecs[0].get("name") == "sharding_indexed":
        sharding = codecs[0].get("configuration", {})
        ends = [(sharding.get(key) or [{}])[-1] for key in ("codecs", "index_codecs")]
    return all(codec.get("name") == "crc32c" for codec in ends)
