"""Zonal map algebra: one value per zone."""

from __future__ import annotations

from xcube_tiles.accessor.base import Accessor
from xcube_tiles.typing import XarrayT


class ZonalMethods(Accessor[XarrayT]):
    """Zonal map algebra: one value per zone."""

    __slots__ = ()
