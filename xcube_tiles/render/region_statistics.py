"""Statistics and histograms of the cells of a source in a region, time by time."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from xcube_tiles.algebra.expression import Expression
from xcube_tiles.errors import RegionError, SizeLimitError
from xcube_tiles.grid.extent import Extent
from xcube_tiles.render.pixels import checked_crs
from xcube_tiles.render.references import referenced
from xcube_tiles.render.region import Region
from xcube_tiles.render.region_grid import filled_grid, level_for, window_of
from xcube_tiles.render.sample import as_floats
from xcube_tiles.render.source import check_variables, read_cells

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from xcube_tiles.render.source import TileSource

DEFAULT_MAX_SIZE = 1024
"""Cells along the longer edge of what is read, unless told otherwise."""

MOST_CELLS_READ = 64 * 2**20
"""Cells of all bands and times together that one answer may read."""

MOST_PERCENTILES = 100
MOST_BINS = 1000
MOST_CATEGORIES = 256
"""Different values that are counted one by one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is to be found out about the values.

    Raises
    ------
    RegionError
        Percentiles, bins or a range that can't be.
    """

    percentiles: tuple[float, ...] = (2.0, 98.0)
    """0 to 100, linearly interpolated."""

    bins: int | tuple[float, ...] = 10
    """Number of equal bins, or their ascending edges; 0: no histogram."""

    range: tuple[float, float] | None = None
    """Ends of equal bins; None: the lowest and the highest value."""

    categorical: bool = False
    """Count each value by itself."""

    most_percentiles: int = MOST_PERCENTILES
    """Percentiles that may be asked for."""

    most_bins: int = MOST_BINS
    """Bins that may be asked for."""

    most_categories: int = MOST_CATEGORIES
    """Different values that are counted one by one; RegionError where there are more."""

    def __post_init__(self) -> None:
        most, given = self.most_percentiles, self.percentiles
        if len(given) > most or not all(0 <= p <= 100 for p in given):
            raise RegionError(f"percentiles are up to {most} numbers from 0 to 100: {given!r}")
        if isinstance(self.bins, int):
            if not 0 <= self.bins <= self.most_bins:
                raise RegionError(f"a histogram has 0 to {self.most_bins} bins, got {self.bins!r}")
        elif not (
            2 <= len(self.bins) <= self.most_bins + 1
            and all(map(math.isfinite, self.bins))
            and all(low < high for low, high in zip(self.bins, self.bins[1:], strict=False))
        ):
            raise RegionError(f"edges of bins are 2 to {self.most_bins + 1} ascending numbers")
        if self.range is not None:
            if not isinstance(self.bins, int):
                raise RegionError("give the edges of bins or a range, not both")
            low, high = self.range
            if not (math.isfinite(low) and math.isfinite(high) and low < high):
                raise RegionError(f"a range goes from a lower to a higher number: {self.range!r}")


@dataclass(frozen=True, slots=True, kw_only=True)
class BandStatistics:
    """What is known of the values of a band; numbers are None where there is no value."""

    count: int
    """Cells with a finite value."""

    valid: float | None
    """Their share of all cells of the region."""

    min: float | None = None
    max: float | None = None
    mean: float | None = None
    std: float | None = None
    """Of all values, not estimated from a sample: divided by `count`."""

    median: float | None = None
    percentiles: dict[str, float | None]
    """`p2` and so on."""

    edges: list[float] | None
    """Of the bins of the histogram, one more than bins; None: no histogram."""

    counts: list[int] | None
    """Values in each bin; a bin holds its lower edge, the last one both."""

    categories: list[tuple[float, int]] | None
    """Each value and how often it occurs, if that was asked for; ascending."""


class RegionStatistics(NamedTuple):
    """Statistics of a region."""

    level: int
    """Level whose cells were read; 0 is the finest, whose answers are exact."""

    resolution: tuple[float, float]
    """Width and height of its cells."""

    cells: int
    """Cells of that level whose centres lie in the region."""

    bands: list[dict[str, BandStatistics]]
    """Band to statistics, for each of the times that were asked for."""


def region_statistics(
    source: TileSource,
    region: Region | None = None,
    *,
    times: Sequence[int | None] = (None,),
    bands: tuple[str, ...] = (),
    expression: str | None = None,
    max_size: int | None = DEFAULT_MAX_SIZE,
    wanted: Wanted | None = None,
    most: int = MOST_CELLS_READ,
) -> RegionStatistics:
    """Return statistics of the cells whose centres lie in a region.

    Parameters
    ----------
    source
        What is asked.
    region
        Where; None: everywhere.
    times
        Indices into the source's times.
    bands
        Names of bands; empty: all variables, or none where there is an expression.
    expression
        Band mathematics, which comes first, under its text.
    max_size
        The finest level is read at which the region is at most so many cells large along its longer
        edge, or the coarsest; None: the finest of all.
    wanted
        What is to be found out.
    most
        Most cells of all bands and times that may be read.

    Raises
    ------
    RegionError
        A region that doesn't reach the source.
    SizeLimitError
        More cells than `most`.
    StyleError, ExpressionError, DimensionError
        A band or an expression that can't be.
    """
    wanted = wanted or Wanted()
    formula = None if expression is None else Expression.parse(expression)
    names = bands or (() if formula else source.variables)
    inputs = tuple(dict.fromkeys((*names, *(formula.names if formula else ()))))
    source = referenced(source, inputs)
    check_variables(source, inputs)
    finest = filled_grid(source, 0)
    place = region or Region(area=Extent.from_geobox(finest), crs=checked_crs(finest))
    level = level_for(source, place, max_size)
    rows, cols = window_of(source, level, place)
    grid = filled_grid(source, level)[rows, cols]
    size = int(grid.shape[0]) * int(grid.shape[1])
    if size * len(inputs) * len(times) > most:
        raise SizeLimitError(
            f"{size} cells of {len(inputs)} bands at {len(times)} times would be read, and {most} "
            "are allowed in all: ask for fewer times, a smaller region or a smaller max_size"
        )
    inside = np.ones(grid.shape, dtype=bool) if region is None else region.inside(grid)
    found = []
    for time in times:
        cells = {name: _floats(source, name, level, (rows, cols), time)[inside] for name in inputs}
        values = {name: cells[name] for name in names}
        if formula is not None and expression is not None:
            with np.errstate(all="ignore"):
                values = {expression: np.asarray(formula.evaluate(cells), np.float64)} | values
        found.append({name: described(array, wanted) for name, array in values.items()})
    affine = grid.affine
    return RegionStatistics(level, (abs(affine.a), abs(affine.e)), int(inside.sum()), found)


def _floats(
    source: TileSource, name: str, level: int, window: tuple[slice, slice], time: int | None
) -> NDArray[Any]:
    rows, cols = window
    cells = read_cells(source, name, level=level, rows=rows, cols=cols, time=time)
    return as_floats(cells, source.cell_type(name))


def described(values: NDArray[np.floating], wanted: Wanted) -> BandStatistics:
    """Return the statistics of values; NaN and infinities are none.

    Parameters
    ----------
    values
        Floats, any shape. float32 is summed as float64.
    wanted
        What is to be found out.

    Examples
    --------
    >>> found = described(np.array([1.0, 2.0, 3.0, np.nan]), Wanted(bins=2))
    >>> found.count, found.valid, found.mean, found.edges, found.counts
    (3, 0.75, 2.0, [1.0, 2.0, 3.0], [1, 2])
    >>> described(np.array([np.nan]), Wanted()).mean is None
    True
    """
    finite = values[np.isfinite(values)].astype(np.float64)
    share = finite.size / values.size if values.size else None
    names = [f"p{percentile:g}" for percentile in wanted.percentiles]
    edges, counts = _histogram(finite, wanted)
    categories = _categories(finite, wanted.most_categories) if wanted.categorical else None
    if not finite.size:
        return BandStatistics(
            count=0,
            valid=share,
            percentiles=dict.fromkeys(names),
            edges=edges,
            counts=counts,
            categories=categories,
        )
    # Sorted out once: a percentile at a time would be selected anew.
    with np.errstate(over="ignore", invalid="ignore"):
        ranked = np.percentile(finite, (50.0, *wanted.percentiles)).tolist()
        moments = (float(finite.mean()), float(finite.std()))
    # Sums and squares of the largest floats are beyond all floats, and JSON can't hold them.
    mean, std, median, *percentiles = (
        number if math.isfinite(number) else None for number in (*moments, *ranked)
    )
    return BandStatistics(
        count=finite.size,
        valid=share,
        min=float(finite.min()),
        max=float(finite.max()),
        mean=mean,
        std=std,
        median=median,
        percentiles=dict(zip(names, percentiles, strict=True)),
        edges=edges,
        counts=counts,
        categories=categories,
    )


def _histogram(
    values: NDArray[np.float64], wanted: Wanted
) -> tuple[list[float] | None, list[int] | None]:
    if wanted.bins == 0 or (not values.size and isinstance(wanted.bins, int) and not wanted.range):
        return None, None
    bins = wanted.bins if isinstance(wanted.bins, int) else np.asarray(wanted.bins)
    try:
        with np.errstate(over="ignore", invalid="ignore"):
            counts, edges = np.histogram(values, bins, range=wanted.range or _room(values, bins))
    except ValueError as error:
        # Floats are too coarse for so many bins between such ends, or their difference is infinite.
        raise RegionError(f"the values can't be counted in these bins: {error}") from error
    edge_list: list[float] = edges.tolist()
    return edge_list, counts.tolist()


def _room(values: NDArray[np.float64], bins: object) -> tuple[float, float] | None:
    """Return ends of bins where values are too near for so many between them, else None."""
    if not isinstance(bins, int):
        return None
    low, high = float(values.min()), float(values.max())
    if not math.isfinite(high - low):
        return None
    # Two steps from float to float for each bin: edges that are rounded still differ.
    least = 2.0 * bins * float(np.spacing(max(abs(low), abs(high))))
    return (low, low + least) if (high - low or 1.0) < least else None


def _categories(values: NDArray[np.float64], most: int) -> list[tuple[float, int]]:
    found, counts = np.unique(values, return_counts=True)
    if found.size > most:
        raise RegionError(
            f"there are {found.size} different values, and up to {most} are counted one "
            "by one: leave out categorical, and ask for bins"
        )
    return list(zip(found.tolist(), counts.tolist(), strict=True))
