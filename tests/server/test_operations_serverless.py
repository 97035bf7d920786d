"""Events as AWS Lambda passes them, answered by the handler."""

from __future__ import annotations

import json
import subprocess
import sys
from base64 import b64decode
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from tests.render.sources import rgba
from tests.server.conftest import TILE
from xcube_tiles.server import serverless
from xcube_tiles.server.app import create_app

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.server.client import Client

PATH = f"/layers/scene/tiles/{TILE}.png"
CONTEXT = SimpleNamespace(function_name="tiles", aws_request_id="1")


def http_api(path: str, query: str = "", method: str = "GET", **headers: str) -> dict[str, Any]:
    """Return an event of an HTTP API, payload format 2.0; function URLs have the same."""
    return {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": query,
        "headers": {"host": "maps.example", "x-forwarded-proto": "https", **headers},
        "requestContext": {
            "domainName": "maps.example",
            "http": {
                "method": method,
                "path": path,
                "protocol": "HTTP/1.1",
                "sourceIp": "192.0.2.1",
                "userAgent": "test",
            },
            "requestId": "a",
            "stage": "$default",
        },
        "isBase64Encoded": False,
    }


def load_balancer(
    path: str, query: str = "", method: str = "GET", **headers: str
) -> dict[str, Any]:
    """Return an event of an Application Load Balancer."""
    return {
        "requestContext": {"elb": {"targetGroupArn": "arn:aws:elasticloadbalancing:x"}},
        "httpMethod": method,
        "path": path,
        "queryStringParameters": dict(part.split("=") for part in query.split("&") if part),
        "headers": {"host": "maps.example", "x-forwarded-proto": "https", **headers},
        "body": "",
        "isBase64Encoded": False,
    }


EVENTS = pytest.mark.parametrize("event", [http_api, load_balancer])


@pytest.fixture
def handler(catalog: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("XCUBE_TILES_CATALOG", str(catalog))
    monkeypatch.setattr(serverless, "configure", lambda *args: None)
    return serverless.make_handler()


@EVENTS
def test_tiles(handler: Any, client: Client, event: Callable[..., dict[str, Any]]) -> None:
    answer = handler(event(PATH, "bands=ndvi&stretch=0,1"), CONTEXT)
    assert answer["statusCode"] == 200
    assert answer["headers"]["content-type"] == "image/png"
    assert answer["isBase64Encoded"] is True
    body = b64decode(answer["body"])
    assert body == client.get(f"{PATH}?bands=ndvi&stretch=0,1").content
    assert rgba(body).shape == (256, 256, 4)


@EVENTS
def test_json_is_text(handler: Any, event: Callable[..., dict[str, Any]]) -> None:
    answer = handler(event("/layers"), CONTEXT)
    assert answer["isBase64Encoded"] is False
    (layer,) = json.loads(answer["body"])["layers"]
    assert layer["links"][0]["href"] == "https://maps.example/layers/scene"


@EVENTS
def test_errors_are_problems(handler: Any, event: Callable[..., dict[str, Any]]) -> None:
    answer = handler(event("/layers/nope"), CONTEXT)
    assert answer["statusCode"] == 404
    assert answer["headers"]["content-type"] == "application/problem+json"
    assert json.loads(answer["body"])["code"] == "layer-not-found"


@EVENTS
def test_what_is_known_is_not_sent(handler: Any, event: Callable[..., dict[str, Any]]) -> None:
    tag = handler(event(PATH), CONTEXT)["headers"]["etag"]
    again = handler(event(PATH, **{"if-none-match": tag}), CONTEXT)
    assert again["statusCode"] == 304
    assert not again["body"]


def test_a_stage_stands_before_the_path() -> None:
    handler = serverless.handler_of(create_app(), base_path="/prod")
    assert json.loads(handler(http_api("/prod/healthz"), CONTEXT)["body"]) == {"status": "ok"}


def test_nothing_is_counted_unless_it_is_wanted(
    handler: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert handler(http_api("/metrics"), CONTEXT)["statusCode"] == 404
    monkeypatch.setenv("XCUBE_TILES_METRICS", "true")
    assert serverless.make_handler()(http_api("/metrics"), CONTEXT)["statusCode"] == 200


def test_the_handler_is_made_when_it_is_asked_for(
    catalog: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serverless, "configure", lambda *args: None)
    monkeypatch.setenv("XCUBE_TILES_CATALOG", str(catalog))
    try:
        assert serverless.handler is serverless.handler
    finally:
        vars(serverless).pop("handler", None)
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        serverless.nothing  # noqa: B018


def test_the_server_needs_no_other_extra(catalog: Path) -> None:
    program = """
import sys

others = "sqlalchemy redis mangum obstore icechunk geopandas exactextract zarrs imagecodecs"
for name in others.split():
    sys.modules[name] = None
from xcube_tiles.server.settings import app_from_settings, load_settings

app = app_from_settings(load_settings(catalog=sys.argv[1]))
assert app.state.library["scene"].name == "scene"
"""
    command = [sys.executable, "-c", program, str(catalog)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
