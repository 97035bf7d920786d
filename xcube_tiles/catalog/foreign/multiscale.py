"""Levels of a multiscale group: the convention's layout, and the list that came before it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import zarr

from xcube_tiles.catalog.foreign.grids import place_coarser, place_finest, relative_factors
from xcube_tiles.catalog.foreign.nodes import read_node
from xcube_tiles.errors import CatalogError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from xcube_tiles.catalog.foreign.grids import Placed
    from xcube_tiles.catalog.foreign.nodes import Node

_INHERITED = ("proj:", "spatial:", "crs")


def is_multiscale(attributes: Mapping[str, Any]) -> bool:
    """Whether a group's attributes name levels."""
    return bool(attributes.get("multiscales"))


def layout_entries(attributes: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return an entry for each level: `asset`, and what else is said of it.

    The list of datasets that ndpyramid and others write has `path` for `asset`.

    Raises
    ------
    CatalogError
        Levels that are described in another way, or an entry that names no group.

    Examples
    --------
    >>> layout_entries({"multiscales": [{"datasets": [{"path": "0", "crs": "EPSG:3857"}]}]})
    [{'path': '0', 'crs': 'EPSG:3857', 'asset': '0'}]
    """
    multiscales = attributes["multiscales"]
    entries: Any = None
    if isinstance(multiscales, dict):
        entries = multiscales.get("layout")
    elif isinstance(multiscales, list) and isinstance(multiscales[0], dict):
        datasets = multiscales[0].get("datasets")
        if isinstance(datasets, list):
            entries = [{**entry, "asset": entry.get("path")} for entry in datasets]
    if not isinstance(entries, list) or not entries:
        shown = sorted(multiscales) if isinstance(multiscales, dict) else multiscales
        raise CatalogError(
            "'multiscales' has neither a 'layout' nor a list of 'datasets': the levels aren't "
            f"named in a form that is known, got {shown!r}"
        )
    for number, entry in enumerate(entries):
        if not isinstance(entry, dict) or not entry.get("asset"):
            raise CatalogError(f"entry {number} of 'multiscales' names no level: {entry!r}")
    return entries


def read_levels(group: zarr.Group) -> tuple[list[Node], list[Placed]]:
    """Return the levels of a multiscale group and their grids; the finest first.

    Raises
    ------
    CatalogError
        An entry that leads to no group, or a level whose place can't be told.
    GeoreferenceError
        No CRS, or a grid that isn't regular.
    """
    attributes = group.attrs.asdict()
    entries = layout_entries(attributes)
    above = {key: value for key, value in attributes.items() if key.startswith(_INHERITED)}
    nodes = [_node(group, entry, above) for entry in entries]
    # Older lists begin with the coarsest level.
    by_size = sorted(range(len(nodes)), key=lambda at: -nodes[at].shape[0] * nodes[at].shape[1])
    entries, nodes = [entries[at] for at in by_size], [nodes[at] for at in by_size]
    places = [place_finest(nodes[0], entries[0].get("spatial:transform"))]
    factors = _factors(entries)
    for entry, node, factor in zip(entries[1:], nodes[1:], factors[1:], strict=True):
        places.append(place_coarser(node, places[0], entry.get("spatial:transform"), factor))
    return nodes, places


def _node(group: zarr.Group, entry: Mapping[str, Any], above: Mapping[str, Any]) -> Node:
    path = str(entry["asset"]).strip("/")
    try:
        found = group if path in ("", ".") else group[path]
    except KeyError as error:
        raise CatalogError(
            f"'multiscales' names the level {path!r}, which isn't at {group.store_path!s}"
        ) from error
    if not isinstance(found, zarr.Group):
        raise CatalogError(
            f"level {path!r} of {group.store_path!s} is an array; expected a group that holds the "
            "variables and their coordinates"
        )
    crs = {"crs": entry["crs"]} if "crs" in entry else {}
    # The entry of a dataset knows its CRS even where no grid mapping says it.
    return read_node(found, {**crs, **above})


def _factors(entries: Sequence[Mapping[str, Any]]) -> list[tuple[float, float] | None]:
    """Return how many cells of the finest level a cell of each level spans, where that is said."""
    finest = str(entries[0]["asset"])
    known: dict[str, tuple[float, float] | None] = {finest: (1.0, 1.0)}
    previous = finest
    for entry in entries[1:]:
        asset, base = str(entry["asset"]), str(entry.get("derived_from", previous))
        from_base = known.get(base)
        known[asset] = None if from_base is None else relative_factors(entry, from_base)
        previous = asset
    return [known[str(entry["asset"])] for entry in entries]
