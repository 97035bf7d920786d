"""Pyramids: the levels of a cube, lazily, each of the source's blocks computed once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, get_args

import xarray as xr

from xcube_tiles.catalog.cubes import as_layer_cube
from xcube_tiles.catalog.format.conventions import FORMAT_VERSION, PRIVATE, layer_attributes
from xcube_tiles.catalog.pyramids.grids import (
    level_exponents,
    local_exponents,
    padded_geoboxes,
    zoom_range,
)
from xcube_tiles.catalog.pyramids.levels import coarsen_levels
from xcube_tiles.cube.cells import cell_type_of
from xcube_tiles.cube.georef import assign_geobox, geobox_of
from xcube_tiles.cube.warp import warp
from xcube_tiles.errors import GridError, ReducerError
from xcube_tiles.grid.scheme import LOCAL, resolve_scheme
from xcube_tiles.typing import PyramidResampling

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from odc.geo.geobox import GeoBox

    from xcube_tiles.typing import ResamplingName, XarrayObject

SHARD = 2048
"""Edge, in cells, of a level's blocks: a task writes whole shards."""

_WARP: dict[str, ResamplingName] = {"mean": "bilinear", "median": "bilinear", "sum": "nearest"}
# What warps the base of a zoomed scheme; classes and extremes keep their values: nearest.


def pyramid(
    obj: XarrayObject,
    *,
    scheme: str = LOCAL,
    resampling: PyramidResampling | Mapping[str, PyramidResampling] | None = None,
    levels: int | None = None,
    min_valid: float = 0.0,
    zooms: tuple[int | None, int | None] | None = None,
    factor: int = 2,
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
    zooms
        The coarsest and the finest zoom of a zoomed scheme, both included: a part of its pyramid.
        None in place of one leaves it to `levels` or to the cube's cells. The base is warped onto
        the finest.
    factor
        How many times larger the cells of a level are than those of the one before, along each
        edge: 2 or 4. Zooms are skipped accordingly.
    block
        Edge of the blocks in cells.

    Returns
    -------
    DataTree
        Children ``"0"`` (finest) to ``"n"``, each a cube with the same variables, dtypes and
        NoData. Level shapes divide exactly by `factor`: rows and columns of NoData (0 for cell
        types without) are added at the bottom and at the right of the base, at most
        ``factor**n - 1``. The root's attributes are those of the layer on disk.

    Raises
    ------
    ReducerError
        An unknown resampling method, or one for a variable that isn't there.
    GridError
        An unknown scheme; more levels than the grid or the scheme has; zooms that the scheme
        hasn't, or of a local one; a `min_valid` that is no share; a `factor` other than 2 and 4;
        means or sums of 32- or 64-bit integers over windows of 2**31 cells or more.
    DimensionError, GeoreferenceError, CellTypeError
        A cube that can't be a layer.

    Notes
    -----
    Every level is computed from the cells of the base, not from the level before: under NoData a
    mean is the mean of *all* valid cells below it, and a mode or median is that of the cells, not
    of modes or medians. Integers are summed exactly, floats in float64.

    That holds for any number of levels. While ``factor**level`` divides `block`, 11 levels of
    halving for 2048, windows lie within blocks. Past that each block hands on what the levels need:
    sums and counts, extremes, or, for modes and medians, its different values with their counts. So
    there a mode or median takes memory in proportion to the number of classes; for floats, where
    all values differ, take fewer levels, a larger `block`, or the mean.

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
    if factor not in (2, 4):
        raise GridError(f"factor must be 2 or 4, got {factor!r}")
    if scheme == LOCAL:
        if zooms is not None:
            raise GridError(f"a local scheme has levels and no zooms; pass levels, not {zooms!r}")
        zoom, geobox = None, geobox_of(cube)
        exponents = local_exponents(geobox.shape, levels, factor)
    else:
        part = zoom_range(resolve_scheme(scheme), geobox_of(cube), zooms, levels, factor)
        zoom, exponents = part.zoom, part.exponents
        cube = onto_zoom(cube, part.geobox, methods, block)
        geobox = part.geobox
    boxes = padded_geoboxes(geobox, exponents)
    private = {
        "version": FORMAT_VERSION,
        "scheme": scheme,
        "zoom": zoom,
        "factor": factor,
        "original_shape": [int(size) for size in geobox.shape],
        "resampling": methods,
        "min_valid": min_valid,
    }
    return _tree(cube, boxes, levels_on(cube, boxes, methods, min_valid, block), private)


def levels_on(
    cube: xr.Dataset,
    geoboxes: Sequence[GeoBox],
    methods: Mapping[str, PyramidResampling],
    min_valid: float = 0.0,
    block: int = SHARD,
) -> dict[str, list[Any]]:
    """Return the lazy levels of a cube that lies on the finest of some grids already.

    Parameters
    ----------
    cube
        A cube in canonical form, on the first of the grids or on that without its padding.
    geoboxes
        Grids of the levels, the finest first, as those of a layer: each begins at the same corner
        and has cells larger than the first's by a power of two, which divides its shape.
    methods
        Resampling of each variable of the cube.
    min_valid, block
        As in `pyramid`.

    Returns
    -------
    dict
        For each variable the dask arrays of the levels, the base first; of the shapes of the grids,
        padded with NoData, the leading dimensions as they are.

    Raises
    ------
    GridError
        A cube that doesn't lie on the first grid; grids that aren't such levels.

    Notes
    -----
    A block of a level depends on those blocks of the cube that lie below it, and on no others: a
    part of a layer is computed anew by taking the blocks of the part.
    """
    exponents = level_exponents(geoboxes, geobox_of(cube))
    shapes = [(int(box.shape[0]), int(box.shape[1])) for box in geoboxes]
    return {
        str(name): coarsen_levels(
            _lazy_data(array, block),
            shapes=shapes,
            exponents=exponents,
            block=block,
            method=methods[str(name)],
            cell_type=cell_type_of(array),
            min_valid=min_valid,
        )
        for name, array in cube.data_vars.items()
    }


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


def onto_zoom(
    cube: xr.Dataset, geobox: GeoBox, methods: Mapping[str, PyramidResampling], block: int
) -> xr.Dataset:
    """Warp a cube onto the grid of a zoom."""
    resampling = {name: _WARP.get(method, "nearest") for name, method in methods.items()}
    return warp(cube, geobox, resampling, chunk_size=block)


def _lazy_data(array: xr.DataArray, block: int) -> Any:
    """Return the dask array of a variable; what isn't lazy yet is cut into the level's blocks."""
    if array.chunks is not None:
        return array.data
    lead = dict.fromkeys(array.dims[:-2], 1)
    return array.chunk({**lead, "y": block, "x": block}).data


def _tree(
    cube: xr.Dataset,
    geoboxes: Sequence[GeoBox],
    data: Mapping[str, list[Any]],
    private: Mapping[str, Any],
) -> xr.DataTree:
    coords = {name: c for name, c in cube.coords.items() if not {"y", "x"} & set(c.dims)}
    children = {}
    for level, geobox in enumerate(geoboxes):
        variables = {
            name: (cube[name].dims, arrays[level], cube[name].attrs)
            for name, arrays in data.items()
        }
        children[str(level)] = assign_geobox(
            xr.Dataset(variables, coords, attrs=cube.attrs), geobox
        )
    methods = list(private["resampling"].values())
    main = max(methods, key=methods.count)
    root = xr.Dataset(attrs={**layer_attributes(geoboxes, main), PRIVATE: dict(private)})
    return xr.DataTree.from_dict({"/": root, **children})
