"""The synthetic scene: equal for equal seeds, and like a year of real images."""

from __future__ import annotations

from datetime import date
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pystac
import pytest
import rasterio
from pyproj import CRS

from xcube_tiles.testing.acquisition import Landscape, acquire
from xcube_tiles.testing.landcover import WATER
from xcube_tiles.testing.scene import (
    Scene,
    scene_cube,
    scene_dates,
    scene_geobox,
    write_scene,
)

if TYPE_CHECKING:
    from pathlib import Path

    import xarray as xr
    from numpy.typing import NDArray


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    return write_scene(tmp_path_factory.mktemp("scene"), size=160, dates=4, seed=3)


@pytest.fixture(scope="module")
def cube() -> xr.Dataset:
    return scene_cube(size=160, dates=4, seed=3)


@pytest.fixture(scope="module")
def landscape() -> Landscape:
    return Landscape.make(160, seed=3)


def _clear_ndvi(landscape: Landscape, day: date) -> NDArray[np.float64]:
    bands = dict(acquire(landscape, day, cover=0.0).bands())
    red, nir = bands["red"].astype(float), bands["nir"].astype(float)
    with np.errstate(invalid="ignore"):
        return np.asarray((nir - red) / (nir + red))


def test_equal_seeds_give_equal_files(scene: Scene, tmp_path: Path) -> None:
    again = write_scene(tmp_path, size=160, dates=4, seed=3)
    for first in sorted(scene.folder.rglob("*.*")):
        second = again.folder / first.relative_to(scene.folder)
        assert first.read_bytes() == second.read_bytes(), first.name


def test_another_seed_gives_another_landscape(landscape: Landscape) -> None:
    other = Landscape.make(160, seed=4)
    assert not np.array_equal(landscape.cover.unit, other.cover.unit)
    assert not np.allclose(landscape.terrain.elevation, other.terrain.elevation)


def test_files_hold_the_cells_of_the_cube(scene: Scene, cube: xr.Dataset) -> None:
    for index, day in enumerate(scene.dates):
        for band in (*scene.bands, "cloud"):
            with rasterio.open(scene.raster(day, band)) as file:
                np.testing.assert_array_equal(file.read(1), cube[band].values[index])
    with rasterio.open(scene.elevation) as file:
        np.testing.assert_array_equal(file.read(1), cube.elevation.values)


def test_files_are_cloud_optimised(scene: Scene) -> None:
    with rasterio.open(scene.raster(scene.dates[0], "red")) as file:
        assert file.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
        assert (file.nodata, file.dtypes) == (0, ("uint16",))
        assert file.crs.to_epsg() == 32633
        assert tuple(file.transform)[:6] == tuple(scene.geobox.transform)[:6]


def test_large_files_have_overviews(tmp_path: Path) -> None:
    scene = write_scene(tmp_path, size=1100, dates=1)
    with rasterio.open(scene.elevation) as file:
        assert file.overviews(1)


def test_crops_are_greener_in_summer_than_in_winter(landscape: Landscape) -> None:
    summer = _clear_ndvi(landscape, date(2024, 7, 20))
    winter = _clear_ndvi(landscape, date(2024, 1, 15))
    maize = landscape.cover.is_crop("maize") & np.isfinite(summer)
    assert maize.sum() > 50
    assert np.median(summer[maize]) > np.median(winter[maize]) + 0.4


def test_wheat_is_ripe_when_maize_is_green(landscape: Landscape) -> None:
    ndvi = _clear_ndvi(landscape, date(2024, 8, 5))
    valid = np.isfinite(ndvi)
    wheat = np.median(ndvi[landscape.cover.is_crop("wheat") & valid])
    maize = np.median(ndvi[landscape.cover.is_crop("maize") & valid])
    assert maize > wheat + 0.4


def test_water_has_a_negative_ndvi(landscape: Landscape) -> None:
    ndvi = _clear_ndvi(landscape, date(2024, 6, 15))
    water = (landscape.cover.unit == WATER) & np.isfinite(ndvi)
    assert water.sum() > 50
    assert np.median(ndvi[water]) < 0


def test_water_is_level_and_lies_lowest(landscape: Landscape) -> None:
    terrain = landscape.terrain
    assert terrain.elevation[terrain.water].max() < np.median(terrain.elevation)
    assert np.ptp(terrain.elevation[terrain.water]) < 40


def test_the_mask_marks_the_bright_cells_of_clouds(landscape: Landscape) -> None:
    day = date(2024, 7, 20)
    cloudy, clear = (acquire(landscape, day, cover=cover) for cover in (0.4, 0.0))
    mask = cloudy.mask()
    gain = dict(cloudy.bands())["blue"].astype(int) - dict(clear.bands())["blue"].astype(int)
    assert 0.2 < (mask == 1).mean() < 0.5
    assert np.median(gain[mask == 1]) > 2000
    assert np.percentile(gain[mask == 0], 99) < 1500
    assert not (clear.mask() == 1).any()


