from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import dask
import numpy as np
import pytest
import rasterio
import xarray as xr
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st
from odc.geo.geobox import GeoBox

import xcube_tiles as xt
from tests.sources.rasters import NORTH_UP, ramp, write_raster
from xcube_tiles.cube.cells import cell_type_of
from xcube_tiles.cube.georef import geobox_of
from xcube_tiles.cube.keycoords import keys_of
from xcube_tiles.cube.warp import warp
from xcube_tiles.errors import (
    CellTypeError,
    CollectionError,
    GeoreferenceError,
    GridError,
    RaggedKeysError,
    UnequalGridsError,
    UnknownKeyError,
)
from xcube_tiles.grid.extent import as_crs
from xcube_tiles.sources.storage import open_raster

DATES = ("20180506", "20180524", "20180603")


@pytest.fixture
def files(tmp_path: Path) -> xt.Collection:
    """Three dates of two bands; cells tell date, band and place."""
    for day, text in enumerate(DATES):
        for band, name in enumerate(["red", "nir"]):
            cells = ramp(start=1000 * day + 100 * band)
            write_raster(tmp_path / f"S2_{text}_{name}.tif", cells, nodata=-1)
    return xt.scan(f"{tmp_path}/{{sensor}}_{{date}}_{{band}}.tif")


def oracle(path: str, band: int = 1) -> Any:
    with rasterio.open(path) as file:
        return file.read(band)


def test_a_dense_collection_becomes_one_cube(files: xt.Collection) -> None:
    cube = files.to_cube()
    assert list(cube.data_vars) == ["nir", "red"]
    assert cube["red"].dims == ("time", "y", "x")
    assert cube["red"].dtype == np.int16
    assert cell_type_of(cube["red"]).name == "int16ud-1"
    assert list(cube["time"].values) == [np.datetime64(day, "ns") for day in DATES_ISO]
    assert str(cube["sensor"].values) == "S2"
    assert keys_of(cube) == {
        "date": list(cube["time"].values),
        "sensor": ["S2"],
        "band": ["nir", "red"],
    }
    for row in files:
        cells = cube[str(row.keys["band"])].sel(time=row.keys["date"])
        np.testing.assert_array_equal(cells, oracle(row.path))


DATES_ISO = ("2018-05-06", "2018-05-24", "2018-06-03")


def test_coordinates_are_those_of_the_file(files: xt.Collection) -> None:
    cube = files.to_cube()
    assert geobox_of(cube) == GeoBox((5, 7), NORTH_UP, "EPSG:32633")
    with rasterio.open(next(iter(files)).path) as file:
        assert (float(cube.x[0]), float(cube.y[0])) == file.xy(0, 0)
        assert (float(cube.x[-1]), float(cube.y[-1])) == file.xy(4, 6)


