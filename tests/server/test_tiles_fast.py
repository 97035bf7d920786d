"""Tiles past the framework are those of the route; versions, kept tiles, double density."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import xarray as xr
from PIL import Image

from tests.render.sources import grid
from tests.server.client import Client
from tests.server.conftest import TILE
from xcube_tiles.catalog.reader import open_catalog
from xcube_tiles.catalog.writer import to_catalog
from xcube_tiles.cube.georef import assign_geobox
from xcube_tiles.server import fast
from xcube_tiles.server.app import create_app

if TYPE_CHECKING:
    from pathlib import Path

    import httpx

BASE = f"/layers/scene/tiles/{TILE}"
LOOKS = [
    "",
    "?bands=ndvi&stretch=0,1",
    "?bands=ndvi&stretch=0,1&colormap=magma_r&size=128",
    "?expression=ndvi*2&stretch=0,2",
    "?bands=landcover",
    "?bands=ndvi&stretch=0,1&time=2018-05",
    "?bands=ndvi&stretch=0,1&time=2018-05-20&time_match=nearest",
    "?bands=ndvi&stretch=0,1&resampling=bilinear&unknown=%20x",
]


class Counted:
    """Counts how many requests reach the routes of an application."""

    def __init__(self, app: Any) -> None:
        self.app = app
        self.count = 0

    async def __call__(self, *args: Any) -> None:
        self.count += 1
        await self.app(*args)


@pytest.fixture
def routes(monkeypatch: pytest.MonkeyPatch) -> list[Counted]:
    """Return what the fast tiles of the next application leave to its routes."""
    made: list[Counted] = []
    original = fast.FastTiles.__init__

    def init(self: fast.FastTiles, app: Any, **options: Any) -> None:
        made.append(Counted(app))
        original(self, made[-1], **options)

    monkeypatch.setattr(fast.FastTiles, "__init__", init)
    return made


def plain(answer: httpx.Response) -> tuple[int, bytes, dict[str, str]]:
    headers = {name: value for name, value in answer.headers.items() if name != "x-request-id"}
    return answer.status_code, answer.content, headers


@pytest.mark.parametrize("look", LOOKS)
@pytest.mark.parametrize("ending", ["png", "webp", "jpg"])
def test_the_second_answer_is_the_first(
    catalog: Path, routes: list[Counted], look: str, ending: str
) -> None:
    client = Client(create_app(catalog))
    slow = client.get(f"{BASE}.{ending}{look}")
    quick = client.get(f"{BASE}.{ending}{look}")
    assert slow.status_code == 200
    assert plain(quick) == plain(slow)
    assert routes[0].count == 1
    tag = slow.headers["etag"]
    again = client.get(f"{BASE}.{ending}{look}", headers={"If-None-Match": tag})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    assert routes[0].count == 1


@pytest.mark.parametrize("ending", ["npy", "tif"])
def test_values_go_through_the_route(catalog: Path, routes: list[Counted], ending: str) -> None:
    client = Client(create_app(catalog))
    first, second = (client.get(f"{BASE}.{ending}") for _ in range(2))
    assert plain(first) == plain(second)
    assert second.headers["content-encoding"] == "gzip"
    assert routes[0].count == 2


def test_other_tiles_with_a_known_query_are_their_own(catalog: Path) -> None:
    known, fresh = (Client(create_app(catalog)) for _ in range(2))
    look = "?bands=ndvi&stretch=0,1"
    known.get(f"{BASE}.png{look}")
    for z, x, y in ((9, 275, 172), (9, 276, 171), (8, 138, 86), (0, 0, 0), (9, 0, 0)):
        address = f"/layers/scene/tiles/WebMercatorQuad/{z}/{x}/{y}.png{look}"
        assert plain(known.get(address)) == plain(fresh.get(address))


@pytest.mark.parametrize(
    "address",
    [
        "/layers/scene/tiles/WebMercatorQuad/9/512/0.png",
        "/layers/scene/tiles/WebMercatorQuad/99/0/0.png",
        "/layers/scene/tiles/Nothing/9/276/172.png",
        "/layers/nothing/tiles/WebMercatorQuad/9/276/172.png",
        "/layers/scene/tiles/WebMercatorQuad/9/x/172.png",
        "/layers/scene/tiles/WebMercatorQuad/9/276/172.gif",
    ],
)
def test_errors_are_those_of_the_route(catalog: Path, address: str) -> None:
    known, fresh = (Client(create_app(catalog)) for _ in range(2))
    look = "?bands=ndvi&stretch=0,1"
    known.get(f"{BASE}.png{look}")
    first, second = known.get(address + look), fresh.get(address + look)
    assert first.status_code == second.status_code >= 400
    assert first.json() == second.json()


def test_a_query_that_failed_is_not_known(catalog: Path, routes: list[Counted]) -> None:
    client = Client(create_app(catalog))
    for count in (1, 2):
        assert client.get(f"{BASE}.png?bands=nothing").status_code == 400
        assert routes[0].count == count


def test_queries_that_are_kept_are_bounded(
    catalog: Path, routes: list[Counted], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fast, "MOST_QUERIES", 2)
    client = Client(create_app(catalog))
    for high in (1, 2, 3, 1):
        client.get(f"{BASE}.png?bands=ndvi&stretch=0,{high}")
    assert routes[0].count == 4


def test_looking_for_changes_takes_no_long_way(catalog: Path, routes: list[Counted]) -> None:
    source = open_catalog(str(catalog))["scene"]
    client = Client(create_app(sources={"scene": source}, refresh=0))
    look = "?bands=ndvi&stretch=0,1"
    first = client.get(f"{BASE}.png{look}")
    for _ in range(3):
        assert plain(client.get(f"{BASE}.png{look}")) == plain(first)
    assert routes[0].count == 1


def test_a_layer_that_was_deleted_is_told_by_the_route(
    tmp_path: Path, routes: list[Counted]
) -> None:
    path = str(tmp_path / "catalog.zarr")
    to_catalog(dated(["2024-01-01"], 0.2), path, "scene", progress=False)
    client = Client(create_app(path, refresh=0))
    look = "?bands=ndvi&stretch=0,1"
    for _ in range(2):
        assert client.get(f"{BASE}.png{look}").status_code == 200
    open_catalog(path).delete("scene")
    assert client.get(f"{BASE}.png{look}").status_code == 404
    assert routes[0].count == 2


def test_the_description_still_has_the_route(client: Client) -> None:
    paths = client.get("/openapi.json").json()["paths"]
    for path in (
        "/layers/{layer}/tiles/{tms}/{z}/{x}/{y}.{format}",
        "/layers/{layer}/tiles/{tms}/{z}/{x}/{y}@2x.{format}",
    ):
        assert {"tms", "z", "x", "y", "time", "stretch"} <= {
            part["name"] for part in paths[path]["get"]["parameters"]
        }


def size_of(picture: bytes) -> tuple[int, int]:
    return Image.open(BytesIO(picture)).size


@pytest.mark.parametrize(("look", "size"), [("", 512), ("?size=64", 128), ("?size=512", 1024)])
def test_double_density(client: Client, look: str, size: int) -> None:
    single = f"?size={size}"
    for _ in range(2):
        doubled = client.get(f"{BASE}@2x.png{look}")
        assert size_of(doubled.content) == (size, size)
        assert doubled.content == client.get(f"{BASE}.png{single}").content


def test_double_density_keeps_to_the_limit(client: Client) -> None:
    answer = client.get(f"{BASE}@2x.png?size=1024")
    assert answer.status_code == 413
    assert "at most 1024 pixels" in answer.json()["detail"]
    assert client.get(f"{BASE}@3x.png").status_code == 422


@pytest.mark.parametrize("size", [64, 256, 1024])
def test_sizes(client: Client, size: int) -> None:
    assert size_of(client.get(f"{BASE}.png?size={size}").content) == (size, size)


@pytest.mark.parametrize("size", [63, 1025])
def test_sizes_out_of_range(client: Client, size: int) -> None:
    assert client.get(f"{BASE}.png?size={size}").status_code in (413, 422)


def dated(days: list[str], value: float) -> xr.Dataset:
    cube = xr.Dataset(
        {"ndvi": (("time", "y", "x"), np.full((len(days), 300, 300), value, np.float32))},
        {"time": np.array(days, "datetime64[ns]")},
    )
    box = grid((300, 300), "EPSG:32633", left=400_000, top=5_650_000, cell=400)
    return assign_geobox(cube, box)


def test_an_appended_date_is_seen_by_the_next_request(tmp_path: Path) -> None:
    path = str(tmp_path / "catalog.zarr")
    to_catalog(dated(["2024-01-01"], 0.2), path, "scene", progress=False)
    client = Client(create_app(path, refresh=3600))
    look = "?bands=ndvi&stretch=0,1"
    first = [client.get(f"{BASE}.png{look}") for _ in range(2)][-1]
    open_catalog(path).append("scene", dated(["2024-02-01"], 0.9), dim="time")
    tag = first.headers["etag"]
    second = client.get(f"{BASE}.png{look}", headers={"If-None-Match": tag})
    assert second.status_code == 200
    assert second.headers["etag"] != tag
    assert second.content != first.content
    dated_look = f"{look}&time=2024-01"
    assert client.get(f"{BASE}.png{dated_look}").content == first.content


def test_a_layer_written_anew_is_seen_by_the_next_request(tmp_path: Path) -> None:
    path = str(tmp_path / "catalog.zarr")
    to_catalog(dated(["2024-01-01"], 0.2), path, "scene", progress=False)
    client = Client(create_app(path, refresh=3600))
    look = "?bands=ndvi&stretch=0,1"
    first = [client.get(f"{BASE}.png{look}") for _ in range(2)][-1]
    to_catalog(dated(["2024-01-01"], 0.7), path, "scene", progress=False, overwrite=True)
    assert client.get(f"{BASE}.png{look}").content != first.content
    open_catalog(path).delete("scene")
    assert client.get(f"{BASE}.png{look}").status_code == 404


def test_kept_tiles(catalog: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    client = Client(create_app(catalog, tile_cache=1_000_000))
    first = client.get(f"{BASE}.png")
    with monkeypatch.context() as patched:
        patched.setattr(fast, "render_tile", lambda *a, **k: pytest.fail("drawn"))
        second = client.get(f"{BASE}.png")
    assert "x-cache" not in first.headers
    assert second.headers["x-cache"] == "hit"
    assert second.content == first.content
    assert "x-cache" not in client.get(f"{BASE}.png?bands=landcover").headers


def test_no_tile_is_kept_by_default(catalog: Path) -> None:
    client = Client(create_app(catalog))
    assert not any("x-cache" in client.get(f"{BASE}.png").headers for _ in range(3))
