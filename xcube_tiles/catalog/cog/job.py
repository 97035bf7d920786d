"""A layer of COGs before it is written: warped onto its finest zoom, its zooms parted."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from math import ceil, floor
from typing import TYPE_CHECKING

from affine import Affine
from odc.geo.geobox import GeoBox

from xcube_tiles._version import __version__
from xcube_tiles.catalog.cog.assembly import FilePlan
from xcube_tiles.catalog.cog.bands import band_text, common_cells
from xcube_tiles.catalog.cog.index import Index
from xcube_tiles.catalog.cog.ranges import zoom_ranges
from xcube_tiles.catalog.cog.table import VariableRow
from xcube_tiles.catalog.cubes import as_layer_cube
from xcube_tiles.catalog.pyramids.pyramid import SHARD, pyramid, resampling_of
from xcube_tiles.cube.cells import cell_type_of
from xcube_tiles.cube.georef import geobox_of
from xcube_tiles.cube.warp import warp
from xcube_tiles.errors import DimensionError, GridError
from xcube_tiles.grid.extent import Extent
from xcube_tiles.grid.scheme import resolve_scheme

if TYPE_CHECKING:
    from collections.abc import Mapping

    import xarray as xr

    from xcube_tiles.catalog.cog.index import IndexedFile
    from xcube_tiles.catalog.cog.ranges import ZoomRange
    from xcube_tiles.catalog.layer import Layer
    from xcube_tiles.grid.layout import TileLayout
    from xcube_tiles.grid.scheme import Scheme
    from xcube_tiles.typing import PyramidResampling, ResamplingName, XarrayObject

_MOST_ZOOMS = 17
# The base begins where a cell of the coarsest zoom does, up to 2**16 of its own cells before the
# raster: a thousand blocks of nothing at most.

_WARP: dict[str, ResamplingName] = {"mean": "bilinear", "median": "bilinear"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A layer that is being written."""

    tree: xr.DataTree
    """Zooms, from the finest to the coarsest, as levels."""

    cube: xr.Dataset
    """The finest zoom."""

    scheme: Scheme
    """The scheme of the zooms."""

    tile_size: int
    """Edge of a tile in cells."""

    extent: Extent
    """Outer edges of the cube, in the scheme's CRS."""

    origin: tuple[int, int]
    """Row and column, within the finest zoom, of the first cell of the tree."""

    ranges: tuple[ZoomRange, ...]
    """The finest first."""

    resampling: Mapping[str, PyramidResampling]
    """Method of each variable."""

    def plan_of(self, zooms: ZoomRange) -> FilePlan:
        """Return what files of a range are like; their place is left open."""
        edge = self.tile_size << (zooms.max_zoom - zooms.min_zoom)
        names = [str(name) for name in self.cube.data_vars]
        return FilePlan(
            cells=common_cells({name: cell_type_of(self.cube[name]) for name in names}),
            geobox=GeoBox((edge, edge), Affine.identity(), self.scheme.crs),
            shapes=tuple((edge >> n, edge >> n) for n in range(len(zooms.zooms))),
            bands=tuple(band_text(name, self.cube[name].attrs) for name in names),
        )

    def index(self, levels: Layer, files: tuple[IndexedFile, ...]) -> Index:
        """Return the index of the files that were written."""
        cells = self.plan_of(self.ranges[0]).cells
        variables = tuple(
            VariableRow(name=name, cells=cells, attrs=levels.variable_attrs(name))
            for name in map(str, self.cube.data_vars)
        )
        xmin, ymin, xmax, ymax = self.extent.bounds
        return Index(
            scheme=self.scheme.name,
            tile_size=self.tile_size,
            bounds=(xmin, ymin, xmax, ymax),
            ranges=self.ranges,
            files=files,
            variables=variables,
            times=levels.times,
            attrs=levels.attrs,
            made={
                "software": f"xcube_tiles {__version__}",
                "created": datetime.now(UTC).isoformat(),
                "resampling": dict(self.resampling),
            },
        )


