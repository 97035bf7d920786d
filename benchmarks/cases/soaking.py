"""The server under many mixed requests: no failure, the same bodies as alone, no growth."""

from __future__ import annotations

import re
import sys
import urllib.request
from collections import Counter, defaultdict
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from benchmarks.cases.driving import HOST, Running, free_port, running
from benchmarks.cases.soaking_client import (
    CONNECTIONS,
    Answered,
    Sample,
    digest,
    look,
    soak,
)
from benchmarks.cases.soaking_malformed import malformed
from benchmarks.cases.soaking_mix import Ask, mixed

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from benchmarks.cases.soaking_data import Served

READY = "/healthz"
MEBIBYTE = 2**20
_FAILED = re.compile(r'^xcube_tiles_requests_total\{.*status="5\d\d".*\} (\S+)$', re.MULTILINE)
# A line of the server's log that tells of a fault of its own.
_FAULT = re.compile(r"Traceback|^\S+ ERROR|Exception in|Task exception", re.MULTILINE)


class Unlike(NamedTuple):
    """A request that wasn't answered as it has to be."""

    ask: Ask
    answered: Answered
    wanted: str

    def __str__(self) -> str:
        shown = self.ask.raw[:60] if self.ask.raw is not None else self.ask.target[:160]
        status, media_type = self.answered.status, self.answered.media_type
        return f"{self.ask.method} {shown!r}: {status} {media_type}, wanted {self.wanted}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a soak found."""

    asks: Sequence[Ask]
    answers: Sequence[Answered]
    samples: Sequence[Sample]
    seconds: float

    before: Sample
    """The process before the first request."""

    after: Sample
    """The process after the last one, with all connections closed."""

    failed_inside: int
    """Answers of 5xx that the server itself has counted."""

    faults: tuple[str, ...]
    """Lines of the server's log that tell of faults."""

    unlike: tuple[Unlike, ...]
    """Bodies that aren't those of the same request alone."""

    @property
    def statuses(self) -> Counter[int]:
        """How many answers had each status; 0: there was none."""
        return Counter(answer.status for answer in self.answers)

    @property
    def refused_badly(self) -> list[Unlike]:
        """Malformed requests that weren't refused as they have to be, and others that were."""
        pairs = zip(self.asks, self.answers, strict=True)
        judged = ((ask, answered, wanted(ask, answered)) for ask, answered in pairs)
        return [Unlike(ask, answered, text) for ask, answered, text in judged if text is not None]

    def tenth(self, number: int) -> float:
        """Return the most bytes that the process had in one of ten parts of the requests."""
        edge = len(self.asks) / 10
        part = [
            sample.resident
            for sample in self.samples
            if (number - 1) * edge <= sample.answered <= number * edge
        ]
        return float(max(part))

    @property
    def growth(self) -> float:
        """Bytes that a request adds: the slope of a straight line through the last nine tenths."""
        later = [s for s in self.samples if s.answered >= len(self.asks) / 10]
        slope = np.polyfit([s.answered for s in later], [s.resident for s in later], 1)[0]
        return float(slope)


def wanted(ask: Ask, answered: Answered) -> str | None:
    """Return what would have been right, None if it was."""
    status, media_type = answered.status, answered.media_type
    if ask.answer == "well":
        right = status == 200 or (ask.conditional and status == 304)
        return None if right else "200"
    if ask.answer == "broken":
        return None if 400 <= status < 500 else "400, or the end of the connection"
    kind = "application/problem+json" if ask.answer == "problem" else "text/xml"
    others = ("application/vnd.ogc.se_xml",) if ask.answer == "report" else ()
    right = 400 <= status < 500 and media_type.startswith((kind, *others))
    return None if right else f"4xx and {kind}"


