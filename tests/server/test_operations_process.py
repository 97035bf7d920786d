"""What has been loaded is left alone by the garbage collector while a server answers."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING, Any

import pytest

from xcube_tiles.server import run
from xcube_tiles.server.operations import serving
from xcube_tiles.server.settings import app_from_environment, load_settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(autouse=True)
def thawed() -> Iterator[None]:
    gc.unfreeze()
    yield
    gc.unfreeze()


def test_one_process(catalog: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    frozen: list[int] = []
    monkeypatch.setattr(run, "run", lambda *_, **__: frozen.append(gc.get_freeze_count()))
    serving.serve(load_settings(catalog=str(catalog)))
    [count] = frozen
    assert count > 50_000, "the objects of some hundred modules"


def test_each_of_several(catalog: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XCUBE_TILES_CATALOG", str(catalog))
    app: Any = app_from_environment()
    assert app.state.library.names() == ("scene",)
    assert gc.get_freeze_count() > 50_000
