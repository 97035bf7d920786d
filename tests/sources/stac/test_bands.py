"""Names, order and stored form of the bands of STAC items."""

from __future__ import annotations

import math
from itertools import permutations
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xcube_tiles.errors import StacError
from xcube_tiles.sources.stac.bands import (
    Band,
    Encoding,
    encoding,
    find_bands,
    is_raster,
    plan_cells,
)

if TYPE_CHECKING:
    from tests.sources.stac.data import Json

TIF = "image/tiff; application=geotiff; profile=cloud-optimized"


def scene(**assets: Json) -> Json:
    """Return what of an item matters here; assets are data in GeoTIFFs unless told otherwise."""
    full = {key: {"type": TIF, "roles": ["data"], **asset} for key, asset in assets.items()}
    return {"id": "scene", "properties": {}, "assets": full}


def names(*items: Json, wanted: list[str] | None = None, **collection: object) -> list[str]:
    return [band.name for band in find_bands(items, {"c": collection}, wanted)]


class TestOrder:
    item = scene(B02={}, B01={}, B03={})

    def test_of_the_assets(self) -> None:
        assert names(self.item) == ["B02", "B01", "B03"]

    def test_of_item_assets(self) -> None:
        described: Json = {"B03": {}, "B02": {}, "thumbnail": {}, "B01": {}}
        assert names(self.item, item_assets=described) == ["B03", "B02", "B01"]

    @pytest.mark.parametrize("key", ["bands", "eo:bands"])
    @pytest.mark.parametrize("summarised", [True, False])
    def test_of_the_list_of_bands(self, key: str, summarised: bool) -> None:
        listed = {key: [{"name": "B01"}, {"name": "B03"}]}
        place = {"summaries": listed} if summarised else listed
        described: Json = {"B03": {}, "B02": {}, "B01": {}}
        assert names(self.item, item_assets=described, **place) == ["B01", "B03", "B02"]

    def test_later_items_may_bring_bands(self) -> None:
        assert names(scene(a={}), scene(b={}, a={})) == ["a", "b"]

    def test_bands_that_no_item_has_are_not_there(self) -> None:
        assert names(scene(a={}), item_assets={"b": {"type": TIF, "roles": ["data"]}}) == ["a"]


class TestChoice:
    def test_data_only(self) -> None:
        item = scene(
            red={},
            visual={"roles": ["visual"]},
            thumbnail={"roles": ["thumbnail"], "type": "image/png"},
            metadata={"roles": ["metadata"], "type": "application/xml"},
            table={"type": "application/vnd.apache.parquet"},
        )
        assert names(item) == ["red"]

    def test_without_the_role_data(self) -> None:
        item = scene(red={"roles": []}, mask={"roles": ["cloud"]}, preview={"roles": ["overview"]})
        assert names(item) == ["red", "mask"]

    def test_no_raster(self) -> None:
        with pytest.raises(StacError, match=r"no raster assets; their assets are \['table'\]"):
            names(scene(table={"type": "application/json"}))

    @pytest.mark.parametrize(
        ("asset", "expected"),
        [
            ({"type": TIF}, True),
            ({"type": "image/jp2"}, True),
            ({"type": "application/x-hdf5"}, True),
            ({"type": "application/netcdf"}, True),
            ({"type": "application/vnd+zarr"}, False),
            ({"type": "application/json", "roles": ["data"]}, False),
            ({"roles": ["data"]}, True),
            ({"roles": ["metadata"]}, False),
            ({}, False),
        ],
    )
    def test_raster(self, asset: Json, expected: bool) -> None:
        assert is_raster(asset) is expected

    def test_order_of_the_caller(self) -> None:
        assert names(scene(a={}, b={}, c={}), wanted=["c", "a"]) == ["c", "a"]

    def test_unknown(self) -> None:
        with pytest.raises(StacError, match="no band 'red'; the items have a, b"):
            names(scene(a={}, b={}), wanted=["red"])

    def test_repeated(self) -> None:
        with pytest.raises(StacError, match="'a' is named twice"):
            names(scene(a={}), wanted=["a", "a"])


