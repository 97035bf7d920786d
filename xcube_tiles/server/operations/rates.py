"""How often each key, or each client's address, may ask: token buckets, in each process."""

from __future__ import annotations

from collections import OrderedDict
from ipaddress import ip_address, ip_network
from math import ceil, floor
from time import monotonic
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field
from starlette.datastructures import MutableHeaders

from xcube_tiles.server.errors import problem
from xcube_tiles.server.operations.gate import OPEN

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from xcube_tiles.server.operations.metrics import Metrics

MOST_CALLERS = 10_000
"""Callers whose requests are counted; whoever hasn't asked for longest is forgotten."""

CALLER = "xcube_tiles.caller"
"""Under this name, the scope of a request holds the name of a key and its own rate."""


class Rate(BaseModel):
    """How often somebody may ask, in one process.

    Examples
    --------
    >>> Rate(requests=10).burst
    100
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    requests: float = Field(default=10.0, gt=0, le=1e6)
    """Requests per second, in the long run."""

    burst: int = Field(default=100, ge=1, le=10**9)
    """Requests at once: a page of a map asks for some tens of tiles."""


class TokenBuckets:
    """Requests that callers may still make.

    A bucket is full at first; each request takes a token of it, and it fills at a steady rate.

    Parameters
    ----------
    clock
        Seconds since some instant.

    Examples
    --------
    >>> buckets = TokenBuckets(clock=lambda: 0.0)
    >>> [buckets.take("a", Rate(requests=2, burst=2)) for _ in range(3)]
    [1.0, 0.0, -0.5]
    """

    def __init__(self, *, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, caller: str, rate: Rate) -> float:
        """Take a token.

        Returns
        -------
        float
            Tokens that are left; below zero, there was none: the seconds until there is, negated.
        """
        now = self._clock()
        left, since = self._left.pop(caller, (float(rate.burst), now))
        left = min(float(rate.burst), left + (now - since) * rate.requests)
        taken = left >= 1
        self._left[caller] = (left - 1 if taken else left), now
        while len(self._left) > MOST_CALLERS:
            self._left.popitem(last=False)
        return left - 1 if taken else (left - 1) / rate.requests


class RateLimit:
    """ASGI middleware that sends away (429) who asks too often.

    Parameters
    ----------
    app
        What answers.
    rate
        How often each key may ask that has no rate of its own, and each address without a key;
        None: as often as they like.
    metrics
        Where refusals are counted; None: nowhere.
    clock
        Seconds since some instant.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        rate: Rate | None,
        metrics: Metrics | None = None,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._app = app
        self._rate = rate
        self._metrics = metrics
        self._buckets = TokenBuckets(clock=clock)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or refuse to."""
        name, own = scope.get(CALLER, (None, None))
        rate = own or self._rate
        if scope["type"] != "http" or scope["path"] in OPEN or rate is None:
            await self._app(scope, receive, send)
            return
        caller = f"key {name}" if name is not None else f"address {_address(scope)}"
        left = self._buckets.take(caller, rate)
        told = headers_of(rate, left, kind="key" if name is not None else "address")
        if left >= 0:
            await self._app(scope, receive, _telling(send, told))
            return
        if self._metrics is not None:
            self._metrics.refused.labels("rate").inc()
        seconds = max(1, ceil(-left))
        detail = (
            f"too many requests: {rate.requests:g} a second are allowed, {rate.burst} at once; "
            f"try again in {seconds} s"
        )
        refusal = problem(429, detail, headers={"Retry-After": str(seconds), **told})
        await refusal(scope, receive, send)


def headers_of(rate: Rate, left: float, *, kind: str) -> dict[str, str]:
    """Return the headers that tell a caller how often it may ask (draft-ietf-httpapi-ratelimit).

    Examples
    --------
    >>> headers_of(Rate(requests=2, burst=10), 4, kind="key")
    {'RateLimit-Policy': '"key";q=10;w=5', 'RateLimit': '"key";r=4;t=3'}
    """
    remaining = max(0, floor(left))
    missing = rate.burst - left if left >= 0 else rate.burst - 1 - left * rate.requests
    return {
        "RateLimit-Policy": f'"{kind}";q={rate.burst};w={ceil(rate.burst / rate.requests)}',
        "RateLimit": f'"{kind}";r={remaining};t={ceil(missing / rate.requests)}',
    }


def _telling(send: Send, headers: dict[str, str]) -> Send:
    async def told(message: Message) -> None:
        if message["type"] == "http.response.start":
            MutableHeaders(scope=message).update(headers)
        await send(message)

    return told


def _address(scope: Scope) -> str:
    """Return the address of a client; of IPv6, the network of 64 bits that one client has."""
    host = scope["client"][0] if scope.get("client") else "unknown"
    if ":" not in host:
        return str(host)
    try:
        found = ip_address(host.partition("%")[0])
    except ValueError:
        return str(host)
    mapped = getattr(found, "ipv4_mapped", None)
    return str(mapped or ip_network((found, 64), strict=False))
