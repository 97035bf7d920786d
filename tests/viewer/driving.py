"""How tests drive the map page: they show it, let it come to rest, and look at its pixels."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import unquote_plus, urlsplit

if TYPE_CHECKING:
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


def show(page: Page, address: str) -> None:
    # The same page with another fragment wouldn't load again.
    page.goto("about:blank")
    page.goto(address, wait_until="networkidle")  # histograms come after the tiles
    settle(page)


def settle(page: Page) -> None:
    """Wait until the tiles have come and the picture doesn't change any more."""
    page.wait_for_selector("#map .tiles canvas", state="attached")
    page.wait_for_timeout(150)
    page.wait_for_function("document.querySelector('#map').dataset.loading === '0'")
    before = None
    for _ in range(50):
        now = page.evaluate(CANVAS)
        if now == before and now[0] > 0:
            return
        before = now
        page.wait_for_timeout(100)
    raise AssertionError("the map doesn't come to rest")


def picture(page: Page) -> int:
    settle(page)
    return int(page.evaluate(CANVAS)[1])


def state(page: Page) -> dict[str, str]:
    fragment = urlsplit(page.url).fragment
    return {
        key: unquote_plus(value)
        for key, _, value in (p.partition("=") for p in fragment.split("&"))
    }
