"""Where the routes of Terracotta lie in an application."""

from __future__ import annotations

import logging
import os
import re
from typing import TYPE_CHECKING

from xcube_tiles.errors import XcubeTilesError
from xcube_tiles.server.terracotta.options import PREFIX as VARIABLES
from xcube_tiles.server.terracotta.options import options_from_environment
from xcube_tiles.server.terracotta.routes import rasters_router
from xcube_tiles.server.terracotta.shelf import Shelf
from xcube_tiles.sources.geotiff import GeoTiffSource
from xcube_tiles.sources.keys import value_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fastapi import FastAPI

    from xcube_tiles.sources.collection import Collection

_LOG = logging.getLogger("xcube_tiles.server.terracotta")
ROOT_NAME = "rasters"
"""Name that API keys give the rasters at the root."""

PREFIX = "/terracotta"
"""Where collections that have a name lie: `/terracotta/NAME/keys`."""

MOST_SHOWN = 500
"""Rasters of which layers of the map page are made; of more than these the headers aren't read."""

_BANDS = ("band", "bands")
_PLAIN = re.compile(r"[^/{}?#%]+")


def include_rasters(
    app: FastAPI,
    rasters: Shelf | None,
    collections: Mapping[str, Collection],
) -> None:
    """Add the routes of Terracotta to an application.

    Parameters
    ----------
    app
        The application. `app.state.shelves` gets the shelves by name, `rasters` the one at the
        root.
    rasters
        What is served at the root, as Terracotta does; None: nothing.
    collections
        What is served under ``/terracotta/NAME``, by name.

    """
    app.state.shelves = {}
    for name, files in collections.items():
        if not _PLAIN.fullmatch(name):
            continue  # no address can have it
        app.state.shelves[name] = Shelf(files)
        router = rasters_router(app.state.shelves[name], name, f"{PREFIX}/{name}")
        app.include_router(router)
    if rasters is not None:
        app.state.shelves[ROOT_NAME] = rasters
        app.include_router(rasters_router(rasters, ROOT_NAME))


def shelf_of(rasters: Shelf | Collection | str | os.PathLike[str] | None) -> Shelf | None:
    """Return rasters as a shelf.

    Raises
    ------
    TypeError
        They are nothing of that kind.
    PatternError, CollectionError, GeoreferenceError, MissingExtraError
        As `Shelf.open`.
    """
    if rasters is None or isinstance(rasters, Shelf):
        return rasters
    if isinstance(rasters, str | os.PathLike):
        return Shelf.open(rasters)
    return Shelf(rasters)


def chosen_rasters(
    source: str | None, rgb_key: str | None = None
) -> tuple[Shelf | None, list[str]]:
    """Return the rasters that settings name, with what the variables ``TC_*`` say.

    Parameters
    ----------
    source
        Path pattern or database; None: the one that `TC_DRIVER_PATH` names, if it does.
    rgb_key
        Key that goes last; None: the last one.

    Returns
    -------
    shelf
        None: nobody names any.
    origins
        Sites that `TC_ALLOWED_ORIGINS_METADATA` lets ask; empty: it isn't set.
    """
    if source is None and f"{VARIABLES}DRIVER_PATH" not in os.environ:
        return None, []
    options, others = options_from_environment()
    source = source or others.get("driver_path")
    if not source:
        return None, []
    shelf = Shelf.open(source, options=options, rgb_key=rgb_key)
    return shelf, others.get("origins", [])


def shown_layers(shelf: Shelf | None) -> dict[str, Collection]:
    """Return rasters as layers of the map page, by the values of keys that are no time or band.

    Those that can't be a layer, as they lie on several grids or some combinations of their keys
    lack a raster, are left out; the log says why.
    """
    rasters = None if shelf is None else shelf.now()
    if rasters is None or not len(rasters):
        return {}
    if len(rasters) > MOST_SHOWN:
        _LOG.info("%d rasters: too many to look for layers of the map page", len(rasters))
        return {}
    try:
        files = rasters.collection()
    except XcubeTilesError as error:
        _LOG.info("no layers of the map page: %s", error)
        return {}
    others = [key for key, kind in files.key_types.items() if kind != "time" and key not in _BANDS]
    groups = {tuple(raster.keys[key] for key in others) for raster in files}
    found: dict[str, Collection] = {}
    for values in sorted(groups, key=lambda values: tuple(map(value_text, values))):
        name = "-".join(map(value_text, values)).replace("/", "-") or ROOT_NAME
        chosen = files.where(**{key: [value] for key, value in zip(others, values, strict=True)})
        try:
            GeoTiffSource(chosen)
        except (XcubeTilesError, OSError) as error:
            _LOG.info("%s is no layer of the map page: %s", name, error)
        else:
            found[name] = chosen
    return found
