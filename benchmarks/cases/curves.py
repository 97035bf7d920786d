"""A million keys on space-filling curves, and boxes as index ranges."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.harness import Check, Table, alternate, at_most
from xcube_tiles.grid.bounds import KeyBounds
from xcube_tiles.grid.curves import key_index
from xcube_tiles.grid.keys import SpaceTimeKey, TileKey, as_instant

if TYPE_CHECKING:
    from collections.abc import Iterator

    from xcube_tiles.grid.curves import KeyIndex

SPACE, SPACE_TIME = "Hilbert", "Hilbert, space and time"
MOST_SECONDS, MOST_OF_A_BOX = 0.15, 0.05
EDGE = 2**20
START, STEP = as_instant("1960-01-01"), np.timedelta64(1, "h")


def curves(quick: bool) -> Iterator[tuple[Table, list[Check]]]:
    """Measure a million keys to indexes, and the worst boxes to ranges."""
    yield keys_to_indexes(3 if quick else 9)
    yield boxes_to_ranges(3 if quick else 9)


def indexes() -> dict[str, KeyIndex]:
    """Return indexes that take 20 bits an axis."""
    plane = KeyBounds(TileKey(0, 0), TileKey(EDGE - 1, EDGE - 1))
    first, last = (
        SpaceTimeKey(key.col, key.row, START + hours * STEP)
        for key, hours in ((plane.first, 0), (plane.last, EDGE - 1))
    )
    cube = KeyBounds(first, last)
    return {
        SPACE: key_index("hilbert", plane),
        "Z-order": key_index("zorder", plane),
        "row-major": key_index("rowmajor", plane),
        SPACE_TIME: key_index("hilbert", cube, time_step=STEP),
        "Z-order, space and time": key_index("zorder", cube, time_step=STEP),
    }


def keys_to_indexes(rounds: int) -> tuple[Table, list[Check]]:
    """Measure a million keys anywhere."""
    generator = np.random.default_rng(20180524)
    cols, rows, hours = generator.integers(0, EDGE, (3, 10**6))
    times = START + hours * STEP
    timings = alternate(
        {
            name: partial(index.to_index, cols, rows, times if index.has_time else None)
            for name, index in indexes().items()
        },
        rounds=rounds,
    )
    checks = [
        at_most(f"a million keys -> indexes, {name}, seconds", timings[name].median, MOST_SECONDS)
        for name in (SPACE, SPACE_TIME)
    ]
    return Table(title="a million keys -> indexes", timings=timings, reference=SPACE), checks


def boxes_to_ranges(rounds: int) -> tuple[Table, list[Check]]:
    """Measure boxes of many ranges: wide ones, and slabs and needles along each axis."""
    found = indexes()
    calls = {}
    for curve in (SPACE_TIME, "Z-order, space and time"):
        for name, low, high in (
            ("all but a rim", (1, 1, 1), (EDGE - 2,) * 3),
            ("one time", (1, 1, 77_777), (EDGE - 2, EDGE - 2, 77_777)),
            ("one tile", (12_345, 54_321, 1), (12_345, 54_321, EDGE - 2)),
        ):
            first, last = (
                SpaceTimeKey(col, row, START + hour * STEP) for col, row, hour in (low, high)
            )
            calls[f"{curve}: {name}"] = partial(found[curve].ranges, KeyBounds(first, last))
    timings = alternate(calls, rounds=rounds)
    checks = [
        at_most(f"box -> ranges, {name}, seconds", timing.median, MOST_OF_A_BOX)
        for name, timing in timings.items()
    ]
    return Table(title="box -> ranges", timings=timings, reference=next(iter(calls))), checks
