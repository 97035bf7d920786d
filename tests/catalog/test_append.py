"""Slices appended to a layer: as if the layer had been written of the whole cube."""

from __future__ import annotations

import os
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from zarr.storage import MemoryStore

from tests.catalog.cubes import CORNER, cube_of
from tests.catalog.growing import assert_equal_layers, catalog_of, hashes, scenes
from xcube_tiles.catalog.reader import open_catalog
from xcube_tiles.catalog.stores.objects import get_document, keys_below
from xcube_tiles.catalog.writer import to_catalog
from xcube_tiles.errors import (
    CatalogError,
    CellTypeError,
    DimensionError,
    GridError,
    LayerNotFoundError,
)

if TYPE_CHECKING:
    from pathlib import Path


def test_one_more_slice_by_hand() -> None:
    catalog = catalog_of(MemoryStore(), cube_of([[[1, 3], [5, 7]]]), levels=2)
    times = np.array(["2018-05-09"], "datetime64[ns]")
    more = cube_of([[[2, -9999], [4, 6]]]).assign_coords(time=times)
    layer = catalog.append("layer", more)
    assert catalog.read("layer").band.values.tolist() == [[[1, 3], [5, 7]], [[2, -9999], [4, 6]]]
    assert np.asarray(layer.array("band", 1)[:]).tolist() == [[[4]], [[4]]]
    assert layer.times is not None
    assert layer.times.astype("datetime64[D]").astype(str).tolist() == ["2018-05-01", "2018-05-09"]
    event = layer.metadata["history"][-1]
    assert event["operation"] == "append"
    assert {name: event[name] for name in ("dim", "labels", "count")} == {
        "dim": "time", "labels": ["2018-05-09", "2018-05-09"], "count": 1
    }  # fmt: skip


@pytest.mark.parametrize("kind", ["folder", "memory"])
@pytest.mark.parametrize("options", [{}, {"sharded": False}, {"min_valid": 0.6}])
def test_equals_the_layer_of_the_whole_cube(
    tmp_path: Path, kind: str, options: dict[str, Any]
) -> None:
    place: Any = tmp_path if kind == "folder" else MemoryStore()
    whole = scenes(range(5))
    catalog = catalog_of(place, whole.isel(time=slice(0, 2)), **options)
    catalog.append("layer", whole.isel(time=slice(2, 4)))
    catalog.append("layer", whole.isel(time=4))  # its time is a scalar
    catalog_of(place, whole, "whole", **options)
    assert_equal_layers(catalog, "layer", "whole")
    assert [event["operation"] for event in catalog["layer"].metadata["history"]] == [
        "write", "append", "append"
    ]  # fmt: skip
    assert not [key for key in keys_below(catalog.store, "layer") if "/.build" in key]


@settings(max_examples=8)
@given(
    lengths=st.lists(st.integers(1, 3), min_size=2, max_size=3),
    size=st.tuples(st.integers(1, 40), st.integers(1, 40)),
    method=st.sampled_from(["mean", "mode", "median", "min", "sum", "nearest"]),
)
def test_any_lengths(lengths: list[int], size: tuple[int, int], method: Any) -> None:
    whole = scenes(range(sum(lengths)), size)
    options: dict[str, Any] = {"levels": None, "resampling": method, "shard": 16, "chunk": 8}
    store = MemoryStore()
    catalog = catalog_of(store, whole.isel(time=slice(0, lengths[0])), **options)
    ends = np.cumsum(lengths)
    for start, stop in pairwise(ends):
        catalog.append("layer", whole.isel(time=slice(start, stop)))
    catalog_of(store, whole, "whole", **options)
    assert_equal_layers(catalog, "layer", "whole")


@settings(max_examples=8)
@given(order=st.permutations(range(5)), first=st.integers(1, 4))
def test_late_slices_are_inserted(order: list[int], first: int) -> None:
    store = MemoryStore()
    catalog = catalog_of(store, scenes(sorted(order[:first]), (20, 30)))
    catalog.append("layer", scenes(order[first:], (20, 30)), insert=True)
    catalog_of(store, scenes(range(5), (20, 30)), "whole")
    assert_equal_layers(catalog, "layer", "whole")


def test_inserting_links_what_is_there(tmp_path: Path) -> None:
    catalog = catalog_of(tmp_path, scenes([0, 2, 4]))
    before = catalog["layer"]
    catalog.append("layer", scenes([1]), insert=True)
    old, new = (tmp_path / "layer" / path for path in ("0/band/c", "g2/0/band/c"))
    for source, target in ((0, 0), (1, 2), (2, 3)):
        for file in (old / str(source)).rglob("*"):
            if file.is_file():
                inner = file.relative_to(old / str(source))
                assert os.path.samefile(file, new / str(target) / inner)
    now = np.asarray(catalog["layer"].array("band", 0)[:])
    np.testing.assert_array_equal(before.array("band", 0)[:], now[[0, 2, 3]])