def test_nothing_is_read_before_it_is_computed(
    files: xt.Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []

    def counting(path: str, *args: Any, **kwargs: Any) -> Any:
        opened.append(path)
        return open_raster(path, *args, **kwargs)

    monkeypatch.setattr("xcube_tiles.sources.header.open_raster", counting)
    monkeypatch.setattr("xcube_tiles.sources.handles.open_raster", counting)
    cube = files.to_cube()
    assert sorted(opened) == sorted(row.path for row in files)
    # Derived collections and trees use the headers that are known.
    files.where(band="red").to_cube()
    files.to_tree("band")
    assert len(opened) == 6
    with dask.config.set(scheduler="synchronous"):
        cube["red"].isel(time=1).compute()
        assert opened[6:] == [files.where(band="red", date="20180524").to_pandas()["path"][0]]
        cube.compute()
        cube.compute()
    assert len(opened) == 12


def test_one_task_per_block(files: xt.Collection) -> None:
    red = files.to_cube(chunks=4)["red"]
    assert red.chunks == ((1, 1, 1), (4, 1), (4, 3))
    assert len(red.data.__dask_graph__()) == 12


def test_names_are_tokens_of_the_files(files: xt.Collection) -> None:
    one, two = files.to_cube(), files.to_cube()
    assert one["red"].data.name == two["red"].data.name
    assert one["red"].data.name != one["nir"].data.name
    row = next(iter(files.where(band="red")))
    write_raster(Path(row.path), ramp(start=7, dtype="int32").astype("int16"), nodata=-1)
    again = xt.Collection(files).to_cube()
    assert again["red"].data.name != one["red"].data.name
    assert again["nir"].data.name == one["nir"].data.name


@given(
    y=st.integers(1, 6),
    x=st.integers(1, 8),
    time=st.integers(1, 4),
    rows=st.slices(5),
    cols=st.slices(7),
)
def test_any_blocks_and_any_part_equal_the_whole(
    tmp_path_factory: pytest.TempPathFactory, y: int, x: int, time: int, rows: slice, cols: slice
) -> None:
    folder = tmp_path_factory.getbasetemp() / "blocks"
    if not folder.exists():
        for day in range(3):
            cells = ramp(start=50 * day)
            write_raster(
                folder / f"2018050{day + 1}.tif", cells, tiled=True, blockxsize=16, blockysize=16
            )
    files = xt.scan(f"{folder}/{{date}}.tif")
    whole = np.stack([oracle(row.path) for row in files])
    part = files.to_cube(chunks={"time": time, "y": y, "x": x})["raster"][:, rows, cols]
    np.testing.assert_array_equal(part.compute(scheduler="synchronous"), whole[:, rows, cols])


def test_default_blocks_align_with_those_of_the_file(tmp_path: Path) -> None:
    tiles: dict[str, Any] = {"tiled": True, "blockxsize": 48, "blockysize": 32}
    write_raster(tmp_path / "a.tif", ramp(100, 110), **tiles)
    write_raster(tmp_path / "b.tif", ramp(100, 110), blockysize=3)
    files = xt.scan(f"{tmp_path}/{{band}}.tif")
    with xt.set_options(chunk_size=70):
        assert files.where(band="a").to_cube()["a"].chunks == ((64, 36), (48, 48, 14))
        assert files.where(band="b").to_cube()["b"].chunks == ((69, 31), (110,))
        # one cube, one set of blocks
        assert files.to_cube()["b"].chunks == ((64, 36), (48, 48, 14))
        assert files.to_cube(chunks={"y": 50})["b"].chunks == ((50, 50), (48, 48, 14))


def test_other_keys_are_dimensions_or_scalars(tmp_path: Path) -> None:
    for n, (orbit, day) in enumerate([(a, b) for a in ("A", "D") for b in DATES]):
        write_raster(tmp_path / f"S1_{orbit}_{day}_VV.tif", ramp(start=100 * n))
    cube = xt.scan(f"{tmp_path}/{{sensor}}_{{orbit}}_{{date}}_{{band}}.tif").to_cube()
    assert cube["VV"].dims == ("time", "orbit", "y", "x")
    assert list(cube["orbit"].values) == ["A", "D"]
    expected = [[ramp(start=300 * o + 100 * d) for o in range(2)] for d in range(3)]
    np.testing.assert_array_equal(cube["VV"], np.array(expected))
    assert cube["VV"].data.numblocks[:2] == (3, 2)


def test_time_and_bands_by_name(tmp_path: Path) -> None:
    write_raster(tmp_path / "20180506_20180601_a_1.tif", ramp())
    write_raster(tmp_path / "20180506_20180601_b_1.tif", ramp(start=50))
    pattern = f"{tmp_path}/{{date}}_{{timestamp}}_{{layer}}_{{version}}.tif"
    files = xt.scan(pattern)
    with pytest.raises(CollectionError, match="time='date', 'timestamp'"):
        files.to_cube()
    cube = files.to_cube("timestamp", "layer")
    assert list(cube.data_vars) == ["a", "b"]
    assert list(cube["time"].values) == [np.datetime64("2018-06-01", "ns")]
    assert cube["date"].values == np.datetime64("2018-05-06", "ns")
    np.testing.assert_array_equal(cube["b"][0], ramp(start=50))


def test_a_band_may_not_be_named_like_a_coordinate(tmp_path: Path) -> None:
    write_raster(tmp_path / "x_1.tif", ramp())
    with pytest.raises(CollectionError, match="band 'x' can't name a variable"):
        xt.scan(f"{tmp_path}/{{band}}_{{n}}.tif").to_cube()
    with pytest.raises(CollectionError, match="key 'x' can't be a coordinate"):
        xt.scan(f"{tmp_path}/{{x}}_{{band}}.tif").to_cube()
    with pytest.raises(CollectionError, match="is a label and can't be the time"):
        xt.scan(f"{tmp_path}/{{band}}_{{n}}.tif").to_cube(time="n")
    with pytest.raises(UnknownKeyError, match="unknown key 'm'"):
        xt.scan(f"{tmp_path}/{{band}}_{{n}}.tif").to_cube(bands="m")


def test_without_a_band_key_the_variable_is_raster(tmp_path: Path) -> None:
    write_raster(tmp_path / "20180506.tif", ramp())
    cube = xt.scan(f"{tmp_path}/{{date}}.tif").to_cube()
    assert list(cube.data_vars) == ["raster"]
    one = xt.Collection().add(str(tmp_path / "20180506.tif"), name="a").to_cube()
    assert one["raster"].dims == ("y", "x")
    np.testing.assert_array_equal(one["raster"], ramp())


def test_ragged_keys_say_what_is_missing_and_what_to_do(
    files: xt.Collection, tmp_path: Path
) -> None:
    row = next(iter(files.where(band="red", date="20180524")))
    ragged = xt.Collection(other for other in files if other is not row)
    with pytest.raises(RaggedKeysError, match="1 of 6 key combinations") as caught:
        ragged.to_cube()
    assert "band=red, date=2018-05-24" in str(caught.value)
    assert "to_tree(by=['band'])" in str(caught.value)
    tree = ragged.to_tree(by="band")
    assert {name: leaf.sizes["time"] for name, leaf in tree.children.items()} == {
        "nir": 3,
        "red": 2,
    }


def test_many_missing_combinations_are_cut_short(files: xt.Collection) -> None:
    rows = [row for row in files if row.keys["band"] == "red"]
    for n in range(10):
        rows += list(
            xt.Collection(keys=files.keys).add(
                f"{n}.tif", sensor="S2", date=f"2019-01-{n + 1:02}", band="nir"
            )
        )
    with pytest.raises(RaggedKeysError, match=r"13 of 26.*\n(.*\n){5}  … and 8 more"):
        xt.Collection(rows).to_cube()


def test_a_tree_has_a_dense_cube_per_leaf(tmp_path: Path) -> None:
    for name in ("indices/S2_20180506_ndvi", "indices/S2_20180524_ndvi", "radar/S1_20180601_VV"):
        write_raster(tmp_path / f"{name}.tif", ramp())
    files = xt.scan(f"{tmp_path}/{{type}}/{{sensor}}_{{date}}_{{band}}.tif")
    tree = files.to_tree(["type", "sensor"])
    assert [leaf.path for leaf in tree.leaves] == ["/indices/S2", "/radar/S1"]
    leaf = tree["indices/S2"].to_dataset()
    xr.testing.assert_identical(leaf, files.where(type="indices").to_cube())
    assert next(leaf.path for leaf in files.to_tree("date").leaves) == "/2018-05-06"
    with pytest.raises(UnknownKeyError, match="unknown key 'kind'"):
        files.to_tree("kind")
    with pytest.raises(CollectionError, match="must name keys"):
        files.to_tree([])
    with pytest.raises(CollectionError, match="can't name a leaf"):
        xt.Collection().add("a.tif", name="a/b").to_tree("name")


def test_an_empty_selection_has_no_cube(files: xt.Collection) -> None:
    with pytest.raises(CollectionError, match="has no rasters"):
        files.where(band="blue").to_cube()


def test_unequal_grids_name_the_odd_files(files: xt.Collection, tmp_path: Path) -> None:
    shifted = write_raster(
        tmp_path / "S2_20180701_red.tif", ramp(), transform=NORTH_UP * Affine.translation(0.25, 0)
    )
    write_raster(tmp_path / "S2_20180701_nir.tif", ramp(6, 7))
    files = xt.scan(f"{tmp_path}/{{sensor}}_{{date}}_{{band}}.tif")
    with pytest.raises(UnequalGridsError, match="on 3 grids; 6 on 7×5 cells") as caught:
        files.to_cube()
    text = str(caught.value)
    assert f"{shifted}: shifted by 0.25 columns and 0 rows" in text
    assert "7×6 cells" in text
    assert "S2_20180506" not in text


def test_grids_equal_to_a_millionth_of_a_cell_are_equal(tmp_path: Path) -> None:
    write_raster(tmp_path / "a.tif", ramp())
    write_raster(tmp_path / "b.tif", ramp(), transform=NORTH_UP * Affine.translation(1e-8, 0))
    assert len(xt.scan(f"{tmp_path}/{{band}}.tif").to_cube()) == 2


@pytest.fixture
def uneven(tmp_path: Path) -> xt.Collection:
    """Two dates whose grids overlap: 10 m and 20 m cells."""
    write_raster(tmp_path / "20180506.tif", ramp(20, 20, start=1, dtype="float32"))
    coarse = NORTH_UP * Affine.translation(4, 4) * Affine.scale(2)
    write_raster(
        tmp_path / "20180524.tif", ramp(10, 10, start=900, dtype="float32"), transform=coarse
    )
    return xt.scan(f"{tmp_path}/{{date}}.tif")


@pytest.mark.parametrize("resampling", ["nearest", "bilinear", "average"])
def test_warping_on_reading_equals_warping_the_rasters(
    uneven: xt.Collection, resampling: Any
) -> None:
    cube = uneven.to_cube(crs="EPSG:3857", resolution=17, resampling=resampling, chunks=6)
    grid = geobox_of(cube)
    assert grid.crs == "EPSG:3857"
    assert grid.affine.a == 17
    for row in uneven:
        native = xt.Collection([row]).to_cube().compute()
        expected = warp(native, grid, resampling)["raster"][0]
        np.testing.assert_array_equal(cube["raster"].sel(time=row.keys["date"]), expected)
    assert cube["raster"].notnull().any(("y", "x")).all()


def test_the_target_covers_all_and_continues_the_main_grid(uneven: xt.Collection) -> None:
    cube = uneven.to_cube(resolution=10)
    assert geobox_of(cube) == GeoBox((24, 24), NORTH_UP, "EPSG:32633")
    np.testing.assert_array_equal(
        cube["raster"][0, :20, :20], ramp(20, 20, start=1, dtype="float32")
    )
    assert cube["raster"][0, 20:].isnull().all()
    finest = uneven.to_cube(crs="EPSG:32633")
    xr.testing.assert_identical(finest.compute(), cube.compute())


@pytest.mark.parametrize("resampling", ["nearest", "bilinear", "cubic", "average", "mode"])
@pytest.mark.parametrize("resolution", [5, 33])
def test_warped_cells_do_not_depend_on_blocks(
    uneven: xt.Collection, resampling: Any, resolution: float
) -> None:
    target: dict[str, Any] = {"crs": "EPSG:3857", "resolution": resolution}
    whole = uneven.to_cube(**target, resampling=resampling, chunks=1000).compute()
    parts = uneven.to_cube(**target, resampling=resampling, chunks={"y": 5, "x": 7, "time": 2})
    assert [max(sizes) for sizes in parts["raster"].chunks or ()] == [2, 5, 7]
    xr.testing.assert_identical(parts.compute(), whole)


def test_rasters_of_one_grid_are_warped_together(files: xt.Collection) -> None:
    cube = files.to_cube(crs="EPSG:3857", resolution=12, resampling="bilinear")
    assert cube["red"].dims == ("time", "y", "x")
    assert len(cube["red"].data.__dask_graph__()) == 6
    native = files.to_cube()
    expected = warp(native["red"], geobox_of(cube), "bilinear")
    np.testing.assert_array_equal(cube["red"], expected)


def test_rasters_of_two_zones_meet_on_one_grid(tmp_path: Path) -> None:
    """One scene west of 12 degrees in zone 32, one east of it in zone 33."""
    west = Affine(100, 0, 720_000, 0, -100, 5_100_000)
    east = Affine(100, 0, 290_000, 0, -100, 5_100_000)
    for name, crs, transform in (("a", "EPSG:32632", west), ("b", "EPSG:32633", east)):
        cells = ramp(30, 40, start=1, dtype="int32")
        write_raster(tmp_path / f"{name}.tif", cells, crs=crs, transform=transform)
    files = xt.scan(f"{tmp_path}/{{zone}}.tif")
    with pytest.raises(UnequalGridsError, match="in EPSG:32633"):
        files.to_cube()
    cube = files.to_cube(crs="EPSG:4326").compute()["raster"]
    for zone, transform, epsg in (("a", west, 32632), ("b", east, 32633)):
        centres = [transform * (col + 0.5, row + 0.5) for row, col in ((3, 4), (15, 20), (28, 37))]
        for (x, y), (row, col) in zip(centres, ((3, 4), (15, 20), (28, 37)), strict=True):
            lon, lat = as_crs(epsg).transformer_to_crs(as_crs(4326))(x, y)
            cell = cube.sel(zone=zone).sel(x=lon, y=lat, method="nearest")
            # A cell of the target is as wide as one of the rasters, but not in its place.
            neighbours = ramp(30, 40, start=1)[row - 1 : row + 2, col - 1 : col + 2]
            assert int(cell) in neighbours


def test_like_a_cube_or_a_grid(uneven: xt.Collection) -> None:
    first = uneven.where(date="20180506").to_cube()
    cube = uneven.to_cube(like=first)
    assert geobox_of(cube) == geobox_of(first)
    np.testing.assert_array_equal(cube["raster"][0], first["raster"][0])
    xr.testing.assert_identical(cube.compute(), uneven.to_cube(like=geobox_of(first)).compute())
    # rasters that are on the grid are read as they are, in one task per block
    same = uneven.where(date="20180506").to_cube(like=first)
    assert same["raster"].data.name == first["raster"].data.name


def test_wrong_targets(uneven: xt.Collection) -> None:
    like = GeoBox((4, 4), NORTH_UP, "EPSG:32633")
    with pytest.raises(GridError, match="leave out crs="):
        uneven.to_cube(like=like, resolution=10)
    with pytest.raises(GridError, match="positive number"):
        uneven.to_cube(resolution=-10)
    with pytest.raises(GridError, match="positive number"):
        uneven.to_cube(resolution=float("nan"))
    with pytest.raises(GridError, match="unknown resampling 'linear'"):
        uneven.to_cube(like=like, resampling="linear")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="nonsense"):
        uneven.to_cube(crs="nonsense")


