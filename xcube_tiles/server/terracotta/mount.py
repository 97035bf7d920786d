"""Where the routes of Terracotta lie in an application."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from xcube_tiles.server.terracotta.options import PREFIX as VARIABLES
from xcube_tiles.server.terracotta.options import options_from_environment
from xcube_tiles.server.terracotta.routes import rasters_router
from xcube_tiles.server.terracotta.shelf import REFRESH_SECONDS, Shelf
from xcube_tiles.server.terracotta.shown import ROOT_NAME

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fastapi import FastAPI

    from xcube_tiles.sources.collection import Collection

PREFIX = "/terracotta"
"""Where collections that have a name lie: `/terracotta/NAME/keys`."""

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


def shelf_of(
    rasters: Shelf | Collection | str | os.PathLike[str] | None,
    *,
    refresh: float = REFRESH_SECONDS,
) -> Shelf | None:
    """Return rasters as a shelf, which looks for changes after so many seconds.

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
        return Shelf.open(rasters, refresh=refresh)
    return Shelf(rasters)


def chosen_rasters(
    source: str | None, rgb_key: str | None = None, *, refresh: float = REFRESH_SECONDS
) -> tuple[Shelf | None, list[str]]:
    """Return the rasters that settings name, with what the variables ``TC_*`` say.

    Parameters
    ----------
    source
        Path pattern or database; None: the one that `TC_DRIVER_PATH` names, if it does.
    rgb_key
        Key that goes last; None: the last one.
    refresh
        Seconds for which nobody looks whether they have changed.

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
    shelf = Shelf.open(source, options=options, rgb_key=rgb_key, refresh=refresh)
    return shelf, others.get("origins", [])
