"""What items tell of their grids: CRS, finest resolution, footprints."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pyproj
import pytest
import shapely
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st

from tests.sources.stac.data import TRANSFORM, UTM32, UTM33, bare, item
from xcube_tiles.errors import StacError
from xcube_tiles.grid.extent import as_crs
from xcube_tiles.sources.stac.bands import Band
from xcube_tiles.sources.stac.native import (
    CellSize,
    MixedCRSWarning,
    NativeGrid,
    choose_crs,
    finest,
    footprint,
    item_crs,
    native_grids,
    reproject,
)

if TYPE_CHECKING:
    from tests.sources.stac.data import Json

RED = Band(name="red", asset="red", index=1)
BANDS = (RED,)


def scene(asset: Json | None = None, properties: Json | None = None) -> Json:
    """Return an item of UTM 33 that tells nothing of its cells but what is given."""
    content = item("scene", {"red": {"href": "/nowhere.tif", **(asset or {})}})
    kept = {key: content["properties"][key] for key in ("datetime", "proj:code")}
    content["properties"] = {**kept, **(properties or {})}
    return content


class TestCRS:
    @pytest.mark.parametrize(
        "declared",
        [
            {"proj:code": "EPSG:32632"},
            {"proj:epsg": 32632},
            {"proj:wkt2": pyproj.CRS(32632).to_wkt("WKT2_2019")},
            {"proj:projjson": pyproj.CRS(32632).to_json_dict()},
            {"proj:epsg": None, "proj:code": "EPSG:32632"},
        ],
        ids=["code", "epsg", "wkt2", "projjson", "null"],
    )
    def test_of_the_asset_before_the_item(self, declared: Json) -> None:
        found = item_crs(scene(declared), BANDS)
        assert found is not None
        assert found.epsg == 32632

    def test_of_the_item(self) -> None:
        assert item_crs(scene(), BANDS) == as_crs(UTM33)

    def test_of_nobody(self) -> None:
        assert item_crs(scene(properties={"proj:code": None}), BANDS) is None

    def test_unknown(self) -> None:
        with pytest.raises(StacError, match="proj:code of item 'scene' is no CRS"):
            item_crs(scene(properties={"proj:code": "EPSG:0"}), BANDS)

    def test_common_one_is_silent(self) -> None:
        assert choose_crs([scene(), scene()], BANDS, as_crs(4326)) == as_crs(UTM33)

    def test_fallback(self) -> None:
        assert choose_crs([scene(properties={"proj:code": None})], BANDS, as_crs(4326)) == as_crs(
            4326
        )

    def test_tie_goes_to_the_earliest(self) -> None:
        other = scene(properties={"proj:code": UTM32})
        with pytest.warns(MixedCRSWarning, match="takes EPSG:32632"):
            assert choose_crs([other, scene()], BANDS, as_crs(4326)) == as_crs(UTM32)


class TestResolution:
    """Every place where it is looked for, and their order."""

    @pytest.mark.parametrize(
        ("asset", "properties", "expected"),
        [
            ({"proj:transform": [10, 0, 0, 0, -20, 0]}, {}, (10, 20)),
            ({"proj:transform": [10, 0, 0, 0, -20, 0, 0, 0, 1]}, {}, (10, 20)),
            ({}, {"proj:transform": [30, 0, 0, 0, -30, 0]}, (30, 30)),
            (
                {"proj:transform": [10, 0, 0, 0, -10, 0]},
                {"proj:transform": [30, 0, 0, 0, -30, 0]},
                (10, 10),
            ),
            ({"proj:transform": [0, 10, 0, 10, 0, 0]}, {}, (10, 10)),
            ({"proj:shape": [100, 50], "proj:bbox": [0, 0, 1000, 1000]}, {}, (20, 10)),
            ({"proj:shape": [100, 50]}, {"proj:bbox": [0, 0, 0, 1000, 1000, 9]}, (20, 10)),
            ({"raster:bands": [{"spatial_resolution": 15}]}, {}, (15, 15)),
            ({"raster:spatial_resolution": 15}, {}, (15, 15)),
            ({"bands": [{"raster:spatial_resolution": 25}]}, {}, (25, 25)),
            ({"gsd": 60}, {"gsd": 10}, (60, 60)),
            ({}, {"gsd": 10}, (10, 10)),
            ({"eo:bands": [{"name": "B1", "gsd": 5}]}, {"gsd": 10}, (5, 5)),
            ({"raster:bands": [{"spatial_resolution": 15}], "gsd": 60}, {}, (15, 15)),
            ({"proj:transform": [10, 0, 0, 0, -10, 0], "gsd": 60}, {}, (10, 10)),
        ],
    )
    def test_places(self, asset: Json, properties: Json, expected: tuple[float, float]) -> None:
        (grid,) = native_grids(scene(asset, properties), {}, BANDS)
        assert grid.crs == as_crs(UTM33)
        assert tuple(grid.size) == expected

    def test_shape_and_geometry(self) -> None:
        (grid,) = native_grids(scene({"proj:shape": [48, 64]}), {}, BANDS)
        assert tuple(grid.size) == pytest.approx((20, 20), rel=1e-4)
        assert grid.origin is None
        (known,) = native_grids(scene({"proj:shape": [48, 64], "gsd": 60}), {}, BANDS)
        assert known.size == (60, 60)

    def test_collection_fills_in(self) -> None:
        described = {"item_assets": {"red": {"gsd": 42}}}
        (grid,) = native_grids(scene(), described, BANDS)
        assert grid.size == (42, 42)

    def test_nothing_known(self) -> None:
        assert native_grids(scene(), {}, BANDS) == set()

    def test_bands_differ(self) -> None:
        content = scene({"gsd": 10})
        content["assets"]["swir"] = {"href": "/s.tif", "gsd": 20}
        swir = Band(name="swir", asset="swir", index=1)
        grids = native_grids(content, {}, (RED, swir))
        assert {grid.size.x for grid in grids} == {10, 20}
        assert finest(grids, as_crs(UTM33), (500000, 5000000)) == (10, 10)

    def test_feet(self) -> None:
        # EPSG:2263 counts in US survey feet of 1200/3937 m.
        content = scene({"gsd": 12}, {"proj:code": "EPSG:2263"})
        (grid,) = native_grids(content, {}, BANDS)
        assert grid.size.x == pytest.approx(12 * 3937 / 1200)

    def test_metres_without_projection(self) -> None:
        content = scene({"gsd": 10}, {"proj:code": "EPSG:4326"})
        grids = native_grids(content, {}, BANDS)
        size = finest(grids, as_crs(4326), (15.0, 60.0))
        assert size is not None
        geod = pyproj.Geod(ellps="WGS84")
        # Oracle: the length of what was found, along the parallel and the meridian.
        assert geod.inv(15, 60, 15 + size.x, 60)[2] == pytest.approx(10, rel=1e-6)
        assert geod.inv(15, 60, 15, 60 + size.y)[2] == pytest.approx(10, rel=1e-6)

    def test_finest_is_per_axis(self) -> None:
        crs = as_crs(UTM33)
        grids = [
            NativeGrid(crs=crs, size=CellSize(10, 40)),
            NativeGrid(crs=crs, size=CellSize(20, 30)),
        ]
        assert finest(grids, crs, (500000, 5000000)) == (10, 30)
        assert finest([], crs, (0, 0)) is None

    def test_between_zones(self) -> None:
        # A zone's border: the scale differs by less than a thousandth, north by two degrees.
        grid = NativeGrid(crs=as_crs(UTM32), size=CellSize(10, 10))
        size = finest([grid], as_crs(UTM33), (280000, 5100000))
        assert size is not None
        assert size.x == pytest.approx(10, rel=2e-3)
        assert size.y == pytest.approx(10, rel=2e-3)

    def test_compared_at_the_centre(self) -> None:
        # The finest of two grids depends on the latitude where they are compared.
        metres = NativeGrid(crs=None, size=CellSize(100, 100))
        for latitude in (0.0, 60.0):
            size = finest([metres], as_crs(4326), (10.0, latitude))
            assert size is not None
            ratio = size.x / size.y
            assert ratio == pytest.approx(1 / math.cos(math.radians(latitude)), rel=0.01)


class TestFootprint:
    def test_raster_in_its_own_crs(self) -> None:
        area = footprint(bare(), BANDS, as_crs(UTM33))
        assert area.bounds == (280000, 5099040, 281280, 5100000)

    def test_rotated_raster(self) -> None:
        turned = Affine.translation(280000, 5100000) @ Affine.rotation(-90) @ Affine.scale(20, -20)
        content = scene({"proj:transform": list(turned)[:6], "proj:shape": [10, 30]})
        area = footprint(content, BANDS, as_crs(UTM33))
        assert area.bounds == pytest.approx((279800, 5099400, 280000, 5100000))

    def test_geometry_and_box(self) -> None:
        content = scene()
        by_geometry = footprint(content, BANDS, as_crs(UTM33))
        assert by_geometry.bounds == pytest.approx((280000, 5099040, 281280, 5100000), abs=0.01)
        by_box = footprint({**content, "geometry": None}, BANDS, as_crs(UTM33))
        assert by_box.buffer(1e-3).covers(by_geometry)

    def test_nothing_known(self) -> None:
        with pytest.raises(StacError, match="has neither geometry nor bbox"):
            footprint({**scene(), "geometry": None, "bbox": None}, BANDS, as_crs(UTM33))

    def test_poles_are_left_out_of_mercator(self) -> None:
        world = reproject(shapely.box(-180, -90, 180, 90), as_crs(4326), as_crs(3857))
        xmin, ymin, xmax, ymax = world.bounds
        assert (xmin, xmax) == pytest.approx((-20037508.34, 20037508.34))
        assert ymin < -1e7
        assert ymax > 1e7

    @given(x=st.floats(200_000, 800_000), y=st.floats(100_000, 8_000_000))
    def test_round_trip(self, x: float, y: float) -> None:
        box = shapely.box(x, y, x + 100_000, y + 100_000)
        there = reproject(box, as_crs(UTM33), as_crs(4326))
        back = reproject(there, as_crs(4326), as_crs(UTM33))
        # 25 points a side: the bends between them are metres on 100 km.
        assert shapely.hausdorff_distance(box, back) < 60


class TestAntimeridian:
    def test_crossing_is_split(self) -> None:
        box = shapely.box(750_000, 1_000_000, 900_000, 1_100_000)
        globe = reproject(box, as_crs("EPSG:32660"), as_crs(4326))
        parts = shapely.get_parts(globe)
        west, east = sorted(part.bounds for part in parts)
        assert west[0] == -180
        assert east[2] == 180
        assert west[2] < -178
        assert east[0] > 179
        area = sum(
            abs(pyproj.Geod(ellps="WGS84").geometry_area_perimeter(part)[0]) for part in parts
        )
        assert area == pytest.approx(150_000 * 100_000, rel=0.01)

    def test_whole_globe_stays(self) -> None:
        world = shapely.segmentize(shapely.box(-180, -90, 180, 90), 15)
        moved = reproject(world, as_crs(4326), as_crs("EPSG:4979"))
        assert moved.bounds == (-180, -90, 180, 90)

    def test_cube_across_it(self) -> None:
        from xcube_tiles.sources.stac.opening import open_stac

        content = bare(crs="EPSG:32660", transform=Affine(1000, 0, 750000, 0, -1000, 1100000))
        content["geometry"] = None
        cube = open_stac([content], resolution="native", chunks=16)
        # Blocks on both sides of the antimeridian read the file: none of them is empty.
        assert np.prod(cube["red"].data.numblocks) == 12
        tasks = cube["red"].data.dask.layers[cube["red"].data.name].values()
        assert all(any("open-red" in str(key) for key in task.dependencies) for task in tasks)


def test_transform_of_the_data() -> None:
    assert tuple(TRANSFORM)[:6] == (20, 0, 280000, 0, -20, 5100000)
