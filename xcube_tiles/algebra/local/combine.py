"""Combinations of the classes of several rasters, each with a number of its own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import xarray as xr

from xcube_tiles.algebra.local.statistics import cubes_of
from xcube_tiles.cube.blocks import fold_blocks, is_lazy, map_blocks
from xcube_tiles.cube.cells import cell_type_of, set_cell_type
from xcube_tiles.cube.compatibility import check_compatible
from xcube_tiles.cube.georef import canonical
from xcube_tiles.cube.variables import is_raster
from xcube_tiles.errors import AlgebraError, CellTypeError
from xcube_tiles.grid.celltype import CellType
from xcube_tiles.kernels.local.combinations import combinations as numbered

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xcube_tiles.typing import XarrayObject

IDS = CellType(dtype=np.dtype(np.uint32), nodata=0)
"""Cell type of combinations: 1, 2, ..., and 0 for NoData."""

_State: TypeAlias = "tuple[NDArray[np.int64], NDArray[np.int64]]"
"""Combinations as (raster, combination), and how many cells have each."""


def combine(obj: XarrayObject, others: XarrayObject | Sequence[XarrayObject] = ()) -> xr.DataArray:
    """Give each combination of the classes of several rasters a number.

    Parameters
    ----------
    obj
        A raster of classes, or a Dataset of several: integers or bool.
    others
        More of them, on the same grid; may be left out if `obj` is a Dataset.

    Returns
    -------
    DataArray of uint32
        Named ``combination``: 1, 2, ..., in the order of the classes of the first raster, then of
        the second, and so on; so the numbers depend neither on chunks nor on where cells lie. 0,
        which is NoData, where any raster has no value. Lazy if any raster is.

    Raises
    ------
    AlgebraError
        A single raster; others that are no cubes.
    CellTypeError
        Floats, which are no classes.
    IncompatibleCubesError
        Grids or labels differ.

    See Also
    --------
    combinations : what each number stands for

    Notes
    -----
    All cells must have been seen before the first gets its number: each block is read twice, by one
    task that lists its combinations and by one that numbers its cells.

    Examples
    --------
    >>> from affine import Affine
    >>> from odc.geo.geobox import GeoBox
    >>> from xcube_tiles.cube.georef import assign_geobox
    >>> grid = GeoBox((1, 4), Affine(10, 0, 0, 0, -10, 0), "EPSG:32633")
    >>> soil = xr.DataArray(np.array([[2, 1, 2, 255]], "uint8"), dims=("y", "x"), name="soil")
    >>> soil = assign_geobox(soil.assign_attrs(_FillValue=255), grid)
    >>> use = assign_geobox(
    ...     xr.DataArray(np.array([[7, 7, 7, 8]], "uint8"), dims=("y", "x"), name="use"), grid
    ... )
    >>> combine(soil, use).values
    array([[2, 1, 2, 0]], dtype=uint32)
    """
    rasters = _rasters(obj, others)
    types = tuple(cell_type_of(raster) for raster in rasters)
    data = map_blocks(
        _ids,
        *(raster.data for raster in rasters),
        name="combine",
        dtype=IDS.dtype,
        tables=(_table(rasters, types),),
        types=types,
    )
    first = rasters[0]
    return set_cell_type(xr.DataArray(data, first.coords, first.dims).rename("combination"), IDS)


def combinations(
    obj: XarrayObject, others: XarrayObject | Sequence[XarrayObject] = ()
) -> xr.Dataset:
    """Return what the numbers that `combine` gives stand for. This computes.

    Parameters
    ----------
    obj, others
        As for `combine`.

    Returns
    -------
    Dataset
        With the dimension ``combination`` (1, 2, ...), a variable for each raster (its class) and
        ``count`` (number of cells). Rasters of equal or no name get a number at the end.

    Raises
    ------
    AlgebraError, CellTypeError, IncompatibleCubesError
        As `combine`.

    Examples
    --------
    >>> from affine import Affine
    >>> from odc.geo.geobox import GeoBox
    >>> from xcube_tiles.cube.georef import assign_geobox
    >>> grid = GeoBox((1, 4), Affine(10, 0, 0, 0, -10, 0), "EPSG:32633")
    >>> soil = xr.DataArray(np.array([[2, 1, 2, 255]], "uint8"), dims=("y", "x"), name="soil")
    >>> soil = assign_geobox(soil.assign_attrs(_FillValue=255), grid)
    >>> table = combinations(soil, soil.rename("use"))
    >>> table["soil"].values, table["count"].values
    (array([1, 2], dtype=uint8), array([1, 2]))
    """
    rasters = _rasters(obj, others)
    types = tuple(cell_type_of(raster) for raster in rasters)
    table = _table(rasters, types)
    keys, counts = (table.compute() if is_lazy(table) else table).item()
    columns = {
        name: ("combination", _column(key, cells.dtype))
        for name, key, cells in zip(_names(rasters), keys, types, strict=True)
    }
    ids = np.arange(1, counts.size + 1)
    return xr.Dataset({**columns, "count": ("combination", counts)}, {"combination": ids})


def _rasters(
    obj: XarrayObject, others: XarrayObject | Sequence[XarrayObject]
) -> list[xr.DataArray]:
    """Return rasters in canonical form, on one grid, of equal dimensions and blocks."""
    more = [] if isinstance(others, Sequence) and not others else cubes_of(others)
    found = _flat([canonical(obj)])  # type: ignore[type-var]  # of one kind
    for other in more:
        for raster in _flat([canonical(other)]):
            check_compatible(found[0], raster)
            found.append(raster)
    if len(found) < 2:
        raise AlgebraError(
            f"combinations need two or more rasters, got {[one.name for one in found]!r}"
        )
    floats = [one.name for one in found if one.dtype.kind == "f"]
    if floats:
        raise CellTypeError(
            f"combinations are of classes, but {floats[0]!r} has floats; make classes of them "
            "first: cube.tiles.reclassify(...), or cube.tiles.convert('int16')"
        )
    return _alike(found)


def _flat(cubes: list[Any]) -> list[xr.DataArray]:
    return [
        raster
        for cube in cubes
        for raster in ([cube] if isinstance(cube, xr.DataArray) else cube.data_vars.values())
        if is_raster(raster)
    ]


def _alike(rasters: list[xr.DataArray]) -> list[xr.DataArray]:
    if any(raster.dims != rasters[0].dims for raster in rasters):
        attrs = [raster.attrs for raster in rasters]
        spread = [one.transpose(..., "y", "x") for one in xr.broadcast(*rasters)]
        first = spread[0].dims
        rasters = [
            one.transpose(*first).assign_attrs(own) for one, own in zip(spread, attrs, strict=True)
        ]
    lazy = [raster for raster in rasters if is_lazy(raster.data)]
    return [raster.chunk(lazy[0].chunksizes) for raster in rasters] if lazy else rasters


def _table(rasters: Sequence[xr.DataArray], types: tuple[CellType, ...]) -> Any:
    return fold_blocks(
        _listed,
        *(raster.data for raster in rasters),
        combine=_merged,
        finalize=_sorted,
        name="combinations",
        shape=(),
        dtype=object,
        types=types,
    )


def _listed(*blocks: NDArray[Any], origin: tuple[int, ...], types: tuple[CellType, ...]) -> _State:
    codes, keys = numbered(blocks, _missing(blocks, types))
    return keys, np.bincount(codes[codes >= 0], minlength=keys.shape[1])


def _missing(blocks: Sequence[NDArray[Any]], types: tuple[CellType, ...]) -> NDArray[np.bool_]:
    missing = np.zeros(blocks[0].shape, np.bool_)
    for block, source in zip(blocks, types, strict=True):
        missing |= source.is_nodata(block)
    return missing


def _merged(states: list[_State]) -> _State:
    keys = np.concatenate([state[0] for state in states], axis=1)
    counts = np.concatenate([state[1] for state in states])
    codes, merged = numbered(list(keys), np.zeros(keys.shape[1], np.bool_))
    total = np.zeros(merged.shape[1], np.int64)
    np.add.at(total, codes, counts)
    return merged, total


def _sorted(state: _State, *, types: tuple[CellType, ...]) -> NDArray[Any]:
    keys, counts = state
    columns = [_column(key, cells.dtype) for key, cells in zip(keys, types, strict=True)]
    order = np.lexsort(columns[::-1])
    result = np.empty((), object)
    result[()] = (keys[:, order], counts[order])
    return result


def _column(key: NDArray[np.int64], dtype: np.dtype[Any]) -> NDArray[Any]:
    return key.astype(dtype)  # modulo 2**64: uint64 come back


def _ids(*args: NDArray[Any], types: tuple[CellType, ...]) -> NDArray[np.uint32]:
    *blocks, table = args
    known, _ = table.item()
    codes, keys = numbered(blocks, _missing(blocks, types))
    together = np.concatenate([known, keys], axis=1)
    # the known ones come first, each once: their codes are their places
    places, _ = numbered(list(together), np.zeros(together.shape[1], np.bool_))
    ids = np.append(places[known.shape[1] :] + 1, 0).astype(np.uint32)
    return ids[codes]


def _names(rasters: Sequence[xr.DataArray]) -> list[str]:
    names = [str(raster.name) if raster.name is not None else "raster" for raster in rasters]
    twice = {name for name, times in Counter(names).items() if times > 1} | {"raster"}
    return [f"{name}_{at}" if name in twice else name for at, name in enumerate(names)]
