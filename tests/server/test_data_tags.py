"""Entity tags of values: what a client has by GET needn't be computed again."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.server.client import Client
from tests.server.conftest import scene
from xcube_tiles.catalog.reader import open_catalog
from xcube_tiles.catalog.writer import to_catalog
from xcube_tiles.server.app import create_app

if TYPE_CHECKING:
    from pathlib import Path

AREA = {
    "type": "Polygon",
    "coordinates": [[[14.0, 50.3], [14.4, 50.3], [14.2, 50.6], [14.0, 50.3]]],
}
GEOMETRY = {"geometry": json.dumps(AREA)}
BBOX = {"bbox": "14,50.3,14.2,50.5"}
ROUTES: dict[str, tuple[str, dict[str, Any]]] = {
    "crop by a bbox": ("crop.npy", BBOX),
    "crop by a polygon": ("crop.npy", GEOMETRY),
    "statistics by a bbox": ("statistics", BBOX),
    "statistics by a polygon": ("statistics", GEOMETRY),
    "statistics of all": ("statistics", {}),
    "series": ("series", {"lon": 14.2, "lat": 50.4}),
    "series as CSV": ("series", {"lon": 14.2, "lat": 50.4, "format": "csv"}),
}


@pytest.mark.parametrize(("route", "query"), ROUTES.values(), ids=ROUTES)
def test_the_tag_of_a_get_is_that_of_its_query(
    client: Client, route: str, query: dict[str, Any]
) -> None:
    path = f"/layers/scene/{route}"
    first = client.get(path, params=query)
    assert first.status_code == 200, first.text
    tag = first.headers["etag"]
    again = client.get(path, params=query, headers={"If-None-Match": tag})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    other = client.get(path, params={**query, "bands": "ndvi"}, headers={"If-None-Match": tag})
    assert other.status_code == 200
    assert other.headers["etag"] != tag


def test_the_tag_changes_with_the_layer(tmp_path: Path) -> None:
    to_catalog(scene().isel(time=[0]), str(tmp_path), "scene", progress=False)
    client = Client(create_app(open_catalog(str(tmp_path)), refresh=0))
    asked = {
        name: client.get(f"/layers/scene/{path}", params=q) for name, (path, q) in ROUTES.items()
    }
    to_catalog(scene().isel(time=[1]), str(tmp_path), "scene", overwrite=True, progress=False)
    for name, (path, query) in ROUTES.items():
        tag = asked[name].headers["etag"]
        now = client.get(f"/layers/scene/{path}", params=query, headers={"If-None-Match": tag})
        assert now.status_code == 200, name
        assert now.headers["etag"] != tag
        assert now.content != asked[name].content


@pytest.mark.parametrize("route", ["crop.npy", "statistics"])
def test_a_polygon_by_post_is_the_same_but_has_no_tag(client: Client, route: str) -> None:
    path = f"/layers/scene/{route}"
    posted = client.post(path, json=AREA, headers={"If-None-Match": "*"})
    assert posted.status_code == 200
    assert "etag" not in posted.headers
    assert posted.headers["cache-control"] == "no-store"
    got = client.get(path, params=GEOMETRY)
    if route == "statistics":
        assert got.json() == posted.json()
    else:
        assert got.content == posted.content


def test_what_is_kept_is_computed_once(catalog: Path) -> None:
    client = Client(create_app(catalog, tile_cache=10**6))
    path, query = ROUTES["statistics by a polygon"]
    first = client.get(f"/layers/scene/{path}", params=query)
    second = client.get(f"/layers/scene/{path}", params=query)
    assert "x-cache" not in first.headers
    assert second.headers["x-cache"].startswith("hit")
    assert second.content == first.content
