"""A synthetic scene: a year of satellite images of one landscape, as files or in memory."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
import rasterio
import xarray as xr
from odc.geo.geobox import GeoBox
from odc.geo.xr import xr_coords
from pyproj import CRS

from xcube_tiles.sources.progress import with_progress
from xcube_tiles.testing.acquisition import Landscape, acquire
from xcube_tiles.testing.noise import SPAN
from xcube_tiles.testing.phenology import BANDS
from xcube_tiles.testing.stac_catalog import StacAsset, StacItem, write_stac

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

Compression = Literal["deflate", "zstd", "lzw", "none"]

PATTERN = "{type}/{sensor}_demo_{date}_{band}.tif"
"""Keys of the scene's files below its folder. It doesn't match the elevation model: no date."""

_CENTRE = (14.0, 46.6)
_FLAGS = {"flag_values": [0, 1], "flag_meanings": "clear cloud"}
"""CF attributes of the cloud mask."""

_NODATA = {"uint16": 0, "uint8": 255, "float32": float("nan")}


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """Where a scene's files are, and what they hold."""

    folder: Path
    """Folder of all files."""

    pattern: str
    """`folder` joined with `PATTERN`: what `xcube_tiles.scan` takes."""

    dates: tuple[date, ...]
    """Dates of the images, ascending."""

    bands: tuple[str, ...]
    """Names of the reflectance bands; their cells are uint16, reflectance times 10000, NoData 0."""

    elevation: Path
    """The elevation model: float32, metres, no NoData."""

    stac: Path
    """`catalog.json` of a static STAC catalog of the same files."""

    geobox: GeoBox
    """CRS, transform and shape that all rasters share."""

    def raster(self, day: date, band: str) -> Path:
        """Return the file of a band.

        Parameters
        ----------
        day
            One of `dates`.
        band
            One of `bands`, or `"cloud"`: uint8, 0 clear, 1 cloud, 255 NoData.

        Returns
        -------
        Path
            Its path; the file exists.

        Raises
        ------
        ValueError
            The scene has no such raster; the text lists what it has.
        """
        if day not in self.dates or band not in (*self.bands, "cloud"):
            days = ", ".join(str(known) for known in self.dates)
            raise ValueError(
                f"no raster of {band!r} on {day}; the bands are "
                f"{', '.join(self.bands)}, cloud; the dates are {days}"
            )
        return self.folder / _raster_name(day, band)


def write_scene(
    folder: str | Path,
    *,
    size: int = 2048,
    dates: int = 12,
    seed: int = 0,
    crs: str = "EPSG:32633",
    compress: Compression = "deflate",
    progress: Callable[[str], None] | None = None,
) -> Scene:
    """Write a synthetic scene: cloud-optimised GeoTIFFs under a key pattern, and static STAC.

    Parameters
    ----------
    folder
        Where to; made if absent. Files of the same names are overwritten.
    size
        Cells per edge, at least 16. The scene is 20.48 km wide whatever the size: 10 m cells at
        2048. All sizes show the same landscape.
    dates
        Number of images, spread evenly over 2024.
    seed
        Names the landscape and its weather: equal seeds give equal cells.
    crs
        Coordinate reference system; the landscape is drawn on its axes near 14°E 46.6°N. A
        geographic one has cells of equal degrees.
    compress
        Compression of the files.
    progress
        Called with the path (relative to `folder`) of each raster that is complete; by default a
        progress bar is shown as the option `progress` says.

    Returns
    -------
    Scene
        Paths, dates, bands and grid.

    Raises
    ------
    ValueError
        `size` is below 16 or `dates` is not 1 to 73 (a pass every fifth day).

    Notes
    -----
    Memory: some 18 planes of `size` x `size` float32 at the peak, whatever the number of dates,
    and what GDAL takes to compress one raster.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     scene = write_scene(folder, size=64, dates=2)
    ...     print(scene.raster(scene.dates[0], "red").relative_to(scene.folder).as_posix())
    reflectance/S2_demo_20240115_red.tif
    """
    root = Path(folder)
    days = scene_dates(dates)
    landscape = Landscape.make(size, seed=seed)
    files = _Files(root, scene_geobox(size, crs), compress, progress)
    elevation = files.write("terrain/DEM_demo_dem.tif", landscape.terrain.elevation)
    shown = None if progress is None else False
    passes = with_progress(days, total=len(days), label="images", show=shown)
    items = [_write_date(files, landscape, day) for day in passes]
    dem = StacAsset(name="dem", path=elevation, dtype="float32", nodata=None)
    return Scene(
        folder=root,
        pattern=f"{root.as_posix()}/{PATTERN}",
        dates=days,
        bands=BANDS,
        elevation=elevation,
        stac=write_stac(root, items, dem, files.geobox),
        geobox=files.geobox,
    )


