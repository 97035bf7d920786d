"""Reading the cells of STAC items inside of odc-stac's tasks, each item by its own encoding."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from dask.base import tokenize
from odc.loader import RioDriver, RioReader
from odc.loader.types import RasterBandMetadata, RasterGroupMetadata

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pystac
    from numpy.typing import NDArray
    from odc.geo.geobox import GeoBox
    from odc.loader.types import RasterLoadParams, RasterSource

    from xcube_tiles.sources.stac.bands import CellPlan, Encoding


@dataclass(frozen=True, slots=True, kw_only=True)
class Parser:
    """What odc-stac is told of the items, in place of its own reading of their metadata.

    Each variable is an asset of its own there, named like it: names can't collide.
    """

    group: RasterGroupMetadata
    """The bands, the same whichever item is asked."""

    encodings: Mapping[tuple[str, str], Encoding]
    """Stored form, by item and variable."""

    def extract(self, md: pystac.Item) -> RasterGroupMetadata:
        """Return the bands of an item."""
        return self.group

    def driver_data(self, md: pystac.Item, band_key: tuple[str, int]) -> Encoding | None:
        """Return how an item stores a band."""
        return self.encodings.get((md.id, band_key[0]))


def band_metadata(plan: CellPlan, encodings: Mapping[int, Encoding]) -> RasterBandMetadata:
    """Return what odc-stac needs to know of a variable.

    Sources are tokenized by their links alone: without a token of how they are read, cubes that
    differ in scale or NoData only would have equal task names, and a scheduler would take one for
    the other.
    """
    stored = tokenize([(key, str(each)) for key, each in encodings.items()])
    return RasterBandMetadata(data_type=str(plan.dtype), nodata=plan.nodata, driver_data=stored)


class Driver(RioDriver):
    """rasterio as odc-loader uses it, plus the encoding of each item."""

    def __init__(self, parser: Parser | None = None) -> None:
        super().__init__(md_parser=parser)

    def __reduce__(self) -> tuple[type[Driver], tuple[()]]:
        # Every task holds the driver, and a worker gets tasks one by one: the parser, as large as
        # all items' metadata, stays with the call that it served.
        return (Driver, ())

    def open(self, src: RasterSource, ctx: Any) -> Reader:
        """Return the reader of one band of one item."""
        return Reader(src, ctx)


class Reader(RioReader):
    """Reads one band of one item onto a part of the cube's grid."""

    def read(
        self,
        cfg: RasterLoadParams,
        dst_geobox: GeoBox,
        *,
        dst: NDArray[Any] | None = None,
        selection: object = None,
    ) -> tuple[tuple[slice, slice], NDArray[Any]]:
        """Return the cells, and where they go.

        Parameters
        ----------
        cfg
            Type and NoData of the cube, and the resampling.
        dst_geobox
            Grid of the dask block.
        dst, selection
            Part of odc-loader's protocol; not used for lazy cubes of two-dimensional bands.

        Notes
        -----
        Cells are resampled as stored but in the type of the cube: what a kernel computes between
        two stored integers isn't rounded to an integer before it is scaled.
        """
        encoding: Encoding = self._src.driver_data
        if encoding.nodata is not None and _storable(encoding.nodata, encoding.dtype):
            # A file's own NoData tag wins; many files have none though their metadata do.
            cfg = cfg.patch(src_nodata_fallback=encoding.nodata)
        roi, cells = super().read(cfg, dst_geobox, dst=dst, selection=selection)
        if encoding.scaled:
            # In place: the block is ours, and a second array would double the memory of the task.
            np.multiply(cells, encoding.scale, out=cells)
            np.add(cells, encoding.offset, out=cells)
        return roi, cells


def _storable(nodata: float, dtype: np.dtype[Any] | None) -> bool:
    """Return whether stored cells can have the declared NoData; GDAL refuses one they can't."""
    if dtype is None:
        return bool(np.isfinite(nodata))
    if dtype.kind == "f":
        return True
    info = np.iinfo(dtype)
    return bool(np.isfinite(nodata) and info.min <= nodata <= info.max)
