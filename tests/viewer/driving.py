"""How tests drive the map page: they show it, let it come to rest, and look at its pixels."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import unquote_plus, urlsplit

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Page

WIDTH, HEIGHT = 1280, 800
BANDS = ["blue", "green", "red", "nir"]

# Share of the tiles' canvas that is drawn, and a checksum of its pixels.
CANVAS = """() => {
  const canvas = document.querySelector("#map .tiles canvas");
  if (!canvas) return [0, 0];
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  let drawn = 0, sum = 0;
  for (let i = 0; i < data.length; i += 4) {
    if (data[i + 3]) drawn += 1;
    sum = (sum * 31 + data[i] + 3 * data[i + 1] + 7 * data[i + 2] + data[i + 3]) % 4294967291;
  }
  return [drawn / (canvas.width * canvas.height), sum];
}"""


# A machine that does ten other things at once draws a page in its own time.
PATIENCE_MS = 60_000

# The page counts what is on its way: answers, pauses before a question, pictures being drawn.
RESTS = """async () => {
  const frame = () => new Promise(requestAnimationFrame);
  await frame();
  await frame();
  if (document.body.dataset.pending !== "0") return false;
  const canvas = document.querySelector("#map .tiles canvas");
  if (!canvas) return false;
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  return data.some((value) => value > 0) && document.body.dataset.pending === "0";
}"""


@contextmanager
def served(catalog: str) -> Iterator[str]:
    """Serve a catalog with the map page on loopback; yields the address."""
    uvicorn = pytest.importorskip("uvicorn", reason="the server extra is not installed")
    from xcube_tiles.server.app import create_app
    from xcube_tiles.server.viewer import STATIC

    if not (STATIC / "index.html").is_file():
        pytest.skip("the map page is not built: run scripts/build-viewer")
    config = uvicorn.Config(
        create_app(catalog), port=0, log_level="warning", ws="none", lifespan="off"
    )
    running = uvicorn.Server(config)
    thread = threading.Thread(target=running.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + PATIENCE_MS / 1000
    while not running.started and time.monotonic() < deadline:
        time.sleep(0.02)
    assert running.started
    port = running.servers[0].sockets[0].getsockname()[1]
    yield f"http://127.0.0.1:{port}/"
    running.should_exit = True
    thread.join(timeout=10)


def patient(page: Page) -> Page:
    """Return a page that is given all the time it needs."""
    page.set_default_timeout(PATIENCE_MS)
    return page


def show(page: Page, address: str) -> None:
    # The same page with another fragment wouldn't load again.
    page.goto("about:blank")
    page.goto(address)
    settle(page)


def settle(page: Page) -> None:
    """Wait until nothing is on its way, and something is drawn."""
    deadline = time.monotonic() + PATIENCE_MS / 1000
    while not page.evaluate(RESTS):
        assert time.monotonic() < deadline, "the page doesn't come to rest"
        page.wait_for_timeout(50)


def picture(page: Page) -> int:
    settle(page)
    return int(page.evaluate(CANVAS)[1])


def address(page: Page) -> str:
    """Return the address that the page shows."""
    return str(page.evaluate("location.href"))


def state(page: Page) -> dict[str, str]:
    # What the driver knows of the address comes later than the address itself.
    fragment = urlsplit(address(page)).fragment
    return {
        key: unquote_plus(value)
        for key, _, value in (p.partition("=") for p in fragment.split("&"))
    }
