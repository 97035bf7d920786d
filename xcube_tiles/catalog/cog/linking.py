"""Make a layer of files that are there: their headers are read, and no cell."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, runtime_checkable

import numpy as np
import pandas as pd

from xcube_tiles._version import __version__
from xcube_tiles.catalog.cog.headers import Header, header_of
from xcube_tiles.catalog.cog.levels import levels_of_files
from xcube_tiles.catalog.cog.stored import write_virtual
from xcube_tiles.catalog.cog.table import CogTable, FileRow, VariableRow
from xcube_tiles.catalog.cubes import checked_name
from xcube_tiles.catalog.folders import create_root, has_layer
from xcube_tiles.catalog.stores.store import StoreLike, open_store
from xcube_tiles.errors import CatalogError, LayerExistsError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from xcube_tiles.catalog.cog.virtual import VirtualLayer


@dataclass(frozen=True, slots=True, kw_only=True)
class CogFile:
    """A file that becomes part of a layer."""

    path: str | os.PathLike[str]
    """Path or URL that GDAL reads."""

    time: str | date | np.datetime64[Any] | None = None
    """Instant of its cells; None: the same at all times."""

    bands: Mapping[str, int] | None = None
    """Variables, and the number, from 1, of the band that holds each; None: all bands, named by
    their descriptions, or `band_1`, `band_2` ... where these don't tell them apart."""


@runtime_checkable
class KeyedFile(Protocol):
    """A file, or a band of one, with keys: what a `Collection` holds."""

    @property
    def path(self) -> str:
        """Path or URL."""

    @property
    def keys(self) -> Mapping[str, Any]:
        """Value of each key; one of them may be a time, and `band` names the variable."""

    @property
    def raster_band(self) -> int | None:
        """Number of the band, from 1; None: the only one."""


FileLike: TypeAlias = "str | os.PathLike[str] | CogFile | KeyedFile"
"""A path or URL, by itself, with its time and bands, or with keys."""


def link_cogs(
    url: StoreLike,
    layer: str,
    files: Iterable[FileLike],
    *,
    attrs: Mapping[str, object] | None = None,
    overwrite: bool = False,
    storage_options: Mapping[str, object] | None = None,
) -> VirtualLayer:
    """Make files a layer of a catalog, in place: only what their headers say is stored.

    Parameters
    ----------
    url
        Path or URL of the catalog, made if it isn't there, or a Zarr store.
    layer
        Name of the layer.
    files
        COGs, or other rasters that GDAL reads, with equal CRS and cell size, aligned to one grid;
        paths, `CogFile` objects, or the rasters of a `Collection`, whose time and `band` keys
        count. Files of one time and variable are a mosaic; where two overlap the first with a value
        counts. Files in a catalog's own folder are remembered relative to it.
    attrs
        Attributes of the layer, such as `title`.
    overwrite
        Whether a layer of that name is replaced; its files stay.
    storage_options
        Options of an object store for the catalog; files are found by GDAL's own configuration.

    Returns
    -------
    VirtualLayer
        The layer, to be read as any other.

    Raises
    ------
    LayerExistsError
        The catalog has a layer of that name, and `overwrite` is False.
    CatalogError
        No files; files that can't be read, lie on different grids, have several cell types for a
        variable, or lack a variable at some time; some with a time and others without; gaps
        between files whose cells have no NoData value.

    Notes
    -----
    Levels are the overviews that all files have. Of several files side by side only overviews
    count whose cells don't cross the files' edges. Beyond, and without overviews, coarser levels
    take each n-th cell: that reads much and shows single cells, so that files are better made COGs
    first, with `xcube-tiles optimize`.

    Examples
    --------
    >>> import numpy as np, xarray as xr
    >>> from xcube_tiles.catalog.cog.export import to_cog
    >>> from xcube_tiles.cube.georef import set_crs
    >>> cells = xr.DataArray(
    ...     np.arange(6, dtype="int16").reshape(2, 3),
    ...     coords={"y": [15.0, 5.0], "x": [5.0, 15.0, 25.0]},
    ...     dims=("y", "x"),
    ...     name="height",
    ... )
    >>> paths = to_cog(set_crs(cells, "EPSG:32633"), "dem.tif")
    >>> layer = link_cogs("linked.zarr", "dem", paths)
    >>> layer.read("height", level=0, rows=slice(0, 2), cols=slice(1, 3))
    array([[1, 2],
           [4, 5]], dtype=int16)
    """
    checked_name(layer)
    store = open_store(url, read_only=False, storage_options=storage_options)
    rows = _rows(files)
    table = replace(table_of(rows), attrs=dict(attrs or {}))
    create_root(store, url)
    if has_layer(store, layer) and not overwrite:
        raise LayerExistsError(
            f"layer {layer!r} is in the catalog already; pass overwrite=True to replace it"
        )
    private = {
        "scheme": "local",
        "zoom": None,
        "software": f"xcube_tiles {__version__}",
        "created": datetime.now(UTC).isoformat(),
    }
    return write_virtual(store, layer, table, private)


