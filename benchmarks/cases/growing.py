"""One more date for a layer of a hundred: what is written, and how long it takes."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr
from affine import Affine
from odc.geo.geobox import GeoBox

from benchmarks.harness import Check, Table, alternate, at_most
from xcube_tiles.catalog.reader import open_catalog
from xcube_tiles.catalog.writer import to_catalog
from xcube_tiles.cube.cells import set_cell_type
from xcube_tiles.cube.georef import assign_geobox
from xcube_tiles.grid.celltype import CellType

if TYPE_CHECKING:
    from collections.abc import Callable

OURS = "xcube_tiles: append, all levels"
ANEW = "xcube_tiles: all written anew"
PLAIN = "xarray: to_zarr(append_dim), one level, no pyramid"
LAYER, SHARD = "ndvi", 512


def appending(quick: bool) -> tuple[list[Table], list[Check], list[str]]:
    """Measure bytes and time of one date that comes to a layer; peers do the same or less."""
    few, many, size, rounds = (3, 6, 512, 2) if quick else (10, 100, 1024, 5)
    with tempfile.TemporaryDirectory() as folder:
        # Rewriting a hundred dates in each round would take most of the benchmark's time.
        bytes_of = {count: _append_once(Path(folder), count, size) for count in (1, few, many)}
        anew = _size(Path(folder) / f"{many}" / LAYER)
        _write(Path(folder) / "alone", 1, size)
        one = _size(Path(folder) / "alone" / LAYER)
        start = Path(folder) / "timed"
        contenders = {
            OURS: _appending(start / "ours", few, size),
            PLAIN: _plain(start / "plain", few, size),
            ANEW: _anew(start / "anew", few, size),
        }
        timings = alternate(contenders, rounds=rounds)
    checks = [
        at_most(f"bytes of one date: to {many} / to 1", bytes_of[many] / bytes_of[1], 1.2),
        at_most(f"bytes of one date to {many} / a layer of one date", bytes_of[many] / one, 1.2),
        at_most(f"{OURS} / {ANEW}", timings[OURS].ratio_to(timings[ANEW]), 1.0),
    ]
    title = f"one date of {size}² int16 more, to a layer of about {few}"
    written = ", ".join(f"{size / 1024:.0f} KiB to {count}" for count, size in bytes_of.items())
    note = (
        f"Bytes that one date writes, documents included: {written} dates. A layer of one date: "
        f"{one / 1024:.0f} KiB; writing that of {many + 1} anew: {anew / 1024:.0f} KiB."
    )
    return [Table(title=title, timings=timings, reference=PLAIN)], checks, [note]


def scenes(first: int, count: int, size: int) -> xr.Dataset:
    """Return dates of random cells."""
    random = np.random.default_rng(first)
    cells = random.integers(0, 3000, (count, size, size)).astype("int16")
    days = np.arange(first, first + count) * np.timedelta64(1, "D")
    times = np.datetime64("2018-01-01", "ns") + days
    array = xr.DataArray(cells, {"time": times}, ("time", "y", "x"), name=LAYER)
    grid = GeoBox((size, size), Affine(10, 0, 500_000, 0, -10, 5_200_000), "EPSG:32633")
    typed = set_cell_type(array, CellType.parse("int16ud-9999"))
    return assign_geobox(typed.to_dataset(), grid)


def _write(folder: Path, count: int, size: int) -> None:
    to_catalog(scenes(0, count, size), folder, LAYER, shard=SHARD, overwrite=True, progress=False)


def _state(folder: Path) -> dict[Path, tuple[int, int]]:
    """Return inode and time of each file: a file that is written gets others."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path: (path.stat().st_ino, path.stat().st_mtime_ns) for path in files}


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _append_once(folder: Path, count: int, size: int) -> int:
    """Return the bytes of all files that one more date writes."""
    place = folder / f"{count}"
    _write(place, count, size)
    before = _state(place)
    open_catalog(place).append(LAYER, scenes(count, 1, size), progress=False)
    return sum(
        path.stat().st_size for path, state in _state(place).items() if before.get(path) != state
    )


def _appending(folder: Path, count: int, size: int) -> Callable[[], object]:
    _write(folder, count, size)
    catalog, at = open_catalog(folder), [count]

    def call() -> object:
        layer = catalog.append(LAYER, scenes(at[0], 1, size), progress=False)
        at[0] += 1
        return layer

    return call


def _plain(folder: Path, count: int, size: int) -> Callable[[], object]:
    encoding = {LAYER: {"chunks": (1, SHARD, SHARD)}}
    cube = scenes(0, count, size).drop_attrs()
    cube.to_zarr(folder, encoding=encoding, consolidated=False)
    at = [count]

    def call() -> object:
        cube = scenes(at[0], 1, size).drop_attrs()
        at[0] += 1
        return cube.to_zarr(folder, append_dim="time", consolidated=False)

    return call


def _anew(folder: Path, count: int, size: int) -> Callable[[], object]:
    def call() -> object:
        _write(folder, count + 1, size)
        return shutil.disk_usage(folder)

    return call
