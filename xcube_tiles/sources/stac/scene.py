"""STAC items on the plane of the cube: which overlap the area asked for, how they are stored."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING

import shapely

from xcube_tiles.errors import NoItemsError
from xcube_tiles.grid.extent import Extent
from xcube_tiles.sources.stac.bands import Band, Encoding, encoding
from xcube_tiles.sources.stac.native import NativeGrid, footprint, native_grids

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from odc.geo.crs import CRS
    from shapely.geometry.base import BaseGeometry

    from xcube_tiles.sources.stac.items import Found
    from xcube_tiles.sources.stac.query import Json


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """Items on the plane of the target CRS."""

    items: tuple[Json, ...]
    """Items that overlap the extent, ordered by time."""

    footprints: tuple[BaseGeometry, ...]
    """Areas of the items, in the target CRS."""

    bands: tuple[Band, ...]
    """What to load."""

    extent: Extent
    """Area asked for, in the target CRS; that of the items if none was."""

    area: Extent
    """The part of the extent around the footprints."""

    collections: Mapping[str, Json]
    """Descriptions of the items' collections, as far as known."""

    def collection(self, item: Json) -> Json:
        """Return the description of an item's collection; empty if unknown."""
        return self.collections.get(item.get("collection") or "", {})

    def grids(self) -> list[NativeGrid]:
        """Return the distinct native grids of the items' assets."""
        found: set[NativeGrid] = set()
        for item in self.items:
            found |= native_grids(item, self.collection(item), self.bands)
        return list(found)

    def encodings(self, band: Band) -> dict[int, Encoding]:
        """Return how the items that have a band store it, by position of the item."""
        return {
            number: encoding(item, self.collection(item), band)
            for number, item in enumerate(self.items)
            if band.asset in item["assets"]
        }


def place_items(found: Found, bands: tuple[Band, ...], asked: Extent | None, crs: CRS) -> Scene:
    """Return the items that overlap an area, on the plane of a CRS.

    Parameters
    ----------
    found
        Items and their collections.
    bands
        What to load; items that have none of them are left out.
    asked
        Area in any CRS; None is the area of all items.
    crs
        The target CRS.

    Raises
    ------
    NoItemsError
        No footprint overlaps the area: a search by longitude and latitude can find neighbours only.
    """
    assets = {band.asset for band in bands}
    items = [item for item in found.items if assets & item["assets"].keys()]
    areas = [footprint(item, bands, crs) for item in items]
    extent = _around(areas, crs) if asked is None else asked.to_crs(crs)
    window = shapely.box(*extent.bounds)
    kept = [
        (item, area)
        for item, area in zip(items, areas, strict=True)
        if area.intersects(window) and area.intersection(window).area > 0
    ]
    if not kept:
        raise NoItemsError(
            f"{len(items)} items match, but the footprint of none overlaps "
            f"{tuple(extent.bounds)!r} in {crs!s}"
        )
    items, areas = map(list, zip(*kept, strict=True))
    return Scene(
        items=tuple(items),
        footprints=tuple(areas),
        bands=bands,
        extent=extent,
        area=_around([area.intersection(window) for area in areas], crs),
        collections=found.collections,
    )


def _around(areas: Sequence[BaseGeometry], crs: CRS) -> Extent:
    extents = [Extent.from_bounds(area.bounds, crs) for area in areas]
    return reduce(Extent.union, extents)