def soaking(served: Served, count: int, *, connections: int = CONNECTIONS) -> Outcome:
    """Start a server, send it so many requests, and compare all answers with those alone."""
    asks = mixed(served, count, malformed)
    # What is compiled and opened once is no leak: one of each kind and of each look comes before
    # it counts. What compiles, does so here, where no limit of time ends it, and stays on disk.
    looks = {ask.target.partition("?")[2]: ask for ask in asks if ask.kind == "tile"}
    first = [*{ask.kind: ask for ask in asks}.values(), *looks.values()]
    for ask in first:
        if ask.alone is not None:
            ask.alone()
    with _server(served) as (server, port):
        for ask in first:
            soak(port, server.pid, [ask], connections=1)
        before = look(server.pid)
        soaked = soak(port, server.pid, asks, connections=connections)
        after = look(server.pid)
        failed = sum(map(float, _FAILED.findall(_get(port, "/metrics"))))
        faults = tuple(line for line in server.written().splitlines() if _FAULT.search(line))
    answers = [answer for answer in soaked.answers if answer is not None]
    return Outcome(
        asks=asks,
        answers=answers,
        samples=soaked.samples,
        seconds=soaked.seconds,
        before=before,
        after=after,
        failed_inside=int(failed),
        faults=faults,
        unlike=tuple(compare(served, asks, answers)),
    )


def compare(served: Served, asks: Sequence[Ask], answers: Sequence[Answered]) -> Iterator[Unlike]:
    """Yield what differs from the same request alone."""
    found: dict[tuple[str, bytes], list[tuple[Ask, Answered]]] = defaultdict(list)
    for ask, answered in zip(asks, answers, strict=True):
        if ask.answer == "well" and answered.status == 200:
            found[ask.key].append((ask, answered))
    for pairs, bodies in _alone(served, list(found.values())):
        for ask, answered in pairs:
            if answered.digest not in bodies:
                yield Unlike(ask, answered, " or ".join(sorted(bodies)))


def _alone(
    served: Served, groups: Sequence[list[tuple[Ask, Answered]]]
) -> Iterator[tuple[list[tuple[Ask, Answered]], set[str]]]:
    """Yield requests of one body, and what tells that body: by the library, or a fresh server."""
    with _server(served) as (server, port):
        for pairs in groups:
            ask = pairs[0][0]
            if ask.alone is not None:
                body = ask.alone()
                yield pairs, {digest(body), f"length {len(body)}"}
            else:
                [answered] = soak(port, server.pid, [ask], connections=1).answers
                assert answered is not None
                yield pairs, {answered.digest}


@contextmanager
def _server(served: Served) -> Iterator[tuple[Running, int]]:
    port = free_port()
    command = [sys.executable, "-c", "from xcube_tiles.cli import main; main()", "serve"]
    with running([*command, *served.options, "--port", str(port)], port, path=READY) as server:
        yield server, port


def _get(port: int, path: str) -> str:
    with urllib.request.urlopen(f"http://{HOST}:{port}{path}", timeout=60) as answer:
        text: str = answer.read().decode()
    return text


def rows(outcome: Outcome) -> list[tuple[str, ...]]:
    """Return requests, statuses, times and unlike bodies of each kind, as texts."""
    by_kind: dict[str, list[Answered]] = defaultdict(list)
    for ask, answered in zip(outcome.asks, outcome.answers, strict=True):
        by_kind[ask.kind].append(answered)
    unlike = Counter(each.ask.kind for each in outcome.unlike)
    found: list[tuple[str, ...]]
    found = [("requests", "number", "statuses", "p50", "p99", "unlike alone")]
    for kind, answers in sorted(by_kind.items(), key=lambda pair: -len(pair[1])):
        statuses = Counter(answer.status for answer in answers)
        shown = " ".join(f"{s or 'none'}:{n}" for s, n in sorted(statuses.items()))
        p50, p99 = np.percentile([answer.seconds for answer in answers], [50, 99]) * 1e3
        times = f"{p50:.0f} ms", f"{p99:.0f} ms"
        found.append((kind, str(len(answers)), shown, *times, str(unlike[kind])))
    return found


def memory_rows(outcome: Outcome) -> list[tuple[str, ...]]:
    """Return the memory, files and threads in each tenth of the requests, as texts."""
    found: list[tuple[str, ...]]
    found = [("tenth of the requests", "most memory", "most files", "most threads")]
    edge = len(outcome.asks) / 10
    for number in range(1, 11):
        part = [s for s in outcome.samples if (number - 1) * edge <= s.answered <= number * edge]
        most = f"{max(s.resident for s in part) / MEBIBYTE:.0f} MiB"
        found.append(
            (str(number), most, str(max(s.files for s in part)), str(max(s.threads for s in part)))
        )
    return found
