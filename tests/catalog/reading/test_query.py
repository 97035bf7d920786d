"""Questions: steps, keys, labels of several dimensions, and what reading costs."""

from __future__ import annotations

import pickle
from dataclasses import FrozenInstanceError
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import shapely
import xarray as xr
import zarr
from zarr.storage import MemoryStore

from tests.catalog.cubes import CORNER, cube_of, random_cube
from tests.catalog.reading.stores import CountingStore
from xcube_tiles.catalog.format.conventions import PRIVATE, layer_attributes
from xcube_tiles.catalog.reader import open_catalog
from xcube_tiles.catalog.writer import to_catalog
from xcube_tiles.cube.georef import geobox_of
from xcube_tiles.errors import CatalogError, LayerNotFoundError
from xcube_tiles.grid.keys import SpaceTimeKey, TileKey
from xcube_tiles.options import set_options

if TYPE_CHECKING:
    from pathlib import Path

    from xcube_tiles.catalog.model import Catalog

CUBE = random_cube((6, 40, 50), missing=0.1)
DAYS = ["2018-05-01", "2018-05-02", "2018-05-20", "2018-06-03", "2019-01-01", "2021-07-09"]
CUBE["time"] = np.array(DAYS, "datetime64[ns]")
LEFT, TOP = CORNER.c, CORNER.f


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    store = MemoryStore()
    flat = CUBE.band.isel(time=0, drop=True)
    to_catalog(CUBE.assign(flat=flat), store, "scene", levels=2, chunk=16, sharded=False)
    sea = CUBE.isel(time=slice(3)).rename(time="depth").assign_coords(depth=[0.0, 2.5, 10.0])
    to_catalog(sea, store, "sea")
    names = CUBE.isel(time=slice(2)).rename(time="sensor").assign_coords(sensor=["S1", "S2"])
    to_catalog(names, store, "sensors")
    bare = CUBE.isel(time=slice(3)).drop_vars("time")
    to_catalog(bare.rename(time="run"), store, "bare")
    return open_catalog(store)


def test_steps_of_time_are_and_lists_are_or(catalog: Catalog) -> None:
    query = catalog.query("scene").where(time=["2018-05", "2019"])
    np.testing.assert_array_equal(query.read().band, CUBE.band[[0, 1, 2, 4]])
    np.testing.assert_array_equal(query.read().time, CUBE.time[[0, 1, 2, 4]])
    later = query.where(time=("2018-05-02", None))
    np.testing.assert_array_equal(later.read().band, CUBE.band[[1, 2, 4]])
    one = later.where(time="2019-01-01").read()
    assert one.band.dims == ("y", "x")
    np.testing.assert_array_equal(one.band, CUBE.band[4])
    assert one.time == CUBE.time[4]
    with pytest.raises(CatalogError, match="no time of layer 'scene' is left: '2018-06' has none"):
        later.where(time="2018-06").read()


def test_steps_of_bands(catalog: Catalog) -> None:
    query = catalog.query("scene").where(bands=["flat", "band"])
    assert list(query.read()) == ["flat", "band"]
    assert list(query.where(bands="band").read()) == ["band"]
    with pytest.raises(CatalogError, match="no bands to read; layer 'scene' has band, flat"):
        query.where(bands="band").where(bands="flat").read()
    with pytest.raises(CatalogError, match="band 'band' is asked for twice"):
        query.where(bands=["band", "band"]).read()


def test_a_query_never_changes(catalog: Catalog) -> None:
    query = catalog.query("scene")
    assert query.where(time="2018-05") is not query
    assert query.zoom(1).read().sizes["x"] == 25
    assert query.read().sizes["x"] == 50
    with pytest.raises(FrozenInstanceError):
        query.conditions = ()  # type: ignore[misc]
    with pytest.raises(LayerNotFoundError, match="no layer 'other'"):
        catalog.query("other")


