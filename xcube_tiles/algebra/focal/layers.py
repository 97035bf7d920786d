"""What focal operations share: planes of a window, and checks of a neighbourhood."""

from __future__ import annotations

from numbers import Real
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, get_args

import numpy as np

from xcube_tiles.algebra.choosing import check_choice
from xcube_tiles.errors import AlgebraError
from xcube_tiles.kernels.focal.window import Edge
from xcube_tiles.kernels.neighborhood import Neighborhood
from xcube_tiles.kernels.nodata import as_cells

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import DTypeLike, NDArray

    from xcube_tiles.grid.celltype import CellType

Margins = tuple[int, int, int, int]
"""Cells of rim that a window has at its top, bottom, left and right."""

Target: TypeAlias = Literal["all", "data", "nodata"]
"""Cells that are computed: all, those with a value, or those without; others are copied."""


def fill_layers(
    func: Callable[[NDArray[Any], NDArray[Any]], None],
    window: NDArray[Any],
    margins: Margins,
    dtype: DTypeLike,
) -> NDArray[Any]:
    """Return the block of a window whose planes `func(plane, out)` fills one by one.

    Planes are C-contiguous and of a dtype that kernels are compiled for.
    """
    shape = core(window, margins).shape
    planes = as_cells(window).reshape(-1, *window.shape[-2:])
    out = np.empty((len(planes), *shape[-2:]), dtype)
    for plane, block in zip(planes, out, strict=True):
        if block.size:
            func(np.ascontiguousarray(plane), block)
    return out.reshape(shape)


def core(window: NDArray[Any], margins: Margins) -> NDArray[Any]:
    """Return a window without its rims."""
    top, bottom, left, right = margins
    height, width = window.shape[-2:]
    return window[..., top : height - bottom, left : width - right]


def number_of(cells: CellType, dtype: np.dtype[Any]) -> tuple[Any, bool]:
    """Return NoData in the dtype of planes, and whether it is one; NaN always is."""
    known = cells.nodata is not None and not np.isnan(cells.nodata)
    return dtype.type(cells.nodata if known else 0), known


def check_neighborhood(neighborhood: object) -> None:
    """Refuse what isn't a neighbourhood.

    Raises
    ------
    AlgebraError
        Anything else, such as a number of cells.
    """
    if not isinstance(neighborhood, Neighborhood):
        raise AlgebraError(
            "expected a neighbourhood (Square, Circle, Nesw, Wedge, Annulus or Kernel), such as "
            f"Square(1) for 3 by 3 cells; got {neighborhood!r}"
        )


def check_choices(edge: object, constant: object, target: object) -> None:
    """Refuse an unknown edge policy or target, and a constant that is wrong, missing or too much.

    Raises
    ------
    AlgebraError
        Any of these.
    """
    for name, value, alias in (("edge", edge, Edge), ("target", target, Target)):
        check_choice(name, value, get_args(alias))
    if (edge == "constant") != (constant is not None):
        raise AlgebraError(
            "constant is the value beyond the raster: give it with edge='constant', and only then; "
            f"got edge={edge!r}, constant={constant!r}"
        )
    if not isinstance(constant, Real | None):
        raise AlgebraError(f"constant must be a number, NaN for no value; got {constant!r}")


def places_of(neighborhood: Neighborhood) -> NDArray[np.int64]:
    """Return rows and columns of a neighbourhood's cells from the focus, (n, 2), without it."""
    mask = neighborhood.mask()
    reach = np.array(mask.shape) // 2
    places = np.argwhere(mask) - reach
    return np.asarray(places[places.any(axis=1)])
