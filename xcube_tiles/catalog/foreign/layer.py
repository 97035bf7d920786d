"""Layers of others: grids, cells and coordinates of stores that this package didn't write."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from xcube_tiles.catalog.foreign.arrays import CellView, cell_type_of, dims_of, public_attrs
from xcube_tiles.catalog.format.conventions import without_conventions
from xcube_tiles.catalog.layer import Layer, Level
from xcube_tiles.catalog.stores.objects import get
from xcube_tiles.errors import CatalogError, LayerNotFoundError, XcubeTilesError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import xarray as xr
    import zarr
    from numpy.typing import NDArray

    from xcube_tiles.catalog.foreign.grids import Placed
    from xcube_tiles.catalog.foreign.nodes import Node
    from xcube_tiles.grid.celltype import CellType


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignVariable:
    """A variable of a store that others made."""

    dims: tuple[str, ...]
    """Names of the dimensions, the spatial ones last."""

    cell_type: CellType
    """Cell type on all levels."""

    attrs: Mapping[str, Any] = field(repr=False)
    """What its maker says of it."""

    views: tuple[CellView, ...] = field(repr=False)
    """Cells of each level."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class ForeignLayer(Layer):
    """A layer that this package didn't write: it is read as it lies, and never changed.

    Cells are those that are stored: where `variable_attrs` have `scale_factor` or `add_offset`,
    these are left to apply.
    """

    stored: Mapping[str, ForeignVariable]
    """Variables by name."""

    refused: Mapping[str, str]
    """Why other variables of the store can't be read, by name."""

    others: Mapping[str, xr.Variable]
    """Coordinates other than the spatial ones."""

    public: Mapping[str, Any]
    """Attributes of the whole."""

    @property
    def attrs(self) -> dict[str, Any]:
        """Attributes of the store."""
        return dict(self.public)

    @property
    def metadata(self) -> dict[str, Any]:
        """Nothing: the package knows no more than the store says."""
        return {}

    @property
    def variables(self) -> tuple[str, ...]:
        """Names of the variables that can be read, sorted."""
        return tuple(self.stored)

    @property
    def times(self) -> NDArray[np.datetime64] | None:
        """Instants of the time dimension, datetime64[ns]; None if there is none."""
        leads = {dim for variable in self.stored.values() for dim in variable.dims[:-2]}
        for dim in sorted(leads & set(self.others)):
            if self.others[dim].dtype.kind == "M":
                return np.asarray(self.others[dim].values.astype("datetime64[ns]"))
        return None

    def dims(self, variable: str) -> tuple[str, ...]:
        """Return the dimensions of a variable, the spatial ones last."""
        return self._variable(variable).dims

    def labels(self, variable: str) -> NDArray[Any] | None:
        """Return the labels of a variable's dimension before y and x; None if there are none."""
        dims = self.dims(variable)
        found = self.others.get(dims[0]) if len(dims) == 3 else None
        return None if found is None else np.asarray(found.values)

    def shape_of(self, level: int) -> tuple[int, int]:
        """Return the rows and columns of a level.

        Raises
        ------
        CatalogError
            A level that isn't there.
        """
        self._check_level(level)
        return self.levels[level].shape

    def variable_attrs(self, variable: str) -> dict[str, Any]:
        """Return a variable's attributes; scale and offset are among them, NoData isn't."""
        return dict(self._variable(variable).attrs)

    def cell_type(self, variable: str) -> CellType:
        """Return the cell type of a variable, equal on all levels."""
        return self._variable(variable).cell_type

    def array(self, variable: str, level: int) -> Any:
        """Return the cells of a variable at a level, as an array with north up.

        Raises
        ------
        CatalogError
            A variable or level that isn't there.
        """
        self._check_level(level)
        return self._variable(variable).views[level]

    def check_current(self) -> None:
        """Make sure that the store is still there: a chunk that isn't reads as NoData.

        Raises
        ------
        LayerNotFoundError
            It isn't.
        """
        place = self.group.store_path
        names = ("zarr.json", ".zgroup", ".zmetadata")
        keys = [f"{place.path}/{name}".lstrip("/") for name in names]
        if not any(get(place.store, key) is not None for key in keys):
            raise LayerNotFoundError(
                f"layer {self.name!r} was deleted while it was read ({place!s})"
            )

    def _variable(self, name: str) -> ForeignVariable:
        if name in self.stored:
            return self.stored[name]
        if name in self.refused:
            raise CatalogError(
                f"variable {name!r} of layer {self.name!r} can't be read: {self.refused[name]}"
            )
        raise CatalogError(
            f"layer {self.name!r} has no variable {name!r}; it has {', '.join(self.variables)}"
        )


