"""Ranges of values to draw, from a sample of the coarsest level."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from xcube_tiles.algebra.expression import Expression
from xcube_tiles.render.references import referenced
from xcube_tiles.render.sample import as_floats
from xcube_tiles.render.source import read_cells, statistics_of
from xcube_tiles.render.stretch import Stretch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from xcube_tiles.render.source import TileSource

MOST_TIMES = 6
"""Instants that are sampled, evenly spread over the time axis."""

WINDOWS = 4
"""A level too large to be read is sampled in this many windows along each axis."""

WINDOW_EDGE = 256
"""Edge of such a window, in cells."""

EMPTY = Stretch(0.0, 1.0)
"""Stretch of a variable without any value."""


def sampled(source: TileSource, what: str | Expression) -> NDArray[np.float64]:
    """Return a sample of the finite values of a variable or an expression, shape (n,).

    Parameters
    ----------
    source
        What is to be drawn.
    what
        Name of a variable, or band mathematics over several.

    Returns
    -------
    ndarray of float64
        From the coarsest level, at up to 6 instants spread over the time axis, or at as many labels
        where a variable has another axis. A level of up to 1024 x 1024 cells is read whole; of a
        larger one 4 x 4 windows of 256 x 256.
    """
    if isinstance(what, str):
        labels = _sampled_labels(source, what)
        if labels:
            chosen = referenced(source, labels)
            return np.concatenate([_sampled(chosen, label) for label in labels])
    return _sampled(source, what)


def _sampled(source: TileSource, what: str | Expression) -> NDArray[np.float64]:
    names = what.names if isinstance(what, Expression) else (what,)
    parts = [np.empty(0)]
    for time in _sampled_times(source):
        for rows, cols in _sampled_windows(source):
            values = {name: _floats(source, name, rows, cols, time) for name in names}
            with np.errstate(all="ignore"):
                result = values[what] if isinstance(what, str) else what.evaluate(values)
            flat = np.ravel(np.asarray(result, dtype=np.float64))
            parts.append(flat[np.isfinite(flat)])
    return np.concatenate(parts)


def percentiles_of(
    source: TileSource, what: str | Expression, percentiles: tuple[float, float]
) -> Stretch:
    """Return the stretch between two percentiles of a variable or an expression.

    Parameters
    ----------
    source, what
        As for `sampled`.
    percentiles
        The lower and the higher one, 0 to 100, linearly interpolated.

    Returns
    -------
    Stretch
        Without any value it is 0 to 1; where both percentiles are the same value it goes from the
        lowest to the highest value, and where all are the same it begins there. What the source
        knows of its statistics isn't read again.
    """
    known = _known(source, what, percentiles)
    if known is not None:
        return known
    values = sampled(source, what)
    if values.size == 0:
        return EMPTY
    low, high = (float(value) for value in np.percentile(values, percentiles))
    if not low < high:
        low, high = float(values.min()), float(values.max())
    return Stretch(low, high) if low < high else Stretch(low, low + max(1.0, abs(low) * 1e-6))


def range_of(source: TileSource, variable: str) -> tuple[float, float] | None:
    """Return the lowest and the highest value of a variable, None if there is none.

    They are what the source knows, or those of `sampled`.
    """
    known = statistics_of(source, variable)
    if "min" in known and "max" in known:
        low, high = known["min"], known["max"]
        return None if low is None or high is None else (low, high)
    values = sampled(source, variable)
    return (float(values.min()), float(values.max())) if values.size else None


def _known(
    source: TileSource, what: str | Expression, percentiles: tuple[float, float]
) -> Stretch | None:
    if not isinstance(what, str):
        return None
    known = statistics_of(source, what)
    low, high = (known.get(f"p{percentile:g}") for percentile in percentiles)
    return Stretch(low, high) if low is not None and high is not None and low < high else None


def _floats(
    source: TileSource, name: str, rows: slice, cols: slice, time: int | None
) -> NDArray[Any]:
    level = len(source.geoboxes) - 1
    cells = read_cells(source, name, level=level, rows=rows, cols=cols, time=time)
    return as_floats(cells, source.cell_type(name))


def _sampled_labels(source: TileSource, name: str) -> list[str]:
    """Return a variable at some labels of its axis; empty where the axis is time or there is none.

    A source may have a method ``labels(variable)``, as catalog layers do.
    """
    labels_of = getattr(source, "labels", None)
    labels = None if labels_of is None or name not in source.variables else labels_of(name)
    if labels is None or labels.dtype.kind == "M":
        return []
    places = np.linspace(0, labels.size - 1, min(labels.size, MOST_TIMES)).round().astype(int)
    return [f"{name}@{labels[place]}" for place in np.unique(places)]


def _sampled_times(source: TileSource) -> list[int | None]:
    if source.times is None:
        return [None]
    count = len(source.times)
    places = np.linspace(0, count - 1, min(count, MOST_TIMES))
    return [int(place) for place in np.unique(np.round(places))]


def _sampled_windows(source: TileSource) -> Iterator[tuple[slice, slice]]:
    height, width = source.geoboxes[-1].shape
    if height * width <= (WINDOWS * WINDOW_EDGE) ** 2:
        yield slice(0, height), slice(0, width)
        return
    for row in _starts(height):
        for col in _starts(width):
            yield (
                slice(row, min(row + WINDOW_EDGE, height)),
                slice(col, min(col + WINDOW_EDGE, width)),
            )


def _starts(size: int) -> list[int]:
    """Return where windows begin: in the middle of equal parts, so that they avoid the edges."""
    part = size / WINDOWS
    return sorted({max(0, int((i + 0.5) * part - WINDOW_EDGE / 2)) for i in range(WINDOWS)})
