"""Local map algebra: each cell from the cells at its place."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xcube_tiles.accessor.base import Accessor
from xcube_tiles.typing import XarrayT

if TYPE_CHECKING:
    from collections.abc import Sequence

    import xarray as xr


class LocalMethods(Accessor[XarrayT]):
    """Local map algebra: each cell from the cells at its place."""

    __slots__ = ()

    def expression(self, text: str, *, name: str = "expression") -> xr.DataArray:
        """Compute band mathematics; see `xcube_tiles.algebra.expression.expression`."""
        from xcube_tiles.algebra.expression import expression

        return expression(self._obj, text, name=name)

    def mask(
        self,
        where: xr.DataArray,
        *,
        values: Sequence[float] | None = None,
        inverse: bool = False,
    ) -> XarrayT:
        """Make cells NoData where a mask says so; see `xcube_tiles.algebra.mask.mask`."""
        from xcube_tiles.algebra.mask import mask

        return mask(self._obj, where, values=values, inverse=inverse)
