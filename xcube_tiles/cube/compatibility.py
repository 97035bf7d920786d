"""Compatibility: whether two cubes may be combined, and if not, what mends it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from xcube_tiles.cube.dimensions import dimension_types
from xcube_tiles.cube.georef import GRID_TOLERANCE, geobox_of
from xcube_tiles.errors import IncompatibleCubesError
from xcube_tiles.grid.extent import as_crs, same_crs

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    from odc.geo.geobox import GeoBox

    from xcube_tiles.typing import XarrayObject


def check_compatible(left: XarrayObject, right: XarrayObject) -> None:
    """Raise an error unless two cubes may be combined cell by cell.

    They may if their CRS and grids are equal (to a millionth of a cell) and each non-spatial
    dimension that both have has equal labels in the same order. A dimension that only one of them
    has broadcasts. The variables of two Datasets are labels of the dimension `bands`. An empty
    cube is compatible with every cube.

    Raises
    ------
    IncompatibleCubesError
        Names each difference and the call that mends it.
    """
    differences = [*grid_differences(left, right), *label_differences(left, right)]
    if differences:
        listed = "\n".join(f"- {difference}" for difference in differences)
        raise IncompatibleCubesError(f"the cubes can't be combined:\n{listed}")


def is_empty(obj: XarrayObject) -> bool:
    """Whether a cube has no raster yet."""
    return isinstance(obj, xr.Dataset) and not obj.data_vars


def grid_differences(left: XarrayObject, right: XarrayObject) -> list[str]:
    """Describe how the grids of two cubes differ, with what to do; empty if they are equal."""
    if is_empty(left) or is_empty(right):
        return []
    one, two = geobox_of(left), geobox_of(right)
    mend = "bring one onto the other's grid: cube.tiles.reproject(other)"
    if not same_crs(as_crs(one.crs), as_crs(two.crs)):
        return [f"the CRS differ: {one.crs} and {two.crs}; {mend}"]
    if tuple(one.shape) != tuple(two.shape):
        return [
            (
                f"the grids differ in size: (y, x) are {tuple(one.shape)} and {tuple(two.shape)}; "
                f"{mend}, or crop both to one extent: cube.tiles.crop(extent)"
            )
        ]
    size, shift = _cell_differences(one, two)
    if size > GRID_TOLERANCE or shift > GRID_TOLERANCE:
        return [f"the grids are {shift:.4g} cells apart at a corner; {mend}"]
    return []


def _cell_differences(one: GeoBox, two: GeoBox) -> tuple[float, float]:
    """Return how far two grids of equal shape differ in cell size and position, in cells."""
    cell = np.abs([one.affine.a, one.affine.e])
    sizes = np.abs(np.subtract([one.affine.a, one.affine.e], [two.affine.a, two.affine.e]))
    corners = [
        np.subtract(one.affine * corner, two.affine * corner)
        for corner in ((0, 0), (one.shape[1], one.shape[0]))
    ]
    return float((sizes / cell).max()), float((np.abs(corners) / cell).max())


def labels_of(obj: XarrayObject) -> dict[str, list[Hashable]]:
    """Return the labels of each non-spatial dimension; a Dataset's variables are `bands`."""
    kinds = dimension_types(obj)
    labels: dict[str, list[Hashable]] = {
        dim: _dim_labels(obj, dim) for dim, kind in kinds.items() if kind != "spatial"
    }
    if isinstance(obj, xr.Dataset) and obj.data_vars:
        labels["bands"] = list(obj.data_vars)
    return labels


def _dim_labels(obj: XarrayObject, dim: str) -> list[Hashable]:
    return list(obj.indexes[dim]) if dim in obj.indexes else list(range(obj.sizes[dim]))


def label_differences(left: XarrayObject, right: XarrayObject) -> list[str]:
    """Describe how the labels of shared dimensions differ; empty if they don't."""
    if is_empty(left) or is_empty(right):
        return []
    one, two = labels_of(left), labels_of(right)
    return [
        f"the labels of {dim!r} differ: {_contrast(one[dim], two[dim])}; select common ones "
        f"(cube.sel), rename them (cube.tiles.rename_labels({dim!r}, ...)), "
        "or join the cubes with cube.tiles.merge(other)"
        for dim in one
        if dim in two and one[dim] != two[dim]
    ]


def _contrast(one: list[Hashable], two: list[Hashable]) -> str:
    only_one = [label for label in one if label not in set(two)]
    only_two = [label for label in two if label not in set(one)]
    if not only_one and not only_two:
        return "they stand in another order"
    parts = []
    if only_one:
        parts.append(f"only the first has {some_of(only_one)}")
    if only_two:
        parts.append(f"only the second has {some_of(only_two)}")
    return ", ".join(parts)


def some_of(labels: Sequence[Hashable], most: int = 3) -> str:
    """List labels for an error, as many as can be read."""
    shown = ", ".join(str(label) for label in labels[:most])
    return shown if len(labels) <= most else f"{shown} and {len(labels) - most} more"
