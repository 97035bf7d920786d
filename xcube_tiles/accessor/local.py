"""Local map algebra: each cell from the cells at its place."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xcube_tiles.accessor.base import Accessor
from xcube_tiles.typing import XarrayT

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import xarray as xr

    from xcube_tiles.algebra.local.operands import Operand
    from xcube_tiles.algebra.local.reclassify import Boundary, Fallback
    from xcube_tiles.algebra.local.scaling import Normalization
    from xcube_tiles.cube.area import Area
    from xcube_tiles.grid.celltype import CellType
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

    def cell_statistics(
        self, others: XarrayObject | Sequence[XarrayObject], statistic: str
    ) -> XarrayT:
        """Compute a statistic of the cells that several cubes have at one place.

        See `xcube_tiles.algebra.local.statistics.cell_statistics`.
        """
        from xcube_tiles.algebra.local.statistics import cell_statistics

        return cell_statistics(self._obj, others, statistic)

    def rank(self, over: str | XarrayObject | Sequence[XarrayObject], n: int) -> XarrayT:
        """Return the n-th lowest values; see `xcube_tiles.algebra.local.statistics.rank`."""
        from xcube_tiles.algebra.local.statistics import rank

        return rank(self._obj, over, n)

    def combine(self, others: XarrayObject | Sequence[XarrayObject] = ()) -> xr.DataArray:
        """Give combinations numbers; see `xcube_tiles.algebra.local.combine.combine`."""
        from xcube_tiles.algebra.local.combine import combine

        return combine(self._obj, others)

    def combinations(self, others: XarrayObject | Sequence[XarrayObject] = ()) -> xr.Dataset:
        """Return what the numbers that `combine` gives stand for. This computes.

        See `xcube_tiles.algebra.local.combine.combinations`.
        """
        from xcube_tiles.algebra.local.combine import combinations

        return combinations(self._obj, others)

    def reclassify(
        self,
        table: Mapping[float, float | None],
        *,
        boundary: Boundary = "less-equal",
        fallback: Fallback = None,
        strict: bool = False,
        cell_type: CellType | str | None = None,
    ) -> XarrayT:
        """Give cells new values; see `xcube_tiles.algebra.local.reclassify.reclassify`."""
        from xcube_tiles.algebra.local.reclassify import reclassify

        return reclassify(
            self._obj,
            table,
            boundary=boundary,
            fallback=fallback,
            strict=strict,
            cell_type=cell_type,
        )

    def rescale(
        self,
        new_min: float,
        new_max: float,
        *,
        old_min: float | None = None,
        old_max: float | None = None,
    ) -> XarrayT:
        """Move cells into another range; see `xcube_tiles.algebra.local.scaling.rescale`."""
        from xcube_tiles.algebra.local.scaling import rescale

        return rescale(self._obj, new_min, new_max, old_min=old_min, old_max=old_max)

    def normalize(self, *, method: Normalization = "range") -> XarrayT:
        """Make values comparable; see `xcube_tiles.algebra.local.scaling.normalize`."""
        from xcube_tiles.algebra.local.scaling import normalize

        return normalize(self._obj, method=method)

    def clip(self, low: float | None = None, high: float | None = None) -> XarrayT:
        """Keep cells within limits; see `xcube_tiles.algebra.local.scaling.clip`."""
        from xcube_tiles.algebra.local.scaling import clip

        return clip(self._obj, low, high)

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