def test_a_query_without_conditions_is_the_layer(catalog: Catalog) -> None:
    xr.testing.assert_identical(catalog.query("scene").read(), catalog.read("scene"))
    for number, zoomed in enumerate(catalog["scene"].levels):
        whole = catalog.query("scene").zoom(zoomed.zoom).read()
        assert geobox_of(whole).shape == catalog["scene"].shape_of(number)


def test_keys_are_those_that_are_read(catalog: Catalog) -> None:
    square = shapely.box(LEFT + 10, TOP - 200, LEFT + 30, TOP - 150)
    query = catalog.query("scene").where(geometry=square, time=["2018-06", "2018-05-20"])
    keys = query.keys()
    wanted = [(0, row, day) for row in (0, 1) for day in DAYS[2:4]]
    assert keys == tuple(SpaceTimeKey(col, row, np.datetime64(day)) for col, row, day in wanted)
    store = CountingStore(catalog.store)
    with set_options(chunk_size=16):
        query = open_catalog(store).query("scene").where(bands="band")
        query.where(geometry=square, time=["2018-06", "2018-05-20"]).read().compute()
    read = {key for key in store.chunks if key.count("/") == 2}
    assert read == {"2/0/0", "2/1/0", "3/0/0", "3/1/0"}


def test_keys_in_order(catalog: Catalog) -> None:
    keys = catalog.query("scene").where(bands="flat").keys()
    assert keys == tuple(TileKey(col, row) for col in range(4) for row in range(3))
    everything = catalog.query("scene").keys()
    assert len(everything) == 12 * 6
    assert list(everything) == sorted(everything)
    assert catalog.query("sea").keys() == (TileKey(0, 0),)
    coarse = catalog.query("scene").zoom(1).where(bands="flat").keys()
    assert len(coarse) == 4


def test_keys_of_overzoom_are_those_of_the_parent(catalog: Catalog) -> None:
    corner = (LEFT + 161, TOP - 40, LEFT + 164, TOP - 30)
    query = catalog.query("scene").where(extent=corner, bands="flat")
    assert query.zoom(-1, overzoom="nearest").keys() == (TileKey(1, 0),)
    # Interpolation needs the cells around.
    assert query.zoom(-1, overzoom="bilinear").keys() == (TileKey(0, 0), TileKey(1, 0))


@pytest.mark.parametrize(
    ("layer", "sel", "index"),
    [
        ("sea", {"depth": 2.5}, {"depth": 1}),
        ("sea", {"depth": [10, 0]}, {"depth": [0, 2]}),
        ("sea", {"depth": (1, None)}, {"depth": [1, 2]}),
        ("sensors", {"sensor": "S2"}, {"sensor": 1}),
        ("sensors", {"sensor": ["S2"]}, {"sensor": [1]}),
        ("bare", {"run": [0, 2]}, {"run": [0, 2]}),
        ("scene", {"time": "2018-05"}, {"time": [0, 1, 2]}),
    ],
)
def test_labels_of_any_dimension(
    catalog: Catalog, layer: str, sel: dict[str, Any], index: dict[str, Any]
) -> None:
    whole = catalog.read(layer).compute()
    xr.testing.assert_identical(catalog.read(layer, sel=sel).compute(), whole.isel(index))


@pytest.mark.parametrize(
    ("layer", "selection", "text"),
    [
        ("sea", {"sel": {"depth": 3}}, "no depth 3; it has 0.0, 2.5, 10.0"),
        ("sea", {"sel": {"level": 3}}, "no dimension 'level' besides y and x; it has depth"),
        ("sea", {"sel": {"x": 3}}, "no dimension 'x' .*; choose cells by extent="),
        ("sea", {"time": "2018"}, "layer 'sea' has no time dimension to select '2018' from"),
        ("scene", {"time": "2018", "sel": {"time": "2018"}}, "'time' is selected twice"),
        ("sensors", {"sel": {"sensor": 1}}, "no sensor 1; it has S1, S2"),
    ],
)
def test_labels_that_arent_there(
    catalog: Catalog, layer: str, selection: dict[str, Any], text: str
) -> None:
    with pytest.raises(CatalogError, match=text):
        catalog.read(layer, **selection)


