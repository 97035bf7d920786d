"""Finding raster files by a path pattern."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from xcube_tiles.errors import PatternError
from xcube_tiles.sources.keys import Key, natural_order
from xcube_tiles.sources.pattern import PathPattern
from xcube_tiles.sources.raster import Raster
from xcube_tiles.sources.storage import (
    absolute_pattern,
    filesystem,
    is_local,
    list_local,
    list_remote,
    text_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

BAND_KEY = "band"
"""Key that the bands of multi-band files become."""


def find_rasters(
    pattern: str | os.PathLike[str],
    *,
    raster_bands: Mapping[str, int] | None,
    storage_options: Mapping[str, Any] | None,
) -> tuple[tuple[Key, ...], list[Raster]]:
    """Return keys and rows of the files that match a pattern; see `collection.scan`."""
    if not isinstance(pattern, (str, os.PathLike)):
        raise PatternError(f"a pattern is a text such as 'S2_{{date}}.tif', got {pattern!r}")
    pattern = text_of(pattern)
    parsed, paths = _paths(pattern, storage_options)
    matches = ((path, parsed.match(inner)) for path, inner in paths)
    rows = [Raster(path=path, keys=keys) for path, keys in matches if keys is not None]
    if not rows:
        wildcard = " (* and ? stand for themselves)" if {"*", "?"} & set(pattern) else ""
        raise PatternError(
            f"pattern {pattern!r} matches no file. Values of keys are letters and digits only; "
            f"{{}} matches anything else{wildcard}"
        )
    keys = parsed.keys
    if raster_bands is not None:
        keys = (*keys, _band_key(parsed, raster_bands))
        rows = [row for file in rows for row in _bands(file, raster_bands)]
    rows.sort(key=lambda row: tuple(map(natural_order, row.keys.values())))
    return keys, rows


def list_files(
    pattern: str, *, storage_options: Mapping[str, Any] | None = None
) -> tuple[str, ...]:
    """Return the paths of the files that may match a pattern; none is opened.

    Raises
    ------
    PatternError, CollectionError, MissingExtraError
        As `find_rasters`.
    """
    return tuple(path for path, _ in _paths(pattern, storage_options)[1])


def _paths(
    pattern: str, options: Mapping[str, Any] | None
) -> tuple[PathPattern, list[tuple[str, str]]]:
    """Return the parsed pattern, and of each candidate its full path and the part to match."""
    if is_local(pattern):
        parsed = PathPattern.parse(absolute_pattern(pattern))
        return parsed, [(path, path) for path in list_local(parsed.globs)]
    PathPattern.parse(pattern)  # errors show the pattern as it was given
    store, inner = filesystem(pattern, options)
    parsed = PathPattern.parse(inner)
    found = list_remote(store, parsed.globs)
    return parsed, [(str(store.unstrip_protocol(path)), path) for path in found]


def _band_key(pattern: PathPattern, raster_bands: Mapping[str, int]) -> Key:
    if any(key.name == BAND_KEY for key in pattern.keys):
        raise PatternError(
            f"raster_bands makes the key {BAND_KEY!r}, which the pattern has as well; name the key "
            f"of the pattern otherwise"
        )
    for label, number in raster_bands.items():
        if isinstance(number, bool) or not isinstance(number, int) or number < 1:
            raise PatternError(
                f"raster_bands maps labels to numbers from 1, got {label!r}: {number!r}"
            )
    if not raster_bands:
        raise PatternError("raster_bands is empty; give a label and a number, as in {'red': 1}")
    return Key(name=BAND_KEY, type="label")


def _bands(file: Raster, raster_bands: Mapping[str, int]) -> Iterator[Raster]:
    for label, number in raster_bands.items():
        yield replace(file, keys={**file.keys, BAND_KEY: label}, raster_band=number)
