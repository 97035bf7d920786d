"""Settings: which of several places counts, and what is said about those that can't be."""

from __future__ import annotations

import json
import os
import re
import tomllib
from pathlib import Path

import pytest

from tests.server.client import Client
from xcube_tiles.errors import SettingsError
from xcube_tiles.server.operations.access import hash_of
from xcube_tiles.server.operations.limits import Limits
from xcube_tiles.server.operations.rates import Rate
from xcube_tiles.server.operations.serving import as_variables
from xcube_tiles.server.settings import Settings, app_from_settings, load_settings

FILE = """
catalog = "file.zarr"
port = 1000
max_age = 10
collections = { images = "a/{date}.tif" }

[limits]
timeout = 5
page = 50

[keys.staff]
sha256 = "%s"
layers = ["ndvi*"]
""" % hash_of("key")  # noqa: UP031


@pytest.fixture(autouse=True)
def own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("XCUBE_TILES_"):
            monkeypatch.delenv(name)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "server.toml"
    path.write_text(FILE)
    return path


def test_a_file(file: Path) -> None:
    before = dict(os.environ)
    settings = load_settings(file)
    assert dict(os.environ) == before
    assert settings.catalog == "file.zarr"
    assert settings.collections == {"images": "a/{date}.tif"}
    assert (settings.limits.timeout, settings.limits.page) == (5, 50)
    assert settings.limits.tile_size == 1024
    assert settings.keys["staff"].layers == ("ndvi*",)


def test_the_file_of_the_documentation(file: Path) -> None:
    page = Path(__file__).parents[2] / "docs" / "how-to" / "deploy.md"
    (text,) = re.findall(
        r"^```toml title=.*?\n(.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL
    )
    file.write_text(text)
    settings = load_settings(file)
    assert (settings.workers, settings.limits.timeout) == (4, 20)
    assert settings.rate == Rate(requests=20, burst=200)
    assert settings.keys["partner"].rate == Rate(requests=100, burst=1000)
    assert settings.model_fields_set == tomllib.loads(text).keys()


def test_the_documentation_names_all_settings() -> None:
    page = (Path(__file__).parents[2] / "docs" / "how-to" / "deploy.md").read_text()
    rows = "\n".join(line for line in page.splitlines() if line.startswith("| `"))
    named = set(re.findall(r"`(\w+)`", rows))
    assert named >= Limits.model_fields.keys()
    assert named >= Settings.model_fields.keys()


