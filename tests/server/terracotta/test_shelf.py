"""Rasters that come and go while the server runs, and the settings of Terracotta."""

from __future__ import annotations

import logging
import shutil
import sqlite3
from typing import TYPE_CHECKING

import numpy as np
import pytest

from tests.server.client import Client
from tests.server.terracotta.rasters import TILE, pixels, write_database
from tests.sources.rasters import ramp, write_raster
from xcube_tiles.errors import CollectionError, DuplicateKeysError, SettingsError, UnknownKeyError
from xcube_tiles.server.app import create_app
from xcube_tiles.server.settings import app_from_environment
from xcube_tiles.server.terracotta.options import TerracottaOptions, options_from_environment
from xcube_tiles.server.terracotta.shelf import Shelf
from xcube_tiles.sources.collection import Collection, scan

if TYPE_CHECKING:
    from pathlib import Path

PATH = "S2_20180524_B03.tif"


def bands(client: Client) -> list[str]:
    return [row["band"] for row in client.get("/datasets").json()["datasets"]]


def test_a_raster_that_is_ingested_is_seen_at_the_next_request(folder: Path) -> None:
    base = str(folder / "rasters.sqlite")
    files = scan(f"{folder}/{{sensor}}_20180524_{{band}}.tif")
    files.where(band="B02").save(base)
    client = Client(create_app(rasters=base))
    assert bands(client) == ["B02"]
    files.where(band="B03").save(base, if_exists="update")
    assert bands(client) == ["B02", "B03"]
    assert client.get(f"/singleband/S2/B03/{TILE}").status_code == 200
    files.where(band="B04").save(base, if_exists="replace")
    assert bands(client) == ["B04"]


def test_a_raster_that_terracotta_ingests_is_seen_at_the_next_request(folder: Path) -> None:
    base = write_database(folder / "tc.sqlite", {("S2", "B03"): "x.tif"}, keys=("sensor", "band"))
    client = Client(create_app(rasters=str(base)))
    assert bands(client) == ["B03"]
    connection = sqlite3.connect(base)
    path = str(folder / PATH)
    connection.execute("INSERT INTO datasets VALUES ('S2', 'new', ?)", (path,))
    connection.commit()
    connection.close()
    assert bands(client) == ["B03", "new"]
    assert client.get("/metadata/S2/new").json()["range"] == [210.0, 1680.0]


