"""A question to a layer, put together step by step."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import product
from typing import TYPE_CHECKING, Any

from xcube_tiles.catalog.reading.cells import REACH, parent_window
from xcube_tiles.catalog.reading.conditions import (
    Conditions,
    bands_of,
    coords_of,
    labels_of,
    place_of,
    time_dim,
)
from xcube_tiles.catalog.reading.place import Window
from xcube_tiles.catalog.reading.selection import read_cube
from xcube_tiles.catalog.reading.target import Target, target_at
from xcube_tiles.grid.keys import SpaceTimeKey, TileKey

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    import xarray as xr

    from xcube_tiles.catalog.layer import Layer
    from xcube_tiles.catalog.reading.labels import TimeSelection
    from xcube_tiles.catalog.reading.place import Areas, Extents, Place
    from xcube_tiles.catalog.reading.target import Overzoom


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Query:
    """What to read of a layer; each step gives a new query.

    Conditions in several steps hold together (and); those in a list are alternatives (or).
    """

    layer: Layer
    """The layer that is asked."""

    conditions: tuple[Conditions, ...] = ()
    """One for each `where`."""

    grid: Mapping[str, Any] = field(default_factory=dict)
    """Zoom, resolution and overzoom."""

    def where(
        self,
        *,
        extent: Extents | None = None,
        geometry: Areas | None = None,
        crs: object = None,
        time: TimeSelection | None = None,
        bands: str | Iterable[str] | None = None,
        sel: Mapping[str, object] | None = None,
    ) -> Query:
        """Return a query that asks for less: what it asked for before, where this holds too.

        Parameters
        ----------
        extent, geometry, crs, time, bands, sel
            As in `read_layer`. Whether the layer has it shows when the query is answered.

        Examples
        --------
        >>> import tempfile, numpy as np, xarray as xr, xcube_tiles as xt
        >>> cells = xr.DataArray(
        ...     np.arange(1, 7, dtype="int16").reshape(2, 3),
        ...     coords={"y": [15.0, 5.0], "x": [5.0, 15.0, 25.0]},
        ...     dims=("y", "x"),
        ...     attrs={"_FillValue": np.int16(0)},
        ... )
        >>> folder = tempfile.TemporaryDirectory()
        >>> layer = cells.tiles.set_crs("EPSG:32633").tiles.to_catalog(folder.name, "dem")
        >>> query = Query(layer=layer).where(extent=[(0, 0, 10, 20), (20, 0, 30, 20)])
        >>> query.read().dem.values
        array([[1, 0, 3],
               [4, 0, 6]], dtype=int16)
        >>> query.where(extent=(10, 0, 30, 10)).read().dem.values
        array([[6]], dtype=int16)
        >>> query.keys()
        (TileKey(col=0, row=0),)
        >>> folder.cleanup()
        """
        wanted = Conditions(
            extent=extent, geometry=geometry, crs=crs, time=time, bands=bands, sel=sel or {}
        )
        return replace(self, conditions=(*self.conditions, wanted))

    def zoom(
        self,
        zoom: int | None = None,
        *,
        resolution: float | None = None,
        overzoom: Overzoom | None = None,
    ) -> Query:
        """Return the same query for another level, or for cells smaller than the finest.

        Parameters
        ----------
        zoom, resolution, overzoom
            As in `read_layer`.
        """
        grid = {"zoom": zoom, "resolution": resolution, "overzoom": overzoom}
        return replace(self, grid=grid)

    def read(self) -> xr.Dataset:
        """Return the answer as a lazy cube.

        Raises
        ------
        CatalogError, GridError, CellTypeError
            As `read_layer`; also where the conditions together leave nothing.
        """
        return read_cube(self.layer, self._target(), self.conditions)

    def keys(self) -> tuple[TileKey, ...] | tuple[SpaceTimeKey, ...]:
        """Return the tiles that hold the answer's cells, in the order of their keys.

        A tile is a chunk of the level that is read, counted from its top left corner. With an
        instant where the layer has a time dimension; positions along further dimensions, and
        bands, share a key.

        Raises
        ------
        CatalogError, GridError
            As `read`.
        """
        target = self._target()
        place = place_of(self.layer, target.geobox, self.conditions)
        labels = labels_of(self.layer, self.conditions)
        names = bands_of(self.layer, self.conditions)
        edge = self.layer.array(names[0], target.level.number).chunks[-1]
        tiles = sorted(TileKey(col, row) for col, row in _tiles(target, place, edge))
        dim = time_dim(self.layer)
        if dim is None or not any(dim in self.layer.dims(name) for name in names):
            return tuple(tiles)
        instants = coords_of(self.layer)[dim].values
        if dim in labels:
            instants = instants[list(labels[dim].positions)]
        return tuple(
            SpaceTimeKey(tile.col, tile.row, instant)
            for tile, instant in product(tiles, sorted(instants))
        )

    def _target(self) -> Target:
        return target_at(self.layer, **self.grid)


def _tiles(target: Target, place: Place, edge: int) -> Iterator[tuple[int, int]]:
    """Yield column and row of the tiles of which cells are needed."""
    reach = 0 if target.factor == 1 or target.method == "nearest" else REACH
    parent = parent_window(target, place.window, reach)
    spans = (range(first // edge, -(-last // edge)) for first, last in (parent.cols, parent.rows))
    for col, row in product(*spans):
        needing = _needing(target, col, row, edge, reach).common(place.window)
        if needing is not None and (place.inside is None or place.inside(needing).any()):
            yield col, row


def _needing(target: Target, col: int, row: int, edge: int, reach: int) -> Window:
    """Return the cells of the target that are made of a tile's cells."""
    rows, cols = (
        ((at * edge - reach) * target.factor, ((at + 1) * edge + reach) * target.factor)
        for at in (row, col)
    )
    return Window(rows, cols)
