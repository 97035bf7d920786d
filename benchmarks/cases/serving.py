"""The tile endpoint beside its peers: the same tiles of the same raster, from each one's server."""

from __future__ import annotations

import os
import sys
from contextlib import ExitStack
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING
from urllib.parse import quote

import numpy as np
from PIL import Image

from benchmarks.cases import serving_peers
from benchmarks.cases.driving import Contender, Load, drive, free_port, running
from benchmarks.cases.serving_data import GRIDS, HIGHEST, TMS, Place, make, tiles
from benchmarks.harness import Check, Table, Timing, at_least, at_most

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

OURS, OURS_COG, TWICE = "xcube_tiles, Zarr", "xcube_tiles, COG", "xcube_tiles, Zarr, two workers"
TERRACOTTA = "Terracotta, COG"
LOOK = f"stretch=0,{HIGHEST}&colormap=viridis"
RANGE = f"rescale=0,{HIGHEST}&colormap_name=viridis"

LEAST = {"aligned": 12.0, "UTM": 8.0}
"""How many times as many requests a second as titiler, rio-tiler and xpublish-tiles."""

LEAST_OF_TERRACOTTA = {"aligned": 6.0, "UTM": 4.0}
LEAST_OF_THE_SAME_COG = 2.0
SPREAD = 3.0
"""How many times the median the ninety-ninth percentile may be."""

LEAST_OF_TWO = 1.7
"""How many times as many requests a second two workers answer as one does."""

CORES = 4
"""What two workers need to be judged: a core each, and two for the rest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """How a peer is asked for a tile."""

    name: str
    """Name in the tables."""

    key: str
    """Name in `serving_peers`."""

    needs: str
    """Its entry in `serving_peers.REQUIREMENTS`."""

    path: Callable[[Path, Place], str]
    """Path and query of a tile."""


PEERS = (
    Peer(
        name="titiler, COG",
        key="titiler-cog",
        needs="titiler",
        path=lambda folder, at: (
            f"/tiles/{TMS}/{at.z}/{at.x}/{at.y}.png?url={quote(str(folder / 'scene.tif'))}&{RANGE}"
        ),
    ),
    Peer(
        name="titiler.xarray, Zarr",
        key="titiler-xarray",
        needs="titiler",
        path=lambda folder, at: (
            f"/tiles/{TMS}/{at.z}/{at.x}/{at.y}.png"
            f"?url={quote(str(folder / 'catalog.zarr/scene'))}&group={at.level}"
            f"&variable=cells&{RANGE}"
        ),
    ),
    Peer(
        name="rio-tiler, GeoZarr",
        key="rio-tiler-geozarr",
        needs="titiler",
        path=lambda folder, at: f"/{at.z}/{at.x}/{at.y}.png",
    ),
    Peer(
        name="xpublish-tiles, Zarr",
        key="xpublish-tiles",
        needs="xpublish-tiles",
        path=lambda folder, at: (
            f"/tiles/{TMS}/{at.z}/{at.y}/{at.x}?variables=cells&style=raster/viridis"
            f"&colorscalerange=0,{HIGHEST}&width=256&height=256&f=image/png"
        ),
    ),
    Peer(
        name=TERRACOTTA,
        key="terracotta",
        needs="terracotta",
        path=lambda folder, at: (
            f"/singleband/scene/{at.z}/{at.x}/{at.y}.png?colormap=viridis"
            f"&stretch_range=[0,{HIGHEST}]"
        ),
    ),
)


@dataclass(slots=True)
class Found:
    """Figures of all grids."""

    tables: list[Table] = field(default_factory=list)
    checks: list[Check] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def serving(folder: Path, *, quick: bool, python: Path | None, missing: Mapping[str, str]) -> Found:
    """Measure both grids."""
    found = Found()
    for kind in GRIDS:
        place = folder / kind
        place.mkdir()
        make(place, kind, 2048 if quick else 8192)
        places = tiles(place, kind, 40 if quick else 400)
        with ExitStack() as stack:
            contenders = _start(stack, place, places, python, missing, found.notes, kind)
            _compare(contenders, place, found.notes, kind)
            loads = measure(contenders, rounds=2 if quick else 5, seconds=1 if quick else 6)
        _judge(loads, kind, len(places), found)
    return found


def measure(
    contenders: list[Contender], *, rounds: int, seconds: float
) -> dict[str, tuple[Load, ...]]:
    """Drive all contenders, each once a round, in an order that rotates, after a warm-up."""
    loads: dict[str, list[Load]] = {contender.name: [] for contender in contenders}
    for contender in contenders:
        drive(contender, seconds=seconds / 2, start=0)
    for turn in range(rounds):
        shift = turn % len(contenders)
        for contender in contenders[shift:] + contenders[:shift]:
            start = turn * len(contender.paths) // rounds
            loads[contender.name].append(drive(contender, seconds=seconds, start=start))
    return {name: tuple(found) for name, found in loads.items()}


def _start(
    stack: ExitStack,
    folder: Path,
    places: list[Place],
    python: Path | None,
    missing: Mapping[str, str],
    notes: list[str],
    kind: str,
) -> list[Contender]:
    """Start all servers that there are; note those that aren't."""
    contenders = _start_ours(stack, folder, places)
    for peer in PEERS:
        why = missing.get(peer.needs)
        if why is None and python is not None:
            port = free_port()
            script = str(Path(serving_peers.__file__))
            paths = tuple(peer.path(folder, at) for at in places)
            command = [str(python), script, peer.key, str(folder), str(port)]
            try:
                stack.enter_context(running(command, port, path=paths[0]))
            except RuntimeError as error:
                why = str(error)
            else:
                contenders.append(Contender(name=peer.name, port=port, paths=paths))
        if why is not None:
            notes.append(f"{kind}: {peer.name} is missing: {why}")
    return contenders


