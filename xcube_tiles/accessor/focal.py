"""Focal map algebra: each cell from the cells around it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xcube_tiles.accessor.base import Accessor
from xcube_tiles.typing import XarrayT

if TYPE_CHECKING:
    from xcube_tiles.algebra.focal.layers import Target
    from xcube_tiles.grid.extent import Extent
    from xcube_tiles.kernels.focal.window import Edge
    from xcube_tiles.kernels.neighborhood import Neighborhood


class FocalMethods(Accessor[XarrayT]):
    """Focal map algebra: each cell from the cells around it."""

    __slots__ = ()

    def focal(
        self,
        statistic: str,
        neighborhood: Neighborhood,
        *,
        q: float | None = None,
        skipna: bool = True,
        min_count: int = 1,
        edge: Edge = "clip",
        constant: float | None = None,
        target: Target = "all",
        area: Extent | tuple[float, float, float, float] | None = None,
        ddof: int = 0,
    ) -> XarrayT:
        """Compute a statistic of the cells around each cell.

        See `xcube_tiles.algebra.focal.statistics.focal`.
        """
        from xcube_tiles.algebra.focal.statistics import focal

        return focal(
            self._obj, statistic, neighborhood, q=q, skipna=skipna, min_count=min_count, edge=edge,
            constant=constant, target=target, area=area, ddof=ddof,
        )  # fmt: skip
