"""What those who run a server see of it: health, metrics, ids, logs, HEAD."""

from __future__ import annotations

import io
import json
import logging
import re
import shutil
from threading import Event
from typing import TYPE_CHECKING, Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.render.sources import numbered
from tests.server.client import Client
from tests.server.conftest import TILE, scene
from xcube_tiles.catalog.reader import open_catalog
from xcube_tiles.catalog.writer import to_catalog
from xcube_tiles.server.app import create_app
from xcube_tiles.server.operations import health
from xcube_tiles.server.operations.logs import REQUEST_ID, JsonLines, Lines, redacted

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

T = f"/layers/scene/tiles/{TILE}.png?bands=ndvi&stretch=0,1"
ROUTE = "/layers/{layer}/tiles/{tms}/{z}/{x}/{y}.{format}"


def samples(client: Client) -> dict[tuple[str, ...], float]:
    """Return what a scrape tells, by name and values of labels."""
    answer = client.get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain; version=")
    return {
        (sample.name, *(sample.labels[name] for name in sorted(sample.labels))): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


class TestHealth:
    def test_alive_and_ready(self, client: Client) -> None:
        assert client.get("/healthz").json() == {"status": "ok"}
        assert client.get("/readyz").json() == {"status": "ok", "layers": 1}

    def test_a_lost_catalog_is_not_ready_and_comes_back(self, tmp_path: Path) -> None:
        where = tmp_path / "c.zarr"
        to_catalog(scene(), str(where), "scene", progress=False)
        client = Client(create_app(where))
        shutil.move(where, tmp_path / "away")
        answer = client.get("/readyz")
        assert answer.status_code == 503
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.headers["retry-after"] == "5"
        assert answer.json()["code"] == "not-ready"
        assert str(tmp_path) not in answer.text
        assert client.get("/healthz").status_code == 200
        shutil.move(tmp_path / "away", where)
        assert client.get("/readyz").status_code == 200

    def test_a_catalog_that_hangs_is_looked_at_once(
        self, monkeypatch: pytest.MonkeyPatch, catalog: Path
    ) -> None:
        app = create_app(catalog)
        release = Event()
        looks: list[int] = []

        def hang() -> None:
            looks.append(1)
            release.wait(30)

        app.state.readiness = health.Readiness(app.state.library, hang)
        monkeypatch.setattr(health, "READY_SECONDS", 0.05)
        client = Client(app)
        for _ in range(3):
            answer = client.get("/readyz")
            assert answer.status_code == 503
            assert "didn't answer within 0.05 seconds" in answer.json()["detail"]
        assert len(looks) == 1
        release.set()

    def test_a_catalog_in_hand_is_ready(self, catalog: Path) -> None:
        assert Client(create_app(open_catalog(catalog))).get("/readyz").json()["layers"] == 1
        assert Client(create_app()).get("/readyz").json()["layers"] == 0


class TestMetrics:
    def test_requests_are_counted_by_route_and_status(self, catalog: Path) -> None:
        client = Client(create_app(catalog))
        first = client.get(T)
        client.get(T, headers={"If-None-Match": first.headers["etag"]})
        client.get("/layers/nope")
        for i in range(3):
            client.get(f"/no/such/place/{i}")
        found = samples(client)
        assert found["xcube_tiles_requests_total", ROUTE, "200"] == 1
        assert found["xcube_tiles_requests_total", ROUTE, "304"] == 1
        assert found["xcube_tiles_requests_total", "/layers/{layer}", "404"] == 1
        assert found["xcube_tiles_tiles_rendered_total", ROUTE] == 1
        assert found["xcube_tiles_cache_hits_total", "client"] == 1
        assert found["xcube_tiles_response_bytes_total", ROUTE] == len(first.content)
        assert found["xcube_tiles_request_duration_seconds_count", ROUTE] == 2
        assert found["xcube_tiles_request_duration_seconds_bucket", "+Inf", ROUTE] == 2
        assert found["xcube_tiles_requests_in_flight",] == 1  # the scrape itself
        assert found["xcube_tiles_process_resident_memory_bytes",] > 1e7
        # Paths that are nobody's make no labels of their own.
        assert not [labels for labels in found if "such" in str(labels)]

    def test_what_a_cache_of_the_server_gives_is_not_drawn(self) -> None:
        from xcube_tiles.server.operations.metrics import Metrics

        metrics = Metrics()
        metrics.picture(ROUTE, 200, "image/png", "hit")
        metrics.picture(ROUTE, 200, "image/png", "miss")
        metrics.picture(ROUTE, 200, "application/json", "")
        metrics.picture(ROUTE, 404, "image/png", "")
        text = metrics.text().decode()
        assert 'xcube_tiles_cache_hits_total{cache="server"} 1.0' in text
        assert f'xcube_tiles_tiles_rendered_total{{route="{ROUTE}"}} 1.0' in text

    def test_two_applications_count_for_themselves(self, catalog: Path) -> None:
        one, other = Client(create_app(catalog)), Client(create_app(catalog))
        one.get("/layers")
        assert ("xcube_tiles_requests_total", "/layers", "200") in samples(one)
        assert ("xcube_tiles_requests_total", "/layers", "200") not in samples(other)

    def test_metrics_can_be_switched_off(self, catalog: Path) -> None:
        client = Client(create_app(catalog, metrics=False))
        assert client.get(T).status_code == 200
        assert client.get("/metrics").status_code == 404


class TestRequestId:
    @pytest.mark.parametrize("given", ["abc-123", "a.b_c:d", "x" * 128, "YWI+/w=="])
    def test_a_harmless_one_is_kept(self, client: Client, given: str) -> None:
        answer = client.get("/layers", headers={"X-Request-ID": given})
        assert answer.headers["x-request-id"] == given

    @pytest.mark.parametrize("given", ["", "a b", "x" * 129, "a\x1b[31m", '"', "ä"])
    def test_any_other_is_replaced(self, client: Client, given: str) -> None:
        headers = {"X-Request-ID": given.encode("latin-1")}
        answer = client.get("/layers", headers=headers)
        assert re.fullmatch("[0-9a-f]{16}", answer.headers["x-request-id"])

    def test_every_answer_has_one(self, client: Client) -> None:
        paths = ("/healthz", "/nope", T, "/layers/nope", "/metrics")
        ids = {client.get(path).headers["x-request-id"] for path in paths}
        assert len(ids) == len(paths)
        assert REQUEST_ID.get() is None


class TestHead:
    @pytest.mark.parametrize(
        "path", [T, "/layers", "/layers/scene", "/layers/nope", "/", "/openapi.json", "/healthz"]
    )
    def test_headers_are_those_of_get(self, client: Client, path: str) -> None:
        got, head = client.get(path), client.head(path)
        assert head.status_code == got.status_code
        assert head.content == b""
        for name in ("content-type", "content-length", "etag", "cache-control"):
            assert head.headers.get(name) == got.headers.get(name), name

    def test_what_takes_no_get_takes_no_head(self, client: Client) -> None:
        answer = client.request("DELETE", "/layers")
        assert answer.status_code == 405
        assert answer.headers["allow"] == "GET"
        assert answer.json()["code"] == "method-not-allowed"
        assert client.post("/nothing/here").status_code == 404


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    """Return a stream that the log of the server is written to, as JSON."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonLines())
    logger = logging.getLogger("xcube_tiles.server")
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    yield stream
    logger.removeHandler(handler)
    logger.setLevel(level)


def records(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


class TestLog:
    def test_a_request_is_a_line(self, client: Client, written: io.StringIO) -> None:
        client.get(T, headers={"X-Request-ID": "mine"})
        (line,) = records(written)
        assert line["message"] == "request"
        assert line["request_id"] == "mine"
        assert (line["method"], line["route"], line["status"]) == ("GET", ROUTE, 200)
        assert line["path"] == T
        assert line["ms"] > 0
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line["time"])

    def test_keys_are_not_written(self, client: Client, written: io.StringIO) -> None:
        client.get("/layers?key=secret&x=1", headers={"X-API-Key": "secret"})
        client.get("/layers?API_KEY=secret")
        assert "secret" not in written.getvalue()
        assert records(written)[0]["path"] == "/layers?key=***&x=1"

    def test_a_failure_is_a_line_with_its_traceback_and_id(self, written: io.StringIO) -> None:
        source = numbered((8, 8), "EPSG:3857", left=-2e7, top=2e7, cell=5e6)

        def fail(*args: object, **kwargs: object) -> None:
            raise RuntimeError("postgresql://me:hush@host/db")

        source.read = fail  # type: ignore[assignment]
        client = Client(create_app(sources={"broken": source}))
        answer = client.get(
            "/layers/broken/tiles/WebMercatorQuad/0/0/0.png?stretch=0,1",
            headers={"X-Request-ID": "it", "Origin": "https://elsewhere.example"},
        )
        assert answer.status_code == 500
        assert answer.headers["x-request-id"] == "it"
        assert answer.headers["access-control-allow-origin"] == "*"
        failure, request = records(written)
        assert "RuntimeError" in failure["traceback"]
        assert failure["request_id"] == request["request_id"] == "it"
        assert (request["level"], request["status"]) == ("error", 500)
        assert "hush" not in written.getvalue()

    def test_lines_for_humans_are_one_line_each(self) -> None:
        record = logging.LogRecord("a", logging.INFO, "", 0, "a\nb %s", ("c",), None)
        record.fields = {"status": 200, "route": None}
        line = Lines().format(record)
        assert line.endswith(r"INFO    a\nb c status=200")
        assert "\n" not in line

    @pytest.mark.parametrize(
        ("text", "shown"),
        [
            ("mysql://u:p@h/d and s3://bucket/a@b", "mysql://***@h/d and s3://bucket/a@b"),
            ("?token=abc&bands=a", "?token=***&bands=a"),
            ("X-Amz-Signature=abc&x=1", "X-Amz-Signature=***&x=1"),
            ("bands=key", "bands=key"),
            ("monkey=5", "monkey=5"),
        ],
    )
    def test_secrets_are_masked(self, text: str, shown: str) -> None:
        assert redacted(text) == shown
