"""`ndvi@2018-05` and `hillshade(ndvi)` mean the same wherever a request names bands."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from pyproj import Transformer

from tests.server.client import BASE, Client
from tests.server.conftest import TILE, scene

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx

SCENE = scene()
ROW, COL = 100, 250
X, Y = float(SCENE["x"][COL]), float(SCENE["y"][ROW])
LON, LAT = Transformer.from_crs(32633, 4326, always_xy=True).transform(X, Y)
NDVI = SCENE["ndvi"].values[:, ROW, COL]
MAY, LAST = "ndvi@2018-05-06", 2
CELL = {"bbox": f"{X - 100},{Y - 100},{X + 100},{Y + 100}", "coord_crs": "native"}
CORNERS = ((-100, -100), (100, -100), (100, 100), (-100, 100), (-100, -100))
AREA = {"type": "Polygon", "coordinates": [[[X + dx, Y + dy] for dx, dy in CORNERS]]}
MAP = (
    "/wms?VERSION=1.3.0&STYLES=&LAYERS=scene&CRS=EPSG:32633&WIDTH=3&HEIGHT=3"
    f"&BBOX={X - 300},{Y - 300},{X + 300},{Y + 300}"
)
COLOURED = {"stretch": "0,1", "colormap": "magma"}

Answer = tuple[str, str, dict[str, Any]]

VALUES: dict[str, tuple[Answer, Callable[[httpx.Response, str], Any]]] = {
    "point": (
        ("GET", "/layers/scene/point", {"lon": LON, "lat": LAT}),
        lambda answer, name: answer.json()["values"][name],
    ),
    "series": (
        ("GET", "/layers/scene/series", {"lon": LON, "lat": LAT}),
        lambda answer, name: answer.json()["values"][name][LAST],
    ),
    "statistics": (
        ("GET", "/layers/scene/statistics", CELL),
        lambda answer, name: answer.json()["times"][0]["bands"][name]["mean"],
    ),
    "statistics of a polygon": (
        ("POST", "/layers/scene/statistics", {"coord_crs": "native"}),
        lambda answer, name: answer.json()["times"][0]["bands"][name]["mean"],
    ),
    "crop": (
        ("GET", "/layers/scene/crop.npy", CELL),
        lambda answer, _: np.load(BytesIO(answer.content))[0, 0, 0],
    ),
    "crop of a polygon": (
        ("POST", "/layers/scene/crop.npy", {"coord_crs": "native"}),
        lambda answer, _: np.load(BytesIO(answer.content))[0, 0, 0],
    ),
    "WMS": (
        ("GET", f"{MAP}&REQUEST=GetFeatureInfo&QUERY_LAYERS=scene&I=1&J=1", {}),
        lambda answer, name: answer.json()["features"][0]["properties"][name],
    ),
}

PICTURES = {
    "tile": f"/layers/scene/tiles/{TILE}.png",
    "values of a tile": f"/layers/scene/tiles/{TILE}.npy",
    "doubled tile": f"/layers/scene/tiles/{TILE}@2x.png",
    "preview": "/layers/scene/preview.png",
    "crop": "/layers/scene/crop.png?bbox=14,50.5,14.2,50.6",
    "WMS": f"{MAP}&REQUEST=GetMap&FORMAT=image/png",
    "WMTS": "/wmts/1.0.0/scene/default/WebMercatorQuad/9/172/276.png",
    "OGC API - Tiles": "/ogc/collections/scene/map/tiles/WebMercatorQuad/9/172/276?f=png",
}

OTHERS = {
    "legend": "/layers/scene/legend.json",
    "drawn legend": "/layers/scene/legend.png",
    "TileJSON": "/layers/scene/tilejson.json",
}


def ask(client: Client, route: Answer, **query: Any) -> httpx.Response:
    method, url, given = route
    body = {"json": AREA} if method == "POST" else {}
    path, _, inside = url.partition("?")
    pairs = dict(part.split("=", 1) for part in inside.split("&") if part)
    return client.request(method, path, params={**pairs, **given, **query}, **body)


@pytest.mark.parametrize(("route", "found"), VALUES.values(), ids=VALUES)
class TestValues:
    def test_bands(self, client: Client, route: Answer, found: Callable[..., Any]) -> None:
        answer = ask(client, route, bands=MAY)
        assert answer.status_code == 200, answer.text
        assert found(answer, MAY) == pytest.approx(NDVI[0], abs=1e-6)
        assert abs(NDVI[0] - NDVI[LAST]) > 0.1

    def test_expressions(self, client: Client, route: Answer, found: Callable[..., Any]) -> None:
        text = f'ndvi - band("{MAY}")'
        answer = ask(client, route, expression=text)
        assert answer.status_code == 200, answer.text
        assert found(answer, text) == pytest.approx(NDVI[LAST] - NDVI[0], abs=1e-6)

    def test_relief(self, client: Client, route: Answer, found: Callable[..., Any]) -> None:
        # The ramp falls by 1/1200 along each axis over cells of 200 metres.
        name = "slope(ndvi; z=100000)"
        answer = ask(client, route, bands=name)
        assert answer.status_code == 200, answer.text
        expected = np.degrees(np.arctan(np.hypot(1, 1) * 1e5 / 1200 / 200))
        assert found(answer, name) == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize("path", PICTURES.values(), ids=PICTURES)
def test_pictures_are_those_of_that_time(client: Client, path: str) -> None:
    route: Answer = ("GET", path, COLOURED)
    found = ask(client, route, bands=MAY)
    assert found.status_code == 200, found.text
    assert found.content == ask(client, route, bands="ndvi", time="2018-05-06").content
    assert found.content != ask(client, route, bands="ndvi").content


def test_legends_and_tilejson(client: Client) -> None:
    query = {"bands": MAY, **COLOURED}
    shown = client.get(OTHERS["legend"], params=query).json()
    assert shown == client.get(OTHERS["legend"], params={**query, "bands": "ndvi"}).json()
    (template,) = client.get(OTHERS["TileJSON"], params=query).json()["tiles"]
    _, z, x, y = TILE.split("/")
    address = template.removeprefix(BASE).format(z=z, x=x, y=y)
    expected = client.get(PICTURES["tile"], params=query).content
    assert client.get(address).content == expected


WRONG = {
    "ndvi@1999": ("bad-dimension", "1999"),
    "nothing@2018-05-06": ("bad-style", "nothing"),
    "@2018": ("bad-style", "expected a band as"),
    "hillshade(ndvi; colour=red)": ("bad-style", "azimuth"),
}
NATIVE = {
    **{name: route for name, (route, _) in VALUES.items() if name != "WMS"},
    **{
        name: ("GET", path, {})
        for name, path in (PICTURES | OTHERS).items()
        if path.startswith("/layers")
    },
}


@pytest.mark.parametrize("route", NATIVE.values(), ids=NATIVE)
def test_wrong_references_are_refused_alike(client: Client, route: Answer) -> None:
    for bands, (code, text) in WRONG.items():
        answer = ask(client, route, bands=bands)
        assert (answer.status_code, answer.json()["code"]) == (400, code), bands
        assert text in answer.json()["detail"]


@pytest.mark.parametrize("path", [VALUES["WMS"][0][1], PICTURES["WMS"]])
def test_wrong_references_are_refused_in_xml(client: Client, path: str) -> None:
    for bands, (_, text) in WRONG.items():
        answer = ask(client, ("GET", path, {}), bands=bands)
        assert answer.status_code == 400
        assert "<ServiceException " in answer.text
        assert text in answer.text
