"""The reducers, as a table: how each is computed, and which cells it gives."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from xcube_tiles.errors import ReducerError
from xcube_tiles.grid.celltype import CellType
from xcube_tiles.kernels.nodata import average_dtype, total_dtype
from xcube_tiles.kernels.reduce import finish, merging, moments, order, runs

if TYPE_CHECKING:
    from numpy.typing import DTypeLike

    from xcube_tiles.kernels.reduce.select import Choice

Kernel: TypeAlias = Callable[..., NDArray[Any]]
"""``kernel(cells, axis, *, nodata, min_count, threads, ...)``: the whole axis at once."""

ResultKind: TypeAlias = Literal["cells", "average", "total", "float64", "count", "truth"]
"""Cell type of a result: that of the cells; their average, total, or float64; int32; bool."""

Reduction: TypeAlias = str | Callable[..., NDArray[Any]]
"""Name of a reducer, or ``func(cells, axis=axis) -> cells without the axis``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mergeable:
    """A reducer whose states of neighbouring blocks merge: it streams along the dimension."""

    start: Callable[..., moments.State]
    """``start(block, axis, *, nodata, threads) -> state``."""

    merge: Callable[[list[moments.State]], moments.State]
    """Joins states in their order along the dimension."""

    finish: Callable[..., NDArray[Any]]
    """``finish(state, *, dtype, missing, min_count, ddof) -> block``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reducer:
    """One row of the table.

    Exactly one of `mergeable`, `kernel` and `choice` is set, or none where bands are needed
    together (`geomedian`).
    """

    name: str
    """Its name in `reduce`."""

    result: ResultKind
    """Cell type of the result."""

    mergeable: Mergeable | None = None
    """Set if it streams along the dimension."""

    kernel: Kernel | None = None
    """Set if it needs all cells of the dimension at once."""

    choice: Choice | None = None
    """Set if it selects pixels by the last band."""

    aliases: tuple[str, ...] = ()
    """Other names."""

    attrs: Literal["keep", "square", "drop"] = "keep"
    """What becomes of the attribute `units`: the same, squared, or none."""

    @property
    def counts(self) -> bool:
        """Whether every cell has a result, also where no cell is valid."""
        return self.result in ("count", "truth")

    def result_type(self, source: CellType, *, may_lack: bool) -> CellType:
        """Return the cell type of the result.

        Parameters
        ----------
        source
            Cell type of what is reduced.
        may_lack
            Whether results without a value are possible although every cell has one.

        Raises
        ------
        ReducerError
            There is no number left that could mean NoData.
        """
        if self.result == "cells":
            if source.nodata is None and may_lack and source.dtype.kind != "f":
                raise ReducerError(
                    f"{self.name!r} can leave cells without a value, but {source.name!r} has no "
                    "number that means NoData; set one with set_cell_type, or convert the cells"
                )
            return source if source.dtype.kind != "f" else _with_nan(source)
        if self.result == "total":
            return _total_type(source, may_lack=may_lack)
        dtypes: dict[str, DTypeLike] = {
            "average": average_dtype(source.dtype),
            "float64": np.float64,
            "count": np.int32,
            "truth": np.bool_,
        }
        return CellType.default(dtypes[self.result])


def _with_nan(source: CellType) -> CellType:
    return source if source.nodata is not None else replace(source, nodata=math.nan)


def _total_type(source: CellType, *, may_lack: bool) -> CellType:
    dtype = total_dtype(source.dtype)
    if dtype.kind == "f":
        return CellType.default(dtype)
    if source.nodata is None and not may_lack:
        return CellType(dtype=dtype, nodata=None)
    # The far ends of the 64-bit range, which sums of narrower cells can't reach.
    limits = np.iinfo(dtype)
    return CellType(dtype=dtype, nodata=int(limits.min if dtype.kind == "i" else limits.max))


def _mergeable(
    start: Callable[..., moments.State],
    merge: Callable[..., moments.State],
    finish_: Callable[..., NDArray[Any]],
) -> Mergeable:
    return Mergeable(start=start, merge=merge, finish=finish_)


_SMALLEST = _mergeable(
    partial(moments.extremes, largest=False), merging.merge_smallest, finish.finish_value
)
_LARGEST = _mergeable(
    partial(moments.extremes, largest=True), merging.merge_largest, finish.finish_value
)
_FIRST = _mergeable(partial(moments.ends, last=False), merging.merge_first, finish.finish_value)
_LAST = _mergeable(partial(moments.ends, last=True), merging.merge_last, finish.finish_value)
_SUM = _mergeable(moments.sums, merging.merge_by_adding, finish.finish_value)
_MEAN = _mergeable(moments.sums, merging.merge_by_adding, finish.finish_mean)
_PRODUCT = _mergeable(moments.products, merging.merge_products, finish.finish_value)
_SD = _mergeable(moments.spreads, merging.merge_spreads, finish.finish_sd)
_VARIANCE = _mergeable(moments.spreads, merging.merge_spreads, finish.finish_variance)
_COUNT = _mergeable(moments.truths, merging.merge_by_adding, finish.finish_count)
_ANY = _mergeable(moments.truths, merging.merge_by_adding, finish.finish_any)
_ALL = _mergeable(moments.truths, merging.merge_by_adding, finish.finish_all)

REDUCERS: tuple[Reducer, ...] = (
    Reducer(name="first", result="cells", mergeable=_FIRST),
    Reducer(name="last", result="cells", mergeable=_LAST),
    Reducer(name="min", result="cells", mergeable=_SMALLEST, aliases=("lowest",)),
    Reducer(name="max", result="cells", mergeable=_LARGEST, aliases=("highest",)),
    Reducer(name="mean", result="average", mergeable=_MEAN, aliases=("average",)),
    Reducer(name="median", result="average", kernel=order.median),
    Reducer(name="mode", result="cells", kernel=runs.mode, aliases=("majority",)),
    Reducer(name="minority", result="cells", kernel=runs.minority),
    Reducer(name="variety", result="count", kernel=runs.variety, attrs="drop"),
    Reducer(name="sum", result="total", mergeable=_SUM),
    Reducer(name="product", result="float64", mergeable=_PRODUCT, aliases=("prod",), attrs="drop"),
    Reducer(name="sd", result="average", mergeable=_SD, aliases=("std",)),
    Reducer(
        name="variance", result="average", mergeable=_VARIANCE, aliases=("var",), attrs="square"
    ),
    Reducer(name="count", result="count", mergeable=_COUNT, attrs="drop"),
    Reducer(name="quantile", result="average", kernel=order.quantile, aliases=("quantiles",)),
    Reducer(name="any", result="truth", mergeable=_ANY, attrs="drop"),
    Reducer(name="all", result="truth", mergeable=_ALL, attrs="drop"),
    Reducer(name="last-band-low", result="cells", choice="lowest", aliases=("lastbandlow",)),
    Reducer(name="last-band-high", result="cells", choice="highest", aliases=("lastbandhigh",)),
    Reducer(name="last-band-average", result="cells", choice="average", aliases=("lastbandavg",)),
    Reducer(name="geomedian", result="average"),
)
"""All reducers that have a name."""

_BY_NAME = {name: row for row in REDUCERS for name in (row.name, *row.aliases)}


def reducer_names() -> tuple[str, ...]:
    """Return the names of all reducers, without aliases.

    Examples
    --------
    >>> "median" in reducer_names()
    True
    """
    return tuple(row.name for row in REDUCERS)


def reducer_named(name: str) -> Reducer:
    """Return the reducer of a name or alias.

    Raises
    ------
    ReducerError
        There is none; the text lists those that there are.

    Examples
    --------
    >>> reducer_named("majority").name
    'mode'
    """
    row = _BY_NAME.get(name) if isinstance(name, str) else None
    if row is None:
        raise ReducerError(
            f"unknown reducer {name!r}; expected a function, or one of {', '.join(reducer_names())}"
        )
    return row
