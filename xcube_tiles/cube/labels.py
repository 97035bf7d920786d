"""Dimensions and their labels: add, drop, rename."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import date
from typing import TYPE_CHECKING, get_args

import numpy as np
import pandas as pd
import xarray as xr

from xcube_tiles.cube.compatibility import is_empty, some_of
from xcube_tiles.cube.dimensions import TYPE_ATTR, require_dim, require_not_spatial
from xcube_tiles.errors import DimensionError
from xcube_tiles.typing import DimensionType

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    from xcube_tiles.typing import XarrayObject, XarrayT


_SHOWN = 10
"""Most labels that an error lists."""


def empty_cube() -> xr.Dataset:
    """Return a cube without rasters: it takes any non-spatial dimension, then the first raster.

    Examples
    --------
    >>> cube = add_dimension(empty_cube(), "sensor", "S2")
    >>> dict(cube.sizes)
    {'sensor': 1}
    """
    return xr.Dataset()


def add_dimension(
    obj: XarrayT, name: str, label: Hashable, *, type: DimensionType = "other"
) -> XarrayT:
    """Add a dimension with one label.

    Parameters
    ----------
    obj
        A cube, also an empty one.
    name
        Name of the new dimension; it comes first.
    label
        Its label. For `type="temporal"` a date: a text, a datetime or a datetime64; one with a
        zone is brought to UTC.
    type
        `temporal`, `bands` or `other`. Spatial dimensions can't be added.

    Raises
    ------
    DimensionError
        A name that is taken; a spatial type; an unknown type; bands added to a Dataset, whose
        variables are its bands; a temporal label that isn't a date.

    Examples
    --------
    >>> cube = add_dimension(empty_cube(), "time", "2024-05", type="temporal")
    >>> cube.time.values
    array(['2024-05-01T00:00:00.000000000'], dtype='datetime64[ns]')
    """
    if type not in get_args(DimensionType):
        raise DimensionError(
            f"unknown dimension type {type!r}; the types are {', '.join(get_args(DimensionType))}"
        )
    if type == "spatial" or name in ("y", "x"):
        raise DimensionError(
            "spatial dimensions can't be added: y and x are inherent to a cube; "
            "the first raster merged into an empty cube brings them"
        )
    if name in obj.dims or name in obj.coords or name in getattr(obj, "data_vars", ()):
        raise DimensionError(f"{name!r} is taken already; the dimensions are {tuple(obj.dims)!r}")
    if type == "bands" and isinstance(obj, xr.Dataset) and not is_empty(obj):
        raise DimensionError(
            "the variables of a Dataset are its bands already: "
            f"{list(obj.data_vars)!r}; for an axis use cube.tiles.stack_bands()"
        )
    value = _time_label(label) if type == "temporal" else label
    coord = xr.Variable((name,), [value], {TYPE_ATTR: type})
    if is_empty(obj):
        return obj.assign_coords({name: coord})
    return obj.expand_dims({name: 1}).assign_coords({name: coord})


def _time_label(label: Hashable) -> pd.Timestamp:
    wanted = f"a temporal label must be a date such as '2024-05-31', got {label!r}"
    # pandas takes numbers for nanoseconds since 1970: the year 2024 would be an instant of 1970.
    if not isinstance(label, str | date | np.datetime64):
        raise DimensionError(wanted)
    try:
        instant = pd.Timestamp(label).as_unit("ns")
    except (TypeError, ValueError) as error:
        raise DimensionError(wanted) from error
    if pd.isna(instant):
        raise DimensionError(wanted)
    return instant if instant.tz is None else instant.tz_convert(None)


def drop_dimension(obj: XarrayT, name: str) -> XarrayT:
    """Drop a dimension that has one label, and the label with it.

    Raises
    ------
    DimensionError
        The dimension doesn't exist, is spatial, or has several labels.

    Examples
    --------
    >>> cube = add_dimension(empty_cube(), "sensor", "S2")
    >>> dict(drop_dimension(cube, "sensor").sizes)
    {}
    """
    require_dim(obj, name)
    require_not_spatial(obj, name, "drop")
    if obj.sizes[name] != 1:
        raise DimensionError(
            f"dimension {name!r} has {obj.sizes[name]} labels, and only one with a single label "
            f"can be dropped; reduce it (cube.tiles.reduce({name!r}, 'mean')) or select one label "
            f"(cube.sel({name}=...))"
        )
    return obj.isel({name: 0}, drop=True)


def rename_labels(
    obj: XarrayT,
    dim: str,
    target: Sequence[Hashable] | Mapping[Hashable, Hashable],
    *,
    source: Sequence[Hashable] | None = None,
) -> XarrayT:
    """Rename labels of a dimension.

    Parameters
    ----------
    obj
        A cube. `dim="bands"` of a Dataset renames its variables.
    dim
        A dimension that isn't spatial.
    target
        New labels: one for each of `source`, or for each label of the dimension; or a mapping from
        old to new labels.
    source
        Labels to rename; the others stay. Dates may be given as texts here too.

    Raises
    ------
    DimensionError
        A dimension or label that doesn't exist, a number of labels that doesn't match, a label
        that would then occur twice, a new label of a temporal dimension that isn't a date.

    Examples
    --------
    >>> cube = add_dimension(empty_cube(), "sensor", "S2")
    >>> rename_labels(cube, "sensor", {"S2": "Sentinel-2"}).sensor.values.tolist()
    ['Sentinel-2']
    """
    labels = _labels(obj, dim)
    mapping = _mapping(dim, labels, target, source)
    if _has_dates(obj, dim):
        mapping = {_time_label(old): _time_label(new) for old, new in mapping.items()}
    _require_known(dim, labels, mapping)
    renamed = [mapping.get(label, label) for label in labels]
    twice = [label for label, count in Counter(renamed).items() if count > 1]
    if twice:
        raise DimensionError(f"label {str(twice[0])!r} would occur twice in dimension {dim!r}")
    if dim not in obj.dims and isinstance(obj, xr.Dataset):
        return _rename_variables(obj, mapping)
    attrs = obj.coords[dim].attrs if dim in obj.coords else {}
    return obj.assign_coords({dim: xr.Variable((dim,), renamed, attrs)})


def _has_dates(obj: XarrayObject, dim: str) -> bool:
    # Dates of other calendars are objects of cftime, which pandas doesn't read.
    return dim in obj.coords and obj.coords[dim].dtype.kind == "M"


def _rename_variables(cube: xr.Dataset, mapping: dict[Hashable, Hashable]) -> xr.Dataset:
    taken = [name for name in mapping.values() if name in cube.coords or name in cube.dims]
    if taken:
        raise DimensionError(f"a band can't be named {taken[0]!r}: a coordinate has that name")
    return cube.rename_vars(mapping)


def _labels(obj: XarrayObject, dim: str) -> list[Hashable]:
    if dim == "bands" and dim not in obj.dims and isinstance(obj, xr.Dataset):
        return list(obj.data_vars)
    require_dim(obj, dim)
    require_not_spatial(obj, dim, "rename labels of")
    return list(obj.indexes[dim]) if dim in obj.indexes else list(range(obj.sizes[dim]))


def _mapping(
    dim: str,
    labels: list[Hashable],
    target: Sequence[Hashable] | Mapping[Hashable, Hashable],
    source: Sequence[Hashable] | None,
) -> dict[Hashable, Hashable]:
    if isinstance(target, Mapping):
        if source is not None:
            raise DimensionError(
                "a mapping names the labels to rename itself: leave out `source`, or pass a list "
                "of new labels"
            )
        return dict(target)
    if isinstance(target, str):
        raise DimensionError(f"new labels must be a list or a mapping, got the text {target!r}")
    old = labels if source is None else list(source)
    if len(old) != len(target):
        raise DimensionError(
            f"{len(target)} new labels for {len(old)} labels of dimension {dim!r}: "
            f"{some_of(old, _SHOWN)}; give one for each, or name those to rename with source=[...]"
        )
    return dict(zip(old, target, strict=True))


def _require_known(dim: str, labels: list[Hashable], mapping: Mapping[Hashable, Hashable]) -> None:
    unknown = [label for label in mapping if label not in labels]
    if unknown:
        raise DimensionError(
            f"dimension {dim!r} has no label {str(unknown[0])!r}; "
            f"its labels are {some_of(labels, _SHOWN)}"
        )
