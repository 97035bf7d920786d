"""Catalogs: pyramids beside GDAL's and xarray's, and what is done with them.

Each row is a function of ``benchmarks/cases`` that takes `quick` and returns its tables, checks and
notes; another row is another entry of `ROWS`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.cases.curves import curves
from benchmarks.cases.growing import appending
from benchmarks.cases.pyramids import pyramids
from benchmarks.cases.reading import window
from benchmarks.harness import Check, Report, Table

if TYPE_CHECKING:
    from collections.abc import Callable

    Row = Callable[[bool], tuple[list[Table], list[Check], list[str]]]


def reading(quick: bool) -> tuple[list[Table], list[Check], list[str]]:
    """Return the figures of a window read cold."""
    table, checks = window(quick)
    return [table], checks, []


def indexing(quick: bool) -> tuple[list[Table], list[Check], list[str]]:
    """Return the figures of key indexes."""
    found = list(curves(quick))
    return [table for table, _ in found], [check for _, checks in found for check in checks], []


ROWS: tuple[Row, ...] = (indexing, reading, appending, pyramids)


def run(quick: bool) -> Report:
    """Measure all rows."""
    tables, checks, notes = [], [], []
    for row in ROWS:
        found = row(quick)
        tables += found[0]
        checks += found[1]
        notes += found[2]
    return Report(
        name="catalog",
        setup="local disk, page cache warm where nothing else is said; two threads each",
        tables=tables,
        checks=checks,
        peers=["distributed"],
        notes=notes,
    )
