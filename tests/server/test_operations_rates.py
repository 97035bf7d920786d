"""How often who may ask, by a clock of the tests' own."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from tests.server.client import Client
from xcube_tiles.server.app import create_app
from xcube_tiles.server.operations import rates
from xcube_tiles.server.operations.access import ApiKey, hash_of
from xcube_tiles.server.operations.rates import Rate, RateLimit, TokenBuckets


class Clock:
    """Shows the time that it is told."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Return the clock of the applications that are made."""
    made = Clock()
    original = RateLimit.__init__

    def init(self: RateLimit, app: Any, **options: Any) -> None:
        original(self, app, **options, clock=made)

    monkeypatch.setattr(RateLimit, "__init__", init)
    return made


def test_requests_at_once_and_in_the_long_run(clock: Clock) -> None:
    client = Client(create_app(rate=Rate(requests=0.5, burst=3)))
    first = client.get("/layers")
    assert first.headers["ratelimit-policy"] == '"address";q=3;w=6'
    assert first.headers["ratelimit"] == '"address";r=2;t=2'
    assert [client.get("/layers").status_code for _ in range(4)] == [200, 200, 429, 429]
    refused = client.get("/layers")
    assert refused.headers["content-type"] == "application/problem+json"
    assert refused.headers["cache-control"] == "no-store"
    assert refused.headers["retry-after"] == "2"
    assert refused.headers["ratelimit"] == '"address";r=0;t=6'
    assert refused.json()["code"] == "too-many-requests"
    assert refused.json()["detail"] == (
        "too many requests: 0.5 a second are allowed, 3 at once; try again in 2 s"
    )
    clock.now += 1.5
    assert client.get("/layers").headers["retry-after"] == "1"
    # A refusal takes nothing: what Retry-After has said is true.
    clock.now += 0.5
    assert client.get("/layers").status_code == 200
    assert client.get("/layers").status_code == 429
    # A bucket doesn't get fuller than full.
    clock.now += 1000
    assert [client.get("/layers").status_code for _ in range(4)] == [200, 200, 200, 429]
    assert 'requests_refused_total{reason="rate"} 6.0' in client.get("/metrics").text


def test_whoever_watches_is_not_sent_away(clock: Clock) -> None:
    client = Client(create_app(rate=Rate(requests=1, burst=1)))
    for path in ("/healthz", "/readyz", "/metrics"):
        answers = [client.get(path) for _ in range(3)]
        assert {answer.status_code for answer in answers} == {200}
        assert "ratelimit" not in answers[0].headers


def test_each_key_has_its_own(clock: Clock) -> None:
    keys = {
        "one": ApiKey(sha256=hash_of("one")),
        "two": ApiKey(sha256=hash_of("two")),
        "more": ApiKey(sha256=hash_of("more"), rate=Rate(requests=1, burst=4)),
    }
    client = Client(create_app(keys=keys, rate=Rate(requests=1, burst=2)))

    def allowed(key: str | None) -> int:
        headers = {"X-API-Key": key} if key else {}
        statuses = [client.get("/layers", headers=headers).status_code for _ in range(6)]
        assert statuses == sorted(statuses)
        return statuses.count(200)

    assert [allowed(key) for key in ("one", "two", "more", None)] == [2, 2, 4, 2]
    answer = client.get("/layers", headers={"X-API-Key": "more"})
    assert answer.headers["ratelimit-policy"] == '"key";q=4;w=4'
    # Who doesn't know a key is told so, and takes nobody's tokens.
    assert client.get("/layers", headers={"X-API-Key": "nope"}).status_code == 401


def test_a_key_alone_may_have_one(clock: Clock) -> None:
    keys = {"few": ApiKey(sha256=hash_of("few"), rate=Rate(requests=1, burst=1))}
    client = Client(create_app(keys=keys))
    few = [client.get("/layers", headers={"X-API-Key": "few"}).status_code for _ in range(2)]
    assert few == [200, 429]
    assert {client.get("/layers").status_code for _ in range(5)} == {200}


def test_pages_of_other_sites_see_the_headers(clock: Clock) -> None:
    client = Client(create_app(rate=Rate(requests=1, burst=1)))
    answers = [client.get("/layers", headers={"Origin": "https://a.example"}) for _ in range(2)]
    assert answers[1].status_code == 429
    for answer in answers:
        exposed = answer.headers["access-control-expose-headers"].split(", ")
        assert {"RateLimit", "RateLimit-Policy", "Retry-After"} <= {*exposed}


@pytest.mark.parametrize(
    ("addresses", "different"),
    [
        (["192.0.2.1", "192.0.2.1"], 1),
        (["192.0.2.1", "192.0.2.2"], 2),
        # One client has a whole network of 64 bits.
        (["2001:db8::1", "2001:db8::ffff:2"], 1),
        (["2001:db8::1", "2001:db8:0:1::1"], 2),
        (["::ffff:192.0.2.1", "192.0.2.1"], 1),
        (["fe80::1%eth0", "fe80::2%eth1"], 1),
        (["a:socket", None], 2),
    ],
)
def test_clients_by_their_addresses(addresses: list[str | None], different: int) -> None:
    statuses = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        statuses.append(200)

    async def ask() -> None:
        limit = RateLimit(app, rate=Rate(requests=1, burst=1), clock=Clock())

        async def receive() -> Any:
            return {"type": "http.request"}

        async def send(message: Any) -> None:
            pass

        for address in addresses:
            client = None if address is None else (address, 1)
            await limit({"type": "http", "path": "/", "client": client}, receive, send)

    asyncio.run(ask())
    assert len(statuses) == different


def test_whoever_has_not_asked_for_longest_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rates, "MOST_CALLERS", 2)
    buckets = TokenBuckets(clock=Clock())
    rate = Rate(requests=1, burst=5)
    assert [buckets.take(caller, rate) for caller in "abaca"] == [4, 4, 3, 4, 2]
    assert buckets.take("b", rate) == 4


@given(
    rate=st.floats(0.1, 100),
    burst=st.integers(1, 20),
    steps=st.lists(st.floats(0, 3), max_size=60),
)
def test_never_more_than_the_rate_and_the_burst(
    rate: float, burst: int, steps: list[float]
) -> None:
    clock = Clock()
    buckets = TokenBuckets(clock=clock)
    taken = 0
    for step in steps:
        clock.now += step
        taken += buckets.take("a", Rate(requests=rate, burst=burst)) >= 0
        passed = clock.now - Clock.now
        assert taken <= burst + rate * passed + 1e-6
        wait = buckets.take("a", Rate(requests=rate, burst=burst))
        if wait >= 0:
            taken += 1
        else:
            # What it says is enough, and no more than a token takes.
            assert wait >= -1 / rate - 1e-6


@pytest.mark.parametrize(
    "wrong", [{"requests": 0}, {"requests": -1}, {"burst": 0}, {"bursts": 3}, {"requests": "often"}]
)
def test_rates_that_can_not_be(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match=next(iter(wrong))):
        Rate(**wrong)