def make_layer(
    name: str, group: zarr.Group, nodes: Sequence[Node], places: Sequence[Placed]
) -> ForeignLayer:
    """Return the layer of some levels.

    Parameters
    ----------
    name
        Name of the layer.
    group
        Group that the levels are part of.
    nodes, places
        The levels and their grids; the finest first.

    Raises
    ------
    CatalogError
        None of the variables can be read; the text says why.
    """
    stored, refused = {}, {}
    for variable in nodes[0].variables:
        try:
            stored[variable] = _variable(variable, nodes, places)
        except XcubeTilesError as error:
            refused[variable] = str(error)
    if not stored:
        reasons = "; ".join(f"{variable!r}: {why}" for variable, why in refused.items())
        raise CatalogError(f"no variable of {name!r} can be read: {reasons}")
    others = nodes[0].coords()
    levels = tuple(
        Level(
            number=number,
            path=_path_below(group, node.group),
            geobox=placed.geobox,
            zoom=number,
        )
        for number, (node, placed) in enumerate(zip(nodes, places, strict=True))
    )
    return ForeignLayer(
        name=name,
        levels=levels,
        group=group,
        stored=stored,
        refused=refused,
        others=others,
        _cache={"coords": others},  # where reading looks for them
        public={
            k: v for k, v in without_conventions(nodes[0].attrs).items() if k not in _STRUCTURE
        },
    )


_STRUCTURE = ("coordinates", "crs")


def _path_below(group: zarr.Group, level: zarr.Group) -> str:
    """Return the path of a level's group, from the layer's where it is below that."""
    path, above = str(level.path), str(group.path)
    return path.removeprefix(above).strip("/") if path.startswith(above) else path


def _variable(name: str, nodes: Sequence[Node], places: Sequence[Placed]) -> ForeignVariable:
    """Return a variable, or raise where its levels don't fit together."""
    leads: list[tuple[tuple[str, ...], tuple[int, ...]]] = []
    views, types = [], []
    for node, placed in zip(nodes, places, strict=True):
        array = node.variables.get(name)
        if array is None:
            raise CatalogError(f"level {node.group.store_path!s} lacks it")
        names = dims_of(array)
        order = _order(names, node.dims)
        view = CellView(array, order, flip_rows=placed.flip_rows, flip_cols=placed.flip_cols)
        if view.shape[-2:] != tuple(placed.geobox.shape):
            raise CatalogError(
                f"at level {node.group.store_path!s} it has {view.shape[-2:]} cells, others have "
                f"{tuple(placed.geobox.shape)}"
            )
        leads.append((tuple(names[axis] for axis in order[:-2]), view.shape[:-2]))
        views.append(view)
        types.append(cell_type_of(array))
    if len(leads[0][0]) > 1:
        raise CatalogError(
            f"it has the dimensions {', '.join(leads[0][0])} beside {' and '.join(nodes[0].dims)}, "
            "and a layer has one at most. Select a label of all but one with xarray "
            "(ds.sel(...)), and write that with ds.tiles.to_catalog"
        )
    if len(set(leads)) > 1 or len(set(types)) > 1:
        found = [
            f"{cells.name} {dict(zip(*lead, strict=True))}"
            for cells, lead in zip(types, leads, strict=True)
        ]
        raise CatalogError(f"its levels differ in cell type or dimensions: {', '.join(found)}")
    first = _first(nodes, name)
    dims = (*leads[0][0], *nodes[0].dims)
    return ForeignVariable(
        dims=dims, cell_type=types[0], attrs=public_attrs(first), views=tuple(views)
    )


def _first(nodes: Sequence[Node], name: str) -> zarr.Array[Any]:
    return nodes[0].variables[name]


def _order(names: tuple[str, ...], dims: tuple[str, str]) -> tuple[int, ...]:
    """Return the axes of an array in canonical order."""
    leads = [axis for axis, name in enumerate(names) if name not in dims]
    return (*leads, names.index(dims[0]), names.index(dims[1]))
