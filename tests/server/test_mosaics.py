"""Layers of rasters that come and go while the server runs, and files that lie side by side."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from affine import Affine
from typer.testing import CliRunner

import xcube_tiles as xt
from tests.server.client import Client
from tests.server.terracotta.rasters import PIXELS, TILE, X, Y, Z, rgba
from tests.sources.rasters import write_raster
from xcube_tiles.cli.app import app as command
from xcube_tiles.errors import CollectionError, UnknownKeyError
from xcube_tiles.server.app import create_app
from xcube_tiles.server.operations import serving
from xcube_tiles.server.settings import app_from_environment
from xcube_tiles.sources import header

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

MIDDLE = {"lon": 360 * (X + 0.5) / 2**Z - 180, "lat": 51.29}
LAYER_TILE = f"WebMercatorQuad/{Z}/{X}/{Y}"


def put(path: Path, value: int, *, left: int = 0, width: int = 256) -> Path:
    """Write cells of one value that are some of the columns of the tile's pixels."""
    cells = np.full((256, width), value, "uint8")
    return write_raster(
        path, cells, transform=PIXELS @ Affine.translation(left, 0), crs="EPSG:3857", nodata=0
    )


def names(client: Client) -> list[str]:
    return [layer["name"] for layer in client.get("/layers").json()["layers"]]


