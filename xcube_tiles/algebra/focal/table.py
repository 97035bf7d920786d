"""The focal statistics, as a table: the kernel of each, and which cells it gives."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np

from xcube_tiles.algebra.choosing import chosen
from xcube_tiles.errors import AlgebraError, CellTypeError
from xcube_tiles.grid.celltype import CellType
from xcube_tiles.kernels.focal import classes, extremes, order, sums, variance
from xcube_tiles.kernels.nodata import average_dtype, total_dtype

if TYPE_CHECKING:
    from numpy.typing import DTypeLike

    from xcube_tiles.algebra.attributes import AttrsRule

FocalKernel: TypeAlias = Callable[..., None]
"""``kernel(window, mask, nodata, masked, missing, out, **params)``; see
`xcube_tiles.kernels.focal`."""

ResultKind: TypeAlias = Literal["cells", "range", "average", "total", "count"]
"""Cell type of a result: that of the cells; of their range, average or total; int32."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FocalStatistic:
    """One row of the table."""

    name: str
    """Its name in `focal`."""

    result: ResultKind
    """Cell type of the result."""

    kernel: FocalKernel
    """What computes it."""

    aliases: tuple[str, ...] = ()
    """Other names."""

    option: Literal["q", "ddof"] | None = None
    """The option that it takes."""

    attrs: AttrsRule = "keep"
    """What becomes of the attribute `units`: the same, squared, or none."""

    def result_type(self, source: CellType, *, may_lack: bool) -> CellType:
        """Return the cell type of the result.

        Parameters
        ----------
        source
            Cell type of the cells.
        may_lack
            Whether neighbourhoods without a valid cell are possible although every cell has one.

        Raises
        ------
        AlgebraError
            There is no number left that could mean NoData.
        """
        if self.result == "average":
            return CellType.default(average_dtype(source.dtype))
        if self.result == "count":
            return CellType.default(np.int32)
        if source.dtype.kind == "f":
            return _float_type(source, self.result)
        if self.result in ("total", "range"):
            total = self.result == "total"
            dtype = total_dtype(source.dtype) if total else _RANGES[source.dtype.itemsize]
            ended = _with_end(dtype)
            raw = source.nodata is None and not may_lack
            return CellType(dtype=ended.dtype, nodata=None) if raw else ended
        if source.nodata is None and may_lack:
            raise AlgebraError(
                f"{self.name!r} can leave cells without a value here, but {source.name!r} has no "
                "number that means NoData; give it one, e.g. cube.tiles.convert('int16ud-9999')"
            )
        return source

    def copying_type(self, source: CellType, result: CellType) -> CellType:
        """Return the cell type of results among which cells are copied from the source.

        Raises
        ------
        CellTypeError
            Integers of 64 bits among floats, which don't hold them all.
        """
        if self.result == "cells":
            return result
        dtype = np.result_type(result.dtype, source.dtype)
        if dtype.kind == "f":
            if source.dtype.kind in "iu" and source.dtype.itemsize == 8:
                raise CellTypeError(
                    f"results of {self.name!r} among copied cells would be {dtype}, which can't "
                    f"hold copies of all {source.dtype} cells; leave target='all', or convert the "
                    "cube's cells first: cube.tiles.convert('float64')"
                )
            return CellType.default(dtype)
        return _with_end(np.uint64 if dtype == np.uint64 else np.int64)


_RANGES: dict[int, DTypeLike] = {1: np.int16, 2: np.int32, 4: np.int64, 8: np.uint64}
"""Dtypes that hold the difference of any two integers, by their bytes."""


def _float_type(source: CellType, result: ResultKind) -> CellType:
    if result == "total":
        return CellType.default(total_dtype(source.dtype))
    if result == "cells" and source.nodata is not None:
        return source
    return replace(source, nodata=math.nan)


def _with_end(dtype: DTypeLike) -> CellType:
    """Return a type whose NoData is the end of the integers that results don't reach, or NaN."""
    dtype = np.dtype(dtype)
    if dtype.kind == "f":
        return CellType.default(dtype)
    limits = np.iinfo(dtype)
    return CellType(dtype=dtype, nodata=int(limits.min if dtype.kind == "i" else limits.max))


STATISTICS: tuple[FocalStatistic, ...] = (
    FocalStatistic(name="mean", result="average", kernel=sums.mean, aliases=("average",)),
    FocalStatistic(name="sum", result="total", kernel=sums.total),
    FocalStatistic(name="min", result="cells", kernel=extremes.smallest),
    FocalStatistic(name="max", result="cells", kernel=extremes.largest),
    FocalStatistic(name="range", result="range", kernel=extremes.reach),
    FocalStatistic(
        name="sd", result="average", kernel=variance.deviation, aliases=("std",), option="ddof"
    ),
    FocalStatistic(
        name="variance", result="average", kernel=variance.variance, aliases=("var",),
        option="ddof", attrs="square",
    ),
    FocalStatistic(name="median", result="average", kernel=order.median),
    FocalStatistic(
        name="percentile", result="average", kernel=order.percentile, aliases=("quantile",),
        option="q",
    ),
    FocalStatistic(name="mode", result="cells", kernel=classes.mode, aliases=("majority",)),
    FocalStatistic(name="minority", result="cells", kernel=classes.minority),
    FocalStatistic(name="variety", result="count", kernel=classes.variety, attrs="drop"),
    FocalStatistic(name="entropy", result="average", kernel=classes.entropy, attrs="drop"),
    FocalStatistic(name="count", result="count", kernel=sums.count, attrs="drop"),
)  # fmt: skip
"""All focal statistics."""

_BY_NAME = {name: row for row in STATISTICS for name in (row.name, *row.aliases)}


def statistic_names() -> tuple[str, ...]:
    """Return the names of all focal statistics, without aliases.

    Examples
    --------
    >>> "median" in statistic_names()
    True
    """
    return tuple(row.name for row in STATISTICS)


def statistic_named(name: str) -> FocalStatistic:
    """Return the focal statistic of a name or alias.

    Raises
    ------
    AlgebraError
        There is none; the text lists those that there are.

    Examples
    --------
    >>> statistic_named("majority").name
    'mode'
    """
    return chosen("focal statistic", name, _BY_NAME, statistic_names())