def test_integers_that_do_not_cover_the_target_get_nodata(tmp_path: Path) -> None:
    write_raster(tmp_path / "20180506.tif", ramp(4, 4, dtype="uint8"))
    moved = NORTH_UP * Affine.translation(2, 0)
    write_raster(tmp_path / "20180524.tif", ramp(4, 4, dtype="uint8"), transform=moved)
    cube = xt.scan(f"{tmp_path}/{{date}}.tif").to_cube(resolution=10)
    assert cell_type_of(cube["raster"]).name == "int16"
    cells = cube["raster"].values
    np.testing.assert_array_equal(cells[0, :, :4], ramp(4, 4))
    assert (cells[0, :, 4:] == -32768).all()
    np.testing.assert_array_equal(cells[1, :, 2:], ramp(4, 4))


def test_readers_pickle_small(tmp_path: Path) -> None:
    rows = [
        row
        for n in range(200)
        for row in xt.Collection(keys=["date", "band"]).add(
            str(tmp_path / f"S2_denmark_{n:06}.tif"),
            date=np.datetime64("2018-01-01", "ns") + np.timedelta64(n, "D"),
            band="red",
        )
    ]
    for row in rows:
        write_raster(Path(row.path), ramp(2, 2))
    cube = xt.Collection(rows).to_cube()
    [*tasks] = cube["red"].data.__dask_graph__().values()
    assert len(pickle.dumps(tasks[0])) < 8_000
    copy = pickle.loads(pickle.dumps(cube))
    xr.testing.assert_identical(copy.compute(), cube.compute())


