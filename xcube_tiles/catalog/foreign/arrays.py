"""Zarr arrays of others in canonical order: rows and columns last, from north and from west."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from xcube_tiles.catalog.format.conventions import decode_nodata, without_conventions
from xcube_tiles.errors import CatalogError, CellTypeError
from xcube_tiles.grid.celltype import CellType

if TYPE_CHECKING:
    from collections.abc import Mapping

    import zarr
    from numpy.typing import NDArray

_HIDDEN = ("_ARRAY_DIMENSIONS", "_FillValue", "missing_value", "coordinates", "grid_mapping")
"""Attributes that say how the array is stored, not what it holds."""


def dims_of(array: zarr.Array[Any]) -> tuple[str, ...]:
    """Return the names of an array's dimensions: of Zarr v3, or as xarray keeps them in v2.

    An array without names has none; a dimension without one is an empty string.
    """
    names = getattr(array.metadata, "dimension_names", None)
    names = names or array.attrs.get("_ARRAY_DIMENSIONS")
    return tuple(str(name or "") for name in names) if isinstance(names, list | tuple) else ()


class CellView:
    """A Zarr array seen in canonical order; cells are read when it is indexed, and not copied.

    Parameters
    ----------
    array
        Array of any order.
    order
        Axis of the array for each axis of the view; rows and columns last.
    flip_rows, flip_cols
        Whether the array's rows run from south to north, its columns from east to west.
    """

    __slots__ = ("_array", "_flips", "_order")

    def __init__(
        self,
        array: zarr.Array[Any],
        order: tuple[int, ...],
        *,
        flip_rows: bool = False,
        flip_cols: bool = False,
    ) -> None:
        self._array, self._order = array, order
        ndim = len(order)
        self._flips = frozenset(
            axis for axis, flips in ((ndim - 2, flip_rows), (ndim - 1, flip_cols)) if flips
        )

    @property
    def shape(self) -> tuple[int, ...]:
        """Sizes in canonical order."""
        return tuple(self._array.shape[axis] for axis in self._order)

    @property
    def chunks(self) -> tuple[int, ...]:
        """Sizes of the chunks in canonical order; counted from the far end where flipped."""
        return tuple(self._array.chunks[axis] for axis in self._order)

    @property
    def ndim(self) -> int:
        """Number of dimensions."""
        return len(self._order)

    @property
    def dtype(self) -> np.dtype[Any]:
        """Dtype of the cells that are read: in native byte order, whatever is stored."""
        return self._array.dtype.newbyteorder("=")

    @property
    def shards(self) -> tuple[int, ...] | None:
        """Sizes of the shards in canonical order; None: there are none."""
        shards = self._array.shards
        return None if shards is None else tuple(shards[axis] for axis in self._order)

    @property
    def fill_value(self) -> Any:
        """What is read where a chunk isn't stored."""
        fill = self._array.fill_value
        return self.dtype.type(0) if fill is None else fill

    @property
    def store_path(self) -> Any:
        """Where the array is."""
        return self._array.store_path

    @property
    def oindex(self) -> OuterIndex:
        """The view, to be indexed by arrays of positions too: each chooses along its dimension."""
        return OuterIndex(self)

    def __getitem__(self, index: tuple[int | slice, ...]) -> NDArray[Any]:
        """Return cells; slices have step 1, and dimensions with an integer vanish."""
        return self._read(index, self._array)

    def outer(self, index: tuple[slice | NDArray[np.intp], ...]) -> NDArray[Any]:
        """Return cells by slices of step 1, and by positions along dimensions before the rows."""
        return self._read(index, self._array.oindex)

    def _read(self, index: tuple[Any, ...], source: Any) -> NDArray[Any]:
        whole = (*index, *(slice(None),) * (self.ndim - len(index)))
        stored: list[Any] = [0] * self.ndim
        for axis, (item, size) in enumerate(zip(whole, self.shape, strict=True)):
            stored[self._order[axis]] = _mirrored(item, size) if axis in self._flips else item
        cells = np.asarray(source[tuple(stored)])
        kept = [axis for axis, item in enumerate(whole) if not isinstance(item, int | np.integer)]
        places = sorted(self._order[axis] for axis in kept)
        cells = cells.transpose([places.index(self._order[axis]) for axis in kept])
        steps = tuple(slice(None, None, -1 if axis in self._flips else None) for axis in kept)
        return cells[steps].astype(self.dtype, copy=False)


class OuterIndex:
    """Indexes a view as `zarr.Array.oindex` does."""

    __slots__ = ("_view",)

    def __init__(self, view: CellView) -> None:
        self._view = view

    def __getitem__(self, index: tuple[slice | NDArray[np.intp], ...]) -> NDArray[Any]:
        """Return cells."""
        return self._view.outer(index)


def _mirrored(item: int | slice, size: int) -> int | slice:
    """Return what lies there when it is counted from the other end."""
    if isinstance(item, slice):
        start, stop, _ = item.indices(size)
        return slice(size - max(start, stop), size - start)
    return size - 1 - item % size


def cell_type_of(array: zarr.Array[Any]) -> CellType:
    """Return the cell type of an array.

    NoData is the attribute `_FillValue` or `missing_value`, else `fill_value` of the array. Zarr v3
    demands a `fill_value` of every array: that it is 0 there says nothing, and is no NoData.

    Raises
    ------
    CatalogError
        Cells that only attributes make readable, or a NoData that is no number.
    CellTypeError
        A dtype that isn't numeric.
    """
    dtype = array.dtype.newbyteorder("=")
    attrs: Mapping[str, Any] = array.attrs.asdict()
    if str(attrs.get("_Unsigned", "")).lower() in ("true", "false"):
        raise CatalogError(
            f"{array.basename!r} is {dtype} by its metadata and something else by the attribute "
            "'_Unsigned', which isn't supported; write it anew with the dtype that it means"
        )
    default = CellType.default(dtype)
    stored = attrs.get("_FillValue", attrs.get("missing_value"))
    if stored is None:
        stored = array.metadata.fill_value
        if array.metadata.zarr_format == 3 and not stored:
            stored = None
    if dtype.kind == "b" or stored is None:
        return default
    nodata = decode_nodata(_plain(stored), dtype)
    if nodata is None:
        return default
    try:
        return CellType(dtype=dtype, nodata=nodata)
    except CellTypeError:
        # A number that the dtype can't hold is in no cell.
        return default


def _plain(value: Any) -> Any:
    """Return a scalar of JSON as Python's; a list of one, as some writers have it, as its item."""
    first = np.asarray(value).reshape(-1)[:1].tolist()
    item = first[0] if first else None
    if isinstance(item, str) and item.lower() in ("nan", "inf", "infinity", "-inf", "-infinity"):
        return float(item)
    return int(item) if isinstance(item, float) and item.is_integer() else item


def public_attrs(array: zarr.Array[Any]) -> dict[str, Any]:
    """Return what the maker says of the cells; `scale_factor` and `add_offset` are left to do."""
    attrs = without_conventions(array.attrs.asdict())
    return {key: value for key, value in attrs.items() if key not in _HIDDEN}
