"""A server with the synthetic scene, and a headless Chromium."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from tests.viewer.driving import BANDS, served
from xcube_tiles.catalog.writer import to_catalog
from xcube_tiles.testing.scene import scene_cube

if TYPE_CHECKING:
    from collections.abc import Iterator

    import xarray as xr
    from playwright.sync_api import Browser

# Without these Chromium, as root and without internet, fails to start or asks its maker's hosts.
CHROMIUM_FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="module")
def cube() -> xr.Dataset:
    return scene_cube(size=192, dates=3, seed=0)


@pytest.fixture(scope="module")
def server(cube: xr.Dataset, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Serve a catalog of three layers on loopback; yields the address."""
    catalog = str(tmp_path_factory.mktemp("page") / "catalog.zarr")
    to_catalog(cube[BANDS], catalog, "reflectance", progress=False)
    to_catalog(cube[["cloud"]].isel(time=[0]), catalog, "cloud", progress=False)
    to_catalog(cube[["elevation"]], catalog, "elevation", progress=False)
    with served(catalog) as address:
        yield address


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        pytest.skip("chromium is not installed: apt-get install chromium")
    with api.sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=program, args=CHROMIUM_FLAGS)
        yield running
        running.close()
