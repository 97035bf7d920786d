"""Focal statistics: what the cells around each cell amount to."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from xcube_tiles.algebra.attributes import value_attrs
from xcube_tiles.algebra.focal.blocks import Job, focal_block
from xcube_tiles.algebra.focal.layers import check_choices, check_neighborhood
from xcube_tiles.algebra.focal.table import statistic_named
from xcube_tiles.algebra.reproject import crop
from xcube_tiles.cube.blocks import map_halo
from xcube_tiles.cube.cells import cell_type_of, set_cell_type
from xcube_tiles.cube.georef import assign_geobox, canonical, extent_of, geobox_of
from xcube_tiles.cube.variables import map_rasters
from xcube_tiles.errors import AlgebraError, CellTypeError
from xcube_tiles.grid.extent import is_finite
from xcube_tiles.kernels.neighborhood import Kernel

if TYPE_CHECKING:
    import xarray as xr
    from numpy.typing import NDArray

    from xcube_tiles.algebra.focal.layers import Target
    from xcube_tiles.algebra.focal.table import FocalStatistic
    from xcube_tiles.grid.celltype import CellType
    from xcube_tiles.grid.extent import Extent
    from xcube_tiles.kernels.focal.window import Edge
    from xcube_tiles.kernels.neighborhood import Neighborhood
    from xcube_tiles.typing import XarrayT


def focal(
    obj: XarrayT,
    statistic: str,
    neighborhood: Neighborhood,
    *,
    q: float | None = None,
    skipna: bool = True,
    min_count: int = 1,
    edge: Edge = "clip",
    constant: float | None = None,
    target: Target = "all",
    area: Extent | tuple[float, float, float, float] | None = None,
    ddof: int = 0,
) -> XarrayT:
    """Compute a statistic of the cells around each cell.

    Parameters
    ----------
    obj
        A cube of any cell type, dimensions (..., y, x); of a Dataset, every variable with y and x.
    statistic
        Its name, see Notes.
    neighborhood
        The cells around a cell: `Square`, `Circle`, `Nesw`, `Wedge`, `Annulus`, or a `Kernel` of
        zeros and ones. Any size, also larger than the raster.
    q
        Share of the cells below a percentile, 0 to 1.
    skipna
        Skip NoData cells. False: one of them in the neighbourhood makes the result NoData.
    min_count
        Valid cells that a result needs, at least 1; with fewer it is NoData.
    edge
        What lies beyond the raster. `clip`: nothing, neighbourhoods are cut off; `nearest`: the
        cell at the edge; `reflect`: the raster mirrored at its edge, the cell there repeated;
        `wrap`: its other end, as on a globe; `constant`: cells of one value.
    constant
        The value for `edge="constant"`. NaN, or the NoData number: cells without a value, which
        `skipna=False` notices.
    target
        Cells that are computed: `all`, those with a value (`data`), or those without (`nodata`:
        gaps are filled). Other cells are copied.
    area
        An Extent, or bounds in the cube's CRS, that the result is cropped to. Cells outside it
        count in neighbourhoods all the same.
    ddof
        For `sd` and `variance`: squares are divided by the number of cells less `ddof`.

    Returns
    -------
    A cube of the same dimensions; lazy if `obj` is, one task a block. Of a Dataset a copy, whose
    variables without y and x stay as they are.

    Raises
    ------
    AlgebraError
        An unknown statistic, edge or target; options that don't fit the statistic or each other; a
        kernel with weights other than 0 and 1; cells without a number for NoData, where results may
        lack a value.
    CellTypeError
        A constant that cells can't hold; 64-bit integers to be copied among floats.
    NoDataCollisionError
        When it is computed: a range of 2**64 - 1, or a copy of -2**63 among counts.
    GridError
        An `area` that doesn't touch the cube.

    Notes
    -----
    ============================ ======================= =====================================
    `statistic` (other name)     value                   cell type
    ============================ ======================= =====================================
    mean (average)               arithmetic mean         float32 of integers up to 16 bits and
                                                         of float32, else float64
    sum                          sum                     uint64 or int64 of integers up to 32
                                                         bits (exact), else float64
    min, max                     extremes                that of the cells
    range                        largest less smallest   that of floats; of integers one twice
                                                         as wide
    sd (std), variance (var)     spread, see `ddof`      as mean
    median                       middle                  as mean
    percentile (quantile)        linear interpolation    as mean
    mode (majority), minority    most, least frequent;   that of the cells
                                 of several the smallest
    variety, count               different, all valid    int32, 0 where there is none
                                 cells
    entropy                      bits of information     as mean
    ============================ ======================= =====================================

    NoData is as in the cells where their type is kept, NaN in floats, and the end of wider integers
    that no result reaches (or only the largest of 64 bits, which is refused). Where cells are
    copied (`target`), results have a type that holds both: int64 or uint64 for integers, floats of
    enough bits otherwise.

    Sums are accumulated in float64, variances merged after Chan et al. (1983); of 64-bit integers
    averages, spreads and percentiles are those of the cells rounded to float64. All results are the
    same for any chunks, to the bit.

    Examples
    --------
    >>> import xarray as xr
    >>> from affine import Affine
    >>> from odc.geo.geobox import GeoBox
    >>> from xcube_tiles.kernels.neighborhood import Square
    >>> grid = GeoBox((1, 5), Affine(10, 0, 0, 0, -10, 0), "EPSG:32633")
    >>> cells = xr.DataArray([[1.0, 2.0, np.nan, np.nan, np.nan]], dims=("y", "x"))
    >>> cube = assign_geobox(cells, grid)
    >>> focal(cube, "mean", Square(1)).values
    array([[1.5, 1.5, 2. , nan, nan]])
    >>> focal(cube, "max", Square(1), target="nodata").values
    array([[ 1.,  2.,  2., nan, nan]])
    """
    row = statistic_named(statistic)
    check_choices(edge, constant, target)
    params = _params(row, q=q, ddof=ddof)
    obj = canonical(obj)
    mask = _mask(neighborhood)
    _check_counts(row, mask, skipna=skipna, min_count=min_count)
    if edge == "clip":
        mask = _trimmed(mask, obj.sizes["y"], obj.sizes["x"])
    job = partial(
        _job, row, mask, edge=edge, constant=constant, min_count=min_count, skipna=bool(skipna),
        target=target, params=params,
    )  # fmt: skip
    if area is None:
        return map_rasters(obj, lambda array: _focal_array(array, job(cell_type_of(array))))
    part = crop(obj, area)
    near = obj if edge == "wrap" else _surroundings(obj, part, mask.shape)
    result = map_rasters(near, lambda array: _focal_array(array, job(cell_type_of(array))))
    return _cut(result, part)


def _job(
    row: FocalStatistic,
    mask: NDArray[np.bool_],
    source: CellType,
    *,
    edge: Edge,
    constant: float | None,
    min_count: int,
    skipna: bool,
    target: Target,
    params: tuple[tuple[str, Any], ...],
) -> Job:
    """Return what is computed of cells of one type."""
    if constant is not None:
        _check_constant(constant, source)
    focus = bool(mask[mask.shape[0] // 2, mask.shape[1] // 2])
    least = int(focus) if edge == "clip" else int(mask.sum())
    computed = row.result_type(source, may_lack=min_count > least)
    result = computed if target == "all" else row.copying_type(source, computed)
    return Job(
        statistic=row.name, mask=mask, source=source, computed=computed, result=result, edge=edge,
        constant=constant, min_count=min_count, skipna=skipna, target=target, params=params,
    )  # fmt: skip


def _focal_array(array: xr.DataArray, job: Job) -> xr.DataArray:
    data = map_halo(
        focal_block,
        array.data,
        depth=job.depth,
        name=f"focal-{job.statistic}",
        dtype=job.result.dtype,
        wrap=job.edge == "wrap",
        job=job,
    )
    result = array.copy(data=data)
    result.attrs = value_attrs(array.attrs, job.row.attrs if job.target == "all" else "keep")
    return set_cell_type(result, job.result)


def _surroundings(obj: XarrayT, part: XarrayT, box: tuple[int, int]) -> XarrayT:
    """Return what neighbourhoods of the cells of a part see of the whole."""
    affine = geobox_of(obj).affine
    deep, wide = box[0] // 2 * abs(affine.e), box[1] // 2 * abs(affine.a)
    return crop(obj, extent_of(part).buffered(wide, deep))


def _cut(obj: XarrayT, part: XarrayT) -> XarrayT:
    """Return the cells of an object that a part of its grid has."""
    grid = geobox_of(part)
    column, line = ~geobox_of(obj).affine * (grid.affine.c, grid.affine.f)
    rows = slice(round(line), round(line) + grid.shape.y)
    return assign_geobox(
        obj.isel(y=rows, x=slice(round(column), round(column) + grid.shape.x)), grid
    )


def _mask(neighborhood: Neighborhood) -> NDArray[np.bool_]:
    check_neighborhood(neighborhood)
    if isinstance(neighborhood, Kernel) and not np.isin(neighborhood.weights, (0, 1)).all():
        raise AlgebraError(
            "focal statistics don't weigh: a kernel has to have zeros and ones, got "
            f"{neighborhood.weights.tolist()!r}. For weighted sums and means use "
            "cube.tiles.convolve(kernel)"
        )
    return neighborhood.mask()


def _trimmed(mask: NDArray[np.bool_], height: int, width: int) -> NDArray[np.bool_]:
    """Return a mask without the cells that are farther away than the raster is large."""
    down = max(mask.shape[0] // 2 - height + 1, 0)
    right = max(mask.shape[1] // 2 - width + 1, 0)
    kept = mask[down : mask.shape[0] - down, right : mask.shape[1] - right]
    return np.ascontiguousarray(kept) if kept.any() else mask


def _params(row: FocalStatistic, *, q: Any, ddof: Any) -> tuple[tuple[str, Any], ...]:
    if row.option != "q" and q is not None:
        raise AlgebraError(f"q is for 'percentile', not {row.name!r}; got {q!r}")
    if row.option != "ddof" and ddof != 0:
        raise AlgebraError(f"ddof is for 'sd' and 'variance', not {row.name!r}; got {ddof!r}")
    if row.option == "q":
        if not (is_finite(q) and 0 <= q <= 1):
            raise AlgebraError(
                "percentile needs q, one share between 0 and 1 (0.9 for the 90th percentile); "
                f"got {q!r}"
            )
        return (("q", float(q)),)
    if row.option == "ddof":
        if not _is_whole(ddof) or ddof < 0:
            raise AlgebraError(f"ddof must be an integer of at least 0, got {ddof!r}")
        return (("ddof", int(ddof)),)
    return ()


def _check_counts(
    row: FocalStatistic, mask: NDArray[np.bool_], *, skipna: object, min_count: Any
) -> None:
    most = int(mask.sum())
    if not _is_whole(min_count) or not 1 <= min_count <= most:
        raise AlgebraError(
            f"min_count must be an integer from 1 to {most}, the cells of the neighbourhood; got "
            f"{min_count!r}"
        )
    if row.result == "count" and (not skipna or min_count != 1):
        raise AlgebraError(
            f"{row.name!r} has a value everywhere, 0 where no cell is valid: leave out skipna and "
            f"min_count; got skipna={skipna!r}, min_count={min_count!r}"
        )


def _check_constant(constant: float, cells: CellType) -> None:
    dtype = cells.dtype
    if dtype.kind == "f":
        if isinstance(constant, int | float | np.number):
            return
    elif is_finite(constant) and constant == int(constant):
        low, high = (0, 1) if dtype.kind == "b" else (np.iinfo(dtype).min, np.iinfo(dtype).max)
        if low <= constant <= high:
            return
    raise CellTypeError(
        f"constant={constant!r} can't be a cell of {dtype}; give one that it holds, or convert "
        "the cells first: cube.tiles.convert('float32')"
    )


def _is_whole(value: object) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool)
