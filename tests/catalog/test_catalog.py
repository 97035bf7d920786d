"""Layers written and read back, in one process."""

from __future__ import annotations

import json
import pickle
import tempfile
import weakref
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING, Any

import dask
import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from zarr.storage import MemoryStore

from tests.catalog.cubes import cells_of, cube_of, days, random_cube
from tests.catalog.test_conventions import check_schema
from xcube_tiles.catalog.model import Catalog
from xcube_tiles.catalog.pyramids.pyramid import pyramid
from xcube_tiles.catalog.reader import open_catalog
from xcube_tiles.catalog.writer import to_catalog
from xcube_tiles.cube.blocks import from_reader
from xcube_tiles.cube.cells import cell_type_of
from xcube_tiles.cube.georef import geobox_of
from xcube_tiles.cube.keycoords import KEY_ATTR, key_coord, keys_of
from xcube_tiles.errors import CatalogError
from xcube_tiles.options import set_options
from xcube_tiles.testing.asserts import CountingReader, assert_lazy, assert_same_cells
from xcube_tiles.testing.strategies import cubes

if TYPE_CHECKING:
    from xcube_tiles.render.source import TileSource


@given(cube=cubes())
@settings(max_examples=30)
def test_what_is_written_is_read(cube: xr.Dataset) -> None:
    with tempfile.TemporaryDirectory() as folder:
        to_catalog(cube, folder, "layer")
        catalog = open_catalog(folder)
        with assert_lazy():
            found = catalog.read("layer")
        assert set(found.data_vars) == set(cube.data_vars)
        for name, array in cube.data_vars.items():
            assert_same_cells(found[name], array)
            assert cell_type_of(found[name]) == cell_type_of(array)
        assert geobox_of(found) == geobox_of(cube)
        np.testing.assert_array_equal(found.time.values, cube.time.values)


@pytest.fixture
def folder(tmp_path: Path) -> str:
    return str(tmp_path / "catalog.zarr")


def test_a_layer_knows_what_it_is(folder: str) -> None:
    cube = random_cube((3, 300, 520))
    cube.attrs["title"] = "a scene"
    cube.band.attrs |= {"units": "1", "long_name": "index", "valid_range": np.array([-1, 1])}
    to_catalog(cube, folder, "scene")
    layer = open_catalog(folder)["scene"]
    assert layer.name == "scene"
    assert layer.variables == ("band",)
    assert [level.shape for level in layer.levels] == [(300, 520), (150, 260), (75, 130)]
    assert [level.resolution for level in layer.levels] == [(10, 10), (20, 20), (40, 40)]
    assert layer.crs.epsg == 32633
    assert layer.extent.bounds == layer.levels[0].extent.bounds
    assert layer.attrs == {"title": "a scene"}
    assert layer.variable_attrs("band") == {
        "units": "1",
        "long_name": "index",
        "valid_range": [-1, 1],
    }
    assert layer.cell_type("band").name == "int16ud-9999"
    np.testing.assert_array_equal(layer.times, days(3))
    assert repr(layer) == "<Layer 'scene': band; EPSG:32633; 3 levels, 300 x 520 to 75 x 130>"


def test_raw_reads_see_the_padding_and_no_mask(folder: str) -> None:
    values = np.arange(15).reshape(3, 5)
    layer = to_catalog(cube_of(values), folder, "scene", levels=3)
    whole = layer.read("band", level=0, rows=slice(0, 4), cols=slice(0, 8))
    np.testing.assert_array_equal(whole[:3, :5], values)
    assert (whole[3:] == -9999).all()
    part = layer.read("band", level=0, rows=slice(1, 3), cols=slice(2, 4))
    np.testing.assert_array_equal(part, values[1:3, 2:4])


def test_raw_reads_of_one_time_and_of_all(folder: str) -> None:
    cube = random_cube((3, 20, 30))
    layer = to_catalog(cube, folder, "scene")
    window: dict[str, Any] = {"level": 0, "rows": slice(2, 4), "cols": slice(5, 9)}
    np.testing.assert_array_equal(
        layer.read("band", time=1, **window), cube.band.values[1, 2:4, 5:9]
    )
    np.testing.assert_array_equal(layer.read("band", **window), cube.band.values[:, 2:4, 5:9])


def test_a_layer_is_a_source_of_tiles(folder: str) -> None:
    source: TileSource = to_catalog(random_cube((3, 300, 300)), folder, "scene")
    assert len(source.geoboxes) == 2
    cells = source.read("band", level=1, rows=slice(0, 9), cols=slice(3, 5), time=2)
    assert cells.shape == (9, 2)


