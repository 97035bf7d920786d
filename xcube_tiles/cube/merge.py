"""Merging two cubes: labels join, shared ones need an overlap resolver."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import numpy as np
import xarray as xr

from xcube_tiles.cube.blocks import map_blocks
from xcube_tiles.cube.cells import cell_type_of, convert_cells, set_cell_type
from xcube_tiles.cube.compatibility import grid_differences, is_empty, labels_of
from xcube_tiles.cube.dimensions import dimension_types
from xcube_tiles.cube.georef import assign_geobox, canonical, geobox_of
from xcube_tiles.cube.overlap import resolve, result_cell_type
from xcube_tiles.errors import DimensionError, IncompatibleCubesError

if TYPE_CHECKING:
    from collections.abc import Hashable

    from xcube_tiles.cube.overlap import Overlap
    from xcube_tiles.grid.celltype import CellType
    from xcube_tiles.typing import XarrayObject, XarrayT


def merge(left: XarrayT, right: XarrayT, *, overlap: Overlap | None = None) -> XarrayT:
    """Merge two cubes on one grid.

    Labels that only one cube has are joined: dates in order of time, others after those of the
    first. At labels that both have, `overlap` decides cell by cell. A dimension that only one cube
    has broadcasts the other.

    Parameters
    ----------
    left, right
        Two Datasets or two DataArrays of equal grid. Their labels may differ in one dimension;
        the variables of Datasets are labels of `bands`. An empty cube takes the other one,
        expanded by its own dimensions.
    overlap
        `first`, `last`, `min`, `max`, `mean`, `sum`: NoData in one cube gives the other's value.
        Or a callable of two float64 arrays in which NaN is NoData. Needed only where labels
        overlap. Means are floats and sums 64-bit integers, so that no cell wraps; a callable's
        result is float64.

    Raises
    ------
    IncompatibleCubesError
        Grids or cell types differ, or labels differ in several dimensions.
    DimensionError
        Labels overlap and there is no resolver, or an unknown one.
    """
    if isinstance(left, xr.DataArray) != isinstance(right, xr.DataArray):
        raise DimensionError(
            "a Dataset merges with a Dataset and a DataArray with a DataArray, got "
            f"{type(left).__name__} and {type(right).__name__}; use array.to_dataset(name=...)"
        )
    if is_empty(left) or is_empty(right):
        frame, full = (left, right) if is_empty(left) else (right, left)
        return _fill(frame, full)
    differences = grid_differences(left, right)
    if differences:
        raise IncompatibleCubesError(f"the cubes can't be merged: {differences[0]}")
    left, right = canonical(left), canonical(right)
    right = assign_geobox(right, geobox_of(left))
    _require_one_difference(left, right)
    if isinstance(left, xr.Dataset) and isinstance(right, xr.Dataset):
        return _merge_datasets(left, right, overlap)
    return _merge_arrays(left, right, overlap)


def _fill(frame: XarrayT, full: XarrayT) -> XarrayT:
    """Expand a raster by the dimensions of an empty cube."""
    for dim in reversed([str(dim) for dim in frame.dims]):
        coord = frame.coords[dim]
        if dim not in full.dims:
            full = full.drop_vars(dim, errors="ignore").expand_dims({dim: coord.values})
            full = full.assign_coords({dim: coord})
        elif not set(coord.values) <= set(full.coords[dim].values):
            raise DimensionError(
                f"the empty cube has the labels {list(coord.values)!r} in {dim!r}, the raster "
                f"{list(full.coords[dim].values)!r}; rename them with rename_labels"
            )
    return full


def _require_one_difference(left: XarrayObject, right: XarrayObject) -> None:
    one, two = labels_of(left), labels_of(right)
    differing = [dim for dim in one if dim in two and set(one[dim]) != set(two[dim])]
    if len(differing) > 1:
        raise IncompatibleCubesError(
            f"the labels differ in several dimensions ({', '.join(differing)}), which would leave "
            "combinations without cells; merge along one dimension at a time"
        )


def _merge_datasets(left: xr.Dataset, right: xr.Dataset, overlap: Overlap | None) -> xr.Dataset:
    merged = {}
    for name in dict.fromkeys([*left.data_vars, *right.data_vars]):
        if name in left and name in right:
            merged[name] = _merge_arrays(left[name], right[name], overlap)
        else:
            merged[name] = left[name] if name in left else right[name]
    return assign_geobox(xr.Dataset(merged, attrs=left.attrs), geobox_of(left))


def _merge_arrays(left: xr.DataArray, right: xr.DataArray, overlap: Overlap | None) -> xr.DataArray:
    one, two = labels_of(left), labels_of(right)
    differing = [dim for dim in one if dim in two and set(one[dim]) != set(two[dim])]
    source = _shared_cell_type(left, right)
    if not differing:
        return _resolve(left, _in_order(right, left, two), overlap, "all of their labels")
    dim = differing[0]
    common = [label for label in one[dim] if label in set(two[dim])]
    target = source
    if common:
        _require_resolver(overlap, f"{len(common)} labels of {dim!r}, such as {common[0]}")
        target = result_cell_type(cast("Overlap", overlap), source)
    parts = [
        _only(left, dim, [label for label in one[dim] if label not in set(common)], target),
        _only(right, dim, [label for label in two[dim] if label not in set(common)], target),
    ]
    if common:
        both = left.sel({dim: common}), right.sel({dim: common})
        parts.append(_resolve(*both, overlap, "labels"))
    joined = xr.concat(
        [part for part in parts if part.sizes[dim]],
        dim,
        coords="minimal",
        compat="override",
        join="exact",
        combine_attrs="override",
    )
    wanted = _joined_labels(left, dim, one[dim], two[dim])
    return set_cell_type(joined.sel({dim: wanted}).transpose(*left.dims), target)


def _joined_labels(
    left: xr.DataArray, dim: str, one: list[Hashable], two: list[Hashable]
) -> list[Hashable]:
    joined = list(dict.fromkeys([*one, *two]))
    temporal = dimension_types(left)[dim] == "temporal"
    return [*np.sort(np.array(joined))] if temporal else joined


def _only(array: xr.DataArray, dim: str, labels: list[Hashable], target: CellType) -> xr.DataArray:
    return convert_cells(array.sel({dim: labels}), target)


def _in_order(
    array: xr.DataArray, like: xr.DataArray, labels: dict[str, list[Hashable]]
) -> xr.DataArray:
    """Put the labels of an array into another's order."""
    dims = [dim for dim in labels if dim in like.dims and dim in like.indexes]
    return array.sel({dim: list(like.indexes[dim]) for dim in dims})


