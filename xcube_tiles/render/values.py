"""The values of a source on the grid of a picture, for clients that do their own drawing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from xcube_tiles.algebra.expression import Expression
from xcube_tiles.grid.celltype import CellType
from xcube_tiles.kernels.nodata import average_dtype
from xcube_tiles.render.pixels import TOLERANCE
from xcube_tiles.render.references import referenced
from xcube_tiles.render.sample import sample
from xcube_tiles.render.source import check_variables

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from odc.geo.geobox import GeoBox

    from xcube_tiles.render.source import TileSource
    from xcube_tiles.render.style import Style


class Values(NamedTuple):
    """Values on the grid of a picture."""

    cells: NDArray[Any]
    """Shape (bands, height, width)."""

    cell_type: CellType
    """Dtype and NoData of `cells`; there always is a NoData value."""

    names: tuple[str, ...]
    """Name of each band."""


def values_on(
    source: TileSource,
    target: GeoBox,
    style: Style,
    *,
    time: int | None = None,
    tolerance: float = TOLERANCE,
) -> Values:
    """Return the values under each pixel of a picture.

    Parameters
    ----------
    source, target, time, tolerance
        As for `sample`.
    style
        Only its bands (all variables, where it has neither bands nor an expression), its
        expression and its resampling count.

    Returns
    -------
    Values
        As stored, where all bands have one cell type with NoData and the resampling makes no new
        values; else floats with NaN. The cell type depends on source and style alone, not on the
        place. Pixels outside the source are NoData.
    """
    bands = style.bands or source.variables
    inputs = style.inputs if style.expression is not None else bands
    source = referenced(source, inputs)
    check_variables(source, inputs)
    cell_type = _result_type(source, inputs, style)
    names = bands if style.expression is None else (style.expression,)
    found = sample(
        source, target, inputs, time=time, resampling=style.resampling, tolerance=tolerance
    )
    if found is None:
        empty = np.full((len(names), *target.shape), cell_type.nodata, dtype=cell_type.dtype)
        return Values(empty, cell_type, names)
    if style.expression is not None:
        layers = [found.evaluate(Expression.parse(style.expression))]
    elif all(found.types[band] == cell_type for band in bands):
        layers = [found.values[band] for band in bands]
    else:
        layers = [found.floats(band) for band in bands]
    cells = np.stack(layers).astype(cell_type.dtype, copy=False)
    if found.outside is not None:
        cells[:, found.outside] = cell_type.nodata
    return Values(cells, cell_type, names)


def _result_type(source: TileSource, inputs: tuple[str, ...], style: Style) -> CellType:
    types = {source.cell_type(name) for name in inputs}
    only = next(iter(types)) if len(types) == 1 else None
    kept = style.expression is None and style.resampling in ("nearest", "mode")
    if kept and only is not None and only.nodata is not None:
        return only
    dtypes = [np.dtype(np.float32), *(average_dtype(cell_type.dtype) for cell_type in types)]
    return CellType.default(np.result_type(*dtypes))
