"""The tile endpoint under 100,000 mixed requests, a tenth of them malformed."""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.cases.soaking import MEBIBYTE, Outcome, memory_rows, rows, soaking
from benchmarks.cases.soaking_client import CONNECTIONS, LOST
from benchmarks.cases.soaking_data import make
from benchmarks.harness import Check, Counts, Report, at_most

if TYPE_CHECKING:
    from collections.abc import Iterable

REQUESTS, QUICK = 100_000, 3_000
MOST_GROWTH = 1.1
"""How many times the memory of the second tenth the last tenth may have at most."""

MOST_THREADS = 48
"""Threads that draw (40), and those of the libraries."""

MOST_FILES = 16
"""Files that stay open: databases of CRSs, queues of threads."""

_SHOWN = 12  # examples of what went wrong


def run(quick: bool) -> Report:
    """Send all requests to a server of its own."""
    count = QUICK if quick else REQUESTS
    folder = Path(tempfile.mkdtemp(prefix="soak-"))
    try:
        outcome = soaking(make(folder, 768 if quick else 1536), count)
    finally:
        shutil.rmtree(folder)
    return Report(
        name="soak",
        setup=f"{count} requests by {CONNECTIONS} connections to one server process",
        tables=[
            Counts(title="requests", rows=rows(outcome)),
            Counts(title="the server's process", rows=memory_rows(outcome)),
        ],
        checks=checks(outcome),
        peers=["fastapi", "uvicorn", "uvloop", "httptools"],
        notes=list(_notes(outcome)),
    )


def checks(outcome: Outcome) -> list[Check]:
    """Return what has to hold."""
    statuses = outcome.statuses
    failed = sum(count for status, count in statuses.items() if status >= 500)
    growth = outcome.tenth(10) / outcome.tenth(2)
    before, after = outcome.before, outcome.after
    return [
        at_most("answers of 5xx", failed, 0),
        at_most("answers of 5xx that the server counted", outcome.failed_inside, 0),
        at_most("faults in the server's log", len(outcome.faults), 0),
        at_most("requests without an answer", statuses[LOST], 0),
        at_most("requests answered by another status or type", len(outcome.refused_badly), 0),
        at_most("bodies unlike those alone", len(outcome.unlike), 0),
        at_most("memory, last tenth / second tenth", growth, MOST_GROWTH),
        at_most("files left open", after.files - before.files, MOST_FILES),
        at_most("threads left over", after.threads - before.threads, MOST_THREADS),
    ]


def _notes(outcome: Outcome) -> Iterable[str]:
    rate = len(outcome.asks) / outcome.seconds
    grown = outcome.growth * 10_000 / MEBIBYTE
    yield f"{outcome.seconds:.0f} s, {rate:.0f} requests/s with the client on the same machine"
    yield f"memory, a straight line from the second tenth on: {grown:+.1f} MiB in 10,000 requests"
    kinds = Counter(f"{each.ask.method} {each}" for each in outcome.refused_badly)
    for title, found in (
        ("answered otherwise", list(kinds)),
        ("unlike alone", list(map(str, outcome.unlike))),
        ("log", list(outcome.faults)),
    ):
        yield from (f"{title}: {text}" for text in found[:_SHOWN])
