"""Blocks made from windows of several arrays, each of its own shape."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import dask.array as da
import numpy as np
import pytest

from xcube_tiles.cube.blocks import map_several
from xcube_tiles.testing.asserts import assert_lazy

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

CHUNKS = ((3, 2), (4, 1, 2))
OFFSETS = ((0, 0), (2, 3), (40, 40))
STARTS = ((0, 3, 5), (0, 4, 5, 7))


def arrays() -> list[NDArray[Any]]:
    return [np.arange(2 * h * w).reshape(2, h, w) for h, w in ((3, 4), (3, 4), (2, 2))]


def window(top: int, left: int) -> Callable[[int, int], tuple[slice, slice]]:
    def of_block(i: int, j: int) -> tuple[slice, slice]:
        rows = slice(STARTS[0][i] - top, STARTS[0][i + 1] - top)
        return rows, slice(STARTS[1][j] - left, STARTS[1][j + 1] - left)

    return of_block


def count(
    *pieces: NDArray[Any], block: tuple[int, int], which: tuple[int, ...], lead: tuple[int, ...]
) -> NDArray[Any]:
    """Return a block whose cells tell which arrays touch it, and the sum of their pieces."""
    i, j = block
    shape = (*lead, CHUNKS[0][i], CHUNKS[1][j])
    return np.full(shape, sum(10**at for at in which) * 1000 + sum(p.sum() for p in pieces))


def call(sources: list[Any]) -> Any:
    windows = [window(*offset) for offset in OFFSETS]
    return map_several(count, sources, chunks=CHUNKS, windows=windows, name="count", dtype=np.int64)


def test_only_what_touches_a_block_comes() -> None:
    result = call(arrays())
    assert result.shape == (2, 5, 7)
    assert (result[0, ::3, [0, 4, 5]].T // 1000).tolist() == [[11, 10, 10], [10, 10, 10]]


@pytest.mark.parametrize("chunk", [1, 2, 3])
def test_lazily(chunk: int) -> None:
    mixed = [da.from_array(each, chunks=(2, chunk, chunk)) for each in arrays()]
    with assert_lazy():
        lazy, again = call([mixed[0], arrays()[1], mixed[2]]), call(mixed)
    assert lazy.chunks == ((2,), *CHUNKS)
    assert again.name == call(mixed).name
    np.testing.assert_array_equal(lazy.compute(), call(arrays()))
    np.testing.assert_array_equal(again.compute(), call(arrays()))


def test_leading_blocks() -> None:
    mixed = [da.from_array(each, chunks=(1, 2, 2)) for each in arrays()]
    lazy = call(mixed)
    assert lazy.chunks[0] == (1, 1)
    parts = [call([each[at : at + 1] for each in arrays()]) for at in (0, 1)]
    np.testing.assert_array_equal(lazy.compute(), np.concatenate(parts))
