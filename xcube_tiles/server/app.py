"""The application: routes, errors, cross-origin requests, compression."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from fastapi import FastAPI
from fastapi.middleware.cors import CORSMiddleware
from fastapi.middleware.gzip import GZipMiddleware

from xcube_tiles._version import __version__
from xcube_tiles.catalog.model import Catalog
from xcube_tiles.catalog.reader import open_catalog
from xcube_tiles.render.source import TileSource
from xcube_tiles.server import layers, tiles, viewer
from xcube_tiles.server.errors import install_error_handlers
from xcube_tiles.server.library import REFRESH_SECONDS, Library, version_of_files
from xcube_tiles.sources.collection import Collection
from xcube_tiles.sources.geotiff import GeoTiffSource

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping, Sequence

_SMALLEST_COMPRESSED = 1000  # bytes: below, a JSON text gains nothing


def create_app(
    catalog: str | os.PathLike[str] | Catalog | None = None,
    *,
    collections: Mapping[str, Collection] | None = None,
    sources: Mapping[str, TileSource] | None = None,
    origins: Sequence[str] = ("*",),
    max_age: int = 0,
    refresh: float = REFRESH_SECONDS,
) -> FastAPI:
    """Return the tile server as an ASGI application.

    Parameters
    ----------
    catalog
        A catalog, or its path or URL. Layers that are written, changed or deleted while the
        server runs are noticed.
    collections
        Files to serve as they are, by the name of the layer that they make.
    sources
        Anything else that can be drawn, by layer name.
    origins
        Sites whose pages may ask; `*`: all of them.
    max_age
        Seconds for which browsers use a tile without asking. 0: they always ask, and are told
        cheaply (304) that it hasn't changed.
    refresh
        Seconds for which an opened layer is used without looking whether it has changed.

    Raises
    ------
    CatalogError
        There is no catalog.
    TypeError
        A collection or a source that is none.

    Examples
    --------
    >>> app = create_app()
    >>> app.title
    'xcube_tiles'
    """
    opened = catalog if isinstance(catalog, Catalog | None) else open_catalog(catalog)
    app = FastAPI(
        title="xcube_tiles",
        version=__version__,
        description="Map tiles, previews and values of the layers of a catalog.",
        redoc_url=None,
    )
    files = collections or {}
    app.state.library = Library(
        opened,
        sources=_given(files, sources or {}),
        versions={name: partial(_version, collection) for name, collection in files.items()},
        refresh=refresh,
    )
    app.state.cache_control = f"public, max-age={max_age}" if max_age else "no-cache"
    app.add_middleware(GZipMiddleware, minimum_size=_SMALLEST_COMPRESSED, compresslevel=5)
    app.add_middleware(
        CORSMiddleware, allow_origins=list(origins), allow_methods=["GET"], expose_headers=["ETag"]
    )
    install_error_handlers(app)
    for router in (tiles.router, layers.router, viewer.router):  # the viewer takes what is left
        app.include_router(router)
    return app


def _given(
    collections: Mapping[str, Collection], sources: Mapping[str, TileSource]
) -> dict[str, TileSource]:
    """Return all layers that are no part of a catalog, by name."""
    for what, kind, given in (
        ("collection", Collection, collections),
        ("source", TileSource, sources),
    ):
        for name, value in given.items():
            if not isinstance(value, kind):
                raise TypeError(f"{what} {name!r} is no {kind.__name__}: got {value!r}")
    twice = sorted(set(collections) & set(sources))
    if twice:
        raise TypeError(f"layer {twice[0]!r} is given twice, as a collection and as a source")
    return {name: GeoTiffSource(files) for name, files in collections.items()} | dict(sources)


def _version(files: Collection) -> str:
    return version_of_files(raster.path for raster in files)