def drawn(client: Client, layer: str, **query: Any) -> NDArray[np.uint8]:
    """Return the red of a tile whose colours are the cells."""
    query = {"stretch": "0,255", "colormap": "gray", **query}
    answer = client.get(f"/layers/{layer}/tiles/{LAYER_TILE}.png", params=query)
    assert answer.status_code == 200, answer.text
    found: NDArray[np.uint8] = rgba(answer)[..., 0]
    return found


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the names of the files whose headers are read from now on."""
    found: list[str] = []
    read = header.read_header

    def noted(path: str, options: Any = None) -> Any:
        found.append(path.rpartition("/")[2])
        return read(path, options)

    monkeypatch.setattr(header, "read_header", noted)
    return found


def test_files_of_a_pattern_come_and_go_as_layers(tmp_path: Path, opened: list[str]) -> None:
    put(tmp_path / "S1_20200101.tif", 1)
    client = Client(create_app(rasters=f"{tmp_path}/{{sensor}}_{{date}}.tif", refresh=0))
    assert names(client) == ["S1"]
    new = put(tmp_path / "S2_20200101.tif", 2)
    assert names(client) == ["S1", "S2"]
    assert drawn(client, "S2").max() == 2
    assert opened == ["S1_20200101.tif", "S2_20200101.tif"]  # each header once
    new.unlink()
    assert names(client) == ["S1"]
    assert client.get(f"/layers/S2/tiles/{LAYER_TILE}.png").status_code == 404
    (tmp_path / "S1_20200101.tif").unlink()
    assert names(client) == []
    assert client.get("/datasets").json()["datasets"] == []
    put(tmp_path / "S3_20200101.tif", 3)
    assert names(client) == ["S3"]


def test_a_new_date_is_seen_in_a_layer_that_is_there(tmp_path: Path) -> None:
    put(tmp_path / "S1_20200101.tif", 1)
    client = Client(create_app(rasters=f"{tmp_path}/{{sensor}}_{{date}}.tif", refresh=0))
    tag = client.get(f"/layers/S1/tiles/{LAYER_TILE}.png").headers["etag"]
    assert len(client.get("/layers/S1").json()["times"]) == 1
    put(tmp_path / "S1_20210101.tif", 9)
    assert len(client.get("/layers/S1").json()["times"]) == 2
    assert drawn(client, "S1", time="2021-01-01").max() == 9
    assert client.get(f"/layers/S1/tiles/{LAYER_TILE}.png").headers["etag"] != tag


def test_a_file_that_is_replaced_has_another_tag(tmp_path: Path, opened: list[str]) -> None:
    for name in ("a", "b"):
        put(tmp_path / f"{name}.tif", 1)
    client = Client(create_app(rasters=f"{tmp_path}/{{name}}.tif", refresh=0))
    before = {name: client.get(f"/layers/{name}/tiles/{LAYER_TILE}.png") for name in ("a", "b")}
    opened.clear()
    put(tmp_path / "new", 7)
    os.replace(tmp_path / "new", tmp_path / "a.tif")
    after = {name: client.get(f"/layers/{name}/tiles/{LAYER_TILE}.png") for name in ("a", "b")}
    assert after["a"].headers["etag"] != before["a"].headers["etag"]
    assert after["b"].headers["etag"] == before["b"].headers["etag"]
    assert drawn(client, "a").max() == 7
    assert opened == ["a.tif"]


def test_what_is_saved_in_a_database_is_seen_as_a_layer(tmp_path: Path) -> None:
    for name in ("a", "b"):
        put(tmp_path / f"{name}.tif", 1)
    base = str(tmp_path / "rasters.sqlite")
    files = xt.scan(f"{tmp_path}/{{name}}.tif")
    files.where(name="a").save(base)
    client = Client(create_app(rasters=base, refresh=0))
    assert names(client) == ["a"]
    files.where(name="b").save(base, if_exists="update")
    assert names(client) == ["a", "b"]
    files.where(name="b").save(base, if_exists="replace")
    assert names(client) == ["b"]


def test_a_layer_that_can_no_longer_be_one_vanishes(tmp_path: Path) -> None:
    put(tmp_path / "S1_20200101.tif", 1)
    client = Client(create_app(rasters=f"{tmp_path}/{{sensor}}_{{date}}.tif", refresh=0))
    put(tmp_path / "S1_20210101.tif", 1, left=40)  # another grid
    assert names(client) == []
    (tmp_path / "S1_20210101.tif").unlink()
    assert names(client) == ["S1"]


def test_a_layer_of_the_catalog_is_hidden_while_there_are_rasters_of_its_name(
    tmp_path: Path, catalog: Path
) -> None:
    client = Client(create_app(catalog, rasters=_scene(tmp_path), refresh=0))
    assert client.get("/layers/scene").json()["variables"][0]["name"] == "raster"
    (tmp_path / "scene.tif").unlink()
    assert client.get("/layers/scene").json()["variables"][0]["name"] != "raster"
    put(tmp_path / "scene.tif", 1)
    assert client.get("/layers/scene").json()["variables"][0]["name"] == "raster"


def _scene(folder: Path) -> str:
    put(folder / "scene.tif", 1)
    return f"{folder}/{{name}}.tif"


@pytest.mark.parametrize("mosaic", [["tile"], "auto"])
def test_files_side_by_side_are_one_layer(tmp_path: Path, mosaic: Any) -> None:
    put(tmp_path / "west_20200101_red.tif", 10, width=130)
    put(tmp_path / "east_20200101_red.tif", 20, left=120, width=136)
    put(tmp_path / "east_20210101_red.tif", 30, left=120, width=136)
    pattern = f"{tmp_path}/{{tile}}_{{date}}_{{band}}.tif"
    client = Client(create_app(rasters=pattern, mosaic=mosaic, refresh=0))
    assert names(client) == ["rasters"]
    found = drawn(client, "rasters", time="2020-01-01", bands="red")
    # of both `east` comes first
    assert (found[:, :120] == 10).all()
    assert (found[:, 120:] == 20).all()
    assert drawn(client, "rasters", time="2021-01-01").max() == 30
    values = client.get("/layers/rasters/point", params={**MIDDLE, "time": "2020-01-01"})
    assert values.json()["values"] == {"red": 20}
    series = client.get("/layers/rasters/series", params=MIDDLE)
    assert series.json()["values"]["red"] == [20, 30]
    put(tmp_path / "west_20210101_red.tif", 40, width=130)
    assert (drawn(client, "rasters", time="2021-01-01")[:, :120] == 40).all()
    assert client.get(f"/singleband/west/20200101/red/{TILE}").status_code == 200


def test_a_region_of_a_mosaic_has_the_cells_of_its_files(tmp_path: Path) -> None:
    put(tmp_path / "west.tif", 10, width=128)
    put(tmp_path / "east.tif", 20, left=128, width=128)
    files = xt.scan(f"{tmp_path}/{{tile}}.tif")
    client = Client(create_app(collections={"both": files}, mosaic=["tile"]))
    left, top = PIXELS * (64, 64)
    right, bottom = PIXELS * (160, 96)
    box = {"bbox": f"{left},{bottom},{right},{top}", "coord_crs": "EPSG:3857"}
    answer = client.get("/layers/both/statistics", params=box)
    assert answer.status_code == 200, answer.text
    found = answer.json()["times"][0]["bands"]["raster"]
    # 64 columns of the one, 32 of the other
    assert (found["count"], found["min"], found["max"]) == (96 * 32, 10, 20)
    assert found["mean"] == pytest.approx((64 * 10 + 32 * 20) / 96)


def test_wrong_keys_are_refused_at_the_start(tmp_path: Path) -> None:
    put(tmp_path / "a.tif", 1)
    text: Any = "name"
    with pytest.raises(UnknownKeyError, match="no key 'tile'; the keys are name"):
        create_app(rasters=f"{tmp_path}/{{name}}.tif", mosaic=["tile"])
    with pytest.raises(CollectionError, match=r"such as \['name'\], or 'auto'"):
        create_app(rasters=f"{tmp_path}/{{name}}.tif", mosaic=text)


@pytest.mark.parametrize("text", ["auto", '["tile"]'])
def test_settings_name_the_keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    put(tmp_path / "west.tif", 10, width=128)
    put(tmp_path / "east.tif", 20, left=128, width=128)
    monkeypatch.setenv("XCUBE_TILES_RASTERS", f"{tmp_path}/{{tile}}.tif")
    monkeypatch.setenv("XCUBE_TILES_MOSAIC", text)
    client = Client(app_from_environment())
    assert names(client) == ["rasters"]
    assert set(np.unique(drawn(client, "rasters"))) == {10, 20}


@pytest.mark.parametrize(
    ("given", "expected"), [(["auto"], "auto"), (["tile", "orbit"], ["tile", "orbit"])]
)
def test_the_command_line_names_the_keys(
    monkeypatch: pytest.MonkeyPatch, given: list[str], expected: Any
) -> None:
    seen: list[Any] = []
    monkeypatch.setattr(serving, "serve", lambda settings, **_: seen.append(settings.mosaic))
    options = [part for key in given for part in ("--mosaic", key)]
    result = CliRunner().invoke(command, ["serve", "-r", "{tile}_{orbit}.tif", *options])
    assert result.exit_code == 0, result.output
    assert seen == [expected]
