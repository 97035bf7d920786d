"""Finding items: kinds of sources, pruning of catalogs, and what goes wrong."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pystac
import pystac_client
import pytest
from pystac_client.warnings import PystacClientWarning

from tests.sources.stac.data import bare, collection, save_catalog
from xcube_tiles.errors import NoItemsError, StacError
from xcube_tiles.sources.stac.items import find_items
from xcube_tiles.sources.stac.query import Json, Query, parse_filter, time_span

if TYPE_CHECKING:
    from pathlib import Path

SCENES = [bare(f"s{number}", time=f"2024-05-0{number}T10:00:00Z") for number in (3, 1, 2)]


FAR = {"spatial": {"bbox": [[0, 0, 1, 1]]}, "temporal": {"interval": [[None, None]]}}


def found(source: Any, query: Query | None = None, max_items: int = 10) -> list[str]:
    items = find_items(source, query or Query(), max_items=max_items, page_size=10).items
    return [item["id"] for item in items]


def test_items_are_ordered_by_time_then_identifier() -> None:
    pair = [bare("b"), bare("a")]
    assert found([*SCENES, *pair]) == ["a", "b", "s1", "s2", "s3"]


def test_catalog_as_json(tmp_path: Path) -> None:
    path = save_catalog(tmp_path, SCENES)
    absolute = str(tmp_path / "scenes" / "collection.json")
    root = json.loads(path.read_text()) | {"links": [{"rel": "child", "href": absolute}]}
    assert found(root) == ["s1", "s2", "s3"]
    inner = json.loads((tmp_path / "scenes" / "collection.json").read_text())
    links = [{"rel": "item", "href": str(tmp_path / "scenes" / "s2.json")}]
    assert found(inner | {"links": links}) == ["s2"]


def test_query_is_applied_to_catalogs(tmp_path: Path) -> None:
    path = save_catalog(tmp_path, SCENES)
    assert found(path, Query(span=time_span("2024-05-02/.."))) == ["s2", "s3"]
    assert found(path, Query(filter=parse_filter("id <> 's1'"))) == ["s2", "s3"]


def test_collections_come_with_their_items(tmp_path: Path) -> None:
    path = save_catalog(tmp_path, SCENES, item_assets={"red": {"gsd": 10}})
    result = find_items(path, Query(), max_items=9, page_size=9)
    assert result.collections["scenes"]["item_assets"]["red"] == {"gsd": 10}


@pytest.mark.parametrize(
    ("fields", "query"),
    [
        ({"id": "other"}, Query(collections=("scenes",))),
        ({"extent": FAR}, Query(bbox=(12, 45, 13, 47))),
    ],
    ids=["name", "extent"],
)
def test_collections_that_cannot_match_are_not_walked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fields: Json, query: Query
) -> None:
    path = save_catalog(tmp_path, SCENES)
    described = {**collection(), **fields, "links": [{"rel": "item", "href": "./nowhere.json"}]}
    (tmp_path / "scenes" / "collection.json").write_text(json.dumps(described))
    with pytest.raises(NoItemsError):
        found(path, query)


def test_names_of_strange_properties_are_told() -> None:
    scenes = [bare("a", properties={"eo:cloud_cover": 10})]
    with pytest.raises(NoItemsError, match=r"No item has 'cloud'; properties are .*eo:cloud_cover"):
        found(scenes, Query(filter=parse_filter("cloud < 20")))
    with pytest.raises(NoItemsError) as caught:
        found(scenes, Query(filter=parse_filter("eo:cloud_cover > 20")))
    assert "No item has" not in str(caught.value)


def test_no_items_at_all() -> None:
    with pytest.raises(NoItemsError, match="the given list has no items"):
        found([])


def test_walking_stops_at_the_limit(tmp_path: Path) -> None:
    path = save_catalog(tmp_path, SCENES)
    # The third item's file is gone: reading it would be an error of another kind.
    (tmp_path / "scenes" / "s2.json").unlink()
    with pytest.raises(StacError, match=r"more than 1 items match, .* max_items=10"):
        found(path, max_items=1)


def test_links_are_resolved_against_the_item() -> None:
    scene = bare("a")
    scene["assets"]["red"]["href"] = "../red.tif"
    scene["links"] = [{"rel": "self", "href": "https://example.com/items/a/a.json"}]
    (item,) = find_items([scene], Query(), max_items=1, page_size=1).items
    assert item["assets"]["red"]["href"] == "https://example.com/items/red.tif"
    assert scene["assets"]["red"]["href"] == "../red.tif"


def test_paths_of_this_machine_stay_paths(tmp_path: Path) -> None:
    (tmp_path / "red.tif").touch()
    scene = bare("a")
    scene["links"] = [{"rel": "self", "href": "http://127.0.0.1:7822/items/a"}]
    scene["assets"]["red"]["href"] = str(tmp_path / "red.tif")
    (item,) = find_items([scene], Query(), max_items=1, page_size=1).items
    assert item["assets"]["red"]["href"] == str(tmp_path / "red.tif")
    scene["assets"]["red"]["href"] = "/not-here/red.tif"
    (item,) = find_items([scene], Query(), max_items=1, page_size=1).items
    assert item["assets"]["red"]["href"] == "http://127.0.0.1:7822/not-here/red.tif"


def test_static_catalog_opened_by_the_client(tmp_path: Path) -> None:
    with pytest.warns(PystacClientWarning):
        client = pystac_client.Client.open(str(save_catalog(tmp_path, SCENES)))
    assert found(client) == ["s1", "s2", "s3"]
    assert found(next(iter(client.get_children()))) == ["s1", "s2", "s3"]


def test_objects_of_pystac() -> None:
    item = pystac.Item.from_dict(SCENES[0])
    assert found(item) == ["s3"]
    assert found(pystac.ItemCollection([item])) == ["s3"]


@pytest.mark.parametrize(
    ("source", "text"),
    [
        (7, "expected a STAC API, catalog, collection, search or items, got 7"),
        ([7], "expected a STAC item .*, got 7"),
        ([{"type": "Feature", "id": "x"}], "the item 'x' has no 'properties': is it STAC"),
        ({"type": "Point", "coordinates": []}, "got 'Point' with the members"),
        ("/nowhere/catalog.json", "can't read STAC from '/nowhere/catalog.json'"),
        ("http://127.0.0.1:9/", "can't read STAC from 'http://127.0.0.1:9/'"),
    ],
)
def test_what_is_no_source(source: Any, text: str) -> None:
    with pytest.raises(StacError, match=text):
        found(source)


@pytest.mark.parametrize("content", ["<html>", "[]", '{"type": "Catalog"}'])
def test_files_that_are_no_stac(tmp_path: Path, content: str) -> None:
    path = tmp_path / "page.json"
    path.write_text(content)
    with pytest.raises(StacError, match=r"page\.json"):
        found(path)
