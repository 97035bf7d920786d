"""So many requests at once, so long, so large: what is beyond is refused, and the server lives."""

from __future__ import annotations

import asyncio
from threading import Event, active_count
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from fastapi import Depends, FastAPI, Request
from pydantic import ValidationError

from tests.render.sources import numbered
from tests.server.client import BASE, Client
from tests.server.conftest import TILE
from xcube_tiles.errors import ExpressionError, SizeLimitError
from xcube_tiles.server.app import create_app
from xcube_tiles.server.operations import gate, memory
from xcube_tiles.server.operations.limits import Limits, expression_cost, limits_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

T = f"/layers/scene/tiles/{TILE}.png"
SLOW = "/layers/slow/tiles/WebMercatorQuad/0/0/0.png?stretch=0,1&resampling=nearest"


class Slow:
    """An application with a layer whose cells can't be read until they are released."""

    def __init__(self, *, late: int = 1, **limits: Any) -> None:
        self.late = late  # answers of 504 after which the cells are released
        self.source = numbered((8, 8), "EPSG:3857", left=-2e7, top=2e7, cell=5e6)
        self.begun = 0
        self.release = Event()
        read = self.source.read

        def wait(*args: Any, **kwargs: Any) -> Any:
            self.begun += 1
            assert self.release.wait(30)
            return read(*args, **kwargs)

        self.source.read = wait  # type: ignore[method-assign]
        self.app = create_app(sources={"slow": self.source}, limits=Limits(**limits))

    async def ask(self, path: str = SLOW) -> list[dict[str, Any]]:
        """Return the parts of the answer to a request, as they come."""
        parts: list[dict[str, Any]] = []
        path, _, query = path.partition("?")
        scope = {
            "type": "http",
            "http_version": "1.1",
            "method": "GET",
            "scheme": "http",
            "server": ("test", 80),
            "path": path,
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "root_path": "",
            "headers": [],
        }

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(part: Any) -> None:
            parts.append(part)
            if part["type"] == "http.response.body" and parts[0]["status"] == 504:
                self.late -= 1
                if not self.late:
                    self.release.set()

        await self.app(scope, receive, send)
        return parts


@pytest.fixture
def slow() -> Iterator[type[Slow]]:
    made: list[Slow] = []

    class Made(Slow):
        def __init__(self, **options: Any) -> None:
            super().__init__(**options)
            made.append(self)

    yield Made
    for one in made:
        one.release.set()


class TestTime:
    def test_what_takes_too_long_is_answered_before_it_ends(self, slow: type[Slow]) -> None:
        server = slow(timeout=0.1)
        # The thread ends only after the answer was sent: it can't have been waited for.
        parts = asyncio.run(server.ask())
        assert [part["type"] for part in parts] == ["http.response.start", "http.response.body"]
        assert parts[0]["status"] == 504
        assert b'"code":"timeout"' in parts[1]["body"]
        assert b"no answer within 0.1 seconds" in parts[1]["body"]
        # On a busy machine it may take as long again, but not for ever.
        statuses = (Client(server.app).get(SLOW).status_code for _ in range(50))
        assert 200 in statuses

    def test_threads_are_not_left_behind_without_bound(self, slow: type[Slow]) -> None:
        server = slow(late=12, timeout=0.1, threads=2)

        async def ask_many() -> list[list[dict[str, Any]]]:
            return await asyncio.gather(*(server.ask() for _ in range(12)))

        before = active_count()
        answers = asyncio.run(ask_many())
        assert {parts[0]["status"] for parts in answers} == {504}
        # Two could begin; what had not begun when its time was over never did.
        assert server.begun <= 2
        assert active_count() <= before + 2


