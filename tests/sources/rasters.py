"""Raster files for tests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import rasterio
from affine import Affine

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

UTM33 = "EPSG:32633"
NORTH_UP = Affine(10, 0, 500_000, 0, -10, 5_100_000)


def write_raster(
    path: Path,
    cells: NDArray[Any],
    *,
    transform: Affine = NORTH_UP,
    crs: str | None = UTM33,
    nodata: float | None = None,
    overviews: tuple[int, ...] = (),
    scale: float | None = None,
    offset: float | None = None,
    mask: NDArray[np.bool_] | None = None,
    **profile: Any,
) -> Path:
    """Write cells of shape (y, x) or (band, y, x) as a GeoTIFF."""
    stack = cells if cells.ndim == 3 else cells[np.newaxis]
    path.parent.mkdir(parents=True, exist_ok=True)
    count, height, width = stack.shape
    options = {"driver": "GTiff", "dtype": stack.dtype, "crs": crs, "transform": transform}
    options |= {"count": count, "height": height, "width": width, "nodata": nodata, **profile}
    with (
        rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True),
        rasterio.open(path, "w", **options) as file,
    ):
        file.write(stack)
        if mask is not None:
            file.write_mask(mask)
        if scale is not None:
            file.scales = [scale] * count
        if offset is not None:
            file.offsets = [offset] * count
        if overviews:
            file.build_overviews(list(overviews), rasterio.enums.Resampling.nearest)
    return path


def ramp(height: int = 5, width: int = 7, *, start: int = 0, dtype: str = "int16") -> NDArray[Any]:
    """Return cells that count up, so that each tells its place."""
    return (np.arange(height * width) + start).reshape(height, width).astype(dtype)
