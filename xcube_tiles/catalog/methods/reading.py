"""Methods of a catalog that read layers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xcube_tiles.catalog.methods.base import LayerFolder
from xcube_tiles.catalog.reading.query import Query
from xcube_tiles.catalog.reading.selection import read_layer

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import xarray as xr

    from xcube_tiles.catalog.reading.labels import TimeSelection
    from xcube_tiles.catalog.reading.place import Areas, Extents
    from xcube_tiles.catalog.reading.target import Overzoom


class Reading(LayerFolder):
    """Layers as lazy cubes."""

    __slots__ = ()

    def read(
        self,
        layer: str,
        *,
        zoom: int | None = None,
        resolution: float | None = None,
        overzoom: Overzoom | None = None,
        extent: Extents | None = None,
        geometry: Areas | None = None,
        crs: object = None,
        time: TimeSelection | None = None,
        bands: str | Iterable[str] | None = None,
        sel: Mapping[str, object] | None = None,
    ) -> xr.Dataset:
        """Return a layer, or a part of it, as a lazy cube.

        Parameters
        ----------
        layer
            Name of the layer.
        zoom, resolution, overzoom, extent, geometry, crs, time, bands, sel
            As in `catalog.reading.selection.read_layer`: what is left out isn't restricted.

        Raises
        ------
        LayerNotFoundError
            There is no such layer.
        CatalogError
            A zoom, band, dimension or label that the layer hasn't.
        GridError
            An extent or geometry that doesn't touch the layer, or can't be used.
        CellTypeError
            Cells that can't be NoData, or can't be blended.
        """
        return read_layer(
            self[layer],
            zoom=zoom,
            resolution=resolution,
            overzoom=overzoom,
            extent=extent,
            geometry=geometry,
            crs=crs,
            time=time,
            bands=bands,
            sel=sel,
        )

    def query(self, layer: str) -> Query:
        """Return a question to a layer, to be narrowed step by step with `where`.

        Parameters
        ----------
        layer
            Name of the layer; it is opened.

        Raises
        ------
        LayerNotFoundError
            There is no such layer.
        """
        return Query(layer=self[layer])
