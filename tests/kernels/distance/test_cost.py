"""Least costs: mazes by hand, and as scikit-image's and scipy's searches have them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from scipy.sparse import coo_array
from scipy.sparse.csgraph import dijkstra
from skimage.graph import MCP_Geometric

from xcube_tiles.kernels.distance.cost import START, least_costs, trace

if TYPE_CHECKING:
    from numpy.typing import NDArray

# like costs are searched by buckets, unlike ones by a heap
LIKE, UNLIKE = [0.25, 1.0, 3.0, 10.0], [1e-6, 2e-6, 1.0, 1e6]
FRICTION = st.sampled_from([LIKE, UNLIKE]).flatmap(
    lambda numbers: npst.arrays(
        np.float64,
        st.tuples(st.integers(1, 7), st.integers(1, 7)),
        elements=st.sampled_from([*numbers, -1.0, np.nan, np.inf]),
    )
)


def all_ways(
    friction: NDArray[Any], source: int, edges: tuple[float, float], *, diagonal: bool
) -> NDArray[Any]:
    """Return least costs by scipy's search over a graph of all pairs of neighbours."""
    height, width = friction.shape
    starts, stops, costs = [], [], []
    for row, col in np.ndindex(height, width):
        for down in (-1, 0, 1):
            for right in (-1, 0, 1):
                y, x = row + down, col + right
                ends = abs(down) + abs(right)
                if not (0 <= y < height and 0 <= x < width) or ends > 1 + diagonal or not ends:
                    continue
                mean = (friction[row, col] + friction[y, x]) / 2
                if min(friction[row, col], friction[y, x]) >= 0 and np.isfinite(mean):
                    starts.append(row * width + col)
                    stops.append(y * width + x)
                    costs.append(mean * np.hypot(down * edges[0], right * edges[1]))
    graph = coo_array((costs, (starts, stops)), shape=(friction.size, friction.size)).tocsr()
    found = dijkstra(graph, indices=source)
    passable = np.isfinite(friction) & (friction >= 0)
    return np.where(np.isfinite(found) & passable.ravel(), found, np.nan).reshape(friction.shape)


def test_a_maze_by_hand() -> None:
    wall = np.nan
    maze = np.array([[1, 1, 1, 1], [wall, wall, wall, 1], [1, 1, 1, 1], [1, wall, wall, wall]])
    costs, ways = least_costs(maze, None, np.array([0]), edges=(1.0, 1.0), diagonal=False)
    expected = [
        [0, 1, 2, 3], [wall, wall, wall, 4], [8, 7, 6, 5], [9, wall, wall, wall]
    ]  # fmt: skip
    np.testing.assert_array_equal(costs, expected)
    np.testing.assert_array_equal(trace(ways, costs, 12), [0, 1, 2, 3, 7, 11, 10, 9, 8, 12])
    shorter, _ = least_costs(maze, None, np.array([0]), edges=(1.0, 1.0), diagonal=True)
    assert shorter[3, 0] == pytest.approx(2 + 3 * np.sqrt(2) + 1)


def test_edges_of_cells() -> None:
    plain = np.ones((2, 2), "uint8")
    costs, _ = least_costs(plain, None, np.array([0]), edges=(3.0, 4.0), diagonal=True)
    np.testing.assert_array_equal(costs, [[0, 4], [3, 5]])


def test_cells_that_cost_nothing() -> None:
    costs, ways = least_costs(
        np.zeros((3, 3)), None, np.array([4]), edges=(1.0, 1.0), diagonal=True
    )
    assert (costs == 0).all()
    assert ways[1, 1] == START
    assert trace(ways, costs, 0).tolist() == [4, 0]


def test_integers_with_nodata_and_a_limit() -> None:
    friction = np.array([[2, 2, 99, 2, -5]], "int16")
    costs, _ = least_costs(friction, 99, np.array([0, 3]), edges=(1.0, 1.0), diagonal=True)
    np.testing.assert_array_equal(costs, [[0, 2, np.nan, 0, np.nan]])
    near, _ = least_costs(
        np.ones((1, 5)), None, np.array([0]), edges=(1.0, 1.0), diagonal=True, limit=2
    )
    np.testing.assert_array_equal(near, [[0, 1, 2, np.nan, np.nan]])


def test_sources_that_cannot_be_crossed() -> None:
    friction = np.array([[np.nan, 1.0, 1.0]])
    costs, ways = least_costs(friction, None, np.array([0]), edges=(1.0, 1.0), diagonal=True)
    assert np.isnan(costs).all()
    assert trace(ways, costs, 1).size == 0
    nothing, _ = least_costs(friction, None, np.array([], "int64"), edges=(1.0, 1.0), diagonal=True)
    assert np.isnan(nothing).all()


@pytest.mark.parametrize("diagonal", [True, False])
def test_as_scikit_image(diagonal: bool) -> None:
    rng = np.random.default_rng(5)
    friction = rng.uniform(0.1, 9, (60, 80))
    friction[rng.random(friction.shape) < 0.2] = -1
    friction[30, 40] = friction[0, 0] = 1
    sources = np.array([0, 30 * 80 + 40])
    costs, _ = least_costs(friction, None, sources, edges=(1.0, 1.0), diagonal=diagonal)
    search = MCP_Geometric(friction, fully_connected=diagonal)
    theirs, _ = search.find_costs([(0, 0), (30, 40)])
    np.testing.assert_allclose(costs, np.where(np.isinf(theirs), np.nan, theirs), rtol=1e-12)


@given(friction=FRICTION, diagonal=st.booleans(), data=st.data())
def test_as_scipy(friction: NDArray[Any], diagonal: bool, data: st.DataObject) -> None:
    source = data.draw(st.integers(0, friction.size - 1))
    edges = (2.0, 3.0)
    costs, ways = least_costs(friction, None, np.array([source]), edges=edges, diagonal=diagonal)
    expected = all_ways(friction, source, edges, diagonal=diagonal)
    if not friction.flat[source] >= 0 or np.isinf(friction.flat[source]):
        expected[:] = np.nan
    np.testing.assert_allclose(costs, expected, rtol=1e-12)
    end = data.draw(st.integers(0, friction.size - 1))
    early, back = least_costs(
        friction, None, np.array([source]), edges=edges, diagonal=diagonal, end=end
    )
    np.testing.assert_array_equal(early.flat[end], costs.flat[end])
    np.testing.assert_array_equal(trace(back, early, end), trace(ways, costs, end))
    check_path(friction, trace(ways, costs, end), edges, costs.flat[end])


def check_path(
    friction: NDArray[Any], cells: NDArray[Any], edges: tuple[float, float], cost: float
) -> None:
    if np.isnan(cost):
        assert not cells.size
        return
    rows, cols = np.divmod(cells, friction.shape[1])
    lengths = np.hypot(np.diff(rows) * edges[0], np.diff(cols) * edges[1])
    crossed = friction.flat[cells]
    assert (lengths * (crossed[1:] + crossed[:-1]) / 2).sum() == pytest.approx(cost)