def test_a_part_of_the_grid_leaves_the_rest_empty() -> None:
    store = MemoryStore()
    whole = scenes(range(2))
    catalog = catalog_of(store, whole.isel(time=[0]))
    catalog.append("layer", whole.isel(time=[1], y=slice(11, 50), x=slice(33, 70)))
    expected = whole.copy(deep=True)
    outside = np.ones((70, 90), bool)
    outside[11:50, 33:70] = False
    expected.band.values[1, outside] = -9999
    catalog_of(store, expected, "whole")
    assert_equal_layers(catalog, "layer", "whole")


def test_zoomed_layers_take_any_grid() -> None:
    store = MemoryStore()
    whole = scenes(range(3), (40, 60))
    options: dict[str, Any] = {"scheme": "WebMercatorQuad", "shard": 256, "chunk": 256, "levels": 3}
    catalog = catalog_of(store, whole.isel(time=[0]), **options)
    catalog.append("layer", whole.isel(time=[1]))
    catalog_of(store, whole.isel(time=[2]), "alone", **options)
    catalog.append("layer", catalog.read("alone"))  # it is on that grid already
    catalog_of(store, whole, "whole", **options)
    assert_equal_layers(catalog, "layer", "whole")
    far = cube_of(np.ones((1, 40, 60)), corner=CORNER * CORNER.translation(40_000, 0))
    far = far.assign_coords(time=np.array(["2025-01-01"], "datetime64[ns]"))
    with pytest.raises(GridError, match=r"sticks out of layer 'layer':.* cells right of it"):
        catalog.append("layer", far)


def test_several_variables_and_cell_types() -> None:
    def cube(days: list[int]) -> xr.Dataset:
        band = scenes(days, (40, 50))
        classes = (band.band % 5).astype("uint8").rename("classes").drop_attrs(deep=False)
        classes.attrs["flag_values"] = [0, 1, 2, 3, 4]
        ratio = (band.band / 7).astype("float32").rename("ratio").drop_attrs(deep=False)
        height = band.band.isel(time=0, drop=True).rename("height")
        return xr.merge([band, classes, ratio, height], compat="override", combine_attrs="override")

    store = MemoryStore()
    catalog = catalog_of(store, cube([0]))
    with pytest.raises(CatalogError, match=r"has 'height' once for all slices.*drop_vars"):
        catalog.append("layer", cube([1]))
    with pytest.raises(CatalogError, match="the cube lacks 'ratio'"):
        catalog.append("layer", cube([1]).drop_vars(["height", "ratio"]))
    catalog.append("layer", cube([1]).drop_vars("height"))
    expected = cube([0, 1])
    expected["height"] = cube([0]).height
    catalog_of(store, expected, "whole")
    assert_equal_layers(catalog, "layer", "whole")


def with_clouds(cube: xr.Dataset, dtype: str = "float32") -> xr.Dataset:
    count = cube.sizes["time"]
    return cube.assign_coords(
        cloud=("time", np.arange(count, dtype=dtype)),
        orbit=("time", np.array([f"orbit {at}" for at in range(count)])),
    )


def test_coordinates_along_the_dimension_grow_as_well() -> None:
    store = MemoryStore()
    whole = with_clouds(scenes(range(4), (20, 30)))
    catalog = catalog_of(store, whole.isel(time=slice(0, 2)))
    catalog.append("layer", whole.isel(time=2))
    catalog.append("layer", whole.isel(time=[3]))
    catalog_of(store, whole, "whole")
    assert_equal_layers(catalog, "layer", "whole")
    more = scenes([9], (20, 30))
    wrong = with_clouds(more).assign_coords(cloud=("time", ["much"]))
    sunny = with_clouds(more).assign_coords(sun=("time", [1]))
    for cube, text in (
        (more, r"has the coordinate 'cloud' along 'time'.*assign_coords"),
        (sunny, r"has the coordinate 'sun' along 'time'.*drop_vars"),
        (wrong, "labels of 'cloud' are <U"),
    ):
        with pytest.raises(CatalogError, match=text):
            catalog.append("layer", cube)


