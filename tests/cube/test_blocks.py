"""Graphs over blocks: chunked equals unchunked, few tasks, names that tell work apart."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from typing import Any

import dask.array as da
import numpy as np
import pytest
from dask.base import collections_to_expr
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import ndimage

from xcube_tiles.cube.blocks import (
    from_reader,
    is_lazy,
    map_blocks,
    map_halo,
    map_windows,
    tree_reduce,
)
from xcube_tiles.errors import DimensionError
from xcube_tiles.testing.asserts import CountingReader, assert_lazy

Cells = NDArray[Any]


def add(left: Cells, right: Cells, *, weight: float) -> Cells:
    total: Cells = left + weight * right
    return total


def box_sum(window: Cells, *, margins: tuple[int, int, int, int], radius: int) -> Cells:
    """Sum of the neighbourhood clipped to the raster, by convolution of the window."""
    size = 2 * radius + 1
    weights = np.ones((1,) * (window.ndim - 2) + (size, size))
    sums = ndimage.convolve(window, weights, mode="constant")
    top, bottom, left, right = margins
    height, width = window.shape[-2:]
    inner: Cells = sums[..., top : height - bottom, left : width - right]
    return inner


def chunked(array: Cells, *sizes: int) -> Any:
    return da.from_array(array, chunks=sizes)


def tasks(array: Any) -> int:
    return len(dict(array.__dask_graph__()))


@pytest.fixture
def cells() -> Cells:
    return np.arange(2 * 23 * 31, dtype=np.float64).reshape(2, 23, 31)


def test_map_blocks_now_and_later(cells: Cells) -> None:
    eager = map_blocks(add, cells, cells, name="add", dtype=float, weight=2.0)
    lazy = chunked(cells, 1, 10, 10)
    with assert_lazy():
        result = map_blocks(add, lazy, lazy, name="add", dtype=float, weight=2.0)
    np.testing.assert_array_equal(eager, cells * 3)
    np.testing.assert_array_equal(result.compute(), eager)
    assert tasks(result) == 2 * lazy.npartitions


def total(block: Cells, guide: Cells, *, axis: int) -> Cells:
    summed: Cells = (block * guide).sum(axis=axis)
    return summed


def test_map_blocks_drops_an_axis(cells: Cells) -> None:
    lazy, guide = chunked(cells, 2, 10, 7), chunked(cells[0], 10, 7)
    result = map_blocks(total, lazy, guide, name="total", dtype=float, drop_axis=0, axis=0)
    np.testing.assert_array_equal(result.compute(), (cells * cells[0]).sum(axis=0))
    assert result.chunks == lazy.chunks[1:]
    assert tasks(result) == tasks(lazy) + tasks(guide) + result.npartitions
    with pytest.raises(ValueError, match="one block"):
        map_blocks(total, chunked(cells, 1, 10, 7), cells[0], name="t", dtype=float, drop_axis=0)


def test_names_tell_inputs_apart(cells: Cells) -> None:
    lazy = chunked(cells, 1, 10, 10)
    one, same, other = (
        map_blocks(add, lazy, lazy, name="add", dtype=float, weight=weight)
        for weight in (2.0, 2.0, 3.0)
    )
    assert one.name == same.name
    assert one.name != other.name


@given(
    chunk_y=st.integers(2, 25),
    chunk_x=st.integers(3, 33),
    radius=st.integers(0, 12),
)
def test_halo_equals_whole(chunk_y: int, chunk_x: int, radius: int) -> None:
    cells = np.arange(23 * 31, dtype=np.float64).reshape(1, 23, 31)
    whole = box_sum(cells, margins=(0, 0, 0, 0), radius=radius)
    lazy = map_halo(
        box_sum,
        chunked(cells, 1, chunk_y, chunk_x),
        depth=(radius, radius),
        name="box",
        dtype=float,
        radius=radius,
    )
    np.testing.assert_array_equal(lazy.compute(scheduler="sync"), whole)


def test_halo_is_one_task_a_block(cells: Cells) -> None:
    lazy = chunked(cells, 1, 5, 5)
    result = map_halo(box_sum, lazy, depth=(2, 2), name="box", dtype=float, radius=2)
    assert tasks(result) - tasks(lazy) == result.npartitions


def test_halo_of_numpy_runs_at_once(cells: Cells) -> None:
    result = map_halo(box_sum, cells, depth=(1, 1), name="box", dtype=float, radius=1)
    assert not is_lazy(result)
    np.testing.assert_array_equal(result, box_sum(cells, margins=(0, 0, 0, 0), radius=1))


def halve(window: Cells, *, block: tuple[int, int]) -> Cells:
    coarse: Cells = window[..., ::2, ::2]
    return coarse


@given(chunk=st.integers(1, 16))
def test_windows_gather_across_blocks(chunk: int) -> None:
    cells = np.arange(16 * 16).reshape(16, 16)
    outcome = [
        map_windows(
            halve,
            array,
            chunks=((4, 4), (8,)),
            windows=lambda i, j: (slice(8 * i, 8 * i + 8), slice(0, 16)),
            name="halve",
            dtype=int,
        )
        for array in (cells, chunked(cells, chunk, chunk))
    ]
    np.testing.assert_array_equal(outcome[0], cells[::2, ::2])
    np.testing.assert_array_equal(outcome[1].compute(scheduler="sync"), cells[::2, ::2])


def fill(window: Cells, *, block: tuple[int, int]) -> Cells:
    return np.full((*window.shape[:-2], 2, 2), window.size)


def test_windows_beyond_the_array_are_empty() -> None:
    cells = chunked(np.ones((3, 6, 6)), 1, 3, 3)
    result = map_windows(
        fill,
        cells,
        chunks=((2,), (2, 2)),
        windows=lambda i, j: (slice(0, 3), slice(4 + 6 * j, 9 + 6 * j)),
        name="fill",
        dtype=int,
    )
    np.testing.assert_array_equal(result.compute()[0], [[6, 6, 0, 0], [6, 6, 0, 0]])


def minus(left: Cells, right: Cells, *, block: tuple[int, int]) -> Cells:
    difference: Cells = left - right
    return difference


def test_windows_of_several_arrays() -> None:
    one, two = np.arange(36.0).reshape(6, 6), np.ones((6, 6))
    result = map_windows(
        minus,
        chunked(one, 2, 4),
        two,
        chunks=((6,), (6,)),
        windows=lambda i, j: (slice(0, 6), slice(0, 6)),
        name="minus",
        dtype=float,
    )
    np.testing.assert_array_equal(result.compute(), one - two)


def partial_sum(block: Cells, *, axis: int) -> Cells:
    state: Cells = block.sum(axis=axis)
    return state


def add_all(states: list[Cells]) -> Cells:
    total: Cells = np.sum(states, axis=0)
    return total


def as_is(state: Cells) -> Cells:
    return state


@given(
    axis=st.integers(-3, 2),
    sizes=st.tuples(st.integers(1, 11), st.integers(1, 5), st.integers(1, 6)),
    split_every=st.integers(2, 5),
)
def test_tree_reduces_any_axis(axis: int, sizes: tuple[int, ...], split_every: int) -> None:
    cells = np.arange(11 * 5 * 6).reshape(11, 5, 6)
    for array in (cells, chunked(cells, *sizes)):
        result = tree_reduce(
            array,
            axis=axis,
            partial_=partial_sum,
            combine=add_all,
            finalize=as_is,
            name="sum",
            dtype=int,
            split_every=split_every,
        )
        np.testing.assert_array_equal(np.asarray(result), cells.sum(axis=axis))


def test_reader_is_asked_for_each_block_once() -> None:
    reader = CountingReader(np.arange(60).reshape(6, 10))
    with assert_lazy():
        lazy = from_reader(
            reader, shape=(6, 10), chunks=(3, 5), dtype=int, name="read", token="a file"
        )
    np.testing.assert_array_equal(lazy.compute(), reader.array)
    assert len(reader.reads) == 4


@pytest.mark.parametrize(
    "index",
    [
        (2, slice(None)),
        (slice(None, None, -1), slice(1, 9, 3)),
        (Ellipsis, 3),
        (slice(4, 1, -2),),
        (slice(3, 3), 0),
        (-1, -1),
    ],
)
def test_reader_indexed_further(index: tuple[Any, ...]) -> None:
    reader = CountingReader(np.arange(60).reshape(6, 10))
    lazy = from_reader(reader, shape=(6, 10), chunks=(3, 5), dtype=int, name="read", token="x")
    np.testing.assert_array_equal(lazy[index].compute(), reader.array[index])


def test_readers_of_different_files_have_different_names() -> None:
    reader = CountingReader(np.zeros((4, 4)))
    names = {
        from_reader(reader, shape=(4, 4), chunks=2, dtype=float, name="read", token=token).name
        for token in ("a", "b", "a")
    }
    assert len(names) == 2


def test_graphs_survive_optimization(cells: Cells) -> None:
    lazy = map_halo(
        box_sum, chunked(cells, 1, 7, 9), depth=(1, 1), name="box", dtype=float, radius=1
    )
    total = (lazy + 1).sum()
    assert collections_to_expr([total]) is not None
    assert total.compute() == pytest.approx(
        (box_sum(cells, margins=(0, 0, 0, 0), radius=1) + 1).sum()
    )


def redefined(factor: int) -> Any:
    """Return functions that share a name and a place, as cells of a notebook make them."""
    scope: dict[str, Any] = {"__name__": "__main__"}
    exec(f"def scaled(block): return block * {factor}", scope)
    return scope["scaled"]


def test_functions_defined_anew_are_told_apart(cells: Cells) -> None:
    lazy = chunked(cells, 1, 10, 10)
    names = {map_blocks(redefined(by), lazy, name="scaled", dtype=float).name for by in (2, 3)}
    assert len(names) == 2


NAMES = """
import dask.array as da, numpy as np, xarray as xr
from affine import Affine
from odc.geo.geobox import GeoBox
import xcube_tiles as xt
from xcube_tiles.cube.georef import assign_geobox
grid = GeoBox((40, 40), Affine(10, 0, 300_000, 0, -10, 5_000_000), "EPSG:32633")
ones = da.ones((2, 40, 40), chunks=(1, 20, 20), name="ones")
times = np.array(["2024-01-01", "2024-02-01"], "M8[ns]")
cube = assign_geobox(xr.DataArray(ones, {"time": times}, ("time", "y", "x"), "a"), grid)
made = [
    cube.tiles.reproject("EPSG:3857", resampling="bilinear"),
    cube.tiles.hillshade(), cube.tiles.convert("float32"), cube.tiles.mask(cube),
    cube.tiles.reduce("time", "median"), cube.tiles.reduce("time", "mean"),
    cube.tiles.aggregate("time", "1MS", "max"), cube.tiles.merge(cube, overlap="mean"),
]
print([array.data.name for array in made])
"""


def test_names_are_equal_in_every_process() -> None:
    told = {
        subprocess.run(
            [sys.executable, "-W", "ignore", "-c", NAMES],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(told) == 1


def test_graphs_pickle(cells: Cells) -> None:
    lazy = map_halo(
        box_sum, chunked(cells, 1, 7, 9), depth=(1, 1), name="box", dtype=float, radius=1
    )
    for task in dict(lazy.__dask_graph__()).values():
        pickle.loads(pickle.dumps(task))


def test_blocks_of_unknown_size_are_refused(cells: Cells) -> None:
    lazy = chunked(cells[0], 10, 10)
    picked = lazy[lazy[:, 0] > 300]
    with pytest.raises(DimensionError, match="compute_chunk_sizes"):
        map_blocks(add, picked, picked, name="add", dtype=float, weight=1.0)


def test_empty_windows_read_nothing() -> None:
    reader = CountingReader(np.ones((2, 6, 6)))
    lazy = from_reader(
        reader, shape=(2, 6, 6), chunks=(1, 3, 3), dtype=float, name="read", token="x"
    )
    result = map_windows(
        fill,
        lazy,
        chunks=((2,), (2,)),
        windows=lambda _i, _j: (slice(0, 3), slice(9, 12)),
        name="fill",
        dtype=int,
    )
    assert result.compute().shape == (2, 2, 2)
    assert not reader.reads


def test_blocks_without_cells() -> None:
    empty = da.zeros((0, 6, 6), chunks=(0, 3, 3))
    doubled = map_blocks(add, empty, empty, name="add", dtype=float, weight=1.0)
    assert doubled.compute().shape == (0, 6, 6)
    halo = map_halo(box_sum, empty, depth=(1, 1), name="box", dtype=float, radius=1)
    assert halo.shape == (0, 6, 6)
