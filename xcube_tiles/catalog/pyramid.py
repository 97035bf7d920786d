"""Pyramids: the levels of a cube, lazily, each of the source's blocks computed once."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, floor, isclose, log2
from typing import TYPE_CHECKING, Any, get_args

import xarray as xr
from affine import Affine
from odc.geo.geobox import GeoBox

from xcube_tiles.catalog.conventions import FORMAT_VERSION, PRIVATE, layer_attributes
from xcube_tiles.catalog.cubes import as_layer_cube
from xcube_tiles.catalog.levels import coarsen_levels
from xcube_tiles.cube.cells import cell_type_of
from xcube_tiles.cube.georef import assign_geobox, geobox_of
from xcube_tiles.cube.warp import warp
from xcube_tiles.errors import GridError, ReducerError
from xcube_tiles.grid.extent import Extent
from xcube_tiles.grid.scheme import LOCAL, resolve_scheme
from xcube_tiles.typing import PyramidResampling

if TYPE_CHECKING:
    from collections.abc import Mapping

    from xcube_tiles.grid.layout import TileLayout
    from xcube_tiles.grid.scheme import Scheme
    from xcube_tiles.typing import ResamplingName, XarrayObject

SHARD = 2048
"""Edge, in cells, of a level's blocks: a task writes whole shards."""

COARSEST = 256
"""No level is added below one that fits into so many cells along each edge."""

_WARP: dict[str, ResamplingName] = {"mean": "bilinear", "median": "bilinear", "sum": "nearest"}
# What warps the base of a zoomed scheme; classes and extremes keep their values: nearest.


def pyramid(
    obj: XarrayObject,
    *,
    scheme: str = LOCAL,
    resampling: PyramidResampling | Mapping[str, PyramidResampling] | None = None,
    levels: int | None = None,
    min_valid: float = 0.0,
    block: int = SHARD,
) -> xr.DataTree:
    """Return a cube at levels of decreasing resolution, lazily.

    Parameters
    ----------
    obj
        A cube whose variables have dimensions (y, x) or one more before them.
    scheme
        ``local``: level 0 is the cube's own grid. The name of a TileMatrixSet, such as
        ``WebMercatorQuad``: level 0 is the cube warped onto the grid of the zoom that keeps its
        cells, beginning and ending at tiles; each level is a zoom.
    resampling
        How coarser cells are made (mean, nearest, mode, min, max, median, sum): one method, or one
        for each variable. By default ``mode`` for variables of classes (CF `flag_values` or
        `flag_masks`, bool) and ``mean`` for others.
    levels
        Number of levels; by default as many as it takes for the last one to fit into 256 x 256.
    min_valid
        Least share of the base's cells, 0 to 1, that a valid coarser cell needs.
    block
        Edge of the blocks in cells.

    Returns
    -------
    DataTree
        Children ``"0"`` (finest) to ``"n"``, each a cube with the same variables, dtypes and
        NoData. Level shapes halve exactly: rows and columns of NoData (0 for cell types without)
        are added at the bottom and at the right of the base, at most ``2**n - 1``. The root's
        attributes are those of the layer on disk.

    Raises
    ------
    ReducerError
        An unknown resampling method, or one for a variable that isn't there.
    GridError
        An unknown scheme; more levels than the grid or the scheme has; a `min_valid` that is no
        share.
    DimensionError, GeoreferenceError, CellTypeError
        A cube that can't be a layer.

    Notes
    -----
    Every level is computed from the cells of the base, not from the level before: under NoData a
    mean is the mean of *all* valid cells below it, and a mode or median is that of the cells, not
    of modes or medians. That holds while ``2**level`` divides `block`, 11 levels of it for 2048;
    past that, sums and valid counts are carried on, which keeps means exact, and the other methods
    continue from the last level (min and max stay exact).

    Padding counts as NoData for `min_valid`. Coordinates other than y and x that span them are left
    out.

    Examples
    --------
    >>> import numpy as np, xarray as xr
    >>> from xcube_tiles.cube.georef import set_crs
    >>> cells = xr.DataArray(
    ...     [[1.0, 3.0, np.nan], [np.nan, 5.0, np.nan]],
    ...     coords={"y": [15.0, 5.0], "x": [5.0, 15.0, 25.0]},
    ...     dims=("y", "x"),
    ... )
    >>> tree = pyramid(set_crs(cells, "EPSG:32633"), levels=2)
    >>> tree["1/data"].values
    array([[ 3., nan]])
    >>> tree["0/data"].shape
    (2, 4)
    """
    cube = as_layer_cube(obj)
    methods = resampling_of(cube, resampling)
    if not 0 <= min_valid <= 1:
        raise GridError(f"min_valid is a share from 0 to 1, got {min_valid!r}")
    zoom, most = None, None
    if scheme != LOCAL:
        zoomed = resolve_scheme(scheme)
        zoom = zoomed.zoom_for(geobox_of(cube))
        most = _halvings(zoomed, zoom) + 1
        cube = _onto_zoom(cube, zoomed, zoom, methods, block)
    plan = _plan(geobox_of(cube), levels, most)
    data = {
        str(name): coarsen_levels(
            _lazy_data(array, block),
            shapes=plan.shapes,
            block=block,
            method=methods[str(name)],
            cell_type=cell_type_of(array),
            min_valid=min_valid,
        )
        for name, array in cube.data_vars.items()
    }
    private = {
        "version": FORMAT_VERSION,
        "scheme": scheme,
        "zoom": zoom,
        "original_shape": list(plan.original),
        "resampling": methods,
        "min_valid": min_valid,
    }
    return _tree(cube, plan, data, private)