class TestNames:
    two: ClassVar[Json] = {"bands": [{"name": "B04"}, {"name": "B08"}]}

    def test_of_several_bands_in_a_file(self) -> None:
        assert names(scene(data=self.two)) == ["B04", "B08"]
        assert names(scene(data={"eo:bands": self.two["bands"]})) == ["B04", "B08"]
        assert names(scene(data={"raster:bands": [{}, {}]})) == ["data.1", "data.2"]

    def test_that_would_collide(self) -> None:
        assert names(scene(B04={}, visual=self.two)) == ["B04", "visual.B04", "B08"]
        assert names(scene(a=self.two, b=self.two)) == ["a.B04", "a.B08", "b.B04", "b.B08"]

    def test_single_band_goes_by_its_asset(self) -> None:
        assert names(scene(red={"bands": [{"name": "B04"}]})) == ["red"]

    @pytest.mark.parametrize(
        ("wanted", "expected"),
        [
            ("data", [("B04", 1), ("B08", 2)]),
            ("B08", [("B08", 2)]),
            ("data.2", [("B08", 2)]),
        ],
    )
    def test_ways_to_name(self, wanted: str, expected: list[tuple[str, int]]) -> None:
        found = find_bands([scene(data=self.two)], {}, [wanted])
        assert [(band.name, band.index) for band in found] == expected

    @pytest.mark.parametrize(
        "asset",
        [
            {"eo:bands": [{"name": "B04", "common_name": "red"}]},
            {"bands": [{"name": "B04", "eo:common_name": "red"}]},
            {"eo:common_name": "red"},
            {"bands": [{"name": "red"}]},
        ],
    )
    def test_common_name(self, asset: Json) -> None:
        picture = {"bands": [{"eo:common_name": "red"}, {"eo:common_name": "blue"}]}
        item = scene(visual=picture, B04=asset)
        assert find_bands([item], {}, ["red"]) == (Band(name="red", asset="B04", index=1),)

    def test_asset_goes_before_common_name(self) -> None:
        item = scene(other={"eo:common_name": "red"}, red={})
        assert find_bands([item], {}, ["red"]) == (Band(name="red", asset="red", index=1),)


class TestEncoding:
    band = Band(name="red", asset="red", index=1)

    @pytest.mark.parametrize(
        ("asset", "expected"),
        [
            ({}, Encoding()),
            (
                {"raster:bands": [{"data_type": "int16", "nodata": -1, "scale": 2, "offset": 3}]},
                Encoding(dtype=np.dtype("int16"), nodata=-1, scale=2, offset=3),
            ),
            (
                {"data_type": "uint8", "nodata": 0, "raster:scale": 2, "raster:offset": 3},
                Encoding(dtype=np.dtype("uint8"), nodata=0, scale=2, offset=3),
            ),
            (
                {"data_type": "uint8", "bands": [{"data_type": "uint16", "raster:scale": 2}]},
                Encoding(dtype=np.dtype("uint16"), scale=2),
            ),
            ({"raster:bands": [{"scale": 0.1}], "offset": 9}, Encoding(scale=0.1)),
            ({"nodata": "-inf"}, Encoding(nodata=-math.inf)),
        ],
    )
    def test_places(self, asset: Json, expected: Encoding) -> None:
        assert encoding(scene(red=asset), {}, self.band) == expected

    def test_not_a_number(self) -> None:
        found = encoding(scene(red={"nodata": "nan"}), {}, self.band)
        assert found.nodata is not None
        assert math.isnan(found.nodata)

    def test_properties_and_collection_fill_in(self) -> None:
        item = scene(red={"data_type": "uint8"})
        item["properties"] = {"nodata": 7}
        described = {"item_assets": {"red": {"raster:scale": 2, "data_type": "int16"}}}
        expected = Encoding(dtype=np.dtype("uint8"), nodata=7, scale=2)
        assert encoding(item, described, self.band) == expected

    @pytest.mark.parametrize("asset", [{"data_type": "cint99"}, {"nodata": "none"}])
    def test_unreadable(self, asset: Json) -> None:
        with pytest.raises(StacError, match="band 'red' of item 'scene' has metadata that can't"):
            encoding(scene(red=asset), {}, self.band)