def test_a_database_that_is_gone_leaves_the_rasters_that_are_known(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    base = folder / "rasters.sqlite"
    scan(f"{folder}/{{sensor}}_20180524_{{band}}.tif").save(base)
    client = Client(create_app(rasters=str(base)))
    stored = base.read_bytes()
    base.unlink()
    for path in (f"/singleband/S2/B03/{TILE}", "/metadata/S2/B03", "/keys"):
        assert client.get(path).status_code == 200
    for path in ("/datasets", f"/singleband/S2/new/{TILE}", "/metadata/S2/new", "/readyz"):
        answer = client.get(path)
        assert answer.status_code == 503
        assert int(answer.headers["retry-after"]) > 0
        assert "the database of the rasters doesn't answer" in answer.json()["detail"]
    assert client.get("/healthz").status_code == 200
    assert caplog.text.count("can't be read anew") == 1
    base.write_bytes(stored)
    assert bands(client) == ["B02", "B03", "B04"]
    assert client.get("/readyz").status_code == 200
    assert client.get("/metadata/S2/new").status_code == 404


def test_rasters_are_added_and_replaced_while_the_server_runs(folder: Path) -> None:
    shelf = Shelf.open(f"{folder}/{{sensor}}_20180524_{{band}}.tif")
    app = create_app(rasters=shelf)
    client = Client(app)
    shelf.add(folder / PATH, sensor="S2", band="B99")
    assert bands(client) == ["B02", "B03", "B04", "B99"]
    with pytest.raises(DuplicateKeysError):
        shelf.add(folder / PATH, sensor="S2", band="B99")
    shelf.replace(Collection().add(folder / PATH, band="only"))
    assert bands(client) == ["only"]
    assert client.get(f"/singleband/only/{TILE}").status_code == 200
    assert app.state.shelves["rasters"] is shelf


def test_rasters_of_a_database_are_changed_there(folder: Path) -> None:
    base = folder / "rasters.sqlite"
    scan(f"{folder}/{{sensor}}_20180524_{{band}}.tif").save(base)
    shelf = Shelf.open(base)
    with pytest.raises(CollectionError, match="change it there"):
        shelf.add("a.tif", sensor="S2", band="a")
    with pytest.raises(CollectionError, match="change it there"):
        shelf.replace(Collection())


def test_a_file_that_changes_is_drawn_anew(folder: Path) -> None:
    client = Client(create_app(rasters=f"{folder}/{{sensor}}_{{date}}_{{band}}.tif"))
    path = f"/singleband/S2/20180524/B03/{TILE}?stretch_range=[100,1000]"
    first = client.get(path)
    shutil.copy(folder / "S2_20180506_B02.tif", folder / PATH)
    second = client.get(path)
    assert first.headers["etag"] != second.headers["etag"]
    expected = client.get(f"/singleband/S2/20180506/B02/{TILE}?stretch_range=[100,1000]")
    assert (pixels(second) == pixels(expected)).all()
    assert client.get("/metadata/S2/20180524/B03").json()["range"] == [120.0, 1375.0]


def test_another_key_may_be_red_green_and_blue(folder: Path) -> None:
    pattern = f"{folder}/{{sensor}}_{{date}}_{{band}}.tif"
    client = Client(create_app(rasters=Shelf.open(pattern, rgb_key="date")))
    assert [key["key"] for key in client.get("/keys").json()["keys"]] == ["sensor", "band", "date"]
    query = {"r": "20180506", "g": "20180524", "b": "2018-05-06"}
    assert client.get(f"/rgb/S2/B03/{TILE}", params=query).status_code == 200
    with pytest.raises(UnknownKeyError, match="no key 'x'"):
        Shelf.open(pattern, rgb_key="x")


def test_options_decide_about_answers(pattern: str, tmp_path: Path) -> None:
    greens = np.zeros((255, 4), "uint8")
    greens[:, 1] = greens[:, 3] = 255
    np.save(tmp_path / "mine_rgba.npy", greens)
    options, _ = options_from_environment(
        {
            "TC_DEFAULT_TILE_SIZE": "[64, 32]",
            "TC_RESAMPLING_METHOD": "nearest",
            "TC_MAX_POST_METADATA_KEYS": "1",
            "TC_LAZY_LOADING_MAX_SHAPE": "[16, 16]",
            "TC_RASTER_CACHE_SIZE": "0",
            "TC_EXTRA_CMAP_FOLDER": str(tmp_path),
        }
    )
    client = Client(create_app(rasters=Shelf.open(pattern, options=options)))
    assert pixels(client.get("/singleband/S2/20180524/B03/preview.png")).shape == (64, 32)
    keys = [["S2", "20180524", "B03"]] * 2
    assert client.post("/metadata", json={"keys": keys}).status_code == 400
    query = {"stretch_range": "[0,1]", "colormap": "mine", "num_values": "1"}
    found = client.get("/colormap", params=query).json()["colormap"]
    assert found == [{"value": 0.0, "rgba": [0, 255, 0, 255]}]


def test_settings_without_effect_are_named_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        options, others = options_from_environment(
            {
                "TC_PNG_COMPRESS_LEVEL": "9",
                "TC_NOPE": "1",
                "TC_RESAMPLING_METHOD": "cubic",
                "A": "1",
            }
        )
    assert (options, others) == (TerracottaOptions(resampling="linear"), {})
    assert "TC_PNG_COMPRESS_LEVEL has no effect: the level is 1" in caplog.text
    assert "TC_NOPE has no effect: there is no such setting" in caplog.text
    assert "TC_RESAMPLING_METHOD=cubic is drawn as linear" in caplog.text


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DEFAULT_TILE_SIZE", "256"),
        ("DEFAULT_TILE_SIZE", "[0, 256]"),
        ("DEFAULT_TILE_SIZE", "x"),
        ("RESAMPLING_METHOD", "best"),
        ("MAX_POST_METADATA_KEYS", "-1"),
        ("ALLOWED_ORIGINS_METADATA", '"*"'),
    ],
)
def test_bad_settings_are_refused(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=f"TC_{name}: expected"):
        options_from_environment({f"TC_{name}": value})


def test_user_and_password_are_put_into_the_address() -> None:
    given = {"TC_SQL_USER": "me", "TC_SQL_PASSWORD": "secret", "TC_DRIVER_PATH": "mysql://host/tc"}
    assert options_from_environment(given)[1] == {"driver_path": "mysql://me:secret@host/tc"}


def test_the_environment_of_terracotta_makes_an_application(
    pattern: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = pattern.format(sensor="S2", date="20180524", band="B03")
    base = write_database(tmp_path / "tc.sqlite", {("S2", "B03"): path}, keys=("sensor", "band"))
    monkeypatch.setenv("TC_DRIVER_PATH", str(base))
    monkeypatch.setenv("TC_ALLOWED_ORIGINS_METADATA", '["https://maps.example"]')
    client = Client(app_from_environment())
    assert bands(client) == ["B03"]
    for site, allowed in (("https://maps.example", True), ("https://other.example", False)):
        answer = client.get("/keys", headers={"Origin": site})
        assert ("access-control-allow-origin" in answer.headers) == allowed


def test_many_rasters_make_no_layers_of_the_map_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from xcube_tiles.server.terracotta import shown

    write_raster(tmp_path / "a.tif", ramp())
    write_raster(tmp_path / "b.tif", ramp())
    shelf = Shelf.open(f"{tmp_path}/{{name}}.tif")
    assert shown.ShownRasters(shelf).names() == ("a", "b")
    monkeypatch.setattr(shown, "MOST_SHOWN", 1)
    assert shown.ShownRasters(shelf).names() == ()