def _rows(files: Iterable[FileLike]) -> tuple[CogFile, ...]:
    if isinstance(files, str | os.PathLike):
        files = [files]
    try:
        listed = list(files)
    except TypeError:
        raise CatalogError(f"expected paths, or a collection of rasters, got {files!r}") from None
    return tuple(_row(file) for file in listed)


def _row(file: FileLike) -> CogFile:
    if isinstance(file, CogFile):
        return file
    if not isinstance(file, KeyedFile):
        return CogFile(path=file)
    times = [value for value in file.keys.values() if isinstance(value, np.datetime64 | date)]
    if len(times) > 1:
        raise CatalogError(
            f"{file.path!r} has several keys that are times ({', '.join(map(str, times))}); pass "
            "CogFile(path=..., time=...) objects"
        )
    band = file.keys.get("band")
    bands = None
    if band is not None or file.raster_band is not None:
        number = file.raster_band or 1
        bands = {str(band) if band is not None else f"band_{number}": number}
    return CogFile(path=file.path, time=times[0] if times else None, bands=bands)


def table_of(files: Sequence[CogFile]) -> CogTable:
    """Return what stands in which file; parameters and errors as `link_cogs`."""
    if not files:
        raise CatalogError("no files: give at least one path")
    headers = [header_of(file.path) for file in files]
    times, positions = _times(files)
    rows = []
    grid = _Grid(headers)
    for file, header, time in zip(files, headers, positions, strict=True):
        row, col = grid.place(header)
        rows.append(
            FileRow(
                path=header.path,
                version=header.version,
                group=0,
                time=time,
                bands=_bands(file, header),
                row=row,
                col=col,
                height=header.shape[0],
                width=header.shape[1],
            )
        )
    variables = _variables(rows, headers)
    _check_twice(rows)
    _check_cover(rows, variables, times, grid.shape)
    levels = levels_of_files(grid.geobox, rows, headers)
    return CogTable(
        crs=grid.crs, levels=levels, files=tuple(rows), variables=variables, times=times
    )


class _Grid:
    """The grid that holds all files."""

    def __init__(self, headers: Sequence[Header]) -> None:
        from odc.geo.geobox import GeoBox

        first = headers[0]
        self.first, self.crs = first, first.crs
        places = [self._offset(header) for header in headers]
        top, left = (min(place[axis] for place in places) for axis in (0, 1))
        self.shape = (
            max(p[0] + h.shape[0] for p, h in zip(places, headers, strict=True)) - top,
            max(p[1] + h.shape[1] for p, h in zip(places, headers, strict=True)) - left,
        )
        self._corner = top, left
        self.geobox = GeoBox(
            self.shape, first.geobox.affine * first.geobox.affine.translation(left, top), first.crs
        )

    def place(self, header: Header) -> tuple[int, int]:
        """Return the row and column at which a file begins."""
        row, col = self._offset(header)
        return row - self._corner[0], col - self._corner[1]

    def _offset(self, header: Header) -> tuple[int, int]:
        first, own = self.first.geobox.affine, header.geobox.affine
        if header.crs != self.crs:
            raise CatalogError(
                f"{header.path!r} is in {header.crs!s}, {self.first.path!r} in {self.crs!s}; a "
                "layer has one CRS: warp the files with xcube-tiles optimize --reproject"
            )
        longest = max(header.shape)
        if abs(own.a - first.a) * longest > abs(first.a) * 1e-3 or (
            abs(own.e - first.e) * longest > abs(first.e) * 1e-3
        ):
            raise CatalogError(
                f"{header.path!r} has cells of {own.a:g} x {-own.e:g}, {self.first.path!r} of "
                f"{first.a:g} x {-first.e:g}; a layer has one cell size"
            )
        position = (own.f - first.f) / first.e, (own.c - first.c) / first.a
        nearest = round(position[0]), round(position[1])
        if any(abs(at - whole) > 1e-3 for at, whole in zip(position, nearest, strict=True)):
            raise CatalogError(
                f"{header.path!r} is shifted by parts of a cell against {self.first.path!r} "
                f"(rows {position[0]:.4f}, columns {position[1]:.4f}); a layer has one grid"
            )
        return nearest


