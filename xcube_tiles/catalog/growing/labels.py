"""Labels along a dimension of a layer: those that come, and where they go."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from xcube_tiles.catalog.format.coords import check_times, decode_coord, from_json
from xcube_tiles.catalog.layer import dimension_names
from xcube_tiles.cube.compatibility import some_of
from xcube_tiles.cube.crs import SPATIAL_REF
from xcube_tiles.errors import CatalogError, DimensionError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import zarr
    from numpy.typing import NDArray

    from xcube_tiles.catalog.layer import Layer

_NUMBERS = "biuf"


@dataclass(frozen=True, slots=True, kw_only=True)
class Growth:
    """How slices join those of a layer."""

    dim: str
    """Dimension along which the layer grows."""

    new: tuple[int, ...]
    """Position, in the grown layer, of each slice of the cube."""

    old: tuple[int, ...]
    """Position, in the grown layer, of each slice that the layer has."""

    coords: dict[str, xr.Variable]
    """All coordinates along the dimension, grown."""

    @property
    def size(self) -> int:
        """Number of slices of the grown layer."""
        return len(self.new) + len(self.old)

    @property
    def at_end(self) -> bool:
        """Whether no slice of the layer moves."""
        return self.old == tuple(range(len(self.old)))

    @property
    def labels(self) -> list[str]:
        """First and last label that is new, as text; none without labels."""
        if self.dim not in self.coords:
            return []
        labels = self.coords[self.dim].values[list(self.new)]
        return [_shown(labels[0]), _shown(labels[-1])]


def size_along(layer: Layer, dim: str) -> int:
    """Return the number of slices that a layer has along a dimension.

    Raises
    ------
    DimensionError
        The layer has no such leading dimension.
    """
    sizes = {
        name: size
        for variable in layer.variables
        for name, size in zip(
            layer.dims(variable)[:-2], layer.array(variable, 0).shape[:-2], strict=True
        )
    }
    if dim not in sizes:
        has = f"it has {', '.join(sizes)}" if sizes else "it has none besides y and x"
        raise DimensionError(f"layer {layer.name!r} has no dimension {dim!r} to grow along; {has}")
    return sizes[dim]


def coord_arrays(layer: Layer) -> dict[str, zarr.Array[Any]]:
    """Return the arrays of the base that hold coordinates along leading dimensions."""
    group: Any = layer.group[layer.levels[0].path]
    return {
        name: array
        for name, array in group.arrays()
        if len(dimension_names(array)) == 1
        and not {"y", "x"} & set(dimension_names(array))
        and name not in (SPATIAL_REF, *layer.variables)
    }


def coords_along(layer: Layer, dim: str) -> dict[str, xr.Variable]:
    """Return the coordinates of a layer along a dimension."""
    arrays = {
        name: decode_coord(dim, np.asarray(array[:]), array.attrs.asdict())
        for name, array in coord_arrays(layer).items()
        if dimension_names(array) == (dim,)
    }
    documents = layer.metadata.get("coords", {})
    texts = {name: from_json(text) for name, text in documents.items() if dim in text["dims"]}
    return {**arrays, **texts}


def growth(layer: Layer, cube: xr.Dataset, dim: str, *, insert: bool) -> Growth:
    """Return how the slices of a cube join those of a layer, or raise.

    Parameters
    ----------
    layer
        The layer to grow.
    cube
        A cube that fits it.
    dim
        Dimension along which it grows.
    insert
        Whether slices may go between those that are there.

    Raises
    ------
    CatalogError
        Labels that the layer has already, that stand twice in the cube, or that come before the
        layer's last where those ascend; coordinates that the cube lacks or the layer hasn't.
    """
    count, coming = size_along(layer, dim), cube.sizes[dim]
    there = coords_along(layer, dim)
    fresh = _fresh_coords(layer, cube, dim, there)
    where = list(range(count + coming))
    if dim in there:
        labels = _labels(there[dim])
        more = _labels(fresh[dim])
        _check_new(layer, dim, labels, more)
        if _ascends(labels) and (insert or labels.dtype.kind == "M"):
            whole = np.concatenate([labels, more])
            order = np.argsort(whole, kind="stable")
            if not insert and not _ascends(whole):
                raise _late(layer, dim, labels, more)
            where = [int(at) for at in np.argsort(order, kind="stable")]
    order = np.argsort(where, kind="stable")
    grown = {
        name: xr.Variable.concat([there[name], fresh[name]], dim)[{dim: order}] for name in there
    }
    for name, variable in grown.items():
        variable.attrs = dict(there[name].attrs)
    return Growth(dim=dim, old=tuple(where[:count]), new=tuple(where[count:]), coords=grown)


def positions(layer: Layer, cube: xr.Dataset, dim: str) -> list[int]:
    """Return the position in a layer of each slice of a cube.

    Raises
    ------
    CatalogError
        Labels that the layer hasn't, or that stand twice in the cube.
    """
    count = size_along(layer, dim)
    there = coords_along(layer, dim)
    if dim not in there:
        if cube.sizes[dim] != count:
            raise CatalogError(
                f"layer {layer.name!r} has {count} slices along {dim!r} and no labels; "
                f"pass all of them, got {cube.sizes[dim]}"
            )
        return list(range(count))
    if dim not in cube.coords:
        raise CatalogError(
            f"the cube has no labels along {dim!r}: which slices are they? {_give(dim)}"
        )
    labels, wanted = _labels(there[dim]), _labels(cube[dim].variable)
    _check_kinds(layer, dim, labels, wanted)
    at = {label: number for number, label in enumerate(labels.tolist())}
    _check_unique(dim, wanted)
    absent = [label for label in wanted if label.item() not in at]
    if absent:
        raise CatalogError(
            f"layer {layer.name!r} has no {_listed(absent)} along {dim!r}; update changes what is "
            f"there: catalog.append({layer.name!r}, cube, dim={dim!r}) adds slices"
        )
    return [at[label] for label in wanted.tolist()]


def runs(numbers: Sequence[int]) -> list[slice]:
    """Return the stretches of a sequence in which each number is one more than the one before.

    Examples
    --------
    >>> runs([3, 4, 5, 9])
    [slice(0, 3, None), slice(3, 4, None)]
    """
    breaks = [at for at, (a, b) in enumerate(pairwise(numbers), start=1) if b != a + 1]
    return [slice(a, b) for a, b in pairwise([0, *breaks, len(numbers)])] if numbers else []


def _labels(variable: xr.Variable) -> NDArray[Any]:
    values = np.asarray(variable.values)
    if values.dtype.kind == "M":
        check_times(values, variable.dims[0] if variable.dims else "time")
        return values.astype("datetime64[ns]")
    return values.astype(str) if values.dtype.kind in ("O", "T") else values


def _fresh_coords(
    layer: Layer, cube: xr.Dataset, dim: str, there: dict[str, xr.Variable]
) -> dict[str, xr.Variable]:
    """Return the coordinates of a cube that grow with the layer's, in dtypes that fit those."""
    found = {str(name): c.variable for name, c in cube.coords.items() if dim in c.dims}
    alone = {str(name): c.variable for name, c in cube.coords.items() if not c.ndim}
    found |= {
        name: alone[name].set_dims({dim: 1})
        for name in there
        if name not in found and name in alone and cube.sizes[dim] == 1
    }
    missing, extra = sorted(set(there) - set(found)), sorted(set(found) - set(there))
    if dim in missing:
        raise CatalogError(f"the cube has no labels along {dim!r}, as the layer has; {_give(dim)}")
    if missing:
        raise CatalogError(
            f"layer {layer.name!r} has the coordinate {missing[0]!r} along {dim!r} and the cube "
            f"doesn't: add it with cube.assign_coords({missing[0]}=({dim!r}, values))"
        )
    if extra:
        raise CatalogError(
            f"the cube has the coordinate {extra[0]!r} along {dim!r} and layer {layer.name!r} "
            f"doesn't: leave it out, cube.drop_vars({extra[0]!r})"
        )
    for name, present in there.items():
        _check_kinds(layer, name, _labels(present), _labels(found[name]))
    return {name: _in_dtype_of(found[name], there[name]) for name in there}


