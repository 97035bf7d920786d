"""Reductions of a cube's time period by period."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import xarray as xr

from xcube_tiles.algebra.periods import Groups, Periods, group_times
from xcube_tiles.algebra.reduce import Plan, plan_reduction, run_plan
from xcube_tiles.algebra.reduce_array import missing_value
from xcube_tiles.algebra.reducers import Reducer
from xcube_tiles.cube.cells import cell_type_of
from xcube_tiles.cube.dimensions import TYPE_ATTR, require_dim
from xcube_tiles.errors import DimensionError, ReducerError

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    from xcube_tiles.algebra.reducers import Reduction
    from xcube_tiles.typing import XarrayObject, XarrayT

__all__ = ["Periods", "aggregate"]


def aggregate(
    obj: XarrayT,
    dim: str,
    periods: Periods,
    reducer: Reduction,
    *,
    labels: Sequence[Hashable] | None = None,
    q: float | None = None,
    skipna: bool = True,
    min_count: int = 1,
    ddof: int = 0,
) -> XarrayT:
    """Reduce a cube's time period by period.

    Parameters
    ----------
    obj
        Cube with datetimes along a dimension; lazy input gives a lazy result.
    dim
        That dimension. Variables of a Dataset without it stay as they are.
    periods
        One of

        - a calendar period: ``hour``, ``day``, ``week`` (from Monday), ``dekad`` (days 1 to 10, 11
          to 20, 21 to the month's end), ``month``, ``season`` (from 1 December, March, June,
          September), ``tropical-season`` (from 1 May, November), ``year``, ``decade`` (from years
          that end in 0), ``decade-ad`` (in 1);
        - a frequency of pandas that counts from starts: ``"1MS"``, ``"10D"``, ``"QS-DEC"``;
        - intervals ``[(start, end), ...]`` that include their start and exclude their end; they
          may overlap and leave gaps;
        - a cycle: ``climatology:hour``, ``climatology:day``, ``climatology:dekad``,
          ``climatology:month``, ``climatology:season`` or ``climatology:tropical-season``, which
          puts the same part of every day or year together.
    reducer, q, skipna, min_count, ddof
        As for `reduce`; `q` is one number. Times need no order: `first` and `last` go by time.
    labels
        Labels of explicit intervals in place of their starts.

    Returns
    -------
    DataArray or Dataset
        As `obj`. Along `dim` stand the starts of the periods, from that of the first time to that
        of the last, or of the intervals as given. A period without any time is NoData (0 for
        counts, False for `any` and `all`). Seasons also get a coordinate `season` (``"DJF"``; that
        of a December belongs to the label's year). A cycle replaces `dim` by `hour`, `dayofyear`,
        `dekad` (1 to 36), `month` or `season` with the parts that occur.

    Raises
    ------
    DimensionError
        `obj` lacks the dimension, or it has no datetimes; periods that can't be read.
    ReducerError
        As for `reduce`; a period without any time, and cells that have no NoData.

    Examples
    --------
    >>> cube = xr.DataArray(
    ...     [1.0, 3.0, 5.0],
    ...     coords={"time": pd.DatetimeIndex(["2018-05-04", "2018-05-24", "2018-07-01"])},
    ...     dims="time",
    ... )
    >>> aggregate(cube, "time", "1MS", "mean").values
    array([ 2., nan,  5.])
    >>> aggregate(cube, "time", "climatology:season", "count").to_series().to_dict()
    {'MAM': 2, 'JJA': 1}
    >>> aggregate(cube, "time", [("2018-05-04", "2018-05-24")], "count").values
    array([1], dtype=int32)
    """
    require_dim(obj, dim)
    if q is not None and np.ndim(q):
        raise ReducerError(f"aggregate takes one q, got {q!r}; call it once for each")
    times = _times(obj, dim)
    if not times.is_monotonic_increasing:
        obj, times = obj.sortby(dim), times.sort_values()
    groups = group_times(times, periods, labels)
    if groups.dim is not None and groups.dim != dim and groups.dim in obj.dims:
        raise DimensionError(f"the cube has a dimension {groups.dim!r} already; rename it first")
    least = min(len(index) for index in groups.indices)
    plan = plan_reduction(reducer, q=q, skipna=skipna, min_count=min_count, ddof=ddof, least=least)
    if isinstance(obj, xr.DataArray):
        whole = obj.to_dataset(name="aggregated", promote_attrs=False)
        only = _aggregated(whole, dim, groups, plan)["aggregated"]
        return only.rename(obj.name)
    return _aggregated(obj, dim, groups, plan)


def _times(obj: XarrayObject, dim: str) -> pd.DatetimeIndex:
    index = obj.indexes.get(dim, None)
    if not isinstance(index, pd.DatetimeIndex):
        what = "no coordinate" if index is None else f"labels of type {index.dtype}"
        raise DimensionError(
            f"dimension {dim!r} has {what}, but periods need datetimes; assign them with "
            f"obj.assign_coords({dim}=...), or convert_calendar('standard') for other calendars"
        )
    if index.size == 0 or index.hasnans:
        what = "is empty" if index.size == 0 else "holds NaT"
        raise DimensionError(f"dimension {dim!r} {what}: there are no periods to aggregate to")
    return index


def _aggregated(cube: xr.Dataset, dim: str, groups: Groups, plan: Plan) -> xr.Dataset:
    timed = [name for name, array in cube.data_vars.items() if dim in array.dims]
    filled = next((index for index in groups.indices if len(index)), np.array([0]))
    template = run_plan(cube[timed].isel({dim: filled}), dim, plan)
    parts = [
        template
        if index is filled
        else run_plan(cube[timed].isel({dim: _compact(index)}), dim, plan)
        if len(index)
        else _nothing(template, plan)
        for index in groups.indices
    ]
    joined = xr.concat(
        parts,
        _labels(cube, dim, groups),
        data_vars="all",
        coords="minimal",
        compat="override",
        join="override",
        combine_attrs="override",
    )
    new = groups.dim or dim
    order = [new if name == dim else name for name in cube.dims]
    joined = joined.transpose(*order, ..., missing_dims="ignore")
    if groups.seasons is not None:
        joined = joined.assign_coords(season=(new, groups.seasons))
    kept = {name: cube[name] for name in cube.data_vars if name not in timed}
    return joined.assign(kept).assign_attrs(cube.attrs)


def _compact(index: np.ndarray[Any, np.dtype[np.int64]]) -> slice | np.ndarray[Any, Any]:
    """Return neighbouring positions as a slice, which selects without a copy."""
    if len(index) == index[-1] - index[0] + 1:
        return slice(int(index[0]), int(index[-1]) + 1)
    return index


def _nothing(template: xr.Dataset, plan: Plan) -> xr.Dataset:
    """Return what a period without any time gives."""
    fills = {}
    for name, array in template.data_vars.items():
        cell_type = cell_type_of(array)
        counts = isinstance(plan.reducer, Reducer) and plan.reducer.counts
        if cell_type.nodata is None and not counts:
            raise ReducerError(
                f"a period has no times, and the cells of {name!r} ({cell_type.name}) no NoData "
                "to say so; set one with set_cell_type"
            )
        fills[name] = missing_value(cell_type)
    return xr.full_like(template, fills)


def _labels(cube: xr.Dataset, dim: str, groups: Groups) -> xr.DataArray:
    attrs = dict(cube[dim].attrs) if groups.dim is None else {}
    if groups.labels.dtype.kind != "M":
        # Labels that are no datetimes make a dimension that isn't temporal, whatever its name.
        attrs = {TYPE_ATTR: "other"}
    name = groups.dim or dim
    return xr.DataArray(
        groups.labels, dims=name, coords={name: groups.labels}, attrs=attrs, name=name
    )
