"""Attributes on disk: published schemas, and back to grids."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from affine import Affine
from hypothesis import given
from odc.geo.geobox import GeoBox

from xcube_tiles.catalog.format.conventions import (
    as_json,
    decode_nodata,
    encode_nodata,
    layer_attributes,
    level_attributes,
    parse_layout,
    public_attributes,
)
from xcube_tiles.errors import CatalogError
from xcube_tiles.grid.celltype import CellType
from xcube_tiles.testing.strategies import cell_types, geoboxes

if TYPE_CHECKING:
    from collections.abc import Mapping

SCHEMAS = Path(__file__).parents[3] / "shared" / "specs" / "zarr-conventions"
BOXES = (
    GeoBox((512, 1024), Affine(100, 0, 300_000, 0, -100, 5_600_000), "EPSG:32632"),
    GeoBox((256, 512), Affine(200, 0, 300_000, 0, -200, 5_600_000), "EPSG:32632"),
    GeoBox((128, 256), Affine(400, 0, 300_000, 0, -400, 5_600_000), "EPSG:32632"),
)
LAMBERT = "+proj=laea +lat_0=10 +lon_0=-81 +ellps=WGS84 +units=m +type=crs"


def test_the_attributes_of_a_layer_by_hand() -> None:
    found = layer_attributes(BOXES, "mean")
    layout = found["multiscales"]["layout"]
    assert layout[0] == {
        "asset": "0",
        "transform": {"scale": [1.0, 1.0], "translation": [0.0, 0.0]},
        "spatial:shape": [512, 1024],
        "spatial:transform": [100.0, 0.0, 300000.0, 0.0, -100.0, 5600000.0],
    }
    assert layout[2] == {
        "asset": "2",
        "derived_from": "1",
        "transform": {"scale": [2.0, 2.0], "translation": [0.0, 0.0]},
        "resampling_method": "average",
        "spatial:shape": [128, 256],
        "spatial:transform": [400.0, 0.0, 300000.0, 0.0, -400.0, 5600000.0],
    }
    assert found["proj:code"] == "EPSG:32632"
    assert found["spatial:bbox"] == [300000.0, 5548800.0, 402400.0, 5600000.0]
    assert found["spatial:dimensions"] == ["y", "x"]
    assert found["multiscales"]["resampling_method"] == "average"
    assert [entry["name"] for entry in found["zarr_conventions"]] == [
        "multiscales",
        "proj:",
        "spatial:",
    ]


@pytest.mark.parametrize("crs", ["EPSG:32632", LAMBERT])
@pytest.mark.parametrize(
    ("node", "name"),
    [
        ("layer", "multiscales"),
        *((node, name) for node in ("layer", "level", "array") for name in ("geo-proj", "spatial")),
    ],
)
def test_the_published_schemas_accept_them(name: str, crs: str, node: str) -> None:
    boxes = [GeoBox(box.shape, box.affine, crs) for box in BOXES]
    attributes = layer_attributes(boxes) if node == "layer" else level_attributes(boxes[1])
    kind = "array" if node == "array" else "group"
    check_schema(name, {"zarr_format": 3, "node_type": kind, "attributes": attributes})


def check_schema(name: str, document: Mapping[str, Any]) -> None:
    """Fail unless a document passes a convention's schema."""
    jsonschema = pytest.importorskip("jsonschema", reason="jsonschema comes with the test group")
    path = SCHEMAS / f"{name}.schema.json"
    if not path.exists():
        pytest.skip(f"the conventions' JSON schemas aren't beside this checkout ({path})")
    schema = json.loads(path.read_text())
    # The only reference that leaves the document; we never write `proj:projjson`.
    schema["$defs"].get("projAttributes", {}).get("properties", {}).pop("proj:projjson", None)
    jsonschema.Draft7Validator(schema).validate(document)


def test_a_custom_crs_keeps_its_wkt_and_no_code() -> None:
    attributes = level_attributes(GeoBox((2, 2), Affine(1, 0, 0, 0, -1, 0), LAMBERT))
    assert "proj:code" not in attributes
    assert attributes["proj:wkt2"].startswith("PROJCRS[")


@given(geobox=geoboxes())
def test_layouts_are_parsed_back(geobox: GeoBox) -> None:
    ((path, parsed),) = parse_layout(json.loads(json.dumps(layer_attributes([geobox]))))
    assert path == "0"
    assert parsed == geobox


@given(cell_type=cell_types())
def test_nodata_is_parsed_back(cell_type: CellType) -> None:
    stored = json.loads(json.dumps(encode_nodata(cell_type)))
    found = decode_nodata(stored, cell_type.dtype)
    assert CellType(dtype=cell_type.dtype, nodata=found) == cell_type


def test_nan_is_stored_as_xarray_stores_it() -> None:
    assert encode_nodata(CellType.parse("float32")) == "AAAAAAAA+H8="


def test_attributes_become_json() -> None:
    found = as_json(
        {
            "flag_values": np.array([0, 1], "uint8"),
            "valid_min": np.float32(0.5),
            "missing": np.nan,
            "when": np.datetime64("2018-05-24"),
            "nested": {"pair": (1, 2)},
        }
    )
    assert found == {
        "flag_values": [0, 1],
        "valid_min": 0.5,
        "missing": "nan",
        "when": "2018-05-24",
        "nested": {"pair": [1, 2]},
    }


def test_what_json_cant_hold_is_refused() -> None:
    with pytest.raises(CatalogError, match="can't store the attribute value <object"):
        as_json({"a": object()})


def test_stale_conventions_arent_kept() -> None:
    read_by_others = {**layer_attributes(BOXES), "title": "t", "grid_mapping": "spatial_ref"}
    assert public_attributes(read_by_others) == {"title": "t"}


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"multiscales": None}, "isn't a layer"),
        ({"multiscales": {"layout": [{"asset": "0"}]}}, "lacks spatial:shape, spatial:transform"),
        ({"proj:code": "EPSG:0"}, "'proj:code' can't be read: 'EPSG:0'"),
    ],
)
def test_malformed_layers(change: dict[str, Any], text: str) -> None:
    with pytest.raises(CatalogError, match=text):
        parse_layout({**layer_attributes(BOXES), **change})


def test_a_layer_without_a_crs() -> None:
    attributes = layer_attributes(BOXES)
    del attributes["proj:code"]
    with pytest.raises(CatalogError, match="no CRS"):
        parse_layout(attributes)