def test_labels_that_dont_fit_the_stored_ones_move_the_layer() -> None:
    store = MemoryStore()
    half = np.timedelta64(500, "ms")
    whole = with_clouds(scenes(range(3), (20, 30)), "int16")
    late = whole.isel(time=[2])
    late = late.assign_coords(time=late.time + half, cloud=("time", [0.5]))
    catalog = catalog_of(store, whole.isel(time=slice(0, 2)))
    catalog.append("layer", late)
    assert catalog["layer"].levels[0].path == "g2/0"
    assert catalog["layer"].times is not None
    assert catalog["layer"].times[-1] == np.datetime64("2024-01-03T00:00:00.500", "ns")
    assert catalog.read("layer").cloud.values.tolist() == [0, 1, 0.5]
    catalog_of(store, xr.concat([whole.isel(time=slice(0, 2)), late], "time"), "whole")
    assert_equal_layers(catalog, "layer", "whole")


def test_seconds_fit_without_moving() -> None:
    catalog = catalog_of(MemoryStore(), scenes([0, 1], (20, 30)))
    late = scenes([2], (20, 30))
    catalog.append("layer", late.assign_coords(time=late.time + np.timedelta64(1, "s")))
    assert catalog["layer"].levels[0].path == "0"


@pytest.mark.parametrize("labels", [["S2", "L8", "S1"], [30, 10, 20], [0.5, 0.25, 4.0]])
def test_other_dimensions_grow_at_their_end(labels: list[Any]) -> None:
    store = MemoryStore()
    whole = scenes(range(3), (20, 30)).rename(time="kind").assign_coords(kind=labels)
    catalog = catalog_of(store, whole.isel(kind=[0]))
    catalog.append("layer", whole.isel(kind=[1, 2]), dim="kind")
    catalog_of(store, whole, "whole")
    assert_equal_layers(catalog, "layer", "whole")
    with pytest.raises(CatalogError, match=f"has {labels[1]} along 'kind' already"):
        catalog.append("layer", whole.isel(kind=[1]), dim="kind")


def test_a_dimension_without_labels() -> None:
    store = MemoryStore()
    whole = scenes(range(3), (20, 30)).drop_vars("time").rename(time="step")
    catalog = catalog_of(store, whole.isel(step=[0]))
    catalog.append("layer", whole.isel(step=[1, 2]), dim="step")
    catalog_of(store, whole, "whole")
    assert_equal_layers(catalog, "layer", "whole")


