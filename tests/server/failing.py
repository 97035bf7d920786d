"""A server that is asked by several threads all the time, while something fails."""

from __future__ import annotations

import hashlib
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

import httpx
import uvicorn

from xcube_tiles.server.run import listening

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import Self

    from fastapi import FastAPI

CLIENTS = 8
WAIT_SECONDS = 60.0
"""How long anything may take; machines of CI are slow."""

PROBLEM = "application/problem+json"


class Answer(NamedTuple):
    """What one request got."""

    path: str
    status: int
    kind: str
    etag: str | None
    digest: str
    begun: float
    text: str
    retry: str | None


@contextmanager
def serving(app: FastAPI) -> Iterator[str]:
    """Run an application at a free port; gives its address."""
    listener = listening("127.0.0.1", 0)
    config = uvicorn.Config(app, log_config=None, access_log=False, lifespan="off")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(WAIT_SECONDS)
        listener.close()
        assert not thread.is_alive()


class Load:
    """Clients that ask for the same paths again and again.

    Parameters
    ----------
    address
        Of the server.
    paths
        What they ask for, one after another; each begins elsewhere.
    """

    def __init__(self, address: str, paths: Sequence[str], clients: int = CLIENTS) -> None:
        self._address, self._paths = address, list(paths)
        self.answers: list[Answer] = []
        self.failures: list[BaseException] = []
        self._stop = threading.Event()
        self._rounds = [0] * clients
        self._threads = [threading.Thread(target=self._ask, args=(n,)) for n in range(clients)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        self.rounds()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(WAIT_SECONDS)
        assert not self.failures, self.failures

    def _ask(self, number: int) -> None:
        try:
            with httpx.Client(base_url=self._address, timeout=WAIT_SECONDS, trust_env=False) as web:
                while not self._stop.is_set():
                    for place in range(len(self._paths)):
                        path = self._paths[(place + number) % len(self._paths)]
                        begun = time.monotonic()
                        self.answers.append(_answer(path, begun, web.get(path)))
                        self._stop.wait(0.01)  # what fails needs the processor, too
                    self._rounds[number] += 1
        except BaseException as error:  # told by the test's own thread
            self.failures.append(error)

    def rounds(self, number: int = 1) -> list[Answer]:
        """Wait until each client has asked for all paths; return the answers to what began since.

        Those that had begun before are left out: they may tell of either state.
        """
        begun = time.monotonic()
        wanted = [done + number + 1 for done in self._rounds]
        self.until(lambda: all(a >= b for a, b in zip(self._rounds, wanted, strict=True)))
        return [answer for answer in list(self.answers) if answer.begun >= begun]

    def until(self, holds: Callable[[], bool]) -> None:
        """Wait for a condition, or for a client that fails."""
        until(lambda: bool(self.failures) or holds())
        assert not self.failures, self.failures


def until(holds: Callable[[], bool]) -> None:
    """Wait for a condition."""
    deadline = time.monotonic() + WAIT_SECONDS
    while not holds():
        assert time.monotonic() < deadline, "it took too long"
        time.sleep(0.005)


def _answer(path: str, begun: float, got: httpx.Response) -> Answer:
    said = got.headers
    kind = said.get("content-type", "")
    return Answer(
        path=path,
        status=got.status_code,
        kind=kind,
        etag=said.get("etag"),
        digest=hashlib.sha256(got.content).hexdigest(),
        begun=begun,
        text=got.text if "json" in kind else "",
        retry=said.get("retry-after"),
    )


def by_path(answers: Sequence[Answer]) -> dict[str, set[tuple[int, str]]]:
    """Return the different answers, status and digest, to each path."""
    found: dict[str, set[tuple[int, str]]] = {}
    for answer in answers:
        found.setdefault(answer.path, set()).add((answer.status, answer.digest))
    return found


def statuses(answers: Sequence[Answer]) -> dict[str, set[int]]:
    """Return the statuses that each path got."""
    found: dict[str, set[int]] = {}
    for answer in answers:
        found.setdefault(answer.path, set()).add(answer.status)
    return found
