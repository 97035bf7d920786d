"""Graphs of what depends on the whole raster: folds, shared numbers, whole rasters, round rims."""

from __future__ import annotations

import pickle
from typing import Any

import dask.array as da
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import ndimage

from xcube_tiles.cube.blocks import (
    fold_blocks,
    map_blocks,
    map_halo,
    map_shared,
    map_whole,
)
from xcube_tiles.testing.asserts import assert_lazy, count_tasks

Cells = NDArray[Any]
# Blocks of one cell would be a thousand tasks, and no other case than those of two.
CHUNKS = st.tuples(st.integers(1, 3), st.integers(2, 25), st.integers(3, 33))


def cells(*shape: int) -> Cells:
    return np.arange(np.prod(shape)).reshape(shape) * 7919 % 1009


def weighted(*blocks: Cells, origin: tuple[int, ...], power: int) -> Cells:
    """Sum of cells times their row number: wrong origins show."""
    block = blocks[0] if len(blocks) == 1 else blocks[0] * blocks[1]
    rows = np.arange(block.shape[-2])[:, None] + origin[-2]
    total: Cells = (block**power * rows).sum(axis=(-2, -1))
    return total


def weighted_all(*blocks: Cells, origin: tuple[int, ...], power: int) -> Cells:
    return np.atleast_1d(weighted(*blocks, origin=origin, power=power).sum())


def added(states: list[Cells]) -> Cells:
    total: Cells = np.sum(states, axis=0)
    return total


def as_row(state: Cells, *, power: int) -> Cells:
    return state[..., None]


def as_it_is(state: Cells, *, power: int) -> Cells:
    return state


def shifted(block: Cells, table: Cells, *, origin: tuple[int, ...]) -> Cells:
    total: Cells = (block + table[-1]).sum(axis=(-2, -1))
    return total


@given(sizes=CHUNKS)
def test_fold_with_tables(sizes: tuple[int, int, int]) -> None:
    array, table = cells(3, 25, 33), np.array([[3, 4], [5, 6]])[:, 1]
    call: Any = {
        "combine": added, "finalize": lambda state: state[..., None], "name": "fold",
        "shape": (1,), "dtype": np.int64, "over": 2,
    }  # fmt: skip
    expected = shifted(array, table, origin=())[..., None]
    np.testing.assert_array_equal(fold_blocks(shifted, array, tables=[table], **call), expected)
    with assert_lazy():
        lazy = fold_blocks(
            shifted, da.from_array(array, sizes), tables=[da.from_array(table, 1)], **call
        )
        also = fold_blocks(shifted, array, tables=[da.from_array(table, 1)], **call)
    np.testing.assert_array_equal(lazy, expected)
    np.testing.assert_array_equal(also, expected)


@given(sizes=CHUNKS, power=st.integers(1, 2))
def test_fold_over_all_blocks(sizes: tuple[int, int, int], power: int) -> None:
    array = cells(3, 25, 33)
    expected = (array**power * np.arange(25)[:, None]).sum(keepdims=True)[0, 0]
    options: dict[str, Any] = {
        "combine": added,
        "finalize": as_it_is,
        "name": "f",
        "shape": (1,),
        "dtype": int,
        "split_every": 3,
        "power": power,
    }
    lazy = fold_blocks(weighted_all, da.from_array(array, chunks=sizes), **options)
    assert lazy.shape == (1,)
    np.testing.assert_array_equal(lazy.compute(scheduler="sync"), expected)
    np.testing.assert_array_equal(fold_blocks(weighted_all, array, **options), expected)


@given(sizes=CHUNKS)
def test_fold_over_y_and_x(sizes: tuple[int, int, int]) -> None:
    array, mask = cells(3, 25, 33), cells(25, 33) % 2
    expected = (array * mask * np.arange(25)[:, None]).sum(axis=(1, 2))[:, None]
    options: dict[str, Any] = {
        "combine": added,
        "finalize": as_row,
        "name": "f",
        "shape": (1,),
        "dtype": int,
        "over": 2,
        "power": 1,
    }
    lazy = fold_blocks(weighted, da.from_array(array, chunks=sizes), mask, **options)
    assert lazy.shape == (3, 1)
    np.testing.assert_array_equal(lazy.compute(scheduler="sync"), expected)
    np.testing.assert_array_equal(fold_blocks(weighted, array, mask, **options), expected)


