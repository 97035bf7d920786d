"""Tiles kept in Redis, for all processes and machines that serve the same layers.

A cache must not do harm. A request waits for Redis once and shortly; when that fails, requests
leave Redis alone, and a thread looks every few seconds whether it is back. Tiles are stored by that
thread, too: no request waits for that.
"""

from __future__ import annotations

import logging
from collections import deque
from threading import Condition, Thread
from time import monotonic
from typing import TYPE_CHECKING

from xcube_tiles._version import __version__
from xcube_tiles.errors import MissingExtraError, SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable

    from redis import Redis

FORMAT = 1
"""Version of what an entry is; other versions have other keys."""

LARGEST = 2**20
"""Bytes of the largest picture that is stored: tiles have some ten thousand."""

MOST_WAITING = 16 * 2**20
"""Bytes that may wait to be stored; what comes while there are more isn't."""

_STORING = 1.0  # seconds that storing may take: nobody waits for it
_LOG = logging.getLogger("xcube_tiles.server.redis")


class RedisTileCache:
    """Pictures by their entity tags, in Redis.

    Nothing is asked for before the first use; until Redis has answered, there is nothing in it.

    Parameters
    ----------
    url
        Where it is: ``redis://host:6379/0``, ``rediss://`` with TLS, ``unix://``.
    ttl
        Seconds for which a picture is kept.
    prefix
        Begin of all keys. Servers that share pictures have the same.
    timeout
        Seconds that a request waits for Redis.
    retry
        Seconds for which Redis is left alone when it has failed.

    Raises
    ------
    MissingExtraError
        `redis` isn't installed.
    SettingsError
        An address that isn't one of Redis.

    Examples
    --------
    >>> cache = RedisTileCache("redis://127.0.0.1:1")
    >>> cache.put("tag", b"a picture")
    >>> cache.get("tag") is None
    True
    >>> cache.close()
    """

    def __init__(
        self,
        url: str,
        *,
        ttl: int = 86_400,
        prefix: str = "xcube_tiles",
        timeout: float = 0.1,
        retry: float = 5.0,
    ) -> None:
        self._failures, self._refusals = _errors()
        self._quick = _client(url, timeout)
        self._patient = _client(url, max(timeout, _STORING))
        # Another release may draw the same thing otherwise.
        self._prefix = f"{prefix}:{FORMAT}:{__version__}:"
        self._ttl = ttl
        self._timeout = timeout
        self._retry = retry
        self._count: Callable[[str], object] = lambda event: None
        self._changed = Condition()
        self._waiting: deque[tuple[str, bytes]] = deque()
        self._waiting_bytes = 0
        self._storing = False
        self._up = False
        self._trouble: str | None = None
        self._again = 0.0
        self._full_until = 0.0
        self._closed = False
        self._thread: Thread | None = None

    def counted_by(self, count: Callable[[str], object]) -> None:
        """Let events be counted: hit, miss, skipped, error, stored, dropped."""
        self._count = count

    def is_well(self) -> bool:
        """Return whether nothing is wrong, as far as is known without waiting."""
        self._start()
        return self._trouble is None

    def connected(self) -> bool:
        """Return whether Redis answers, as far as is known without waiting."""
        self._start()
        return self._up

    def get(self, tag: str) -> bytes | None:
        """Return a picture; None if it isn't kept or Redis can't be asked at the moment.

        A request waits for `timeout` at most for each step, and the next ones not at all.
        """
        self._start()
        if not self._up:
            self._count("skipped")
            return None
        begun = monotonic()
        try:
            body = self._quick.get(self._prefix + tag)
        except self._failures as error:
            self._lose(error)
            return None
        if monotonic() - begun > 2 * self._timeout:
            self._lose(TimeoutError("it answers too slowly"))
        self._count("hit" if body else "miss")
        return bytes(body) if isinstance(body, bytes) and body else None

    def put(self, tag: str, body: bytes) -> None:
        """Have a picture stored in a moment; none that is too large, or if too many wait."""
        if len(body) > LARGEST:
            return
        self._start()
        with self._changed:
            if not self._up or self._waiting_bytes + len(body) > MOST_WAITING:
                self._count("dropped")
                return
            self._waiting.append((tag, body))
            self._waiting_bytes += len(body)
            self._changed.notify_all()

    def settle(self, seconds: float) -> bool:
        """Wait until what was put is stored or given up; return whether it is."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._waiting and not self._storing, seconds)

    def close(self) -> None:
        """Stop storing and close the connections; the cache can't be used afterwards."""
        with self._changed:
            self._closed = True
            self._up = False
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join(2 * max(self._timeout, _STORING))
        self._quick.close()
        self._patient.close()

    def _start(self) -> None:
        # Not when it is made: a process that was forked since then has no thread.
        if self._thread is not None and self._thread.is_alive():
            return
        with self._changed:
            if self._closed or (self._thread is not None and self._thread.is_alive()):
                return
            self._thread = Thread(target=self._keep, name="xcube_tiles-redis", daemon=True)
            self._thread.start()

    def _keep(self) -> None:
        """Look whether Redis is there, and store what waits, for as long as this is used."""
        while not self._closed:
            if not self._up:
                with self._changed:
                    alone = max(0.0, self._again - monotonic())
                    self._changed.wait_for(lambda: self._closed, alone)
                self._find()
                continue
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or not self._up)
                if not self._up or not self._waiting:
                    continue
                tag, body = self._waiting.popleft()
                self._waiting_bytes -= len(body)
                self._storing = True
            try:
                self._store(tag, body)
            finally:
                with self._changed:
                    self._storing = False
                    self._changed.notify_all()

    def _find(self) -> None:
        try:
            self._patient.ping()
            self._quick.ping()  # in the time that a request waits
        except self._failures as error:
            self._lose(error)
            return
        with self._changed:
            if not self._closed:
                self._up = True
                self._recovered()

    def _store(self, tag: str, body: bytes) -> None:
        if monotonic() < self._full_until:
            self._count("dropped")
            return
        try:
            self._patient.set(self._prefix + tag, body, ex=self._ttl)
        except self._refusals as error:  # it is full or only to be read: what it has is of use
            self._full_until = monotonic() + self._retry
            self._tell(error)
        except self._failures as error:
            self._lose(error)
        else:
            self._count("stored")
            if self._full_until:
                self._full_until = 0.0
                self._recovered()

    def _lose(self, error: Exception) -> None:
        """Leave Redis alone until the thread has found it again."""
        with self._changed:
            self._up = False
            self._again = monotonic() + self._retry
            self._waiting.clear()
            self._waiting_bytes = 0
            self._changed.notify_all()
            self._tell(error)

    def _tell(self, error: Exception) -> None:
        with self._changed:
            first, self._trouble = self._trouble is None, str(error)
        self._count("error")
        if first and not self._closed:
            _LOG.warning("tiles aren't shared by Redis: %s: %s", type(error).__name__, error)

    def _recovered(self) -> None:
        with self._changed:
            again, self._trouble = self._trouble is not None, None
        if again:
            _LOG.warning("tiles are shared by Redis again")


def _errors() -> tuple[tuple[type[Exception], ...], type[Exception]]:
    """Return the errors of Redis, and those by which it refuses what reached it."""
    try:
        from redis.exceptions import RedisError, ResponseError
    except ModuleNotFoundError as error:
        raise MissingExtraError("redis", "redis") from error
    return (RedisError, OSError), ResponseError


def _client(url: str, timeout: float) -> Redis:
    """Return a client that gives up at once: what is a cache isn't worth a second try."""
    from redis import Redis
    from redis.backoff import NoBackoff
    from redis.retry import Retry

    try:
        return Redis.from_url(
            url,
            socket_timeout=timeout,
            socket_connect_timeout=timeout,
            retry=Retry(NoBackoff(), 0),
            protocol=2,
        )
    except ValueError:  # whose text may hold the password
        raise SettingsError(
            "tile_cache_redis is the address of a Redis, such as redis://host:6379/0; rediss:// "
            "is with TLS, unix:// a socket of this machine"
        ) from None