def _start_ours(stack: ExitStack, folder: Path, places: list[Place]) -> list[Contender]:
    catalog = str(folder / "catalog.zarr")
    one, two = free_port(), free_port()

    def paths(layer: str) -> tuple[str, ...]:
        return tuple(
            f"/layers/{layer}/tiles/{TMS}/{at.z}/{at.x}/{at.y}.png?{LOOK}" for at in places
        )

    command = [sys.executable, "-c", "from xcube_tiles.cli import main; main()", "serve", catalog]
    options = ["--collection", f"cog={folder / 'scene.tif'}", "--port", str(one)]
    stack.enter_context(running([*command, *options], one, path=paths("scene")[0]))
    options = ["--workers", "2", "--port", str(two)]
    stack.enter_context(running([*command, *options], two, path=paths("scene")[0]))
    return [
        Contender(name=OURS, port=one, paths=paths("scene")),
        Contender(name=OURS_COG, port=one, paths=paths("cog")),
        Contender(name=TWICE, port=two, paths=paths("scene")),
    ]


def _compare(contenders: list[Contender], folder: Path, notes: list[str], kind: str) -> None:
    """Note how far some tiles of the contenders are from ours, so that all draw the same."""
    ours = contenders[0]
    for contender in contenders[1:]:
        differing = []
        for place in range(0, len(ours.paths), max(1, len(ours.paths) // 6)):
            mine, theirs = (_pixels(who.fetch(who.paths[place])) for who in (ours, contender))
            off = np.abs(mine.astype(int) - theirs.astype(int)).max(axis=-1) > 24
            differing.append(off.mean() if mine.shape == theirs.shape else 1.0)
        notes.append(f"{kind}: {contender.name}: {median(differing):.1%} of pixels unlike ours")


def _pixels(picture: bytes) -> NDArray[np.uint8]:
    return np.asarray(Image.open(BytesIO(picture)).convert("RGBA"))


def _judge(loads: Mapping[str, tuple[Load, ...]], kind: str, count: int, found: Found) -> None:
    """Make the table, the checks and the notes of one grid."""
    timings = {
        name: Timing(seconds=tuple(load.seconds_each for load in its))
        for name, its in loads.items()
    }
    title = f"seconds per tile, {kind} grid ({GRIDS[kind]}), {count} tiles"
    found.tables.append(Table(title=title, timings=timings, reference=OURS))
    for name, timing in timings.items():
        if name not in (OURS, OURS_COG, TWICE):
            least = LEAST_OF_TERRACOTTA[kind] if name == TERRACOTTA else LEAST[kind]
            claim = f"{kind}: requests/s, ours (Zarr) / {name}"
            found.checks.append(at_least(claim, timing.ratio_to(timings[OURS]), least))
    if TERRACOTTA in timings:
        ratio = timings[TERRACOTTA].ratio_to(timings[OURS_COG])
        claim = f"{kind}: requests/s, ours (COG) / {TERRACOTTA}"
        found.checks.append(at_least(claim, ratio, LEAST_OF_THE_SAME_COG))
    for name in (OURS, OURS_COG):
        spread = median(load.p99 / load.p50 for load in loads[name])
        found.checks.append(at_most(f"{kind}: p99 / p50, {name}", spread, SPREAD))
        errors = sum(load.errors for load in loads[name])
        found.checks.append(at_most(f"{kind}: errors, {name}", errors, 0))
    for name, its in loads.items():
        rate = median(1 / load.seconds_each for load in its)
        p50, p99 = (median(getattr(load, part) for load in its) * 1e3 for part in ("p50", "p99"))
        errors = sum(load.errors for load in its)
        found.notes.append(
            f"{kind}: {name}: {rate:.0f} requests/s, p50 {p50:.1f} ms, p99 {p99:.1f} ms, "
            f"{errors} errors"
        )
    _judge_two(timings[OURS].ratio_to(timings[TWICE]), kind, found)


def _judge_two(gain: float, kind: str, found: Found) -> None:
    """Hold two workers to their bound where there are cores enough, else say why not."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    claim = f"{kind}: requests/s, two workers / one"
    if (cores or 1) >= CORES:
        found.checks.append(at_least(claim, gain, LEAST_OF_TWO))
    else:
        found.notes.append(
            f"{claim}: {gain:.2f}, not judged: {cores} cores, of which what drives them takes its "
            f"share; from {CORES} on {LEAST_OF_TWO} is required"
        )
