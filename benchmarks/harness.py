"""Alternating timings, peak memory, and the report that a benchmark returns."""

from __future__ import annotations

import json
import os
import platform
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from importlib import metadata
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

RESULTS = Path(__file__).parent / "results"
LIBRARIES = ("numpy", "xarray", "dask", "zarr", "numba", "rasterio", "odc-geo")


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """Wall-clock times of one contender, in the order of the rounds."""

    seconds: tuple[float, ...]
    """Seconds of one call, one value a round."""

    @property
    def median(self) -> float:
        """Median over the rounds, in seconds."""
        return median(self.seconds)

    @property
    def minimum(self) -> float:
        """Fastest round, in seconds."""
        return min(self.seconds)

    def ratio_to(self, other: Timing) -> float:
        """Return how many times longer this takes than another: the median of the rounds' ratios.

        A round's two times were taken next to each other: their ratio is free of slow drifts.
        """
        return median(a / b for a, b in zip(self.seconds, other.seconds, strict=True))


def alternate(
    contenders: Mapping[str, Callable[[], object]],
    *,
    rounds: int = 7,
    warmup: int = 1,
    repeats: int = 1,
) -> dict[str, Timing]:
    """Time callables side by side: each once a round, in an order that rotates.

    Parameters
    ----------
    contenders
        Name to callable; what it returns is dropped before the next one starts.
    rounds
        Number of measured rounds.
    warmup
        Number of unmeasured rounds before (compilation, page cache).
    repeats
        Calls per round and contender; the time of one call is the mean. For calls below some
        milliseconds.
    """
    names = list(contenders)
    seconds: dict[str, list[float]] = {name: [] for name in names}
    for turn in range(warmup + rounds):
        shift = turn % len(names)
        for name in names[shift:] + names[:shift]:
            elapsed = _time(contenders[name], repeats)
            if turn >= warmup:
                seconds[name].append(elapsed)
    return {name: Timing(seconds=tuple(values)) for name, values in seconds.items()}


def _time(call: Callable[[], object], repeats: int) -> float:
    start = time.perf_counter()
    for _ in range(repeats):
        call()
    return (time.perf_counter() - start) / repeats


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """Resident memory of a process, in bytes."""

    before: int
    """After the imports of the benchmark module, before the input exists."""

    prepared: int
    """With the input, before the measured call."""

    peak: int
    """High-water mark during the measured call."""

    @property
    def with_input(self) -> int:
        """Most that input, output and temporaries took together."""
        return self.peak - self.before

    @property
    def beyond_input(self) -> int:
        """Most that output and temporaries took."""
        return self.peak - self.prepared


def peak_memory(prepare: Callable[..., Callable[[], object]], *args: object) -> Memory:
    """Measure a call's peak memory in a fresh process.

    Parameters
    ----------
    prepare
        Module-level function: makes the input, runs the call on a small input where something must
        be compiled first, and returns the call to measure.
    *args
        Arguments of `prepare`; they must pickle.

    Notes
    -----
    The kernel keeps the high-water mark (``VmHWM``) and resets it on request
    (``/proc/self/clear_refs``, proc(5)): nothing is sampled, so no short peak is missed. Linux
    only. A process of its own, because a long-lived one reuses freed memory and shows no peak.
    """
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        before, prepared, peak = pool.submit(_measure_peak, prepare, *args).result()
    return Memory(before=before, prepared=prepared, peak=peak)


def _measure_peak(prepare: Callable[..., Callable[[], object]], *args: object) -> tuple[int, ...]:
    before = _resident("VmRSS")
    call = prepare(*args)
    prepared = _resident("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")
    kept = call()
    peak = _resident("VmHWM")
    del kept
    return before, prepared, peak


