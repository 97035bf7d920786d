"""A window of a layer, cold: a catalog is opened, listed and read in a fresh process."""

from __future__ import annotations

import os
import tempfile
import time
import warnings
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING

import dask.array as da
import numpy as np
import xarray as xr
from affine import Affine
from odc.geo.geobox import GeoBox

from benchmarks.harness import Check, Table, Timing, at_most
from xcube_tiles.catalog.reader import open_catalog
from xcube_tiles.catalog.writer import to_catalog
from xcube_tiles.cube.cells import set_cell_type
from xcube_tiles.cube.georef import assign_geobox
from xcube_tiles.grid.celltype import CellType

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

OURS = "xcube_tiles: open, list, read"
DEFAULT = "xarray.open_zarr, as it is"
PLAIN = "xarray.open_zarr, chunks=None"
LAYER, OTHERS = "ndvi", ("evi", "lai")
TOP, LEFT, EDGE, CELL = 1488, 1000, 512, 10
WEST, NORTH = 500_000, 5_200_000


def window(quick: bool) -> tuple[Table, list[Check]]:
    """Measure a window of 512² of one date of many, read from a disk that isn't cached."""
    dates, size, rounds = (3, 2048, 2) if quick else (40, 2048, 9)
    with tempfile.TemporaryDirectory() as folder:
        make_catalog(folder, dates, size)
        contenders = {OURS: ours, DEFAULT: as_it_is, PLAIN: without_dask}
        timings = cold(contenders, folder, rounds)
    title = f"open, list and read 512² of {dates} x {size}² uint16, cold"
    checks = [
        at_most(f"{OURS} / {peer}", timings[OURS].ratio_to(timings[peer]), 1.3)
        for peer in (DEFAULT, PLAIN)
    ]
    return Table(title=title, timings=timings, reference=PLAIN), checks


def make_catalog(folder: str, dates: int, size: int) -> None:
    """Write a layer, and some small ones beside it."""
    random = np.random.default_rng(0).integers(1, 3000, (size, size)).astype("uint16")
    noise = da.from_array(random, chunks=2048)
    flat = da.full((size, size), 7, dtype="uint16", chunks=2048)
    times = np.datetime64("2018-05-01", "ns") + np.arange(dates) * np.timedelta64(1, "D")
    cells = da.stack([noise if at == 1 else flat for at in range(dates)])
    array = xr.DataArray(cells, {"time": times}, ("time", "y", "x"), name=LAYER)
    grid = GeoBox((size, size), Affine(CELL, 0, WEST, 0, -CELL, NORTH), "EPSG:32633")
    cube = assign_geobox(set_cell_type(array, CellType.parse("uint16ud0")), grid)
    to_catalog(cube, folder, LAYER)
    for name in OTHERS:
        to_catalog(cube[:1, :512, :512], folder, name)


def ours(folder: str) -> int:
    """Read the window by its extent and date."""
    catalog = open_catalog(folder)
    if LAYER not in catalog.layers:
        raise LookupError(LAYER)
    west, north = WEST + LEFT * CELL, NORTH - TOP * CELL
    extent = (west, north - EDGE * CELL, west + EDGE * CELL, north)
    cube = catalog.read(LAYER, extent=extent, time="2018-05-02")
    return int(cube[LAYER].values.sum(dtype="uint64"))


def as_it_is(folder: str) -> int:
    """Read the window by its position, with dask, as is xarray's default."""
    return _by_xarray(xr.open_zarr(f"{folder}/{LAYER}/0"))


def without_dask(folder: str) -> int:
    """Read the window by its position, without dask."""
    return _by_xarray(xr.open_zarr(f"{folder}/{LAYER}/0", chunks=None))


def _by_xarray(level: xr.Dataset) -> int:
    rows, cols = slice(TOP, TOP + EDGE), slice(LEFT, LEFT + EDGE)
    return int(level[LAYER].isel(time=1, y=rows, x=cols).values.sum(dtype="float64"))


def cold(
    contenders: Mapping[str, Callable[[str], int]], folder: str, rounds: int
) -> dict[str, Timing]:
    """Time each contender in a process of its own, in turns, and compare what they return."""
    names = list(contenders)
    seconds: dict[str, list[float]] = {name: [] for name in names}
    for turn in range(rounds):
        results = set()
        for name in names[turn % len(names) :] + names[: turn % len(names)]:
            forget(Path(folder))
            with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
                elapsed, result = pool.submit(_timed, contenders[name], folder).result()
            seconds[name].append(elapsed)
            results.add(result)
        if len(results) != 1:
            raise ValueError(f"the contenders disagree: {results!r}")
    return {name: Timing(seconds=tuple(values)) for name, values in seconds.items()}


def forget(folder: Path) -> None:
    """Drop the pages of all files of a folder from the system's cache."""
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("rb") as file:
                os.fsync(file.fileno())
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def _timed(call: Callable[[str], int], folder: str) -> tuple[float, int]:
    # Imports are no part of it: dask's first computation brings in all of distributed.
    import distributed  # noqa: F401

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # xarray would like the level's metadata consolidated
        start = time.perf_counter()
        result = call(folder)
        return time.perf_counter() - start, result
