"""The cells of a grid in the order of a curve."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xcube_tiles.errors import GridError
from xcube_tiles.grid.curves import order

if TYPE_CHECKING:
    from xcube_tiles.grid.curves import Order

SHAPES = st.integers(0, 40), st.integers(0, 40)
LARGE = st.integers(33, 40)


@pytest.mark.parametrize(
    ("by", "expected"),
    [
        ("hilbert", [[0, 0], [1, 0], [1, 1], [0, 1]]),
        ("zorder", [[0, 0], [0, 1], [1, 0], [1, 1]]),
        ("rowmajor", [[0, 0], [0, 1], [1, 0], [1, 1]]),
    ],
)
def test_four_cells(by: Order, expected: list[list[int]]) -> None:
    assert order(2, 2, by=by).tolist() == expected


def test_quarters_of_a_square_follow_each_other() -> None:
    assert order(4, 4).tolist()[:5] == [[0, 0], [0, 1], [1, 1], [1, 0], [2, 0]]
    assert order(4, 4, by="zorder").tolist()[:5] == [[0, 0], [0, 1], [1, 0], [1, 1], [0, 2]]


@given(*SHAPES, st.sampled_from(["hilbert", "zorder", "rowmajor"]))
def test_each_cell_once(rows: int, cols: int, by: Order) -> None:
    found = order(rows, cols, by=by)
    assert found.shape == (rows * cols, 2)
    assert found.dtype == np.int64
    assert {(row, col) for row, col in found.tolist()} == set(np.ndindex(rows, cols))


@pytest.mark.parametrize("edge", [1, 2, 8, 64])
def test_hilbert_steps_to_a_neighbour(edge: int) -> None:
    steps = np.abs(np.diff(order(edge, edge), axis=0)).sum(axis=1)
    assert set(steps.tolist()) <= {1}


@given(st.integers(0, 40), LARGE)
def test_a_smaller_grid_keeps_the_order(rows: int, cols: int) -> None:
    inside = [cell for cell in order(64, 64).tolist() if cell[0] < rows and cell[1] < cols]
    assert order(rows, cols).tolist() == inside


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ((2, 2, "peano"), "unknown order 'peano'; the names are hilbert, zorder, rowmajor"),
        ((-1, 2), "rows must be an integer from 0, got -1"),
        ((2, 1.5), "cols must be an integer from 0, got 1.5"),
        ((2, True), "cols must be an integer from 0, got True"),
    ],
)
def test_wrong_calls(arguments: Any, text: str) -> None:
    with pytest.raises(GridError, match=text):
        order(*arguments)
