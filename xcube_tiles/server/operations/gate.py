"""Protection: so many requests at once, so long, so large; and no error without an answer."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

import anyio
import anyio.to_thread
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from xcube_tiles.errors import XcubeTilesError
from xcube_tiles.server.errors import RETRY_SECONDS, problem, problem_of
from xcube_tiles.server.operations.memory import MemoryWatch, allowed

if TYPE_CHECKING:
    from starlette.responses import Response
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from xcube_tiles.server.operations.limits import Limits
    from xcube_tiles.server.operations.metrics import Metrics

OPEN = frozenset({"/healthz", "/readyz", "/metrics"})
"""Paths that are answered however busy the server is: else it would be taken for a dead one."""

OTHER_LANGUAGE = ("/compute/", "/terracotta/")
"""Begin of paths whose `expression` is in a language of its own, which the route bounds."""

# Most queries have no such parameter: only those that do are taken apart. Its letters may be
# percent-encoded, each by itself.
_COSTLY = re.compile(
    b"(?:^|&)%s=" % b"".join(b"(?:%c|%%%02x|%%%02x)" % (c, c, c - 32) for c in b"expression"),
    re.IGNORECASE,
)


class Gate:
    """ASGI middleware that keeps to the limits and answers what fails.

    A request that has waited too long is answered by 504 at once. What was begun for it in a
    thread can't be stopped: its place is free again when the thread has ended, so that there are
    never more threads or requests than `limits` say.

    Parameters
    ----------
    app
        What answers.
    limits
        What is allowed.
    metrics
        Where refusals are counted; None: nowhere.
    workers
        Processes that share the memory.
    """

    def __init__(
        self, app: ASGIApp, *, limits: Limits, metrics: Metrics | None, workers: int = 1
    ) -> None:
        self._app = app
        self._limits = limits
        self._metrics = metrics
        self._pending = 0
        self._memory = MemoryWatch(limits.memory or allowed(workers))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or refuse to."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if scope["path"] in OPEN:
            await self._answer(scope, receive, _Answer(send))
            return
        refusal = self._refusal(scope)
        if refusal is not None:
            await refusal(scope, receive, send)
            return
        self._pending += 1
        try:
            if self._limits.threads is not None:
                limiter = anyio.to_thread.current_default_thread_limiter()
                limiter.total_tokens = self._limits.threads
            await self._answer_in_time(scope, self._bounded(scope, receive), send)
        finally:
            self._pending -= 1

    def _refusal(self, scope: Scope) -> Response | None:
        if self._pending >= self._limits.requests:
            return self._overloaded("queue", "too many requests wait")
        # With nothing else in flight, waiting would make no memory free.
        if self._pending and self._memory.is_over():
            return self._overloaded("memory", "the server's memory is full")
        length = Headers(scope=scope).get("content-length", "") if _has_body(scope) else ""
        if length.isdecimal() and int(length) > self._limits.body:
            return self._too_large()
        query = scope["query_string"]
        own = scope["path"].removeprefix(scope.get("root_path", "")).startswith(OTHER_LANGUAGE)
        return self._too_costly(query) if not own and _COSTLY.search(query) else None

    def _overloaded(self, reason: str, why: str) -> Response:
        self._count(reason)
        headers = {"Retry-After": str(RETRY_SECONDS)}
        return problem(503, f"{why}; try again in {RETRY_SECONDS} seconds", headers=headers)

    def _too_large(self) -> Response:
        self._count("body")
        return problem(413, self._body_text())

    def _body_text(self) -> str:
        return f"a request's body may have {self._limits.body} bytes"

    def _too_costly(self, query: bytes) -> Response | None:
        """Refuse costly band mathematics, whichever route it is for."""
        for name, value in parse_qsl(query.decode("latin-1")):
            try:
                if name.lower() == "expression":
                    self._limits.check_expression(value)
            except XcubeTilesError as error:
                self._count("expression")
                return problem_of(error)
        return None

    def _count(self, reason: str) -> None:
        if self._metrics is not None:
            self._metrics.refused.labels(reason).inc()

    def _bounded(self, scope: Scope, receive: Receive) -> Receive:
        """Return a `receive` that refuses more of a body than is allowed."""
        if not _has_body(scope):
            return receive
        got = 0

        async def receive_some() -> Message:
            nonlocal got
            message = await receive()
            got += len(message.get("body", b""))
            if got > self._limits.body:
                self._count("body")
                raise HTTPException(413, self._body_text())
            return message

        return receive_some

    async def _answer_in_time(self, scope: Scope, receive: Receive, send: Send) -> None:
        answer = _Answer(send)
        with anyio.CancelScope() as waiting:

            def give_up() -> None:
                if not answer.started:
                    self._count("timeout")
                    late = f"no answer within {self._limits.timeout:g} seconds; ask for less"
                    answer.replace(problem(504, late), scope, receive)
                    waiting.cancel()  # what hasn't begun never will

            timer = asyncio.get_running_loop().call_later(self._limits.timeout, give_up)
            try:
                await self._answer(scope, receive, answer)
            finally:
                timer.cancel()
        await answer.replaced()

    async def _answer(self, scope: Scope, receive: Receive, answer: _Answer) -> None:
        try:
            await self._app(scope, receive, answer.send)
        except Exception as error:  # the edge: whatever it is, the client gets an answer
            # Who went away before the end of a body is no fault of the server: it is told nothing
            # that it could read, and no error is logged.
            gone = isinstance(error, ClientDisconnect)
            failure = problem(400, "the body ended too early") if gone else problem_of(error)
            if answer.replaced_already:
                return
            if answer.started:
                raise
            await failure(scope, receive, answer.send)


class _Answer:
    """A `send` whose answer can be replaced until it has begun."""

    __slots__ = ("_other", "_send", "started")

    def __init__(self, send: Send) -> None:
        self._send = send
        self._other: asyncio.Task[None] | None = None
        self.started = False

    @property
    def replaced_already(self) -> bool:
        return self._other is not None

    async def send(self, message: Message) -> None:
        """Pass a part of the answer on, unless another one was given."""
        if self._other is None:
            self.started = True
            await self._send(message)

    def replace(self, response: Response, scope: Scope, receive: Receive) -> None:
        """Give another answer, while the first one is still worked at."""
        self._other = asyncio.ensure_future(response(scope, receive, self._send))

    async def replaced(self) -> None:
        """Wait until the other answer is sent, if there is one."""
        if self._other is not None:
            await self._other


def _has_body(scope: Scope) -> bool:
    return scope["method"] not in ("GET", "HEAD", "OPTIONS")
