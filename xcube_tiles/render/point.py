"""The values of a source at a point."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from odc.geo.crs import CRS

from xcube_tiles.algebra.expression import Expression
from xcube_tiles.errors import GridError
from xcube_tiles.render.pixels import middle_longitude, transformer, wrap_longitude
from xcube_tiles.render.references import referenced
from xcube_tiles.render.sample import as_floats
from xcube_tiles.render.source import check_variables, read_cells

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xcube_tiles.render.source import TileSource

WGS84 = CRS("EPSG:4326")


def cell_at(source: TileSource, lon: float, lat: float) -> tuple[int, int] | None:
    """Return row and column of the finest level's cell at a point, None outside the source.

    Parameters
    ----------
    source
        What is asked.
    lon, lat
        Position in degrees, EPSG:4326; longitudes of more than 180 degrees wrap.

    Raises
    ------
    GridError
        A longitude or latitude that isn't finite, or a latitude beyond 90 degrees.
    """
    if not (math.isfinite(lon) and math.isfinite(lat) and abs(lat) <= 90):
        raise GridError(f"expected a longitude and a latitude in degrees, got {lon!r} and {lat!r}")
    x, y = np.array([lon]), np.array([lat])
    project = transformer(WGS84, source.crs)
    if project is not None:
        x, y = project.transform(x, y)
    grid = source.geoboxes[0]
    middle = middle_longitude(grid)
    if middle is not None:
        x = wrap_longitude(x, middle)
    col, row = (x[0] - grid.affine.c) / grid.affine.a, (y[0] - grid.affine.f) / grid.affine.e
    height, width = grid.shape
    if not (0 <= col < width and 0 <= row < height):
        return None
    return int(row), int(col)


def values_at(
    source: TileSource,
    lon: float,
    lat: float,
    *,
    time: int | None = None,
    variables: tuple[str, ...] | None = None,
    expression: str | None = None,
) -> dict[str, float | int | None]:
    """Return the values of the cell of the finest level that holds a point.

    Parameters
    ----------
    source
        What is asked.
    lon, lat
        Position in degrees, EPSG:4326.
    time
        Index into the source's times.
    variables
        Names of variables, and references to them (`ndvi@2024-06`, see `referenced`); None: all
        variables, or none where there is an expression.
    expression
        Band mathematics; its value comes first, under its text.

    Returns
    -------
    dict
        Name to value as it is stored; None for NoData, for infinities (JSON has none) and
        outside the source.

    Raises
    ------
    GridError
        A position that isn't one.
    StyleError
        A variable that the source doesn't have, or a reference that can't be understood.
    DimensionError
        A reference to a time that the source doesn't have.
    ExpressionError
        An expression that can't be read.
    """
    formula = None if expression is None else Expression.parse(expression)
    every = source.variables if formula is None else ()
    names = every if variables is None else variables
    inputs = () if formula is None else formula.names
    source = referenced(source, (*names, *inputs))
    check_variables(source, (*names, *inputs))
    cell = cell_at(source, lon, lat)
    found = {} if cell is None else _cells(source, {*names, *inputs}, cell, time)
    values = {name: _plain(source, name, found) for name in names}
    if expression is None or formula is None:
        return values
    return {expression: _evaluated(source, formula, found), **values}


def _cells(
    source: TileSource, names: set[str], cell: tuple[int, int], time: int | None
) -> dict[str, NDArray[Any]]:
    rows, cols = (slice(at, at + 1) for at in cell)
    return {
        name: read_cells(source, name, level=0, rows=rows, cols=cols, time=time) for name in names
    }


def _plain(source: TileSource, name: str, found: dict[str, NDArray[Any]]) -> float | int | None:
    cells = found.get(name)
    if cells is None or source.cell_type(name).is_nodata(cells).item():
        return None
    if not np.isfinite(cells).item():
        return None
    value = cells.item()
    return int(value) if isinstance(value, bool) else value


def _evaluated(
    source: TileSource, formula: Expression, found: dict[str, NDArray[Any]]
) -> float | None:
    if not found and formula.names:
        return None
    floats = {name: as_floats(found[name], source.cell_type(name)) for name in formula.names}
    with np.errstate(all="ignore"):
        value = float(np.asarray(formula.evaluate(floats)).reshape(-1)[0])
    return value if math.isfinite(value) else None
