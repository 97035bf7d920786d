"""The `.levels` folders of xcube: one Zarr store for each level, or a link to one."""

from __future__ import annotations

import json
from posixpath import join, normpath
from typing import TYPE_CHECKING, Any

from xcube_tiles.catalog.foreign.grids import coarsened, place_finest
from xcube_tiles.catalog.foreign.nodes import read_node
from xcube_tiles.errors import CatalogError

if TYPE_CHECKING:
    from xcube_tiles.catalog.foreign.grids import Placed
    from xcube_tiles.catalog.foreign.nodes import Node
    from xcube_tiles.catalog.foreign.places import Place

SUFFIX = ".levels"
"""End of the name of such a folder."""


def is_levels(place: Place) -> bool:
    """Whether a folder is one of xcube's."""
    return place.get(".zlevels") is not None or (
        place.name.endswith(SUFFIX)
        and (place.is_group("0.zarr") or place.get("0.link") is not None)
    )


def read_levels(place: Place) -> tuple[list[Node], list[Placed]]:
    """Return the levels of a folder and their grids, the finest first.

    Raises
    ------
    CatalogError
        A level that isn't there, or whose shape isn't that of the finest, halved.
    GeoreferenceError
        A finest level without CRS or regular coordinates.

    Notes
    -----
    The coordinates of the coarser levels aren't used: xcube writes the least coordinate of the
    cells below, and not their mean, so that they lie up to half a cell aside, and where a window
    reaches over the edge they aren't regular. A cell of level n spans 2**n cells along each
    dimension, counted from the first that is stored.
    """
    nodes = [read_node(_level(place, number).open()) for number in range(_count(place))]
    places = [place_finest(nodes[0])]
    for number, node in enumerate(nodes[1:], start=1):
        places.append(coarsened(places[0], node.shape, (2.0**number, 2.0**number)))
    return nodes, places


def _count(place: Place) -> int:
    text = place.get(".zlevels")
    if text is not None:
        try:
            document: Any = json.loads(text)
            count = document.get("num_levels")
        except (ValueError, AttributeError) as error:
            raise CatalogError(
                f".zlevels of {place!s} isn't a JSON object: {text[:80]!r}"
            ) from error
        if isinstance(count, int) and count > 0:
            return count
    count = 0
    while place.is_group(f"{count}.zarr") or place.get(f"{count}.link") is not None:
        count += 1
    if not count:
        raise CatalogError(f"{place!s} has no level: neither 0.zarr nor 0.link is there")
    return count


def _level(place: Place, number: int) -> Place:
    link = place.get(f"{number}.link")
    if link is None:
        return place.below(f"{number}.zarr")
    target = link.decode().strip()
    if "://" in target or target.startswith("/"):
        return place.elsewhere(target)
    return place.beside(normpath(join(place.path, target)))
