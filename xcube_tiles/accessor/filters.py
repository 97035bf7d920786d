"""Filters: what is focal but not a statistic."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from xcube_tiles.accessor.base import Accessor
from xcube_tiles.typing import XarrayT

if TYPE_CHECKING:
    from xcube_tiles.algebra.focal.filling import Filling
    from xcube_tiles.algebra.focal.layers import Target
    from xcube_tiles.algebra.focal.morphology import Morphology
    from xcube_tiles.kernels.focal.window import Edge
    from xcube_tiles.kernels.neighborhood import Kernel, Neighborhood


class FilterMethods(Accessor[XarrayT]):
    """Filters: what is focal but not a statistic."""

    __slots__ = ()

    def convolve(
        self,
        kernel: Kernel,
        *,
        normalize: bool = False,
        flip: bool = True,
        edge: Edge = "clip",
        constant: float | None = None,
        target: Target = "all",
        skipna: bool = True,
    ) -> XarrayT:
        """Convolve with a kernel; see `xcube_tiles.algebra.focal.convolution.convolve`."""
        from xcube_tiles.algebra.focal.convolution import convolve

        return convolve(
            self._obj,
            kernel,
            normalize=normalize,
            flip=flip,
            edge=edge,
            constant=constant,
            target=target,
            skipna=skipna,
        )

    def morphology(
        self,
        operation: Morphology,
        neighborhood: Neighborhood | None = None,
        *,
        edge: Literal["clip", "nearest", "reflect", "wrap"] = "clip",
    ) -> XarrayT:
        """Shrink, grow, open or close shapes.

        See `xcube_tiles.algebra.focal.morphology.morphology`.
        """
        from xcube_tiles.algebra.focal.morphology import morphology

        return morphology(self._obj, operation, neighborhood, edge=edge)

    def fill_gaps(
        self,
        *,
        method: Filling = "mean",
        neighborhood: Neighborhood | None = None,
        passes: int = 1,
        power: float = 2.0,
    ) -> XarrayT:
        """Fill NoData cells from those around; see `xcube_tiles.algebra.focal.filling.fill_gaps`.

        Cells that have a value stay as they are.
        """
        from xcube_tiles.algebra.focal.filling import fill_gaps

        return fill_gaps(
            self._obj, method=method, neighborhood=neighborhood, passes=passes, power=power
        )

    def morans_i(self, neighborhood: Neighborhood, *, local: bool = False) -> XarrayT:
        """Tell how alike cells and their neighbours are: Moran's I.

        See `xcube_tiles.algebra.focal.autocorrelation.morans_i`.
        """
        from xcube_tiles.algebra.focal.autocorrelation import morans_i

        return morans_i(self._obj, neighborhood, local=local)

    def getis_ord(self, neighborhood: Neighborhood) -> XarrayT:
        """Find hot and cold spots; see `xcube_tiles.algebra.focal.autocorrelation.getis_ord`."""
        from xcube_tiles.algebra.focal.autocorrelation import getis_ord

        return getis_ord(self._obj, neighborhood)

    def game_of_life(
        self, *, generations: int = 1, edge: Literal["clip", "wrap"] = "clip"
    ) -> XarrayT:
        """Let cells live by Conway's rule; see `xcube_tiles.algebra.focal.life.game_of_life`."""
        from xcube_tiles.algebra.focal.life import game_of_life

        return game_of_life(self._obj, generations=generations, edge=edge)
