"""Keys, rasters and their metadata, as JSON."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from tests.server.client import Client
from tests.server.terracotta.rasters import (
    BANDS,
    DATES,
    cells,
    metadata_row,
    write_database,
)
from xcube_tiles.server.app import create_app
from xcube_tiles.sources.collection import scan

if TYPE_CHECKING:
    from pathlib import Path

ALL = [{"sensor": "S2", "date": date, "band": band} for date in DATES for band in BANDS]


def message(client: Client, path: str, status: int) -> str:
    answer = client.get(path)
    assert answer.status_code == status, answer.text
    text = answer.json()["message"]
    assert text == answer.json()["detail"]
    assert isinstance(text, str)
    return text


def listed(client: Client, query: str = "") -> list[dict[str, str]]:
    rows: list[dict[str, str]] = client.get(f"/datasets{query}").json()["datasets"]
    return rows


def test_the_keys_come_in_order(client: Client) -> None:
    assert client.get("/keys").json() == {
        "keys": [{"key": "sensor"}, {"key": "date"}, {"key": "band"}]
    }


def test_all_rasters_come_as_their_paths_have_them(client: Client) -> None:
    assert client.get("/datasets").json() == {
        "page": 0,
        "limit": 100,
        "total": 6,
        "datasets": ALL,
    }


@pytest.mark.parametrize(
    ("query", "places"),
    [
        ("?band=B03", [1, 4]),
        ("?band=[B02,B04]&date=20180524", [3, 5]),
        ("?band=[B02, B04]&date=20180524", [3, 5]),
        ('?band=["B02"]', [0, 3]),
        ("?date=2018-05-24", [3, 4, 5]),
        ("?date=2018-05", [0, 1, 2, 3, 4, 5]),
        ("?date=[20180506,2019]", [0, 1, 2]),
        ("?date=whenever", []),
        ("?band=B99", []),
        ("?limit=2", [0, 1]),
        ("?limit=4&page=1", [4, 5]),
        ("?limit=4&page=2", []),
        ("?limit=0", []),
        ("?order_by=[band,date]", [0, 3, 1, 4, 2, 5]),
        ("?order_by=band&ascending=false&limit=2", [5, 2]),
        ("?order_by=path&limit=1", [0]),
        ("?ascending=FALSE&limit=1", [5]),
    ],
)
def test_rasters_are_chosen_sorted_and_paged(client: Client, query: str, places: list[int]) -> None:
    assert listed(client, query) == [ALL[place] for place in places]


def test_the_total_counts_all_pages(client: Client) -> None:
    assert client.get("/datasets?band=B03&limit=1").json()["total"] == 2


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("foo=1", "unrecognized keys: foo; the keys are sensor, date, band"),
        ("Band=B02", "unrecognized keys: Band"),
        ("limit=-1", "limit: expected a whole number from 0"),
        ("limit=x", "limit: "),
        ("limit=" + 31 * "9", "limit: "),
        ("page=" + 31 * "9", "page: "),
        ("page=1.5", "page: "),
        ("limit=100001", "from 0 to 100000"),
        ("order_by=nope", "order_by: unrecognized keys: nope"),
        ("ascending=maybe", "ascending: expected true or false, got 'maybe'"),
    ],
)
def test_bad_lists_are_refused(client: Client, query: str, said: str) -> None:
    assert said in message(client, f"/datasets?{query}", 400)


def test_metadata_are_those_of_the_cells(client: Client) -> None:
    record = client.get("/metadata/S2/20180524/B03").json()
    assert list(record) == [
        "keys", "bounds", "convex_hull", "valid_percentage", "range", "mean", "stdev",
        "percentiles", "metadata",
    ]  # fmt: skip
    values = cells("20180524", "B03")
    valid = values[values != 0]
    assert record["keys"] == {"sensor": "S2", "date": "20180524", "band": "B03"}
    assert record["range"] == [valid.min(), valid.max()]
    assert record["valid_percentage"] == pytest.approx(100 * valid.size / values.size)
    assert record["mean"] == pytest.approx(valid.mean())
    assert record["stdev"] == pytest.approx(valid.std())
    assert record["percentiles"] == pytest.approx(np.percentile(valid, range(1, 100)))
    assert record["convex_hull"]["type"] == "Polygon"
    assert record["metadata"] == {}
    west, south, east, north = record["bounds"]
    assert (west, east) == pytest.approx((554 * 360 / 1024 - 180, 555 * 360 / 1024 - 180))
    assert 51 < south < north < 52


def test_metadata_may_be_asked_for_by_columns(client: Client) -> None:
    answer = client.get("/metadata/S2/20180524/B03/", params={"columns": '["mean", "range"]'})
    assert set(answer.json()) == {"keys", "mean", "range"}


@pytest.mark.parametrize(
    ("path", "status", "said"),
    [
        ("/metadata/S2/20180524", 400, "expected sensor, date, band, got 2 values"),
        ("/metadata/S2/20180524/B03/more", 400, "got 4 values"),
        ("/metadata/S2/20180524/B99", 404, "sensor=S2, date=20180524, band=B99"),
        ("/metadata/S2/20190524/B03", 404, "no dataset found"),
        ("/metadata/S2/20180524/B03?x=1", 400, "x: unknown field"),
        ("/metadata/S2/20180524/B03?columns=[]", 400, "columns: expected a JSON list of some of"),
        ('/metadata/S2/20180524/B03?columns=["nope"]', 400, "bounds, convex_hull"),
        ("/metadata/S2/20180524/B03?columns=[[1]]", 400, "columns: "),
        ("/metadata/S2/20180524/B03?columns=x", 400, "could not decode"),
    ],
)
def test_bad_metadata_are_refused(client: Client, path: str, status: int, said: str) -> None:
    assert said in message(client, path, status)


def test_many_metadata_come_at_once_in_the_order_asked_for(client: Client) -> None:
    keys = [["S2", "20180524", "B04"], ["S2", "2018-05-06", "B02"]]
    answer = client.post("/metadata", json={"keys": keys}, params={"columns": '["range"]'})
    assert answer.json() == [
        {"keys": ALL[place], "range": [low, high]}
        for place, low, high in [(5, 240.0, 1935.0), (0, 120.0, 1375.0)]
    ]
    assert client.post("/metadata", json={"keys": []}).json() == []


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        ({"keys": [["S2"]]}, 400, "wrong number of keys"),
        ({"keys": [["S2", "20180524", "B04"], ["a", "b", "c"]]}, 404, "no dataset found"),
        ({"keys": [["S2", "20180524", "B04"]] * 101}, 400, "at most 100 rasters"),
        ({"keys": [[1, 2, 3]]}, 400, "expected a JSON object"),
        ({"keys": "S2"}, 400, "expected a JSON object"),
        ({}, 400, "expected a JSON object"),
        ([], 400, "expected a JSON object"),
    ],
)
def test_bad_bodies_are_refused(client: Client, body: Any, status: int, said: str) -> None:
    answer = client.post("/metadata", json=body)
    assert answer.status_code == status
    assert said in answer.json()["message"]


def test_a_body_that_is_no_json_is_refused(client: Client) -> None:
    kind = {"content-type": "application/json"}
    broken = client.post("/metadata", content=b"{x", headers=kind)
    assert (broken.status_code, broken.json()["message"]) == (400, "the body is no JSON")
    assert client.post("/metadata", content=b"\xff", headers=kind).status_code == 400
    text = client.post("/metadata", content=b"{}", headers={"content-type": "text/plain"})
    assert text.status_code == 415


def test_a_database_of_terracotta_is_served_as_it_is(tmp_path: Path, pattern: str) -> None:
    paths = {
        ("S2", date, band): pattern.format(sensor="S2", date=date, band=band)
        for date in DATES
        for band in BANDS
    }
    noted = {"source": "ESA"}
    rows = {("S2", "20180506", "B02"): metadata_row(cells("20180506", "B02"), noted)}
    base = write_database(tmp_path / "terracotta.sqlite", paths, metadata=rows)
    client = Client(create_app(rasters=str(base)))
    assert client.get("/keys").json()["keys"][2] == {
        "key": "band",
        "description": "Spectral band",
    }
    assert listed(client) == ALL
    record = client.get("/metadata/S2/20180506/B02").json()
    assert record["metadata"] == noted
    assert record["bounds"] == [14.0, 51.0, 15.0, 52.0]
    assert record["range"] == [120.0, 1375.0]
    lazy = client.get("/metadata/S2/20180506/B03").json()
    assert lazy["mean"] == pytest.approx(
        cells("20180506", "B03")[cells("20180506", "B03") > 0].mean()
    )


def test_collections_with_a_name_have_the_same_routes(pattern: str) -> None:
    client = Client(create_app(collections={"scenes": scan(pattern).where(band="B03")}))
    assert client.get("/keys").status_code == 404
    assert client.get("/terracotta/scenes/keys").json()["keys"][0] == {"key": "sensor"}
    rows = listed_in(client, "/terracotta/scenes")
    # A collection holds times: their texts are ISO 8601, and addresses take any.
    assert [row["date"] for row in rows] == ["2018-05-06", "2018-05-24"]
    for date in ("2018-05-24", "20180524"):
        answer = client.get(f"/terracotta/scenes/metadata/S2/{date}/B03")
        assert answer.json()["keys"]["date"] == "2018-05-24"
    assert client.get("/layers").json()["layers"][0]["name"] == "scenes"


def listed_in(client: Client, prefix: str) -> list[dict[str, str]]:
    rows: list[dict[str, str]] = client.get(f"{prefix}/datasets").json()["datasets"]
    return rows


def test_values_with_slashes_and_spaces_can_be_addressed(pattern: str) -> None:
    path = pattern.format(sensor="S2", date="20180524", band="B03")
    files = scan(pattern).where(band="none").add(path, sensor="a/b", date="2018-05-24", band="ü 1")
    client = Client(create_app(rasters=files))
    assert client.get("/metadata/a%2Fb/2018-05-24/%C3%BC%201").status_code == 200
    assert client.get("/singleband/a%2Fb/2018-05-24/%C3%BC%201/preview.png").status_code == 200


def test_the_document_is_valid_and_names_all_routes(client: Client) -> None:
    document = client.get("/swagger.json").json()
    assert document["info"]["version"].startswith("0.10.")  # what its client asks for
    assert set(document["paths"]) == {
        "/keys",
        "/datasets",
        "/metadata/{sensor}/{date}/{band}",
        "/metadata",
        "/colormap",
        *(
            f"/{kind}/{end}"
            for kind in ("singleband/{sensor}/{date}/{band}", "rgb/{sensor}/{date}")
            for end in ("{z}/{x}/{y}.png", "preview.png")
        ),
        "/compute/{sensor}/{date}/{z}/{x}/{y}.png",
        "/compute/{sensor}/{date}/preview.png",
    }
    assert set(document["paths"]["/metadata"]) == {"post"}
    for operations in document["paths"].values():
        for operation in operations.values():
            assert isinstance(operation["summary"], str)
            assert all(isinstance(one["description"], str) for one in operation["parameters"])
            assert {"200", "default"} == set(operation["responses"])
    page = client.get("/apidoc")
    assert page.headers["content-type"].startswith("text/html")
    assert "http" not in page.text.replace("httpx", "")  # it needs nothing from elsewhere
    assert "explicit_color_map" in page.text
    json.dumps(document)


def test_native_routes_are_there_beside(client: Client) -> None:
    assert client.get("/health").status_code == 200
    names = [layer["name"] for layer in client.get("/layers").json()["layers"]]
    assert names == ["S2"]


def test_who_may_not_see_the_rasters_finds_nothing(pattern: str) -> None:
    client = Client(create_app(rasters=pattern, public=["other"]))
    assert client.get("/keys").status_code == 404
    assert client.post("/metadata", json={"keys": []}).status_code == 404
    assert Client(create_app(rasters=pattern, public=["rasters"])).get("/keys").status_code == 200
