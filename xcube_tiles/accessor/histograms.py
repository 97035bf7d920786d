"""Histograms, class breaks, and contrast that is made of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xcube_tiles.accessor.base import Accessor
from xcube_tiles.typing import XarrayT

if TYPE_CHECKING:
    from collections.abc import Sequence

    import xarray as xr

    from xcube_tiles.algebra.classes import BreakMethod
    from xcube_tiles.algebra.spread import Spread


class HistogramMethods(Accessor[XarrayT]):
    """Histograms, class breaks, and contrast that is made of them."""

    __slots__ = ()

    def histogram(
        self, bins: int | Sequence[float] = 256, *, range: tuple[float, float] | None = None
    ) -> xr.DataArray:
        """Count the cells in bins; see `xcube_tiles.algebra.histogram.histogram`."""
        from xcube_tiles.algebra.histogram import histogram

        return histogram(self._obj, bins, range=range)

    def class_breaks(self, n: int, method: BreakMethod = "quantile") -> xr.DataArray:
        """Return upper limits of classes; see `xcube_tiles.algebra.classes.class_breaks`."""
        from xcube_tiles.algebra.classes import class_breaks

        return class_breaks(self._obj, n, method)

    def equalize(self, *, range: Spread = "cells") -> XarrayT:
        """Spread the cells evenly; see `xcube_tiles.algebra.contrast.equalize`."""
        from xcube_tiles.algebra.contrast import equalize

        return equalize(self._obj, range=range)

    def match_histogram(self, like: xr.DataArray | xr.Dataset) -> XarrayT:
        """Take another's histogram; see `xcube_tiles.algebra.contrast.match_histogram`."""
        from xcube_tiles.algebra.contrast import match_histogram

        return match_histogram(self._obj, like)

    def sigmoidal_contrast(
        self, contrast: float, midpoint: float = 0.5, *, range: Spread = "cells"
    ) -> XarrayT:
        """Raise contrast by a curve; see `xcube_tiles.algebra.contrast.sigmoidal_contrast`."""
        from xcube_tiles.algebra.contrast import sigmoidal_contrast

        return sigmoidal_contrast(self._obj, contrast, midpoint, range=range)
