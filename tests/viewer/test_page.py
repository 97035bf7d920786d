"""The map page in a real browser, over a real server and a catalog of the synthetic scene."""

from __future__ import annotations

import contextlib
import re
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest
from pyproj import Transformer

from tests.viewer.driving import (
    BANDS,
    CANVAS,
    HEIGHT,
    WIDTH,
    address,
    patient,
    picture,
    settle,
    show,
    state,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    import xarray as xr
    from playwright.sync_api import Browser, Page, Route

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture
def page(browser: Browser, server: str) -> Iterator[Page]:
    """Open the page; afterwards: no error was logged, and nothing but the server was asked."""
    opened = patient(browser.new_page(viewport={"width": WIDTH, "height": HEIGHT}))
    errors: list[str] = []
    hosts: set[str | None] = set()
    opened.on("pageerror", lambda error: errors.append(str(error)))
    opened.on("request", lambda request: hosts.add(urlsplit(request.url).hostname))
    show(opened, f"{server}#layer=reflectance")
    yield opened
    opened.close()
    assert errors == []
    assert hosts <= {"127.0.0.1", None}


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
    settle(page)
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
    page.locator("#colours summary").click()
    page.locator("#colours label", has_text="magma").click()
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
    page.locator("#legend .ticks span", has_text="500").wait_for()
    assert picture(page) != before
    assert page.locator("#legend .ticks span").all_inner_texts() == ["400", "500", "600"]


def test_a_late_answer_doesnt_draw_over_a_newer_one(page: Page, server: str) -> None:
    show(page, f"{server}#layer=elevation&bands=elevation")
    late: list[Route] = []
    # Leaving the first field asks for a legend between 400 and the highest value.
    first = re.compile(r"legend\.json\?.*stretch=400%2C(?!600)")
    page.route(first, lambda route: late.append(route))
    page.locator("#stretch-0-0").fill("400")
    page.locator("#stretch-0-1").fill("600")
    page.locator("#stretch-0-1").press("Tab")
    page.locator("#legend .ticks span", has_text="500").wait_for()
    assert len(late) == 1
    with contextlib.suppress(Exception):  # the page gave it up
        late[0].continue_()
    page.unroute(first)
    settle(page)
    assert page.locator("#legend .ticks span").all_inner_texts() == ["400", "500", "600"]
    assert state(page)["stretch"] == "400,600"


def test_the_layer_that_was_chosen_last_is_shown(page: Page, server: str) -> None:
    """Its neighbour was chosen before it, and is known later."""
    late: list[Route] = []
    page.route("**/layers/elevation", lambda route: late.append(route))
    before = picture(page)
    with page.expect_request("**/layers/elevation"):
        page.locator("#layers label", has_text="elevation").click()
    page.locator("#layers label", has_text="reflectance").click()
    with page.expect_response("**/layers/elevation"):
        late[0].continue_()
    settle(page)
    page.unroute("**/layers/elevation")
    assert state(page)["layer"] == "reflectance"
    assert page.locator("#layers input:checked").input_value() == "reflectance"
    assert picture(page) == before


def test_a_stretch_from_high_to_low_is_marked(page: Page, server: str) -> None:
    show(page, f"{server}#layer=elevation&bands=elevation&stretch=400,600")
    page.locator("#stretch-0-0").fill("900")
    page.locator("#stretch-0-0").press("Tab")
    settle(page)
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
    settle(page)
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
    assert state(page)["opacity"] == "0.7"
    again = patient(browser.new_page(viewport={"width": WIDTH, "height": HEIGHT}))
    show(again, address(page))
    assert state(again) == state(page)
    # The address rounds the place to about a metre: both pages have to start from it.
    show(page, address(page))
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
    for _ in range(40):
        page.keyboard.press("Tab")
        seen.add(page.evaluate("document.activeElement.id"))
    assert {
        "fit",
        "search",
        "band-0",
        "histogram-0-low",
        "stretch-0-0",
        "opacity",
        "time",
        "speed",
    } <= seen


def test_a_click_draws_the_course_of_a_point(page: Page, cube: xr.Dataset) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(urlsplit(request.url).path))
    page.mouse.click(WIDTH * 0.6, HEIGHT * 0.4)
    page.wait_for_selector("#series polyline")
    settle(page)
    # One question, however many dates there are.
    assert asked.count("/layers/reflectance/series") == 1
    href = page.locator("#series a").get_attribute("href") or ""
    rows = page.request.get(href).text().splitlines()
    assert len(rows) == 1 + cube.sizes["time"]
    assert rows[0] == "time,red,green,blue"
    assert page.locator("#series polyline").count() == 3
    points = page.locator("#series polyline").first.get_attribute("points") or ""
    assert len(points.split()) == cube.sizes["time"]
    chart = page.locator("#series svg").bounding_box()
    low = page.locator("#series .low").bounding_box()
    assert chart is not None
    assert low is not None
    # Four pixels of the drawing are left below the lowest value.
    assert low["y"] >= chart["y"] + chart["height"] - 4
    page.keyboard.press("Escape")
    assert page.locator("#series").is_hidden()


def test_an_unknown_layer_in_the_address_is_no_dead_end(page: Page, server: str) -> None:
    show(page, f"{server}#layer=nowhere")
    assert page.locator("#layers input:checked").count() == 1


def test_a_fragment_typed_by_hand_is_followed(page: Page) -> None:
    page.evaluate("location.hash = 'layer=elevation&bands=elevation&colormap=magma'")
    page.wait_for_selector("#legend .ramp")
    settle(page)
    assert page.locator("#layers input:checked").input_value() == "elevation"
    assert page.locator("#colours input[value=magma]").is_checked()


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
