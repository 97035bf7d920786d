"""Time steps of a STAC cube: which items are mosaicked into one."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import TYPE_CHECKING, Literal, TypeAlias

import pandas as pd
import pystac

from xcube_tiles.errors import StacError
from xcube_tiles.grid.extent import Extent, as_crs
from xcube_tiles.sources.stac.query import Json, instant

if TYPE_CHECKING:
    from odc.geo.geobox import GeoBox

GroupBy: TypeAlias = Literal["time", "solar_day"] | Callable[[pystac.Item], Hashable]
"""What items of one time step have in common: instant, local day, or a key of the caller's."""

_NAMES = ("time", "solar_day")


def check_groupby(groupby: object) -> None:
    """Refuse what can't group items.

    Raises
    ------
    StacError
        Neither a known name nor a callable.
    """
    if groupby not in _NAMES and not callable(groupby):
        raise StacError(
            f"groupby={groupby!r} is unknown; use 'time', 'solar_day', or a function that takes a "
            "pystac.Item and returns a key, equal for the items of one time step"
        )


def time_steps(items: Sequence[Json], groupby: GroupBy, geobox: GeoBox) -> list[int]:
    """Return the number of each item's time step.

    Parameters
    ----------
    items
        Items as JSON, ordered by time.
    groupby
        See `GroupBy`. A solar day is the UTC date shifted by 4 minutes per degree of longitude of
        the grid's centre: passes over one place in one day's light are one step.
    geobox
        Grid of the cube.

    Returns
    -------
    list of int
        Steps count from 0 in order of their earliest item.

    Raises
    ------
    StacError
        Keys that aren't hashable, or two steps that begin at the same instant.
    """
    keys = [_key(item, groupby, geobox) for item in items]
    try:
        numbers = {key: number for number, key in enumerate(dict.fromkeys(keys))}
    except TypeError as error:
        raise StacError(f"groupby must return hashable keys: {error}") from error
    steps = [numbers[key] for key in keys]
    first = {step: instant(item) for step, item in reversed(list(zip(steps, items, strict=True)))}
    if len(set(first.values())) < len(first):
        raise StacError(
            "groupby makes several time steps that begin at the same instant: their labels would "
            "be equal. Use a key that keeps items of one instant together, or open them separately"
        )
    return steps


def _key(item: Json, groupby: GroupBy, geobox: GeoBox) -> Hashable:
    if callable(groupby):
        return groupby(pystac.Item.from_dict(item))
    if groupby == "time":
        return instant(item)
    extent = Extent.from_geobox(geobox)
    lon, _ = extent.crs.transformer(as_crs("EPSG:4326")).transform(*extent.center)
    return (instant(item) + pd.Timedelta(seconds=240 * lon)).date()
