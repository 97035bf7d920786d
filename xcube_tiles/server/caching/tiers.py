"""The caches of a server, the quicker one first: memory, then Redis."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xcube_tiles.server.caching.memory import TileCache

if TYPE_CHECKING:
    from collections.abc import Callable

    from xcube_tiles.server.caching.redis_cache import RedisTileCache
    from xcube_tiles.server.operations.metrics import Metrics


class TileCaches:
    """Pictures by their entity tags, in memory, in Redis, in both or nowhere.

    Parameters
    ----------
    memory
        Bytes that are kept in memory; 0: none.
    shared
        What other processes and machines use, too; None: nothing.
    metrics
        Where hits and misses are counted; None: nowhere.

    Examples
    --------
    >>> caches = TileCaches(memory=100)
    >>> caches.found_or_made("tag", lambda: b"a picture")
    (b'a picture', '')
    >>> caches.in_memory("tag")
    b'a picture'
    """

    def __init__(
        self,
        *,
        memory: int = 0,
        shared: RedisTileCache | None = None,
        metrics: Metrics | None = None,
    ) -> None:
        # Made even for nothing: a number of bytes that can't be is refused.
        cache = TileCache(memory)
        self._memory = cache if memory else None
        self._shared = shared
        self._metrics = metrics
        if shared is not None:
            shared.counted_by(lambda event: self._count("redis", event))

    @property
    def is_shared(self) -> bool:
        """Whether pictures come from Redis, too, which has to be waited for."""
        return self._shared is not None

    def in_memory(self, tag: str) -> bytes | None:
        """Return a picture that is at hand, without waiting; None if there is none."""
        if self._memory is None:
            return None
        body = self._memory.get(tag)
        self._count("memory", "miss" if body is None else "hit")
        return body

    def found_or_made(self, tag: str, make: Callable[[], bytes]) -> tuple[bytes, str]:
        """Return a picture from Redis, or make it; for threads, as Redis may have to be waited for.

        Parameters
        ----------
        tag
            Entity tag of a picture that isn't in memory.
        make
            Makes the picture.

        Returns
        -------
        tuple
            The picture, and what the header `X-Cache` says: empty if it was made.
        """
        body = None if self._shared is None else self._shared.get(tag)
        hit = "" if body is None else "hit redis"
        if body is None:
            body = make()
            if self._shared is not None:
                self._shared.put(tag, body)
        if self._memory is not None:
            self._memory.put(tag, body)
        return body, hit

    def degraded(self) -> list[str]:
        """Return the caches that should be there and can't be used."""
        return [] if self._shared is None or self._shared.is_well() else ["tile_cache_redis"]

    def close(self) -> None:
        """Close the connections to Redis; nothing is asked for there afterwards."""
        if self._shared is not None:
            self._shared.close()

    def _count(self, tier: str, event: str) -> None:
        if self._metrics is not None:
            self._metrics.tile_cache.labels(tier, event).inc()
