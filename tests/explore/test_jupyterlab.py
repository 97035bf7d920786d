"""The live map in a real JupyterLab: tiles appear, and others when an attribute is set."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
import urllib.request
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import xcube_tiles

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Page

nbformat = pytest.importorskip("nbformat", reason="nbformat is not installed")

pytestmark = [pytest.mark.browser, pytest.mark.slow]

# A machine that does ten other things at once starts JupyterLab and a kernel in its own time.
PATIENCE_SECONDS = 180

FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
FIRST = """\
import xcube_tiles as xt
from xcube_tiles.testing.scene import scene_cube

cube = scene_cube(size=128, dates=2).chunk(y=64, x=64)
map = cube.tiles.explore(bands=("red", "green", "blue"), stretch=(0, 3000), height=400)
map"""
SECOND = 'map.expression = "(nir - red) / (nir + red)"'
BEGUN = r"""number => /\[(\*|\d+)\]/.test(
  document.querySelectorAll(".jp-CodeCell .jp-InputPrompt")[number].innerText)"""
TILES = ".leaflet-tile-pane img.leaflet-tile"
LOADED = f"""marker => {{
  const tiles = [...document.querySelectorAll("{TILES}")];
  return tiles.length > 0
    && tiles.every(tile => decodeURIComponent(tile.src).includes(marker)
      && tile.complete && tile.naturalWidth === 256)
    && tiles.map(tile => tile.src);
}}"""


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Run JupyterLab on loopback, in a folder with the notebook; yields its address."""
    pytest.importorskip("jupyterlab", reason="jupyterlab is not installed: the extra `notebook`")
    pytest.importorskip("ipyleaflet", reason="ipyleaflet is not installed: the extra `notebook`")
    folder = tmp_path_factory.mktemp("lab")
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(c) for c in (FIRST, SECOND)]
    )
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3"}
    nbformat.write(notebook, folder / "map.ipynb")
    command = [
        *(sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--ip=127.0.0.1"),
        # It takes a free port by itself: one that was free a moment ago may not be so any more.
        *("--port=0", "--IdentityProvider.token=", f"--ServerApp.root_dir={folder}"),
        "--LabApp.news_url=None",
        "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
    ]
    own = {f"JUPYTER_{name}_DIR": str(folder / name) for name in ("CONFIG", "RUNTIME", "DATA")}
    home = {"PYTHONPATH": str(Path(xcube_tiles.__file__).parents[1]), "HOME": str(folder)}
    with (folder / "log").open("w") as log:
        running = subprocess.Popen(
            command, env={**os.environ, **own, **home}, stdout=log, stderr=log, cwd=folder
        )
    try:
        yield f"{_address(folder, running)}/lab/tree/map.ipynb"
    finally:
        running.terminate()  # it ends its kernels, too
        with suppress(subprocess.TimeoutExpired):
            running.wait(timeout=60)
        running.kill()
        running.wait()


def _address(folder: Path, running: subprocess.Popen[bytes]) -> str:
    """Wait until the server answers; return its address, which it notes in its own folder."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline and running.poll() is None:
        with suppress(OSError, ValueError):  # not there yet, or not written to its end
            (noted,) = (folder / "RUNTIME").glob("jpserver-*.json")
            port = json.loads(noted.read_text())["port"]
            address = f"http://127.0.0.1:{port}"
            with urllib.request.urlopen(f"{address}/api/status", timeout=5):
                return address
        time.sleep(0.1)
    raise AssertionError(f"JupyterLab doesn't start: {(folder / 'log').read_text()}")


@pytest.fixture(scope="module")
def page(lab: str) -> Iterator[Page]:
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        pytest.skip("chromium is not installed: apt-get install chromium")
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=FLAGS)
        opened = browser.new_page(viewport={"width": 1200, "height": 900})
        opened.set_default_timeout(1000 * PATIENCE_SECONDS)
        opened.goto(lab)
        opened.get_by_text(re.compile(r"\| Idle$")).wait_for()
        yield opened
        browser.close()


def run_cell(page: Page, number: int) -> None:
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        page.locator(".jp-CodeCell .cm-content").nth(number).click()
        page.keyboard.press("Shift+Enter")
        # While a kernel connects, JupyterLab forgets what it was told to run.
        with suppress(api.TimeoutError):
            page.wait_for_function(BEGUN, arg=number, timeout=10_000)
            return
    raise AssertionError(f"cell {number} doesn't run")


def loaded(page: Page, marker: str) -> set[str]:
    """Wait until all tiles of the map have a text in their address, and are drawn."""
    handle = page.wait_for_function(LOADED, arg=marker)
    return set(handle.json_value())


def test_the_map_is_shown_and_drawn_anew(page: Page) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    run_cell(page, 0)
    first = loaded(page, "bands=red,green,blue")
    _keep_picture(page, "rgb")
    run_cell(page, 1)
    second = loaded(page, "expression=(nir - red) / (nir + red)")
    _keep_picture(page, "ndvi")
    assert not first & second
    assert {_place(url) for url in first} & {_place(url) for url in second}
    # It comes by a message of its own, before the tiles or after them.
    page.locator(
        ".leaflet-control .widget-html-content, .leaflet-control .jupyter-widgets",
        has_text="(nir - red) / (nir + red)",
    ).first.wait_for()
    hosts = {re.sub(r"^\w+://([^:/]*).*", r"\1", url) for url in asked if "://" in url}
    assert hosts <= {"127.0.0.1"}


def _place(url: str) -> str:
    """Return zoom, column and row of a tile."""
    return url.partition("?")[0].partition("/tiles/")[2]


def _keep_picture(page: Page, name: str) -> None:
    """Write what is seen into the folder that the environment names, to be looked at."""
    folder = os.environ.get("XCUBE_TILES_TEST_PICTURES")
    if folder:
        page.screenshot(path=f"{folder}/jupyterlab-{name}.png")
