"""Windows of a layer replaced: as if the layer had been written of the changed cube."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from zarr.storage import MemoryStore

from tests.catalog.cubes import CORNER, cube_of
from tests.catalog.growing import assert_equal_layers, catalog_of, hashes, scenes
from xcube_tiles.catalog.stores.objects import keys_below
from xcube_tiles.errors import CatalogError, CellTypeError, GridError
from xcube_tiles.grid.keys import TileKey

if TYPE_CHECKING:
    from pathlib import Path

    import xarray as xr

NODATA = -9999


def changed(cube: xr.Dataset, rows: slice, cols: slice, times: list[int]) -> xr.Dataset:
    """Return a cube with other cells in a window."""
    other = scenes([100 + at for at in times], (cube.sizes["y"], cube.sizes["x"]))
    result = cube.copy(deep=True)
    result.band.values[times, rows, cols] = other.band.values[:, rows, cols]
    return result


def test_one_cell_by_hand() -> None:
    catalog = catalog_of(MemoryStore(), cube_of([[1, 3, 9], [5, 7, 9]]), levels=2)
    patch = cube_of([[11]], corner=CORNER * CORNER.translation(1, 0))
    layer = catalog.update("layer", patch)
    assert catalog.read("layer").band.values.tolist() == [[1, 11, 9], [5, 7, 9]]
    assert np.asarray(layer.array("band", 1)[:]).tolist() == [[6, 9]]  # (1 + 11 + 5 + 7) / 4
    event = layer.metadata["history"][-1]
    assert event["operation"] == "update"
    assert (event["rows"], event["cols"], event["variables"]) == ([0, 1], [1, 2], ["band"])


spans = st.tuples(st.integers(0, 1_000_000), st.integers(1, 1_000_000))


def span(numbers: tuple[int, int], size: int) -> slice:
    """Return a part of a range, which isn't empty, for two numbers."""
    start = numbers[0] % size
    return slice(start, start + 1 + numbers[1] % (size - start))


@settings(max_examples=12)
@given(
    size=st.tuples(st.integers(1, 50), st.integers(1, 50)),
    parts=st.tuples(spans, spans),
    times=st.lists(st.integers(0, 3), min_size=1, max_size=3, unique=True),
    method=st.sampled_from(["mean", "mode", "median", "max", "sum", "nearest"]),
    raw=st.booleans(),
    lazy=st.booleans(),
)
def test_any_window(
    size: tuple[int, int], parts: Any, times: list[int], method: Any, raw: bool, lazy: bool
) -> None:
    before = scenes(range(4), size, cells="int16raw" if raw else "int16ud-9999")
    rows, cols = (span(part, length) for part, length in zip(parts, size, strict=True))
    after = changed(before, rows, cols, times)
    options: dict[str, Any] = {
        "levels": None,
        "resampling": method,
        "shard": 16,
        "chunk": 8,
        "min_valid": 0.3,
    }
    store = MemoryStore()
    catalog = catalog_of(store, before, **options)
    patch = after.isel(time=times, y=rows, x=cols)
    catalog.update("layer", patch.chunk(time=1, y=7, x=9) if lazy else patch)
    catalog_of(store, after, "whole", **options)
    assert_equal_layers(catalog, "layer", "whole")


def test_updates_and_appends_after_each_other(tmp_path: Path) -> None:
    catalog = catalog_of(tmp_path, scenes([0, 1]))
    state = scenes([0, 1, 2, 3])
    catalog.append("layer", state.isel(time=[2]))
    for number, window in enumerate([(slice(3, 9), slice(60, 90)), (slice(40, 70), slice(0, 33))]):
        patched = changed(state, *window, [number])
        catalog.update("layer", patched.isel(time=[number], y=window[0], x=window[1]))
        state = patched
    catalog.append("layer", state.isel(time=[3]))
    catalog_of(tmp_path, state, "whole")
    assert_equal_layers(catalog, "layer", "whole")
    assert sorted(os.listdir(tmp_path / "layer"))[-2:] == ["g4", "zarr.json"]


def test_only_valid_cells_replace() -> None:
    store = MemoryStore()
    before, patch = scenes([0]), scenes([7])
    catalog = catalog_of(store, before)
    catalog.update("layer", patch.assign_coords(time=before.time), overlay="valid")
    after = before.copy(deep=True)
    valid = patch.band.values != NODATA
    after.band.values[valid] = patch.band.values[valid]
    catalog_of(store, after, "whole")
    assert_equal_layers(catalog, "layer", "whole")


def test_only_some_tiles_change() -> None:
    store = MemoryStore()
    before, other = scenes([0], (600, 700)), scenes([1], (600, 700))
    options: dict[str, Any] = {"shard": 128, "chunk": 64}
    catalog = catalog_of(store, before, **options)
    keys = [TileKey(col=0, row=0), TileKey(col=2, row=1)]
    catalog.update("layer", other.assign_coords(time=before.time), keys=keys)
    after = before.copy(deep=True)
    for rows, cols in ((slice(0, 256), slice(0, 256)), (slice(256, 512), slice(512, 700))):
        after.band.values[:, rows, cols] = other.band.values[:, rows, cols]
    catalog_of(store, after, "whole", **options)
    assert_equal_layers(catalog, "layer", "whole")


