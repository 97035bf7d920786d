"""The values of a source at a point."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from odc.geo.crs import CRS

from xcube_tiles.errors import GridError
from xcube_tiles.render.pixels import middle_longitude, transformer, wrap_longitude
from xcube_tiles.render.source import check_variables, read_cells

if TYPE_CHECKING:
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
        Names of the variables; None: all.

    Returns
    -------
    dict
        Variable to value as it is stored; None for NoData, for infinities (JSON has none) and
        outside the source.

    Raises
    ------
    GridError
        A position that isn't one.
    StyleError
        A variable that the source doesn't have.
    """
    names = source.variables if variables is None else variables
    check_variables(source, names)
    cell = cell_at(source, lon, lat)
    if cell is None:
        return dict.fromkeys(names)
    return {name: _value(source, name, cell, time) for name in names}


def _value(
    source: TileSource, name: str, cell: tuple[int, int], time: int | None
) -> float | int | None:
    row, col = cell
    cells = read_cells(
        source, name, level=0, rows=slice(row, row + 1), cols=slice(col, col + 1), time=time
    )
    if source.cell_type(name).is_nodata(cells).item() or not np.isfinite(cells).item():
        return None
    value = cells.item()
    return int(value) if isinstance(value, bool) else value
