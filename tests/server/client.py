"""A client that talks to an application in this process, without a port."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import httpx

if TYPE_CHECKING:
    from fastapi import FastAPI

BASE = "http://test"


class Client:
    """Requests to an application, one at a time.

    Starlette's own test client wants one certain HTTP library; this one takes what we have.
    """

    def __init__(self, app: FastAPI, *, raise_app_exceptions: bool = True) -> None:
        self.app = app
        self._raise = raise_app_exceptions

    def get(self, path: str, **options: Any) -> httpx.Response:
        """Return the answer to a GET request; `options` are those of `httpx.AsyncClient`."""
        return self.request("GET", path, **options)

    def post(self, path: str, **options: Any) -> httpx.Response:
        """Return the answer to a POST request."""
        return self.request("POST", path, **options)

    def head(self, path: str, **options: Any) -> httpx.Response:
        """Return the answer to a HEAD request."""
        return self.request("HEAD", path, **options)

    def request(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Return the answer to a request by any method."""

        async def ask() -> httpx.Response:
            transport = httpx.ASGITransport(app=self.app, raise_app_exceptions=self._raise)
            async with httpx.AsyncClient(transport=transport, base_url=BASE) as client:
                return await client.request(method, path, **options)

        return asyncio.run(ask())
