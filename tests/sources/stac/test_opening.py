"""`open_stac` against rasterio's own reading and warping of the same files."""

from __future__ import annotations

import pickle
from typing import TYPE_CHECKING, Any

import numpy as np
import odc.stac
import pystac
import pytest
import rasterio
import rioxarray  # noqa: F401  (brings the accessor `rio`)
from affine import Affine
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from rasterio.warp import Resampling, reproject

from tests.sources.stac.data import (
    SHAPE,
    TRANSFORM,
    UTM32,
    UTM33,
    asset,
    bare,
    cells,
    item,
    save_catalog,
    write_tif,
)
from xcube_tiles.cube.cells import cell_type_of
from xcube_tiles.cube.georef import geobox_of
from xcube_tiles.errors import GridError, NoItemsError, SizeLimitError, StacError
from xcube_tiles.grid.extent import Extent
from xcube_tiles.options import set_options
from xcube_tiles.sources.stac.native import MixedCRSWarning
from xcube_tiles.sources.stac.opening import open_stac

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import xarray as xr
    from numpy.typing import NDArray

    from tests.sources.stac.data import Json
    from xcube_tiles.typing import ResamplingName

EAST = TRANSFORM @ Affine.translation(SHAPE[1] // 2, 0)
"""The grid of a scene half a scene further east."""


@pytest.fixture
def scenes(tmp_path: Path) -> list[Json]:
    """Return two scenes on one grid, five days apart."""
    return [
        item(
            f"scene-{number}",
            {"red": asset(write_tif(tmp_path / f"{number}.tif", cells(number)))},
            time=f"2024-05-{1 + 5 * number:02d}T10:00:00Z",
        )
        for number in range(2)
    ]


def warped(
    path: str, cube: xr.Dataset, kernel: Resampling = Resampling.nearest
) -> NDArray[np.generic]:
    """Return a file of uint16 with NoData 0 on a cube's grid, by rasterio alone."""
    geobox = geobox_of(cube)
    result = np.zeros(geobox.shape.yx, np.uint16)
    with rasterio.open(path) as file:
        reproject(
            rasterio.band(file, 1),
            result,
            dst_transform=geobox.transform,
            dst_crs=str(geobox.crs),
            dst_nodata=0,
            resampling=kernel,
        )
    return result


def test_native_grid_is_read_unchanged(scenes: list[Json]) -> None:
    cube = open_stac(scenes, resolution="native")
    np.testing.assert_array_equal(cube["red"], [cells(0), cells(1)])
    assert cube["red"].dims == ("time", "y", "x")
    assert geobox_of(cube).transform.almost_equals(TRANSFORM)
    assert cube.rio.crs.to_epsg() == 32633


def test_result_has_canonical_form(scenes: list[Json]) -> None:
    cube = open_stac(scenes, target_crs="EPSG:4326")
    assert cube["red"].dims == ("time", "y", "x")
    assert cube["time"].dtype == np.dtype("datetime64[ns]")
    assert cube.indexes["x"].is_monotonic_increasing
    assert cube.indexes["y"].is_monotonic_decreasing
    assert cube.rio.crs.to_epsg() == 4326
    assert cube["red"].attrs["_FillValue"] == 0
    assert cell_type_of(cube["red"]).name == "uint16"
    assert "nodata" not in cube["red"].attrs


@pytest.mark.parametrize("kernel", ["nearest", "bilinear", "cubic"])
@pytest.mark.parametrize("crs", [UTM33, UTM32, "EPSG:4326", "EPSG:3857"])
def test_warped_cells_equal_rasterio(scenes: list[Json], crs: str, kernel: ResamplingName) -> None:
    cube = open_stac(scenes[:1], width=50, target_crs=crs, resampling=kernel)
    expected = warped(scenes[0]["assets"]["red"]["href"], cube, Resampling[kernel])
    np.testing.assert_array_equal(cube["red"][0], expected)


def test_wkt2_is_a_target_crs(scenes: list[Json]) -> None:
    wkt = rasterio.crs.CRS.from_epsg(32632).to_wkt(version="WKT2_2019")
    cube = open_stac(scenes, width=50, target_crs=wkt)
    by_code = open_stac(scenes, width=50, target_crs=32632)
    np.testing.assert_array_equal(cube["red"], by_code["red"])


def test_chunks_do_not_change_cells(scenes: list[Json]) -> None:
    whole = open_stac(scenes, width=61, target_crs=UTM32)
    parts = open_stac(scenes, width=61, target_crs=UTM32, chunks={"y": 17, "x": 23, "time": 2})
    assert parts["red"].chunksizes["x"] == (23, 23, 15)
    assert parts["red"].chunksizes["time"] == (2,)
    # GDAL follows its own approximation of the projection in each block: 1/8 cell.
    assert np.mean(whole["red"].values != parts["red"].values) < 0.01
    square = open_stac(scenes, resolution="native", chunks=13)
    np.testing.assert_array_equal(square["red"], [cells(0), cells(1)])
    with set_options(chunk_size=20):
        assert open_stac(scenes, resolution="native")["red"].chunksizes["x"] == (20, 20, 20, 4)


@pytest.fixture(scope="module")
def one(tmp_path_factory: pytest.TempPathFactory) -> Json:
    """Return a scene that several examples may share, for nothing changes it."""
    return item("one", {"red": asset(write_tif(tmp_path_factory.mktemp("one") / "r", cells(5)))})


@settings(max_examples=25)
@given(
    rows=st.tuples(st.integers(-5, SHAPE[0] - 1), st.integers(1, SHAPE[0] + 5)),
    cols=st.tuples(st.integers(-5, SHAPE[1] - 1), st.integers(1, SHAPE[1] + 5)),
    chunk=st.integers(5, 70),
    crop=st.booleans(),
)
def test_any_window_in_any_chunks(
    one: Json, rows: tuple[int, int], cols: tuple[int, int], chunk: int, crop: bool
) -> None:
    (top, height), (left, width) = rows, cols
    assume(top + height > 0)
    assume(left + width > 0)
    west, north = 280000 + 20 * left, 5100000 - 20 * top
    box = (west, north - 20 * height, west + 20 * width, north)
    cube = open_stac([one], bbox=box, bbox_crs=UTM33, resolution="native", chunks=chunk, crop=crop)
    around = np.pad(cells(5), 100)
    expected = around[100 + top :, 100 + left :][:height, :width]
    if crop:
        expected = cells(5)[max(0, top) : top + height, max(0, left) : left + width]
    np.testing.assert_array_equal(cube["red"][0], expected)


class TestLaziness:
    @pytest.fixture
    def opened(self, monkeypatch: pytest.MonkeyPatch) -> list[str]:
        """Return the paths of all files that rasterio opens."""
        paths: list[str] = []
        real: Callable[..., object] = rasterio.open

        def recording(path: str, *args: object, **options: object) -> object:
            paths.append(path)
            return real(path, *args, **options)

        monkeypatch.setattr(rasterio, "open", recording)
        return paths

    def test_no_file_is_opened_by_the_call(self, scenes: list[Json], opened: list[str]) -> None:
        cube = open_stac(scenes, resolution="native")
        assert opened == []
        cube.isel(time=0).compute()
        assert opened == [scenes[0]["assets"]["red"]["href"]]

    def test_only_blocks_that_an_item_touches_open_it(
        self, tmp_path: Path, opened: list[str]
    ) -> None:
        east = EAST @ Affine.translation(SHAPE[1] // 2, 0)
        scenes = [
            item(
                name,
                {"red": asset(write_tif(tmp_path / f"{name}.tif", cells(1), transform=place))},
                transform=place,
            )
            for name, place in (("a", TRANSFORM), ("b", east))
        ]
        opened.clear()
        # Two blocks side by side. The border is shared: a cell's margin may open the neighbour.
        cube = open_stac(scenes, resolution="native", chunks={"x": SHAPE[1], "y": SHAPE[0]})
        cube["red"][:, :, : SHAPE[1] // 2].compute()
        assert scenes[0]["assets"]["red"]["href"] in opened
        assert len(opened) <= 2

    def test_names_of_tasks_tell_what_is_read(self, scenes: list[Json]) -> None:
        first = open_stac(scenes, resolution="native")["red"].data.name
        assert open_stac(scenes, resolution="native")["red"].data.name == first
        assert open_stac(scenes, resolution=20)["red"].data.name == first
        assert open_stac(scenes, resolution="native", nodata=7)["red"].data.name != first
        rescaled = [{**scene, "assets": {"red": dict(scene["assets"]["red"])}} for scene in scenes]
        rescaled[0]["assets"]["red"]["raster:scale"] = 2.0
        names = {open_stac(each, resolution=20, bands="red")["red"].data.name for each in
                 (scenes, rescaled)}  # fmt: skip
        assert len(names) == 2

    def test_cube_pickles(self, scenes: list[Json]) -> None:
        cube = open_stac(scenes, resolution="native")
        copy = pickle.loads(pickle.dumps(cube))
        np.testing.assert_array_equal(copy["red"], cube["red"])

    def test_tasks_are_as_small_for_many_items(self) -> None:
        def largest(count: int) -> int:
            """Return the size of the largest task of a cube of so many items, in bytes."""
            days = np.datetime64("2024-01-01") + np.arange(count)
            cube = open_stac([bare(str(day), time=f"{day}T00:00:00Z") for day in days], width=8)
            graph = dict(cube["red"].data.dask)
            return max(len(pickle.dumps(task)) for task in graph.values())

        assert largest(100) < largest(2) + 200

    def test_input_stays_as_it_is(self, scenes: list[Json]) -> None:
        before = pickle.dumps(scenes)
        open_stac(scenes, resolution="native", patch_url=str.upper)
        assert pickle.dumps(scenes) == before


class TestMosaic:
    """Two scenes of one instant that overlap by half."""

    @pytest.fixture
    def pair(self, tmp_path: Path) -> list[Json]:
        return [
            item(
                name,
                {"red": asset(write_tif(tmp_path / f"{name}.tif", cells(seed), transform=place))},
                transform=place,
            )
            for seed, (name, place) in enumerate((("a", TRANSFORM), ("b", EAST)))
        ]

    def expected(self) -> NDArray[np.uint16]:
        """Return the first valid cell of both, by identifier."""
        height, width = SHAPE
        layers = np.zeros((2, height, width + width // 2), np.uint16)
        layers[0, :, :width] = cells(0)
        layers[1, :, width // 2 :] = cells(1)
        merged: NDArray[np.uint16] = np.where(layers[0] != 0, layers[0], layers[1])
        return merged

    def test_first_valid_cell_wins(self, pair: list[Json]) -> None:
        cube = open_stac(pair[::-1], resolution="native")
        np.testing.assert_array_equal(cube["red"], [self.expected()])

    def test_as_odc_stac_does(self, pair: list[Json]) -> None:
        items = [pystac.Item.from_dict(each) for each in pair]
        reference = odc.stac.load(items, bands=["red"], chunks={})
        cube = open_stac(pair, resolution="native")
        np.testing.assert_array_equal(cube["red"], reference["red"])
        np.testing.assert_array_equal(cube["x"], reference["x"])
        np.testing.assert_array_equal(cube["y"], reference["y"])

    def test_items_of_unequal_scale_in_one_step(self, pair: list[Json]) -> None:
        pair[0]["assets"]["red"] |= {"raster:scale": 0.5}
        pair[1]["assets"]["red"] |= {"raster:scale": 0.25, "raster:offset": -3}
        cube = open_stac(pair, resolution="native")
        height, width = SHAPE
        layers = np.full((2, height, width + width // 2), np.nan)
        layers[0, :, :width] = np.where(cells(0) == 0, np.nan, cells(0) * 0.5)
        layers[1, :, width // 2 :] = np.where(cells(1) == 0, np.nan, cells(1) * 0.25 - 3)
        expected = np.where(np.isnan(layers[0]), layers[1], layers[0])
        np.testing.assert_array_equal(cube["red"][0], expected)


class TestMixedCRS:
    """One scene of zone 33 and two of zone 32 over the same place."""

    @pytest.fixture
    def mixed(self, tmp_path: Path) -> list[Json]:
        west = Affine(20, 0, 747700, 0, -20, 5101900)
        places = ((UTM33, TRANSFORM), (UTM32, west), (UTM32, west))
        return [
            item(
                f"scene-{number}",
                {
                    "red": asset(
                        write_tif(
                            tmp_path / f"{number}.tif", cells(number), transform=place, crs=crs
                        )
                    )
                },
                time=f"2024-05-0{number + 1}T10:00:00Z",
                transform=place,
                crs=crs,
            )
            for number, (crs, place) in enumerate(places)
        ]

    def test_most_common_crs_is_taken_and_told(self, mixed: list[Json]) -> None:
        with pytest.warns(MixedCRSWarning, match=r"EPSG:32632 \(2 items\), EPSG:32633 \(1 items\)"):
            cube = open_stac(mixed, width=60)
        assert cube.rio.crs.to_epsg() == 32632
        for number, scene in enumerate(mixed):
            expected = warped(scene["assets"]["red"]["href"], cube)
            # GDAL approximates the projection over the part that a scene covers, here over all.
            assert np.mean(cube["red"][number].values != expected) < 0.002

    def test_a_choice_is_silent(self, mixed: list[Json]) -> None:
        cube = open_stac(mixed, width=60, target_crs=UTM33)
        assert cube.rio.crs.to_epsg() == 32633

    def test_warning_points_to_the_caller(self, mixed: list[Json]) -> None:
        with pytest.warns(MixedCRSWarning) as caught:
            open_stac(mixed, width=60)
        assert caught[0].filename == __file__


class TestBox:
    def test_crs_of_the_box_is_independent(self, scenes: list[Json]) -> None:
        inner = Extent(xmin=280200, ymin=5099400, xmax=280800, ymax=5099800, crs=UTM33)
        cube = open_stac(scenes, bbox=inner.bounds, bbox_crs=UTM33, resolution="native")
        np.testing.assert_array_equal(cube["red"][1], cells(1)[10:30, 10:40])
        same = open_stac(scenes, bbox=inner, resolution="native")
        np.testing.assert_array_equal(same["red"], cube["red"])
        degrees = inner.to_crs(4326)
        wide = open_stac(scenes, bbox=degrees.bounds, resolution="native")
        assert wide.rio.crs.to_epsg() == 32633
        assert wide.sizes["x"] >= 30

    def test_cropping_scales_the_size(self, scenes: list[Json]) -> None:
        # Twice as wide and high as the scene, which lies in its north-west quarter.
        box = (280000, 5098080, 282560, 5100000)
        cube = open_stac(scenes, bbox=box, bbox_crs=UTM33, width=128)
        assert (cube.sizes["y"], cube.sizes["x"]) == SHAPE
        np.testing.assert_array_equal(cube["red"][0], cells(0))
        whole = open_stac(scenes, bbox=box, bbox_crs=UTM33, width=128, crop=False)
        assert (whole.sizes["y"], whole.sizes["x"]) == (96, 128)
        np.testing.assert_array_equal(whole["red"][0, :48, :64], cells(0))
        assert not whole["red"][0, 48:].any()
        assert not whole["red"][0, :, 64:].any()

    def test_items_beside_the_box_make_no_empty_steps(self, scenes: list[Json]) -> None:
        far = bare("far", time="2024-06-01T10:00:00Z", transform=EAST @ Affine.translation(99, 0))
        box = (280000, 5099040, 280100, 5100000)
        cube = open_stac([*scenes, far], bbox=box, bbox_crs=UTM33, width=5)
        assert cube.sizes["time"] == 2

    def test_neighbour_of_the_box(self, scenes: list[Json]) -> None:
        # On the plane of the scene the box lies beside it; on the globe its rectangle reaches in.
        box = (281281, 5099040, 281290, 5100000)
        with pytest.raises(NoItemsError, match="footprint of none overlaps"):
            open_stac(scenes, bbox=box, bbox_crs=UTM33)

    def test_no_item_in_the_box(self, scenes: list[Json]) -> None:
        with pytest.raises(NoItemsError, match="matches bbox="):
            open_stac(scenes, bbox=(0, 0, 1, 1))


class TestTime:
    @pytest.fixture
    def passes(self, tmp_path: Path) -> list[Json]:
        """Return passes over 170 degrees east: two in one local day on either side of midnight."""
        place = Affine(20, 0, 400000, 0, -20, 5100000)
        times = ("2024-05-01T22:30:00Z", "2024-05-02T00:10:00Z", "2024-05-02T23:00:00Z")
        return [
            item(
                f"pass-{number}",
                {
                    "red": asset(
                        write_tif(
                            tmp_path / f"{number}.tif",
                            cells(number),
                            transform=place,
                            crs="EPSG:32659",
                        )
                    )
                },
                time=time,
                transform=place,
                crs="EPSG:32659",
                properties={"orbit": number % 2},
            )
            for number, time in enumerate(times)
        ]

    def labels(self, cube: xr.Dataset) -> list[str]:
        return [str(time)[:16] for time in cube["time"].values]

    def test_time_is_the_instant(self, passes: list[Json]) -> None:
        cube = open_stac(passes, resolution="native")
        expected = ["2024-05-01T22:30", "2024-05-02T00:10", "2024-05-02T23:00"]
        assert self.labels(cube) == expected

    def test_solar_day(self, passes: list[Json]) -> None:
        cube = open_stac(passes, resolution="native", groupby="solar_day")
        assert self.labels(cube) == ["2024-05-01T22:30", "2024-05-02T23:00"]
        first, second = cells(0), cells(1)
        np.testing.assert_array_equal(cube["red"][0], np.where(first != 0, first, second))

    def test_callable(self, passes: list[Json]) -> None:
        cube = open_stac(
            passes, resolution="native", groupby=lambda scene: scene.properties["orbit"]
        )
        assert self.labels(cube) == ["2024-05-01T22:30", "2024-05-02T00:10"]
        np.testing.assert_array_equal(cube["red"][1], cells(1))

    def test_time_zone_of_items_is_utc(self) -> None:
        cube = open_stac([bare(time="2024-05-01T12:00:00+02:00")], width=8)
        assert self.labels(cube) == ["2024-05-01T10:00"]

    def test_interval_items_are_labelled_by_their_start(self) -> None:
        scene = bare(
            properties={
                "datetime": None,
                "start_datetime": "2024-05-01T00:00:00Z",
                "end_datetime": "2024-05-31T00:00:00Z",
            }
        )
        cube = open_stac([scene], width=8, datetime="2024-05-20")
        assert self.labels(cube) == ["2024-05-01T00:00"]

    def test_equal_labels_are_refused(self) -> None:
        pair = [bare("a"), bare("b")]
        with pytest.raises(StacError, match="begin at the same instant"):
            open_stac(pair, width=8, groupby=lambda scene: scene.id)


class TestCells:
    def scene(self, tmp_path: Path, values: NDArray[np.generic], **fields: object) -> Json:
        """Return an item of one file, whose NoData tag is absent."""
        path = write_tif(tmp_path / "cells.tif", values, nodata=None)
        return item("cells", {"red": asset(path, **{"data_type": str(values.dtype), **fields})})

    def test_scale_and_offset(self, tmp_path: Path) -> None:
        fields = {"raster:scale": 1e-4, "raster:offset": -0.1, "unit": "1", "title": "Red"}
        cube = open_stac([self.scene(tmp_path, cells(1), **fields)], resolution="native")
        stored = cells(1).astype(np.float64)
        expected = np.where(stored == 0, np.nan, stored * 1e-4 - 0.1)
        assert cube["red"].dtype == np.float32
        np.testing.assert_allclose(cube["red"][0], expected, rtol=0, atol=1e-6)
        assert cube["red"].attrs["units"] == "1"
        assert cube["red"].attrs["long_name"] == "Red"
        assert "_FillValue" not in cube["red"].attrs

    def test_stored_values(self, tmp_path: Path) -> None:
        fields = {"raster:scale": 1e-4, "raster:offset": -0.1}
        scene = self.scene(tmp_path, cells(1), **fields)
        cube = open_stac([scene], resolution="native", scale=False)
        np.testing.assert_array_equal(cube["red"][0], cells(1))
        attrs = cube["red"].attrs
        assert (attrs["_FillValue"], attrs["scale_factor"], attrs["add_offset"]) == (0, 1e-4, -0.1)

    def test_raster_extension_of_stac_1_0(self, tmp_path: Path) -> None:
        scene = self.scene(tmp_path, cells(1))
        path = scene["assets"]["red"]["href"]
        bands = [{"data_type": "uint16", "nodata": 0, "scale": 0.5, "offset": 2}]
        scene["assets"]["red"] = {"href": path, "type": "image/tiff", "raster:bands": bands}
        cube = open_stac([scene], resolution="native")
        expected = np.where(cells(1) == 0, np.nan, cells(1) * 0.5 + 2)
        np.testing.assert_array_equal(cube["red"][0], expected)

    def test_int32_is_scaled_in_float64(self, tmp_path: Path) -> None:
        values = np.array([[2**31 - 1, -7], [5, 6]], np.int32)
        path = write_tif(tmp_path / "c.tif", values, nodata=-7)
        fields = {"data_type": "int32", "nodata": -7, "raster:scale": 2.0}
        scene = item("c", {"red": asset(path, **fields)}, shape=(2, 2))
        cube = open_stac([scene], resolution="native")
        assert cube["red"].dtype == np.float64
        np.testing.assert_array_equal(cube["red"][0], [[2.0**32 - 2, np.nan], [10, 12]])

    @pytest.mark.parametrize("crs", [UTM33, UTM32])
    def test_integers_without_nodata_widen(self, tmp_path: Path, crs: str) -> None:
        scene = self.scene(tmp_path, cells(1), nodata=None)
        cube = open_stac([scene], resolution=20, target_crs=crs)
        assert cube["red"].dtype == np.int32
        assert cube["red"].attrs["_FillValue"] == -(2**31)
        inside = cube["red"].values[cube["red"].values != -(2**31)]
        assert set(np.unique(inside)) <= set(np.unique(cells(1)))
        assert (inside == 0).any()
        assert (inside.size == cube["red"].size) == (crs == UTM33)

    def test_nodata_that_differs_between_items(self, tmp_path: Path) -> None:
        values = np.array([[0, 1], [2, 255]], np.uint8)
        scenes = [
            item(
                str(nodata),
                {
                    "red": asset(
                        write_tif(tmp_path / f"{nodata}.tif", values, nodata=nodata),
                        data_type="uint8",
                        nodata=nodata,
                    )
                },
                shape=(2, 2),
                time=time,
            )
            for nodata, time in ((0, "2024-05-01T00:00:00Z"), (255, "2024-05-02T00:00:00Z"))
        ]
        cube = open_stac(scenes, resolution="native")
        none = -(2**15)
        np.testing.assert_array_equal(cube["red"], [[[none, 1], [2, 255]], [[0, 1], [2, none]]])

    def test_nodata_of_the_caller(self, tmp_path: Path) -> None:
        scene = self.scene(tmp_path, cells(1), nodata=None)
        cube = open_stac([scene], resolution="native", nodata={"red": 0})
        assert cube["red"].dtype == np.uint16
        assert cube["red"].attrs["_FillValue"] == 0

    def test_declared_nodata_does_not_bleed(self, tmp_path: Path) -> None:
        # The file has no NoData tag: without the metadata's, bilinear cells would mix zeros in.
        values = np.full(SHAPE, 1000, np.uint16)
        values[:, :32] = 0
        scene = self.scene(tmp_path, values)
        cube = open_stac([scene], width=200, target_crs=UTM32, resampling="bilinear")
        assert set(np.unique(cube["red"])) == {0, 1000}

    def test_kernels_do_not_round_before_scaling(self, tmp_path: Path) -> None:
        values = np.tile(np.array([1, 2], np.uint16), (4, 2))
        scene = self.scene(tmp_path, values, **{"raster:scale": 1000})
        scene["properties"] |= {"proj:shape": [4, 4]}
        cube = open_stac([scene], width=16, resampling="bilinear")
        assert ((cube["red"] > 1000) & (cube["red"] < 2000)).any()

    def test_unknown_type_is_float64(self, tmp_path: Path) -> None:
        values = np.array([[2**31 - 1, 4], [5, 6]], np.int32)
        path = write_tif(tmp_path / "c.tif", values, nodata=4)
        scene = item("c", {"red": {"href": str(path), "type": "image/tiff"}}, shape=(2, 2))
        cube = open_stac([scene], resolution="native")
        assert cube["red"].dtype == np.float64
        np.testing.assert_array_equal(cube["red"][0], [[2.0**31 - 1, np.nan], [5, 6]])

    def test_float_sentinel_becomes_nan(self, tmp_path: Path) -> None:
        values = np.array([[1.5, -9999], [np.nan, 4]], np.float32)
        path = write_tif(tmp_path / "c.tif", values, nodata=None)
        fields = {"data_type": "float32", "nodata": -9999}
        scene = item("c", {"red": asset(path, **fields)}, shape=(2, 2))
        cube = open_stac([scene], resolution="native")
        np.testing.assert_array_equal(cube["red"][0], [[1.5, np.nan], [np.nan, 4]])

    def test_bands_of_one_file(self, tmp_path: Path) -> None:
        stack = np.stack([cells(1), cells(2)])
        bands = [{"name": "B04"}, {"name": "B08", "raster:scale": 2}]
        path = write_tif(tmp_path / "two.tif", stack)
        scene = item("two", {"data": asset(path, bands=bands)})
        cube = open_stac([scene], resolution="native")
        np.testing.assert_array_equal(cube["B04"][0], cells(1))
        expected = np.where(cells(2) == 0, np.nan, cells(2) * 2.0)
        np.testing.assert_array_equal(cube["B08"][0], expected)

    def test_item_without_a_band_is_empty_there(self, scenes: list[Json], tmp_path: Path) -> None:
        scenes[1]["assets"]["nir"] = asset(write_tif(tmp_path / "nir.tif", cells(9)))
        cube = open_stac(scenes, resolution="native")
        assert not cube["nir"][0].any()
        np.testing.assert_array_equal(cube["nir"][1], cells(9))

    def test_band_of_items_beside_the_box_alone(self, scenes: list[Json]) -> None:
        scenes[0]["assets"]["nir"] = asset("/nowhere/nir.tif")
        east = bare("east", transform=TRANSFORM @ Affine.translation(SHAPE[1], 0))
        box = (281281, 5099040, 281290, 5100000)
        cube = open_stac([scenes[0], east], bbox=box, bbox_crs=UTM33, resolution="native")
        assert np.isnan(cube["nir"]).all()

    def test_title_of_the_item_is_not_that_of_the_band(self, scenes: list[Json]) -> None:
        scenes[0]["properties"]["title"] = "A scene of May"
        assert "long_name" not in open_stac(scenes, width=8)["red"].attrs
        scenes[1]["assets"]["red"]["title"] = "Red"
        assert open_stac(scenes, width=8)["red"].attrs["long_name"] == "Red"

    def test_resampling_by_variable(self, scenes: list[Json], tmp_path: Path) -> None:
        scenes[0]["assets"]["mask"] = asset(write_tif(tmp_path / "mask.tif", cells(9)))
        cube = open_stac(
            scenes[:1], width=33, resampling={"mask": "mode", "*": "average"}, target_crs=UTM32
        )
        for name, kernel in (("mask", Resampling.mode), ("red", Resampling.average)):
            expected = warped(scenes[0]["assets"][name]["href"], cube, kernel)
            np.testing.assert_array_equal(cube[name][0], expected)

    def test_alias_names_the_variable(self, scenes: list[Json]) -> None:
        for scene in scenes:
            scene["assets"] = {"B04": {**scene["assets"]["red"], "eo:common_name": "red"}}
        cube = open_stac(scenes, bands="red", resolution="native")
        np.testing.assert_array_equal(cube["red"], [cells(0), cells(1)])


class TestSources:
    def test_static_catalog(self, scenes: list[Json], tmp_path: Path) -> None:
        path = save_catalog(tmp_path / "static", scenes)
        for source in (path, str(path), path.parent / "scenes" / "collection.json"):
            cube = open_stac(source, resolution="native", datetime="2024-05-06")
            np.testing.assert_array_equal(cube["red"], [cells(1)])

    def test_relative_links(self, tmp_path: Path) -> None:
        write_tif(tmp_path / "scenes" / "red.tif", cells(3))
        path = save_catalog(tmp_path, [item("one", {"red": asset("./red.tif")})])
        cube = open_stac(path, resolution="native")
        np.testing.assert_array_equal(cube["red"], [cells(3)])

    def test_objects_of_pystac(self, scenes: list[Json], tmp_path: Path) -> None:
        path = save_catalog(tmp_path / "static", scenes)
        catalog = pystac.Catalog.from_file(str(path))
        items = [pystac.Item.from_dict(scene) for scene in scenes]
        for source in (catalog, next(iter(catalog.get_children())), items, iter(items)):
            assert open_stac(source, resolution="native").sizes["time"] == 2
        assert open_stac(pystac.ItemCollection(items), resolution="native").sizes["time"] == 2
        assert open_stac(items[0], resolution="native").sizes["time"] == 1

    def test_item_and_item_collection_as_json(self, scenes: list[Json], tmp_path: Path) -> None:
        many = {"type": "FeatureCollection", "features": scenes}
        assert open_stac(many, resolution="native").sizes["time"] == 2
        assert open_stac(scenes[0], resolution="native").sizes["time"] == 1
        path = tmp_path / "item.json"
        path.write_text(pystac.StacIO.default().json_dumps(scenes[0]))
        assert open_stac(path, resolution="native").sizes["time"] == 1

    def test_patched_links(self, scenes: list[Json]) -> None:
        for scene in scenes:
            scene["assets"]["red"]["href"] = "https://private" + scene["assets"]["red"]["href"]
        cube = open_stac(
            scenes, resolution="native", patch_url=lambda link: link.removeprefix("https://private")
        )
        np.testing.assert_array_equal(cube["red"], [cells(0), cells(1)])

    def test_filter_of_a_list(self, scenes: list[Json]) -> None:
        scenes[1]["properties"]["eo:cloud_cover"] = 5
        cube = open_stac(scenes, width=8, filter="eo:cloud_cover < 20")
        assert cube.sizes["time"] == 1


class TestLimits:
    def test_size_is_checked_before_anything_is_read(self) -> None:
        with pytest.raises(SizeLimitError) as caught:
            open_stac([bare("a"), bare("b", time="2024-06-01T00:00:00Z")], max_pixels=1_000_000)
        assert "1024 x 768 cells x 2 times x 1 bands = 1572864 cells" in str(caught.value)
        assert "max_pixels=1000000" in str(caught.value)

    def test_advice_holds(self) -> None:
        scenes = [bare("a"), bare("b", time="2024-06-01T00:00:00Z")]
        with pytest.raises(SizeLimitError, match=r"width=815, resolution=1\.58") as caught:
            open_stac(scenes, max_pixels=1_000_000)
        assert "max_pixels=1572864" in str(caught.value)
        open_stac(scenes, max_pixels=1_000_000, width=815)
        open_stac(scenes, max_pixels=1_000_000, resolution=1.58)
        open_stac(scenes, max_pixels=1_572_864)

    def test_option_is_the_default(self) -> None:
        with set_options(max_pixels=100), pytest.raises(SizeLimitError, match="max_pixels=100"):
            open_stac([bare()])

    def test_max_items(self) -> None:
        scenes = [bare(str(number), time=f"2024-05-0{number}T00:00:00Z") for number in range(1, 4)]
        with pytest.raises(StacError, match=r"3 items match, but max_items=2\."):
            open_stac(scenes, width=8, max_items=2)
        assert open_stac(scenes, width=8, max_items=3).sizes["time"] == 3

    def test_metres_of_a_geographic_crs(self) -> None:
        with pytest.raises(StacError, match=r"10 degrees.*resolution=9e-05 here"):
            open_stac([bare()], resolution=10, target_crs=4326)

    @pytest.mark.parametrize(
        ("arguments", "text"),
        [
            ({"chunks": 0}, "chunks must be positive numbers of cells, got 0"),
            ({"bands": []}, r"bands must be one or more names, or None for all; got \(\)"),
            ({"collections": [1]}, r"collections must be one or more names"),
            ({"max_items": 0}, "max_items must be at least 1, got 0"),
            ({"page_size": 0}, "page_size must be at least 1, got 0"),
            ({"groupby": lambda scene: []}, "groupby must return hashable keys"),
            ({"resampling": {"nir": "mode"}}, "resampling names 'nir'"),
        ],
    )
    def test_wrong_argument(self, arguments: dict[str, Any], text: str) -> None:
        with pytest.raises(StacError, match=text):
            open_stac([bare()], **arguments)

    def test_unknown_crs(self) -> None:
        with pytest.raises(GridError, match="'EPSG:99'"):
            open_stac([bare()], target_crs="EPSG:99")
