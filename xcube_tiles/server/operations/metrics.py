"""Counts of what a server does, in the text format of Prometheus.

`prometheus_client` writes the format and adds up the processes of one server: it is the library of
the Prometheus project itself, needs nothing else, and its files for several processes are what
other tools read, too. One process keeps its counts in memory. Several write them to the folder
that the variable `PROMETHEUS_MULTIPROC_DIR` names, and a scrape of any of them tells of all.
"""

from __future__ import annotations

import os
from pathlib import Path

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
    multiprocess,
)

from xcube_tiles._version import __version__
from xcube_tiles.server.operations.memory import resident

MEDIA_TYPE = CONTENT_TYPE_LATEST
FOLDER = "PROMETHEUS_MULTIPROC_DIR"
"""Variable that names the folder of several processes."""

BUCKETS = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
"""Upper ends of the classes of durations, in seconds; a tile takes some milliseconds."""

_PICTURES = ("image/", "application/octet-stream", "application/x-npy")


class Metrics:
    """Counts of one application."""

    def __init__(self) -> None:
        own = CollectorRegistry()
        self._registry = own
        self.requests = Counter(
            "xcube_tiles_requests", "Answered requests.", ["route", "status"], registry=own
        )
        self.duration = Histogram(
            "xcube_tiles_request_duration_seconds",
            "From the arrival of a request to the end of its answer.",
            ["route"],
            buckets=BUCKETS,
            registry=own,
        )
        self.bytes = Counter(
            "xcube_tiles_response_bytes", "Bytes of bodies.", ["route"], registry=own
        )
        self.rendered = Counter(
            "xcube_tiles_tiles_rendered", "Pictures that were drawn.", ["route"], registry=own
        )
        self.cached = Counter(
            "xcube_tiles_cache_hits",
            "Pictures that weren't drawn: `client` has it already (304), `server` keeps it.",
            ["cache"],
            registry=own,
        )
        self.tile_cache = Counter(
            "xcube_tiles_tile_cache",
            "What happened at each cache of pictures: hit, miss; of Redis also stored, error, and "
            "skipped and dropped while it fails or is full.",
            ["tier", "event"],
            registry=own,
        )
        self.refused = Counter(
            "xcube_tiles_requests_refused",
            "Requests that were refused or given up to protect the server.",
            ["reason"],
            registry=own,
        )
        self.in_flight = Gauge(
            "xcube_tiles_requests_in_flight",
            "Requests that wait or are worked at.",
            registry=own,
            multiprocess_mode="livesum",
        )
        self.memory = Gauge(
            "xcube_tiles_process_resident_memory_bytes",
            "Memory of a process, at its last request.",
            registry=own,
            multiprocess_mode="liveall",
        )
        self.info = Gauge(
            "xcube_tiles_info",
            "The version; always 1.",
            ["version"],
            registry=own,
            multiprocess_mode="max",
        )
        self.info.labels(__version__).set(1)

    def answered(self, route: str, status: int, seconds: float, size: int) -> None:
        """Count a request that was answered."""
        self.requests.labels(route, str(status)).inc()
        self.duration.labels(route).observe(seconds)
        self.bytes.labels(route).inc(size)

    def picture(self, route: str, status: int, media_type: str, cache: str) -> None:
        """Count a picture that was drawn, or that didn't have to be.

        Parameters
        ----------
        route
            Path of the route.
        status
            Of the answer; 304: the client has the picture.
        media_type
            Of the answer.
        cache
            Header `X-Cache` of the answer, which begins with `hit` if nothing was drawn.
        """
        if status == 304:
            self.cached.labels("client").inc()
        elif status == 200 and cache.lower().startswith("hit"):
            self.cached.labels("server").inc()
        elif status == 200 and media_type.startswith(_PICTURES) and "{" in route:
            self.rendered.labels(route).inc()

    def text(self) -> bytes:
        """Return all counts as text; with several processes, those of all of them."""
        found = resident()
        if found is not None:
            self.memory.set(found[0])
        folder = os.environ.get(FOLDER)
        if not folder:
            return generate_latest(self._registry)
        forget_ended(Path(folder))
        of_all = CollectorRegistry()
        multiprocess.MultiProcessCollector(of_all, path=folder)  # type: ignore[no-untyped-call]
        return generate_latest(of_all)


def forget_ended(folder: Path) -> None:
    """Remove what ended processes have said of their present; their counts stay."""
    pids = {int(file.stem.rpartition("_")[2]) for file in folder.glob("gauge_live*_*.db")}
    for pid in pids:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            multiprocess.mark_process_dead(pid, str(folder))  # type: ignore[no-untyped-call]
        except PermissionError:
            continue  # it lives, as somebody else