def test_a_file_that_changed_its_shape_is_an_error(files: xt.Collection) -> None:
    cube = files.to_cube()
    write_raster(Path(next(iter(files.where(band="red"))).path), ramp(9, 9))
    with pytest.raises(CollectionError, match=r"had \(5, 7\) rows and columns"):
        cube.compute(scheduler="synchronous")


def test_wrong_chunks(files: xt.Collection) -> None:
    with pytest.raises(CollectionError, match="chunks name 'z'; the dimensions are time, y, x"):
        files.to_cube(chunks={"z": 1})
    with pytest.raises(CollectionError, match="positive number, got 0"):
        files.to_cube(chunks=0)
    with pytest.raises(CollectionError, match=r"a number or sizes by dimension, got 2\.5"):
        files.to_cube(chunks=2.5)  # type: ignore[arg-type]


def test_files_that_are_no_rasters(tmp_path: Path) -> None:
    (tmp_path / "a.tif").write_bytes(b"nothing")
    with pytest.raises(CollectionError, match="can't be opened as a raster"):
        xt.scan(f"{tmp_path}/{{band}}.tif").to_cube()
    with pytest.raises(CollectionError, match="doesn't exist"):
        xt.Collection().add(str(tmp_path / "none.tif"), band="red").to_cube()


@pytest.mark.parametrize(
    ("crs", "transform", "text"),
    [
        (None, NORTH_UP, "has no CRS or no transform"),
        ("EPSG:32633", NORTH_UP * Affine.rotation(10), "rotated grid"),
    ],
)
def test_files_without_a_usable_grid(
    tmp_path: Path, crs: str | None, transform: Affine, text: str
) -> None:
    write_raster(tmp_path / "a.tif", ramp(), crs=crs, transform=transform)
    with pytest.raises(GeoreferenceError, match=text) as caught:
        xt.scan(f"{tmp_path}/{{band}}.tif").to_cube()
    assert "a.tif" in str(caught.value)


def test_complex_cells_are_refused(tmp_path: Path) -> None:
    write_raster(tmp_path / "a.tif", ramp().astype("complex64"))
    with pytest.raises(CellTypeError, match="complex64"):
        xt.scan(f"{tmp_path}/{{band}}.tif").to_cube()
