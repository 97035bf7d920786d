"""Which cells of a grid extents and geometries mean: a window, and what of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias, TypeGuard

import numpy as np
from shapely.geometry.base import BaseGeometry

from xcube_tiles.cube.area import Area, AreaReader, area_on
from xcube_tiles.cube.footprint import touched
from xcube_tiles.errors import GridError
from xcube_tiles.grid.extent import Extent

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray
    from odc.geo.crs import CRS
    from odc.geo.geobox import GeoBox

Bounds: TypeAlias = tuple[float, float, float, float]
"""``(xmin, ymin, xmax, ymax)`` in the layer's CRS."""

Extents: TypeAlias = Extent | Bounds | Sequence[Extent | Bounds]
"""A part of the plane, or several: all of them."""

Areas: TypeAlias = Area | Sequence[Area]
"""A geometry, or several: all of them."""

_CORNERS = 4


@dataclass(frozen=True, slots=True)
class Window:
    """Rows and columns of a grid, the second of each pair behind the last."""

    rows: tuple[int, int]
    cols: tuple[int, int]

    def common(self, other: Window) -> Window | None:
        """Return what two windows have in common."""
        rows = max(self.rows[0], other.rows[0]), min(self.rows[1], other.rows[1])
        cols = max(self.cols[0], other.cols[0]), min(self.cols[1], other.cols[1])
        return Window(rows, cols) if rows[0] < rows[1] and cols[0] < cols[1] else None


@dataclass(frozen=True, slots=True)
class Inside:
    """Which cells of a grid are wanted."""

    windows: tuple[Window, ...]
    """A cell has to lie in one of these,"""

    areas: tuple[tuple[AreaReader, ...], ...]
    """and in one of each of these."""

    def __call__(self, window: Window) -> NDArray[np.bool_]:
        """Return which cells of a window are wanted, shape (rows, columns)."""
        (top, bottom), (left, right) = window.rows, window.cols
        found = np.zeros((bottom - top, right - left), np.bool_)
        for each in self.windows:
            common = each.common(window)
            if common is not None:
                rows, cols = slice(*common.rows), slice(*common.cols)
                found[rows.start - top : rows.stop - top, cols.start - left : cols.stop - left] = (
                    True
                )
        for choice in self.areas:
            if not found.any():
                break
            index = slice(top, bottom), slice(left, right)
            found &= np.logical_or.reduce([area(index) != 0 for area in choice])
        return found


@dataclass(frozen=True, slots=True)
class Place:
    """A window of a grid, and which of its cells are wanted."""

    window: Window
    """Holds all cells wanted."""

    inside: Inside | None = None
    """None: all cells of the window."""


class Placing:
    """Narrows the cells of a grid, step by step.

    Parameters
    ----------
    name
        Name of the layer, for errors.
    geobox
        Its grid.
    """

    def __init__(self, name: str, geobox: GeoBox) -> None:
        height, width = geobox.shape
        self.name, self.geobox = name, geobox
        self.windows = [Window((0, height), (0, width))]
        self.areas: list[tuple[AreaReader, ...]] = []

    def extents(self, wanted: Extents) -> None:
        """Keep cells that one of the extents touches.

        Raises
        ------
        GridError
            An extent that doesn't touch the layer, or none of the cells that are left.
        """
        listed = _extents(wanted, self.geobox.crs)
        self._keep([self._touched(extent) for extent in listed], "extent")

    def geometries(self, wanted: Areas, crs: object) -> None:
        """Keep cells whose centres lie in one of the geometries.

        Raises
        ------
        GridError
            A geometry that doesn't touch the layer, or that cells can't be masked by.
        """
        each = [wanted] if isinstance(wanted, Extent | BaseGeometry | Mapping) else list(wanted)
        readers = []
        for item in each:
            if not isinstance(item, Extent | BaseGeometry | Mapping):
                raise GridError(
                    "a geometry must be one of shapely, GeoJSON or an Extent, or a list of these; "
                    f"got {item!r}"
                )
            readers.append(AreaReader(area_on(item, crs, self.geobox), self.geobox))
        self._keep([self._touched(self._around(reader.area)) for reader in readers], "geometry")
        self.areas.append(tuple(readers))

    def place(self) -> Place:
        """Return what is left."""
        rows, cols = ([getattr(each, axis) for each in self.windows] for axis in ("rows", "cols"))
        window = Window(*((min(low), max(high)) for low, high in (_split(rows), _split(cols))))
        whole = len(self.windows) == 1 and not self.areas
        return Place(window, None if whole else Inside(tuple(self.windows), tuple(self.areas)))

    def _around(self, area: Extent | BaseGeometry) -> Extent:
        if isinstance(area, Extent):
            return area
        return Extent.from_bounds(area.bounds, self.geobox.crs)

    def _touched(self, extent: Extent) -> Window:
        rows, cols = touched(self.geobox, extent)
        if cols.start >= cols.stop or rows.start >= rows.stop:
            whole = Extent.from_geobox(self.geobox)
            raise GridError(
                f"{tuple(extent.to_crs(whole.crs).bounds)!r} doesn't touch layer {self.name!r}, "
                f"which covers {tuple(whole.bounds)!r} of {whole.crs!s}"
            )
        return Window((rows.start, rows.stop), (cols.start, cols.stop))

    def _keep(self, windows: list[Window], what: str) -> None:
        if not windows:
            raise GridError(f"no {what} to read of layer {self.name!r}: the list is empty")
        common = {one.common(other): None for one in self.windows for other in windows}
        self.windows = [window for window in common if window is not None]
        if not self.windows:
            raise GridError(
                f"no cell of layer {self.name!r} is left: the {what} doesn't touch what the "
                "conditions before it chose"
            )


def _extents(wanted: object, crs: CRS | None) -> list[Extent]:
    if isinstance(wanted, Extent):
        return [wanted]
    if _is_bounds(wanted):
        return [Extent.from_bounds(wanted, crs)]
    if not isinstance(wanted, Sequence) or isinstance(wanted, str):
        raise GridError(
            "an extent must be an Extent or (xmin, ymin, xmax, ymax), or a list of these; "
            f"got {wanted!r}"
        )
    return [extent for item in wanted for extent in _extents(item, crs)]


def _is_bounds(wanted: object) -> TypeGuard[Bounds]:
    return (
        isinstance(wanted, Sequence)
        and not isinstance(wanted, str)
        and len(wanted) == _CORNERS
        and all(isinstance(edge, int | float | np.number) for edge in wanted)
    )


def _split(pairs: Iterable[tuple[int, int]]) -> tuple[list[int], list[int]]:
    low, high = zip(*pairs, strict=True)
    return list(low), list(high)