def test_two_leading_dimensions() -> None:
    store = MemoryStore()
    zarr.create_group(store)
    cells = np.arange(3 * 4 * 6 * 8, dtype="int16").reshape(3, 4, 6, 8)
    flat = cube_of(cells[0, 0])
    data = xr.Dataset(
        {"band": (("depth", "time", "y", "x"), cells, {"_FillValue": -1})},
        {"depth": [0.0, 5.0, 9.0], "time": CUBE.time.values[:4], "y": flat.y, "x": flat.x},
    )
    data.to_zarr(
        store, group="four/0", consolidated=False, encoding={"band": {"chunks": (2, 2, 4, 4)}}
    )
    four = zarr.open_group(store, path="four")
    four.update_attributes({**layer_attributes([geobox_of(flat)]), PRIVATE: {"version": 1}})
    catalog = open_catalog(store)
    layer = catalog["four"]
    assert layer.times is not None
    np.testing.assert_array_equal(layer.times, CUBE.time[:4])
    query = catalog.query("four").where(sel={"depth": [9, 0]}, time=["2018-05-01", "2018-06"])
    found = query.read()
    np.testing.assert_array_equal(found.band, cells[np.ix_([0, 2], [0, 3])])
    np.testing.assert_array_equal(found.depth, [0, 9])
    # Positions in one chunk are read together.
    assert catalog.read("four").band.chunks[:2] == ((2, 1), (2, 2))
    one = query.where(sel={"depth": 9}, time="2018-05-01", extent=(LEFT, TOP - 10, LEFT + 10, TOP))
    assert one.read().band.values.tolist() == [[cells[2, 0, 0, 0]]]
    assert [str(key.instant)[:10] for key in query.keys()[:2]] == [DAYS[0], DAYS[3]]  # type: ignore[union-attr]


def test_opening_is_one_request(catalog: Catalog) -> None:
    store = CountingStore(catalog.store)
    opened = open_catalog(store)
    assert store.got.total() == 1
    store.got.clear()
    layer = opened["scene"]
    _ = layer.variables, layer.attrs, layer.extent, layer.cell_type("band"), layer.dims("band")
    assert dict(store.got) == {"scene/zarr.json": 1}


def test_listing_reads_one_document_of_each(catalog: Catalog) -> None:
    store = CountingStore(catalog.store)
    opened = open_catalog(store)
    store.got.clear()
    assert opened.layers == ("bare", "scene", "sea", "sensors")
    assert set(store.got) == {f"{name}/zarr.json" for name in opened.layers}
    assert set(store.got.values()) == {2}  # listed twice above


def test_a_window_reads_its_chunks_and_labels(catalog: Catalog) -> None:
    store = CountingStore(catalog.store)
    opened = open_catalog(store)
    store.got.clear()
    corner = (LEFT, TOP - 160, LEFT + 160, TOP)
    opened.read("scene", extent=corner, time="2018-05-02", bands="band").compute()
    assert store.got == {"scene/zarr.json": 1, "scene/0/time/c/0": 1, "scene/0/band/c/1/0/0": 1}


def test_readers_stay_small(tmp_path: Path) -> None:
    layer = to_catalog(CUBE, tmp_path / "c.zarr", "scene")
    query = open_catalog(tmp_path / "c.zarr").query("scene")
    cube = query.where(extent=(LEFT, TOP - 20, LEFT + 20, TOP)).read()
    again = pickle.loads(pickle.dumps(cube))
    np.testing.assert_array_equal(again.band, CUBE.band[:, :2, :2])
    assert layer.name == "scene"
