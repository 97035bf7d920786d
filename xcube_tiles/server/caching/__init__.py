"""Entity tags, and tiles that are kept: what is known needn't be drawn."""

from xcube_tiles.server.caching.answers import answer, has_tag, parameters, respond
from xcube_tiles.server.caching.memory import TileCache
from xcube_tiles.server.caching.redis_cache import RedisTileCache
from xcube_tiles.server.caching.tiers import TileCaches

__all__ = [
    "RedisTileCache",
    "TileCache",
    "TileCaches",
    "answer",
    "has_tag",
    "parameters",
    "respond",
]
