"""Global map algebra: each cell may depend on every other one."""

from __future__ import annotations

from xcube_tiles.accessor.base import Accessor
from xcube_tiles.typing import XarrayT


class GlobalMethods(Accessor[XarrayT]):
    """Global map algebra: each cell may depend on every other one."""

    __slots__ = ()
