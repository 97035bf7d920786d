"""Focal map algebra: each cell from the cells around it."""

from __future__ import annotations

from xcube_tiles.accessor.base import Accessor
from xcube_tiles.typing import XarrayT


class FocalMethods(Accessor[XarrayT]):
    """Focal map algebra: each cell from the cells around it."""

    __slots__ = ()
