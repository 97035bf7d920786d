"""The application: routes, errors, cross-origin requests, compression."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from fastapi import Depends, FastAPI
from fastapi.middleware.cors import CORSMiddleware

from xcube_tiles._version import __version__
from xcube_tiles.catalog.model import Catalog
from xcube_tiles.catalog.reader import open_catalog
from xcube_tiles.render.source import TileSource
from xcube_tiles.server import data, layers, ogc, reference, tiles, viewer, zarr_store
from xcube_tiles.server.caching import RedisTileCache, TileCaches
from xcube_tiles.server.errors import install_error_handlers
from xcube_tiles.server.fast import FastTiles
from xcube_tiles.server.library import REFRESH_SECONDS, version_of_files
from xcube_tiles.server.live import LiveLibrary
from xcube_tiles.server.operations import health
from xcube_tiles.server.operations.access import HEADER, ApiKey, Keys
from xcube_tiles.server.operations.gate import Gate
from xcube_tiles.server.operations.health import Readiness
from xcube_tiles.server.operations.limits import Limits, within_tile_size
from xcube_tiles.server.operations.metrics import Metrics
from xcube_tiles.server.operations.observe import Observer
from xcube_tiles.server.operations.openapi import install_openapi
from xcube_tiles.server.operations.rates import Rate, RateLimit
from xcube_tiles.server.terracotta.mount import include_rasters, shelf_of
from xcube_tiles.server.terracotta.shown import ShownRasters, layer_source
from xcube_tiles.sources.collection import Collection

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping, Sequence

    from xcube_tiles.server.terracotta.shelf import Shelf
    from xcube_tiles.server.terracotta.shown import MosaicKeys

_SMALLEST_COMPRESSED = 1000  # bytes: below, a JSON text gains nothing


def create_app(
    catalog: str | os.PathLike[str] | Catalog | None = None,
    *,
    collections: Mapping[str, Collection] | None = None,
    sources: Mapping[str, TileSource] | None = None,
    rasters: Shelf | Collection | str | os.PathLike[str] | None = None,
    mosaic: MosaicKeys = None,
    origins: Sequence[str] = ("*",),
    max_age: int = 0,
    tile_cache: int = 0,
    tile_cache_redis: RedisTileCache | str | None = None,
    refresh: float = REFRESH_SECONDS,
    limits: Limits | None = None,
    keys: Mapping[str, ApiKey] | None = None,
    public: Sequence[str] | None = None,
    rate: Rate | None = None,
    metrics: bool = True,
    workers: int = 1,
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
    rasters
        Rasters to serve by their keys, at the addresses of Terracotta: a collection, a path
        pattern, a database of ours or of Terracotta, or a `Shelf` of them. Collections that have a
        name have the same addresses under ``/terracotta/NAME``. They are layers, too, which come
        and go with them.
    mosaic
        Keys of `rasters` and `collections` whose values lie side by side in one layer, as the tiles
        of a satellite's scenes do; `auto`: those along which rasters cover different areas. None:
        all rasters of a layer have one grid.
    origins
        Sites whose pages may ask; `*`: all of them.
    max_age
        Seconds for which browsers use a tile without asking. 0: they always ask, and are told
        cheaply (304) that it hasn't changed.
    tile_cache
        Bytes of tiles that are kept in memory, for whoever asks for one again; 0: none are.
    tile_cache_redis
        Redis in which tiles are kept, too, for all processes and machines: its address, or a
        `RedisTileCache`; None: there is none.
    refresh
        Seconds for which an opened layer is used without looking whether it has changed.
    limits
        What a request may ask for at most; None: the defaults.
    keys
        Who may see more than what is public, by name. A key comes as the header `X-API-Key` or as
        `?key=`.
    public
        Names of the layers that need no key; `*` and `?` stand for any characters, for any one.
        None: all if there are no keys, else none.
    rate
        How often each key, or each address without a key, may ask; None: as often as they like.
    metrics
        Whether `/metrics` tells what the server does.
    workers
        Processes that run this application and share the machine's memory.

    Raises
    ------
    CatalogError
        There is no catalog.
    TypeError
        A collection or a source that is none.
    ValueError
        Less than no bytes for tiles.

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
        docs_url=None,  # a page of our own, which needs no other host
        redoc_url=None,
    )
    files = collections or {}
    shelf = shelf_of(rasters, refresh=refresh)
    library = LiveLibrary(
        opened,
        sources=_given(files, sources or {}, mosaic),
        versions={name: partial(_version, collection) for name, collection in files.items()},
        refresh=refresh,
        live=None if shelf is None else ShownRasters(shelf, mosaic=mosaic),
    )
    app.state.library = library
    app.state.limits = limits or Limits()
    app.state.metrics = Metrics() if metrics else None
    app.state.readiness = Readiness(library, partial(_reopen, catalog, shelf))
    if isinstance(tile_cache_redis, str):
        tile_cache_redis = RedisTileCache(tile_cache_redis)
    app.state.tile_caches = TileCaches(
        memory=tile_cache, shared=tile_cache_redis, metrics=app.state.metrics
    )
    app.state.cache_control = f"public, max-age={max_age}" if max_age else "no-cache"
    _add_middleware(app, keys or {}, public, rate=rate, origins=origins, workers=workers)
    install_error_handlers(app)
    include_rasters(app, shelf, files)
    app.include_router(tiles.router, dependencies=[Depends(within_tile_size)])
    for room in (health, layers, data, zarr_store, ogc, reference, viewer):
        app.include_router(room.router)  # the viewer takes what is left
    install_openapi(app)
    return app


def _add_middleware(
    app: FastAPI,
    keys: Mapping[str, ApiKey],
    public: Sequence[str] | None,
    *,
    rate: Rate | None,
    origins: Sequence[str],
    workers: int,
) -> None:
    """Put layers around an application; the last is the outermost."""
    state = app.state
    app.add_middleware(zarr_store.Compression, minimum_size=_SMALLEST_COMPRESSED, compresslevel=5)
    app.add_middleware(FastTiles, owner=app)
    app.add_middleware(Gate, limits=state.limits, metrics=state.metrics, workers=workers)
    if rate is not None or any(key.rate is not None for key in keys.values()):
        app.add_middleware(RateLimit, rate=rate, metrics=state.metrics)
    if public is None:
        public = () if keys else ("*",)
    if keys or "*" not in public:
        app.add_middleware(Keys, keys=keys, public=public)
    app.add_middleware(
        CORSMiddleware,
        allow_origins=list(origins),
        allow_methods=["GET", "HEAD", "POST"],
        allow_headers=[
            *("Content-Type", "If-None-Match", "If-Range", "Range", HEADER, "X-Request-ID"),
        ],
        expose_headers=[
            *("Accept-Ranges", "Content-Length", "Content-Range", "ETag"),
            *("Retry-After", "RateLimit", "RateLimit-Policy", "X-Request-ID"),
        ],
    )
    app.add_middleware(Observer, metrics=state.metrics)


def _reopen(catalog: str | os.PathLike[str] | Catalog | None, shelf: Shelf | None) -> None:
    if shelf is not None:
        shelf.check()
    # A catalog that was given opened may lie in memory: where it is can't be opened again.
    if catalog is not None and not isinstance(catalog, Catalog):
        open_catalog(catalog)


def _given(
    collections: Mapping[str, Collection],
    sources: Mapping[str, TileSource],
    mosaic: MosaicKeys,
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
    return {name: layer_source(files, mosaic) for name, files in collections.items()} | dict(
        sources
    )


def _version(files: Collection) -> str:
    return version_of_files(raster.path for raster in files)
