from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.render.sources import numbered
from tests.server.client import Client
from tests.server.conftest import TILE
from xcube_tiles import errors
from xcube_tiles.server.app import create_app
from xcube_tiles.server.errors import status_of

if TYPE_CHECKING:
    from collections.abc import Sequence

T = f"/layers/scene/tiles/{TILE}.png"
BAD: Sequence[tuple[str, int, str]] = [
    ("/layers/nope", 404, "no layer 'nope'; the layers are: scene"),
    ("/layers/../scene/secret", 404, "there is nothing at"),
    ("/nothing", 404, "there is nothing at /nothing; /openapi.json"),
    ("/layers/scene/tiles/WebMercatorQuad/99/0/0.png", 404, "zoom levels 0 to 24, got 99"),
    ("/layers/scene/tiles/WebMercatorQuad/2/9/0.png", 404, "x from 0 to 3 at zoom 2, got 9"),
    ("/layers/scene/tiles/WebMercatorQuad/2/0/-1.png", 404, "y from 0 to 3 at zoom 2, got -1"),
    ("/layers/scene/tiles/Nope/0/0/0.png", 404, "unknown tile matrix set 'Nope'"),
    ("/layers/scene/tiles/WebMercatorQuad/0/a/0.png", 422, "x: .*integer.*got 'a'"),
    ("/layers/scene/tiles/WebMercatorQuad/0/0/0.gif", 422, "format: .*'png'.*got 'gif'"),
    (f"{T}?bands=nope", 400, "unknown variable 'nope'; the variables are ndvi, landcover"),
    (f"{T}?bands=ndvi,landcover", 400, "one band, or three .* got 2"),
    (f"{T}?bands=,", 400, "names parted by single commas"),
    (f"{T}?bands=ndvi&expression=ndvi", 400, "not both"),
    (f"{T}?stretch=1", 400, "expected a stretch as 'min,max'"),
    (f"{T}?stretch=a,b", 400, "expected a stretch .* got 'a,b'"),
    (f"{T}?stretch=nan,1", 400, "expected a stretch"),
    (f"{T}?stretch=1,0", 400, "lower to a higher"),
    (f"{T}?stretch=p90,p10", 400, "percentiles go from a lower"),
    (f"{T}?stretch=0,1;0,1", 400, "expected one stretch, got 2"),
    (f"{T}?colormap=nope", 400, "unknown colour map 'nope'; the names are"),
    (f"{T}?colormap={{", 400, "colormap is no JSON"),
    (f'{T}?colormap={{"a":"%23fff"}}', 400, "a category is a number, got 'a'"),
    (f'{T}?colormap={{"1":"puce"}}', 400, "expected a colour .* got 'puce'"),
    (f"{T}?expression=nope", 400, "'nope'.*ndvi, landcover"),
    (f"{T}?expression=1", 400, "names no band"),
    (f"{T}?expression=ndvi.real", 400, ""),
    (f"{T}?expression=__import__('os')", 400, ""),
    (f"{T}?expression=ndvi%2B9**9**9**9", 400, ""),
    (f"{T}?expression={'abs(' * 200}ndvi{')' * 200}", 400, ""),
    (f"{T}?time=1999", 400, "no time '1999'; the times are 2018-05-06T00:00:00Z"),
    (f"{T}?time=soon", 400, "ISO 8601"),
    (f"{T}?time_match=closest", 422, "time_match: .*'exact' or 'nearest'"),
    (f"{T}?size=0", 422, "size: .*greater than or equal to 64, got '0'"),
    (f"{T}?size=100000", 422, "size: .*less than or equal to 1024"),
    (f"{T}?resampling=cubic", 422, "resampling: .*'nearest', 'bilinear', 'average' or 'mode'"),
    ("/layers/scene/point", 422, "lon: .*required.*; lat: .*required"),
    ("/layers/scene/point?lon=0&lat=91", 422, "lat: "),
    ("/layers/scene/point?lon=nan&lat=0", 422, "lon: "),
    ("/layers/scene/point?lon=0&lat=0&bands=nope", 400, "unknown variable 'nope'"),
    ("/layers/scene/tilejson.json?tms=Nope", 404, "unknown tile matrix set"),
    ("/layers/scene/tilejson.json?bands=nope", 400, "unknown variable"),
    ("/layers/scene/legend.json?colormap=nope", 400, "unknown colour map"),
    ("/layers/scene/legend.png?bands=ndvi,ndvi,ndvi", 400, "no legend"),
    ("/layers/scene/preview.gif", 422, "format: "),
]


@pytest.mark.parametrize(("path", "status", "text"), BAD)
def test_bad_requests_are_told_what_is_wrong(
    client: Client, path: str, status: int, text: str
) -> None:
    answer = client.get(path)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["cache-control"] == "no-store"
    body = answer.json()
    assert set(body) - {"errors"} == {"type", "title", "status", "detail", "code"}
    assert ("errors" in body) == (status == 422)
    assert body["status"] == status
    assert re.fullmatch("[a-z]+(-[a-z]+)+", body["code"])
    assert re.search(text, body["detail"]), body["detail"]


def test_other_methods_are_refused(client: Client) -> None:
    answer = client.post("/layers")
    assert answer.status_code == 405
    assert answer.json()["detail"] == "Method Not Allowed"


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (errors.LayerNotFoundError("x"), 404),
        (errors.GridError("x"), 404),
        (errors.StyleError("x"), 400),
        (errors.ExpressionError("x"), 400),
        (errors.DimensionError("x"), 400),
        (errors.SizeLimitError("x"), 413),
        (errors.MissingExtraError("PIL", "server"), 501),
        (errors.StoreError("x"), 503),
        (errors.LayerChangedError("x"), 503),
        (errors.CatalogError("x"), 500),
        (KeyError("x"), 500),
    ],
)
def test_the_table_of_statuses(error: Exception, status: int) -> None:
    assert status_of(error) == status


def test_unforeseen_errors_tell_nothing_of_the_inside(monkeypatch: pytest.MonkeyPatch) -> None:
    source = numbered((8, 8), "EPSG:3857", left=-2e7, top=2e7, cell=5e6)

    def fail(*args: object, **kwargs: object) -> None:
        raise RuntimeError("/secret/path")

    monkeypatch.setattr(source, "read", fail)
    client = Client(create_app(sources={"broken": source}), raise_app_exceptions=False)
    answer = client.get("/layers/broken/tiles/WebMercatorQuad/0/0/0.png?stretch=0,1")
    assert answer.status_code == 500
    assert answer.json() == {
        "type": "about:blank",
        "title": "Internal Server Error",
        "status": 500,
        "detail": "the server failed; its log says why",
        "code": "server-error",
    }
