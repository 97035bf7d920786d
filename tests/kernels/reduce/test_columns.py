from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from xcube_tiles.errors import ReducerError
from xcube_tiles.kernels.reduce.columns import Columns, columns, over_columns
from xcube_tiles.kernels.reduce.moments import extremes, sums


def adder(cells: Any, nodata: Any, masked: bool, out: Any, start: int, stop: int) -> None:
    out[start:stop] = cells[:, start:stop].sum(axis=0)


def added(given: Columns, threads: int) -> np.ndarray:
    out = given.empty(given.cells.dtype)
    over_columns(adder, [given], outs=[out], threads=threads)
    return given.restore(out)


SHAPES = [(5,), (4, 7), (3, 4, 5), (3, 40, 50), (2, 3, 4, 5), (2, 3, 4, 5, 6), (3, 700, 2), (1, 1)]


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("shape", SHAPES)
def test_every_axis_of_every_shape(shape: tuple[int, ...], threads: int) -> None:
    array = np.arange(np.prod(shape)).reshape(shape)
    for axis in range(len(shape)):
        np.testing.assert_array_equal(added(columns(array, axis), threads), array.sum(axis))


@pytest.mark.parametrize("threads", [1, 3])
def test_views_are_read_piece_by_piece(threads: int) -> None:
    whole = np.arange(6 * 300 * 900, dtype=np.float64).reshape(6, 300, 900)
    for view in (whole[:, 5:290, 3:800], whole[::2, ::-1], whole.transpose(2, 0, 1), whole.T):
        for axis in range(3):
            np.testing.assert_array_equal(added(columns(view, axis), threads), view.sum(axis))


def test_contiguous_cells_are_not_copied() -> None:
    array = np.zeros((4, 20, 30), np.float32)
    assert np.shares_memory(columns(array, 0).cells, array)
    assert np.shares_memory(columns(array, 0).flat(0, slice(None), {}), array)
    assert np.shares_memory(columns(array.astype(bool).view(), 0).cells, array) is False


def test_input_stays_writeable_and_read_only_input_is_taken() -> None:
    array = np.ones((3, 4))
    sums(array)
    assert array.flags.writeable
    array.flags.writeable = False
    assert sums(array)[1].tolist() == [3, 3, 3, 3]


def test_layers_take_the_place_of_the_axis() -> None:
    array = np.arange(24).reshape(2, 3, 4)
    for axis in range(3):
        given = columns(array, axis)
        out = given.empty(np.int64, 2)
        over_columns(
            lambda cells, nodata, masked, out, start, stop: out.__setitem__(
                (slice(None), slice(start, stop)), cells[:2, start:stop]
            ),
            [given],
            outs=[out],
        )
        np.testing.assert_array_equal(given.restore_with(out), array.take([0, 1], axis))


def test_an_error_in_a_thread_rises() -> None:
    def broken(*arguments: Any) -> None:
        raise ZeroDivisionError

    given = columns(np.ones((2, 2000)), 0)
    with pytest.raises(ZeroDivisionError):
        over_columns(broken, [given], outs=[given.empty(np.float64)], threads=2)


def test_what_has_no_columns() -> None:
    with pytest.raises(ReducerError, match=r"axis 1 of an array of shape \(2, 0\) has no cells"):
        columns(np.ones((2, 0)), 1)
    with pytest.raises(IndexError):
        columns(np.ones((2, 2)), 2)
    assert extremes(np.ones((2, 0)), largest=True)[1].shape == (0,)