def test_catalogs_and_layers_pickle(folder: str) -> None:
    cube = random_cube((20, 30))
    to_catalog(cube, folder, "scene")
    catalog = pickle.loads(pickle.dumps(open_catalog(folder)))
    layer = pickle.loads(pickle.dumps(catalog["scene"]))
    found = layer.read("band", level=0, rows=slice(None), cols=slice(None))
    np.testing.assert_array_equal(found, cube.band)


def test_an_array_is_opened_once(folder: str) -> None:
    layer = to_catalog(random_cube((20, 30)), folder, "scene")
    assert layer.array("band", 0) is layer.array("band", 0)


def test_opening_a_layer_reads_one_document(keys_read: list[str]) -> None:
    store = MemoryStore()
    to_catalog(random_cube((300, 300)), store, "scene")
    catalog = open_catalog(store)
    keys_read.clear()
    layer = catalog["scene"]
    layer.array("band", 1)
    assert {key for key in keys_read if "zarr.json" in key} == {"scene/zarr.json"}


@pytest.fixture
def keys_read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Keys of a store in memory, in the order in which they are read."""
    keys: list[str] = []
    get = MemoryStore.get

    async def noted(self: MemoryStore, key: str, *args: Any, **options: Any) -> Any:
        keys.append(key)
        return await get(self, key, *args, **options)

    monkeypatch.setattr(MemoryStore, "get", noted)
    return keys


def test_listing_reads_no_levels(keys_read: list[str]) -> None:
    store = MemoryStore()
    for name in ("b", "a"):
        to_catalog(random_cube((300, 300)), store, name)
    keys_read.clear()
    assert open_catalog(store).layers == ("a", "b")
    assert sorted(set(keys_read)) == ["a/zarr.json", "b/zarr.json", "zarr.json"]


def test_each_block_is_read_once_and_nothing_is_computed_twice(folder: str) -> None:
    values = random_cube((2, 600, 700)).band.values
    reader = CountingReader(values)
    data = from_reader(
        reader, shape=values.shape, chunks=(1, 256, 256), dtype=values.dtype, name="s", token="t"
    )
    cube = cube_of(values)
    cube["band"] = cube.band.copy(data=data)
    to_catalog(cube, folder, "scene", shard=512)
    assert len(reader.reads) == 2 * 3 * 3
    assert len({str(read) for read in reader.reads}) == len(reader.reads)


@pytest.mark.parametrize("size", [512, 1024])
def test_blocks_of_the_source_dont_pile_up(folder: str, size: int) -> None:
    source = CountedBlocks()
    data = from_reader(
        source, shape=(size, size), chunks=64, dtype="int16", name="counted", token=size
    )
    cube = cube_of(np.zeros((size, size)))
    cube["band"] = cube.band.copy(data=data)
    with dask.config.set(scheduler="threads", num_workers=2):
        to_catalog(cube, folder, "scene", shard=128, chunk=128)
    # Two workers, each with the four blocks that make a shard, and one to spare for each.
    assert source.most <= 2 * (4 + 1)
    assert source.now == 0


class CountedBlocks:
    """Reads ones, and counts the blocks that are still in memory."""

    def __init__(self) -> None:
        self.now = self.most = 0
        self.lock = RLock()

    def __call__(self, index: tuple[slice, ...]) -> Any:
        block = np.ones([part.stop - part.start for part in index], "int16")
        self._add(1)
        weakref.finalize(block, self._add, -1)
        return block

    def _add(self, number: int) -> None:
        with self.lock:
            self.now += number
            self.most = max(self.most, self.now)


@pytest.mark.parametrize("shape", [(1, 1), (3, 5), (257, 300), (2, 513, 40)])
@pytest.mark.parametrize("sharded", [True, False])
def test_every_size_is_written(folder: str, shape: tuple[int, ...], sharded: bool) -> None:
    cube = random_cube(shape)
    to_catalog(cube, folder, "scene", sharded=sharded, chunk=64, shard=128)
    np.testing.assert_array_equal(open_catalog(folder).read("scene").band, cube.band)


def test_levels_on_disk_equal_those_of_the_tree(folder: str) -> None:
    tree = pyramid(random_cube((2, 300, 520)), levels=4)
    layer = to_catalog(tree, folder, "scene")
    for level in range(4):
        stored = layer.read("band", level=level, rows=slice(None), cols=slice(None))
        np.testing.assert_array_equal(stored, cells_of(tree, level))


def test_blocks_of_a_tree_become_whole_shards(folder: str) -> None:
    tree = pyramid(random_cube((300, 520)), block=100)
    layer = to_catalog(tree, folder, "scene", chunk=32, shard=64)
    for level in range(3):
        stored = layer.read("band", level=level, rows=slice(None), cols=slice(None))
        np.testing.assert_array_equal(stored, cells_of(tree, level))


def test_chunks_and_shards(folder: str) -> None:
    layer = to_catalog(random_cube((2, 300, 520)), folder, "scene", chunk=32, shard=128, levels=4)
    found = [(layer.array("band", n).chunks, layer.array("band", n).shards) for n in range(4)]
    assert found == [((1, 32, 32), (1, 128, 128))] * 3 + [((1, 32, 32), None)]
    document = json.loads(Path(folder, "scene/3/band/zarr.json").read_text())
    assert [codec["name"] for codec in document["codecs"]] == ["bytes", "blosc", "crc32c"]
    blosc = document["codecs"][1]["configuration"]
    assert (blosc["cname"], blosc["clevel"], blosc["shuffle"]) == ("zstd", 3, "shuffle")
    flat = to_catalog(random_cube((600, 600)), folder, "flat", sharded=False)
    assert (flat.array("band", 0).chunks, flat.array("band", 0).shards) == ((512, 512), None)


def test_blocks_of_nodata_take_no_room(folder: str) -> None:
    values = np.full((512, 512), -9999)
    values[:256, :256] = 1
    to_catalog(cube_of(values), folder, "scene", sharded=False, chunk=256, levels=1)
    assert [path.name for path in Path(folder, "scene/0/band/c/0").iterdir()] == ["0"]
    assert not Path(folder, "scene/0/band/c/1").exists()


@pytest.mark.parametrize(
    ("cells", "fill", "attribute"),
    [
        ("int16ud-9999", -9999, -9999),
        ("uint8ud255", 255, 255),
        ("uint8raw", 0, None),
        ("float32", "NaN", "AAAAAAAA+H8="),
        ("float32ud-9999", -9999.0, "AAAAAICHw8A="),
        ("bool", False, None),
    ],
)
def test_fill_value_equals_nodata(folder: str, cells: str, fill: object, attribute: object) -> None:
    to_catalog(cube_of([[1, 0], [0, 1]], cells=cells), folder, "scene")
    document = json.loads(Path(folder, "scene/0/band/zarr.json").read_text())
    assert document["fill_value"] == fill
    assert document["attributes"].get("_FillValue") == attribute
    assert document["attributes"]["grid_mapping"] == "spatial_ref"
    assert document["dimension_names"] == ["y", "x"]


def test_every_document_passes_the_schemas(folder: str) -> None:
    to_catalog(random_cube((2, 300, 520)), folder, "scene")
    root = json.loads(Path(folder, "scene/zarr.json").read_text())
    for name in ("multiscales", "geo-proj", "spatial"):
        check_schema(name, root)
    for path in ("0", "1", "2", "0/band", "2/band"):
        for name in ("geo-proj", "spatial"):
            check_schema(name, json.loads(Path(folder, "scene", path, "zarr.json").read_text()))
    assert root["consolidated_metadata"]["kind"] == "inline"
    assert set(root["consolidated_metadata"]["metadata"]) == {
        f"{level}{array}"
        for level in "012"
        for array in ("", "/band", "/time", "/x", "/y", "/spatial_ref")
    }


def test_coordinates_survive(folder: str) -> None:
    cube = random_cube((3, 20, 30)).assign_coords(
        sensor="S2",
        run=np.timedelta64(6, "h"),
        processed=np.datetime64("2020-02-03T04:05", "ns"),
        orbit=("time", ["A", "D", "A"]),
        cloudiness=("time", [0.5, 1.0, 0.25], {"units": "1"}),
    )
    to_catalog(cube, folder, "scene")
    found = open_catalog(folder).read("scene")
    assert set(found.coords) == set(cube.coords)
    for name, coord in cube.coords.items():
        np.testing.assert_array_equal(found[name].values, coord.values)
        assert found[name].dims == coord.dims
    assert found.cloudiness.attrs == {"units": "1"}


def test_keys_survive(folder: str) -> None:
    cube = random_cube((3, 20, 30)).rename(time="sensor")
    cube = cube.assign_coords(
        sensor=key_coord("sensor", "sensor", ["S1", "S2", "L8"]),
        type=key_coord("type", "type", "indices"),
    )
    cube.attrs[KEY_ATTR] = "band"
    layer = to_catalog(cube, folder, "scene")
    assert layer.times is None
    found = open_catalog(folder).read("scene")
    assert keys_of(found) == keys_of(cube)
    assert found.band.sel(sensor="S2").equals(cube.band.sel(sensor="S2"))
    with pytest.raises(CatalogError, match="no time dimension to select '2018' from"):
        open_catalog(folder).read("scene", time="2018")


def test_any_georeferenced_array_becomes_a_layer(folder: str) -> None:
    south_up = xr.DataArray(
        np.arange(6.0).reshape(2, 3),
        coords={"lat": [0.5, 1.5], "lon": [10.5, 11.5, 12.5]},
        dims=("lat", "lon"),
        name="t",
    )
    layer = to_catalog(south_up, folder, "scene")
    assert layer.crs.epsg == 4326
    assert layer.extent.bounds == (10, 0, 13, 2)
    found = open_catalog(folder).read("scene").t
    assert found.dims == ("y", "x")
    np.testing.assert_array_equal(found, south_up[::-1])


@pytest.mark.parametrize("name", ["a/b", "", 3])
def test_names_that_no_variable_can_have(folder: str, name: object) -> None:
    cube = random_cube((4, 4)).rename({"band": name})
    with pytest.raises(CatalogError, match="can't be stored: a name is text without '/'"):
        to_catalog(cube, folder, "scene")


@pytest.mark.parametrize("unit", ["D", "h", "m", "s", "ms", "us", "ns"])
def test_times_are_exact(folder: str, unit: str) -> None:
    cube = random_cube((2, 4, 4))
    steps = np.array([3, 10_000]).astype(f"timedelta64[{unit}]")
    times = (np.datetime64("1965-01-01", "ns") + steps).astype("datetime64[ns]")
    cube = cube.assign_coords(time=times)
    to_catalog(cube, folder, "scene", overwrite=True)
    np.testing.assert_array_equal(open_catalog(folder).read("scene").time.values, times)
    with xr.open_zarr(folder, group="scene/0", consolidated=False) as plain:
        np.testing.assert_array_equal(plain.time.values, times)


def test_a_band_axis_becomes_variables(folder: str) -> None:
    stacked = xr.concat(
        [cube_of([[1, 2]]).band, cube_of([[3, 4]]).band], xr.Variable("bands", ["red", "nir"])
    )
    to_catalog(stacked, folder, "scene", levels=1)
    found = open_catalog(folder).read("scene", bands=["nir", "red"])
    assert list(found) == ["nir", "red"]
    assert found.nir.values.tolist() == [[3, 4]]


def test_an_array_without_a_name_takes_that_of_the_layer(folder: str) -> None:
    layer = to_catalog(cube_of([[1, 2]]).band.rename(None), folder, "height")
    assert layer.variables == ("height",)


def test_statistics_of_the_coarsest_level(folder: str) -> None:
    values = np.full((8, 8), -9999)
    values[:4] = np.repeat([[10, 20]], 4, axis=0).repeat(4, axis=1)
    layer = to_catalog(cube_of(values), folder, "scene", levels=3)
    found = layer.metadata["statistics"]["band"]
    assert (found["min"], found["max"], found["mean"], found["valid"]) == (10, 20, 15, 0.5)
    empty = to_catalog(cube_of(np.full((4, 4), -9999)), folder, "empty")
    assert empty.metadata["statistics"]["band"]["min"] is None
    assert empty.metadata["statistics"]["band"]["valid"] == 0


def test_statistics_leave_the_padding_out(folder: str) -> None:
    layer = to_catalog(cube_of([[7, 7, 7]], cells="uint8raw"), folder, "scene", levels=3)
    assert layer.levels[0].shape == (4, 4)
    assert layer.metadata["statistics"]["band"]["min"] == 7


def test_a_zoomed_layer_is_read_by_its_zooms(folder: str) -> None:
    layer = to_catalog(random_cube((300, 500)), folder, "scene", scheme="WebMercatorQuad")
    zooms = [level.zoom for level in layer.levels]
    assert zooms == list(range(zooms[0], zooms[0] - len(zooms), -1))
    coarse = open_catalog(folder).read("scene", zoom=zooms[1])
    assert geobox_of(coarse) == layer.levels[1].geobox


def test_layers_come_and_go(folder: str) -> None:
    to_catalog(cube_of([[1, 2]]), folder, "one")
    catalog = open_catalog(folder)
    assert isinstance(catalog, Catalog)
    catalog.write(cube_of([[3, 4]]), "two")
    assert (catalog.layers, len(catalog), list(catalog)) == (("one", "two"), 2, ["one", "two"])
    assert "two" in catalog
    catalog.delete("one")
    assert catalog.layers == ("two",)
    catalog.write(cube_of([[5, 6]]), "two", overwrite=True)
    assert catalog.read("two").band.values.tolist() == [[5, 6]]
    assert sorted(path.name for path in Path(folder).iterdir()) == ["two", "zarr.json"]


def test_the_order_of_the_variables_is_kept(folder: str) -> None:
    cube = cube_of([[1, 2]], name="red")
    layer = to_catalog(cube.assign(nir=cube.red, blue=cube.red), folder, "scene")
    assert layer.variables == ("red", "nir", "blue")
    assert list(open_catalog(folder).read("scene")) == ["red", "nir", "blue"]


def test_a_layer_may_replace_the_one_it_comes_from(folder: str) -> None:
    to_catalog(cube_of([[1, 2]]), folder, "scene")
    catalog = open_catalog(folder)
    twice = catalog.read("scene") * 2
    twice.band.attrs["_FillValue"] = -9999
    catalog.write(twice, "scene", overwrite=True)
    assert catalog.read("scene").band.values.tolist() == [[2, 4]]


def test_equal_reads_have_equal_names_until_the_layer_is_replaced(folder: str) -> None:
    to_catalog(cube_of([[1, 2]]), folder, "one")
    catalog = open_catalog(folder)
    first, again = (catalog.read("one").band.data.name for _ in range(2))
    catalog.write(cube_of([[3, 4]]), "one", overwrite=True)
    assert first == again != catalog.read("one").band.data.name


def test_the_progress_bar_follows_the_option(
    folder: str, capsys: pytest.CaptureFixture[str]
) -> None:
    to_catalog(cube_of([[1, 2]]), folder, "quiet")
    assert capsys.readouterr().out == ""
    with set_options(progress=True):
        to_catalog(cube_of([[1, 2]]), folder, "shown")
    assert "Completed" in capsys.readouterr().out


def test_the_input_is_left_alone(folder: str) -> None:
    cube = random_cube((20, 30)).chunk()
    attrs, encoding = dict(cube.band.attrs), dict(cube.band.encoding)
    to_catalog(cube, folder, "scene")
    assert (cube.band.attrs, cube.band.encoding) == (attrs, encoding)
    assert cube.band.chunks is not None


def test_a_layer_knows_the_expression_that_made_it(tmp_path: Path) -> None:
    cube = cube_of([[1, 2]])
    doubled = cube.tiles.expression("band * 2", name="doubled")
    assert doubled.tiles.to_catalog(tmp_path, "one").provenance["expression"] == "band * 2"
    both = cube.assign(doubled=doubled).tiles.to_catalog(tmp_path, "both")
    assert both.provenance["expression"] == {"doubled": "band * 2"}


def dated(times: Any) -> xr.Dataset:
    """Return a cube of three dates with other labels."""
    return cube_of(np.arange(12).reshape(3, 2, 2)).assign_coords(time=times)


MONTHS = xr.date_range("2000-02-29", periods=3, freq="30D", calendar="360_day", use_cftime=True)
CENTURIES = np.array(["0850-01-01", "1500-01-01", "2019-01-01"], "datetime64[s]")
LABELS: dict[str, tuple[Any, str]] = {
    "no date": (dated(days(3)).isel(time=slice(0, 0)), "'time' has no labels"),
    "another calendar": (dated(MONTHS), r"the calendar '360_day'.*cube.convert_calendar\("),
    "a missing date": (dated(np.array(["2000", "NaT", "2002"], "datetime64[ns]")), "NaT"),
    "times that wrap": (dated(CENTURIES), r"'time' has the time 0850-01-01.*'time'\].dt.year"),
}


@pytest.mark.parametrize("kind", LABELS)
def test_labels_that_can_not_be_stored_are_refused_before_anything_is_written(kind: str) -> None:
    cube, text = LABELS[kind]
    store = MemoryStore()
    with pytest.raises(CatalogError, match=text):
        to_catalog(cube, store, "layer")
    assert not store._store_dict


def test_what_errors_of_labels_advise_helps(folder: str) -> None:
    years = dated(CENTURIES)
    years = years.assign_coords(time=years["time"].dt.year).rename(time="year")
    found = to_catalog(years, folder, "years").labels("band")
    assert found is not None
    assert found.tolist() == [850, 1500, 2019]
    converted = dated(MONTHS).convert_calendar("standard", dim="time", align_on="date")
    assert to_catalog(converted, folder, "months").times is not None
