"""Groups of arrays as others write them: what is a coordinate, a grid mapping, a variable."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pyproj
import xarray as xr

from xcube_tiles.catalog.foreign.arrays import dims_of
from xcube_tiles.catalog.format.coords import decode_coord
from xcube_tiles.cube.crs import find_crs
from xcube_tiles.cube.georef import spatial_dims
from xcube_tiles.errors import CatalogError, GeoreferenceError

if TYPE_CHECKING:
    from collections.abc import Mapping

    import zarr
    from odc.geo.crs import CRS

_CRS_ATTRS = ("proj:wkt2", "proj:code", "proj:projjson", "crs")


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """The arrays of one level, and the attributes that hold for them."""

    group: zarr.Group
    """The level's group."""

    attrs: Mapping[str, Any]
    """Attributes of the group, over those of the groups above that are inherited."""

    arrays: Mapping[str, zarr.Array[Any]]
    """All arrays of the group."""

    dims: tuple[str, str]
    """Names of the dimensions along which rows and columns are counted."""

    _cache: dict[str, xr.Dataset] = field(default_factory=dict)

    @property
    def variables(self) -> dict[str, zarr.Array[Any]]:
        """Arrays with both spatial dimensions, by name, sorted."""
        wanted = set(self.dims)
        return {
            name: array
            for name, array in sorted(self.arrays.items())
            if wanted <= set(dims_of(array)) and array.dtype.kind in "biuf"
        }

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        array = next(iter(self.variables.values()))
        names = dims_of(array)
        height, width = (int(array.shape[names.index(dim)]) for dim in self.dims)
        return height, width

    def own(self, name: str) -> Any:
        """Return an attribute of the group or else of its variables; None if none has it."""
        for attrs in (self.attrs, *(array.attrs for array in self.variables.values())):
            if name in attrs:
                return attrs[name]
        return None

    def skeleton(self) -> xr.Dataset:
        """Return the level as a Dataset without cells: its grid can be found by it."""
        if "skeleton" not in self._cache:
            self._cache["skeleton"] = self._skeleton()
        return self._cache["skeleton"]

    def _skeleton(self) -> xr.Dataset:
        shapes = {name: dims_of(array) for name, array in self.variables.items()}
        only = _only_mapping(self.arrays)
        cells = {
            name: xr.Variable(
                shapes[name], np.broadcast_to(np.uint8(0), array.shape), _mapping_attrs(array, only)
            )
            for name, array in self.variables.items()
        }
        coords = {
            name: xr.Variable(dims_of(array), np.asarray(array[:]), array.attrs.asdict())
            for name, array in self.arrays.items()
            if name in self.dims and array.ndim == 1
        }
        mappings = {
            name: xr.Variable((), 0, array.attrs.asdict())
            for name, array in self.arrays.items()
            if array.ndim == 0
        }
        attrs = {name: _crs_text(self.own(name)) for name in _CRS_ATTRS if self.own(name)}
        return xr.Dataset(cells, coords={**coords, **mappings}, attrs=attrs)

    def crs(self) -> CRS:
        """Return the CRS that the level declares.

        Raises
        ------
        GeoreferenceError
            It declares none, or one that can't be read.
        """
        found = find_crs(self.skeleton(), self.dims)
        if found is None:
            raise GeoreferenceError(
                f"{self.group.store_path!s} has no CRS: neither 'proj:code', 'proj:wkt2' or "
                "'proj:projjson', nor a grid mapping, nor latitude and longitude. Add the "
                "attribute 'proj:code' to its group, e.g. 'EPSG:32633'"
            )
        return found

    def coords(self) -> dict[str, xr.Variable]:
        """Return the 1-D coordinates of dimensions other than the spatial ones."""
        leads = {dim for array in self.variables.values() for dim in dims_of(array)}
        found = {}
        for name, array in self.arrays.items():
            dims = dims_of(array)
            if len(dims) == 1 and dims[0] in leads - set(self.dims) and array.ndim == 1:
                attrs = {k: v for k, v in array.attrs.items() if k != "_ARRAY_DIMENSIONS"}
                found[name] = decode_coord(dims[0], np.asarray(array[:]), attrs)
        return found


def read_node(group: zarr.Group, inherited: Mapping[str, Any] | None = None) -> Node:
    """Return the arrays of a group.

    Parameters
    ----------
    group
        Group of a level.
    inherited
        Attributes of the group above.

    Raises
    ------
    CatalogError
        No array has dimensions that are known to be spatial.
    """
    attrs = {**(inherited or {}), **group.attrs.asdict()}
    arrays = dict(group.arrays())
    dims = _spatial_dims(attrs, arrays)
    if dims is None:
        names = {name: dims_of(array) for name, array in sorted(arrays.items())}
        groups = sorted(name for name, _ in group.groups())
        below = f"; it has the groups {', '.join(groups)}: open one of them" if groups else ""
        raise CatalogError(
            f"no variable at {group.store_path!s} has spatial dimensions: its arrays are {names!r}"
            f"{below}. Dimensions are known by the attribute 'spatial:dimensions', or by names "
            "such as (y, x) or (lat, lon)"
        )
    return Node(group=group, attrs=attrs, arrays=arrays, dims=dims)


def _spatial_dims(
    attrs: Mapping[str, Any], arrays: Mapping[str, zarr.Array[Any]]
) -> tuple[str, str] | None:
    numeric = [array for array in arrays.values() if array.dtype.kind in "biuf"]
    for declared in (attrs, *(array.attrs for array in numeric)):
        names = declared.get("spatial:dimensions")
        if isinstance(names, list) and len(names) == 2:
            y, x = str(names[0]), str(names[1])
            if any({y, x} <= set(dims_of(array)) for array in numeric):
                return y, x
    for array in numeric:
        shape = dict.fromkeys(dims_of(array), 1)
        try:
            return spatial_dims(xr.Dataset({"cells": (tuple(shape), np.zeros(len(shape) * (1,)))}))
        except GeoreferenceError:
            continue
    return None


def _mapping_attrs(array: zarr.Array[Any], only: str | None) -> dict[str, Any]:
    """Return the array's reference to a grid mapping; CF also has the form 'crs: y x'."""
    name = str(array.attrs.get("grid_mapping", "")).partition(":")[0].strip() or only
    return {"grid_mapping": name} if name else {}


def _only_mapping(arrays: Mapping[str, zarr.Array[Any]]) -> str | None:
    """Return the only grid mapping: some makers forget to refer to it."""
    found = [
        name
        for name, array in arrays.items()
        if array.ndim == 0 and not {"crs_wkt", "grid_mapping_name"}.isdisjoint(array.attrs)
    ]
    return found[0] if len(found) == 1 else None


def _crs_text(value: Any) -> Any:
    return pyproj.CRS.from_json_dict(value).to_wkt() if isinstance(value, dict) else value