def _resident(entry: Literal["VmRSS", "VmHWM"]) -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(entry):
            return int(line.split()[1]) * 1024
    raise RuntimeError(f"/proc/self/status has no line {entry!r}: peak memory needs Linux")


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """A figure and the bound it must keep."""

    claim: str
    """What the figure is."""

    value: float
    """The figure as measured."""

    bound: float
    """The bound it must keep."""

    sense: Literal["<=", ">="]
    """Side of the bound on which the figure must lie."""

    @property
    def passed(self) -> bool:
        """Whether the figure keeps its bound."""
        return self.value <= self.bound if self.sense == "<=" else self.value >= self.bound


def at_most(claim: str, value: float, bound: float) -> Check:
    """Return the check ``value <= bound``."""
    return Check(claim=claim, value=value, bound=bound, sense="<=")


def at_least(claim: str, value: float, bound: float) -> Check:
    """Return the check ``value >= bound``."""
    return Check(claim=claim, value=value, bound=bound, sense=">=")


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Timings that belong side by side."""

    title: str
    """What is compared."""

    timings: Mapping[str, Timing]
    """Contender to its times."""

    reference: str
    """Contender that the ratios are taken against (ratio 1)."""

    def __str__(self) -> str:
        base = self.timings[self.reference]
        rows = [("contender", "median", "fastest", f"x {self.reference}")]
        rows += [
            (name, _duration(t.median), _duration(t.minimum), f"{t.ratio_to(base):.2f}")
            for name, t in self.timings.items()
        ]
        return f"{self.title} ({len(base.seconds)} rounds)\n{_grid(rows)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """Figures that aren't times of contenders, in rows."""

    title: str
    """What is counted."""

    rows: Sequence[Sequence[str]]
    """The names of the columns, and the rows."""

    def __str__(self) -> str:
        return f"{self.title}\n{_grid(self.rows)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a benchmark found."""

    name: str
    """Name of the benchmark, as on the command line."""

    setup: str
    """What was measured: sizes, types, settings; one sentence."""

    tables: Sequence[Table | Counts] = ()
    """Timings and counts."""

    checks: Sequence[Check] = ()
    """Figures with the bounds they must keep."""

    peers: Sequence[str] = ()
    """Distributions whose versions are shown beside those of `LIBRARIES`."""

    notes: Sequence[str] = ()
    """Further sentences worth keeping with the figures."""

    quick: bool = field(default=False)
    """Whether sizes were cut down; the checks then bind nobody."""

    def __str__(self) -> str:
        versions = ", ".join(f"{k} {v}" for k, v in environment(self.peers).items())
        parts = [f"# {self.name}: {self.setup}", *map(str, self.tables)]
        if self.checks:
            parts.append(_grid([("figure", "measured", "required", ""), *map(_row, self.checks)]))
        return "\n\n".join([*parts, *self.notes, versions])

    def save(self) -> Path:
        """Write the report, raw times and versions included, as JSON; return the path."""
        RESULTS.mkdir(exist_ok=True)
        path = RESULTS / f"{self.name}.json"
        document = {
            **asdict(self),
            "date": datetime.now(UTC).isoformat(timespec="seconds"),
            "environment": environment(self.peers),
        }
        path.write_text(json.dumps(document, indent=1) + "\n")
        return path


def environment(peers: Sequence[str] = ()) -> dict[str, str]:
    """Return the versions and the machine that a figure holds for."""
    found = {"python": platform.python_version(), "cpu": _cpu(), "cores": str(_cores())}
    for name in (*LIBRARIES, *peers):
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = "not installed"
    return found


def _cpu() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.machine()


def _cores() -> int:
    # The cores this process may use, which a container can limit; macOS has no affinity.
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def _row(check: Check) -> tuple[str, str, str, str]:
    mark = "pass" if check.passed else "FAIL"
    return check.claim, f"{check.value:.3g}", f"{check.sense} {check.bound:g}", mark


def _duration(seconds: float) -> str:
    return f"{seconds:.3f} s" if seconds >= 1 else f"{seconds * 1e3:.3g} ms"


def _grid(rows: Sequence[Sequence[str]]) -> str:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "  ".join(
            cell.ljust(width) if i == 0 else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
    return "\n".join([lines[0], "-" * max(map(len, lines)), *lines[1:]])