def test_fold_of_a_large_array_in_memory_equals_that_of_blocks() -> None:
    array = cells(700, 900)
    options: dict[str, Any] = {
        "combine": added, "finalize": as_it_is, "name": "f", "shape": (1,), "dtype": int,
        "power": 1,
    }  # fmt: skip
    lazy = fold_blocks(weighted_all, da.from_array(array, chunks=200), **options)
    assert lazy.compute()[0] == fold_blocks(weighted_all, array, **options)[0]
    # one task a block, one for eight states
    assert count_tasks(lazy) == 20 + 20 + 3 + 1


def scaled(block: Cells, low: Cells, high: Cells) -> Cells:
    result: Cells = (block - low[0]) / (high[0] - low[0])
    return result


def smallest(*blocks: Cells, origin: tuple[int, ...]) -> Cells:
    return np.atleast_1d(blocks[0].min())


def least(states: list[Cells]) -> Cells:
    total: Cells = np.min(states, axis=0)
    return total


def unchanged(state: Cells) -> Cells:
    return state


def test_tables_reach_every_block_whole() -> None:
    array = cells(2, 25, 33).astype(float)
    lazy = da.from_array(array, chunks=(1, 10, 10))
    with assert_lazy():
        low = fold_blocks(
            smallest, lazy, combine=least, finalize=unchanged, name="low", shape=(1,), dtype=float
        )
        result = map_blocks(
            scaled, lazy, name="scaled", dtype=float, tables=(low, np.array([2000.0]))
        )
    expected = (array - array.min()) / (2000 - array.min())
    np.testing.assert_array_equal(result.compute(), expected)
    now = map_blocks(
        scaled, array, name="s", dtype=float, tables=(array.min(keepdims=True)[0, 0], [2000.0])
    )
    np.testing.assert_array_equal(now, expected)


def row_sums(
    block: Cells, *, origin: tuple[int, int], shape: tuple[int, int], scale: int
) -> tuple[Cells, int]:
    assert 0 <= origin[0] < shape[0]
    return block * scale, int(block.sum())


def before(
    summaries: list[tuple[tuple[int, int], int]], *, scale: int
) -> dict[tuple[int, int], int]:
    total = sum(number for _, number in summaries)
    return {origin: total + origin[0] * 0 for origin, _ in summaries}


def plus(kept: Cells, shared: int, *, scale: int) -> Cells:
    return kept + shared


@given(sizes=CHUNKS, scale=st.integers(1, 3))
def test_shared_numbers_reach_each_block(sizes: tuple[int, int, int], scale: int) -> None:
    array = cells(3, 25, 33)
    expected = array * scale + array.sum(axis=(1, 2), keepdims=True)
    options: dict[str, Any] = {"name": "plus", "dtype": int, "scale": scale}
    lazy = map_shared(row_sums, before, plus, da.from_array(array, chunks=sizes), **options)
    np.testing.assert_array_equal(lazy.compute(scheduler="sync"), expected)
    np.testing.assert_array_equal(map_shared(row_sums, before, plus, array, **options), expected)


def test_shared_takes_three_tasks_a_block() -> None:
    lazy = da.from_array(cells(700, 900), chunks=300)
    result = map_shared(row_sums, before, plus, lazy, name="plus", dtype=int, scale=1)
    assert count_tasks(result) == 9 + 3 * 9 + 1
    for task in dict(result.__dask_graph__()).values():
        pickle.loads(pickle.dumps(task))
    large = cells(700, 900)
    np.testing.assert_array_equal(
        map_shared(row_sums, before, plus, large, name="plus", dtype=int, scale=1),
        result.compute(),
    )


