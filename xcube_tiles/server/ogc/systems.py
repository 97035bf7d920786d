"""Coordinate reference systems by the names that OGC services use, and the order of their axes."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

import pyproj
from odc.geo.crs import CRS

from xcube_tiles.render.tms import named_tms, tms_names

if TYPE_CHECKING:
    from collections.abc import Iterable

    from xcube_tiles.render.source import TileSource

_ALWAYS = ("CRS:84", "EPSG:4326", "EPSG:3857")
_NAME = re.compile(
    r"(?:urn:ogc:def:crs:)?(CRS|OGC|EPSG)(?::[\d.]*)?:(?:CRS)?(\d{1,9})", re.IGNORECASE
)


class System(NamedTuple):
    """A coordinate reference system as requests name it."""

    name: str
    """`EPSG:n` or `CRS:84`."""

    crs: CRS

    swapped: bool
    """Whether its own axes go y before x, as those of EPSG:4326 do."""


@lru_cache(maxsize=256)
def system(name: str) -> System | None:
    """Return a CRS by its name, None if there is no such.

    Parameters
    ----------
    name
        `EPSG:n`, `CRS:84`, or a URN of either.

    Examples
    --------
    >>> system("EPSG:4326").swapped, system("CRS:84").swapped, system("EPSG:0")
    (True, False, None)
    """
    parts = _NAME.fullmatch(name.strip())
    if parts is None:
        return None
    authority, code = parts[1].upper(), parts[2]
    if authority in ("CRS", "OGC"):
        # The same degrees as EPSG:4326: a layer in these is drawn without any transformation.
        return System("CRS:84", CRS("EPSG:4326"), False) if code == "84" else None
    try:
        found = pyproj.CRS.from_epsg(int(code))
    except (pyproj.exceptions.CRSError, OverflowError):
        return None
    return System(f"EPSG:{int(code)}", CRS(f"EPSG:{int(code)}"), _goes_y_first(found))


def _goes_y_first(crs: pyproj.CRS) -> bool:
    """Return whether the first axis is the one that maps draw upwards.

    Notes
    -----
    The rule by which PROJ swaps axes for display: first north, then east; around the poles, where
    both axes point the same way, by name.
    """
    axes = crs.axis_info
    if len(axes) < 2:
        return False
    first, second = axes[0], axes[1]
    if (first.direction, second.direction) == ("north", "east"):
        return True
    names = first.name.lower(), second.name.lower()
    return names[0].startswith("northing") and names[1].startswith("easting")


@lru_cache(maxsize=1)
def common_systems() -> tuple[str, ...]:
    """Return the names of those that every layer can be drawn in, beside its own."""
    codes = (named_tms(name).crs.to_epsg() for name in tms_names())
    others = sorted({code for code in codes if code})
    return tuple(dict.fromkeys([*_ALWAYS, *(f"EPSG:{code}" for code in others)]))


def own_system(source: TileSource) -> str | None:
    """Return the name of a source's own CRS, None if it has no code."""
    code = source.crs.to_epsg()
    return f"EPSG:{code}" if code else None


def offered(sources: Iterable[TileSource]) -> tuple[str, ...]:
    """Return the names of the CRSs in which sources can be drawn."""
    own = (own_system(source) for source in sources)
    return tuple(dict.fromkeys([*common_systems(), *(name for name in own if name)]))
