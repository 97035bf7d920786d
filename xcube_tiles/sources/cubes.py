"""Dense tables of rasters become lazy cubes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from xcube_tiles.cube.blocks import from_reader
from xcube_tiles.cube.cells import set_cell_type
from xcube_tiles.cube.georef import assign_geobox
from xcube_tiles.cube.keycoords import KEY_ATTR, key_coord
from xcube_tiles.cube.warp import warp
from xcube_tiles.errors import CollectionError
from xcube_tiles.grid.extent import Extent, same_crs
from xcube_tiles.options import get_options
from xcube_tiles.sources.decoding import decodings
from xcube_tiles.sources.dense import TIME
from xcube_tiles.sources.grids import common_grid, equal_grids
from xcube_tiles.sources.reading import StackReader, part_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from odc.geo.geobox import GeoBox

    from xcube_tiles.sources.dense import DenseTable
    from xcube_tiles.sources.header import BandHeader, RasterHeader
    from xcube_tiles.sources.raster import Raster
    from xcube_tiles.sources.reading import Part
    from xcube_tiles.typing import ResamplingName


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadOptions:
    """How the rasters of a cube are read."""

    target: GeoBox | None
    """Grid that all rasters are warped to; None: their own, which must be equal."""

    resampling: ResamplingName | Mapping[str, ResamplingName]
    """Method of warping, or one for each variable."""

    chunks: int | Mapping[str, int] | None
    """Edge of blocks along y and x, or sizes by dimension. What isn't given is 1 along other
    dimensions, and along y and x a multiple of the file's own blocks near the option `chunk_size`:
    no block of the file is then decoded twice."""

    scaled: bool
    """Whether scale and offset are applied."""

    storage: Mapping[str, Any] | None
    """Options of the file system."""


def build_cube(
    table: DenseTable, headers: Mapping[str, RasterHeader], options: ReadOptions
) -> xr.Dataset:
    """Return the lazy cube of a dense table.

    Parameters
    ----------
    table
        Rasters arranged along axes.
    headers
        Header of each file, by path.
    options
        How to read.

    Raises
    ------
    UnequalGridsError
        The grids differ and `options.target` is None.
    CollectionError
        A file lacks the band asked for, or doesn't say which of several it is.
    """
    every = [headers[raster.path] for row in table.variables.values() for raster in row]
    target = options.target
    if target is None or all(equal_grids(header.geobox, target) for header in every):
        target, options = common_grid(every), replace(options, target=None)
    _check_chunks(table, options.chunks)
    variables = [_Variable(name, row, headers, options) for name, row in table.variables.items()]
    # One cube has one set of blocks, even if its files have several.
    blocks = _block_shape(table, options.chunks, variables[0].bands[0])
    arrays = {variable.name: variable.array(table, target, blocks) for variable in variables}
    cube = xr.Dataset(arrays, coords=_key_coords(table))
    if table.band_key is not None:
        cube.attrs[KEY_ATTR] = table.band_key.name
    return assign_geobox(cube, target)


def variable_attrs(bands: Sequence[BandHeader], *, scaled: bool) -> dict[str, Any]:
    """Return the CF attributes that all rasters of a variable agree on."""
    attrs: dict[str, Any] = {}
    units, names = {band.unit for band in bands}, {band.description for band in bands}
    if len(units) == 1 and None not in units:
        attrs["units"] = units.pop()
    if len(names) == 1 and None not in names:
        attrs["long_name"] = names.pop()
    if not scaled and (bands[0].scale, bands[0].offset) != (1.0, 0.0):
        attrs |= {"scale_factor": bands[0].scale, "add_offset": bands[0].offset}
    return attrs


class _Variable:
    """One variable on its way from rasters to a lazy array."""

    def __init__(
        self,
        name: str,
        rasters: Sequence[Raster],
        headers: Mapping[str, RasterHeader],
        options: ReadOptions,
    ) -> None:
        self.name, self.options = name, options
        self.headers = [headers[raster.path] for raster in rasters]
        pairs = zip(self.headers, rasters, strict=True)
        self.bands = [header.band(raster.raster_band)[1] for header, raster in pairs]
        found = decodings(
            self.bands,
            scaled=options.scaled,
            needs_nodata=not self._covered(),
            variable=name,
        )
        triples = zip(rasters, self.headers, found, strict=True)
        self.parts = tuple(part_of(*triple) for triple in triples)
        self.cells = found[0].target

    def _covered(self) -> bool:
        """Whether every raster has a value for all of the target."""
        target = self.options.target
        return target is None or all(_covers(header.geobox, target) for header in self.headers)

    def array(self, table: DenseTable, grid: GeoBox, blocks: tuple[int, ...]) -> xr.DataArray:
        """Return the variable without coordinates."""
        dims = (*(axis.dim for axis in table.axes), "y", "x")
        if self.options.target is None:
            array = xr.DataArray(self._lazy(self.parts, table.shape, grid, blocks), dims=dims)
        else:
            array = self._warped(table, grid, dims).chunk(_explicit(self.options.chunks))
        array.attrs = variable_attrs(self.bands, scaled=self.options.scaled)
        return set_cell_type(array, self.cells)

    def _lazy(
        self, parts: tuple[Part, ...], lead: tuple[int, ...], grid: GeoBox, blocks: tuple[int, ...]
    ) -> Any:
        shape = (*lead, *grid.shape)
        versions = {header.path: header.version for header in self.headers}
        return from_reader(
            StackReader(parts, shape, self.options.storage),
            shape=shape,
            chunks=blocks,
            dtype=self.cells.dtype,
            name=f"read-{self.name}",
            token=(parts, [versions[part.path] for part in parts], self.options.storage),
        )

    def _warped(self, table: DenseTable, grid: GeoBox, dims: tuple[str, ...]) -> xr.DataArray:
        """Warp the rasters at once if they share a grid, else each by itself, then stack them."""
        sources = [header.geobox for header in self.headers]
        if all(equal_grids(sources[0], source) for source in sources):
            return self._warp(self.parts, table.shape, sources[0], grid, dims)
        pairs = zip(self.parts, sources, strict=True)
        rows = [self._warp((part,), (), source, grid, dims).variable for part, source in pairs]
        for axis in reversed(table.axes):
            size = len(axis.values)
            groups = [rows[n : n + size] for n in range(0, len(rows), size)]
            rows = [xr.Variable.concat(group, axis.dim) for group in groups]
        return xr.DataArray(rows[0])

    def _warp(
        self,
        parts: tuple[Part, ...],
        lead: tuple[int, ...],
        source: GeoBox,
        grid: GeoBox,
        dims: tuple[str, ...],
    ) -> xr.DataArray:
        blocks = (*(1 for _ in lead), *_edges({}, self.bands[0]))
        data = self._lazy(parts, lead, source, blocks)
        named = xr.DataArray(data, dims=dims[-data.ndim :], name=self.name)
        array = set_cell_type(assign_geobox(named, source), self.cells)
        given = _explicit(self.options.chunks)
        edge = given.get("y", given.get("x"))
        warped = warp(array, grid, self.options.resampling, chunk_size=edge)
        return xr.DataArray(warped.variable)


def _covers(box: GeoBox, target: GeoBox) -> bool:
    if equal_grids(box, target):
        return True
    if box.crs is None or target.crs is None or not same_crs(box.crs, target.crs):
        # The image of a rectangle in another CRS has slanted edges: corners stay empty.
        return False
    return Extent.from_geobox(box).contains(Extent.from_geobox(target))


def _key_coords(table: DenseTable) -> dict[str, xr.Variable]:
    coords = {
        axis.dim: key_coord(
            axis.dim,
            axis.key.name,
            list(axis.values),
            type="temporal" if axis.dim == TIME else "other",
        )
        for axis in table.axes
    }
    scalars = {key.name: key_coord("", key.name, value) for key, value in table.scalars.items()}
    return {**coords, **scalars}


def _check_chunks(table: DenseTable, chunks: int | Mapping[str, int] | None) -> None:
    dims = [*(axis.dim for axis in table.axes), "y", "x"]
    if not isinstance(chunks, (int, Mapping, type(None))):
        raise CollectionError(f"chunks are a number or sizes by dimension, got {chunks!r}")
    for dim, size in _explicit(chunks).items():
        if dim not in dims:
            raise CollectionError(f"chunks name {dim!r}; the dimensions are {', '.join(dims)}")
        if isinstance(size, bool) or not isinstance(size, (int, np.integer)) or size < 1:
            raise CollectionError(f"a chunk along {dim!r} must be a positive number, got {size!r}")


def _explicit(chunks: int | Mapping[str, int] | None) -> dict[str, int]:
    """Return the sizes of blocks that the caller asks for."""
    return dict.fromkeys("yx", chunks) if isinstance(chunks, int) else dict(chunks or {})


def _block_shape(
    table: DenseTable, chunks: int | Mapping[str, int] | None, band: BandHeader
) -> tuple[int, ...]:
    given = _explicit(chunks)
    return (*(given.get(axis.dim, 1) for axis in table.axes), *_edges(given, band))


def _edges(given: Mapping[str, int], band: BandHeader) -> tuple[int, int]:
    """Return height and width of blocks: as asked, or else multiples of the file's own."""
    own = band.block_shape
    return given.get("y", _multiple(own.height)), given.get("x", _multiple(own.width))


def _multiple(block: int) -> int:
    size = get_options().chunk_size
    return block if block >= size else size // block * block
