"""The index of a layer of COGs: zoom ranges, keys and variables, as JSON beside the files."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from affine import Affine
from odc.geo.geobox import GeoBox

from xcube_tiles.catalog.cog.ranges import ZoomRange
from xcube_tiles.catalog.cog.table import (
    CogTable,
    FileRow,
    LevelRow,
    nodata_to_json,
    variable_from_json,
)
from xcube_tiles.catalog.format.conventions import as_json
from xcube_tiles.errors import CatalogError
from xcube_tiles.grid.extent import Extent
from xcube_tiles.grid.scheme import resolve_scheme

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from xcube_tiles.catalog.cog.table import VariableRow
    from xcube_tiles.grid.scheme import Scheme

INDEX = "layer.json"
"""Name of the index in the layer's folder."""

FORMAT = "xcube_tiles.cog_layer"

FORMAT_VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexedFile:
    """A file of a layer."""

    zooms: ZoomRange
    """Its zooms; it is a tile of the coarsest."""

    col: int
    """Column of that tile."""

    row: int
    """Row of that tile."""

    time: int | None
    """Position in the layer's times."""

    size: int
    """Its size in bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Index:
    """What the index of a layer of COGs says."""

    scheme: str
    """Name of the TileMatrixSet."""

    tile_size: int
    """Edge of a tile in cells."""

    bounds: tuple[float, float, float, float]
    """Outer edges (xmin, ymin, xmax, ymax) of the cells, in the scheme's CRS."""

    ranges: tuple[ZoomRange, ...]
    """The finest first."""

    files: tuple[IndexedFile, ...]
    """Files that have a cell with a value."""

    variables: tuple[VariableRow, ...]
    """Band 1 first."""

    times: NDArray[np.datetime64] | None
    """Instants, datetime64[ns]."""

    attrs: Mapping[str, Any]
    """Attributes of the cube."""

    made: Mapping[str, Any]
    """`software`, `created`, `resampling`."""

    @property
    def tiles(self) -> Scheme:
        """The scheme that the zooms belong to."""
        return resolve_scheme(self.scheme, tile_size=self.tile_size)

    @property
    def extent(self) -> Extent:
        """Outer edges of the cells."""
        return Extent.from_bounds(self.bounds, self.tiles.crs)


def time_label(times: NDArray[np.datetime64], at: int) -> str:
    """Return an instant as in names of folders."""
    text = str(np.datetime_as_string(times[at], unit="ns"))
    day, _, clock = text.partition("T")
    plain = clock.rstrip("0").rstrip(".:").replace(":", "").replace(".", "_")
    return day.replace("-", "") if not plain.strip("0_") else f"{day.replace('-', '')}T{plain}"


def file_path(
    zooms: ZoomRange, col: int, row: int, times: NDArray[np.datetime64] | None, time: int | None
) -> str:
    """Return the path of a file below the layer's folder."""
    folder = f"{zooms.min_zoom}_{zooms.max_zoom}"
    if times is not None and time is not None:
        folder = f"{folder}/{time_label(times, time)}"
    return f"{folder}/{col}_{row}.tif"


def write_index(folder: Path, index: Index) -> None:
    """Write the index; it appears as a whole."""
    document = {
        "format": FORMAT,
        "version": FORMAT_VERSION,
        "scheme": index.scheme,
        "crs": str(index.tiles.crs),
        "tile_size": index.tile_size,
        "bounds": list(index.bounds),
        "zoom_ranges": [_range_json(index, zooms) for zooms in index.ranges],
        "variables": [
            {
                "name": row.name,
                "dtype": row.cells.dtype.name,
                "nodata": nodata_to_json(row.cells.nodata),
                "attrs": as_json(dict(row.attrs)),
            }
            for row in index.variables
        ],
        "times": None if index.times is None else [str(instant) for instant in index.times],
        "attrs": as_json(dict(index.attrs)),
        **as_json(dict(index.made)),
    }
    aside = folder / f".{INDEX}"
    aside.write_text(json.dumps(document, indent=1, allow_nan=False), encoding="utf-8")
    os.replace(aside, folder / INDEX)


