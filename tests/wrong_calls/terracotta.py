"""Wrong calls of what serves rasters in Terracotta's way."""

from __future__ import annotations

from typing import Any

from tests.wrong_calls import WrongCall
from xcube_tiles.errors import CollectionError, PatternError, SettingsError, UnknownKeyError
from xcube_tiles.server.app import create_app
from xcube_tiles.server.terracotta.options import options_from_environment
from xcube_tiles.server.terracotta.shelf import Shelf
from xcube_tiles.sources.collection import Collection

# what a type checker refuses, a user of a notebook may still pass
LIST: Any = ["a.tif"]
FILES = Collection().add("a.tif", band="a")

CALLS = [
    WrongCall("create_app", lambda: create_app(rasters=LIST), TypeError, "expected a Collection"),
    WrongCall("create_app", lambda: create_app(rasters="no/{such}.tif"), PatternError, "no file"),
    WrongCall("create_app", lambda: create_app(rasters="no.db"), CollectionError, "doesn't exist"),
    WrongCall("Shelf", lambda: Shelf(LIST), TypeError, "expected a Collection"),
    WrongCall("Shelf", lambda: Shelf(FILES, rgb_key="x"), UnknownKeyError, "the keys are band"),
    WrongCall("Shelf.open", lambda: Shelf.open("no.sqlite"), CollectionError, "doesn't exist"),
    WrongCall("Shelf.replace", lambda: Shelf(FILES).replace(LIST), TypeError, "a Collection"),
    WrongCall(
        "Shelf.add", lambda: Shelf(FILES).add("b.tif", date="2018"), CollectionError, "keys band"
    ),
    WrongCall(
        "options_from_environment",
        lambda: options_from_environment({"TC_RESAMPLING_METHOD": "best"}),
        SettingsError,
        "TC_RESAMPLING_METHOD: expected one of nearest",
    ),
]
