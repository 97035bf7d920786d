"""Global map algebra: each cell may depend on every other one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xcube_tiles.accessor.base import Accessor
from xcube_tiles.typing import XarrayT

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Literal


class GlobalMethods(Accessor[XarrayT]):
    """Global map algebra: each cell may depend on every other one."""

    __slots__ = ()

    def regions(self, *, connectivity: Literal[4, 8] = 4) -> XarrayT:
        """Group connected cells of equal value; see `xcube_tiles.algebra.regions.regions`."""
        from xcube_tiles.algebra.regions import regions

        return regions(self._obj, connectivity=connectivity)

    def proximity(
        self, targets: Sequence[float] | None = None, *, max_distance: float | None = None
    ) -> XarrayT:
        """Return the straight distance to the nearest target.

        See `xcube_tiles.algebra.distance.euclidean.proximity`.
        """
        from xcube_tiles.algebra.distance.euclidean import proximity

        return proximity(self._obj, targets, max_distance=max_distance)

    def allocation(
        self, targets: Sequence[float] | None = None, *, max_distance: float | None = None
    ) -> XarrayT:
        """Return the value of the nearest target.

        See `xcube_tiles.algebra.distance.euclidean.allocation`.
        """
        from xcube_tiles.algebra.distance.euclidean import allocation

        return allocation(self._obj, targets, max_distance=max_distance)

    def direction(
        self, targets: Sequence[float] | None = None, *, max_distance: float | None = None
    ) -> XarrayT:
        """Return the direction towards the nearest target.

        See `xcube_tiles.algebra.distance.euclidean.direction`.
        """
        from xcube_tiles.algebra.distance.euclidean import direction

        return direction(self._obj, targets, max_distance=max_distance)