def _range_json(index: Index, zooms: ZoomRange) -> dict[str, Any]:
    files = [
        {
            "path": file_path(zooms, file.col, file.row, index.times, file.time),
            "key": [file.col, file.row],
            "time": file.time,
            "size": file.size,
        }
        for file in index.files
        if file.zooms == zooms
    ]
    return {"min_zoom": zooms.min_zoom, "max_zoom": zooms.max_zoom, "files": files}


def read_index(folder: Path) -> Index:
    """Read the index of a layer.

    Raises
    ------
    CatalogError
        There is none, or it can't be understood.
    """
    try:
        document = json.loads((folder / INDEX).read_text(encoding="utf-8"))
    except OSError as error:
        raise CatalogError(
            f"no layer of COGs at {str(folder)!r}: there is no {INDEX} ({error.strerror})"
        ) from error
    except ValueError as error:
        raise CatalogError(f"{str(folder / INDEX)!r} is no JSON: {error}") from error
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise CatalogError(f"{str(folder / INDEX)!r} isn't the index of a layer of COGs")
    try:
        return _index(document)
    except (KeyError, TypeError, ValueError) as error:
        raise CatalogError(f"{str(folder / INDEX)!r} can't be understood: {error!r}") from error


def _index(document: Mapping[str, Any]) -> Index:
    rows = [
        (ZoomRange(row["min_zoom"], row["max_zoom"]), row["files"])
        for row in document["zoom_ranges"]
    ]
    times = document["times"]
    xmin, ymin, xmax, ymax = document["bounds"]
    return Index(
        scheme=document["scheme"],
        tile_size=document["tile_size"],
        bounds=(xmin, ymin, xmax, ymax),
        ranges=tuple(zooms for zooms, _ in rows),
        files=tuple(
            IndexedFile(
                zooms=zooms, col=f["key"][0], row=f["key"][1], time=f["time"], size=f["size"]
            )
            for zooms, files in rows
            for f in files
        ),
        variables=tuple(variable_from_json(row) for row in document["variables"]),
        times=None if times is None else np.array(times, "datetime64[ns]"),
        attrs=document["attrs"],
        made={name: document.get(name) for name in ("software", "created", "resampling")},
    )


def table_of_index(index: Index, folder: Path) -> CogTable:
    """Return what stands in which file."""
    corners = [_corner(index, zooms) for zooms in index.ranges]
    bands = {row.name: number for number, row in enumerate(index.variables, 1)}
    files = []
    for file in index.files:
        group = index.ranges.index(file.zooms)
        edge = index.tile_size << (file.zooms.max_zoom - file.zooms.min_zoom)
        left, top = corners[group]
        path = folder / file_path(file.zooms, file.col, file.row, index.times, file.time)
        files.append(
            FileRow(
                path=str(path),
                version=(0, file.size),
                group=group,
                time=file.time,
                bands=bands,
                row=(file.row - top) * edge,
                col=(file.col - left) * edge,
                height=edge,
                width=edge,
            )
        )
    return CogTable(
        crs=index.tiles.crs,
        levels=tuple(_levels(index, corners)),
        files=tuple(files),
        variables=index.variables,
        times=index.times,
        attrs=index.attrs,
    )


def _corner(index: Index, zooms: ZoomRange) -> tuple[int, int]:
    """Return column and row of the first tile of a range that the layer touches."""
    cols, rows = index.tiles.layout(zooms.min_zoom).key_range(index.extent)
    return cols.start, rows.start


def _levels(index: Index, corners: list[tuple[int, int]]) -> Iterator[LevelRow]:
    size = index.tile_size
    for group, (zooms, (left, top)) in enumerate(zip(index.ranges, corners, strict=True)):
        for zoom in zooms.zooms:
            layout = index.tiles.layout(zoom)
            cols, rows = layout.key_range(index.extent)
            (x, y), (width, height) = layout.origin, layout.resolution
            corner = Affine(
                width, 0, x + cols.start * size * width, 0, -height, y - rows.start * size * height
            )
            within = zoom - zooms.min_zoom
            coarser = zooms.max_zoom - zoom
            yield LevelRow(
                geobox=GeoBox((len(rows) * size, len(cols) * size), corner, layout.crs),
                zoom=zoom,
                group=group,
                overview=coarser - 1 if coarser else None,
                factor=2**coarser,
                step=1,
                row=(rows.start - (top << within)) * size,
                col=(cols.start - (left << within)) * size,
            )