def test_options_before_variables_before_the_file(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XCUBE_TILES_PORT", "2000")
    monkeypatch.setenv("XCUBE_TILES_MAX_AGE", "20")
    monkeypatch.setenv("XCUBE_TILES_LIMITS__TIMEOUT", "6")
    settings = load_settings(file, port=3000, catalog=None)
    assert settings.port == 3000
    assert settings.max_age == 20
    assert settings.catalog == "file.zarr"
    # Of what lies within another, the rest is still the file's.
    assert (settings.limits.timeout, settings.limits.page) == (6, 50)


def test_a_variable_names_the_file(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XCUBE_TILES_CONFIG", str(file))
    assert load_settings().port == 1000


def test_other_processes_get_the_same(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XCUBE_TILES_LOG", "json")
    settings = load_settings(file, port=3000, workers=2, origins=["https://a.example"])
    for name, value in as_variables(settings).items():
        monkeypatch.setenv(name, value)
    assert load_settings() == settings


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("max_ages = 3", "max_ages: there is no such setting; did you mean max_age?"),
        ("[limits]\ntile_sise = 3", "limits.tile_sise: .* did you mean limits.tile_size"),
        ("zzz = 3", "zzz: there is no such setting; there are catalog, collections, "),
        ("port = 70000", "port: Input should be less than or equal to 65535, got 70000"),
        ("log = 'xml'", "log: Input should be 'human' or 'json', got 'xml'"),
        ("[limits]\ntimeout = 0", "limits.timeout: Input should be greater than 0, got 0"),
        ("[limits]\ntimeout = 'long'", "limits.timeout: .*valid number.*got 'long'"),
        ("port = ", "server.toml: Invalid value"),
        ("[keys.a]\nlayers = ['b']", "keys.a.sha256: Field required"),
        ("[rate]\nburst = 0", "rate.burst: Input should be greater than or equal to 1, got 0"),
        ("[rate]\nper_second = 1", "rate.per_second: there is no such setting"),
        ("tile_cache_ttl = 0", "tile_cache_ttl: .*greater than or equal to 1, got 0"),
        ("tile_cache_timeout = 0", "tile_cache_timeout: .*greater than 0, got 0"),
    ],
)
def test_what_can_not_be_is_told(tmp_path: Path, line: str, expected: str) -> None:
    path = tmp_path / "server.toml"
    path.write_text(line)
    with pytest.raises(SettingsError, match=expected):
        load_settings(path)


def test_a_key_in_place_of_its_hash_is_not_shown(tmp_path: Path) -> None:
    path = tmp_path / "server.toml"
    path.write_text('[keys.a]\nsha256 = "the-key-itself"')
    with pytest.raises(SettingsError, match=r"keys\.a\.sha256") as caught:
        load_settings(path)
    assert "the-key-itself" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_password_in_an_address_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XCUBE_TILES_TILE_CACHE_REDIS", "http://:the-password@host")
    with pytest.raises(SettingsError, match=r"tile_cache_redis: .*redis\|rediss\|unix") as caught:
        load_settings()
    assert "the-password" not in str(caught.value)


def test_rates_and_caches_from_anywhere(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file.write_text(
        'tile_cache = 1000\ntile_cache_redis = "redis://file"\n'
        "[rate]\nrequests = 5\nburst = 7\n"
        f'[keys.a]\nsha256 = "{hash_of("a")}"\nrate = {{ requests = 1 }}\n'
    )
    monkeypatch.setenv("XCUBE_TILES_RATE__REQUESTS", "2.5")
    monkeypatch.setenv("XCUBE_TILES_TILE_CACHE", "2000")
    settings = load_settings(file, tile_cache_redis="redis://option")
    assert settings.rate == Rate(requests=2.5, burst=7)
    assert settings.keys["a"].rate == Rate(requests=1)
    assert (settings.tile_cache, settings.tile_cache_redis) == (2000, "redis://option")
    for name, value in as_variables(settings).items():
        monkeypatch.setenv(name, value)
    assert load_settings() == settings


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("XCUBE_TILES_MAXAGE", "3", "XCUBE_TILES_MAXAGE: .* did you mean XCUBE_TILES_MAX_AGE"),
        (
            "XCUBE_TILES_LIMITS__TIMEOUTS",
            "3",
            "LIMITS__TIMEOUTS: .* did you mean XCUBE_TILES_LIMITS__TIMEOUT",
        ),
        ("XCUBE_TILES_ORIGINS", "a.example", "origins.*expected JSON"),
        ("XCUBE_TILES_WORKERS", "0", "workers: .*greater than or equal to 1, got '0'"),
    ],
)
def test_variables_that_can_not_be_are_told(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, expected: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError, match=expected):
        load_settings()


def test_no_file() -> None:
    with pytest.raises(SettingsError, match=r"there is no file 'nowhere\.toml'"):
        load_settings("nowhere.toml")


def test_settings_are_constant() -> None:
    with pytest.raises(ValueError, match="frozen"):
        Settings().port = 3


def test_the_application_is_as_they_say(catalog: Path) -> None:
    settings = load_settings(
        catalog=str(catalog),
        keys={"staff": {"sha256": hash_of("key")}},
        limits={"tile_size": 128},
        metrics=False,
    )
    client = Client(app_from_settings(settings))
    assert client.get("/layers").json()["layers"] == []
    headers = {"X-API-Key": "key"}
    assert client.get("/layers/scene", headers=headers).status_code == 200
    assert client.get("/layers/scene/preview.png?size=256", headers=headers).status_code == 413
    assert client.get("/metrics").status_code == 404
    assert json.loads(as_variables(settings)["XCUBE_TILES_KEYS"])["staff"]["layers"] == ["*"]


@pytest.mark.parametrize(("log", "level"), [("human", "WARNING"), ("json", "INFO")])
def test_people_are_not_told_of_every_request(log: str, level: str) -> None:
    assert load_settings(log=log).level == level
    assert load_settings(log=log, log_level="DEBUG").level == "DEBUG"