def test_what_isnt_touched_is_linked(tmp_path: Path) -> None:
    cube = scenes([0, 1], (96, 96))
    catalog = catalog_of(tmp_path, cube)
    catalog.update("layer", changed(cube, slice(33, 40), slice(0, 32), [1]).isel(
        time=[1], y=slice(33, 40), x=slice(0, 32)))  # fmt: skip
    old, new = tmp_path / "layer", tmp_path / "layer" / "g2"
    fresh = []
    for file in sorted(new.rglob("c/**/*")):
        if file.is_file():
            inner = file.relative_to(new)
            if not os.path.samefile(file, old / inner):
                fresh.append(str(inner))
    assert fresh == ["0/band/c/1/1/0", "1/band/c/1/0/0", "2/band/c/1/0/0", "3/band/c/1/0/0"]


def test_who_has_it_open_sees_what_was_there() -> None:
    catalog = catalog_of(MemoryStore(), scenes([0, 1]))
    cube = catalog.read("layer")
    before = cube.band.values
    late = scenes([5]).assign_coords(time=cube.time[:1])
    catalog.update("layer", late)
    np.testing.assert_array_equal(cube.band.values, before)
    now = catalog.read("layer")
    np.testing.assert_array_equal(now.band.values[0], late.band.values[0])
    # both in one graph: no name of a task stands for both
    np.testing.assert_array_equal((now.band == cube.band).values, now.band.values == before)
    catalog.update("layer", late)
    with pytest.raises(CatalogError, match="was replaced while it was read"):
        cube.band.values.sum()


def test_a_layer_is_updated_from_itself() -> None:
    store = MemoryStore()
    before = scenes([0, 1])
    catalog = catalog_of(store, before)
    doubled = catalog.read("layer").tiles.expression("band * 2", name="band")
    catalog.update("layer", doubled.tiles.convert("int16ud-9999"))
    expected = before.band.values.copy()
    expected[expected != NODATA] *= 2
    np.testing.assert_array_equal(catalog.read("layer").band.values, expected)


def test_layers_without_time() -> None:
    store = MemoryStore()
    before, other = scenes([0]).isel(time=0, drop=True), scenes([1]).isel(time=0, drop=True)
    catalog = catalog_of(store, before)
    catalog.update("layer", other.isel(y=slice(20, 31), x=slice(80, 90)))
    after = before.copy(deep=True)
    after.band.values[20:31, 80:90] = other.band.values[20:31, 80:90]
    catalog_of(store, after, "whole")
    assert_equal_layers(catalog, "layer", "whole")


def test_zoomed_layers_take_any_grid_where_it_is_valid() -> None:
    store = MemoryStore()
    options: dict[str, Any] = {"scheme": "WebMercatorQuad", "shard": 256, "chunk": 256, "levels": 3}
    catalog = catalog_of(store, scenes([0], (40, 60)), **options)
    patch = scenes([1], (40, 60)).assign_coords(time=scenes([0]).time)
    with pytest.raises(GridError, match=r"isn't on the grid.*overlay='valid'"):
        catalog.update("layer", patch)
    before = catalog.read("layer").band.values
    catalog.update("layer", patch, overlay="valid")
    catalog_of(store, patch, "patch", **options)
    fresh = catalog.read("patch").band.values
    expected = np.where(fresh == NODATA, before, fresh)
    np.testing.assert_array_equal(catalog.read("layer").band.values, expected)


BASE = scenes([5, 6])
BAD: dict[str, tuple[Any, dict[str, Any], type[Exception], str]] = {
    "a new time": (scenes([8]), {}, CatalogError, "has no 2024-01-09 along 'time'.*append"),
    "a time twice": (scenes([5, 5]), {}, CatalogError, "2024-01-06 twice"),
    "no slices": (BASE.isel(time=slice(0, 0)), {}, CatalogError, "no slices along 'time'"),
    "another CRS": (scenes([5], crs="EPSG:32632"), {}, GridError, "EPSG:32632.*reproject"),
    "between": (
        scenes([5], corner=CORNER * CORNER.translation(0, 0.5)), {}, GridError, "rows and 0 columns"
    ),
    "beyond": (
        scenes([5], corner=CORNER * CORNER.translation(-2, 0)), {}, GridError, "2 cells left of it"
    ),
    "another dtype": (scenes([5], cells="int32ud-9999"), {}, CellTypeError, "convert"),
    "another variable": (BASE.rename(band="nir"), {}, CatalogError, "has the variables band"),
    "an overlay": (BASE, {"overlay": "some"}, CatalogError, "unknown overlay 'some'.*all, valid"),
    "no keys": (BASE, {"keys": []}, CatalogError, "keys is empty"),
    "a far key": (
        BASE, {"keys": [TileKey(col=3, row=0)]}, CatalogError, "isn't one that the cube touches"
    ),
    "a pair": (BASE, {"keys": [(0, 0)]}, CatalogError, r"TileKey\(col=, row=\), got \(0, 0\)"),
}  # fmt: skip


@pytest.mark.parametrize("kind", BAD)
def test_bad_input_leaves_the_layer_as_it_is(kind: str) -> None:
    cube, options, error, text = BAD[kind]
    catalog = catalog_of(MemoryStore(), BASE)
    before = hashes(catalog.store)
    with pytest.raises(error, match=text):
        catalog.update("layer", cube, **options)
    assert hashes(catalog.store) == before
    assert not [key for key in keys_below(catalog.store, "") if ".lock" in key]
