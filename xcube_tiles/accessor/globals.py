"""Global map algebra: each cell may depend on every other one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xcube_tiles.accessor.base import Accessor
from xcube_tiles.typing import XarrayT

if TYPE_CHECKING:
    from typing import Literal


class GlobalMethods(Accessor[XarrayT]):
    """Global map algebra: each cell may depend on every other one."""

    __slots__ = ()

    def regions(self, *, connectivity: Literal[4, 8] = 4) -> XarrayT:
        """Group connected cells of equal value; see `xcube_tiles.algebra.regions.regions`."""
        from xcube_tiles.algebra.regions import regions

        return regions(self._obj, connectivity=connectivity)
