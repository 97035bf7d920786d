"""Global map algebra: each cell may depend on every other one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xcube_tiles.accessor.base import Accessor
from xcube_tiles.typing import XarrayT

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Literal

    import xarray as xr


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

    def cost_distance(
        self,
        sources: xr.DataArray | Sequence[tuple[float, float]],
        *,
        max_cost: float | None = None,
        connectivity: Literal[4, 8] = 8,
    ) -> XarrayT:
        """Return the cost of the cheapest way from a source.

        See `xcube_tiles.algebra.distance.cost.cost_distance`.
        """
        from xcube_tiles.algebra.distance.cost import cost_distance

        return cost_distance(self._obj, sources, max_cost=max_cost, connectivity=connectivity)

    def least_cost_path(
        self,
        start: tuple[float, float],
        end: tuple[float, float],
        *,
        connectivity: Literal[4, 8] = 8,
    ) -> XarrayT:
        """Return the cheapest way between two places.

        See `xcube_tiles.algebra.distance.cost.least_cost_path`.
        """
        from xcube_tiles.algebra.distance.cost import least_cost_path

        return least_cost_path(self._obj, start, end, connectivity=connectivity)
