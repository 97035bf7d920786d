"""Zonal statistics: what the cells of each zone have in common."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import xarray as xr

from xcube_tiles.algebra.zonal.table import (
    Statistic,
    result_type,
    statistic_named,
)
from xcube_tiles.algebra.zonal.zones import ZONE, as_zones, labels_of, paired, table_coords
from xcube_tiles.cube.blocks import fold_blocks
from xcube_tiles.cube.cells import cell_type_of, declared_attrs
from xcube_tiles.cube.georef import canonical
from xcube_tiles.cube.variables import is_raster
from xcube_tiles.errors import AlgebraError, NoDataCollisionError
from xcube_tiles.kernels.zonal.moments import Moments, merge_moments, moments
from xcube_tiles.kernels.zonal.places import locate
from xcube_tiles.kernels.zonal.runs import Runs, merge_runs, runs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from xcube_tiles.grid.celltype import CellType
    from xcube_tiles.typing import XarrayObject


def zonal(
    obj: XarrayObject,
    zones: xr.DataArray,
    statistics: str | Sequence[str] = ("mean",),
    *,
    labels: Sequence[int] | None = None,
    ddof: int = 0,
) -> xr.Dataset:
    """Return statistics of the cells of each zone.

    Parameters
    ----------
    obj
        A cube, dimensions (..., y, x), of any cell type; of a Dataset, every variable with y and x.
    zones
        Integers or bool on the same grid: cells of one number are a zone, NoData cells are in none.
        Zones may differ by time, or by any other dimension.
    statistics
        One name or several: `count`, `sum`, `mean`, `min`, `max`, `range`, `sd`, `variance`,
        `median`, `mode`, `minority`, `variety`, and percentiles such as `p90` or `p12.5`.
    labels
        The zones that are wanted, in this order; one that doesn't occur has count 0 and else
        NoData. By default all zones that occur, in ascending order: to find them **lazy zones are
        computed**, once, at the call.
    ddof
        Subtracted from the number of cells in `sd` and `variance`; 1 gives the sample's.

    Returns
    -------
    Dataset
        One variable per statistic, named as it was asked for, with the cube's other dimensions and
        `zone`. Of a Dataset the names are `<variable>_<statistic>`. Lazy if `obj` or `zones` is.

        `count` and `variety` are int64. `min`, `max`, `mode` and `minority` are of the cells'
        type; integers without NoData get a wider one, so that a zone can be without a value. `sum`
        (and `range`) of integers are int64 or uint64, of 64-bit integers and floats float64
        (uint64). All else is float64.

    Raises
    ------
    AlgebraError
        An unknown statistic or one named twice; labels that aren't integers of the zones.
    IncompatibleCubesError
        Zones on another grid, or with other labels of a dimension.
    DimensionError
        A cube with a dimension `zone` already.
    CellTypeError
        Zones that aren't integers.
    NoDataCollisionError
        When it is computed: a cell of 64-bit integers without NoData is the number that had to mean
        NoData (the lowest of int64, the highest of uint64), or a range is 2**64 - 1.

    Notes
    -----
    NoData cells are left out. Sums are exact, integers and floats alike, and what is made of them
    is rounded once: results depend on neither chunks nor order, not by a bit, and a field of 288 K
    averages right over any number of cells. The variance is (n Q - S^2) / n^2 in exact numbers.

    One task per block keeps some numbers per zone that it has. Median, percentiles, mode, minority
    and variety need all different values: some bytes for each of classes or small integers, but
    for floats up to 24 bytes a cell, gathered in the last task.

    Percentiles interpolate linearly between cells, type 7 of Hyndman and Fan (1996), *Sample
    quantiles in statistical packages*. Of values that are equally frequent, mode and minority are
    the smallest.

    Examples
    --------
    >>> from affine import Affine
    >>> from odc.geo.geobox import GeoBox
    >>> from xcube_tiles.cube.georef import assign_geobox
    >>> grid = GeoBox((1, 4), Affine(10, 0, 0, 0, -10, 0), "EPSG:32633")
    >>> cells, zones = (
    ...     assign_geobox(xr.DataArray([values], dims=("y", "x")), grid)
    ...     for values in ([1.0, 4.0, np.nan, np.nan], [3, 3, 3, 8])
    ... )
    >>> table = zonal(cells, zones, ["mean", "count"])
    >>> table["zone"].values, table["mean"].values, table["count"].values
    (array([3, 8]), array([2.5, nan]), array([2, 0]))
    """
    names = (statistics,) if isinstance(statistics, str) else tuple(statistics)
    rows = {name: statistic_named(name) for name in names}
    if not names or len(rows) < len(names):
        raise AlgebraError(f"statistics must be different names, at least one, got {statistics!r}")
    if not isinstance(ddof, int | np.integer) or isinstance(ddof, bool) or ddof < 0:
        raise AlgebraError(f"ddof must be an integer of at least 0, got {ddof!r}")
    zones = as_zones(zones)
    if isinstance(obj, xr.DataArray):
        obj = canonical(obj)
        paired(obj, zones)  # a wrong grid is told before lazy zones are computed
        known = labels_of(zones, labels)
        return _zonal_array(obj, zones, rows, known, int(ddof))
    obj = canonical(obj)
    rasters = {str(name): array for name, array in obj.data_vars.items() if is_raster(array)}
    for array in rasters.values():
        paired(array, zones)
    known = labels_of(zones, labels)
    tables = [
        _zonal_array(array, zones, rows, known, int(ddof)).rename({n: f"{name}_{n}" for n in rows})
        for name, array in rasters.items()
    ]
    return xr.merge([*tables], compat="override", join="exact").assign_attrs(obj.attrs)


def _zonal_array(
    array: xr.DataArray,
    zones: xr.DataArray,
    rows: dict[str, Statistic],
    labels: NDArray[Any],
    ddof: int,
) -> xr.Dataset:
    cells, places, lead = paired(array, zones)
    source = cell_type_of(array)
    types = {name: result_type(row, source) for name, row in rows.items()}
    order = np.argsort(labels, kind="stable")
    found = fold_blocks(
        _start,
        cells,
        places,
        combine=_merge,
        finalize=partial(_finish, order=order, ddof=ddof),
        name="zonal",
        shape=(len(labels),),
        dtype=np.dtype([(name, cell_type.dtype) for name, cell_type in types.items()]),
        over=2,
        tables=(labels[order],),
        source=source,
        names=tuple(rows),
    )
    variables = {
        name: (
            (*lead, ZONE),
            found[name],
            declared_attrs(_attrs(array.attrs, rows[name]), cell_type),
        )
        for name, cell_type in types.items()
    }
    return xr.Dataset(variables, table_coords(array, zones, lead, zone=labels))


def _attrs(attrs: dict[Any, Any], row: Statistic) -> dict[Any, Any]:
    """Return the attributes of a statistic: units only where they hold."""
    kept = {key: value for key, value in attrs.items() if key != "units"}
    if row.units == "drop":
        return {}
    if "units" not in attrs:
        return kept
    return {**kept, "units": attrs["units"] if row.units == "keep" else f"({attrs['units']})^2"}


class _State(NamedTuple):
    """What a block knows of its zones."""

    lead: tuple[int, ...]
    """Sizes of the block's leading dimensions."""

    moments: Moments | None
    runs: list[Runs] | None


