"""The values of a source at a point, through time."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from xcube_tiles.algebra.expression import Expression
from xcube_tiles.errors import SizeLimitError
from xcube_tiles.render.instants import select_span
from xcube_tiles.render.point import cell_at
from xcube_tiles.render.references import referenced
from xcube_tiles.render.sample import as_floats
from xcube_tiles.render.source import check_variables, read_cells

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xcube_tiles.render.source import TileSource

MOST_INSTANTS = 2000
"""Longest series: each instant is a read of its own."""

READERS = 8
"""Reads at a time: those of a bucket take long, and wait for the network."""

_FEW = 4  # instants that aren't worth a pool of threads


class Series(NamedTuple):
    """Values at a point through time."""

    times: NDArray[np.datetime64]
    """Instants, ascending, shape (n,)."""

    values: dict[str, list[float | int | None]]
    """For each band a value at each instant; None for NoData, infinities and outside the source."""


def series_at(
    source: TileSource,
    lon: float,
    lat: float,
    *,
    start: str | None = None,
    end: str | None = None,
    variables: tuple[str, ...] | None = None,
    expression: str | None = None,
    most: int = MOST_INSTANTS,
) -> Series:
    """Return the values of the finest level's cell at a point, for each instant.

    Parameters
    ----------
    source
        What is asked.
    lon, lat
        Position in degrees, EPSG:4326.
    start, end
        First and last time, see `select_span`.
    variables
        Names of the bands; None: all variables, or none where there is an expression.
    expression
        Band mathematics; its values come first, under its text.
    most
        Most instants.

    Raises
    ------
    DimensionError
        A source without times, or labels that are none.
    SizeLimitError
        More instants than `most`.
    GridError, StyleError, ExpressionError
        As `values_at`.
    """
    formula = None if expression is None else Expression.parse(expression)
    names = variables if variables is not None else () if formula else source.variables
    inputs = () if formula is None else formula.names
    source = referenced(source, (*names, *inputs))
    check_variables(source, (*names, *inputs))
    span = select_span(source.times, start, end)
    if len(span) > most:
        raise SizeLimitError(
            f"the series would have {len(span)} instants, and {most} are allowed: give start, end"
        )
    assert source.times is not None
    cell = cell_at(source, lon, lat)
    found = {} if cell is None else _read(source, dict.fromkeys((*names, *inputs)), cell, span)
    nothing: list[float | int | None] = [None] * len(span)
    values = {}
    if expression is not None and formula is not None:
        values[expression] = _evaluated(source, formula, found) if found else nothing
    for name in names:
        values[name] = _plain(source, name, found[name]) if found else list(nothing)
    return Series(source.times[span], values)


def _read(
    source: TileSource, names: dict[str, None], cell: tuple[int, int], span: NDArray[np.intp]
) -> dict[str, NDArray[Any]]:
    """Return the cells of each band at each instant, shape (n,)."""
    rows, cols = (slice(at, at + 1) for at in cell)

    def one(wanted: tuple[str, int]) -> Any:
        name, time = wanted
        return read_cells(source, name, level=0, rows=rows, cols=cols, time=time)[0, 0]

    wanted = [(name, int(time)) for name in names for time in span]
    if len(span) <= _FEW:
        cells = [one(each) for each in wanted]
    else:
        with ThreadPoolExecutor(READERS) as pool:
            cells = list(pool.map(one, wanted))
    count = len(span)
    return {
        name: np.array(cells[i * count : (i + 1) * count], dtype=source.cell_type(name).dtype)
        for i, name in enumerate(names)
    }


def _plain(source: TileSource, name: str, cells: NDArray[Any]) -> list[float | int | None]:
    shown = ~source.cell_type(name).is_nodata(cells) & np.isfinite(cells)
    numbers = cells.astype(np.uint8) if cells.dtype.kind == "b" else cells
    return [value if good else None for value, good in zip(numbers.tolist(), shown, strict=True)]


def _evaluated(
    source: TileSource, formula: Expression, found: dict[str, NDArray[Any]]
) -> list[float | int | None]:
    floats = {name: as_floats(found[name], source.cell_type(name)) for name in formula.names}
    with np.errstate(all="ignore"):
        result = np.asarray(formula.evaluate(floats), dtype=np.float64)
    return [
        value if good else None
        for value, good in zip(result.tolist(), np.isfinite(result), strict=True)
    ]
