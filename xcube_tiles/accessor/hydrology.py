"""Where water flows on a terrain."""

from __future__ import annotations

from typing import TYPE_CHECKING

import xarray as xr

from xcube_tiles.accessor.base import Accessor

if TYPE_CHECKING:
    from collections.abc import Sequence

    from xcube_tiles.algebra.hydrology.streams import StreamOrder


class HydrologyMethods(Accessor[xr.DataArray]):
    """Where water flows on a terrain."""

    __slots__ = ()

    def fill_depressions(self, *, gradient: bool = False) -> xr.DataArray:
        """Raise depressions until their water runs over.

        See `xcube_tiles.algebra.hydrology.depressions.fill_depressions`.
        """
        from xcube_tiles.algebra.hydrology.depressions import fill_depressions

        return fill_depressions(self._obj, gradient=gradient)

    def flow_direction(self) -> xr.DataArray:
        """Return to which neighbour each cell drains.

        See `xcube_tiles.algebra.hydrology.direction.flow_direction`.
        """
        from xcube_tiles.algebra.hydrology.direction import flow_direction

        return flow_direction(self._obj)

    def flow_accumulation(self, *, weights: xr.DataArray | None = None) -> xr.DataArray:
        """Return how many cells drain through each cell of flow directions.

        See `xcube_tiles.algebra.hydrology.accumulation.flow_accumulation`.
        """
        from xcube_tiles.algebra.hydrology.accumulation import flow_accumulation

        return flow_accumulation(self._obj, weights=weights)

    def watershed(
        self, pour_points: xr.DataArray | Sequence[tuple[float, float]] | None = None
    ) -> xr.DataArray:
        """Return the basins of flow directions.

        See `xcube_tiles.algebra.hydrology.basins.watershed`.
        """
        from xcube_tiles.algebra.hydrology.basins import watershed

        return watershed(self._obj, pour_points)

    def stream_order(
        self,
        *,
        threshold: float,
        method: StreamOrder = "strahler",
        accumulation: xr.DataArray | None = None,
    ) -> xr.DataArray:
        """Return the order of the streams of flow directions.

        See `xcube_tiles.algebra.hydrology.streams.stream_order`.
        """
        from xcube_tiles.algebra.hydrology.streams import stream_order

        return stream_order(
            self._obj, threshold=threshold, method=method, accumulation=accumulation
        )
