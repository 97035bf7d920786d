"""How the page looks, wide and as narrow as a phone."""

from __future__ import annotations

import os
from io import BytesIO
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from tests.viewer.driving import HEIGHT, WIDTH, patient, settle, show

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray
    from playwright.sync_api import Browser, Page

pytestmark = [pytest.mark.browser, pytest.mark.slow]

REFERENCES = Path(__file__).parent / "references"
PHONE = (390, 844)
# References are this much smaller than the screen: fonts differ from machine to machine.
SHRINK = 4


@pytest.fixture(scope="module")
def wide(browser: Browser) -> Iterator[Page]:
    page = patient(browser.new_page(viewport={"width": WIDTH, "height": HEIGHT}))
    yield page
    page.close()


@pytest.fixture(scope="module")
def narrow(browser: Browser) -> Iterator[Page]:
    size = {"width": PHONE[0], "height": PHONE[1]}
    context = browser.new_context(viewport=size, has_touch=True)  # type: ignore[arg-type]
    yield patient(context.new_page())
    context.close()


def assert_looks_like(page: Page, name: str) -> None:
    """Compare a screen with its reference; `REFERENCES=write` in the environment makes it."""
    image = pytest.importorskip("PIL.Image", reason="the server extra is not installed")
    page.mouse.move(2, 2)
    settle(page)
    screen = image.open(BytesIO(page.screenshot(animations="disabled"))).convert("RGB")
    small = screen.resize((screen.width // SHRINK, screen.height // SHRINK), image.Resampling.BOX)
    path = REFERENCES / f"{name}.png"
    if os.environ.get("REFERENCES") == "write":
        REFERENCES.mkdir(exist_ok=True)
        small.quantize(128).save(path, optimize=True)
    assert path.is_file(), f"{path} is missing: run this test with REFERENCES=write, and look at it"
    expected = np.asarray(image.open(path).convert("RGB"), dtype=float)
    found: NDArray[np.float64] = np.asarray(small, dtype=float)
    assert found.shape == expected.shape
    away = np.abs(found - expected).max(axis=2)
    assert away.mean() < 6, f"{name}: colours are {away.mean():.1f} of 255 away on average"
    assert (away > 60).mean() < 0.03, f"{name}: {(away > 60).mean():.1%} of the screen differ"


def test_wide_screen(wide: Page, server: str) -> None:
    show(wide, f"{server}#layer=reflectance&bands=red,green,blue&stretch=0,3000")
    wide.mouse.click(WIDTH * 0.6, HEIGHT * 0.4)
    wide.wait_for_selector("#series polyline")
    wide.wait_for_selector("#stretch .histogram path")
    assert_looks_like(wide, "wide")


def test_compared(wide: Page, server: str) -> None:
    beside = "beside=layer%3Delevation%26bands%3Delevation%26colormap%3Dmagma"
    # However many colour maps there are, the list begins with these.
    names = ["blues", "cividis", "gray", "magma", "viridis"]
    wide.route("**/colormaps", lambda route: route.fulfill(json=names))
    show(wide, f"{server}#layer=elevation&bands=elevation&{beside}&border=0.6")
    wide.unroute("**/colormaps")
    wide.locator("#colours summary").click()
    wide.wait_for_function(
        "[...document.querySelectorAll('#colours label .ramp')].slice(1, 6)"
        ".every((ramp) => ramp.style.background.includes('gradient'))"
    )
    names = [wide.locator(f"#border .{side}").inner_text() for side in ("left", "right")]
    assert names == ["automatic colours", "magma"]
    assert_looks_like(wide, "compared")


def test_phone(narrow: Page, server: str) -> None:
    show(narrow, f"{server}#layer=reflectance&bands=red,green,blue&stretch=0,3000")
    assert narrow.locator("#panel").is_hidden()
    narrow.touchscreen.tap(PHONE[0] / 2, PHONE[1] / 2)
    narrow.wait_for_selector("#series polyline")
    narrow.wait_for_selector("#cursor dd")
    assert_apart(narrow, ["#fold", "#cursor", "#timeline", ".ol-zoom"])
    narrow.evaluate("document.activeElement.blur()")
    assert_looks_like(narrow, "phone")


def test_drawer_of_the_phone(narrow: Page, server: str) -> None:
    show(narrow, f"{server}#layer=reflectance&bands=red,green,blue&stretch=0,3000")
    fold = narrow.locator("#fold")
    fold.tap()
    narrow.wait_for_selector("#panel")
    assert fold.get_attribute("aria-expanded") == "true"
    assert_apart(narrow, ["#fold", "#panel"])
    narrow.wait_for_selector("#stretch .histogram path", state="attached")
    assert_looks_like(narrow, "drawer")
    narrow.keyboard.press("Escape")
    narrow.wait_for_selector("#panel", state="hidden")
    assert fold.evaluate("one => one === document.activeElement")
    fold.tap()
    # What the drawer leaves of the map closes it.
    narrow.touchscreen.tap(PHONE[0] / 2, 200)
    narrow.wait_for_selector("#panel", state="hidden")


def test_nothing_is_wider_than_the_phone(narrow: Page, server: str) -> None:
    show(narrow, f"{server}#layer=reflectance&bands=red,green,blue&stretch=0,3000")
    narrow.locator("#fold").tap()
    for summary in narrow.locator("#panel summary:visible").all():
        summary.click()
    wider = narrow.evaluate(
        """() => [...document.querySelectorAll("#panel *, #timeline *, #cursor *")]
          .filter((one) => one.checkVisibility() && !one.closest("svg"))
          .filter((one) => one.getBoundingClientRect().right > innerWidth + 0.5)
          .map((one) => one.outerHTML.slice(0, 80))"""
    )
    assert wider == []


def assert_apart(page: Page, selectors: list[str]) -> None:
    boxes = {one: page.locator(one).first.bounding_box() for one in selectors}
    for (first, a), (second, b) in combinations(boxes.items(), 2):
        assert a is not None, first
        assert b is not None, second
        beside = a["x"] + a["width"] <= b["x"] or b["x"] + b["width"] <= a["x"]
        above = a["y"] + a["height"] <= b["y"] or b["y"] + b["height"] <= a["y"]
        assert beside or above, f"{first} and {second} overlap"
