"""The temporal median of a stack with gaps, against the reducers that people use for it."""

from __future__ import annotations

import warnings
from functools import partial
from typing import TYPE_CHECKING, Any

import bottleneck
import dask
import numpy as np
import xarray as xr

from benchmarks.harness import Report, Table, alternate, at_least, at_most, peak_memory
from xcube_tiles.algebra.reduce import reduce

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.harness import Check, Timing

DEPTH, CHUNK, NODATA = 24, 512, -9999


def run(quick: bool) -> Report:
    """Time medians side by side, and other reducers for information."""
    edge, rounds = (512, 3) if quick else (2048, 7)
    floats, integers = make_stack(edge), make_stack(edge, "int16")
    lazy = floats.chunk({"time": DEPTH, "y": CHUNK, "x": CHUNK})
    ours = partial(reduce, dim="time", reducer="median")
    timings = alternate(
        {
            "float32": lambda: ours(floats),
            "int16, NoData": lambda: ours(integers),
            "float32, dask": lambda: computed(ours(lazy)),
            "bottleneck.nanmedian": lambda: bottleneck.nanmedian(floats.values, axis=0),
        },
        rounds=rounds,
    )
    slow = alternate(
        {"float32": lambda: ours(floats), "xarray .median": lambda: floats.median("time")},
        rounds=1 if quick else 3,
    )
    return Report(
        name="reduce",
        setup=f"({DEPTH}, {edge}, {edge}) float32, 30 % NaN, median over time",
        tables=[
            Table(title="median", timings=timings, reference="float32"),
            Table(title="median, xarray's default", timings=slow, reference="float32"),
            *others(floats, rounds=1 if quick else 3),
        ],
        checks=[*speed_checks(timings, slow), memory_check(edge), equality_check(floats, integers)],
        peers=["bottleneck", "numbagg"],
    )


def make_stack(edge: int, dtype: str = "float32") -> xr.DataArray:
    """Return a stack of which 30 % are NoData; values repeat now and then."""
    generator = np.random.default_rng(20180524)
    cells = generator.integers(0, 10_000, (DEPTH, edge, edge), dtype=np.int16)
    for layer in cells:
        layer[generator.random(layer.shape, dtype=np.float32) < 0.3] = NODATA
    if dtype == "int16":
        return xr.DataArray(cells, dims=("time", "y", "x"), attrs={"_FillValue": NODATA})
    floats = cells.astype(dtype)
    floats[cells == NODATA] = np.nan
    floats /= np.float32(9_999)
    return xr.DataArray(floats, dims=("time", "y", "x"))


def computed(lazy: xr.DataArray) -> xr.DataArray:
    with dask.config.set(scheduler="threads"):
        return lazy.compute()


def speed_checks(timings: dict[str, Timing], slow: dict[str, Timing]) -> list[Check]:
    ours = timings["float32"]
    return [
        at_least("bottleneck / ours", timings["bottleneck.nanmedian"].ratio_to(ours), 6),
        at_least("xarray / ours", slow["xarray .median"].ratio_to(slow["float32"]), 20),
        at_most("int16 / float32", timings["int16, NoData"].ratio_to(ours), 1),
        at_most("dask / eager", timings["float32, dask"].ratio_to(ours), 1.6),
    ]


def memory_check(edge: int) -> Check:
    stack = DEPTH * edge * edge * 4
    memory = peak_memory(prepare_median, edge)
    return at_most("peak / (input + output)", memory.with_input / (stack + stack / DEPTH), 1.3)


def prepare_median(edge: int) -> Callable[[], object]:
    """Make the input, and compile on a corner of it."""
    stack = make_stack_in_place(edge)
    reduce(stack[:, :16, :16], "time", "median")
    return lambda: reduce(stack, "time", "median")


def make_stack_in_place(edge: int) -> xr.DataArray:
    """Return a stack that is made layer by layer: no temporary is part of the peak."""
    generator = np.random.default_rng(20180524)
    cells = np.empty((DEPTH, edge, edge), np.float32)
    for layer in cells:
        generator.random(out=layer, dtype=np.float32)
        layer[layer < 0.3] = np.nan
    return xr.DataArray(cells, dims=("time", "y", "x"))


def equality_check(floats: xr.DataArray, integers: xr.DataArray) -> Check:
    """Count the cells that differ from numpy in any bit, on a part that numpy can do in time."""
    part = {"y": slice(0, 256), "x": slice(0, 512)}
    differing = 0
    for stack in (floats.isel(part), integers.isel(part)):
        cells = stack.values.astype(np.float32)
        cells[stack.values == NODATA] = np.nan
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # all-NaN columns
            expected = np.nanmedian(cells, axis=0)
        got = reduce(stack, "time", "median").values
        differing += int((got.view(np.uint32) != expected.view(np.uint32)).sum())
    return at_most("cells unlike np.nanmedian in any bit", differing, 0)


def others(floats: xr.DataArray, *, rounds: int) -> list[Table]:
    """Return tables of further reducers."""
    pairs: dict[str, Any] = {
        "min": lambda: floats.min("time"),
        "mean": lambda: floats.mean("time"),
        "sum": lambda: floats.sum("time"),
        "sd": lambda: floats.std("time"),
    }
    tables = []
    for name, peer in pairs.items():
        call = partial(reduce, floats, "time", name)
        timings = alternate({"xcube_tiles": call, "xarray": peer}, rounds=rounds)
        tables.append(Table(title=name, timings=timings, reference="xcube_tiles"))
    return tables