def _check_kinds(layer: Layer, name: str, one: NDArray[Any], two: NDArray[Any]) -> None:
    kinds = [labels.dtype.kind for labels in (one, two)]
    if kinds[0] != kinds[1] and not set(kinds) <= set(_NUMBERS):
        raise CatalogError(
            f"the labels of {name!r} are {two.dtype} and those of layer {layer.name!r} "
            f"{one.dtype}: bring them to one type"
        )


def _in_dtype_of(variable: xr.Variable, other: xr.Variable) -> xr.Variable:
    """Return a coordinate in the dtype of another one if no value changes."""
    if variable.dtype.kind not in _NUMBERS or variable.dtype == other.dtype:
        return variable
    with np.errstate(all="ignore"):
        cast = variable.astype(other.dtype)
    one, two = cast.values, variable.values
    same = (one == two) | (np.isnan(one) & np.isnan(two))
    return cast if same.all() else variable


def _check_new(layer: Layer, dim: str, labels: NDArray[Any], more: NDArray[Any]) -> None:
    _check_unique(dim, more)
    if more.dtype.kind == "M" and np.isnat(more).any():
        raise CatalogError(f"coordinate {dim!r} has missing times (NaT): drop them first")
    known = [label for label in more if (labels == label).any()]
    if known:
        raise CatalogError(
            f"layer {layer.name!r} has {_listed(known)} along {dim!r} already; "
            f"catalog.update({layer.name!r}, cube) replaces cells"
        )


def _check_unique(dim: str, labels: NDArray[Any]) -> None:
    values, counts = np.unique(labels, return_counts=True)
    if (counts > 1).any():
        raise CatalogError(
            f"the cube has {_listed(values[counts > 1])} twice along {dim!r}: "
            f"merge or drop one, cube.drop_duplicates({dim!r})"
        )


def _late(layer: Layer, dim: str, labels: NDArray[Any], more: NDArray[Any]) -> CatalogError:
    if not _ascends(more):
        return CatalogError(
            f"the labels of the cube don't ascend along {dim!r}: sort it, cube.sortby({dim!r})"
        )
    return CatalogError(
        f"{_shown(more[0])} comes before {_shown(labels[-1])}, the last of layer {layer.name!r} "
        f"along {dim!r}; insert=True puts slices between those that are there"
    )


def _ascends(labels: NDArray[Any]) -> bool:
    return bool((labels[1:] > labels[:-1]).all())


def _give(dim: str) -> str:
    return f"add them with cube.assign_coords({dim}=...)"


def _listed(labels: Iterable[Any]) -> str:
    return some_of([_shown(label) for label in labels])


def _shown(label: Any) -> str:
    if isinstance(label, np.datetime64):
        return str(np.datetime_as_string(label, unit="auto"))
    return str(label)