def turned(raster: Cells, weight: Cells, *, by: int) -> Cells:
    return raster[::-1, ::-1] * weight * by


@given(sizes=CHUNKS)
def test_whole_rasters(sizes: tuple[int, int, int]) -> None:
    array, weight = cells(3, 25, 33), cells(25, 33)
    expected = array[:, ::-1, ::-1] * weight * 2
    lazy = map_whole(
        turned, da.from_array(array, chunks=sizes), weight, name="turned", dtype=int, by=2
    )
    assert lazy.chunks[1:] == da.from_array(array, chunks=sizes).chunks[1:]
    np.testing.assert_array_equal(lazy.compute(scheduler="sync"), expected)
    np.testing.assert_array_equal(
        map_whole(turned, array, weight, name="turned", dtype=int, by=2), expected
    )


def around(window: Cells, *, margins: tuple[int, int, int, int], radius: int) -> Cells:
    assert margins == (radius,) * 4
    height, width = (size - 2 * radius for size in window.shape[-2:])
    parts = [
        window[..., dy : dy + height, dx : dx + width]
        for dy in range(2 * radius + 1)
        for dx in range(2 * radius + 1)
    ]
    total: Cells = np.sum(parts, axis=0)
    return total


@given(sizes=CHUNKS, radius=st.integers(0, 40))
def test_rims_go_round(sizes: tuple[int, int, int], radius: int) -> None:
    array = cells(1, 6, 33)
    footprint = np.ones((1, 2 * radius + 1, 2 * radius + 1))
    expected = ndimage.convolve(array.astype(np.int64), footprint.astype(np.int64), mode="wrap")
    for given_ in (array, da.from_array(array, chunks=sizes)):
        result = map_halo(
            around, given_, depth=(radius, radius), name="a", dtype=int, wrap=True, radius=radius
        )
        np.testing.assert_array_equal(np.asarray(result), expected)


def test_large_arrays_in_memory_are_cut_into_bands_without_a_trace() -> None:
    array = cells(900, 700).astype(float)
    lazy = da.from_array(array, chunks=-1)
    for wrap in (False, True):
        results = [
            map_halo(padded, given_, depth=(3, 3), name="p", dtype=float, wrap=wrap)
            for given_ in (array, lazy)
        ]
        np.testing.assert_array_equal(results[0], results[1].compute())


def padded(window: Cells, *, margins: tuple[int, int, int, int]) -> Cells:
    top, bottom, left, right = (3 - margin for margin in margins)
    full = np.pad(window, ((top, bottom), (left, right)))
    return around(full, margins=(3, 3, 3, 3), radius=3)


def test_halo_of_arrays_with_unlike_leading_dimensions() -> None:
    array, mask = cells(2, 12, 13).astype(float), cells(12, 13) % 2
    lazy = da.from_array(array, chunks=(1, 5, 4))
    result = map_halo(
        product_sum, lazy, da.from_array(mask, chunks=7), depth=(1, 1), name="p", dtype=float
    )
    expected = map_halo(product_sum, array, mask, depth=(1, 1), name="p", dtype=float)
    np.testing.assert_array_equal(result.compute(), expected)


def product_sum(window: Cells, mask: Cells, *, margins: tuple[int, int, int, int]) -> Cells:
    top, bottom, left, right = margins
    spread = ndimage.maximum_filter(mask, 3)
    whole = window * spread
    height, width = whole.shape[-2:]
    inner: Cells = whole[..., top : height - bottom, left : width - right]
    return inner


@pytest.mark.parametrize("builder", [map_whole, map_shared])
def test_equal_calls_have_equal_names(builder: Any) -> None:
    lazy = da.from_array(cells(20, 20), chunks=10)
    steps = (row_sums, before, plus) if builder is map_shared else (turned_alone,)
    names = {builder(*steps, lazy, name="n", dtype=int, scale=scale).name for scale in (1, 1, 2)}
    assert len(names) == 2


def turned_alone(raster: Cells, *, scale: int) -> Cells:
    return raster[::-1] * scale
