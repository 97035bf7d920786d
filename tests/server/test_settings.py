from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.server.client import Client
from xcube_tiles.errors import SettingsError
from xcube_tiles.server.settings import app_from_environment

if TYPE_CHECKING:
    from pathlib import Path


def test_the_environment_describes_the_application(
    catalog: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XCUBE_TILES_CATALOG", str(catalog))
    monkeypatch.setenv("XCUBE_TILES_MAX_AGE", "30")
    monkeypatch.setenv("XCUBE_TILES_ORIGINS", '["https://maps.example"]')
    client = Client(app_from_environment())
    answer = client.get("/layers/scene/preview.png", headers={"Origin": "https://maps.example"})
    assert answer.headers["cache-control"] == "public, max-age=30"
    assert answer.headers["access-control-allow-origin"] == "https://maps.example"


def test_nothing_set_is_a_server_without_layers() -> None:
    assert Client(app_from_environment()).get("/layers").json()["layers"] == []


def test_what_is_no_number_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XCUBE_TILES_MAX_AGE", "long")
    with pytest.raises(SettingsError, match="max_age"):
        app_from_environment()
