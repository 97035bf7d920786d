"""How every product of a terrain is computed: one table of kernels, one task per block."""

from __future__ import annotations

from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

from xcube_tiles.algebra.choosing import chosen
from xcube_tiles.algebra.rasters import raster_of
from xcube_tiles.algebra.terrain.cells import CellSizes, ZFactor, cell_sizes
from xcube_tiles.cube.blocks import map_halo
from xcube_tiles.cube.cells import cell_type_of, set_cell_type
from xcube_tiles.cube.georef import geobox_of
from xcube_tiles.grid.celltype import CellType
from xcube_tiles.kernels.nodata import as_cells
from xcube_tiles.kernels.terrain import lines, products

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import xarray as xr
    from numpy.typing import NDArray

Edges: TypeAlias = Literal["focus", "nodata", "extrapolate"]
"""What a cell sees where a neighbour has no value, or lies outside the raster."""

GradientMethod: TypeAlias = Literal["horn", "zevenbergen-thorne"]
"""How the gradient is computed."""

EDGES = MappingProxyType(
    {"focus": lines.FOCUS, "nodata": lines.NODATA, "extrapolate": lines.EXTRAPOLATE}
)

METHODS = MappingProxyType({"horn": False, "zevenbergen-thorne": True})

PRODUCTS: Mapping[str, Callable[..., None]] = MappingProxyType(
    {
        "slope": products.slope,
        "aspect": products.aspect,
        "hillshade": products.light,
        "curvature": products.curvature,
        "tpi": products.contrast,
        "tri": products.contrast,
        "roughness": products.contrast,
    }
)
"""Kernels by product; they are looked up inside the tasks, which so pickle as a name."""

FLOATS = CellType.parse("float32")


def run_product(
    elevation: xr.DataArray,
    product: str,
    arguments: tuple[Any, ...],
    *,
    edges: Edges,
    z_factor: ZFactor = 1.0,
    result: CellType = FLOATS,
    scale: tuple[float, float] = (1.0, 0.0),
    units: str | None = None,
) -> xr.DataArray:
    """Compute a product of the terrain.

    Parameters
    ----------
    elevation
        Elevations of any cell type, dimensions (..., y, x).
    product
        A name in `PRODUCTS`, which the result has as well.
    arguments
        Last arguments of the kernel.
    edges
        What a cell sees where a neighbour is missing.
    z_factor
        As of `cell_sizes`.
    result
        Cell type of the result.
    scale
        Factor and offset that the kernel's values are written with.
    units
        Unit of the result.
    """
    table_row = chosen("rule for edges", edges, EDGES)
    elevation = raster_of(elevation, "elevations")
    missing = np.nan if result.nodata is None else float(result.nodata)
    data = map_halo(
        partial(
            _block,
            product=product,
            arguments=arguments,
            source=cell_type_of(elevation),
            edges=table_row,
            sizes=cell_sizes(geobox_of(elevation), z_factor),
            scale=(*scale, missing),
            dtype=result.dtype,
        ),
        elevation.data,
        # The line through the two cells before the edge needs both of them.
        depth=(1, 1),
        name=product,
        dtype=result.dtype,
        locate=True,
    )
    array = elevation.copy(data=data).rename(product)
    array.attrs = {} if units is None else {"units": units}
    return set_cell_type(array, result)


def _block(
    window: NDArray[Any],
    *,
    margins: tuple[int, int, int, int],
    origin: tuple[int, int],
    product: str,
    arguments: tuple[Any, ...],
    source: CellType,
    edges: int,
    sizes: CellSizes,
    scale: tuple[float, float, float],
    dtype: np.dtype[Any],
) -> NDArray[Any]:
    top, bottom, left, right = margins
    shape = (window.shape[-2] - top - bottom, window.shape[-1] - left - right)
    cells = as_cells(window)
    layers = cells.reshape(-1, *cells.shape[-2:])
    out = np.empty((len(layers), *shape), dtype)
    masked = source.nodata is not None and not np.isnan(source.nodata)
    nodata = cells.dtype.type(source.nodata if masked else 0)
    sizes_of_rows = sizes.of_rows(origin[0], origin[0] + shape[0])
    kernel, scratch = PRODUCTS[product], np.empty((3, shape[1]))
    for layer, target in zip(layers, out, strict=True):
        for rows, strip in lines.strips(layer, nodata, masked, margins, edges):
            kernel(strip, sizes_of_rows[rows], scale, target[rows], scratch, *arguments)
            if edges == lines.NODATA:
                lines.drop_incomplete(strip, out.dtype.type(scale[2]), target[rows])
    return out.reshape(*window.shape[:-2], *shape)