def _shared_cell_type(left: xr.DataArray, right: xr.DataArray) -> CellType:
    one, two = cell_type_of(left), cell_type_of(right)
    if one != two:
        raise IncompatibleCubesError(
            f"the cell types of {left.name!r} differ: {one.name} and {two.name}; "
            f"convert one first: cube.tiles.convert({one.name!r})"
        )
    return one


def _require_resolver(overlap: Overlap | None, what: str) -> None:
    if overlap is None:
        raise DimensionError(
            f"both cubes have {what}; say what their cells become: "
            "merge(other, overlap='first'), or last, min, max, mean, sum or a callable"
        )


def _resolve(
    left: xr.DataArray, right: xr.DataArray, overlap: Overlap | None, what: str
) -> xr.DataArray:
    _require_resolver(overlap, what)
    rule = cast("Overlap", overlap)
    source = cell_type_of(left)
    target = result_cell_type(rule, source)
    one, two = xr.broadcast(left, right, exclude=())
    dims = (*(dim for dim in one.dims if dim not in ("y", "x")), "y", "x")
    one, two = one.transpose(*dims), two.transpose(*dims)
    data = map_blocks(
        resolve,
        one.data,
        two.data,
        name="merge",
        dtype=target.dtype,
        overlap=rule,
        source=source,
        target=target,
    )
    return set_cell_type(one.copy(data=data), target)