def prepared(
    obj: XarrayObject,
    scheme: str,
    tile_size: int,
    max_tile_size: int,
    min_zoom: int,
    resampling: PyramidResampling | Mapping[str, PyramidResampling] | None,
    min_valid: float,
) -> Job:
    """Warp a cube onto the finest zoom, so that cells of all zooms begin where it begins.

    Parameters
    ----------
    obj, scheme, tile_size, max_tile_size, min_zoom, resampling, min_valid
        As in `write_cog_layer`, with the same errors.
    """
    cube = _checked_cube(obj)
    if not isinstance(tile_size, int) or tile_size < 16 or tile_size & (tile_size - 1):
        raise GridError(f"tile_size is a power of two from 16 upwards, got {tile_size!r}")
    tiles = resolve_scheme(scheme, geobox_of(cube), tile_size=tile_size)
    zoom = tiles.zoom_for(geobox_of(cube))
    layout = tiles.layout(zoom)
    extent = _extent_in(cube, layout)
    ranges = zoom_ranges(extent, tiles, zoom, min_zoom=min_zoom, max_tile_size=max_tile_size)
    depth = zoom - ranges[-1].min_zoom
    if depth >= _MOST_ZOOMS:
        raise GridError(
            f"the zooms {ranges[-1].min_zoom} to {zoom} are more than {_MOST_ZOOMS}; pass a "
            f"min_zoom of at least {zoom - _MOST_ZOOMS + 1}"
        )
    _check_halving(tiles, zoom, depth)
    cols, rows = layout.key_range(extent)
    step = 2**depth
    top, left = (floor(at.start * tile_size / step) * step for at in (rows, cols))
    bottom, right = (ceil(at.stop * tile_size / step) * step for at in (rows, cols))
    (x, y), (width, height) = layout.origin, layout.resolution
    corner = Affine(width, 0, x + left * width, 0, -height, y - top * height)
    methods = resampling_of(cube, resampling)
    warping = {name: _WARP.get(method, "nearest") for name, method in methods.items()}
    box = GeoBox((bottom - top, right - left), corner, layout.crs)
    warped = warp(cube, box, warping, chunk_size=SHARD)
    tree = pyramid(warped, resampling=methods, levels=depth + 1, min_valid=min_valid)
    return Job(
        tree=tree, cube=warped, scheme=tiles, tile_size=tile_size, extent=extent,
        origin=(top, left), ranges=ranges, resampling=methods,
    )  # fmt: skip


def _checked_cube(obj: XarrayObject) -> xr.Dataset:
    cube = as_layer_cube(obj)
    for name, array in cube.data_vars.items():
        for dim in array.dims[:-2]:
            if dim not in cube.coords or cube[dim].dtype.kind != "M":
                raise DimensionError(
                    f"variable {name!r} has the dimension {dim!r} besides y and x, and that isn't "
                    f"a time: select one label, cube.isel({dim}=0), or write a layer for each"
                )
    # What isn't lazy would be warped at once, with all that lies before its first cell.
    sizes = {dim: SHARD if dim in ("y", "x") else 1 for dim in cube.dims}
    return cube if cube.chunks else cube.chunk(sizes)


def _extent_in(cube: xr.Dataset, layout: TileLayout) -> Extent:
    """Return the extent of a cube in the CRS of a layout, as far as that reaches."""
    own = Extent.from_geobox(geobox_of(cube))
    if own.crs.geographic and not layout.crs.geographic:
        own = own.intersection(layout.extent().to_crs(own.crs)) or own
    found = own.to_crs(layout.crs).intersection(layout.extent())
    if found is None:
        raise GridError(f"the cube lies outside the scheme, which covers {layout.extent()!r}")
    return found


def _check_halving(tiles: Scheme, zoom: int, depth: int) -> None:
    finest = tiles.layout(zoom).resolution
    for coarser in range(1, depth + 1):
        own = tiles.layout(zoom - coarser).resolution
        pairs = zip(finest, own, strict=True)
        if any(abs(fine * 2**coarser - size) > size * 1e-9 for fine, size in pairs):
            raise GridError(
                f"cells of {tiles.name} don't double from zoom {zoom} to {zoom - coarser}; a layer "
                "of COGs needs a scheme such as WebMercatorQuad or WorldCRS84Quad"
            )
