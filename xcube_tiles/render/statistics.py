"""Ranges of values to draw, from a sample of the coarsest level."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from xcube_tiles.algebra.expression import Expression
from xcube_tiles.render.sample import as_floats
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


def percentiles_of(
    source: TileSource, what: str | Expression, percentiles: tuple[float, float]
) -> Stretch:
    """Return the stretch between two percentiles of a variable or an expression.

    Parameters
    ----------
    source
        What is to be drawn.
    what
        Name of a variable, or band mathematics over several.
    percentiles
        The lower and the higher one, 0 to 100, linearly interpolated.

    Returns
    -------
    Stretch
        Of the coarsest level, at up to 6 instants spread over the time axis; of a level of more
        than 1024 x 1024 cells only 4 x 4 windows of 256 x 256 are read. Without any value it is
        0 to 1; values that are all the same get a stretch that begins there.
    """
    names = what.names if isinstance(what, Expression) else (what,)
    parts = []
    for time in _sampled_times(source):
        for rows, cols in _sampled_windows(source):
            values = {
                name: as_floats(
                    source.read(
                        name, level=len(source.geoboxes) - 1, rows=rows, cols=cols, time=time
                    ),
                    source.cell_type(name),
                )
                for name in names
            }
            result = values[what] if isinstance(what, str) else what.evaluate(values)
            parts.append(np.ravel(result))
    return _stretch_between(np.concatenate(parts), percentiles)


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


def _stretch_between(values: NDArray[Any], percentiles: tuple[float, float]) -> Stretch:
    values = values[np.isfinite(values)].astype(np.float64)
    if values.size == 0:
        return EMPTY
    low, high = (float(value) for value in np.percentile(values, percentiles))
    if not low < high:
        # Most values are one and the same: show what differs from it, if anything does.
        low, high = float(values.min()), float(values.max())
    return Stretch(low, high) if low < high else Stretch(low, low + max(1.0, abs(low) * 1e-6))