def test_more_than_a_chunk_of_labels(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("xcube_tiles.catalog.format.documents.COORD_CHUNK", 4)
    store = MemoryStore()
    catalog = catalog_of(store, scenes(range(3), (8, 8)), levels=2)
    before = catalog["layer"]
    for start, stop in ((3, 4), (4, 5), (5, 13)):
        catalog.append("layer", scenes(range(start, stop), (8, 8)))
    catalog_of(store, scenes(range(13), (8, 8)), "whole", levels=2)
    assert_equal_layers(catalog, "layer", "whole")
    assert before.times is not None
    assert before.times.size == 3


def test_who_has_it_open_sees_what_was_there(tmp_path: Path) -> None:
    catalog = catalog_of(tmp_path, scenes([0, 1]))
    layer, cube = catalog["layer"], catalog.read("layer")
    before = cube.compute()
    opened = xr.open_zarr(tmp_path / "layer" / "0", consolidated=True)
    catalog.append("layer", scenes([2]))
    xr.testing.assert_identical(cube.compute(), before)
    assert layer.array("band", 0).shape[0] == 2
    assert opened.load().sizes["time"] == 2
    assert xr.open_zarr(tmp_path / "layer" / "0", consolidated=True).sizes["time"] == 3
    layer.check_current()
    both = catalog.read("layer").isel(time=slice(0, 2)) - cube
    assert not both.band.any()


def test_what_is_written_is_in_proportion_to_the_slice(tmp_path: Path) -> None:
    catalog = catalog_of(tmp_path, scenes(range(12)))
    before = {path: path.stat().st_mtime_ns for path in files(tmp_path)}
    catalog.append("layer", scenes([12]))
    written = [p for p in files(tmp_path) if before.get(p) != p.stat().st_mtime_ns]
    cells = [path for path in written if "/band/c/" in str(path)]
    assert {path.relative_to(tmp_path).parts[4] for path in cells} == {"12"}
    assert not [path for path in before if "/band/c/" in str(path) and path in written]
    others = {path.name for path in written if "/c/" not in str(path)}
    assert {name for name in others if not name.startswith(".manifest")} == {"zarr.json"}


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def test_provenance_is_kept() -> None:
    cube = scenes([0], (20, 30)).assign_attrs(source="S2 L2A", history="cut")
    catalog = catalog_of(MemoryStore(), cube, provenance={"expression": "(nir-red)/(nir+red)"})
    layer = catalog.append("layer", scenes([1], (20, 30)), provenance={"source": "S2B"})
    assert layer.metadata["provenance"] == {
        "source": "S2 L2A", "history": "cut", "expression": "(nir-red)/(nir+red)"
    }  # fmt: skip
    assert layer.metadata["history"][-1]["provenance"] == {"source": "S2B"}


BASE, MORE = scenes([5, 6]), scenes([8])
TIME_8 = "2024-01-09"
SHIFTED = scenes([8], corner=CORNER * CORNER.translation(0.25, 0))
BAD: dict[str, tuple[Any, type[Exception], str]] = {
    "a known time": (scenes([6]), CatalogError, "has 2024-01-07 along 'time' already.*update"),
    "an overlap": (scenes([6, 7]), CatalogError, "has 2024-01-07 along 'time' already"),
    "an early time": (scenes([1]), CatalogError, "2024-01-02 comes before 2024-01-07.*insert=True"),
    "out of order": (scenes([9, 8]), CatalogError, "don't ascend.*sortby"),
    "a time twice": (scenes([8, 8]), CatalogError, "2024-01-09 twice.*drop_duplicates"),
    "no time": (MORE.isel(time=0, drop=True), DimensionError, "no dimension 'time'.*add_dim"),
    "no slices": (MORE.isel(time=slice(0, 0)), CatalogError, "no slices along 'time'"),
    "another CRS": (scenes([8], crs="EPSG:32632"), GridError, "EPSG:32632.*reproject"),
    "other cells": (scenes([8], corner=CORNER * CORNER.scale(2)), GridError, "20.0 x 20.0"),
    "between": (
        scenes([8], corner=CORNER * CORNER.translation(0.25, 0)),
        GridError,
        "0.25 columns",
    ),
    "beyond": (scenes([8], (71, 90)), GridError, "sticks out.*1 cells below it.*crop"),
    "another dtype": (scenes([8], cells="int32ud-9999"), CellTypeError, "convert"),
    "another NoData": (scenes([8], cells="int16ud-1"), CellTypeError, "int16ud-9999.*convert"),
    "another variable": (MORE.rename(band="nir"), CatalogError, "has the variables band"),
    "one more": (MORE.assign(nir=MORE.band), CatalogError, r"drop_vars\(\['nir'\]\)"),
    "a dimension": (MORE.rename(time="step"), DimensionError, "'step'.*'time'"),
    "text": (MORE.assign_coords(time=[TIME_8]), CatalogError, "labels of 'time' are <U10"),
    "a time before all": (
        MORE.assign_coords(time=np.array(["0850-01-01"], "datetime64[s]")),
        CatalogError,
        "'time' has the time 0850-01-01.*1678 to 2261",
    ),
    "no cube": ("2024-02-01.tif", CatalogError, "expected an xarray Dataset"),
}


@pytest.mark.parametrize("kind", BAD)
def test_bad_input_leaves_the_layer_as_it_is(kind: str) -> None:
    cube, error, text = BAD[kind]
    catalog = catalog_of(MemoryStore(), BASE)
    before = hashes(catalog.store)
    with pytest.raises(error, match=text):
        catalog.append("layer", cube)
    assert hashes(catalog.store) == before


def test_wrong_names() -> None:
    catalog = catalog_of(MemoryStore(), BASE)
    with pytest.raises(LayerNotFoundError, match=r"no layer 'ndvi'.*it has layer"):
        catalog.append("ndvi", scenes([8]))
    with pytest.raises(DimensionError, match="has no dimension 'step' to grow along; it has time"):
        catalog.append("layer", scenes([8]), dim="step")


def test_cells_without_nodata_come_whole() -> None:
    catalog = catalog_of(MemoryStore(), scenes([0], cells="int16raw"))
    with pytest.raises(CellTypeError, match="no NoData for the rest"):
        catalog.append("layer", scenes([1], cells="int16raw").isel(x=slice(0, 32)))


def test_a_layer_without_time_has_nothing_to_grow_along() -> None:
    catalog = catalog_of(MemoryStore(), cube_of([[1, 2]]), levels=1)
    with pytest.raises(DimensionError, match="it has none besides y and x"):
        catalog.append("layer", scenes([1]))


def test_documents_of_levels_agree_with_the_root() -> None:
    catalog = catalog_of(MemoryStore(), scenes([0]))
    catalog.append("layer", scenes([1]))
    root = get_document(catalog.store, "layer/zarr.json")
    assert root is not None
    for path, document in root["consolidated_metadata"]["metadata"].items():
        alone = get_document(catalog.store, f"layer/{path}/zarr.json")
        assert alone is not None
        alone.pop("consolidated_metadata", None)
        assert alone == document
    to_catalog(scenes([0]), catalog.store, "other")
    assert open_catalog(catalog.store).layers == ("layer", "other")
