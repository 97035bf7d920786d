"""Wrong calls of files that lie side by side."""

from __future__ import annotations

from typing import Any

from tests.wrong_calls import WrongCall
from xcube_tiles.errors import CollectionError, StyleError, UnknownKeyError
from xcube_tiles.render.mosaic import MosaicSource
from xcube_tiles.server.app import create_app
from xcube_tiles.sources.collection import Collection

# what a type checker refuses, a user of a notebook may still pass
TEXT: Any = "tile"
FILES = Collection().add("a.tif", tile="a").add("b.tif", tile="b")

CALLS = [
    WrongCall("MosaicSource", lambda: MosaicSource(FILES, over=TEXT), CollectionError, "a list of"),
    WrongCall(
        "MosaicSource",
        lambda: MosaicSource(FILES, selection=TEXT),
        StyleError,
        "there are first, last, highest, lowest, mean, median",
    ),
    WrongCall(
        "MosaicSource", lambda: MosaicSource(FILES, max_files=0), CollectionError, "from 1, got 0"
    ),
    WrongCall("MosaicSource", lambda: MosaicSource(Collection()), CollectionError, "no rasters"),
    WrongCall(
        "MosaicSource", lambda: MosaicSource(FILES, over=["tile"]), CollectionError, "doesn't exist"
    ),
    WrongCall(
        "create_app", lambda: create_app(rasters=FILES, mosaic=TEXT), CollectionError, "or 'auto'"
    ),
    WrongCall(
        "create_app",
        lambda: create_app(rasters=FILES, mosaic=["place"]),
        UnknownKeyError,
        "no key 'place'; the keys are tile",
    ),
]
