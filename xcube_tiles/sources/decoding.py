"""From stored cells to the cells of a cube: NoData, masks, scale and offset."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from xcube_tiles.errors import CellTypeError, CollectionError
from xcube_tiles.grid.celltype import CellType, convert
from xcube_tiles.kernels.nodata import average_dtype

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from xcube_tiles.sources.header import BandHeader

# Every value of the key fits the dtype beside it, and the lowest number stays free for NoData.
_WIDER = {
    "int8": "int16",
    "uint8": "int16",
    "int16": "int32",
    "uint16": "int32",
    "int32": "int64",
    "uint32": "int64",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoding:
    """How the stored cells of one raster become cells of a variable."""

    stored: CellType
    """What the file holds."""

    target: CellType
    """What the variable holds."""

    masked: bool = False
    """Whether cells outside the file's mask are NoData, too."""

    scale: float = 1.0
    """Factor applied to valid cells."""

    offset: float = 0.0
    """What is added after the factor."""

    def apply(self, cells: NDArray[Any], mask: NDArray[Any] | None) -> NDArray[Any]:
        """Decode cells.

        Parameters
        ----------
        cells
            Cells of the dtype of `stored`, any shape.
        mask
            Mask as GDAL gives it, same shape: 0 where a cell has no value. None: there is none.

        Notes
        -----
        Scaling is computed in float64 and rounded once.
        """
        if self.scale == 1.0 and self.offset == 0.0:
            values = convert(cells, self.stored, self.target)
        else:
            missing = self.stored.is_nodata(cells)
            scaled = cells.astype(np.float64) * self.scale + self.offset
            values = scaled.astype(self.target.dtype)
            values[missing] = np.nan
        if mask is None:
            return values
        return np.where(mask == 0, self.target.dtype.type(self.target.nodata or 0), values)


def decodings(
    bands: Sequence[BandHeader], *, scaled: bool, needs_nodata: bool, variable: str
) -> tuple[Decoding, ...]:
    """Return how the rasters of one variable become one cell type.

    Parameters
    ----------
    bands
        Header of each raster.
    scaled
        Whether scale and offset are applied.
    needs_nodata
        Whether there will be cells that no raster covers.
    variable
        Its name, for error texts.

    Raises
    ------
    CollectionError
        Without `scaled`: rasters of different scale or offset.
    CellTypeError
        Cells of 64 bits that need a NoData value and have none, or both int64 and uint64.

    Notes
    -----
    Floats and scaled cells are floats with NaN. Integers keep dtype and NoData if all rasters
    agree. If they don't, or if only a mask tells which cells have no value, the next wider signed
    dtype is taken and its lowest number means NoData: no valid value can collide with it.
    """
    scales = {(band.scale, band.offset) for band in bands}
    if not scaled and len(scales) > 1:
        raise CollectionError(
            f"rasters of {variable!r} have different scales and offsets "
            f"({', '.join(map(str, sorted(scales)))}): as stored they can't be compared. "
            f"Pass scaled=True"
        )
    target = _common_type(bands, scaled=scaled, needs_nodata=needs_nodata, variable=variable)
    return tuple(
        Decoding(
            stored=band.cell_type,
            target=target,
            masked=band.masked,
            scale=band.scale if scaled else 1.0,
            offset=band.offset if scaled else 0.0,
        )
        for band in bands
    )


def _common_type(
    bands: Sequence[BandHeader], *, scaled: bool, needs_nodata: bool, variable: str
) -> CellType:
    dtypes = [_value_dtype(band, scaled) for band in bands]
    dtype = np.result_type(*dtypes)
    if dtype.kind == "f" and all(one.kind in "iu" for one in dtypes):
        held = ", ".join(sorted({one.name for one in dtypes}))
        raise CellTypeError(
            f"rasters of {variable!r} hold {held}: no integer dtype holds both. Select those of "
            f"one dtype with where(...)"
        )
    if dtype.kind == "f":
        return CellType(dtype=dtype, nodata=float("nan"))
    nodata = {band.cell_type.nodata for band in bands}
    masked = any(band.masked for band in bands)
    [first, *others] = nodata
    if not others and len(set(dtypes)) == 1 and (first is not None or not (masked or needs_nodata)):
        return CellType(dtype=dtype, nodata=first)
    if nodata == {None} and not masked and not needs_nodata:
        return CellType(dtype=dtype, nodata=None)
    # A signed dtype that only the mixture needs has a lowest number that no raster can hold.
    wider = dtype if dtype not in dtypes else np.dtype(_WIDER.get(dtype.name, dtype.name))
    if wider in dtypes:
        raise CellTypeError(
            f"rasters of {variable!r} hold {dtype.name} and have no common NoData value; no dtype "
            f"is wider. Rewrite the files with one NoData value"
        )
    return CellType.constant(wider)


def _value_dtype(band: BandHeader, scaled: bool) -> np.dtype[Any]:
    stored = band.cell_type.dtype
    if not scaled or (band.scale == 1.0 and band.offset == 0.0):
        return stored
    return average_dtype(stored)
