"""Finding STAC items in APIs, static catalogs and lists, with paging and local filtering."""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from json import JSONDecodeError
from typing import Any, Protocol, TypeAlias

import pystac
import pystac.utils
import shapely
from pystac_client import Client, CollectionClient, ItemSearch
from pystac_client.exceptions import APIError
from pystac_client.stac_api_io import StacApiIO
from pystac_client.warnings import PystacClientWarning

from xcube_tiles.errors import NoItemsError, StacError
from xcube_tiles.sources.stac.query import (
    Json,
    Query,
    check_local,
    flat_bbox,
    instant,
    matches_filter,
    properties_of,
)

StacSource: TypeAlias = (
    str
    | os.PathLike[str]
    | pystac.Catalog
    | pystac.Item
    | pystac.ItemCollection
    | ItemSearch
    | Iterable[pystac.Item | Mapping[str, object]]
    | Mapping[str, object]
)
"""A URL or path of STAC JSON, an opened API, catalog or collection, a search, or items."""

_FILTER_CLASS = re.compile(r".*/(item-search#filter|ogcapi-features-3/[\w.]+/conf/filter)")
# Conformance of the STAC API filter extension; servers before its 1.0.0 name the OGC class only.


class _Stream(Protocol):
    """Where items come from, once opened."""

    def items(self, query: Query) -> Iterator[Json]:
        """Yield the items that match, as JSON with absolute asset links."""

    def collection(self, name: str) -> Json | None:
        """Return a collection as JSON, or None where the source can't tell."""

    def count(self, query: Query) -> int | None:
        """Return how many items match, or None where that is unknown without reading them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """Items that a source holds for a query."""

    items: tuple[Json, ...]
    """Items as JSON, by time, then identifier; asset links are absolute."""

    collections: Mapping[str, Json]
    """Those collections of the items that the source describes, by identifier."""


def find_items(source: StacSource, query: Query, *, max_items: int, page_size: int) -> Found:
    """Return every item of a source that matches a query.

    Parameters
    ----------
    source
        See `StacSource`.
    query
        What items must meet. An API gets all of it, its CQL2 part only if it conforms to the
        filter extension; everything else is tested here.
    max_items
        Most items to accept.
    page_size
        Items to ask of an API at a time.

    Raises
    ------
    NoItemsError
        Nothing matches.
    StacError
        The source can't be read or is no STAC, or more than `max_items` items match.
    """
    with _stac_errors(source):
        stream = _open(source, page_size)
        items = list(islice(stream.items(query), max_items + 1))
        if len(items) > max_items:
            raise StacError(_too_many(stream.count(query), query, max_items))
        if not items:
            raise NoItemsError(_nothing(stream, source, query))
        names = dict.fromkeys(item.get("collection") for item in items)
        described = {name: stream.collection(name) for name in names if name is not None}
    items.sort(key=lambda item: (instant(item), str(item["id"])))
    known = {name: found for name, found in described.items() if found is not None}
    return Found(items=tuple(items), collections=known)


@contextmanager
def _stac_errors(source: StacSource) -> Iterator[None]:
    with warnings.catch_warnings():
        # The client warns where an API forgets to advertise what it does, and what can't be found
        # by a search is walked here anyway; problems that matter rise as errors.
        warnings.simplefilter("ignore", PystacClientWarning)
        warnings.filterwarnings("ignore", message="numberMatched or context.matched")
        try:
            yield
        except (
            APIError,
            pystac.STACError,
            pystac.STACTypeError,
            JSONDecodeError,
            OSError,
        ) as error:
            raise StacError(f"can't read STAC from {_name(source)}: {error}") from error


def _too_many(count: int | None, query: Query, max_items: int) -> str:
    matched = f"more than {max_items}" if count is None else str(count)
    asked = f" {query}" if query.asks else ""
    return (
        f"{matched} items match{asked}, but max_items={max_items}. Narrow datetime, bbox, "
        f"collections or filter, or allow them with max_items={count or 10 * max_items}"
    )


def _nothing(stream: _Stream, source: StacSource, query: Query) -> str:
    if not query.asks:
        return f"{_name(source)} has no items"
    text = f"no item of {_name(source)} matches {query}"
    if query.filter is None:
        return text
    others = list(islice(stream.items(query.without_filter()), 100))
    names = {name for item in others for name in item["properties"]}
    names |= {"id", "collection", "geometry", "bbox"}
    strange = [
        name
        for name in properties_of(query.filter)
        if name.removeprefix("properties.") not in names
    ]
    if others and strange:
        text += f". No item has {strange[0]!r}; properties are {', '.join(sorted(names))}"
    return text


def _name(source: StacSource) -> str:
    if isinstance(source, str | os.PathLike):
        return repr(os.fspath(source))
    return f"the given {type(source).__name__}"


def _open(source: StacSource, page_size: int) -> _Stream:
    if isinstance(source, str | os.PathLike):
        return _open_href(os.fspath(source), page_size)
    if isinstance(source, Mapping):
        return _open_json(dict(source), None)
    if isinstance(source, pystac.Catalog):
        return _open_catalog(source, page_size)
    if isinstance(source, pystac.Item):
        return _Listed([source])
    if isinstance(source, ItemSearch):
        return _Listed(source.items_as_dicts())
    if isinstance(source, Iterable):
        return _Listed(source)
    raise StacError(
        f"expected a STAC API, catalog, collection, search or items, got {source!r}; "
        "give a URL, a path, an object of pystac or pystac_client, or a list of items"
    )


def _open_href(href: str, page_size: int) -> _Stream:
    io = StacApiIO()
    content: object = io.read_json(href)
    if not isinstance(content, dict):
        raise StacError(f"expected a STAC object in {href!r}, got {type(content).__name__}")
    if content.get("type") not in ("Catalog", "Collection"):
        return _open_json(content, href)
    if content["type"] == "Catalog" and _links(content, "search"):
        return _Api(Client.from_file(href, stac_io=io), page_size)
    if content["type"] == "Collection" and _links(content, "items"):
        root = _links(content, "root")
        if root and _links(io.read_json(root[0]), "search"):
            return _Api(Client.from_file(root[0], stac_io=io), page_size, content["id"])
    return _Static(
        pystac.Catalog.from_file(href)
        if content["type"] == "Catalog"
        else pystac.Collection.from_file(href)
    )


def _open_json(content: Json, href: str | None) -> _Stream:
    kind = content.get("type")
    where = "" if href is None else f" in {href!r}"
    if kind == "FeatureCollection":
        return _Listed(content["features"], href)
    if kind == "Feature":
        return _Listed([content], href)
    if kind == "Collection":
        return _Static(pystac.Collection.from_dict(content))
    if kind == "Catalog":
        return _Static(pystac.Catalog.from_dict(content))
    raise StacError(
        f"expected STAC of type Catalog, Collection, FeatureCollection or Feature, got {kind!r}"
        f"{where} with the members {sorted(content)!r}"
    )


def _open_catalog(source: pystac.Catalog, page_size: int) -> _Stream:
    root = source.get_root()
    if not isinstance(root, Client) or root.get_search_link() is None:
        return _Static(source)
    if isinstance(source, CollectionClient):
        return _Api(root, page_size, source.id)
    return _Api(source if isinstance(source, Client) else root, page_size)


def _links(content: Json, rel: str) -> list[str]:
    return [link["href"] for link in content.get("links", ()) if link.get("rel") == rel]


class _Listed:
    """Items given as such."""

    def __init__(self, items: Iterable[Any], href: str | None = None) -> None:
        self._items = [_item_json(item, href) for item in items]

    def items(self, query: Query) -> Iterator[Json]:
        if query.filter is not None:
            check_local(query.filter)
        return (item for item in self._items if query.matches(item))

    def collection(self, name: str) -> Json | None:
        return None

    def count(self, query: Query) -> int | None:
        return sum(1 for _ in self.items(query))


class _Static:
    """A catalog or collection of files, walked by its links."""

    def __init__(self, root: pystac.Catalog) -> None:
        self._root = root
        self._collections: dict[str, Json] = {}

    def items(self, query: Query) -> Iterator[Json]:
        if query.filter is not None:
            check_local(query.filter)
        return (item for item in self._walk(self._root, query) if query.matches(item))

    def collection(self, name: str) -> Json | None:
        return self._collections.get(name)

    def count(self, query: Query) -> int | None:
        return None

    def _walk(self, node: pystac.Catalog, query: Query) -> Iterator[Json]:
        if isinstance(node, pystac.Collection):
            content = node.to_dict(include_self_link=False, transform_hrefs=False)
            self._collections[node.id] = content
            if not _may_hold(content, query):
                return
        for item in node.get_items(recursive=False):
            yield _item_json(item, None)
        for child in node.get_children():
            yield from self._walk(child, query)


class _Api:
    """A STAC API with item search."""

    def __init__(self, client: Client, page_size: int, collection: str | None = None) -> None:
        self._client = client
        self._page_size = page_size
        self._collection = collection

    def items(self, query: Query) -> Iterator[Json]:
        local = None if self._filters() else query.filter
        if local is not None:
            check_local(local)
        for content in self._search(query).items_as_dicts():
            item = _item_json(content, None)
            if local is None or matches_filter(local, item):
                yield item

    def collection(self, name: str) -> Json | None:
        try:
            found = self._client.get_collection(name)
        except (APIError, pystac.STACError):
            # Some APIs serve items of collections that they don't list; items then tell enough.
            return None
        return found.to_dict(include_self_link=False, transform_hrefs=False) if found else None

    def count(self, query: Query) -> int | None:
        return None if query.filter and not self._filters() else self._search(query).matched()

    def _filters(self) -> bool:
        return any(_FILTER_CLASS.fullmatch(uri) for uri in self._client.get_conforms_to())

    def _search(self, query: Query) -> ItemSearch:
        own = None if self._collection is None else [self._collection]
        sent = query.filter if self._filters() else None
        return self._client.search(
            collections=list(query.collections) if query.collections else own,
            bbox=query.bbox,
            datetime=query.datetime,
            filter=None if sent is None else sent.to_json(),
            limit=self._page_size,
        )


def _may_hold(collection: Json, query: Query) -> bool:
    """Return False only if no item of the collection can match, by its name and extent."""
    if query.collections is not None and collection["id"] not in query.collections:
        # A collection may nest others: their items are theirs.
        return bool(_links(collection, "child"))
    boxes = collection.get("extent", {}).get("spatial", {}).get("bbox") or []
    if query.bbox is None or not boxes or not all(boxes):
        return True
    wanted = shapely.box(*query.bbox)
    return any(wanted.intersects(shapely.box(*flat_bbox(box))) for box in boxes)


def _item_json(item: Any, href: str | None) -> Json:
    """Return an item as JSON with absolute asset links; the item given stays as it is."""
    if isinstance(item, pystac.Item):
        href = item.get_self_href()
        item = item.to_dict(include_self_link=False, transform_hrefs=False)
    if not isinstance(item, Mapping) or item.get("type") != "Feature":
        raise StacError(f"expected a STAC item (a pystac.Item or its JSON), got {item!r}")
    missing = [name for name in ("id", "properties", "assets") if name not in item]
    if missing:
        raise StacError(f"the item {item.get('id')!r} has no {missing[0]!r}: is it STAC?")
    start = next(iter(_links(dict(item), "self")), href)
    assets = {
        key: {**asset, "href": _absolute(asset["href"], start)}
        for key, asset in item["assets"].items()
    }
    return {**item, "assets": assets}


def _absolute(href: str, start: str | None) -> str:
    # A server on this machine hands out paths of this machine; a URL would be taken from its root.
    if href.startswith("/") and os.path.exists(href):
        return href
    return pystac.utils.make_absolute_href(href, start)