def _times(
    files: Sequence[CogFile],
) -> tuple[NDArray[np.datetime64] | None, list[int | None]]:
    given = [file.time for file in files]
    if all(time is None for time in given):
        return None, [None] * len(files)
    try:
        instants = [
            None if time is None else np.datetime64(_utc(pd.Timestamp(time)).value, "ns")
            for time in given
        ]
    except (ValueError, TypeError) as error:
        raise CatalogError(f"a time can't be understood: {error}") from error
    unique = np.unique(np.array([time for time in instants if time is not None]))
    places = [None if time is None else int(np.searchsorted(unique, time)) for time in instants]
    return unique.astype("datetime64[ns]"), places


def _utc(time: pd.Timestamp) -> pd.Timestamp:
    return time if time.tzinfo is None else time.tz_convert("UTC").tz_localize(None)


def _bands(file: CogFile, header: Header) -> dict[str, int]:
    if file.bands is None:
        return {name: number for number, name in enumerate(header.names, 1)}
    count = len(header.bands)
    for name, number in file.bands.items():
        if not isinstance(name, str) or not name or "/" in name:
            raise CatalogError(f"a variable's name is text without '/', got {name!r}")
        if not isinstance(number, int) or not 1 <= number <= count:
            raise CatalogError(f"{header.path!r} has the bands 1 to {count}, got {number!r}")
    return dict(file.bands)


def _variables(rows: Sequence[FileRow], headers: Sequence[Header]) -> tuple[VariableRow, ...]:
    found: dict[str, VariableRow] = {}
    origin: dict[str, str] = {}
    for row, header in zip(rows, headers, strict=True):
        for name, number in row.bands.items():
            band = header.bands[number - 1]
            own = VariableRow(name=name, cells=band.cells, attrs=band.attrs)
            known = found.setdefault(name, own)
            origin.setdefault(name, row.path)
            if known.cells.name != own.cells.name or _scaling(known.attrs) != _scaling(own.attrs):
                raise CatalogError(
                    f"variable {name!r} has cells of {own.cells.name} {_scaling(own.attrs)} in "
                    f"{row.path!r}, and of {known.cells.name} {_scaling(known.attrs)} in "
                    f"{origin[name]!r}; a layer has one cell type and one scale"
                )
            common = {k: v for k, v in known.attrs.items() if own.attrs.get(k) == v}
            found[name] = replace(known, attrs=common)
    return tuple(found.values())


def _scaling(attrs: Mapping[str, Any]) -> tuple[float, float]:
    return attrs.get("scale_factor", 1.0), attrs.get("add_offset", 0.0)


def _check_twice(rows: Sequence[FileRow]) -> None:
    """Refuse two files for the same cells: one of them would never be seen."""
    seen: dict[tuple[object, ...], str] = {}
    for row in rows:
        for name in row.bands:
            place = (name, row.time, row.row, row.col, row.height, row.width)
            other = seen.setdefault(place, row.path)
            if other != row.path:
                raise CatalogError(
                    f"{other!r} and {row.path!r} hold the same cells of {name!r}; say what tells "
                    "them apart, CogFile(path=..., time=..., bands={'name': 1}), or choose, "
                    "e.g. collection.where(sensor='S2')"
                )


def _check_cover(
    rows: Sequence[FileRow],
    variables: Sequence[VariableRow],
    times: NDArray[np.datetime64] | None,
    shape: tuple[int, int],
) -> None:
    """Refuse variables that are missing at a time, and gaps that would read as values."""
    for variable in variables:
        for at in [None] if times is None else range(times.size):
            own = [row for row in rows if variable.name in row.bands and row.time in (None, at)]
            if not own:
                instant = "" if times is None or at is None else f" at {times[at]}"
                raise CatalogError(f"no file holds variable {variable.name!r}{instant}")
            if variable.cells.nodata is None and not _is_covered(own, shape):
                raise CatalogError(
                    f"the files of {variable.name!r} leave gaps, and their cells "
                    f"({variable.cells.name}) have no NoData value to fill them with: set one, "
                    "e.g. with gdal_edit.py -a_nodata"
                )


def _is_covered(rows: Sequence[FileRow], shape: tuple[int, int]) -> bool:
    """Whether rectangles cover a grid, decided on the grid of their edges."""
    downs = sorted({0, shape[0], *(r.row for r in rows), *(r.row + r.height for r in rows)})
    across = sorted({0, shape[1], *(r.col for r in rows), *(r.col + r.width for r in rows)})
    free = np.ones((len(downs) - 1, len(across) - 1), bool)
    for row in rows:
        top, bottom = np.searchsorted(downs, (row.row, row.row + row.height))
        left, right = np.searchsorted(across, (row.col, row.col + row.width))
        free[top:bottom, left:right] = False
    return not free.any()
