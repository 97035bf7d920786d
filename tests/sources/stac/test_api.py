"""`open_stac` over real STAC APIs: paging, filters sent and local, mixed CRSs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pystac_client
import pytest
import requests

from tests.sources.stac.data import (
    SHAPE,
    TRANSFORM,
    UTM32,
    UTM33,
    asset,
    bare,
    cells,
    collection,
    item,
    write_tif,
)
from tests.sources.stac.servers import pgstac_api, rustac_api
from xcube_tiles.errors import NoItemsError, StacError
from xcube_tiles.sources.stac.native import MixedCRSWarning
from xcube_tiles.sources.stac.opening import open_stac

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.sources.stac.data import Json
    from xcube_tiles.sources.stac.items import StacSource

COUNT = 250
"""Items of the archive: more than one page of any server, and more than the notorious 100."""

PAGE = 60

WEST32 = TRANSFORM.__class__(20, 0, 747000, 0, -20, 5102000)
"""A grid of zone 32 over the same place as `TRANSFORM` of zone 33."""


def archive() -> list[Json]:
    """Return items without files: one an hour, cloudier by the hour, every third in zone 32."""
    return [
        bare(
            f"scene-{number:03d}",
            time=f"2024-05-{number // 24 + 1:02d}T{number % 24:02d}:00:00Z",
            crs=UTM32 if number % 3 == 0 else UTM33,
            transform=WEST32 if number % 3 == 0 else TRANSFORM,
            properties={"eo:cloud_cover": number % 100, "platform": f"s2{'ab'[number % 2]}"},
        )
        for number in range(COUNT)
    ]


@pytest.fixture(scope="module")
def pixels(tmp_path_factory: pytest.TempPathFactory) -> tuple[Json, list[Json]]:
    """Return a collection of another month whose items have files, and these."""
    folder = tmp_path_factory.mktemp("pixels")
    items = [
        item(
            f"pixels-{number}",
            {
                "nir": asset(write_tif(folder / f"nir{number}.tif", cells(10 + number))),
                "red": asset(
                    write_tif(folder / f"red{number}.tif", cells(number)),
                    **{"raster:scale": 1e-4, "raster:offset": -0.1},
                ),
            },
            time=f"2024-07-0{number + 1}T10:00:00Z",
            properties={"eo:cloud_cover": 10 * number},
        )
        for number in range(3)
    ]
    assets = {name: {"type": "image/tiff", "roles": ["data"]} for name in ("red", "nir")}
    # As a list too: PostgreSQL doesn't keep the order of an object's members.
    return collection(item_assets=assets, bands=[{"name": "red"}, {"name": "nir"}]), items


@pytest.fixture(
    scope="module", params=["rustac", pytest.param("pgstac", marks=pytest.mark.database)]
)
def api(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    pixels: tuple[Json, list[Json]],
) -> Iterator[str]:
    """Yield the URL of a server of each kind over the archive and the items with files."""
    described, items = pixels
    server = {"rustac": rustac_api, "pgstac": pgstac_api}[request.param]
    folder = tmp_path_factory.mktemp(request.param)
    with server(folder, described, [*archive(), *items]) as url:
        yield url


@pytest.fixture
def requested(monkeypatch: pytest.MonkeyPatch) -> list[Json]:
    """Return the bodies of all searches that are sent."""
    bodies: list[Json] = []
    send: Callable[..., requests.Response] = requests.Session.send

    def recording(
        session: requests.Session, prepared: requests.PreparedRequest, **options: object
    ) -> requests.Response:
        if "/search" in str(prepared.url):
            assert isinstance(prepared.body, bytes)
            bodies.append(json.loads(prepared.body))
        return send(session, prepared, **options)

    monkeypatch.setattr(requests.Session, "send", recording)
    return bodies


def conforms(url: str) -> bool:
    """Return whether a server says that it filters."""
    return pystac_client.Client.open(url).conforms_to("FILTER")


def test_only_one_server_filters(request: pytest.FixtureRequest, api: str) -> None:
    assert conforms(api) is ("pgstac" in request.node.name)


def test_all_pages_are_read(api: str, requested: list[Json]) -> None:
    with pytest.warns(MixedCRSWarning, match="EPSG:32633 .*EPSG:32632"):
        cube = open_stac(api, datetime="2024-05", width=32, page_size=PAGE)
    assert cube.sizes["time"] == COUNT
    assert len(requested) == -(-COUNT // PAGE)
    first = np.datetime64("2024-05-01T00:00", "ns")
    expected = first + np.arange(COUNT) * np.timedelta64(1, "h")
    np.testing.assert_array_equal(cube["time"].values, expected)


def test_too_many_items_is_an_error(api: str) -> None:
    with pytest.raises(StacError, match=r"items match .*max_items=100\. Narrow datetime"):
        open_stac(api, datetime="2024-05", width=32, page_size=PAGE, max_items=100)


@pytest.mark.parametrize(
    "given",
    [
        "eo:cloud_cover < 20 AND platform = 's2a'",
        {
            "op": "and",
            "args": [
                {"op": "<", "args": [{"property": "eo:cloud_cover"}, 20]},
                {"op": "=", "args": [{"property": "platform"}, "s2a"]},
            ],
        },
    ],
    ids=["text", "json"],
)
def test_filter_is_sent_where_the_api_can_and_applied_here_where_not(
    api: str, requested: list[Json], given: str | Json
) -> None:
    cube = open_stac(
        api, datetime="2024-05", filter=given, width=32, page_size=PAGE, target_crs=UTM33
    )
    hours = [n for n in range(COUNT) if n % 100 < 20 and n % 2 == 0]
    first = np.datetime64("2024-05-01T00:00", "ns")
    expected = first + np.array(hours) * np.timedelta64(1, "h")
    np.testing.assert_array_equal(cube["time"].values, expected)
    assert [("filter" in body) for body in requested] == [conforms(api)] * len(requested)
    if conforms(api):
        assert requested[0]["filter-lang"] == "cql2-json"
        assert len(requested) == 1


def test_filter_that_nothing_meets(api: str) -> None:
    with pytest.raises(NoItemsError, match="No item has 'clouds'"):
        open_stac(api, filter="clouds < 20")


def test_function_that_nobody_knows(api: str) -> None:
    told = "can't read STAC from" if conforms(api) else "'cloudy' can't be evaluated here"
    with pytest.raises(StacError, match=told):
        open_stac(api, filter="cloudy(platform) = TRUE")


def test_search_is_by_box_time_and_collection(api: str, requested: list[Json]) -> None:
    box = (279000, 5098000, 290000, 5101000)
    cube = open_stac(
        api, collections="scenes", bbox=box, bbox_crs=UTM33, datetime="2024-07-02/..", bands="nir"
    )
    assert cube.sizes["time"] == 2
    (body,) = requested
    assert body["collections"] == ["scenes"]
    assert body["datetime"] == "2024-07-02T00:00:00Z/.."
    west, south, east, north = body["bbox"]
    assert 12.1 < west < east < 12.4
    assert 45.9 < south < north < 46.1


def test_unknown_collection_has_no_items(api: str) -> None:
    with pytest.raises(NoItemsError, match="collections=\\['nowhere'\\]"):
        open_stac(api, collections="nowhere")


def test_cells_and_order_of_bands(api: str) -> None:
    cube = open_stac(api, datetime="2024-07", resolution="native")
    assert list(cube.data_vars) == ["red", "nir"]
    assert (cube.sizes["y"], cube.sizes["x"]) == SHAPE
    np.testing.assert_array_equal(cube["nir"][1], cells(11))
    stored = cells(1).astype(np.float64)
    expected = np.where(stored == 0, np.nan, stored * 1e-4 - 0.1)
    np.testing.assert_allclose(cube["red"][1], expected, rtol=0, atol=1e-6)


def test_collection_of_an_api_is_a_source(api: str) -> None:
    cube = open_stac(f"{api}/collections/scenes", datetime="2024-07", width=32)
    assert cube.sizes["time"] == 3


def test_opened_client_collection_and_search_are_sources(api: str) -> None:
    client = pystac_client.Client.open(api)
    search = client.search(datetime="2024-07", collections=["scenes"])
    scenes = client.get_collection("scenes")
    assert scenes is not None
    sources: list[StacSource] = [client, scenes, search, list(search.items())]
    for source in sources:
        cube = open_stac(source, datetime="2024-07", width=32)
        assert cube.sizes["time"] == 3
