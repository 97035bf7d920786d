"""Reductions of cubes: one dimension becomes one value per cell."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from xcube_tiles.algebra.attributes import value_attrs
from xcube_tiles.algebra.reduce_array import (
    ReduceOptions,
    geomedian_array,
    reduce_array,
    reduce_with,
    select_array,
)
from xcube_tiles.algebra.reducers import Reducer, Reduction, reducer_named
from xcube_tiles.cube.bands import BANDS, stack_bands, unstack_bands
from xcube_tiles.cube.cells import cell_type_of, declared_attrs
from xcube_tiles.cube.dimensions import find_dim, require_dim
from xcube_tiles.errors import DimensionError, ReducerError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from xcube_tiles.grid.celltype import CellType
    from xcube_tiles.typing import XarrayT

QUANTILE = "quantile"
"""Name of the coordinate or dimension that several quantiles make."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A reduction whose arguments have been checked."""

    reducer: Reducer | Callable[..., Any]
    """A row of the table, or a function."""

    options: ReduceOptions
    """What else the caller chose."""

    scalar_q: bool = False
    """Whether one quantile was asked for, which makes a coordinate and no dimension."""

    @property
    def name(self) -> str:
        """Name of the reducer or function."""
        if isinstance(self.reducer, Reducer):
            return self.reducer.name
        return str(getattr(self.reducer, "__name__", "function"))

    @property
    def joint(self) -> bool:
        """Whether bands are needed together."""
        row = self.reducer
        return isinstance(row, Reducer) and (row.choice is not None or row.name == "geomedian")


def reduce(
    obj: XarrayT,
    dim: str,
    reducer: Reduction,
    *,
    q: float | Sequence[float] | None = None,
    skipna: bool = True,
    min_count: int = 1,
    ddof: int = 0,
) -> XarrayT:
    """Reduce one dimension of a cube to one value per cell.

    Parameters
    ----------
    obj
        Cube of numbers; lazy input gives a lazy result.
    dim
        Dimension to remove. For a Dataset ``"bands"`` means its variables: the result has one
        variable, named like the reducer. Variables without the dimension stay as they are.
    reducer
        One of the names below, or a function ``func(cells, axis=axis)`` such as `numpy.nanmax`
        that removes the axis. It gets a numpy block with the whole dimension; cells that can be
        NoData come as floats with NaN, and it deals with those itself.
    q
        One or several shares between 0 and 1, for ``"quantile"`` only. Several make the leading
        dimension `quantile`, one makes a scalar coordinate.
    skipna
        Whether NoData is left out; False: one NoData cell makes the result NoData.
    min_count
        Least number of valid cells that give a value; others become NoData.
    ddof
        For `sd` and `variance`: the sum of squares is divided by the number of valid cells less
        this. 0, the default as in xarray, is the spread of these values; 1 estimates that of the
        population they are a sample of (openEO's `sd` and `variance`).

    Returns
    -------
    DataArray or Dataset
        As `obj`, without the dimension and its coordinates.

    Raises
    ------
    DimensionError
        `obj` has no such dimension; the text lists those that it has.
    ReducerError
        An unknown reducer, options that don't fit it, or cells of which none can mean NoData
        although the result needs it.

    Notes
    -----
    ======================  =======================================  ==============================
    reducer (alias)         value                                    cell type
    ======================  =======================================  ==============================
    first, last             outermost valid cell                     as the cells
    min, max (lowest,       extreme valid cell                       as the cells
    highest)
    mean                    mean, accumulated in 64 bits             float32, or float64 for 32-bit
                                                                     integers and wider types
    median                  middle; of an even number the mean of    as mean
                            the two in the middle
    quantile                linear interpolation (Hyndman-Fan 7)     as mean
    sd (std),               spread, see `ddof`                       as mean
    variance (var)
    mode (majority)         most frequent; of several the smallest   as the cells
    minority                least frequent; of several the smallest  as the cells
    variety                 number of different values               int32, never NoData
    count                   number of valid cells                    int32, never NoData
    sum                     sum                                      int64 or uint64; float64 for
                                                                     floats and 64-bit integers
    product                 product                                  float64
    any, all                whether some, or every, valid cell       bool, never NoData; False
                            differs from 0                           without valid cells
    last-band-low,          all bands but the last, each taken       as the cells
    last-band-high,         where the last band is lowest, highest
    last-band-average       or nearest to its mean; of several the
                            earliest
    geomedian               geometric median over all bands          as mean
    ======================  =======================================  ==============================

    A result without valid cells is NoData: NaN in floats, the cells' own NoData in types that are
    kept, the far end of the range in 64-bit sums. The NoData attribute is rewritten accordingly.

    `last-band-low` and `last-band-high` are rio-tiler's ``LastBandLowMethod`` and
    ``LastBandHighMethod``; a cell takes part where both its own band and the last one are valid.

    first to sum, count, any and all stream along a chunked dimension; the others join its blocks
    and halve them along y and x until none is larger than before, or than 8 MiB. Chunked and
    unchunked results are equal to the bit, except that float sums, means, products and spreads
    over several blocks of the dimension may differ by the rounding of the 64-bit accumulator.

    Examples
    --------
    >>> cells = xr.DataArray(
    ...     np.array([[1, 255], [2, 255], [4, 255]], "uint8"),
    ...     dims=("time", "x"),
    ...     attrs={"_FillValue": 255},
    ... )
    >>> reduce(cells, "time", "median").values
    array([ 2., nan], dtype=float32)
    >>> reduce(cells, "time", "max").values
    array([  4, 255], dtype=uint8)
    >>> reduce(cells, "time", "count").values
    array([3, 0], dtype=int32)
    >>> reduce(cells, "time", np.nansum).values
    array([7., 0.], dtype=float32)
    """
    plan = plan_reduction(reducer, q=q, skipna=skipna, min_count=min_count, ddof=ddof)
    return run_plan(obj, dim, plan)


