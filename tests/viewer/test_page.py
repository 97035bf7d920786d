"""The map page in a real browser, over a real server and a catalog of the synthetic scene."""

from __future__ import annotations

import re
import shutil
import threading
import time
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, unquote_plus, urlsplit

import numpy as np
import pytest
from pyproj import Transformer

from xcube_tiles.catalog.writer import to_catalog
from xcube_tiles.testing.scene import scene_cube

if TYPE_CHECKING:
    from collections.abc import Iterator

    import xarray as xr
    from playwright.sync_api import Browser, Page, Request

pytestmark = [pytest.mark.browser, pytest.mark.slow]

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


@pytest.fixture(scope="module")
def cube() -> xr.Dataset:
    return scene_cube(size=192, dates=3, seed=0)


@pytest.fixture(scope="module")
def server(cube: xr.Dataset, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Serve a catalog of three layers on loopback; yields the address."""
    uvicorn = pytest.importorskip("uvicorn", reason="the server extra is not installed")
    from xcube_tiles.server.app import create_app
    from xcube_tiles.server.viewer import STATIC

    if not (STATIC / "index.html").is_file():
        pytest.skip("the map page is not built: run scripts/build-viewer")
    catalog = str(tmp_path_factory.mktemp("page") / "catalog.zarr")
    to_catalog(cube[BANDS], catalog, "reflectance", progress=False)
    to_catalog(cube[["cloud"]].isel(time=[0]), catalog, "cloud", progress=False)
    to_catalog(cube[["elevation"]], catalog, "elevation", progress=False)
    config = uvicorn.Config(
        create_app(catalog), port=0, log_level="warning", ws="none", lifespan="off"
    )
    running = uvicorn.Server(config)
    thread = threading.Thread(target=running.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + 20
    while not running.started and time.monotonic() < deadline:
        time.sleep(0.02)
    assert running.started
    port = running.servers[0].sockets[0].getsockname()[1]
    yield f"http://127.0.0.1:{port}/"
    running.should_exit = True
    thread.join(timeout=10)


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


@pytest.fixture
def page(browser: Browser, server: str) -> Iterator[Page]:
    """Open the page; afterwards: no error was logged, and nothing but the server was asked."""
    opened = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
    errors: list[str] = []
    hosts: set[str | None] = set()
    opened.on("pageerror", lambda error: errors.append(str(error)))
    opened.on("request", lambda request: hosts.add(_host(request)))
    show(opened, f"{server}#layer=reflectance")
    yield opened
    opened.close()
    assert errors == []
    assert hosts <= {"127.0.0.1", None}


def _host(request: Request) -> str | None:
    return urlsplit(request.url).hostname


def show(page: Page, address: str) -> None:
    # The same page with another fragment wouldn't load again.
    page.goto("about:blank")
    page.goto(address)
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


def test_tiles_appear(page: Page) -> None:
    drawn, _ = page.evaluate(CANVAS)
    # The layer is fitted beside the panel and is square: it fills a good part of the map.
    assert 0.2 < drawn < 0.7


def test_the_layers_are_listed(page: Page) -> None:
    names = page.locator("#layers strong").all_inner_texts()
    assert sorted(names) == ["cloud", "elevation", "reflectance"]
    assert page.locator("#layers input:checked").input_value() == "reflectance"


def test_natural_colours_are_the_first_style(page: Page) -> None:
    assert page.locator("#mode-rgb").is_checked()
    assert state(page)["bands"] == "red,green,blue"
    low, high = (float(end) for end in state(page)["stretch"].split(","))
    # Land, not clouds, decides the brightness.
    assert low == 0
    assert 1000 < high < 6000


def test_the_slider_changes_the_tiles(page: Page) -> None:
    before, named = picture(page), page.locator("#timeline output").inner_text()
    with page.expect_request(re.compile(r"/tiles/.*time=2024-05-14")):
        page.locator("#time").press("ArrowLeft")
    assert picture(page) != before
    assert page.locator("#timeline output").inner_text() == "14 May 2024" != named
    assert state(page)["time"].startswith("2024-05-14")


def test_the_dates_can_be_played(page: Page) -> None:
    first = state(page)["time"]
    page.get_by_role("button", name="Play").click()
    page.wait_for_function("time => !location.hash.includes(time)", arg=first)
    page.get_by_role("button", name="Stop").click()
    settle(page)


@pytest.mark.parametrize("at", [(0.55, 0.4), (0.6, 0.55), (0.7, 0.3)])
def test_the_value_under_the_cursor_is_the_cubes(
    page: Page, cube: xr.Dataset, at: tuple[float, float]
) -> None:
    with page.expect_response(re.compile("/point")) as answer:
        page.mouse.move(WIDTH * at[0], HEIGHT * at[1])
    asked = parse_qs(urlsplit(answer.value.url).query)
    (lon,), (lat,), (instant,) = asked["lon"], asked["lat"], asked["time"]
    x, y = Transformer.from_crs(4326, 32633, always_xy=True).transform(float(lon), float(lat))
    cell = cube.sel(time=np.datetime64(instant.rstrip("Z"))).sel(x=x, y=y, method="nearest")
    page.wait_for_selector("#cursor dd[data-variable=nir]")
    shown = {band: page.locator(f"#cursor dd[data-variable={band}]") for band in BANDS}
    values = {band: float(one.get_attribute("data-value") or "nan") for band, one in shown.items()}
    assert values == {band: float(cell[band]) for band in BANDS}
    assert float(shown["nir"].inner_text()) == pytest.approx(values["nir"], rel=1e-3)


def test_the_point_under_the_cursor_is_where_the_map_shows_it(page: Page, cube: xr.Dataset) -> None:
    """The centre of the map has the address's coordinates: asked and shown place agree."""
    _, lat, lon = (float(part) for part in state(page)["map"].split("/"))
    with page.expect_response(re.compile("/point")) as answer:
        page.mouse.move(WIDTH / 2, HEIGHT / 2)
    asked = parse_qs(urlsplit(answer.value.url).query)
    assert float(asked["lon"][0]) == pytest.approx(lon, abs=2e-4)
    assert float(asked["lat"][0]) == pytest.approx(lat, abs=2e-4)


def test_nodata_is_transparent_and_said(page: Page) -> None:
    settle(page)
    box = page.evaluate(
        """() => {
          const canvas = document.querySelector("#map .tiles canvas");
          const { data, width, height } = canvas.getContext("2d")
            .getImageData(0, 0, canvas.width, canvas.height);
          const row = Math.floor(height / 2);
          for (let x = width - 1; x > 0; x -= 1)
            if (data[4 * (row * width + x) + 3]) return [x, row];
        }"""
    )
    page.mouse.move(box[0] + 6, box[1])
    page.wait_for_selector("#cursor .none")
    assert page.locator("#cursor .none dd").first.inner_text() == "no data"


def test_another_layer_has_its_own_style(page: Page) -> None:
    before = picture(page)
    page.locator("#layers label", has_text="elevation").click()
    page.wait_for_selector("#legend .ramp")
    assert picture(page) != before
    assert state(page)["layer"] == "elevation"
    assert page.locator("#timeline").is_hidden()
    assert page.locator("#legend figcaption").inner_text().startswith("elevation")


def test_the_colour_map_changes_tiles_and_legend(page: Page, server: str) -> None:
    show(page, f"{server}#layer=elevation")
    before = picture(page), page.locator("#legend .ramp").get_attribute("style")
    page.locator("#colormap").select_option("magma")
    page.wait_for_function(
        "style => document.querySelector('#legend .ramp').getAttribute('style') !== style",
        arg=before[1],
    )
    assert picture(page) != before[0]
    assert state(page)["colormap"] == "magma"


def test_a_stretch_can_be_typed(page: Page, server: str) -> None:
    show(page, f"{server}#layer=elevation&bands=elevation")
    before = picture(page)
    page.locator("#stretch-0-0").fill("400")
    page.locator("#stretch-0-1").fill("600")
    page.locator("#stretch-0-1").press("Tab")
    page.wait_for_function("location.hash.includes('stretch=400,600')")
    assert picture(page) != before
    assert page.locator("#legend .ticks span").all_inner_texts() == ["400", "500", "600"]


def test_a_stretch_from_high_to_low_is_marked(page: Page, server: str) -> None:
    show(page, f"{server}#layer=elevation&bands=elevation&stretch=400,600")
    page.locator("#stretch-0-0").fill("900")
    page.locator("#stretch-0-0").press("Tab")
    assert page.locator("#stretch-0-0").get_attribute("aria-invalid") == "true"
    assert state(page)["stretch"] == "400,600"


def test_band_mathematics(page: Page) -> None:
    before = picture(page)
    page.locator("label", has_text="Expression").first.click()
    page.wait_for_selector("#legend .ramp")
    assert page.locator("#expression").input_value() == "(nir - red) / (nir + red)"
    assert picture(page) != before
    page.locator("#expression").fill("(nir - rde) / (nir + red)")
    page.wait_for_selector("#expression-trouble:not([hidden])")
    said = page.locator("#expression-trouble").inner_text()
    assert "rde" in said
    assert "blue" in said


def test_opacity(page: Page) -> None:
    page.locator("#opacity").fill("0.5")
    page.wait_for_function("location.hash.includes('opacity=0.5')")
    settle(page)
    alpha = page.evaluate(
        """() => {
          const canvas = document.querySelector("#map .tiles canvas");
          const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
          return data.reduce((most, value, i) => i % 4 === 3 && value > most ? value : most, 0);
        }"""
    )
    assert alpha == pytest.approx(128, abs=2)


def test_an_address_brings_back_the_view(page: Page, browser: Browser) -> None:
    page.locator("#time").press("ArrowLeft")
    page.locator("#band-0").select_option("nir")
    page.locator("#opacity").fill("0.7")
    settle(page)
    page.wait_for_function("location.hash.includes('opacity=0.7')")
    again = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
    show(again, page.url)
    assert state(again) == state(page)
    # The address rounds the place to about a metre: both pages have to start from it.
    show(page, page.url)
    assert picture(again) == picture(page)
    again.close()


def test_the_keyboard_moves_the_map(page: Page) -> None:
    before = state(page)["map"]
    page.locator("#map").focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_function("place => !location.hash.includes(place)", arg=before)
    # Without a pointer the values are those under the centre of the map.
    page.wait_for_selector("#cursor dd")


def test_every_control_is_reached_by_tab_and_has_a_name(page: Page) -> None:
    nameless = page.evaluate(
        """() => [...document.querySelectorAll("button, input, select, textarea")]
          .filter((one) => !one.labels?.length && !one.getAttribute("aria-label")
            && !one.textContent.trim() && !one.title)
          .map((one) => one.outerHTML)"""
    )
    assert nameless == []
    seen = set()
    page.locator("#map").focus()
    for _ in range(25):
        page.keyboard.press("Tab")
        seen.add(page.evaluate("document.activeElement.id"))
    assert {"fit", "band-0", "stretch-0-0", "opacity", "time"} <= seen


def test_a_click_draws_the_course_of_a_point(page: Page, cube: xr.Dataset) -> None:
    page.mouse.click(WIDTH * 0.6, HEIGHT * 0.4)
    page.wait_for_selector("#series polyline")
    assert page.locator("#series polyline").count() == 3
    points = page.locator("#series polyline").first.get_attribute("points") or ""
    assert len(points.split()) == cube.sizes["time"]
    page.keyboard.press("Escape")
    assert page.locator("#series").is_hidden()


def test_an_unknown_layer_in_the_address_is_no_dead_end(page: Page, server: str) -> None:
    show(page, f"{server}#layer=nowhere")
    assert page.locator("#layers input:checked").count() == 1


def test_a_fragment_typed_by_hand_is_followed(page: Page) -> None:
    page.evaluate("location.hash = 'layer=elevation&bands=elevation&colormap=magma'")
    page.wait_for_selector("#legend .ramp")
    assert page.locator("#layers input:checked").input_value() == "elevation"
    assert page.locator("#colormap").input_value() == "magma"


def test_categories_have_names(page: Page, server: str) -> None:
    show(page, f"{server}#layer=cloud")
    page.wait_for_selector("#legend .categories")
    assert page.locator("#legend .categories li").all_inner_texts() == ["clear", "cloud"]
    page.mouse.move(WIDTH * 0.6, HEIGHT * 0.4)
    page.wait_for_selector("#cursor dd")
    assert page.locator("#cursor dd").inner_text() in ("clear", "cloud")


def test_a_server_that_fails_is_said(page: Page, server: str) -> None:
    page.route("**/layers", lambda route: route.fulfill(status=503, json={"detail": "no disk"}))
    page.goto("about:blank")
    page.goto(server)
    page.wait_for_selector("#trouble:not([hidden])")
    assert page.locator("#trouble").inner_text() == "no disk"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_is_legible_in_both_schemes(page: Page, server: str, scheme: str) -> None:
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    show(page, f"{server}#layer=reflectance")
    ink, ground = (
        page.evaluate(f"getComputedStyle(document.querySelector('#panel h1')).{name}")
        for name in ("color", "backgroundColor")
    )
    panel = page.evaluate("getComputedStyle(document.querySelector('#panel')).backgroundColor")
    assert _contrast(ink, panel) > 4.5, (ink, ground, panel)


def _contrast(first: str, second: str) -> float:
    """Return the contrast ratio of two colours (WCAG 2, opacity left out)."""
    lights = sorted(_luminance(colour) for colour in (first, second))
    return (lights[1] + 0.05) / (lights[0] + 0.05)


def _luminance(colour: str) -> float:
    channels = np.array([float(part) for part in re.findall(r"[\d.]+", colour)[:3]]) / 255
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])
