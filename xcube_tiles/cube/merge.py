"""Merging two cubes: labels join, shared ones need an overlap resolver."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import numpy as np
import xarray as xr

from xcube_tiles.cube.blocks import map_blocks
from xcube_tiles.cube.cells import cell_type_of, convert_cells, set_cell_type
from xcube_tiles.cube.compatibility import grid_differences, is_empty, labels_of, some_of
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
    has broadcasts the other; one that the other has as a scalar coordinate is joined.

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
        Labels overlap and there is no resolver, or an unknown one; a label that occurs twice in
        one cube.
    CellOverflowError
        A sum of 64-bit integers that doesn't fit (for lazy data when it is computed).

    Notes
    -----
    Coordinates that aren't labels are kept where both cubes agree in them: if one has the scalar
    `sensor="S1"` and the other `"S2"`, the result has no `sensor`.

    Examples
    --------
    >>> from affine import Affine
    >>> from odc.geo.geobox import GeoBox
    >>> grid = GeoBox((1, 2), Affine(10, 0, 0, 0, -10, 0), "EPSG:32633")
    >>> one, two = (
    ...     assign_geobox(xr.DataArray([cells], dims=("y", "x")), grid)
    ...     for cells in ([1.0, np.nan], [3.0, np.nan])
    ... )
    >>> merge(one, two, overlap="mean").values
    array([[ 2., nan]])
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
    left, right = _expanded(left, right), _expanded(right, left)
    joined = _differing(left, right)
    left, right = _agreed(left, right, joined), _agreed(right, left, joined)
    right = _in_order(right, left, joined)
    if isinstance(left, xr.Dataset) and isinstance(right, xr.Dataset):
        return _merge_datasets(left, right, overlap)
    return _merge_arrays(left, right, overlap)


def _fill(frame: XarrayT, full: XarrayT) -> XarrayT:
    """Expand a raster by the dimensions of an empty cube."""
    full = full if is_empty(full) else canonical(full)
    for dim in reversed([str(dim) for dim in frame.dims]):
        coord = frame.coords[dim]
        own = _own_labels(full, dim)
        if own is not None and not set(coord.to_index()) <= set(own):
            raise DimensionError(
                f"the empty cube has the labels {some_of(list(coord.to_index()))} in {dim!r}, the "
                f"raster {some_of(own)}; rename them with rename_labels"
            )
        if own is None or (dim in full.coords and dim not in full.dims):
            full = full.drop_vars(dim, errors="ignore").expand_dims({dim: coord.values})
            full = full.assign_coords({dim: coord})
    return full


def _own_labels(obj: XarrayObject, dim: str) -> list[Hashable] | None:
    """Return the labels that a raster has already, be it as a scalar; None if it has none."""
    if dim in obj.coords and dim not in obj.dims:
        return [*obj.coords[dim].expand_dims(dim).to_index()]
    return labels_of(obj).get(dim)


def _expanded(obj: XarrayT, other: XarrayObject) -> XarrayT:
    """Make a dimension of each scalar coordinate that is one in the other cube."""
    scalars = [name for name in other.dims if name in obj.coords and name not in obj.dims]
    return obj.expand_dims([name for name in scalars if not obj.coords[name].dims])


def _differing(left: XarrayObject, right: XarrayObject) -> str | None:
    """Return the dimension in which labels differ; there may be one at most."""
    one, two = labels_of(left), labels_of(right)
    for labels in (one, two):
        for dim, own in labels.items():
            if len(set(own)) < len(own):
                twice = next(label for label in own if own.count(label) > 1)
                raise DimensionError(
                    f"label {str(twice)!r} occurs twice in dimension {dim!r}; merge needs labels "
                    f"that tell cells apart, e.g. cube.drop_duplicates({dim!r})"
                )
    differing = [dim for dim in one if dim in two and set(one[dim]) != set(two[dim])]
    if len(differing) > 1:
        raise IncompatibleCubesError(
            f"the labels differ in several dimensions ({', '.join(differing)}), which would leave "
            "combinations without cells; merge along one dimension at a time"
        )
    bare = [dim for dim in differing if dim in left.dims and dim not in left.indexes]
    if bare:
        raise IncompatibleCubesError(
            f"dimension {bare[0]!r} has {left.sizes[bare[0]]} and {right.sizes[bare[0]]} cells "
            f"without labels; name them: cube.assign_coords({bare[0]}=[...])"
        )
    return differing[0] if differing else None


def _agreed(obj: XarrayT, other: XarrayObject, joined: str | None) -> XarrayT:
    """Drop the coordinates, other than labels, that the other cube lacks or contradicts."""
    return obj.drop_vars(
        [
            name
            for name, coord in obj.coords.items()
            if name not in obj.dims
            and not {"y", "x"} >= set(coord.dims) > set()
            and not (
                name in other.coords
                and (joined in coord.dims or coord.variable.equals(other.coords[name].variable))
            )
        ]
    )


def _in_order(obj: XarrayT, like: XarrayObject, joined: str | None) -> XarrayT:
    """Put the labels of a cube into another's order."""
    shared = [dim for dim in like.indexes if dim in obj.indexes and dim not in (joined, "y", "x")]
    return obj.sel({dim: like.indexes[dim] for dim in shared})