def _start(
    cells: NDArray[Any],
    zones: NDArray[Any],
    labels: NDArray[Any],
    *,
    origin: tuple[int, ...],
    source: CellType,
    names: tuple[str, ...],
) -> _State:
    needs = {statistic_named(name).needs for name in names}
    plane = cells.shape[-2] * cells.shape[-1]
    places = locate(zones.reshape(-1, plane), labels)
    layers = cells.reshape(-1, plane)
    return _State(
        cells.shape[:-2],
        moments(layers, places, nodata=source.nodata, squares="squares" in needs)
        if needs != {"runs"}
        else None,
        runs(layers, places, nodata=source.nodata) if "runs" in needs else None,
    )


def _merge(states: list[_State]) -> _State:
    first = states[0]
    return _State(
        first.lead,
        None if first.moments is None else merge_moments([s.moments for s in states if s.moments]),
        None if first.runs is None else merge_runs([s.runs for s in states if s.runs is not None]),
    )


def _finish(
    state: _State,
    *,
    source: CellType,
    names: tuple[str, ...],
    order: NDArray[np.intp],
    ddof: int,
) -> NDArray[Any]:
    rows = {name: statistic_named(name) for name in names}
    types = {name: result_type(row, source) for name, row in rows.items()}
    layers = int(np.prod(state.lead))
    result = np.empty((layers, len(order)), [(name, types[name].dtype) for name in names])
    for name, row in rows.items():
        column = result[name]
        column[...] = 0 if types[name].nodata is None else types[name].nodata
        if row.needs == "runs":
            _fill_from_runs(column, row, state.runs or [], order, types[name])
        elif state.moments is not None:
            spread = {"ddof": ddof} if row.needs == "squares" else {}
            values = row.value(state.moments, **spread)
            some, at = state.moments.counts > 0, order[state.moments.ids]
            for layer in range(layers):
                _put(column[layer], at[some[layer]], values[layer][some[layer]], types[name])
    return result.reshape(*state.lead, len(order))


def _fill_from_runs(
    column: NDArray[Any],
    row: Statistic,
    layers: Sequence[Runs],
    order: NDArray[np.intp],
    cell_type: CellType,
) -> None:
    for layer, found in enumerate(layers):
        values, at = row.value(found), order[found.ids]
        if isinstance(values, tuple):
            some, values = values
            at = at[some]
        _put(column[layer], at, values, cell_type)


def _put(
    column: NDArray[Any], at: NDArray[np.intp], values: NDArray[Any], cell_type: CellType
) -> None:
    converted = values.astype(cell_type.dtype)
    if converted.dtype.kind != "f" and (converted == cell_type.nodata).any():
        raise NoDataCollisionError(
            f"a zone's value is {cell_type.nodata}, the only number that is left to mean NoData in "
            f"{cell_type.dtype}; convert the cells first: cube.tiles.convert('float64')"
        )
    column[at] = converted
