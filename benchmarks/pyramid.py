"""A raster to a pyramid on disk: ours in a Zarr catalog, GDAL's in a cloud-optimised GeoTIFF."""

from __future__ import annotations

import tempfile
from collections import Counter
from functools import partial
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

import dask
import numpy as np
import rasterio
import rasterio.shutil
import xarray as xr
from affine import Affine
from odc.geo.geobox import GeoBox
from rasterio.windows import Window

from benchmarks.harness import Check, Report, Table, alternate, at_most, peak_memory
from xcube_tiles.catalog.writer import to_catalog
from xcube_tiles.cube.blocks import from_reader
from xcube_tiles.cube.georef import assign_geobox

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

OURS = "xcube_tiles to_catalog"
GDAL = "GDAL COG, zstd 9 (its default)"
GDAL_FASTER = "GDAL COG, zstd 3 (our level)"
THREADS = 2
TILE = 512
CHUNK = 1024


def run(quick: bool) -> Report:
    size = 2048 if quick else 8192
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, "source.tif")
        make_source(source, size)
        reader = CountingReader(source)
        contenders: dict[str, Callable[[], object]] = {
            OURS: partial(ours, reader, size, Path(folder, "catalog.zarr")),
            GDAL: partial(gdal_cog, source, Path(folder, "cog9.tif"), 9),
            GDAL_FASTER: partial(gdal_cog, source, Path(folder, "cog3.tif"), 3),
        }
        rounds = 3 if quick else 5
        timings = alternate(contenders, rounds=rounds)
        sizes = {path.name: disk_use(path) for path in sorted(Path(folder).iterdir())}
    most = max(reader.counts.values()) / (rounds + 1)
    return Report(
        name="pyramid",
        setup=(
            f"one GeoTIFF, {size}² uint16 with NoData, {TILE}² tiles, zstd, warm page cache, to "
            f"all levels by mean; {THREADS} threads; local disk"
        ),
        tables=[Table(title="file to pyramid on disk", timings=timings, reference=GDAL_FASTER)],
        checks=[
            at_most("times each source chunk is read, most", most, 1.0),
            at_most(f"{OURS} / {GDAL}", timings[OURS].ratio_to(timings[GDAL]), 2.0),
            at_most(f"{OURS} / {GDAL_FASTER}", timings[OURS].ratio_to(timings[GDAL_FASTER]), 2.0),
            *memory_checks(size),
        ],
        peers=["distributed"],
        notes=[
            f"GDAL {rasterio.__gdal_version__}; bytes on disk: "
            + ", ".join(f"{name} {use / 1e6:.1f} MB" for name, use in sizes.items())
        ],
    )


def make_source(path: Path, size: int) -> None:
    """Write hills with noise: compressible, as terrain and reflectances are, but not trivially."""
    profile = {
        "driver": "GTiff", "width": size, "height": size, "count": 1, "dtype": "uint16",
        "crs": "EPSG:32633", "transform": Affine(10, 0, 500_000, 0, -10, 5_200_000), "nodata": 0,
        "tiled": True, "blockxsize": TILE, "blockysize": TILE, "compress": "zstd",
    }  # fmt: skip
    with rasterio.open(path, "w", **profile) as file:
        for top in range(0, size, TILE):
            file.write(cells(slice(top, top + TILE), slice(0, size)), 1,
                       window=Window(0, top, size, TILE))  # fmt: skip


def cells(rows: slice, cols: slice) -> NDArray[np.uint16]:
    """Return a window of the raster; equal windows have equal cells."""
    y, x = np.arange(rows.start, rows.stop)[:, None], np.arange(cols.start, cols.stop)[None, :]
    hills = 3000 + 2000 * np.sin(x / 300).astype("float32") * np.cos(y / 200).astype("float32")
    noise = ((x * 2654435761 + y * 40503) ^ (x * y)) % 61
    window: NDArray[np.uint16] = (hills + noise).astype(np.uint16)
    window[np.broadcast_to((x // 700 + y // 500) % 7 == 0, window.shape)] = 0
    return window


class CountingReader:
    """Reads windows of a GeoTIFF and counts how often it was asked for each."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.counts: Counter[tuple[int, int]] = Counter()
        self.lock = Lock()

    def __call__(self, index: tuple[slice, ...]) -> NDArray[Any]:
        """Return a window of the file."""
        rows, cols = index
        with self.lock:
            self.counts[rows.start, cols.start] += 1
        with rasterio.open(self.path) as file:
            window = Window.from_slices(rows, cols)
            return np.asarray(file.read(1, window=window))


def cube_of(read: Callable[[tuple[slice, ...]], NDArray[Any]], size: int) -> xr.Dataset:
    """Return a lazy cube of one band."""
    data = from_reader(
        read, shape=(size, size), chunks=CHUNK, dtype="uint16", name="source", token=size
    )
    geobox = GeoBox((size, size), Affine(10, 0, 500_000, 0, -10, 5_200_000), "EPSG:32633")
    band = xr.Variable(("y", "x"), data, {"_FillValue": np.uint16(0)})
    return assign_geobox(xr.Dataset({"band": band}), geobox)


def ours(read: Callable[[tuple[slice, ...]], NDArray[Any]], size: int, url: Path) -> object:
    with dask.config.set(scheduler="threads", num_workers=THREADS):
        return to_catalog(cube_of(read, size), url, "band", overwrite=True, progress=False)


def gdal_cog(source: Path, target: Path, level: int) -> None:
    rasterio.shutil.copy(
        source, target, driver="COG", COMPRESS="ZSTD", LEVEL=level, NUM_THREADS=THREADS,
        OVERVIEWS="IGNORE_EXISTING", OVERVIEW_RESAMPLING="AVERAGE",
    )  # fmt: skip


def memory_checks(size: int) -> list[Check]:
    """Return whether memory stays the same for four times the cells."""
    peaks = [peak_memory(prepare_memory, edge).beyond_input for edge in (size, 2 * size)]
    claims = [
        f"peak memory, {edge}² (input {edge**2 * 2 / 1e6:.0f} MB), MB" for edge in (size, 2 * size)
    ]
    return [
        at_most(claims[0], peaks[0] / 1e6, 400),
        at_most(claims[1], peaks[1] / 1e6, 400),
    ]


def prepare_memory(size: int) -> Callable[[], object]:
    folder = tempfile.TemporaryDirectory()

    def call() -> object:
        with folder:
            return ours(_generated, size, Path(folder.name, "catalog.zarr"))

    ours(_generated, CHUNK, Path(folder.name, "warm.zarr"))
    return call


def _generated(index: tuple[slice, ...]) -> NDArray[np.uint16]:
    return cells(*index)


def disk_use(path: Path) -> int:
    """Return the bytes of a file, or of all files below a folder."""
    files = [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]
    return sum(file.stat().st_size for file in files)
