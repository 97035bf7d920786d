"""Convolution: each cell becomes a weighted sum, or mean, of the cells around it."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from xcube_tiles.algebra.focal.layers import check_choices, core, fill_layers, number_of
from xcube_tiles.cube.blocks import map_halo
from xcube_tiles.cube.cells import cell_type_of, set_cell_type
from xcube_tiles.cube.georef import canonical
from xcube_tiles.cube.variables import map_rasters
from xcube_tiles.errors import AlgebraError, CellTypeError
from xcube_tiles.grid.celltype import CellType
from xcube_tiles.kernels.focal.convolution import Scratch, convolve_window, passes_of, weigh
from xcube_tiles.kernels.focal.window import Beyond, padded, strips
from xcube_tiles.kernels.neighborhood import Kernel
from xcube_tiles.kernels.nodata import average_dtype, is_valid, with_nan

if TYPE_CHECKING:
    import xarray as xr
    from numpy.typing import NDArray

    from xcube_tiles.algebra.focal.layers import Margins, Target
    from xcube_tiles.kernels.focal.window import Edge
    from xcube_tiles.typing import XarrayT


def convolve(
    obj: XarrayT,
    kernel: Kernel,
    *,
    normalize: bool = False,
    flip: bool = True,
    edge: Edge = "clip",
    constant: float | None = None,
    target: Target = "all",
    skipna: bool = True,
) -> XarrayT:
    """Convolve with a kernel: add up the cells around each cell, times its weights.

    Parameters
    ----------
    obj
        Cells of any type, dimensions (..., y, x); of a Dataset, every raster.
    kernel
        Weights: `Kernel(weights)`, or by name as `Kernel.gaussian(2)`.
    normalize
        Divide each sum by the sum of the weights of its valid cells. It makes a weighted mean,
        which gaps and edges don't darken; weights must not be negative.
    flip
        Turn the weights by 180 degrees, as convolution is defined. False: they lie over the raster
        as they are written, north up (correlation): what gradients want, such as `Kernel.sobel`.
    edge
        What is beyond the raster. `clip`: nothing; `nearest`: the cell at the edge; `reflect`: the
        raster mirrored, with the cell at the edge repeated; `wrap`: its other side; `constant`.
    constant
        The value beyond the raster, with `edge="constant"`. NaN, or the NoData number: cells
        without a value, which `skipna=False` notices.
    target
        Cells that are computed: `all`; `data`, those with a value; `nodata`, those without. The
        others stay as they are.
    skipna
        NoData cells add nothing. False: a NoData cell with a weight makes NoData.

    Returns
    -------
    Floats, NaN for NoData: float32 of float32 and of integers of at most 16 bits, else float64;
    lazy if `obj` is. NoData where no cell with a weight has a value.

    Raises
    ------
    AlgebraError
        Something else than a `Kernel`; an unknown edge or target; `constant` without
        `edge="constant"` or the other way round, or no number; negative weights with `normalize`.
    CellTypeError
        Integers of 64 bits with `target="nodata"`, which copies them among floats.

    Notes
    -----
    result[y, x] = sum over i, j of weights[i, j] * cells[y + dy - i, x + dx - j] for weights of
    shape (2 * dy + 1, 2 * dx + 1), added up in float64 (64-bit integers are rounded to it). Where
    weights are the product of a column and a row, they are applied one after the other. Unless
    `normalize`, a NoData cell counts as 0: next to gaps and clipped edges sums are smaller, and
    gradients wrong; use `skipna=False` and another edge for these.

    Examples
    --------
    >>> import xarray as xr
    >>> from affine import Affine
    >>> from odc.geo.geobox import GeoBox
    >>> from xcube_tiles.cube.georef import assign_geobox
    >>> grid = GeoBox((1, 4), Affine(10, 0, 0, 0, -10, 0), "EPSG:32633")
    >>> cells = assign_geobox(xr.DataArray([[1.0, 2, 5, np.nan]], dims=("y", "x")), grid)
    >>> row = Kernel([[1, 2, 4]])
    >>> convolve(cells, row).values
    array([[ 4., 13., 18., 20.]])
    >>> convolve(cells, row, normalize=True).round(2).values
    array([[1.33, 1.86, 3.  , 5.  ]])
    >>> convolve(cells, Kernel.sobel(), flip=False, edge="nearest", skipna=False).values
    array([[ 4., 16., nan, nan]])
    """
    weights = _checked_weights(kernel, normalize=normalize)
    check_choices(edge, constant, target)
    call = partial(
        _convolve_array,
        weights=weights[::-1, ::-1] if flip else weights,
        normalize=normalize,
        edge=edge,
        constant=constant,
        target=target,
        skipna=skipna,
    )
    return map_rasters(canonical(obj), call)


def _checked_weights(kernel: Kernel, *, normalize: bool) -> NDArray[np.float64]:
    if not isinstance(kernel, Kernel):
        raise AlgebraError(
            f"expected a Kernel, such as Kernel.gaussian(2) or Kernel([[1, 2, 1]]), got {kernel!r}"
        )
    if normalize and (kernel.weights < 0).any():
        raise AlgebraError(
            "normalize makes weighted means, whose weights can't be negative; the least of this "
            f"kernel is {kernel.weights.min()}; use normalize=False"
        )
    return kernel.weights


def _convolve_array(
    array: xr.DataArray,
    *,
    weights: NDArray[np.float64],
    normalize: bool,
    edge: Edge,
    constant: float | None,
    target: Target,
    skipna: bool,
) -> xr.DataArray:
    cells, source = CellType.default(average_dtype(array.dtype)), cell_type_of(array)
    if target == "nodata" and source.dtype.kind in "iu" and source.dtype.itemsize == 8:
        raise CellTypeError(
            f"a convolution gives {cells.name} cells, which can't hold copies of all "
            f"{source.dtype} cells; leave target='all', or convert them first: "
            "cube.tiles.convert('float64')"
        )
    if constant is not None and constant == source.nodata:
        constant = np.nan
    data = map_halo(
        _convolve_block,
        array.data,
        depth=(weights.shape[0] // 2, weights.shape[1] // 2),
        name="convolve",
        dtype=cells.dtype,
        wrap=edge == "wrap",
        cells=source,
        weights=weights,
        normalize=normalize,
        edge=edge,
        constant=constant,
        target=target,
        skipna=skipna,
    )
    return set_cell_type(array.copy(data=data), cells)


def _convolve_block(
    window: NDArray[Any],
    *,
    margins: Margins,
    cells: CellType,
    weights: NDArray[np.float64],
    normalize: bool,
    edge: Edge,
    constant: float | None,
    target: Target,
    skipna: bool,
) -> NDArray[Any]:
    depth = (weights.shape[0] // 2, weights.shape[1] // 2)
    passes, support = passes_of(weights), passes_of((weights != 0).astype(np.float64))

    scratch = Scratch()

    def fill(plane: NDArray[Any], out: NDArray[Any]) -> None:
        nodata, known = number_of(cells, plane.dtype)
        rimmed, beyond = plane, nodata
        if plane.dtype.kind == "f" and not known:
            beyond = plane.dtype.type(np.nan)
        if edge == "constant" or (edge == "clip" and plane.dtype.kind != "f" and not known):
            # Not every value fits the cells' dtype, and integers may have no number for NoData.
            rimmed, known = with_nan(plane, cells.nodata, np.float64), False
            nodata, beyond = 0.0, np.nan if constant is None else float(constant)
        around = Beyond(edge, beyond)
        for rows, strip in strips(rimmed, margins, depth, around, rimmed.dtype):
            convolve_window(
                strip, passes, nodata, known, normalize=normalize, out=out[rows], scratch=scratch
            )
        if skipna and target == "all":
            return
        valid, empty = is_valid(plane, cells.nodata), edge == "constant" and np.isnan(beyond)
        if not skipna and (empty or not valid.all()):
            gaps = padded((~valid).astype(np.float64), margins, depth, edge, float(empty))
            out[weigh(gaps, support) > 0] = np.nan
        focus = core(valid, margins)
        if target == "data":
            out[~focus] = np.nan
        elif target == "nodata":
            out[focus] = core(plane, margins)[focus]

    return fill_layers(fill, window, margins, average_dtype(window.dtype))
