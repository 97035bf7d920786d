"""Hypothesis strategies of cells, grids and cubes, for tests of what is built on them.

They need hypothesis. Values are small on purpose: what goes wrong in a raster goes wrong at its
edges, and small rasters are mostly edges.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import xarray as xr
from affine import Affine
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from odc.geo.geobox import GeoBox

from xcube_tiles.cube.cells import set_cell_type
from xcube_tiles.cube.georef import assign_geobox
from xcube_tiles.grid.celltype import CellType
from xcube_tiles.grid.dtypes import DTYPE_NAMES, limits
from xcube_tiles.grid.extent import Extent, as_crs
from xcube_tiles.grid.keys import SpaceTimeKey, TileKey
from xcube_tiles.grid.layout import TileLayout

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hypothesis.strategies import DrawFn, SearchStrategy
    from numpy.typing import NDArray

_CRS_CENTRES = {
    "EPSG:4326": (10.0, 50.0, 1.0),
    "EPSG:3857": (1_100_000.0, 6_500_000.0, 100_000.0),
    "EPSG:32633": (500_000.0, 5_500_000.0, 100_000.0),
    "EPSG:3035": (4_321_000.0, 3_210_000.0, 100_000.0),
}
# x and y of a place in central Europe, and how far from it to go, in units of the CRS

CRS_NAMES = tuple(_CRS_CENTRES)
"""Coordinate reference systems that the strategies draw from."""


@st.composite
def cell_types(draw: DrawFn, dtypes: Sequence[str] = DTYPE_NAMES) -> CellType:
    """Draw a cell type: raw, with the constant of its dtype, or with a number as NoData.

    Parameters
    ----------
    dtypes
        Names of numpy dtypes to draw from.
    """
    dtype = np.dtype(draw(st.sampled_from(tuple(dtypes))))
    if dtype.kind == "b":
        return CellType.constant(dtype)
    raw = CellType(dtype=dtype, nodata=None)
    policy = draw(st.sampled_from((raw, CellType.constant(dtype), "number")))
    if isinstance(policy, CellType):
        return policy
    return CellType(dtype=dtype, nodata=draw(_numbers(dtype)))


@st.composite
def cells(
    draw: DrawFn,
    cell_type: CellType,
    shape: tuple[int, ...] | SearchStrategy[tuple[int, ...]] = (4, 5),
) -> NDArray[Any]:
    """Draw an array of cells, NoData among them where the type has it.

    Parameters
    ----------
    cell_type
        Type of the cells. Floats are finite, or NaN for NoData.
    shape
        Shape of the array, or a strategy of shapes.
    """
    shape = shape if isinstance(shape, tuple) else draw(shape)
    values = draw(npst.arrays(cell_type.dtype, shape, elements=_numbers(cell_type.dtype)))
    if cell_type.nodata is not None:
        missing = draw(npst.arrays(np.bool_, shape))
        values[missing] = cell_type.nodata
    return values


@st.composite
def extents(draw: DrawFn, crs: str | None = None) -> Extent:
    """Draw an extent in central Europe, with or without width and height.

    Parameters
    ----------
    crs
        One of `CRS_NAMES`; None: any of them.
    """
    crs = crs or draw(st.sampled_from(CRS_NAMES))
    x, y, reach = _CRS_CENTRES[crs]
    offsets = st.floats(-1, 1)
    (left, right), (bottom, top) = (sorted((draw(offsets), draw(offsets))) for _ in "xy")
    return Extent(
        xmin=x + left * reach,
        ymin=y + bottom * reach,
        xmax=x + right * reach,
        ymax=y + top * reach,
        crs=crs,
    )


@st.composite
def geoboxes(draw: DrawFn, max_size: int = 12, crs: str | None = None) -> GeoBox:
    """Draw a north-up grid in central Europe whose cells needn't be square.

    Parameters
    ----------
    max_size
        Most cells along an edge.
    crs
        One of `CRS_NAMES`; None: any of them.
    """
    crs = crs or draw(st.sampled_from(CRS_NAMES))
    x, y, reach = _CRS_CENTRES[crs]
    width, height = (reach * draw(st.sampled_from((1e-4, 3e-4, 1 / 3e3))) for _ in "xy")
    col, row = (draw(st.integers(-1000, 1000)) for _ in "xy")
    shape = draw(st.integers(1, max_size)), draw(st.integers(1, max_size))
    return GeoBox(shape, Affine(width, 0, x + col * width, 0, -height, y - row * height), crs)


@st.composite
def layouts(draw: DrawFn, max_tiles: int = 6, max_tile_size: int = 8) -> TileLayout:
    """Draw a tile layout whose tiles needn't be square.

    Parameters
    ----------
    max_tiles
        Most columns and rows.
    max_tile_size
        Most cells along an edge of a tile.
    """
    geobox = draw(geoboxes())
    sizes, tiles = st.integers(1, max_tile_size), st.integers(1, max_tiles)
    return TileLayout(
        crs=as_crs(geobox.crs),
        origin=(geobox.affine.c, geobox.affine.f),
        resolution=(geobox.affine.a, -geobox.affine.e),
        tile_shape=(draw(sizes), draw(sizes)),
        layout_shape=(draw(tiles), draw(tiles)),
    )


@st.composite
def tile_keys(draw: DrawFn, layout: TileLayout | None = None) -> TileKey:
    """Draw a tile key.

    Parameters
    ----------
    layout
        The layout that the key lies in; None: any key up to zoom level 24, beyond it and below
        zero included.
    """
    if layout is None:
        numbers = st.integers(-2, 2**24)
        return TileKey(draw(numbers), draw(numbers))
    rows, cols = layout.layout_shape
    return TileKey(draw(st.integers(0, cols - 1)), draw(st.integers(0, rows - 1)))


@st.composite
def space_time_keys(draw: DrawFn, layout: TileLayout | None = None) -> SpaceTimeKey:
    """Draw a space-time key, its instant from 1678 to 2262 to the nanosecond.

    Parameters
    ----------
    layout
        The layout that the key lies in; None: any.
    """
    key = draw(tile_keys(layout))
    nanoseconds = draw(st.integers(-(2**63) + 1, 2**63 - 1))
    return SpaceTimeKey(key.col, key.row, np.datetime64(nanoseconds, "ns"))


@st.composite
def chunks(draw: DrawFn, shape: tuple[int, ...]) -> tuple[tuple[int, ...], ...]:
    """Draw dask chunks of a shape; along each axis they sum to its length.

    Parameters
    ----------
    shape
        Lengths of the axes. An axis of length 0 has one chunk of length 0.
    """
    return tuple(tuple(_pieces(draw, length)) for length in shape)


@st.composite
def cubes(
    draw: DrawFn,
    max_size: int = 8,
    max_times: int = 3,
    dtypes: Sequence[str] = ("uint8", "int16", "float32"),
    *,
    chunked: bool | None = None,
) -> xr.Dataset:
    """Draw a cube in canonical form: 1 to 3 variables `(time, y, x)`, each of its own cell type.

    Parameters
    ----------
    max_size
        Most cells along y and x.
    max_times
        Most labels of `time`; they ascend.
    dtypes
        Names of numpy dtypes of the variables.
    chunked
        Whether the variables are dask arrays; None: drawn.
    """
    geobox = draw(geoboxes(max_size))
    days = draw(st.lists(st.integers(0, 3650), min_size=1, max_size=max_times, unique=True))
    shape = (len(days), *geobox.shape.yx)
    names = ("red", "nir", "clouds")[: draw(st.integers(1, 3))]
    pieces = draw(chunks(shape)) if (draw(st.booleans()) if chunked is None else chunked) else None
    variables = {}
    for name in names:
        cell_type = draw(cell_types(dtypes))
        array = xr.DataArray(draw(cells(cell_type, shape)), dims=("time", "y", "x"))
        array = array if pieces is None else array.chunk(dict(zip(array.dims, pieces, strict=True)))
        variables[name] = set_cell_type(array, cell_type)
    time = pd.Timestamp("2018-01-01") + pd.to_timedelta(sorted(days), unit="D")
    cube = xr.Dataset(variables, coords={"time": time.as_unit("ns")})
    return assign_geobox(cube, geobox)


def _numbers(dtype: np.dtype[Any]) -> SearchStrategy[Any]:
    """Finite numbers of a dtype, as Python has them; those at its limits are likely."""
    lowest, highest = limits(dtype)
    if dtype.kind == "b":
        return st.booleans()
    if dtype.kind == "f":
        width = 8 * dtype.itemsize
        return st.floats(allow_nan=False, allow_infinity=False, width=32 if width == 32 else 64)
    near = st.sampled_from((int(lowest), int(lowest) + 1, 0, int(highest) - 1, int(highest)))
    return st.integers(int(lowest), int(highest)) | near


def _pieces(draw: DrawFn, length: int) -> list[int]:
    if length == 0:
        return [0]
    cuts = sorted(draw(st.sets(st.integers(1, length - 1)))) if length > 1 else []
    return [stop - start for start, stop in pairwise([0, *cuts, length])]
