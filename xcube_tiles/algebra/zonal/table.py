"""The zonal statistics, as a table: what each is made of, and which cells it gives."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from xcube_tiles.errors import AlgebraError
from xcube_tiles.grid.celltype import CellType
from xcube_tiles.kernels.nodata import total_dtype
from xcube_tiles.kernels.zonal import moments, runs
from xcube_tiles.kernels.zonal.digits import ratios

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from xcube_tiles.kernels.zonal.moments import Moments

_PERCENTILE = re.compile(r"p(\d+(?:\.\d+)?)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Statistic:
    """One row of the table."""

    name: str
    """Its name in `zonal`."""

    needs: Literal["moments", "squares", "runs"]
    """What blocks must know: counts, extremes and sums; also of squares; or all different cells."""

    result: Literal["count", "cells", "total", "range", "float"]
    """Cell type of the result."""

    value: Callable[..., Any]
    """Values of the places of `Moments` (layers, places), or of the places of one layer's `Runs`;
    mode and minority return only those of places with cells, and which these are."""

    units: Literal["keep", "square", "drop"] = "keep"
    """What becomes of the attribute `units`."""

    aliases: tuple[str, ...] = ()
    """Other names."""


def _count(state: Moments) -> NDArray[Any]:
    return state.counts


def _total(state: Moments) -> NDArray[Any]:
    sums = moments.total(state)
    # Sums of 64-bit integers may leave 64 bits: they are float64.
    wide = state.lows.dtype.kind != "f" and state.lows.dtype.itemsize == 8
    return ratios(sums, 1, 0).astype(np.float64) if wide else sums


def _low(state: Moments) -> NDArray[Any]:
    low: NDArray[Any] = state.lows + state.lows.dtype.type(0)
    return low  # 0.0 for -0.0: which of them is met first is chance


def _high(state: Moments) -> NDArray[Any]:
    high: NDArray[Any] = state.highs + state.highs.dtype.type(0)
    return high


STATISTICS: tuple[Statistic, ...] = (
    Statistic(name="count", needs="moments", result="count", value=_count, units="drop"),
    Statistic(name="sum", needs="moments", result="total", value=_total),
    Statistic(
        name="mean", needs="moments", result="float", value=moments.mean, aliases=("average",)
    ),
    Statistic(name="min", needs="moments", result="cells", value=_low),
    Statistic(name="max", needs="moments", result="cells", value=_high),
    Statistic(name="range", needs="moments", result="range", value=moments.value_range),
    Statistic(
        name="sd", needs="squares", result="float", value=moments.deviation, aliases=("std",)
    ),
    Statistic(
        name="variance",
        needs="squares",
        result="float",
        value=moments.variance,
        units="square",
        aliases=("var",),
    ),
    Statistic(name="median", needs="runs", result="float", value=partial(runs.quantile, share=0.5)),
    Statistic(name="mode", needs="runs", result="cells", value=runs.mode, aliases=("majority",)),
    Statistic(name="minority", needs="runs", result="cells", value=runs.minority),
    Statistic(name="variety", needs="runs", result="count", value=runs.variety, units="drop"),
)
"""All statistics that have a name; percentiles are "p" and a number."""

_BY_NAME = {name: row for row in STATISTICS for name in (row.name, *row.aliases)}


def statistic_named(name: object) -> Statistic:
    """Return the statistic of a name or alias.

    Raises
    ------
    AlgebraError
        There is none; the text lists those that there are.

    Examples
    --------
    >>> statistic_named("majority").name, statistic_named("p12.5").name
    ('mode', 'p12.5')
    """
    row = _BY_NAME.get(name) if isinstance(name, str) else None
    if row is not None:
        return row
    match = _PERCENTILE.fullmatch(name) if isinstance(name, str) else None
    if match is None or float(match[1]) > 100:
        names = ", ".join(row.name for row in STATISTICS)
        raise AlgebraError(
            f"unknown statistic {name!r}; expected one of {names}, or a percentile from 'p0' to "
            "'p100', such as 'p90' or 'p12.5'"
        )
    share = partial(runs.quantile, share=float(match[1]) / 100)
    return Statistic(name=match[0], needs="runs", result="float", value=share)


def lacking(source: CellType) -> CellType:
    """Return a cell type that holds the values of another, and NoData.

    Integers without NoData get the next wider signed dtype, whose lowest number is NoData; of 64
    bits they stay, and the lowest number (of unsigned ones the highest) is NoData. Bool becomes
    uint8 with 255.

    Examples
    --------
    >>> [lacking(CellType.parse(name)).name for name in ("uint8raw", "int16ud0", "int64raw")]
    ['int16', 'int16ud0', 'int64']
    """
    if source.nodata is not None:
        return source
    dtype = source.dtype
    if dtype.kind == "f":
        return CellType.default(dtype)
    if dtype.kind == "b":
        return CellType(dtype=np.dtype(np.uint8), nodata=255)
    if dtype == np.uint64:
        return CellType(dtype=dtype, nodata=int(np.iinfo(dtype).max))
    return CellType.constant(f"int{min(16 * dtype.itemsize, 64)}")


def result_type(row: Statistic, source: CellType) -> CellType:
    """Return the cell type of a statistic of cells."""
    if row.result == "count":
        return CellType(dtype=np.dtype(np.int64), nodata=None)
    if row.result == "cells":
        return lacking(source)
    floats = source.dtype.kind == "f"
    if row.result == "float" or (row.result == "range" and floats):
        return CellType.default(np.float64)
    dtype = total_dtype(source.dtype)
    if row.result == "range" and dtype.kind == "f":
        dtype = np.dtype(np.uint64)
    raw = CellType(dtype=dtype, nodata=None)
    return CellType.default(dtype) if dtype.kind == "f" else _ended(raw)


def _ended(raw: CellType) -> CellType:
    """Give 64-bit integers the end of their range as NoData, which but one range reaches."""
    limits = np.iinfo(raw.dtype)
    return replace(raw, nodata=int(limits.min if raw.dtype.kind == "i" else limits.max))
