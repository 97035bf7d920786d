from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays, from_dtype

from xcube_tiles.sources.quantiles import PERCENTILES, percentiles

if TYPE_CHECKING:
    from numpy.typing import NDArray

DTYPES = ["int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64"]


def oracle(cells: NDArray[Any]) -> list[float]:
    """Sort; interpolate linearly between the neighbours of each percentile."""
    ordered = np.sort(cells).astype(np.float64)
    return [float(value) for value in np.percentile(ordered, 100 * PERCENTILES)]


def split(cells: NDArray[Any], parts: int) -> list[NDArray[Any]]:
    return list(np.array_split(cells, parts))


@given(st.data(), st.sampled_from([*DTYPES, "float32", "float64"]), st.integers(1, 5))
def test_both_ways_equal_sorting(data: st.DataObject, dtype: str, parts: int) -> None:
    elements = from_dtype(np.dtype(dtype), allow_nan=False, allow_infinity=False)
    if dtype == "float64":
        elements = st.floats(-1e300, 1e300)
    cells = data.draw(arrays(dtype, st.integers(1, 60), elements=elements))
    blocks = split(cells, parts)
    options: dict[str, Any] = {"count": cells.size, "dtype": cells.dtype}
    gathered = percentiles(lambda: blocks, **options)
    counted = percentiles(lambda: blocks, **options, in_memory=0)
    assert gathered == counted
    np.testing.assert_allclose(gathered, oracle(cells), rtol=1e-14, atol=1e-300)


@pytest.mark.parametrize("dtype", [*DTYPES, "float32", "float64"])
def test_many_cells(dtype: str) -> None:
    rng = np.random.default_rng(3)
    if dtype.startswith("float"):
        cells = rng.normal(0, 100, 20_000).astype(dtype)
    else:
        cells = rng.integers(0, 100, 20_000).astype(dtype)
    for limit in (10**9, 0):
        found = percentiles(
            lambda: split(cells, 7), count=cells.size, dtype=cells.dtype, in_memory=limit
        )
        np.testing.assert_allclose(found, oracle(cells), rtol=1e-15)


def test_passes_over_the_blocks_are_as_many_as_the_dtype_has_halves() -> None:
    for dtype, passes in (("uint8", 1), ("int16", 1), ("float32", 2), ("float64", 4)):
        calls: list[int] = []

        def blocks(dtype: str = dtype, calls: list[int] = calls) -> list[NDArray[Any]]:
            calls.append(1)
            return [np.arange(50).astype(dtype)]

        percentiles(blocks, count=50, dtype=np.dtype(dtype), in_memory=10)
        assert len(calls) == passes
        calls.clear()
        percentiles(blocks, count=50, dtype=np.dtype(dtype), in_memory=50)
        assert len(calls) == 1


def test_by_hand() -> None:
    found = percentiles(lambda: [np.arange(101.0)], count=101, dtype=np.dtype("float64"))
    np.testing.assert_allclose(found, np.arange(1.0, 100.0), rtol=1e-15)
    one = percentiles(lambda: [np.array([7], "uint8")], count=1, dtype=np.dtype("uint8"))
    assert one == (7.0,) * 99
