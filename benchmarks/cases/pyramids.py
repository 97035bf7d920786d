"""A raster to a pyramid on disk: ours in a catalog, GDAL's in a COG, xarray's level by level."""

from __future__ import annotations

import shutil
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
from zarr.codecs import BloscCodec

from benchmarks.harness import Check, Table, alternate, at_most, peak_memory
from xcube_tiles.catalog.writer import to_catalog
from xcube_tiles.cube.blocks import from_reader
from xcube_tiles.cube.georef import assign_geobox

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

OURS = "xcube_tiles to_catalog, zstd 3"
GDAL = "GDAL COG, zstd 3"
GDAL_DEFAULT = "GDAL COG, zstd 9 (its default)"
PEER = "xarray coarsen, to_zarr per level, zstd 3"
THREADS = 2
TILE, CHUNK, SHARD, COARSEST = 512, 1024, 2048, 256
NODATA = {"uint16": 0, "float32": float("nan")}


def pyramids(quick: bool) -> tuple[list[Table], list[Check], list[str]]:
    """Return the figures of both dtypes, and those of memory."""
    size = 2048 if quick else 16384
    tables, checks, notes = [], [], []
    for dtype in NODATA:
        table, found, note = timed(size, dtype, quick)
        tables.append(table)
        checks += found
        notes.append(note)
    return tables, [*checks, *memory(size // 2)], notes


def timed(size: int, dtype: str, quick: bool) -> tuple[Table, list[Check], str]:
    """Time the contenders of one dtype."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        source = folder / "source.tif"
        make_source(source, size, dtype)
        reader = CountingReader(source)
        contenders: dict[str, Callable[[], object]] = {
            OURS: partial(ours, reader, size, dtype, folder / "catalog.zarr"),
            GDAL: partial(gdal_cog, source, folder / "cog3.tif", 3),
            GDAL_DEFAULT: partial(gdal_cog, source, folder / "cog9.tif", 9),
            PEER: partial(level_by_level, source, size, dtype, folder / "peer.zarr"),
        }
        rounds = 2
        timings = alternate(contenders, rounds=rounds)
        sizes = {path.name: disk_use(path) for path in sorted(folder.iterdir())}
    claim = f"{size}² {dtype}: ours /"
    own = timings[OURS]
    checks = [
        at_most(f"{claim} {GDAL}", own.ratio_to(timings[GDAL]), 1.0),
        at_most(f"{claim} {GDAL_DEFAULT}", own.ratio_to(timings[GDAL_DEFAULT]), 1.0),
        at_most(f"{claim} {PEER}", own.ratio_to(timings[PEER]), 0.5),
        at_most(
            f"{dtype}: times each source chunk is read, most",
            max(reader.counts.values()) / (rounds + 1),
            1.0,
        ),
    ]
    title = f"file to pyramid, {size}² {dtype} with NoData, mean, {THREADS} threads"
    disk = ", ".join(f"{name} {use / 1e6:.1f} MB" for name, use in sizes.items())
    note = f"{dtype}, bytes on disk: {disk}; GDAL {rasterio.__gdal_version__}"
    return Table(title=title, timings=timings, reference=GDAL), checks, note


def make_source(path: Path, size: int, dtype: str) -> None:
    """Write hills with noise: compressible, as terrain and reflectances are, but not trivially."""
    profile = {
        "driver": "GTiff", "width": size, "height": size, "count": 1, "dtype": dtype,
        "crs": "EPSG:32633", "transform": Affine(10, 0, 500_000, 0, -10, 5_200_000),
        "nodata": NODATA[dtype], "tiled": True, "blockxsize": TILE, "blockysize": TILE,
        "compress": "zstd",
    }  # fmt: skip
    with rasterio.open(path, "w", **profile) as file:
        for top in range(0, size, TILE):
            window = Window(0, top, size, TILE)
            file.write(cells(slice(top, top + TILE), slice(0, size), dtype), 1, window=window)


def cells(rows: slice, cols: slice, dtype: str) -> NDArray[Any]:
    """Return a window of the raster; equal windows have equal cells."""
    y, x = np.arange(rows.start, rows.stop)[:, None], np.arange(cols.start, cols.stop)[None, :]
    hills = 3000 + 2000 * np.sin(x / 300).astype("float32") * np.cos(y / 200).astype("float32")
    noise = ((x * 2654435761 + y * 40503) ^ (x * y)) % 61
    window: NDArray[Any] = (hills + noise).astype(np.uint16).astype(dtype)
    if dtype == "float32":
        window /= np.float32(10_000)  # reflectances: digits that no shuffle makes vanish
    window[np.broadcast_to((x // 700 + y // 500) % 7 == 0, window.shape)] = NODATA[dtype]
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
            return np.asarray(file.read(1, window=Window.from_slices(rows, cols)))


def cube_of(read: Callable[[tuple[slice, ...]], NDArray[Any]], size: int, dtype: str) -> xr.Dataset:
    """Return a lazy cube of one band."""
    data = from_reader(
        read, shape=(size, size), chunks=CHUNK, dtype=dtype, name="source", token=(size, dtype)
    )
    geobox = GeoBox((size, size), Affine(10, 0, 500_000, 0, -10, 5_200_000), "EPSG:32633")
    band = xr.Variable(("y", "x"), data, {"_FillValue": np.dtype(dtype).type(NODATA[dtype])})
    return assign_geobox(xr.Dataset({"band": band}), geobox)


def ours(
    read: Callable[[tuple[slice, ...]], NDArray[Any]], size: int, dtype: str, url: Path
) -> object:
    """Write a new catalog: `overwrite` would keep the cells of the layer before."""
    shutil.rmtree(url, ignore_errors=True)
    with dask.config.set(scheduler="threads", num_workers=THREADS):
        return to_catalog(cube_of(read, size, dtype), url, "band", progress=False)


def gdal_cog(source: Path, target: Path, level: int) -> None:
    """Let GDAL write a COG with overviews by mean."""
    rasterio.shutil.copy(
        source, target, driver="COG", COMPRESS="ZSTD", LEVEL=level, NUM_THREADS=THREADS,
        OVERVIEWS="IGNORE_EXISTING", OVERVIEW_RESAMPLING="AVERAGE",
    )  # fmt: skip


def level_by_level(source: Path, size: int, dtype: str, target: Path) -> None:
    """Coarsen the base and write it, one level after the other, as ndpyramid does.

    Means of uint16 become float32 here: xarray has NoData as NaN.
    """
    shutil.rmtree(target, ignore_errors=True)
    # A fresh reader: the count of reads is ours alone.
    cube = cube_of(CountingReader(source), size, dtype)
    base = cube.band.where(cube.band != NODATA[dtype]).astype("float32")
    level = 0
    with dask.config.set(scheduler="threads", num_workers=THREADS):
        while level == 0 or size >> (level - 1) > COARSEST:
            edge = 2**level
            coarse = base.coarsen(y=edge, x=edge, boundary="pad").mean() if level else base
            shard = SHARD if size >> level >= SHARD else None
            chunk = min(size >> level, shard or size)
            encoding = {
                "chunks": (COARSEST, COARSEST),
                "compressors": BloscCodec(cname="zstd", clevel=3, shuffle="shuffle"),
                **({"shards": (shard, shard)} if shard else {}),
            }
            coarse.drop_attrs().chunk(y=chunk, x=chunk).to_dataset(name="band").to_zarr(
                target, group=str(level), encoding={"band": encoding}, consolidated=False
            )
            level += 1


def memory(size: int) -> list[Check]:
    """Return whether memory stays the same for sixteen times the cells."""
    edges = (size, 2 * size, 4 * size)
    peaks = [peak_memory(prepare_memory, edge).beyond_input / 1e6 for edge in edges]
    inputs = [edge**2 * 2 / 1e6 for edge in edges]
    return [
        at_most(f"peak memory, {edge}² uint16 (input {cells:.0f} MB), MB", peak, 400)
        for edge, cells, peak in zip(edges, inputs, peaks, strict=True)
    ] + [at_most(f"peak memory, {edges[-1]}² / {edges[0]}²", peaks[-1] / peaks[0], 1.5)]


def prepare_memory(size: int) -> Callable[[], object]:
    """Return a call that writes a pyramid of generated cells."""
    folder = tempfile.TemporaryDirectory()

    def call() -> object:
        with folder:
            return ours(_generated, size, "uint16", Path(folder.name, "catalog.zarr"))

    ours(_generated, CHUNK, "uint16", Path(folder.name, "warm.zarr"))
    return call


def _generated(index: tuple[slice, ...]) -> NDArray[Any]:
    return cells(index[0], index[1], "uint16")


def disk_use(path: Path) -> int:
    """Return the bytes of a file, or of all files below a folder."""
    files = [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]
    return sum(file.stat().st_size for file in files)