def plan_reduction(
    reducer: Reduction,
    *,
    q: float | Sequence[float] | None,
    skipna: bool,
    min_count: int,
    ddof: int,
    least: int | None = None,
) -> Plan:
    """Check the arguments of a reduction that don't depend on the cube."""
    row = reducer if callable(reducer) else reducer_named(reducer)
    name = row.name if isinstance(row, Reducer) else repr(row)
    if (q is None) == (name == "quantile"):
        wanted = "needs" if q is None else "takes no"
        raise ReducerError(f"{name} {wanted} q (shares between 0 and 1), got q={q!r}")
    if ddof and name not in ("sd", "variance"):
        raise ReducerError(f"ddof is for 'sd' and 'variance', not {name}; got ddof={ddof!r}")
    if not isinstance(row, Reducer) and (not skipna or min_count != 1):
        raise ReducerError(f"skipna and min_count are up to the function {name} itself")
    shares = _shares(q)
    options = ReduceOptions(q=shares, skipna=skipna, min_count=min_count, ddof=ddof, least=least)
    return Plan(reducer=row, options=options, scalar_q=q is not None and np.ndim(q) == 0)


def _shares(q: float | Sequence[float] | None) -> tuple[float, ...]:
    if q is None:
        return ()
    try:
        shares = tuple(float(share) for share in np.atleast_1d(q))
    except (TypeError, ValueError):
        shares = ()
    if not shares:
        raise ReducerError(f"q is one or several shares between 0 and 1, got {q!r}")
    return shares


def run_plan(obj: XarrayT, dim: str, plan: Plan) -> XarrayT:
    """Reduce one dimension of a cube as planned."""
    if isinstance(obj, xr.Dataset):
        return _reduce_dataset(obj, dim, plan)
    require_dim(obj, dim)
    if plan.joint and plan.name != "geomedian":
        return _select_axis(obj, dim, plan)
    if plan.joint:
        axis, band_axis = obj.get_axis_num(dim), obj.get_axis_num(_band_dim(obj, dim, plan.name))
        data, target = geomedian_array(obj.data, axis, band_axis, cell_type_of(obj), plan.options)
        return _rebuilt(obj, dim, data, target, plan)
    return _reduce_variable(obj, dim, plan)


def _reduce_dataset(cube: xr.Dataset, dim: str, plan: Plan) -> xr.Dataset:
    if dim == BANDS and dim not in cube.dims:
        only = run_plan(stack_bands(cube), BANDS, plan)
        return only.to_dataset(name=plan.name).assign_attrs(cube.attrs)
    require_dim(cube, dim)
    if plan.joint and find_dim(cube, "bands") is None:
        if plan.name == "geomedian":
            return _variables_of(run_plan(stack_bands(cube), dim, plan), cube.attrs)
        return _select_variables(cube, dim, plan)
    reduced = {
        name: run_plan(array, dim, plan) if dim in array.dims else array
        for name, array in cube.data_vars.items()
    }
    kept = {name: coord for name, coord in cube.coords.items() if dim not in coord.dims}
    return xr.Dataset(reduced, coords=kept, attrs=cube.attrs)


