from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.server.client import Client
from tests.server.terracotta.rasters import write_rasters
from xcube_tiles.server.app import create_app

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="session")
def pattern(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return the pattern of rasters that aren't to be changed."""
    return write_rasters(tmp_path_factory.mktemp("keyed"))


@pytest.fixture(scope="session")
def client(pattern: str) -> Client:
    """Return a client of a server of them."""
    return Client(create_app(rasters=pattern))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder of rasters that may be changed."""
    write_rasters(tmp_path)
    return tmp_path
