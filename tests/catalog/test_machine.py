"""Random changes of a catalog against a model in memory, with writers killed and readers beside.

Every change runs in a child process that may be killed at any step it takes on the disk; a reader,
in a process of its own, looks between the steps. It sees the state before or the state after.
"""

from __future__ import annotations

import multiprocessing
import os
import shutil
import signal
import tempfile
import threading
import warnings
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dask
import numpy as np
import pytest
from hypothesis import HealthCheck, note, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.catalog.cubes import cube_of
from xcube_tiles.catalog.reader import open_catalog
from xcube_tiles.catalog.writer import to_catalog
from xcube_tiles.errors import CatalogError, LayerNotFoundError

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray
    from xarray import Dataset

    from xcube_tiles.catalog.model import Catalog

    Change = Callable[[Catalog], object]

SHAPE = (37, 50)
LEVELS = 3
NAMES = st.sampled_from(["a", "b"])
SEEDS = st.integers(0, 2**16)
STEPS = ("link", "unlink", "replace", "rename", "rmdir")
"""The calls of the operating system by which files of a catalog come and go."""


@dataclass(frozen=True)
class State:
    """What a layer holds."""

    days: tuple[int, ...]
    """Days since 2024-01-01."""

    cells: NDArray[np.int16] = field(repr=False)
    """Shape (day, y, x); -9999 is NoData."""

    def levels(self) -> list[NDArray[np.int16]]:
        """Return the means of all levels, by the definition."""
        return [_means(self.cells, 2**level) for level in range(LEVELS)]

    def digest(self) -> tuple[Any, ...]:
        """Return what two equal states have in common."""
        return self.days, tuple(level.tobytes() for level in self.levels())