def _variables_of(stacked: xr.DataArray, attrs: dict[Any, Any]) -> xr.Dataset:
    # Not `unstack_bands`, which wants the spatial dimensions, of which one may be gone.
    names = stacked[BANDS].values
    bands = {name: stacked.isel({BANDS: at}, drop=True) for at, name in enumerate(names)}
    return xr.Dataset(bands, attrs=attrs)


def _reduce_variable(array: xr.DataArray, dim: str, plan: Plan) -> xr.DataArray:
    axis, source, row = array.get_axis_num(dim), cell_type_of(array), plan.reducer
    if not isinstance(row, Reducer):
        data, target = reduce_with(array.data, axis, row, source)
    else:
        data, target = reduce_array(array.data, axis, row, source, plan.options)
    if plan.options.q:
        return _with_quantiles(array, dim, data, target, plan)
    return _rebuilt(array, dim, data, target, plan)


def _with_quantiles(
    array: xr.DataArray, dim: str, data: Any, target: CellType, plan: Plan
) -> xr.DataArray:
    if QUANTILE in array.dims and dim != QUANTILE:
        raise DimensionError(f"the cube has a dimension {QUANTILE!r} already; rename it first")
    shares = plan.options.q
    if plan.scalar_q:
        only = data[(slice(None),) * array.get_axis_num(dim) + (0,)]
        return _rebuilt(array, dim, only, target, plan).assign_coords({QUANTILE: shares[0]})
    frame = _frame(array, dim)
    dims = [QUANTILE if name == dim else name for name in array.dims]
    result = xr.DataArray(
        data,
        coords={**frame.coords, QUANTILE: list(shares)},
        dims=dims,
        attrs=_attrs(array.attrs, target, plan),
    )
    return result.transpose(QUANTILE, ...).rename(array.name)


def _select_variables(cube: xr.Dataset, dim: str, plan: Plan) -> xr.Dataset:
    row = plan.reducer
    assert isinstance(row, Reducer)
    names = list(cube.data_vars)
    if len(names) < 2:
        raise ReducerError(f"{row.name!r} needs a band to select by and others, got {names!r}")
    guide = cube[names[-1]]
    selected = {}
    for name in names[:-1]:
        array = cube[name]
        if array.dims != guide.dims:
            raise ReducerError(
                f"{row.name!r} needs bands of equal dimensions: {name!r} has {array.dims!r}, "
                f"{names[-1]!r} has {guide.dims!r}"
            )
        types = cell_type_of(array), cell_type_of(guide)
        axis = array.get_axis_num(dim)
        data, target = select_array(array.data, guide.data, axis, row, types, plan.options)
        selected[name] = _rebuilt(array, dim, data, target, plan)
    return xr.Dataset(selected, attrs=cube.attrs)


def _select_axis(array: xr.DataArray, dim: str, plan: Plan) -> xr.DataArray:
    bands = _band_dim(array, dim, plan.name)
    reduced = stack_bands(_select_variables(unstack_bands(array), dim, plan))
    labels = array[bands][:-1]
    order = [name for name in array.dims if name != dim]
    result = reduced.rename({BANDS: bands} if bands != BANDS else {}).transpose(*order)
    return result.assign_coords({bands: labels}).rename(array.name)


def _band_dim(array: xr.DataArray, dim: str, name: str) -> str:
    bands = find_dim(array, "bands")
    if bands is None or bands == dim:
        raise ReducerError(
            f"{name!r} needs a band axis besides {dim!r}, got the dimensions {array.dims!r}; use a "
            "Dataset with one variable per band, or an array with the dimension 'bands'"
        )
    return bands


def _frame(array: xr.DataArray, dim: str) -> xr.DataArray:
    """Return an array of what stays of dimensions and coordinates when one is removed."""
    gone = [name for name, coord in array.coords.items() if dim in coord.dims]
    return array.drop_vars(gone).isel({dim: 0})


def _rebuilt(
    array: xr.DataArray, dim: str, data: Any, target: CellType, plan: Plan
) -> xr.DataArray:
    frame = _frame(array, dim)
    attrs = _attrs(array.attrs, target, plan)
    result = xr.DataArray(data, coords=frame.coords, dims=frame.dims, attrs=attrs)
    return result.rename(array.name)  # None as well, for which xarray would take dask's name


def _attrs(attrs: dict[Any, Any], target: CellType, plan: Plan) -> dict[Any, Any]:
    rule = plan.reducer.attrs if isinstance(plan.reducer, Reducer) else "keep"
    return declared_attrs(value_attrs(attrs, rule), target)
