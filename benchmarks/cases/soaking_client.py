"""A client of many connections that costs little, and looks at the server's process meanwhile."""

from __future__ import annotations

import asyncio
import gzip
import os
import time
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from benchmarks.cases.driving import HOST

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from benchmarks.cases.soaking_mix import Ask

CONNECTIONS = 64
PATIENCE = 120.0
"""Seconds after which an answer is taken for lost."""

LOST = 0
"""Status of what got no answer."""

_BODILESS = (204, 304)
_PERIOD = 0.1


class Answered(NamedTuple):
    """What came of a request."""

    status: int
    digest: str
    """Of the body; of an answer to HEAD, which has none, the length that it tells."""

    media_type: str
    seconds: float


class Sample(NamedTuple):
    """The server's process at a moment."""

    answered: int
    """Requests that had been answered."""

    resident: int
    """Bytes in memory, those of its children included."""

    files: int
    """Open files and connections, without rasters: each thread keeps those of its last reads."""

    threads: int


@dataclass(slots=True)
class Soaked:
    """What a client saw."""

    answers: list[Answered | None]
    """In the order of the requests."""

    samples: list[Sample] = field(default_factory=list)
    seconds: float = 0.0


def digest(body: bytes) -> str:
    """Return a text that two bodies share only if they are equal."""
    return blake2b(body, digest_size=12).hexdigest()


def look(pid: int, answered: int = 0) -> Sample:
    """Return memory, open files and threads of a process and of its children."""
    page = os.sysconf("SC_PAGE_SIZE")
    resident = files = threads = 0
    for one in _family(pid):
        folder = Path("/proc") / str(one)
        with suppress(FileNotFoundError, ProcessLookupError):
            resident += int((folder / "statm").read_text().split()[1]) * page
            files += sum(map(_is_no_raster, (folder / "fd").iterdir()))
            threads += len(os.listdir(folder / "task"))
    return Sample(answered, resident, files, threads)


def _family(pid: int) -> Iterator[int]:
    yield pid
    with suppress(FileNotFoundError, ProcessLookupError):
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text()
        for child in children.split():
            yield from _family(int(child))


def _is_no_raster(file: Path) -> bool:
    try:
        return not os.readlink(file).endswith(".tif")
    except OSError:
        return False  # closed meanwhile


def soak(port: int, pid: int, asks: Sequence[Ask], *, connections: int = CONNECTIONS) -> Soaked:
    """Send all requests, in their order, by so many connections that are kept open."""
    return asyncio.run(_soak(port, pid, asks, connections))


async def _soak(port: int, pid: int, asks: Sequence[Ask], connections: int) -> Soaked:
    soaked = Soaked(answers=[None] * len(asks))
    numbers, tags = iter(range(len(asks))), dict[str, str]()
    done = 0

    async def work() -> None:
        nonlocal done
        connection = Connection(port)
        for number in numbers:
            soaked.answers[number] = await connection.answer(asks[number], tags)
            done += 1
        await connection.close()

    async def watch() -> None:
        while True:
            soaked.samples.append(look(pid, done))
            await asyncio.sleep(_PERIOD)

    begin = time.perf_counter()
    watching = asyncio.create_task(watch())
    await asyncio.gather(*(work() for _ in range(connections)))
    soaked.seconds = time.perf_counter() - begin
    watching.cancel()
    soaked.samples.append(look(pid, done))
    return soaked


class Connection:
    """A connection that the first request opens, and the next one where the server has ended it."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def answer(self, ask: Ask, tags: dict[str, str]) -> Answered:
        """Send a request and return what came; `tags` are those of answers to conditional ones."""
        begin = time.perf_counter()
        try:
            async with asyncio.timeout(PATIENCE):
                if ask.raw is not None:
                    status = await self._broken(ask.raw)
                    return Answered(status, "", "", time.perf_counter() - begin)
                found = await self._ask(ask, tags)
        except (OSError, EOFError, TimeoutError, ValueError):
            await self.close()
            return Answered(LOST, "", "", time.perf_counter() - begin)
        return found._replace(seconds=time.perf_counter() - begin)

    async def _ask(self, ask: Ask, tags: dict[str, str]) -> Answered:
        reader, writer = await self._opened()
        tag = tags.get(ask.target) if ask.conditional else None
        writer.write(ask.text() if tag is None else ask.text(f"If-None-Match: {tag}"))
        head = await reader.readuntil(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").lower().split("\r\n")
        status = int(first.split(" ", 2)[1])
        headers = {name: value.strip() for name, _, value in (s.partition(":") for s in lines)}
        length = headers.get("content-length", "0")
        media_type = headers.get("content-type", "")
        if ask.conditional and "etag" in headers:
            tags[ask.target] = headers["etag"]
        body = b""
        if ask.method != "HEAD" and status not in _BODILESS:
            body = await _body(reader, headers)
        if headers.get("connection") == "close":
            await self.close()
        shown = f"length {length}" if ask.method == "HEAD" else digest(body)
        return Answered(status, shown, media_type, 0.0)

    async def _broken(self, raw: bytes) -> int:
        """Send bytes by a connection of their own; return 400 if it just ends, else the status."""
        reader, writer = await asyncio.open_connection(HOST, self._port)
        try:
            writer.write(raw)
            with suppress(OSError):
                await writer.drain()
                writer.write_eof()
            with suppress(ConnectionError):
                head = await reader.read(4096)
                return int(head.split(b" ", 2)[1]) if head.startswith(b"HTTP/1.") else 400
            return 400
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()

    async def _opened(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self._reader is None or self._writer is None or self._reader.at_eof():
            await self.close()
            self._reader, self._writer = await asyncio.open_connection(HOST, self._port)
        return self._reader, self._writer

    async def close(self) -> None:
        """Close it; the next request opens it again."""
        if self._writer is not None:
            self._writer.close()
            with suppress(OSError):
                await self._writer.wait_closed()
        self._reader = self._writer = None


async def _body(reader: asyncio.StreamReader, headers: dict[str, str]) -> bytes:
    if headers.get("transfer-encoding") == "chunked":
        parts = []
        while size := int(await reader.readline(), 16):
            parts.append(await reader.readexactly(size))
            await reader.readline()
        await reader.readline()
        body = b"".join(parts)
    else:
        body = await reader.readexactly(int(headers.get("content-length", "0")))
    return gzip.decompress(body) if headers.get("content-encoding") == "gzip" else body
