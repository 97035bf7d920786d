"""Conway's game of life: known patterns, numpy's roll as oracle, no seams."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

from tests.algebra.focal.planes import blocks, placed, random_cells, rasters
from xcube_tiles.algebra.focal.life import game_of_life
from xcube_tiles.errors import CellTypeError
from xcube_tiles.testing.asserts import assert_lazy, count_tasks

if TYPE_CHECKING:
    from numpy.typing import NDArray

GLIDER = ((0, 1, 0), (0, 0, 1), (1, 1, 1))
BLINKER = ((0, 0, 0, 0, 0), (0, 0, 0, 0, 0), (0, 1, 1, 1, 0), (0, 0, 0, 0, 0), (0, 0, 0, 0, 0))


def rolled(alive: NDArray[Any], steps: int) -> NDArray[np.bool_]:
    """Return later generations of a world that goes round."""
    alive = alive.astype(bool)
    for _ in range(steps):
        around = sum(
            np.roll(alive, (y, x), (-2, -1)).astype(int)
            for y in (-1, 0, 1)
            for x in (-1, 0, 1)
            if y or x
        )
        alive = (around == 3) | (alive & (around == 2))
    return alive


@pytest.mark.parametrize("dtype", [bool, "uint8", "int64"])
def test_a_blinker_turns(dtype: Any) -> None:
    start = placed(np.array(BLINKER, dtype))
    one = game_of_life(start)
    assert one.dtype == dtype
    np.testing.assert_array_equal(one, np.array(BLINKER).T)
    xr.testing.assert_identical(game_of_life(start, generations=2), start)


def test_a_glider_moves() -> None:
    world = np.zeros((40, 40), bool)
    world[:3, :3] = GLIDER
    later = game_of_life(placed(world), generations=4 * 30)
    np.testing.assert_array_equal(later, np.roll(world, (30, 30), (0, 1)))
    # round the world and back
    round_it = game_of_life(placed(world), generations=4 * 40, edge="wrap")
    np.testing.assert_array_equal(round_it, world)


@given(st.data(), st.integers(0, 5))
def test_against_roll(data: st.DataObject, steps: int) -> None:
    cells = data.draw(rasters(("bool", "uint8raw")))
    wrapped = game_of_life(cells, generations=steps, edge="wrap")
    np.testing.assert_array_equal(wrapped, rolled(cells.values != 0, steps))
    # a dead world around: far enough for nothing to come back
    wide = np.pad(cells.values != 0, ((0, 0), (9, 9), (9, 9)))
    clipped = game_of_life(cells, generations=min(steps, 1))
    np.testing.assert_array_equal(clipped, rolled(wide, min(steps, 1))[:, 9:-9, 9:-9])


@given(st.data(), st.integers(0, 4), st.sampled_from(("clip", "wrap")))
def test_no_seams(data: st.DataObject, steps: int, edge: Any) -> None:
    cells = data.draw(rasters(("bool", "uint8ud7", "int16")))
    with assert_lazy():
        lazy = game_of_life(data.draw(blocks(cells)), generations=steps, edge=edge)
    xr.testing.assert_identical(lazy.compute(), game_of_life(cells, generations=steps, edge=edge))


def test_many_generations_over_small_blocks() -> None:
    cells = random_cells((30, 20), "bool")
    lazy = game_of_life(cells.chunk(y=7, x=6), generations=37)
    np.testing.assert_array_equal(lazy, game_of_life(cells, generations=37))


def test_nodata_stays_and_does_not_live() -> None:
    cells = placed([[1, 9, 1], [9, 9, 9], [1, 9, 0]], "uint8ud9")
    np.testing.assert_array_equal(game_of_life(cells), [[0, 9, 0], [9, 9, 9], [0, 9, 0]])
    assert game_of_life(cells).attrs["_FillValue"] == 9
    assert (game_of_life(placed([[9]], "uint8ud9")) == 9).all()


def test_one_task_a_block() -> None:
    lazy = random_cells((8, 8), "bool").chunk(y=4, x=4)
    assert count_tasks(game_of_life(lazy, generations=3)) - count_tasks(lazy) == 4


def test_refused() -> None:
    with pytest.raises(CellTypeError, match="isn't 0 or 1, got float32"):
        game_of_life(placed([[1.0]], "float32"))
    with pytest.raises(CellTypeError, match="got uint8;"):
        game_of_life(placed([[1]], "uint8"))