def _merge_datasets(left: xr.Dataset, right: xr.Dataset, overlap: Overlap | None) -> xr.Dataset:
    merged = {}
    for name in dict.fromkeys([*left.data_vars, *right.data_vars]):
        if name not in left or name not in right:
            merged[name] = left[name] if name in left else right[name]
        elif {"y", "x"} <= set(left[name].dims):
            merged[name] = _merge_arrays(left[name], right[name], overlap)
        elif left[name].variable.equals(right[name].variable):
            merged[name] = left[name]
        else:
            raise DimensionError(
                f"variable {name!r} has no y and x and differs between the cubes; "
                f"drop it first: cube.drop_vars({name!r})"
            )
    return assign_geobox(xr.Dataset(merged, attrs=left.attrs), geobox_of(left))


def _merge_arrays(left: xr.DataArray, right: xr.DataArray, overlap: Overlap | None) -> xr.DataArray:
    dim = _differing(left, right)
    source = _shared_cell_type(left, right)
    if dim is None:
        return _resolve(left, right, overlap, "all of their labels")
    left, right = _broadcast(left, right, joined=dim)
    one, two = labels_of(left)[dim], labels_of(right)[dim]
    both = set(one) & set(two)
    common = [label for label in one if label in both]
    target = source
    if common:
        _require_resolver(overlap, f"{len(common)} labels of {dim!r}, such as {common[0]}")
        target = result_cell_type(cast("Overlap", overlap), source)
    parts = [
        _only(left, dim, [label for label in one if label not in both], target),
        _only(right, dim, [label for label in two if label not in both], target),
    ]
    if common:
        shared = left.sel({dim: common}), right.sel({dim: common})
        parts.append(_resolve(*shared, overlap, "labels"))
    joined = xr.concat(
        [part for part in parts if part.sizes[dim]],
        dim,
        coords="minimal",
        compat="override",
        join="exact",
        combine_attrs="override",
    )
    wanted = _joined_labels(left, dim, one, two)
    return set_cell_type(joined.sel({dim: wanted}).transpose(*left.dims), target)


def _broadcast(
    left: xr.DataArray, right: xr.DataArray, *, joined: str | None = None
) -> tuple[xr.DataArray, xr.DataArray]:
    """Give both arrays the dimensions of either, y and x last."""
    one, two = xr.broadcast(left, right, exclude=() if joined is None else (joined,))
    dims = (*(dim for dim in one.dims if dim not in ("y", "x")), "y", "x")
    return one.transpose(*dims), two.transpose(*dims)


def _joined_labels(
    left: xr.DataArray, dim: str, one: list[Hashable], two: list[Hashable]
) -> list[Hashable]:
    joined = list(dict.fromkeys([*one, *two]))
    temporal = dimension_types(left)[dim] == "temporal"
    return [*np.sort(np.array(joined))] if temporal else joined


def _only(array: xr.DataArray, dim: str, labels: list[Hashable], target: CellType) -> xr.DataArray:
    return convert_cells(array.sel({dim: labels}), target)


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
    one, two = _broadcast(left, right)
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
