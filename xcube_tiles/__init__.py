"""Tiled datacubes for xarray.

Raster files found by their keys, or STAC items, become one lazy cube; `cube.tiles` reduces it, does
map algebra, builds pyramids and writes them to a catalog that any Zarr client can read.

Importing the package registers the accessor and loads nothing heavy: each name below loads its
module when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from xcube_tiles import accessor as _accessor
from xcube_tiles._version import __version__

if TYPE_CHECKING:
    from xcube_tiles.catalog.foreign.opening import open_layer
    from xcube_tiles.catalog.model import Catalog, Layer
    from xcube_tiles.catalog.reader import open_catalog
    from xcube_tiles.cube.labels import empty_cube
    from xcube_tiles.grid.celltype import CellType
    from xcube_tiles.grid.extent import Extent
    from xcube_tiles.grid.keys import SpaceTimeKey, TileKey
    from xcube_tiles.grid.layout import TileLayout
    from xcube_tiles.grid.scheme import LocalScheme, ZoomedScheme
    from xcube_tiles.kernels.neighborhood import Annulus, Circle, Kernel, Nesw, Square, Wedge
    from xcube_tiles.options import get_options, set_options
    from xcube_tiles.render.style import Style
    from xcube_tiles.sources.collection import Collection, scan
    from xcube_tiles.sources.stac.opening import open_stac

_HOMES = {
    "Annulus": "kernels.neighborhood",
    "Catalog": "catalog.model",
    "CellType": "grid.celltype",
    "Circle": "kernels.neighborhood",
    "Collection": "sources.collection",
    "Extent": "grid.extent",
    "Kernel": "kernels.neighborhood",
    "Layer": "catalog.model",
    "LocalScheme": "grid.scheme",
    "Nesw": "kernels.neighborhood",
    "SpaceTimeKey": "grid.keys",
    "Square": "kernels.neighborhood",
    "Style": "render.style",
    "TileKey": "grid.keys",
    "TileLayout": "grid.layout",
    "Wedge": "kernels.neighborhood",
    "ZoomedScheme": "grid.scheme",
    "empty_cube": "cube.labels",
    "get_options": "options",
    "open_catalog": "catalog.reader",
    "open_layer": "catalog.foreign.opening",
    "open_stac": "sources.stac.opening",
    "scan": "sources.collection",
    "set_options": "options",
}

__all__ = [
    "Annulus",
    "Catalog",
    "CellType",
    "Circle",
    "Collection",
    "Extent",
    "Kernel",
    "Layer",
    "LocalScheme",
    "Nesw",
    "SpaceTimeKey",
    "Square",
    "Style",
    "TileKey",
    "TileLayout",
    "Wedge",
    "ZoomedScheme",
    "__version__",
    "empty_cube",
    "get_options",
    "open_catalog",
    "open_layer",
    "open_stac",
    "scan",
    "set_options",
]

_accessor.register()


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