def resampling_of(
    cube: xr.Dataset,
    resampling: PyramidResampling | Mapping[str, PyramidResampling] | None,
) -> dict[str, PyramidResampling]:
    """Return the method of each variable.

    Raises
    ------
    ReducerError
        An unknown method or variable.
    """
    given = {} if resampling is None or isinstance(resampling, str) else dict(resampling)
    unknown = sorted(set(given) - {str(name) for name in cube.data_vars})
    if unknown:
        raise ReducerError(
            f"resampling names {unknown[0]!r}; the variables are "
            f"{', '.join(map(str, cube.data_vars))}"
        )
    methods: dict[str, PyramidResampling] = {}
    for name, array in cube.data_vars.items():
        default: PyramidResampling = "mode" if _is_categorical(array) else "mean"
        method = resampling if isinstance(resampling, str) else given.get(str(name), default)
        if method not in get_args(PyramidResampling):
            raise ReducerError(
                f"unknown resampling {method!r} for {name!r}; the methods are "
                f"{', '.join(get_args(PyramidResampling))}"
            )
        methods[str(name)] = method
    return methods


def _is_categorical(array: xr.DataArray) -> bool:
    return array.dtype.kind == "b" or bool({"flag_values", "flag_masks"} & set(array.attrs))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plan:
    """The grids of a pyramid."""

    original: tuple[int, int]
    """Shape (y, x) before padding."""

    geoboxes: tuple[GeoBox, ...]
    """Grids of the levels, the finest first, padded."""

    @property
    def shapes(self) -> tuple[tuple[int, int], ...]:
        """Shapes (y, x) of the levels."""
        return tuple((int(box.shape[0]), int(box.shape[1])) for box in self.geoboxes)


