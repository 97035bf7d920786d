"""Windows beyond the raster as numpy pads them, whole and in strips; runs and steps."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.kernels.focal.windows import masks
from xcube_tiles.kernels.focal import window as module
from xcube_tiles.kernels.focal.runs import by_length, runs_of
from xcube_tiles.kernels.focal.steps import covering_steps, exact_steps
from xcube_tiles.kernels.focal.window import Beyond, padded, strips

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xcube_tiles.kernels.focal.window import Edge

MODES: dict[Edge, dict[str, Any]] = {
    "clip": {"mode": "constant", "constant_values": -7},
    "constant": {"mode": "constant", "constant_values": -7},
    "nearest": {"mode": "edge"},
    "reflect": {"mode": "symmetric"},
}


@pytest.mark.parametrize("edge", MODES)
@given(
    height=st.integers(1, 6),
    width=st.integers(1, 6),
    deep=st.integers(0, 14),
    wide=st.integers(0, 14),
)
def test_padding_is_that_of_numpy(
    edge: Edge, height: int, width: int, deep: int, wide: int
) -> None:
    plane = np.arange(height * width).reshape(height, width)
    expected = np.pad(plane, ((deep, deep), (wide, wide)), **MODES[edge])
    got = padded(plane, (0, 0, 0, 0), (deep, wide), edge, -7)
    np.testing.assert_array_equal(got, expected)


@pytest.mark.parametrize("edge", MODES)
@given(top=st.integers(0, 3), right=st.integers(0, 3), each=st.integers(1, 4))
def test_strips_are_rows_of_the_padded_plane(edge: Edge, top: int, right: int, each: int) -> None:
    plane = np.arange(80).reshape(8, 10)
    margins, depth = (top, 3, 3, right), (3, 3)
    whole = padded(plane, margins, depth, edge, -7)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "strip_rows", lambda *_: each)
        found = [
            (rows, strip.copy())
            for rows, strip in strips(plane, margins, depth, Beyond(edge, -7), "int32")
        ]
    assert [rows.start for rows, _ in found] == list(range(0, 8 - top - 3, each))
    for rows, strip in found:
        assert strip.dtype == np.int32
        np.testing.assert_array_equal(strip, whole[rows.start : rows.stop + 6])


def test_strips_of_a_full_window_are_views() -> None:
    plane = np.zeros((9, 9))
    ((rows, strip),) = strips(plane, (2, 2, 2, 2), (2, 2), Beyond("clip", np.nan), plane.dtype)
    assert np.shares_memory(plane, strip)
    assert rows == slice(0, 5)


@given(mask=masks())
def test_runs_are_the_mask(mask: NDArray[np.bool_]) -> None:
    again = np.zeros_like(mask)
    for row, first, length in runs_of(mask):
        assert not again[row, first : first + length].any()
        again[row, first : first + length] = True
    np.testing.assert_array_equal(again, mask)
    runs = by_length(mask)
    assert runs.starts[-1] == len(runs_of(mask))
    assert (np.diff(runs.lengths) > 0).all()


@given(length=st.integers(1, 500))
def test_steps_lead_to_the_length(length: int) -> None:
    exact = exact_steps(length).lengths.tolist()
    assert (exact[0], exact[-1]) == (1, length)
    assert all(after // 2 == before for before, after in pairwise(exact))
    covering = covering_steps(length).lengths.tolist()
    assert (covering[0], covering[-1]) == (1, length)
    assert all(b < a <= 2 * b for b, a in pairwise(covering))
