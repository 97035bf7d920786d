"""Collections: tables of rasters that are described by the same ordered keys."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import xarray as xr

from xcube_tiles.errors import CollectionError
from xcube_tiles.sources.cubes import ReadOptions, build_cube
from xcube_tiles.sources.dense import arrange, key_named
from xcube_tiles.sources.finding import find_rasters
from xcube_tiles.sources.grids import target_grid
from xcube_tiles.sources.keys import natural_order, value_text
from xcube_tiles.sources.statistics import statistics_of
from xcube_tiles.sources.table import RasterTable

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator, Mapping, Sequence

    from odc.geo.geobox import GeoBox

    from xcube_tiles.sources.keys import Key, KeyValue
    from xcube_tiles.sources.raster import Raster
    from xcube_tiles.sources.sql import IfExists
    from xcube_tiles.typing import ResamplingName, XarrayObject


class Collection(RasterTable):
    """An immutable table of rasters; each row has one value for every key.

    Parameters
    ----------
    rasters
        Rows. All have the same keys.
    keys
        Names of the keys, in order, or `Key` objects; by default those of the first row. A key
        named `date`, `time`, `datetime` or `timestamp` is a time, any other a label.
    storage_options
        Options of the fsspec file system that the paths lie in; they are never stored.

    Raises
    ------
    CollectionError
        Rows whose keys differ, or whose values don't fit them.
    DuplicateKeysError
        Two rows with equal keys; the text names both files.

    Notes
    -----
    Files are opened when a cube or statistics are asked for: their headers once, in parallel, and
    shared by all collections that were derived from one another.

    Examples
    --------
    >>> files = Collection()
    >>> files = files.add("a.tif", date="20180524", band="B04")
    >>> files = files.add("b.tif", date="20180603", band="B04")
    >>> files
    <Collection of 2 rasters>
      date (time)  2 values: 2018-05-24 … 2018-06-03
      band (label) 1 value: B04
    >>> len(files.where(date="2018-06"))
    1
    >>> len(files.where(date="2019"))
    0
    """

    __slots__ = ()

    def to_cube(
        self,
        time: str | None = None,
        bands: str | None = None,
        *,
        like: XarrayObject | GeoBox | None = None,
        crs: object | None = None,
        resolution: float | None = None,
        resampling: ResamplingName | Mapping[str, ResamplingName] = "nearest",
        chunks: int | Mapping[str, int] | None = None,
        scaled: bool = True,
    ) -> xr.Dataset:
        """Return all rasters as one lazy cube.

        Parameters
        ----------
        time
            Key that becomes the dimension `time`; by default the only key that is a time.
        bands
            Key whose values become the variables; by default `band` or `bands`. Without a band
            key the one variable is `raster`.
        like, crs, resolution
            Grid to warp the rasters to, each lazily as it is read: that of a cube (or a
            `GeoBox`), or one that covers all rasters in a CRS, with cells of `resolution` (in units
            of the CRS; by default the finest of the rasters). With none of them all rasters must
            lie on one grid.
        resampling
            Method of warping, or one for each variable.
        chunks
            Edge of the blocks along y and x, or sizes by dimension. By default blocks along y and x
            are near the option `chunk_size` and align with those of the files, along others 1.
        scaled
            Whether scale and offset that files declare are applied; such a variable is a float with
            NaN. If False, cells stay as stored, and the attributes `scale_factor` and `add_offset`
            tell how to read them.

        Returns
        -------
        xarray.Dataset
            One variable per band with the dimensions ``(time, ..., y, x)``: each key that isn't
            time or band is a dimension between if it has several values, else a scalar coordinate.
            Floats have NaN where there is no value, integers `attrs["_FillValue"]`. Integers
            without a NoData number that need one (a mask or an alpha band says which cells have no
            value, the rasters disagree, or they don't cover the target grid) become the next wider
            signed dtype, in which its lowest number is NoData.

        Raises
        ------
        RaggedKeysError
            Some combinations of key values have no raster; see `to_tree`.
        UnequalGridsError
            The rasters lie on several grids and no target was given.
        UnknownKeyError
            `time` or `bands` isn't a key.
        CollectionError
            No rasters; keys that can't be told apart as time and band; a file that can't be read,
            or has several bands of which none was named.
        GeoreferenceError
            A file without a CRS or with a rotated grid.
        GridError
            `like` together with `crs` or `resolution`; an unknown method, CRS or resolution.
        """
        table = arrange(list(self), self._keys, time=time, bands=bands)
        headers = self.headers()
        target: GeoBox | None = None
        if like is not None or crs is not None or resolution is not None:
            found = list(headers.values())
            target = target_grid(found, like=like, crs=crs, resolution=resolution)
        options = ReadOptions(
            target=target,
            resampling=resampling,
            chunks=chunks,
            scaled=scaled,
            storage=self._storage,
        )
        return build_cube(table, headers, options)

    def to_tree(
        self,
        by: str | Sequence[str],
        time: str | None = None,
        bands: str | None = None,
        *,
        like: XarrayObject | GeoBox | None = None,
        crs: object | None = None,
        resolution: float | None = None,
        resampling: ResamplingName | Mapping[str, ResamplingName] = "nearest",
        chunks: int | Mapping[str, int] | None = None,
        scaled: bool = True,
    ) -> xr.DataTree:
        """Return one lazy cube for each combination of some keys that has rasters.

        Parameters
        ----------
        by
            Keys that group the rasters; their values are the path of a leaf:
            ``tree["radar/S1"]`` for ``by=["type", "sensor"]``. Times stand there as ISO 8601 text.
        time, bands, like, crs, resolution, resampling, chunks, scaled
            As for `to_cube`. With `crs` or `resolution` each leaf has a grid of its own, with
            `like` all have the same.

        Returns
        -------
        xarray.DataTree
            Each leaf is what `to_cube` gives for its rasters.

        Raises
        ------
        UnknownKeyError, CollectionError, RaggedKeysError, UnequalGridsError, GridError
            As `to_cube`; the text is about the rasters of one leaf. `by` must name a key.
        """
        names = [key_named(self._keys, name) for name in ([by] if isinstance(by, str) else by)]
        if not names:
            raise CollectionError(f"by= must name keys to group by: {', '.join(self.keys)}")
        groups = list(self._groups(names))
        # All files at once, not leaf by leaf: opening them is mostly waiting.
        self.headers()
        return xr.DataTree.from_dict(
            {
                path: group.to_cube(
                    time,
                    bands,
                    like=like,
                    crs=crs,
                    resolution=resolution,
                    resampling=resampling,
                    chunks=chunks,
                    scaled=scaled,
                )
                for path, group in groups
            }
        )

    def compute_statistics(
        self, *, workers: int | None = None, progress: bool | None = None
    ) -> Collection:
        """Return the collection with the statistics of every raster.

        Each raster is read once, block by block; rasters that have statistics aren't read again.

        Parameters
        ----------
        workers
            Rasters read at a time; by default the number of processors.
        progress
            Whether to show a progress bar; by default the option `progress`.

        Raises
        ------
        CollectionError, GeoreferenceError
            As `headers`; `workers` isn't a positive number.

        Notes
        -----
        Eager. Statistics are of the values that `to_cube` gives, scale and offset applied.
        """
        headers = self.headers()
        found = statistics_of(
            [row for row in self if row.statistics is None],
            headers,
            storage=self._storage,
            workers=workers,
            progress=progress,
        )
        rows = {
            place: replace(row, statistics=found[place]) if place in found else row
            for place, row in self._index.items()
        }
        return self._derived(rows)

    def save(
        self, url: str | os.PathLike[str], *, name: str = "rasters", if_exists: IfExists = "error"
    ) -> None:
        """Store the table, statistics included, in a database.

        Parameters
        ----------
        url
            Path of an SQLite file, or a URL ``sqlite:///...``, ``postgresql://...``,
            ``mysql://...`` or ``mariadb://...``.
        name
            Name of the collection in the database.
        if_exists
            For a collection of that name: ``error``; ``replace`` it; or ``update``: rasters with
            equal keys are replaced, others added.

        Raises
        ------
        CollectionError
            The name is taken; with `update`, its keys differ from these; the database can't be
            reached or was written by another version.
        MissingExtraError
            SQLAlchemy or the driver isn't installed.

        Notes
        -----
        One transaction: readers see all of it or nothing. Paths are stored as absolute ones,
        `storage_options` (they may hold secrets) not at all.
        """
        from xcube_tiles.sources.sql import save_table

        save_table(list(self), self._keys, str(url), name=name, if_exists=if_exists)

    @classmethod
    def open(
        cls,
        url: str | os.PathLike[str],
        *,
        name: str = "rasters",
        storage_options: Mapping[str, Any] | None = None,
    ) -> Collection:
        """Open a table that `save` has stored.

        Parameters
        ----------
        url, name
            As for `save`.
        storage_options
            Options of the file system in which the files lie.

        Raises
        ------
        CollectionError
            No such file or collection; the database can't be reached or was written by another
            version.
        MissingExtraError
            SQLAlchemy or the driver isn't installed.
        """
        from xcube_tiles.sources.sql import open_table

        keys, rasters = open_table(str(url), name=name)
        return cls(rasters, keys=keys, storage_options=storage_options)

    def _groups(self, keys: Sequence[Key]) -> Iterator[tuple[str, Collection]]:
        groups: dict[tuple[KeyValue, ...], dict[tuple[KeyValue, ...], Raster]] = {}
        for place, row in self._index.items():
            groups.setdefault(tuple(row.keys[key.name] for key in keys), {})[place] = row
        for values in sorted(groups, key=lambda values: tuple(map(natural_order, values))):
            texts = [value_text(value) for value in values]
            if any("/" in text for text in texts):
                raise CollectionError(f"{'/'.join(texts)!r}: a value with '/' can't name a leaf")
            yield "/".join(texts), self._derived(groups[values])


def scan(
    pattern: str | os.PathLike[str],
    *,
    raster_bands: Mapping[str, int] | None = None,
    storage_options: Mapping[str, Any] | None = None,
) -> Collection:
    """Find raster files whose paths match a pattern, and read their keys off the paths.

    Parameters
    ----------
    pattern
        Local path or URL of any file system that fsspec knows (``s3://``, ``memory://``, …) with
        the names of keys in braces. A value of a key is a word of letters and digits; everything
        else separates. ``{}`` matches anything within a folder's or file's name, between two
        separators also nothing together with one of them. A repeated name has the same value again.
        ``{date:%Y%m%d}`` gives the format of a time; without one it is recognised. ``{{`` and
        ``}}`` are braces themselves.
    raster_bands
        For files with several bands: label and number (from 1) of each band that is a raster. The
        labels become the key `band`.
    storage_options
        Options of the fsspec file system, such as credentials or an endpoint; for obstore, which
        stands in where fsspec has no driver, those of its store (``{"endpoint": ...}``). Without
        them GDAL reads ``s3://``, ``gs://``, ``az://`` and ``http(s)://`` with its own settings.

    Returns
    -------
    Collection
        One row per raster, sorted by its keys. No file is opened.

    Raises
    ------
    PatternError
        The pattern can't be parsed, matches no file, or the value of a time key is no time; the
        text then names the file.
    DuplicateKeysError
        Two files have equal keys; the text names both.
    MissingExtraError
        No library for the scheme of the URL is installed.

    Examples
    --------
    >>> import fsspec, xcube_tiles as xt
    >>> store = fsspec.filesystem("memory")
    >>> for path in ("indices/S2_denmark_20180506_ndvi", "radar/S1_denmark_20180615_A_073_VV"):
    ...     store.pipe(f"/scan/{path}.tif", b"")
    >>> files = xt.scan("memory://scan/{type}/{sensor}_denmark_{date}_{}_{band}.tif")
    >>> files
    <Collection of 2 rasters>
      type   (label) 2 values: indices, radar
      sensor (label) 2 values: S1, S2
      date   (time)  2 values: 2018-05-06 … 2018-06-15
      band   (label) 2 values: VV, ndvi
    """
    keys, rows = find_rasters(pattern, raster_bands=raster_bands, storage_options=storage_options)
    return Collection(rows, keys=keys, storage_options=storage_options)