def _plan(geobox: GeoBox, levels: int | None, most: int | None) -> _Plan:
    """Pad a grid so that its levels halve exactly."""
    height, width = geobox.shape
    enough = max(0, ceil(log2(max(height, width) / COARSEST))) + 1
    count = min(enough, most or enough) if levels is None else levels
    limit = min(ceil(log2(max(height, width))) + 1, most or 64)
    if not isinstance(count, int) or not 1 <= count <= limit:
        raise GridError(f"levels must be a number from 1 to {limit} for this grid, got {levels!r}")
    factor = 2 ** (count - 1)
    padded = (-(-height // factor) * factor, -(-width // factor) * factor)
    boxes = tuple(_coarser(geobox, padded, level) for level in range(count))
    return _Plan(original=(int(height), int(width)), geoboxes=boxes)


def _coarser(geobox: GeoBox, padded: tuple[int, int], level: int) -> GeoBox:
    shape = (padded[0] >> level, padded[1] >> level)
    affine, factor = geobox.affine, 2**level
    corner = Affine(affine.a * factor, 0, affine.c, 0, affine.e * factor, affine.f)
    return GeoBox(shape, corner, geobox.crs)


def _halvings(scheme: Scheme, zoom: int) -> int:
    """Return how many zooms below one have cells of exactly twice the size of the one above."""
    finest = scheme.layout(zoom).resolution
    count = 0
    while zoom - count - 1 in scheme.zooms:
        coarser = scheme.layout(zoom - count - 1).resolution
        pairs = zip(finest, coarser, strict=True)
        if not all(
            isclose(fine * 2 ** (count + 1), coarse, rel_tol=1e-6) for fine, coarse in pairs
        ):
            break
        count += 1
    return count


def _onto_zoom(
    cube: xr.Dataset,
    scheme: Scheme,
    zoom: int,
    methods: Mapping[str, PyramidResampling],
    block: int,
) -> xr.Dataset:
    """Warp a cube onto the tiles of a zoom that it touches."""
    layout = scheme.layout(zoom)
    extent = _within(Extent.from_geobox(geobox_of(cube)), layout).to_crs(layout.crs)
    cols, rows = layout.key_range(extent)
    (height, width), (x, y) = layout.tile_shape, layout.resolution
    # Where 2**levels exceeds a tile, coarse cells begin at multiples of it, as those of the zoom.
    longest = max(len(rows) * height, len(cols) * width)
    step = 2 ** min(zoom - scheme.zooms[0], max(0, ceil(log2(longest / COARSEST))))
    top = floor(rows.start * height / step) * step
    left = floor(cols.start * width / step) * step
    shape = (rows.stop * height - top, cols.stop * width - left)
    corner = Affine(x, 0, layout.origin[0] + left * x, 0, -y, layout.origin[1] - top * y)
    resampling = {name: _WARP.get(method, "nearest") for name, method in methods.items()}
    return warp(cube, GeoBox(shape, corner, layout.crs), resampling, chunk_size=block)


def _within(extent: Extent, layout: TileLayout) -> Extent:
    """Return the part of an extent that a layout covers: Web Mercator has no poles."""
    if not extent.crs.geographic or layout.crs.geographic:
        return extent
    return extent.intersection(layout.extent().to_crs(extent.crs)) or extent


def _lazy_data(array: xr.DataArray, block: int) -> Any:
    """Return the dask array of a variable; what isn't lazy yet is cut into the level's blocks."""
    if array.chunks is not None:
        return array.data
    lead = dict.fromkeys(array.dims[:-2], 1)
    return array.chunk({**lead, "y": block, "x": block}).data


def _tree(
    cube: xr.Dataset,
    plan: _Plan,
    data: Mapping[str, list[Any]],
    private: Mapping[str, Any],
) -> xr.DataTree:
    coords = {name: c for name, c in cube.coords.items() if not {"y", "x"} & set(c.dims)}
    children = {}
    for level, geobox in enumerate(plan.geoboxes):
        variables = {
            name: (cube[name].dims, arrays[level], cube[name].attrs)
            for name, arrays in data.items()
        }
        children[str(level)] = assign_geobox(
            xr.Dataset(variables, coords, attrs=cube.attrs), geobox
        )
    methods = list(private["resampling"].values())
    main = max(methods, key=methods.count)
    root = xr.Dataset(attrs={**layer_attributes(plan.geoboxes, main), PRIVATE: dict(private)})
    return xr.DataTree.from_dict({"/": root, **children})
