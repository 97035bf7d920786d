"""Zonal map algebra: one value per zone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xcube_tiles.accessor.base import Accessor
from xcube_tiles.typing import XarrayT

if TYPE_CHECKING:
    from collections.abc import Sequence

    import xarray as xr


class ZonalMethods(Accessor[XarrayT]):
    """Zonal map algebra: one value per zone."""

    __slots__ = ()

    def zonal(
        self,
        zones: xr.DataArray,
        statistics: str | Sequence[str] = ("mean",),
        *,
        labels: Sequence[int] | None = None,
        ddof: int = 0,
    ) -> xr.Dataset:
        """Return statistics of zones; see `xcube_tiles.algebra.zonal.statistics.zonal`."""
        from xcube_tiles.algebra.zonal.statistics import zonal

        return zonal(self._obj, zones, statistics, labels=labels, ddof=ddof)

    def crosstab(
        self,
        zones: xr.DataArray,
        *,
        labels: Sequence[int] | None = None,
        classes: Sequence[int] | None = None,
    ) -> xr.DataArray:
        """Count classes by zones; see `xcube_tiles.algebra.zonal.tabulation.crosstab`."""
        from xcube_tiles.algebra.zonal.tabulation import crosstab

        return crosstab(self._obj, zones, labels=labels, classes=classes)

    def zonal_percentage(
        self,
        zones: xr.DataArray,
        *,
        labels: Sequence[int] | None = None,
        classes: Sequence[int] | None = None,
    ) -> xr.DataArray:
        """Return shares of zones; see `xcube_tiles.algebra.zonal.tabulation.zonal_percentage`."""
        from xcube_tiles.algebra.zonal.tabulation import zonal_percentage

        return zonal_percentage(self._obj, zones, labels=labels, classes=classes)

    def zonal_histogram(
        self,
        zones: xr.DataArray,
        bins: int | Sequence[float] = 10,
        *,
        range: tuple[float, float] | None = None,
        labels: Sequence[int] | None = None,
    ) -> xr.DataArray:
        """Count cells in bins; see `xcube_tiles.algebra.zonal.tabulation.zonal_histogram`."""
        from xcube_tiles.algebra.zonal.tabulation import zonal_histogram

        return zonal_histogram(self._obj, zones, bins, range=range, labels=labels)

    def to_raster(self, zones: xr.DataArray) -> XarrayT:
        """Paint a table's values on its zones; see `xcube_tiles.algebra.zonal.raster.to_raster`."""
        from xcube_tiles.algebra.zonal.raster import to_raster

        return to_raster(self._obj, zones)