class TestQueue:
    def test_one_more_than_fits_is_sent_away(self, slow: type[Slow]) -> None:
        server = slow(requests=3, threads=1)

        async def ask_many() -> list[httpx.Response]:
            transport = httpx.ASGITransport(app=server.app)
            async with httpx.AsyncClient(transport=transport, base_url=BASE) as client:
                asked = [asyncio.create_task(client.get(SLOW)) for _ in range(3)]
                while not server.begun:
                    await asyncio.sleep(0.01)
                refused = await client.get("/layers")
                # Whoever watches over the server must still be told that it lives.
                alive = [await client.get(path) for path in ("/healthz", "/readyz", "/metrics")]
                server.release.set()
                return [refused, *alive, *await asyncio.gather(*asked)]

        refused, *others = asyncio.run(ask_many())
        assert refused.status_code == 503
        assert refused.headers["retry-after"] == "2"
        assert refused.json()["code"] == "overloaded"
        assert [answer.status_code for answer in others] == [200] * 6
        assert 'xcube_tiles_requests_refused_total{reason="queue"} 1.0' in others[2].text
        assert Client(server.app).get("/layers").status_code == 200

    def test_full_memory_lets_one_request_in_at_a_time(
        self, slow: type[Slow], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        server = slow(memory=1000)
        monkeypatch.setattr(memory, "resident", lambda: (5000, 5000))

        async def ask_two() -> tuple[httpx.Response, httpx.Response]:
            transport = httpx.ASGITransport(app=server.app)
            async with httpx.AsyncClient(transport=transport, base_url=BASE) as client:
                first = asyncio.create_task(client.get(SLOW))
                while not server.begun:
                    await asyncio.sleep(0.01)
                second = await client.get(SLOW)
                server.release.set()
                return await first, second

        first, second = asyncio.run(ask_two())
        assert first.status_code == 200
        assert second.status_code == 503
        assert "memory is full" in second.json()["detail"]


class TestMemory:
    def test_what_is_allowed_is_shared(self) -> None:
        alone, two = memory.allowed(), memory.allowed(2)
        assert alone is not None
        assert two == pytest.approx(alone / 2, abs=1)

    def test_a_container_may_have_less(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        limit = tmp_path / "memory.max"
        monkeypatch.setattr(memory, "_CGROUP", (tmp_path / "none", limit))
        limit.write_text("1000000\n")
        assert memory.allowed() == 900_000
        limit.write_text("max\n")
        assert (memory.allowed() or 0) > 900_000

    def test_where_nobody_tells_nothing_is_refused(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(memory, "_STATM", tmp_path / "none")
        assert memory.resident() is None
        assert not memory.MemoryWatch(1).is_over()
        assert not memory.MemoryWatch(None).is_over()

    def test_this_process_has_some(self) -> None:
        whole, own = memory.resident() or (0, 0)
        assert whole > own > 1e7
        assert memory.MemoryWatch(1000).is_over()
        assert not memory.MemoryWatch(2**60).is_over()


class TestBody:
    @pytest.fixture
    def client(self) -> Client:
        app = create_app(limits=Limits(body=10))
        app.router.routes.pop()  # the page's files, which take every path

        @app.post("/length")
        async def length(request: Request) -> int:
            return len(await request.body())

        return Client(app)

    def test_small_ones_are_taken(self, client: Client) -> None:
        assert client.post("/length", content=b"x" * 10).json() == 10

    def test_a_large_one_is_refused_by_what_it_says(self, client: Client) -> None:
        answer = client.post("/length", content=b"x" * 11)
        assert answer.status_code == 413
        assert answer.json()["code"] == "body-too-large"

    def test_a_large_one_is_refused_whatever_it_says(self, client: Client) -> None:
        async def pieces() -> Any:
            for _ in range(5):
                yield b"xxxx"

        answer = client.post("/length", content=pieces())
        assert answer.status_code == 413
        assert "may have 10 bytes" in answer.json()["detail"]


class TestCost:
    def test_expressions(self, catalog: Path) -> None:
        client = Client(create_app(catalog, limits=Limits(expression_operations=2)))
        assert client.get(T, params={"expression": "ndvi * 2 + 1"}).status_code == 200
        for name in ("expression", "EXPRESSION", "%65xpression", "e%78pression"):
            answer = client.get(f"{T}?bands=ndvi&{name}=ndvi*2%2B1-3")
            assert answer.status_code == 400, name
            assert answer.json()["detail"] == "an expression may have 2 operations, got 3"
            assert answer.json()["code"] == "bad-expression"

    @pytest.mark.parametrize(
        ("text", "cost"),
        [
            ("a", (0, 0)),
            ("-a", (1, 1)),
            ("a + b + c", (2, 2)),
            ("a < b < c", (1, 2)),
            ("min(a, b)", (1, 1)),
            ("(a - b) / (a + b) * 2", (3, 4)),
        ],
    )
    def test_cost_of_expressions(self, text: str, cost: tuple[int, int]) -> None:
        assert expression_cost(text) == cost

    def test_limits_of_expressions(self) -> None:
        limits = Limits(expression_length=20, expression_depth=3, expression_operations=3)
        limits.check_expression("(a - b) / (a + b)")
        for text, expected in (
            ("a" * 21, "may have 20 characters, got 21"),
            ("-(-(-(-a)))", "may have 3 operations within one another, got 4"),
            ("a*b + c*d - a*c", "may have 3 operations, got 5"),
        ):
            with pytest.raises(ExpressionError, match=expected):
                limits.check_expression(text)

    def test_sizes(self, catalog: Path) -> None:
        client = Client(create_app(catalog, limits=Limits(tile_size=256)))
        assert client.get(f"{T}?size=256").status_code == 200
        answer = client.get(f"{T}?size=512")
        assert answer.status_code == 413
        assert "at most 256 pixels" in answer.json()["detail"]
        assert client.get("/layers/scene/preview.png?size=257").status_code == 413

    @pytest.mark.parametrize(
        ("limit", "query", "status", "expected"),
        [
            ({"percentiles": 2}, "percentiles=1,2", 200, ""),
            ({"percentiles": 2}, "percentiles=1,2,3", 400, "up to 2 numbers from 0 to 100"),
            ({"percentiles": 200}, f"percentiles={','.join(['5'] * 150)}", 200, ""),
            ({"bins": 4}, "bins=4", 200, ""),
            ({"bins": 4}, "bins=5", 400, "a histogram has 0 to 4 bins, got 5"),
            ({"bins": 2}, "bins=0,1,2,3", 400, "edges of bins are 2 to 3 ascending numbers"),
            ({"bins": 5000}, "bins=2000", 200, ""),
            ({"categories": 3}, "categorical=true&bands=landcover", 200, ""),
            (
                {"categories": 2},
                "categorical=true&bands=landcover",
                400,
                "3 different values, and up",
            ),
            ({"cells": 100}, "bands=ndvi&max_size=10", 413, "and 100 are allowed in all"),
        ],
    )
    def test_statistics(
        self, catalog: Path, limit: dict[str, int], query: str, status: int, expected: str
    ) -> None:
        client = Client(create_app(catalog, limits=Limits(**limit)))
        answer = client.get(f"/layers/scene/statistics?{query}")
        assert answer.status_code == status, answer.text
        assert expected in answer.text

    def test_vertices_and_cells_of_what_is_cut_out(self, catalog: Path) -> None:
        client = Client(create_app(catalog, limits=Limits(vertices=5, cells=5000)))
        corners = [[14.5, 50.5], [14.6, 50.5], [14.6, 50.6], [14.5, 50.6], [14.5, 50.5]]
        square = {"type": "Polygon", "coordinates": [corners]}
        path = "/layers/scene/crop.npy?bands=ndvi&width=50&height=50"
        assert client.post(path, json=square).status_code == 200
        two = client.post(path.replace("ndvi", "ndvi,landcover"), json=square)
        three = client.post(path.replace("ndvi", "ndvi,landcover,ndvi@2018-05"), json=square)
        assert (two.status_code, three.status_code) == (200, 413)
        assert "5000" in three.json()["detail"]
        times = client.post(path.replace(".npy", ".nc") + "&start=2018", json=square)
        assert times.status_code == 413
        square["coordinates"] = [[*corners[:1], [14.55, 50.49], *corners[1:]]]
        answer = client.post(path, json=square)
        assert answer.status_code == 413
        assert "6 vertices, and 5 are allowed" in answer.json()["detail"]

    def test_layers_of_a_picture(self, catalog: Path) -> None:
        client = Client(create_app(catalog, limits=Limits(layers=2)))
        look = "crs=EPSG:3857&bbox=1500000,6500000,1600000,6600000&width=8&height=8&styles="
        path = f"/wms?service=WMS&version=1.3.0&request=GetMap&format=image/png&{look}&layers="
        assert client.get(f"{path}scene,scene").status_code == 200
        answer = client.get(f"{path}scene,scene,scene")
        assert answer.status_code == 400
        assert "at most 2 layers a picture, got 3" in answer.text
        offered = client.get("/wms?service=WMS&request=GetCapabilities&version=1.3.0").text
        assert "<LayerLimit>2</LayerLimit>" in offered

    def test_numbers(self) -> None:
        Limits().check("pixels", 4096 * 4096)
        with pytest.raises(SizeLimitError, match="at most 10 times of a series, got 11"):
            Limits(series=10).check("series", 11)

    def test_limits_are_constant_and_known(self) -> None:
        with pytest.raises(ValidationError):
            Limits().page = 3
        with pytest.raises(ValidationError):
            Limits(pages=3)  # type: ignore[call-arg]

    def test_routes_take_them(self) -> None:
        app = FastAPI()
        app.state.limits = Limits(page=7)

        @app.get("/page")
        async def page(limits: Limits = Depends(limits_of)) -> int:  # noqa: B008
            return limits.page

        assert Client(app).get("/page").json() == 7


def test_watched_paths_are_ours() -> None:
    assert create_app().openapi()["paths"].keys() >= gate.OPEN
