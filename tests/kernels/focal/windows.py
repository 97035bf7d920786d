"""Slow focal statistics, window by window, that kernels are compared with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from tests.kernels.oracles import valid_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from hypothesis.strategies import DrawFn
    from numpy.typing import DTypeLike, NDArray


def by_window(
    window: NDArray[Any],
    mask: NDArray[np.bool_],
    nodata: float | None,
    func: Callable[[NDArray[Any]], Any],
    *,
    dtype: DTypeLike,
    missing: Any,
) -> NDArray[Any]:
    """Apply a function to the valid cells of each neighbourhood."""
    rows, cols = mask.shape
    result = np.empty((window.shape[0] - rows + 1, window.shape[1] - cols + 1), dtype)
    for i, j in np.ndindex(result.shape):
        valid = valid_of(window[i : i + rows, j : j + cols][mask], nodata)
        result[i, j] = func(valid) if len(valid) else missing
    return result


def run(
    kernel: Callable[..., None],
    window: NDArray[Any],
    mask: NDArray[np.bool_],
    *,
    nodata: float | None = None,
    dtype: DTypeLike,
    missing: Any,
    **params: Any,
) -> NDArray[Any]:
    """Return what a focal kernel fills its result with."""
    shape = (window.shape[0] - mask.shape[0] + 1, window.shape[1] - mask.shape[1] + 1)
    out = np.empty(shape, dtype)
    number = window.dtype.type(0 if nodata is None else nodata)
    kernel(window, mask, number, nodata is not None, out.dtype.type(missing), out, **params)
    return out


@st.composite
def masks(draw: DrawFn) -> NDArray[np.bool_]:
    """Draw a neighbourhood of odd sides with a cell at least; most have holes."""
    odd = st.sampled_from((1, 3, 5))
    mask = draw(npst.arrays(np.bool_, (draw(odd), draw(odd))))
    mask[draw(st.integers(0, mask.shape[0] - 1)), draw(st.integers(0, mask.shape[1] - 1))] = True
    return mask


@st.composite
def rasters(draw: DrawFn, dtype: str, shape: tuple[int, int], highest: int = 5) -> NDArray[Any]:
    """Draw cells (rows, cols), NaN among them where they are floats; many are equal."""
    cells = draw(npst.arrays(np.dtype(dtype), shape, elements=st.integers(0, highest)))
    if cells.dtype.kind == "f":
        cells[draw(npst.arrays(np.bool_, shape))] = np.nan
    return cells
