"""Files that lie side by side as one source of tiles."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from xcube_tiles.errors import CollectionError, StyleError
from xcube_tiles.grid.celltype import CellType
from xcube_tiles.grid.extent import as_crs
from xcube_tiles.kernels.nodata import average_dtype
from xcube_tiles.render.mosaic_cells import AVERAGES, SELECTIONS, PlacedFile, mosaic_cells
from xcube_tiles.render.mosaic_levels import mosaic_levels
from xcube_tiles.render.mosaic_statistics import MosaicStatistics
from xcube_tiles.render.pixels import TOLERANCE
from xcube_tiles.sources.cubes import variable_attrs
from xcube_tiles.sources.decoding import decodings
from xcube_tiles.sources.keys import Key
from xcube_tiles.sources.mosaic_grid import mosaic_grid
from xcube_tiles.sources.places import arrange_places, place_keys
from xcube_tiles.sources.reading import part_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray
    from odc.geo.crs import CRS
    from odc.geo.geobox import GeoBox

    from xcube_tiles.render.mosaic_cells import Selection
    from xcube_tiles.sources.collection import Collection
    from xcube_tiles.sources.header import RasterHeader
    from xcube_tiles.sources.raster import Raster

MOST_FILES = 128
"""Files that one picture of a mosaic reads at most, unless told otherwise."""

Stack = dict[int, list[tuple[int, PlacedFile]]]
"""Rasters of one variable and time by the number of their footprint, with their ranks."""


class MosaicSource:
    """The rasters of a collection that lie side by side, as one source of tiles.

    Files may overlap, and have grids, resolutions and CRSs of their own. A picture reads those that
    it shows, each from the overview that is nearest in size, and only while there are empty pixels
    left (`first`, `last`). Reading is safe in many threads.

    Parameters
    ----------
    collection
        The rasters.
    over
        Keys that tell places apart: their values lie side by side in one layer. None: the labels
        along which rasters cover different areas. Other labels, but for the bands, have one value.
    selection
        What a cell becomes that several files have: `first`, `last`, `highest`, `lowest`, `mean`,
        `median`. NoData in one file gives way to the others. First is the newest where `over` has a
        time; else the one whose values of `over` come first in natural order.
    time, bands, scaled
        As for `Collection.to_cube`. Times and bands may lack places.
    crs, resolution
        Grid of the layer. By default the finest grid of the files, continued; with several CRSs
        the pixels of web maps in EPSG:3857.
    max_files
        Files that one window may read at most; levels too coarse for that are left out.

    Raises
    ------
    CollectionError
        No rasters; a key with several values that is neither time, band nor in `over`.
    UnknownKeyError
        A key that there isn't.
    StyleError
        An unknown selection.
    GeoreferenceError, CellTypeError, GridError
        As `Collection.to_cube`.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np, rasterio, xcube_tiles as xt
    >>> folder = tempfile.TemporaryDirectory()
    >>> for tile, left in (("a", 0), ("b", 20)):
    ...     grid = {"width": 2, "height": 1, "crs": "EPSG:32633", "nodata": 0}
    ...     grid["transform"] = rasterio.Affine(10, 0, left, 0, -10, 10)
    ...     with rasterio.open(
    ...         f"{folder.name}/{tile}.tif", "w", count=1, dtype="uint8", **grid
    ...     ) as file:
    ...         file.write(np.array([[[1, 0]]], "uint8") + left)
    >>> both = MosaicSource(xt.scan(folder.name + "/{tile}.tif"))
    >>> both.read("raster", level=0, rows=slice(0, 1), cols=slice(0, 4))
    array([[ 1,  0, 21, 20]], dtype=uint8)
    >>> folder.cleanup()
    """

    def __init__(
        self,
        collection: Collection,
        *,
        over: Sequence[str] | None = None,
        selection: Selection = "first",
        time: str | None = None,
        bands: str | None = None,
        scaled: bool = True,
        crs: object | None = None,
        resolution: float | None = None,
        max_files: int = MOST_FILES,
    ) -> None:
        _check(over, selection, max_files)
        keys = [Key(name=name, type=kind) for name, kind in collection.key_types.items()]
        rasters = list(collection)
        headers = collection.headers()
        if over is None:
            over = place_keys(rasters, keys, headers, bands=bands)
        placed = arrange_places(rasters, keys, over, time=time, bands=bands)
        self._selection, self._most = selection, max_files
        self._options = collection.storage_options
        self._times = None if placed.times is None else np.array(placed.times, "datetime64[ns]")
        grids = list(dict.fromkeys(header.geobox for header in headers.values()))
        numbers = {grid: number for number, grid in enumerate(grids)}
        base, self._places = mosaic_grid(grids, crs=crs, resolution=resolution)
        self._stacks: dict[str, tuple[Stack, ...]] = {}
        self._types: dict[str, CellType] = {}
        self._attrs: dict[str, dict[str, Any]] = {}
        for name, lists in placed.variables.items():
            self._add(name, lists, headers, numbers, scaled=scaled)
        stacks = [stack for each in self._stacks.values() for stack in each]
        self._geoboxes, self.widest_pixel = mosaic_levels(
            base, self._places, stacks, len(grids), selection, max_files
        )
        files = {
            name: [file for stack in each for group in stack.values() for _, file in group]
            for name, each in self._stacks.items()
        }
        self.metadata = {"statistics": MosaicStatistics(files, self._types, self._options)}

    @property
    def crs(self) -> CRS:
        """Coordinate reference system of all levels."""
        return as_crs(self._geoboxes[0].crs)

    @property
    def geoboxes(self) -> tuple[GeoBox, ...]:
        """Grid of each level, the finest first; each has half the resolution of the one before."""
        return self._geoboxes

    @property
    def variables(self) -> tuple[str, ...]:
        """Names of the variables, sorted: values of the band key."""
        return tuple(self._stacks)

    @property
    def times(self) -> NDArray[np.datetime64] | None:
        """Instants (datetime64[ns]), ascending; None if no key is a time."""
        return None if self._times is None else self._times.copy()

    def cell_type(self, variable: str) -> CellType:
        """Return dtype and NoData of a variable; there always is a NoData value."""
        self._stack(variable)
        if self._selection in AVERAGES:
            return CellType.default(average_dtype(self._types[variable].dtype))
        return self._types[variable]

    def variable_attrs(self, variable: str) -> Mapping[str, Any]:
        """Return the CF attributes of a variable: `units`, `long_name`."""
        self._stack(variable)
        return dict(self._attrs[variable])

    def read(
        self, variable: str, *, level: int, rows: slice, cols: slice, time: int | None = None
    ) -> NDArray[Any]:
        """Return the cells of a window.

        Parameters
        ----------
        variable
            Name of the variable.
        level
            Index into `geoboxes`.
        rows, cols
            Window within the level; both bounds given.
        time
            Index into `times`; None where `times` is None.

        Returns
        -------
        ndarray, shape (rows, cols)
            Cells of the variable's cell type, north up; NoData where no file has a value.

        Raises
        ------
        CollectionError
            Unknown variable; level or time out of range; a file has changed its shape.
        SizeLimitError
            The window needs more files than `max_files`, or files without overviews.
        """
        stacks = self._stack(variable)
        if not 0 <= level < len(self._geoboxes):
            raise CollectionError(f"levels are 0 to {len(self._geoboxes) - 1}, got {level!r}")
        place = 0 if time is None and self._times is None else time
        if place is None or not 0 <= place < len(stacks):
            raise CollectionError(
                f"time must be an index from 0 to {len(stacks) - 1}, got {time!r}"
            )
        if rows.start >= rows.stop or cols.start >= cols.stop:
            shape = (max(rows.stop - rows.start, 0), max(cols.stop - cols.start, 0))
            return np.empty(shape, self.cell_type(variable).dtype)
        target = self._geoboxes[level][rows, cols]
        return mosaic_cells(
            self._touching(stacks[place], target),
            target,
            self._selection,
            self._types[variable],
            max_files=self._most,
            options=self._options,
            tolerance=TOLERANCE,
        )

    def _add(
        self,
        name: str,
        lists: Sequence[Sequence[Raster]],
        headers: Mapping[str, RasterHeader],
        numbers: Mapping[GeoBox, int],
        *,
        scaled: bool,
    ) -> None:
        rasters = [raster for each in lists for raster in each]
        found = [headers[raster.path].band(raster.raster_band)[1] for raster in rasters]
        ways = iter(decodings(found, scaled=scaled, needs_nodata=True, variable=name))
        stacks: list[Stack] = []
        for each in lists:
            stack: Stack = {}
            for rank, raster in enumerate(each):
                header = headers[raster.path]
                way = next(ways)
                self._types[name] = way.target
                boxes = (header.geobox, *header.overviews)
                file = PlacedFile(boxes, part_of(raster, header, way))
                stack.setdefault(numbers[header.geobox], []).append((rank, file))
            stacks.append(stack)
        self._stacks[name] = tuple(stacks)
        self._attrs[name] = variable_attrs(found, scaled=scaled)

    def _touching(self, stack: Stack, target: GeoBox) -> list[PlacedFile]:
        """Return the files that touch a grid, the one on top first."""
        box = target.boundingbox
        bounds = (box.left, box.bottom, box.right, box.top)
        found = [
            entry for number in self._places.touching(bounds) for entry in stack.get(number, ())
        ]
        return [file for _, file in sorted(found, key=lambda entry: entry[0])]

    def _stack(self, variable: str) -> tuple[Stack, ...]:
        if variable not in self._stacks:
            known = ", ".join(self._stacks)
            raise CollectionError(f"unknown variable {variable!r}; the variables are {known}")
        return self._stacks[variable]


def _check(over: object, selection: str, max_files: object) -> None:
    if isinstance(over, str):
        raise CollectionError(f"over= is a list of keys, such as [{over!r}], got {over!r}")
    if selection not in SELECTIONS:
        raise StyleError(f"unknown selection {selection!r}; there are {', '.join(SELECTIONS)}")
    if isinstance(max_files, bool) or not isinstance(max_files, int) or max_files < 1:
        raise CollectionError(f"max_files must be a number from 1, got {max_files!r}")
