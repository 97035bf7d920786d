"""Local map algebra: each cell from the cells at its place."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xcube_tiles.accessor.base import Accessor
from xcube_tiles.typing import XarrayT

if TYPE_CHECKING:
    from collections.abc import Sequence

    import xarray as xr

    from xcube_tiles.algebra.area import Area
    from xcube_tiles.algebra.local.operands import Operand
    from xcube_tiles.typing import XarrayObject


class LocalMethods(Accessor[XarrayT]):
    """Local map algebra: each cell from the cells at its place."""

    __slots__ = ()

    def expression(self, text: str, *, name: str = "expression") -> xr.DataArray:
        """Compute band mathematics; see `xcube_tiles.algebra.expression.expression`."""
        from xcube_tiles.algebra.expression import expression

        return expression(self._obj, text, name=name)

    def local(self, operation: str, *operands: Operand) -> XarrayT:
        """Compute each cell by itself; see `xcube_tiles.algebra.local.operations.local`."""
        from xcube_tiles.algebra.local.operations import local

        return local(self._obj, operation, *operands)

    def where(self, condition: XarrayObject, other: Operand | None = None) -> XarrayT:
        """Keep cells where a condition holds; see `xcube_tiles.algebra.local.choice.where`."""
        from xcube_tiles.algebra.local.choice import where

        return where(self._obj, condition, other)

    def defined(self) -> XarrayT:
        """Return where cells have a value; see `xcube_tiles.algebra.local.choice.defined`."""
        from xcube_tiles.algebra.local.choice import defined

        return defined(self._obj)

    def undefined(self) -> XarrayT:
        """Return where cells have no value; see `xcube_tiles.algebra.local.choice.undefined`."""
        from xcube_tiles.algebra.local.choice import undefined

        return undefined(self._obj)

    def mask(
        self,
        where: xr.DataArray | Area,
        *,
        values: Sequence[float] | None = None,
        inverse: bool = False,
        crs: object = None,
    ) -> XarrayT:
        """Make cells NoData by a mask or outside an area; see `xcube_tiles.algebra.mask.mask`."""
        from xcube_tiles.algebra.mask import mask

        return mask(self._obj, where, values=values, inverse=inverse, crs=crs)
