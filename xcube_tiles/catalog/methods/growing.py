"""Methods of a catalog that write cells."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xcube_tiles.catalog.growing.append import append
from xcube_tiles.catalog.growing.update import update
from xcube_tiles.catalog.methods.base import LayerFolder
from xcube_tiles.catalog.writer import to_catalog
from xcube_tiles.grid.scheme import LOCAL

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import xarray as xr

    from xcube_tiles.catalog.growing.update import UpdateOverlay
    from xcube_tiles.catalog.layer import Layer
    from xcube_tiles.grid.keys import TileKey
    from xcube_tiles.typing import PyramidResampling, XarrayObject


class Growing(LayerFolder):
    """Layers made and grown."""

    __slots__ = ()

    def write(
        self,
        cube: XarrayObject | xr.DataTree,
        layer: str,
        *,
        scheme: str = LOCAL,
        resampling: PyramidResampling | Mapping[str, PyramidResampling] | None = None,
        levels: int | None = None,
        min_valid: float = 0.0,
        zooms: tuple[int | None, int | None] | None = None,
        factor: int = 2,
        overwrite: bool = False,
        resume: bool = False,
        sharded: bool = True,
        chunk: int | None = None,
        shard: int | None = None,
        provenance: Mapping[str, object] | None = None,
        progress: bool | None = None,
    ) -> Layer:
        """Write a cube as a layer; parameters and errors are those of `to_catalog`."""
        return to_catalog(
            cube,
            self.store,
            layer,
            scheme=scheme,
            resampling=resampling,
            levels=levels,
            min_valid=min_valid,
            zooms=zooms,
            factor=factor,
            overwrite=overwrite,
            resume=resume,
            sharded=sharded,
            chunk=chunk,
            shard=shard,
            provenance=provenance,
            progress=progress,
        )

    def append(
        self,
        layer: str,
        cube: XarrayObject,
        *,
        dim: str = "time",
        insert: bool = False,
        resume: bool = False,
        provenance: Mapping[str, object] | None = None,
        progress: bool | None = None,
    ) -> Layer:
        """Add the slices of a cube to a layer, at all its levels.

        Parameters
        ----------
        layer
            Name of the layer.
        cube
            A cube with the variables of the layer that have `dim`, their cell types and its grid,
            or an aligned part of that: the rest is NoData. Any grid for a layer of a zoomed scheme:
            the cube is warped as that was. A single slice may have its label as a scalar
            coordinate.
        dim
            Dimension along which the layer grows.
        insert
            Whether slices may go between those that are there, where labels ascend. Nothing is
            computed again: the slices that are there get new names, on a local disk as links.
            Without it times must come after the last one.
        resume
            Whether to go on where an earlier call with the same cube ended early.
        provenance
            What the history tells of where the slices come from, as JSON.
        progress
            Whether to show a progress bar; by default the option `progress`.

        Returns
        -------
        Layer
            The layer as it is now; those opened before go on with the slices they had.

        Raises
        ------
        LayerNotFoundError
            There is no such layer.
        LayerBusyError
            Somebody else is writing to the layer.
        CatalogError
            Labels that are there already, or come too early; variables or coordinates that the
            layer hasn't, or that are missing; an unfinished change of another kind to resume; a
            layer of other software.
        CellTypeError
            Another cell type; a part of the grid, of cells that have no NoData.
        DimensionError
            The layer hasn't that dimension, or the cube has others.
        GridError
            Another grid, or cells beyond the layer's edges.

        Notes
        -----
        New chunks are written beyond those that are there, in which no reader looks, then the
        layer's documents, its root last. What is written is in proportion to what is appended,
        apart from the documents.

        Examples
        --------
        >>> import numpy as np, xarray as xr
        >>> from zarr.storage import MemoryStore
        >>> from xcube_tiles.catalog.reader import open_catalog
        >>> from xcube_tiles.cube.georef import set_crs
        >>> def scene(day, value):
        ...     cells = xr.DataArray(
        ...         np.full((1, 2, 2), value, "int16"),
        ...         coords={"time": [np.datetime64(day, "ns")], "y": [15.0, 5.0], "x": [5.0, 15.0]},
        ...         dims=("time", "y", "x"),
        ...         name="ndvi",
        ...     )
        ...     return set_crs(cells, "EPSG:32633")
        >>> store = MemoryStore()
        >>> _ = to_catalog(scene("2024-05-01", 1), store, "ndvi")
        >>> catalog = open_catalog(store)
        >>> layer = catalog.append("ndvi", scene("2024-05-08", 2))
        >>> catalog.read("ndvi").ndvi.isel(x=0, y=0).values
        array([1, 2], dtype=int16)
        >>> layer.metadata["history"][-1]["labels"]
        ['2024-05-08', '2024-05-08']
        """
        self._check(layer)
        return append(
            self.store, layer, cube, dim=dim, insert=insert, resume=resume, provenance=provenance,
            progress=progress,
        )  # fmt: skip

    def update(
        self,
        layer: str,
        cube: XarrayObject,
        *,
        overlay: UpdateOverlay = "all",
        keys: Iterable[TileKey] | None = None,
        resume: bool = False,
        provenance: Mapping[str, object] | None = None,
        progress: bool | None = None,
    ) -> Layer:
        """Replace cells of a layer, at all its levels.

        Parameters
        ----------
        layer
            Name of the layer.
        cube
            A cube on an aligned part of the layer's grid, any number of its cells wide and high,
            with some of its variables and labels. Any grid for a layer of a zoomed scheme, with
            `overlay="valid"`.
        overlay
            ``all``: every cell of the cube replaces one, NoData too. ``valid``: those that have a
            value.
        keys
            Tiles of 256 x 256 cells of the base, counted from its upper left corner, outside which
            nothing changes; by default the cube's whole window changes.
        resume
            Whether to go on where an earlier call with the same cube ended early.
        provenance
            What the history tells of where the cells come from, as JSON.
        progress
            Whether to show a progress bar; by default the option `progress`.

        Returns
        -------
        Layer
            The layer as it is now; those opened before go on with the cells they had, until the
            layer is updated or replaced once more.

        Raises
        ------
        LayerNotFoundError
            There is no such layer.
        LayerBusyError
            Somebody else is writing to the layer.
        CatalogError
            Variables or labels that the layer hasn't; keys of tiles that the cube doesn't touch; an
            unfinished change of another kind to resume; a layer of other software.
        CellTypeError
            Another cell type.
        DimensionError
            Other dimensions.
        GridError
            Another grid, or cells beyond the layer's edges.

        Notes
        -----
        Only the shards that the cube touches are written at each level, and only those cells of the
        base are read that lie with the cube's in one cell of the coarsest level. All else gets a
        name in the new generation: a link on a local disk, a copy by the server in an object store.

        Examples
        --------
        >>> import numpy as np, xarray as xr
        >>> from zarr.storage import MemoryStore
        >>> from xcube_tiles.catalog.reader import open_catalog
        >>> from xcube_tiles.cube.georef import set_crs
        >>> cells = xr.DataArray(
        ...     np.zeros((2, 3), "int16"),
        ...     coords={"y": [15.0, 5.0], "x": [5.0, 15.0, 25.0]},
        ...     dims=("y", "x"),
        ...     name="height",
        ... )
        >>> cube, store = set_crs(cells, "EPSG:32633"), MemoryStore()
        >>> _ = to_catalog(cube, store, "dem")
        >>> catalog = open_catalog(store)
        >>> _ = catalog.update("dem", cube[:1, 1:] + np.int16(7))
        >>> catalog.read("dem").height.values
        array([[0, 7, 7],
               [0, 0, 0]], dtype=int16)
        """
        self._check(layer)
        return update(
            self.store, layer, cube, overlay=overlay, keys=keys, resume=resume,
            provenance=provenance, progress=progress,
        )  # fmt: skip
