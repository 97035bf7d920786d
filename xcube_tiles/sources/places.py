"""Rasters that lie side by side: which keys tell places apart, and what lies on top."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from xcube_tiles.errors import CollectionError
from xcube_tiles.sources.dense import UNNAMED, band_key_of, key_named, time_key_of
from xcube_tiles.sources.footprint import bounds_wgs84
from xcube_tiles.sources.keys import natural_order

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from xcube_tiles.grid.extent import Bounds
    from xcube_tiles.sources.header import RasterHeader
    from xcube_tiles.sources.keys import Key, KeyValue
    from xcube_tiles.sources.raster import Raster

_ALIKE = 0.5
"""Share of the area around two rasters that both cover, from which on they are of one place."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacedRasters:
    """Rasters by variable and time, those of several places together."""

    times: tuple[KeyValue, ...] | None
    """Values of the time key, ascending; None: no key is the time."""

    variables: Mapping[str, tuple[tuple[Raster, ...], ...]]
    """Of each variable, for each time (one, where there is none) the rasters; the first lies on
    top. A time may have no raster."""


def arrange_places(
    rasters: Sequence[Raster],
    keys: Sequence[Key],
    over: Sequence[str],
    *,
    time: str | None,
    bands: str | None,
) -> PlacedRasters:
    """Arrange rasters by variable and time, putting places together.

    Parameters
    ----------
    rasters
        Rows of a collection.
    keys
        Its keys.
    over
        Keys that tell places apart. Where rasters overlap, the newest lies on top if one of them is
        a time; else, and among equally new ones, the one whose labels come first in natural order.
    time, bands
        As for `Collection.to_cube`; the time is none of `over`.

    Raises
    ------
    CollectionError
        No rasters; a key that has several values and is neither time, band nor in `over`.
    UnknownKeyError
        A key that there isn't.
    """
    if not rasters:
        raise CollectionError("the collection has no rasters; nothing was found or selected")
    placing = [key_named(keys, name) for name in over]
    rest = [key for key in keys if key not in placing]
    time_key, band_key = time_key_of(rest, time), band_key_of(keys, bands)
    if band_key is not None and band_key in placing:
        raise CollectionError(
            f"key {band_key.name!r} names the variables: its values can't lie side by side"
        )
    for key in rest:
        count = len({raster.keys[key.name] for raster in rasters})
        if key not in (time_key, band_key) and count > 1:
            raise CollectionError(
                f"key {key.name!r} has several values and a map shows one: select it with "
                f"where({key.name}=...), or put its rasters side by side: over=[{key.name!r}]"
            )
    ordered = sorted(rasters, key=lambda raster: _rank(raster, placing))
    times = sorted({raster.keys[time_key.name] for raster in rasters}) if time_key else [None]
    labels = (
        sorted({raster.keys[band_key.name] for raster in rasters}, key=natural_order)
        if band_key
        else [UNNAMED]
    )
    found: dict[tuple[KeyValue, KeyValue | None], list[Raster]] = {}
    for raster in ordered:
        label = raster.keys[band_key.name] if band_key else UNNAMED
        found.setdefault((label, raster.keys[time_key.name] if time_key else None), []).append(
            raster
        )
    return PlacedRasters(
        times=tuple(time for time in times if time is not None) if time_key else None,
        variables={
            str(label): tuple(tuple(found.get((label, time), ())) for time in times)
            for label in labels
        },
    )


def place_keys(
    rasters: Sequence[Raster],
    keys: Sequence[Key],
    headers: Mapping[str, RasterHeader],
    *,
    bands: str | None = None,
) -> tuple[str, ...]:
    """Return the keys along which rasters lie at different places.

    Parameters
    ----------
    rasters, keys
        Rows and keys of a collection.
    headers
        By path.
    bands
        Key that names the variables.

    Returns
    -------
    tuple of str
        Labels, no bands, of which two values that agree in all other labels belong to rasters
        that cover less than half of the area around both in common.
    """
    band_key = band_key_of(keys, bands)
    labels = [key.name for key in keys if key.type == "label"]
    corners = {path: bounds_wgs84(header.geobox) for path, header in headers.items()}
    found = []
    for name in labels:
        if band_key is not None and name == band_key.name:
            continue
        first: dict[tuple[KeyValue, ...], Bounds] = {}
        for raster in rasters:
            others = tuple(raster.keys[other] for other in labels if other != name)
            box = corners[raster.path]
            if _shared(first.setdefault(others, box), box) < _ALIKE:
                found.append(name)
                break
    return tuple(found)


def _rank(raster: Raster, keys: Sequence[Key]) -> tuple[object, ...]:
    times = [key for key in keys if key.type == "time"]
    # Of a time `natural_order` gives its nanoseconds: the newest has the most of them.
    newest = tuple(-int(natural_order(raster.keys[key.name])[0][1]) for key in times)
    return newest, tuple(natural_order(raster.keys[key.name]) for key in keys if key not in times)


def _shared(one: Bounds, two: Bounds) -> float:
    """Return the share that two rectangles in degrees have of the one around both."""
    (west, south, east, north), (left, bottom, right, top) = _turned(one), _turned(two)
    turns = 360 * round((west - left) / 360)
    left, right = left + turns, right + turns
    inner = max(0.0, min(east, right) - max(west, left)) * max(
        0.0, min(north, top) - max(south, bottom)
    )
    outer = (max(east, right) - min(west, left)) * (max(north, top) - min(south, bottom))
    return inner / outer if outer else 1.0


def _turned(box: Bounds) -> Bounds:
    return box if box.xmin <= box.xmax else box._replace(xmax=box.xmax + 360)
