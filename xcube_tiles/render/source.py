"""What can be rendered: the protocol that catalog layers, GeoTIFFs and cubes satisfy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from xcube_tiles.errors import DimensionError, StyleError

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray
    from odc.geo.crs import CRS
    from odc.geo.geobox import GeoBox

    from xcube_tiles.grid.celltype import CellType

_SHOWN = 5
"""Labels that an error lists."""


@runtime_checkable
class TileSource(Protocol):
    """Variables on one grid, at one or more levels of detail, that give their cells by windows.

    A source opens its arrays once and may be read from many threads at a time.
    """

    @property
    def crs(self) -> CRS:
        """Coordinate reference system of all levels."""

    @property
    def geoboxes(self) -> tuple[GeoBox, ...]:
        """Grid of each level, the finest first; none is rotated."""

    @property
    def variables(self) -> tuple[str, ...]:
        """Names of the variables, in their own order; at least one."""

    @property
    def times(self) -> NDArray[np.datetime64] | None:
        """Instants of the time axis, datetime64[ns], in its own order; None: there is none."""

    def cell_type(self, variable: str) -> CellType:
        """Return dtype and NoData of a variable; all levels have the same."""

    def read(
        self, variable: str, *, level: int, rows: slice, cols: slice, time: int | None = None
    ) -> NDArray[Any]:
        """Return the cells of a window as they are stored: nothing is masked or scaled.

        Parameters
        ----------
        variable
            Name of the variable.
        level
            Index into `geoboxes`.
        rows, cols
            The window, inside the level, with neither negative bounds nor steps.
        time
            Index into `times`; None where `times` is None. A variable without a time axis ignores
            it.

        Returns
        -------
        ndarray, shape (rows, cols)
            Cells in the dtype of `cell_type`.
        """


def check_variables(source: TileSource, names: tuple[str, ...]) -> None:
    """Raise StyleError unless a source has all these variables."""
    unknown = [name for name in names if name not in source.variables]
    if unknown:
        raise StyleError(
            f"unknown variable {unknown[0]!r}; the variables are {', '.join(source.variables)}"
        )


def read_cells(
    source: TileSource,
    variable: str,
    *,
    level: int,
    rows: slice,
    cols: slice,
    time: int | None = None,
) -> NDArray[Any]:
    """Return the cells of a window, shape (rows, cols); parameters as `TileSource.read`.

    Raises
    ------
    DimensionError
        A variable with a dimension that is neither time nor space: a picture can't show it.
    """
    cells = source.read(variable, level=level, rows=rows, cols=cols, time=time)
    if cells.ndim != 2:
        raise DimensionError(
            f"variable {variable!r} has a dimension besides time, y and x, of size "
            f"{cells.shape[0]}, and a picture shows one label of it: {_told(source, variable)}"
        )
    return cells


def _told(source: TileSource, variable: str) -> str:
    """Return how a label is chosen, for the text of an error."""
    labels = labels_of(source, variable)
    if labels is None or not labels.size:
        return "it has none; select one position of it before writing"
    shown = ", ".join(f"{variable}@{label}" for label in labels[:_SHOWN].tolist())
    more = f", ... ({labels.size} in all)" if labels.size > _SHOWN else ""
    return f"ask for the band {shown}{more}"


def labels_of(source: TileSource, variable: str) -> NDArray[Any] | None:
    """Return the labels of a variable's dimension before y and x; None if there are none.

    A source may have a method ``labels(variable)``, as catalog layers do; of others only `times`
    are known.
    """
    describe = getattr(source, "labels", None)
    labels: NDArray[Any] | None = None if describe is None else describe(variable)
    return labels


def attributes_of(source: TileSource, variable: str) -> Mapping[str, Any]:
    """Return the CF attributes of a variable where the source knows them.

    A source may have a method ``variable_attrs(variable)``; it isn't part of the protocol because
    only units, categories and ranges depend on it, and each of them can be given in a `Style`.
    """
    describe = getattr(source, "variable_attrs", None)
    return describe(variable) if describe is not None else {}


def statistics_of(source: TileSource, variable: str) -> Mapping[str, float | None]:
    """Return what a source knows of the values of a variable; empty where it knows nothing.

    A source may have a mapping ``metadata`` with `statistics` by variable, as catalog layers do:
    `min`, `max` and percentiles `p2`, `p50`, `p98`.
    """
    metadata = getattr(source, "metadata", None) or {}
    known: Mapping[str, float | None] = metadata.get("statistics", {}).get(variable, {})
    return known