def test_clouds_throw_shadows_away_from_the_sun(landscape: Landscape) -> None:
    day = date(2024, 7, 20)
    cloudy, clear = (acquire(landscape, day, cover=cover) for cover in (0.3, 0.0))
    loss = dict(cloudy.bands())["nir"].astype(int) - dict(clear.bands())["nir"].astype(int)
    assert (loss[cloudy.mask() == 0] < -500).mean() > 0.02


def test_clouds_move_from_date_to_date(cube: xr.Dataset) -> None:
    clouded = cube.cloud.values == 1
    assert clouded.any(axis=(1, 2)).all()
    assert clouded.all(axis=0).mean() < 0.02


def test_the_swath_ends_in_a_strip_of_nodata(cube: xr.Dataset) -> None:
    empty = cube.red.values == 0
    np.testing.assert_array_equal(empty, cube.cloud.values == 255)
    for band in ("blue", "green", "nir"):
        np.testing.assert_array_equal(empty, cube[band].values == 0)
    assert 0.01 < empty.mean() < 0.1
    assert empty[:, -1, -1].all()
    assert not empty[:, :, : empty.shape[2] // 2].any()


def test_all_sizes_show_one_landscape() -> None:
    fine, coarse = Landscape.make(256, seed=1), Landscape.make(64, seed=1)
    blocks = fine.terrain.elevation.reshape(64, 4, 64, 4).mean(axis=(1, 3))
    difference = np.abs(blocks - coarse.terrain.elevation)
    assert np.median(difference) < 15
    water = fine.terrain.water.reshape(64, 4, 64, 4).mean(axis=(1, 3)) > 0.9
    assert coarse.terrain.water[water].mean() > 0.95


def test_snow_lies_on_the_heights_in_winter_only(landscape: Landscape) -> None:
    high = landscape.terrain.elevation > np.percentile(landscape.terrain.elevation, 95)
    winter, summer = (acquire(landscape, date(2024, month, 10)).snow for month in (2, 8))
    assert winter[high].mean() > 0.5
    assert summer.max() < 0.05
    assert winter[~high].mean() < winter[high].mean()


def test_the_cube_is_georeferenced(cube: xr.Dataset) -> None:
    assert CRS.from_wkt(cube.spatial_ref.attrs["crs_wkt"]).to_epsg() == 32633
    assert cube.y.values[0] > cube.y.values[-1]
    assert (np.diff(cube.x.values) > 0).all()
    assert cube.red.attrs["_FillValue"] == 0


def test_a_geographic_crs_has_cells_of_degrees(tmp_path: Path) -> None:
    scene = write_scene(tmp_path, size=32, dates=1, crs="EPSG:4326")
    assert scene.geobox.crs is not None
    assert scene.geobox.crs.geographic
    assert 0.17 < scene.geobox.extent.boundingbox.span_x < 0.19


def test_dates_are_five_day_passes_within_about_a_year() -> None:
    days = scene_dates(73)
    assert {(b - a).days for a, b in pairwise(days)} == {5}
    assert len({day.month for day in scene_dates(12)}) == 12


def test_stac_items_describe_the_files(scene: Scene) -> None:
    catalog = pystac.Catalog.from_file(str(scene.stac))
    items = list(catalog.get_items(recursive=True))
    assert [item.datetime.date() for item in items if item.datetime] == list(scene.dates)
    (collection,) = catalog.get_children()
    assert isinstance(collection, pystac.Collection)
    assert set(collection.to_dict()["item_assets"]) == {*scene.bands, "cloud"}
    for item in items:
        assert item.properties["proj:shape"] == [160, 160]
        for name, asset in item.assets.items():
            href = asset.get_absolute_href()
            assert href is not None
            with rasterio.open(href) as file:
                band = asset.extra_fields["raster:bands"][0]
                assert (band["data_type"], band["nodata"]) == (file.dtypes[0], file.nodata), name
                assert item.properties["proj:transform"] == list(file.transform)[:6]


def test_stac_links_are_relative(scene: Scene) -> None:
    for file in scene.folder.rglob("*.json"):
        assert str(scene.folder) not in file.read_text()


def test_cloud_cover_is_that_of_the_mask(scene: Scene) -> None:
    catalog = pystac.Catalog.from_file(str(scene.stac))
    for item in catalog.get_items(recursive=True):
        href = item.assets["cloud"].get_absolute_href()
        assert href is not None
        with rasterio.open(href) as file:
            mask = file.read(1, masked=True)
        assert item.properties["eo:cloud_cover"] == pytest.approx(100 * mask.mean(), abs=0.01)


@pytest.mark.parametrize("size", [0, 15])
def test_too_small_a_scene_is_refused(size: int) -> None:
    with pytest.raises(ValueError, match=f"at least 16 cells, got {size}"):
        scene_cube(size=size, dates=1)


def test_too_many_dates_are_refused() -> None:
    with pytest.raises(ValueError, match="1 to 73"):
        scene_dates(74)


def test_an_unknown_raster_is_refused(scene: Scene) -> None:
    with pytest.raises(ValueError, match="blue, green, red, nir, cloud"):
        scene.raster(scene.dates[0], "swir")


def test_the_grid_is_square_with_round_coordinates() -> None:
    box = scene_geobox(2048)
    assert (box.resolution.x, box.resolution.y) == (10, -10)
    assert box.transform.c % 10 == 0
