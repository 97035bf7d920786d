"""What stands in which file: the levels of a layer, its files and variables, as values."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from affine import Affine
from odc.geo.geobox import GeoBox

from xcube_tiles.catalog.format.conventions import as_json
from xcube_tiles.errors import CatalogError
from xcube_tiles.grid.celltype import CellType
from xcube_tiles.grid.extent import as_crs

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray
    from odc.geo.crs import CRS

    from xcube_tiles.catalog.cog.handles import Version


@dataclass(frozen=True, slots=True, kw_only=True)
class LevelRow:
    """A level, and where its cells come from."""

    geobox: GeoBox
    """Grid of the level."""

    zoom: int
    """Zoom of the layer's scheme; the level's number in a local scheme."""

    group: int
    """Number of the group of files that hold the level."""

    overview: int | None
    """Index of the overview of these files; None: the full resolution."""

    factor: int
    """Cells of the full resolution along an edge of a cell of the overview; 1 without one."""

    step: int
    """Cells of the overview along an edge of a cell of the level: one of them is taken."""

    row: int = 0
    """Row of the group's grid, in cells of the overview, at which the level begins."""

    col: int = 0
    """Column of the group's grid, in cells of the overview, at which the level begins."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileRow:
    """A file, and where it lies in its group."""

    path: str
    """Absolute path or URL; in a document relative to the catalog's folder, where it can be."""

    version: Version | None
    """Modification time (0: any) and size of a local file when it became part of the layer."""

    group: int
    """Number of the group; each has files of one resolution."""

    time: int | None
    """Position in the layer's times; None: at all times."""

    bands: Mapping[str, int]
    """Number of the band, from 1, of each variable that the file holds."""

    row: int
    """Row of the group's grid at which the file begins."""

    col: int
    """Column of the group's grid at which the file begins."""

    height: int
    """Rows of the file."""

    width: int
    """Columns of the file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VariableRow:
    """A variable of the layer."""

    name: str
    """Its name."""

    cells: CellType
    """Cell type in all files."""

    attrs: Mapping[str, Any] = field(default_factory=dict)
    """CF attributes, without NoData."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CogTable:
    """What a layer of COG files consists of."""

    crs: CRS
    """Coordinate reference system of all files."""

    levels: tuple[LevelRow, ...]
    """The finest first."""

    files: tuple[FileRow, ...]
    """All files; of two that overlap the first one counts, where it has a value."""

    variables: tuple[VariableRow, ...]
    """The variables."""

    times: NDArray[np.datetime64] | None
    """Instants, datetime64[ns], ascending; None: there are none."""

    attrs: Mapping[str, Any] = field(default_factory=dict)
    """Attributes of the layer."""


def table_to_json(table: CogTable) -> dict[str, Any]:
    """Return a table as JSON."""
    times = table.times
    return {
        "crs": f"EPSG:{table.crs.epsg}" if table.crs.epsg else table.crs.proj.to_wkt(),
        "levels": [_level_json(level) for level in table.levels],
        "files": [
            {
                "path": row.path,
                "version": None if row.version is None else list(row.version),
                "group": row.group,
                "time": row.time,
                "bands": dict(row.bands),
                "window": [row.row, row.col, row.height, row.width],
            }
            for row in table.files
        ],
        "variables": [
            {
                "name": row.name,
                "dtype": row.cells.dtype.name,
                "nodata": nodata_to_json(row.cells.nodata),
                "attrs": as_json(dict(row.attrs)),
            }
            for row in table.variables
        ],
        "times": None if times is None else [str(instant) for instant in times],
        "attrs": as_json(dict(table.attrs)),
    }


def table_from_json(document: Mapping[str, Any]) -> CogTable:
    """Return a table from its JSON.

    Raises
    ------
    CatalogError
        Something else than `table_to_json` writes.
    """
    try:
        crs = as_crs(document["crs"])
        times = document["times"]
        return CogTable(
            crs=crs,
            levels=tuple(_level(row, crs) for row in document["levels"]),
            files=tuple(_file(row) for row in document["files"]),
            variables=tuple(variable_from_json(row) for row in document["variables"]),
            times=None if times is None else np.array(times, "datetime64[ns]"),
            attrs=dict(document["attrs"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise CatalogError(f"the document of a layer of files can't be read: {error!r}") from error


def _level_json(level: LevelRow) -> dict[str, Any]:
    return {
        "shape": [int(size) for size in level.geobox.shape],
        "transform": [float(value) for value in tuple(level.geobox.affine)[:6]],
        "zoom": level.zoom,
        "group": level.group,
        "overview": level.overview,
        "factor": level.factor,
        "step": level.step,
        "origin": [level.row, level.col],
    }


def _level(row: Mapping[str, Any], crs: CRS) -> LevelRow:
    height, width = row["shape"]
    return LevelRow(
        geobox=GeoBox((height, width), Affine(*row["transform"]), crs),
        zoom=row["zoom"],
        group=row["group"],
        overview=row["overview"],
        factor=row["factor"],
        step=row["step"],
        row=row["origin"][0],
        col=row["origin"][1],
    )


def _file(row: Mapping[str, Any]) -> FileRow:
    top, left, height, width = row["window"]
    version = row["version"]
    return FileRow(
        path=row["path"],
        version=None if version is None else (version[0], version[1]),
        group=row["group"],
        time=row["time"],
        bands=dict(row["bands"]),
        row=top,
        col=left,
        height=height,
        width=width,
    )


def variable_from_json(row: Mapping[str, Any]) -> VariableRow:
    """Return a variable from its JSON."""
    nodata = row["nodata"]
    number = float(nodata) if isinstance(nodata, str) else nodata
    cells = CellType(dtype=np.dtype(row["dtype"]), nodata=number)
    return VariableRow(name=row["name"], cells=cells, attrs=dict(row["attrs"]))


def nodata_to_json(nodata: float | None) -> float | str | None:
    """Return a NoData value as JSON, which has neither NaN nor infinities."""
    return str(nodata) if nodata is not None and not math.isfinite(nodata) else nodata