def _means(cells: NDArray[np.int16], factor: int) -> NDArray[np.int16]:
    height, width = (-(-size // factor) for size in SHAPE)
    padded = np.full((len(cells), height * factor, width * factor), np.nan)
    padded[:, : SHAPE[0], : SHAPE[1]] = np.where(cells == -9999, np.nan, cells)
    windows = padded.reshape(len(cells), height, factor, width, factor)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # windows without values
        means = np.nanmean(windows, axis=(2, 4))
    return np.where(np.isnan(means), -9999, np.rint(means)).astype(np.int16)


def random_cells(seed: int, *shape: int) -> NDArray[np.int16]:
    generator = np.random.default_rng(seed)
    cells = generator.integers(0, 1000, shape).astype(np.int16)
    cells[generator.random(shape) < 0.3] = -9999
    cells[..., : shape[-1] // 3] = -9999  # some blocks are empty, and have no file
    return cells


def cube(days: tuple[int, ...], cells: NDArray[np.int16]) -> Dataset:
    times = np.datetime64("2024-01-01", "ns") + np.array(days).astype("timedelta64[D]")
    return cube_of(cells).assign_coords(time=times).chunk({"time": 1, "y": 16, "x": 16})


def seen(folder: Path, name: str) -> tuple[Any, ...] | None:
    """Return what a reader sees of a layer now; None if there is none."""
    try:
        layer = open_catalog(folder)[name]
    except LayerNotFoundError:
        return None
    assert layer.times is not None
    days = (layer.times - np.datetime64("2024-01-01", "ns")) // np.timedelta64(1, "D")
    levels = []
    for level in range(LEVELS):
        height, width = layer.shape_of(level)
        levels.append(layer.read("band", level=level, rows=slice(height), cols=slice(width)))
    return tuple(int(day) for day in days), tuple(level.tobytes() for level in levels)


def _answer(requests: Any) -> None:
    """Run the reader's process: for a folder and a name, send what is seen there."""
    while True:
        folder, name = requests.recv()
        try:
            requests.send(seen(folder, name))
        except CatalogError as error:
            requests.send(str(error))


def _steps(each: Callable[[], object]) -> None:
    """Call something before each step on the disk that this process takes from now on."""
    for step in STEPS:
        original = getattr(os, step)

        def stepped(*args: Any, original: Any = original, **kwargs: Any) -> Any:
            each()
            return original(*args, **kwargs)

        setattr(os, step, stepped)


class Steps:
    """Counts the steps of a child: reports some of them, and kills the child at one."""

    def __init__(self, report: Any, stride: int, fatal: int | None) -> None:
        self.report, self.stride, self.fatal, self.count = report, stride, fatal, 0
        self.lock = threading.Lock()  # files are written by several threads

    def __call__(self) -> None:
        """Take note of a step that is about to be taken."""
        with self.lock:
            self.count += 1
            if self.count == self.fatal:
                os.kill(os.getpid(), signal.SIGKILL)
            if self.count % self.stride == 0:
                self.report.send(self.count)
                self.report.recv()  # the reader has looked


def _change(folder: Path, change: Change, steps: Steps) -> None:
    """Run a change in a child process."""
    with dask.config.set(scheduler="synchronous"):
        catalog = open_catalog(folder)
        _steps(steps)
        change(catalog)
    os._exit(0)


class CatalogMachine(RuleBasedStateMachine):
    """Layers on a local disk, and the same in memory."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        # the catalog itself has to be there: its first layer is written and deleted
        to_catalog(cube((0,), random_cells(0, 1, *SHAPE)), self.folder, "first", progress=False)
        open_catalog(self.folder).delete("first")
        self.model: dict[str, State] = {}
        self.unfinished: dict[str, tuple[Change, State]] = {}
        self.forks = multiprocessing.get_context("fork")
        self.requests, far = self.forks.Pipe()
        self.reader = self.forks.Process(target=_answer, args=(far,), daemon=True)
        self.start(self.reader)

    def start(self, process: Any) -> None:
        """Fork, of which newer Pythons warn: zarr and dask begin anew in a child."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            process.start()

    def teardown(self) -> None:
        """End the reader and delete the catalog."""
        self.reader.kill()
        self.reader.join()
        shutil.rmtree(self.folder)

    def look(self, name: str) -> tuple[Any, ...] | None:
        """Ask the reader what it sees."""
        self.requests.send((self.folder, name))
        found: tuple[Any, ...] | None = self.requests.recv()
        return found

    def run(self, name: str, change: Change, after: State | None, data: Any) -> bool:
        """Run a change that may be killed; return whether it took place."""
        before = self.model.get(name)
        old, new = (None if state is None else state.digest() for state in (before, after))
        allowed = [old, new]
        fatal = data.draw(st.none() | st.integers(1, 250), label="killed at step")
        stride = data.draw(st.integers(5, 30), label="reader looks every")
        here, there = self.forks.Pipe()
        child = self.forks.Process(
            target=_change, args=(self.folder, change, Steps(there, stride, fatal))
        )
        self.start(child)
        there.close()
        try:
            while True:
                step = here.recv()
                found = self.look(name)
                assert found in allowed, f"half a state at step {step}: {found!r:.200}"
                if found == new:
                    allowed = [new]  # it never goes back
                here.send(None)
        except (EOFError, ConnectionError):
            child.join()
        if fatal is None:
            assert child.exitcode == 0
        found = self.look(name)
        assert found in allowed
        took_place = found == new and (child.exitcode == 0 or old != new)
        note(f"{name}: exit {child.exitcode}, {'done' if took_place else 'not done'}")
        self.unfinished.pop(name, None)
        if took_place and after is None:
            self.model.pop(name, None)
        elif took_place and after is not None:
            self.model[name] = after
        return took_place

    def grow(self, name: str, change: Callable[..., object], after: State, data: Any) -> None:
        """Run a change that can be resumed."""
        if not self.run(name, change, after, data):
            self.unfinished[name] = (partial(change, resume=True), after)

    @rule(name=NAMES, seed=SEEDS, days=st.integers(1, 3), data=st.data())
    def write(self, name: str, seed: int, days: int, data: Any) -> None:
        """Make or replace a layer."""
        after = State(tuple(range(days)), random_cells(seed, days, *SHAPE))

        def change(catalog: Catalog, resume: bool = False) -> None:
            catalog.write(
                cube(after.days, after.cells), name, levels=LEVELS, overwrite=True, resume=resume,
                chunk=8, shard=16, progress=False,
            )  # fmt: skip

        self.grow(name, change, after, data)

    @precondition(lambda self: self.model)
    @rule(seed=SEEDS, days=st.integers(1, 2), data=st.data())
    def append(self, seed: int, days: int, data: Any) -> None:
        """Add dates to a layer."""
        name = data.draw(st.sampled_from(sorted(self.model)))
        before = self.model[name]
        new = tuple(range(before.days[-1] + 1, before.days[-1] + 1 + days))
        cells = random_cells(seed, days, *SHAPE)
        after = State(before.days + new, np.concatenate([before.cells, cells]))

        def change(catalog: Catalog, resume: bool = False) -> None:
            catalog.append(name, cube(new, cells), resume=resume, progress=False)

        self.grow(name, change, after, data)

    @precondition(lambda self: self.model)
    @rule(seed=SEEDS, top=st.integers(0, 36), left=st.integers(0, 49), data=st.data())
    def update(self, seed: int, top: int, left: int, data: Any) -> None:
        """Replace the cells of a region at one date."""
        name = data.draw(st.sampled_from(sorted(self.model)))
        before = self.model[name]
        at = data.draw(st.integers(0, len(before.days) - 1))
        bottom = data.draw(st.integers(top + 1, SHAPE[0]))
        right = data.draw(st.integers(left + 1, SHAPE[1]))
        cells = before.cells.copy()
        cells[at, top:bottom, left:right] = random_cells(seed, bottom - top, right - left)
        after = State(before.days, cells)
        part = cube(before.days, cells).isel(time=[at], y=slice(top, bottom), x=slice(left, right))

        def change(catalog: Catalog, resume: bool = False) -> None:
            catalog.update(name, part, resume=resume, progress=False)

        self.grow(name, change, after, data)

    @precondition(lambda self: self.unfinished)
    @rule(data=st.data())
    def resume(self, data: Any) -> None:
        """Go on where a killed writer ended."""
        name = data.draw(st.sampled_from(sorted(self.unfinished)))
        change, after = self.unfinished[name]
        if not self.run(name, change, after, data):
            self.unfinished[name] = (change, after)

    @precondition(lambda self: self.model)
    @rule(data=st.data())
    def delete(self, data: Any) -> None:
        """Delete a layer."""
        name = data.draw(st.sampled_from(sorted(self.model)))
        self.run(name, lambda catalog: catalog.delete(name), None, data)

    @precondition(lambda self: len(self.model) == 1)
    @rule(data=st.data())
    def copy(self, data: Any) -> None:
        """Copy a layer to the name that is free."""
        source = next(iter(self.model))
        target = "b" if source == "a" else "a"
        self.run(target, lambda catalog: catalog.copy(source, target), self.model[source], data)

    @rule(name=NAMES, data=st.data())
    def vacuum(self, name: str, data: Any) -> None:
        """Remove what nobody needs."""
        self.run(name, lambda catalog: catalog.vacuum(), self.model.get(name), data)
        self.unfinished.clear()

    @invariant()
    def all_is_there(self) -> None:
        """Compare the catalog with the model."""
        assert open_catalog(self.folder).layers == tuple(sorted(self.model))
        for name, state in self.model.items():
            assert seen(self.folder, name) == state.digest()


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system can't fork")
def test_no_state_is_lost_or_half() -> None:
    rounds = settings(
        max_examples=8,
        stateful_step_count=8,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
    run_state_machine_as_test(CatalogMachine, settings=rounds)
