"""What the accessors of Datasets and DataArrays share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xcube_tiles.accessor.files import FileMethods
from xcube_tiles.accessor.filters import FilterMethods
from xcube_tiles.accessor.focal import FocalMethods
from xcube_tiles.accessor.globals import GlobalMethods
from xcube_tiles.accessor.grids import GridMethods
from xcube_tiles.accessor.histograms import HistogramMethods
from xcube_tiles.accessor.local import LocalMethods
from xcube_tiles.accessor.looking import LookingMethods
from xcube_tiles.accessor.zonal import ZonalMethods
from xcube_tiles.typing import XarrayT

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping, Sequence

    import numpy as np
    import xarray as xr
    from odc.geo.crs import CRS
    from odc.geo.geobox import GeoBox

    from xcube_tiles.algebra.reducers import Reduction
    from xcube_tiles.algebra.temporal import Periods
    from xcube_tiles.catalog.layer import Layer
    from xcube_tiles.catalog.stores.store import StoreLike
    from xcube_tiles.cube.overlap import Overlap
    from xcube_tiles.grid.celltype import CellType
    from xcube_tiles.grid.extent import Extent
    from xcube_tiles.render.instants import TimeMatch
    from xcube_tiles.render.style import Style
    from xcube_tiles.typing import (
        DimensionType,
        ImageFormat,
        OverflowPolicy,
        PyramidResampling,
        XarrayObject,
    )


class CubeTiles(
    LocalMethods[XarrayT],
    FocalMethods[XarrayT],
    FilterMethods[XarrayT],
    ZonalMethods[XarrayT],
    HistogramMethods[XarrayT],
    GlobalMethods[XarrayT],
    GridMethods[XarrayT],
    FileMethods[XarrayT],
    LookingMethods[XarrayT],
):
    """What the accessors of Datasets and DataArrays share."""

    __slots__ = ()

    def __repr__(self) -> str:
        from xcube_tiles.render.summary import summary_text

        return summary_text(self._obj)

    def _repr_html_(self) -> str:
        from xcube_tiles.render.summary import summary_html

        return summary_html(self._obj)

    @property
    def crs(self) -> CRS:
        """Coordinate reference system."""
        from xcube_tiles.cube.georef import crs_of

        return crs_of(self._obj)

    @property
    def geobox(self) -> GeoBox:
        """Grid: shape, north-up transform and CRS, as odc-geo has it."""
        from xcube_tiles.cube.georef import geobox_of

        return geobox_of(self._obj)

    @property
    def extent(self) -> Extent:
        """Outer edges of the cells, in the cube's CRS."""
        from xcube_tiles.cube.georef import extent_of

        return extent_of(self._obj)

    @property
    def resolution(self) -> tuple[float, float]:
        """Width and height of a cell, both positive, in units of the CRS."""
        affine = self.geobox.affine
        return abs(affine.a), abs(affine.e)

    @property
    def dims(self) -> dict[str, DimensionType]:
        """Type of each dimension: spatial, temporal, bands or other."""
        from xcube_tiles.cube.dimensions import dimension_types

        return dimension_types(self._obj)

    @property
    def keys(self) -> dict[str, list[Hashable]]:
        """Keys of the rasters that the cube was made of, and their values."""
        from xcube_tiles.cube.keycoords import keys_of

        return keys_of(self._obj)

    def canonical(self) -> XarrayT:
        """Return the cube in canonical form; see `xcube_tiles.cube.georef.canonical`."""
        from xcube_tiles.cube.georef import canonical

        return canonical(self._obj)

    def set_crs(self, crs: object) -> XarrayT:
        """Declare the CRS of the coordinates; see `xcube_tiles.cube.georef.set_crs`."""
        from xcube_tiles.cube.georef import set_crs

        return set_crs(self._obj, crs)

    def convert(self, cell_type: CellType | str, *, overflow: OverflowPolicy = "raise") -> XarrayT:
        """Convert the cells to another cell type; see `xcube_tiles.cube.cells.convert_cells`."""
        from xcube_tiles.cube.cells import convert_cells

        return convert_cells(self._obj, cell_type, overflow=overflow)

    def check_compatible(self, other: XarrayObject) -> None:
        """Raise an error unless two cubes can be combined.

        See `xcube_tiles.cube.compatibility.check_compatible`.
        """
        from xcube_tiles.cube.compatibility import check_compatible

        check_compatible(self._obj, other)

    def add_dimension(
        self, name: str, label: Hashable, *, type: DimensionType = "other"
    ) -> XarrayT:
        """Add a dimension with one label; see `xcube_tiles.cube.labels.add_dimension`."""
        from xcube_tiles.cube.labels import add_dimension

        return add_dimension(self._obj, name, label, type=type)

    def drop_dimension(self, name: str) -> XarrayT:
        """Drop a dimension of one label; see `xcube_tiles.cube.labels.drop_dimension`."""
        from xcube_tiles.cube.labels import drop_dimension

        return drop_dimension(self._obj, name)

    def rename_labels(
        self,
        dim: str,
        target: Sequence[Hashable] | Mapping[Hashable, Hashable],
        *,
        source: Sequence[Hashable] | None = None,
    ) -> XarrayT:
        """Rename labels of a dimension; see `xcube_tiles.cube.labels.rename_labels`."""
        from xcube_tiles.cube.labels import rename_labels

        return rename_labels(self._obj, dim, target, source=source)

    def merge(self, other: XarrayT, *, overlap: Overlap | None = None) -> XarrayT:
        """Merge with another cube on the same grid; see `xcube_tiles.cube.merge.merge`."""
        from xcube_tiles.cube.merge import merge

        return merge(self._obj, other, overlap=overlap)

    def reduce(
        self,
        dim: str,
        reducer: Reduction,
        *,
        q: float | Sequence[float] | None = None,
        skipna: bool = True,
        min_count: int = 1,
        ddof: int = 0,
    ) -> XarrayT:
        """Reduce a dimension; see `xcube_tiles.algebra.reduce.reduce`."""
        from xcube_tiles.algebra.reduce import reduce

        return reduce(self._obj, dim, reducer, q=q, skipna=skipna, min_count=min_count, ddof=ddof)

    def aggregate(
        self,
        dim: str,
        periods: Periods,
        reducer: Reduction,
        *,
        labels: Sequence[Hashable] | None = None,
        q: float | None = None,
        skipna: bool = True,
        min_count: int = 1,
        ddof: int = 0,
    ) -> XarrayT:
        """Reduce each period of time; see `xcube_tiles.algebra.temporal.aggregate`."""
        from xcube_tiles.algebra.temporal import aggregate

        return aggregate(
            self._obj,
            dim,
            periods,
            reducer,
            labels=labels,
            q=q,
            skipna=skipna,
            min_count=min_count,
            ddof=ddof,
        )

    def pyramid(
        self,
        *,
        scheme: str = "local",
        resampling: PyramidResampling | Mapping[str, PyramidResampling] | None = None,
        levels: int | None = None,
        min_valid: float = 0.0,
        zooms: tuple[int | None, int | None] | None = None,
        factor: int = 2,
    ) -> xr.DataTree:
        """Return levels of lower resolution; see `xcube_tiles.catalog.pyramids.pyramid.pyramid`."""
        from xcube_tiles.catalog.pyramids.pyramid import pyramid

        return pyramid(
            self._obj,
            scheme=scheme,
            resampling=resampling,
            levels=levels,
            min_valid=min_valid,
            zooms=zooms,
            factor=factor,
        )

    def to_catalog(
        self,
        url: StoreLike,
        layer: str,
        *,
        scheme: str = "local",
        resampling: PyramidResampling | Mapping[str, PyramidResampling] | None = None,
        levels: int | None = None,
        min_valid: float = 0.0,
        zooms: tuple[int | None, int | None] | None = None,
        factor: int = 2,
        overwrite: bool = False,
        resume: bool = False,
        sharded: bool = True,
        chunk: int | None = None,
        shard: int | None = None,
        provenance: Mapping[str, object] | None = None,
        progress: bool | None = None,
        storage_options: Mapping[str, object] | None = None,
    ) -> Layer:
        """Write the cube as a layer; see `xcube_tiles.catalog.writer.to_catalog`."""
        from xcube_tiles.catalog.writer import to_catalog

        return to_catalog(
            self._obj,
            url,
            layer,
            scheme=scheme,
            resampling=resampling,
            levels=levels,
            min_valid=min_valid,
            zooms=zooms,
            factor=factor,
            overwrite=overwrite,
            resume=resume,
            sharded=sharded,
            chunk=chunk,
            shard=shard,
            provenance=provenance,
            progress=progress,
            storage_options=storage_options,
        )

    def render(
        self,
        style: Style | None = None,
        *,
        size: int = 512,
        time: str | np.datetime64 | None = None,
        time_match: TimeMatch = "exact",
        format: ImageFormat = "png",
    ) -> bytes:
        """Return a picture of the cube; see `xcube_tiles.render.preview.render_preview`."""
        from xcube_tiles.render.cube import CubeSource
        from xcube_tiles.render.preview import render_preview

        return render_preview(
            CubeSource(self._obj),
            style,
            size=size,
            time=time,
            time_match=time_match,
            format=format,
        )
