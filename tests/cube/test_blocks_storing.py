"""Blocks to where they are kept: all of them, in an order that lets a part be finished first."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING, Any

import dask
import dask.array as da
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xcube_tiles.catalog.pyramids.levels import coarsen_levels
from xcube_tiles.cube.blocks import from_reader, store_blocks
from xcube_tiles.grid.celltype import CellType

if TYPE_CHECKING:
    from numpy.typing import NDArray

LABELS = ("0/band", "1/band", "2/band")


def levels_of(cells: NDArray[Any], block: int) -> list[Any]:
    """Return three levels, each half of the one before, in blocks of equal size."""
    return [da.from_array(cells[:, ::step, ::step], chunks=(1, block, block)) for step in (1, 2, 4)]


def stored(by: Any, finished: tuple[str, ...] = ()) -> tuple[list[Any], list[str], NDArray[Any]]:
    cells = np.arange(2 * 40 * 48).reshape(2, 40, 48)
    targets = [np.full((2, 40 // step, 48 // step), -1) for step in (1, 2, 4)]
    written: list[str] = []
    call = store_blocks(
        levels_of(cells, 8), targets, LABELS,
        by=by, levels=3, finished=finished, mark=written.append, ahead=2,
    )  # fmt: skip
    with dask.config.set(scheduler="synchronous"):
        call.compute()
    return targets, written, cells


@pytest.mark.parametrize("by", ["rowmajor", "hilbert", "zorder"])
def test_every_block_is_written_once(by: Any) -> None:
    targets, written, cells = stored(by)
    for step, target in zip((1, 2, 4), targets, strict=True):
        np.testing.assert_array_equal(target, cells[:, ::step, ::step])
    assert len(written) == len(set(written)) == 2 * (5 * 6 + 3 * 3 + 2 * 2)


def test_what_is_finished_is_left_out() -> None:
    _, whole, _ = stored("hilbert")
    done = tuple(label for label in whole if label.startswith("0/band/0."))
    targets, written, cells = stored("hilbert", done)
    assert sorted(written) == sorted(set(whole) - set(done))
    assert (targets[0][0] == -1).all()
    np.testing.assert_array_equal(targets[0][1], cells[1])
    np.testing.assert_array_equal(targets[2], cells[:, ::4, ::4])


class Trace:
    """A raster that tells when its blocks are read, and to where they go, when they are there."""

    def __init__(self, size: int, block: int, read: int) -> None:
        self.size, self.block = size, block
        self.lock = Lock()
        self.events: list[tuple[str, int, tuple[int, int]]] = []
        base = from_reader(
            self.read, shape=(size, size), chunks=read, dtype="uint16",
            name="trace", token=(size, read),
        )  # fmt: skip
        self.exponents = range(int(np.log2(size // block)) + 1)
        self.shapes = [(size >> n, size >> n) for n in self.exponents]
        self.arrays = coarsen_levels(
            base, shapes=self.shapes, exponents=[*self.exponents], block=block, method="mean",
            cell_type=CellType.parse("uint16"), min_valid=0.0,
        )  # fmt: skip

    def read(self, index: tuple[slice, ...]) -> NDArray[Any]:
        rows, cols = index
        with self.lock:
            self.events.append(("read", 0, (rows.start, cols.start)))
        y, x = np.ogrid[rows, cols]
        cells: NDArray[Any] = (y * 7 + x * 3).astype("uint16")
        return cells

    def mark(self, label: str) -> None:
        level, index = label.split("/")
        row, col = map(int, index.split("."))
        with self.lock:
            self.events.append(("written", int(level), (row, col)))

    def store(self, ahead: int | None, scheduler: str = "synchronous", **options: Any) -> Any:
        targets = [np.zeros(shape, "uint16") for shape in self.shapes]
        labels = [str(n) for n in self.exponents]
        call = store_blocks(
            self.arrays, targets, labels,
            mark=self.mark, levels=len(labels), ahead=ahead, **options,
        )  # fmt: skip
        with dask.config.set(scheduler=scheduler, num_workers=2):
            call.compute()
        return targets

    def most_under_way(self) -> int:
        """Return how many blocks of the base were begun and not written, most."""
        begun: set[tuple[int, int]] = set()
        written: set[tuple[int, int]] = set()
        most = 0
        for kind, level, (row, col) in self.events:
            if kind == "read":
                begun.add((row // self.block, col // self.block))
            elif level == 0:
                written.add((row, col))
            most = max(most, len(begun - written))
        return most

    def most_parts(self) -> int:
        """Return how many base blocks were written whose block of level 1 wasn't, most."""
        written: set[tuple[int, int]] = set()
        coarse: set[tuple[int, int]] = set()
        most = 0
        for kind, level, place in self.events:
            if kind == "written" and level < 2:
                (coarse if level else written).add(place)
            most = max(most, sum((row // 2, col // 2) not in coarse for row, col in written))
        return most


@pytest.mark.parametrize("scheduler", ["synchronous", "threads"])
@pytest.mark.parametrize("ahead", [1, 3])
def test_no_more_is_under_way_than_wanted(ahead: int, scheduler: str) -> None:
    trace = Trace(256, 16, 8)
    paced = trace.store(ahead, scheduler)
    assert trace.most_under_way() <= ahead
    # A block of level 1 is there once the four over it are, and those on their way meanwhile.
    assert trace.most_parts() <= 4 + ahead
    for cells, freely in zip(paced, trace.store(None), strict=True):
        np.testing.assert_array_equal(cells, freely)


def test_without_a_limit_the_scheduler_reads_ahead() -> None:
    """The order that the pace is for: it begins with what the coarsest level needs."""
    trace = Trace(256, 16, 8)
    trace.store(None)
    assert trace.most_parts() > 16


@given(st.sampled_from([8, 16, 24, 64, 256]), st.integers(1, 40), st.data())
def test_any_pace_writes_the_same(read: int, ahead: int, data: st.DataObject) -> None:
    trace = Trace(128, 16, read)
    whole = trace.store(None)
    labels = [f"{level}/{row}.{col}" for k, level, (row, col) in trace.events if k == "written"]
    finished = data.draw(st.sets(st.sampled_from(labels)))
    trace.events.clear()
    paced = trace.store(ahead, finished=finished)
    assert sorted(
        f"{level}/{row}.{col}" for kind, level, (row, col) in trace.events if kind == "written"
    ) == sorted(set(labels) - finished)
    for level, (cells, wanted) in enumerate(zip(paced, whole, strict=True)):
        for row, col in np.ndindex(*(-(-size // 16) for size in wanted.shape)):
            part = np.s_[row * 16 : row * 16 + 16, col * 16 : col * 16 + 16]
            there = f"{level}/{row}.{col}" not in finished
            np.testing.assert_array_equal(cells[part], wanted[part] if there else 0)