def stored(dtype: str | None, nodata: float | None = 0, **factors: float) -> Encoding:
    return Encoding(dtype=None if dtype is None else np.dtype(dtype), nodata=nodata, **factors)


class TestCells:
    @pytest.mark.parametrize(
        ("encodings", "dtype", "nodata"),
        [
            ([stored("uint16")], "uint16", 0),
            ([stored("int16", -32768)], "int16", -32768),
            ([stored("uint8"), stored("uint16")], "uint16", 0),
            ([stored("uint8"), stored("int16")], "int16", 0),
            # No NoData, or not one: cells outside of an item need a value that none else has.
            ([stored("uint8", None)], "int16", -(2**15)),
            ([stored("int8", None)], "int16", -(2**15)),
            ([stored("uint16", None)], "int32", -(2**31)),
            ([stored("uint16", 0), stored("uint16", 65535)], "int32", -(2**31)),
            ([stored("uint8"), stored("int16", 7)], "int32", -(2**31)),
            ([stored("int32", None)], "int64", -(2**63)),
            ([stored("uint32", None)], "int64", -(2**63)),
            ([stored("int64", None)], "float64", math.nan),
            ([stored("uint64", None)], "float64", math.nan),
            # A value that the type can't hold is none.
            ([stored("uint8", -9999)], "int16", -(2**15)),
            ([stored("uint8", math.nan)], "int16", -(2**15)),
            ([stored("uint8", 0.5)], "int16", -(2**15)),
            ([stored("float32", -9999)], "float32", math.nan),
            ([stored("float64", None)], "float64", math.nan),
            ([stored(None)], "float64", math.nan),
            ([stored("uint16"), stored(None)], "float64", math.nan),
            ([stored("uint16", scale=2)], "float32", math.nan),
            ([stored("uint16", offset=2), stored("uint16")], "float32", math.nan),
            ([stored("uint32", scale=2)], "float64", math.nan),
        ],
    )
    def test_type_and_nodata(self, encodings: list[Encoding], dtype: str, nodata: float) -> None:
        for order in permutations(encodings):
            plan = plan_cells(order, scale=True)
            assert plan.dtype == np.dtype(dtype)
            np.testing.assert_equal(plan.nodata, nodata)
            assert plan.scale is None

    def test_band_that_no_item_has(self) -> None:
        plan = plan_cells([], scale=True)
        assert plan.dtype == np.float32
        assert math.isnan(plan.nodata)

    def test_unscaled(self) -> None:
        plan = plan_cells([stored("uint16", scale=2, offset=1)] * 2, scale=False)
        assert plan.dtype == np.uint16
        assert (plan.nodata, plan.scale, plan.offset) == (0, 2, 1)

    def test_unscaled_of_unequal_scales(self) -> None:
        plan = plan_cells([stored("uint16", scale=2), stored("uint16")], scale=False)
        assert plan.dtype == np.uint16
        assert plan.scale is None

    @given(
        value=st.integers(-(2**31), 2**31 - 1),
        dtype=st.sampled_from(["uint8", "int8", "uint16", "int16", "int32"]),
    )
    def test_every_stored_value_fits_and_differs_from_nodata(self, value: int, dtype: str) -> None:
        info = np.iinfo(dtype)
        cell: Any = np.clip(value, info.min, info.max)
        for factor in (1.0, 2.0):
            plan = plan_cells([stored(dtype, None, scale=factor)], scale=True)
            assert plan.dtype.type(cell) == cell
            assert plan.nodata != cell