def scene_cube(
    *, size: int = 128, dates: int = 12, seed: int = 0, crs: str = "EPSG:32633"
) -> xr.Dataset:
    """Return a synthetic scene in memory: the cells that `write_scene` would write.

    Parameters
    ----------
    size, dates, seed, crs
        As for `write_scene`.

    Returns
    -------
    Dataset
        `blue`, `green`, `red`, `nir` (uint16, NoData 0) and `cloud` (uint8, NoData 255, with CF
        flags) with dims `(time, y, x)`; `elevation` (float32, metres) with dims `(y, x)`;
        `spatial_ref`.

    Raises
    ------
    ValueError
        As for `write_scene`.

    Examples
    --------
    >>> cube = scene_cube(size=32, dates=4)
    >>> dict(cube.sizes), cube.red.dtype.name, cube.red.attrs["_FillValue"]
    ({'time': 4, 'y': 32, 'x': 32}, 'uint16', 0)
    """
    landscape = Landscape.make(size, seed=seed)
    days = scene_dates(dates)
    stacks: dict[str, list[NDArray[np.generic]]] = {name: [] for name in (*BANDS, "cloud")}
    for day in days:
        seen = acquire(landscape, day)
        for name, cells in seen.bands():
            stacks[name].append(cells)
        stacks["cloud"].append(seen.mask())
    variables: dict[str, xr.Variable] = {
        name: xr.Variable(
            ("time", "y", "x"), np.stack(planes), {"_FillValue": _NODATA[planes[0].dtype.name]}
        )
        for name, planes in stacks.items()
    }
    variables["cloud"].attrs |= _FLAGS
    variables["elevation"] = xr.Variable(("y", "x"), landscape.terrain.elevation, {"units": "m"})
    times = np.array(days, "datetime64[ns]")
    return xr.Dataset(variables, {**xr_coords(scene_geobox(size, crs)), "time": times})


def scene_dates(count: int) -> tuple[date, ...]:
    """Return dates over 2024 on which a satellite passes that comes every fifth day.

    Parameters
    ----------
    count
        How many, 1 to 73.

    Returns
    -------
    tuple of date
        From 15 January on.

    Raises
    ------
    ValueError
        `count` is out of range.

    Examples
    --------
    >>> [str(day) for day in scene_dates(3)]
    ['2024-01-15', '2024-05-14', '2024-09-16']
    """
    if not 1 <= count <= 73:
        raise ValueError(f"dates must be 1 to 73 (a pass every fifth day of a year), got {count!r}")
    first = date(2024, 1, 15)
    return tuple(first + timedelta(days=5 * round(73 * i / count)) for i in range(count))


def scene_geobox(size: int, crs: str = "EPSG:32633") -> GeoBox:
    """Return the grid of a scene.

    Parameters
    ----------
    size
        Cells per edge.
    crs
        Coordinate reference system.

    Returns
    -------
    GeoBox
        Square in the units of the CRS, its centre near 14°E 46.6°N.

    Examples
    --------
    >>> box = scene_geobox(2048)
    >>> tuple(box.shape), box.resolution.x
    ((2048, 2048), 10.0)
    """
    if CRS(str(crs)).is_geographic:
        x, y, span = *_CENTRE, SPAN / 111_320.0
    else:
        (x,), (y,) = rasterio.warp.transform("EPSG:4326", str(crs), [_CENTRE[0]], [_CENTRE[1]])
        # Round numbers, so that coordinates are readable and cells align with real 10 m data.
        x, y, span = round(x, -2), round(y, -2), SPAN
    half = span / 2
    return GeoBox.from_bbox((x - half, y - half, x + half, y + half), crs, shape=(size, size))


@dataclass(frozen=True, slots=True)
class _Files:
    """Writes rasters of one grid below one folder."""

    root: Path
    geobox: GeoBox
    compress: Compression
    progress: Callable[[str], None] | None

    def write(self, name: str, cells: NDArray[np.generic], description: str = "") -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        nodata = None if cells.dtype == np.float32 else _NODATA[cells.dtype.name]
        with rasterio.open(
            path,
            "w",
            driver="COG",
            width=cells.shape[1],
            height=cells.shape[0],
            count=1,
            dtype=cells.dtype,
            nodata=nodata,
            crs=str(self.geobox.crs),
            transform=self.geobox.transform,
            compress=self.compress,
            predictor="yes" if self.compress != "none" else "no",
            blocksize=min(512, max(128, cells.shape[0])),
            overview_resampling="nearest" if cells.dtype == np.uint8 else "average",
            num_threads="all_cpus",
        ) as target:
            target.write(cells, 1)
            if description:
                target.set_band_description(1, description)
        if self.progress is not None:
            self.progress(name)
        return path


def _raster_name(day: date, band: str) -> str:
    folder = "masks" if band == "cloud" else "reflectance"
    return f"{folder}/S2_demo_{day:%Y%m%d}_{band}.tif"


def _write_date(files: _Files, landscape: Landscape, day: date) -> StacItem:
    seen = acquire(landscape, day)
    mask = seen.mask()
    rasters: list[tuple[str, NDArray[np.uint8 | np.uint16]]] = [*seen.bands(), ("cloud", mask)]
    assets = []
    for name, cells in rasters:
        path = files.write(_raster_name(day, name), cells, name)
        dtype = cells.dtype.name
        assets.append(StacAsset(name=name, path=path, dtype=dtype, nodata=_NODATA[dtype]))
    clouded = float((mask == 1).sum() / max(1, (mask != 255).sum()))
    return StacItem(
        day=day,
        assets=tuple(assets),
        cloud_cover=round(100 * clouded, 2),
        sun_elevation=round(seen.sun.height, 2),
        sun_azimuth=round(seen.sun.azimuth, 2),
    )
