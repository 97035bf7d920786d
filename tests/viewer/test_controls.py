"""What the panel offers: search, statistics, colours, categories, comparing, addresses."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest

from tests.viewer.driving import HEIGHT, WIDTH, address, patient, settle, show, state

if TYPE_CHECKING:
    from collections.abc import Iterator

    import xarray as xr
    from playwright.sync_api import Browser, Page, Request

pytestmark = [pytest.mark.browser, pytest.mark.slow]

# First and last column in which anything is drawn, as shares of the map's width.
COLUMNS = """(name) => {
  const canvas = document.querySelector(`#map .${name} canvas`);
  if (!canvas) return null;
  const { width, height } = canvas;
  const { data } = canvas.getContext("2d").getImageData(0, 0, width, height);
  const drawn = [...Array(width).keys()].filter((x) => {
    for (let y = 0; y < height; y += 4) if (data[4 * (y * width + x) + 3]) return true;
    return false;
  });
  return drawn.length ? [drawn[0] / width, drawn.at(-1) / width] : null;
}"""


@pytest.fixture(scope="module")
def opened(browser: Browser) -> Iterator[tuple[Page, list[str]]]:
    context = browser.new_context(viewport={"width": WIDTH, "height": HEIGHT})
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    page = patient(context.new_page())
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page, errors
    context.close()


@pytest.fixture
def page(opened: tuple[Page, list[str]]) -> Iterator[Page]:
    """Lend the one page of this module; afterwards: no error was logged."""
    page, errors = opened
    errors.clear()
    yield page
    assert errors == []


def drawn(page: Page, name: str) -> list[float] | None:
    settle(page)
    columns: list[float] | None = page.evaluate(COLUMNS, name)
    return columns


def tile_query(request: Request) -> dict[str, list[str]]:
    return parse_qs(urlsplit(request.url).query)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("elev", ["elevation"]),
        ("ELEV ation", ["elevation"]),
        ("variable:nir", ["reflectance"]),
        ("band=cloud", ["cloud"]),
        ("time:2024-05", ["reflectance"]),
        ("time:2019", []),
        ("2024 red", ["reflectance"]),
        ("crs:32633", ["cloud", "elevation", "reflectance"]),
        ("nowhere", []),
        ("", ["cloud", "elevation", "reflectance"]),
    ],
)
def test_layers_are_found_by_words_and_keys(
    page: Page, server: str, text: str, names: list[str]
) -> None:
    if "layer=" not in page.url:
        show(page, f"{server}#layer=elevation")
    page.locator("#search").fill(text)
    assert page.locator("#layers label:visible strong").all_inner_texts() == names
    note = page.locator("#layers [role=status]")
    assert note.is_hidden() if not text else f"{len(names)} of 3 layers" in note.inner_text()


def test_a_slash_goes_to_the_search(page: Page, server: str) -> None:
    show(page, f"{server}#layer=elevation")
    page.keyboard.press("/")
    page.keyboard.type("a/b")
    assert page.locator("#search").input_value() == "a/b"


def test_the_hull_of_a_layer_is_shown_while_it_is_pointed_at(page: Page, server: str) -> None:
    show(page, f"{server}#layer=elevation")
    left, right = drawn(page, "tiles") or [0, 0]
    page.locator("#layers label", has_text="cloud").hover()
    found = drawn(page, "hull")
    assert found == pytest.approx([left, right], abs=0.01)
    page.mouse.move(WIDTH / 2, HEIGHT / 2)
    assert drawn(page, "hull") is None
    page.locator("#layers input[value=elevation]").focus()
    assert drawn(page, "hull") is not None


def test_unreadable_layers_are_told(page: Page, server: str) -> None:
    answer = {"layers": [], "unreadable": [{"name": "broken", "detail": "no metadata"}]}
    page.route("**/layers", lambda route: route.fulfill(json=answer))
    page.goto("about:blank")
    page.goto(server)
    told = page.locator("#layers .trouble").inner_text()
    page.unroute("**/layers")
    assert told == "broken can't be read: no metadata"


def test_percentiles_are_those_of_the_date_that_is_shown(
    page: Page, server: str, cube: xr.Dataset
) -> None:
    show(page, f"{server}#layer=reflectance&bands=nir&time=2024-05-14")
    page.wait_for_selector("#stretch .histogram path")
    shown = cube["nir"].sel(time=np.datetime64(state(page)["time"].rstrip("Z")))
    page.get_by_role("button", name="2–98 %").click()
    settle(page)
    low, high = (float(end) for end in state(page)["stretch"].split(","))
    (nir,) = (
        variable
        for variable in page.request.get(f"{server}layers/reflectance").json()["variables"]
        if variable["name"] == "nir"
    )
    values = shown.values[shown.values != float(nir["nodata"])]
    assert values.size < shown.size
    expected = np.percentile(values, [2, 98])
    assert [low, high] == pytest.approx(list(expected), abs=(expected[1] - expected[0]) / 1000)
    page.locator("#stretch-auto").click()
    page.wait_for_function("!location.hash.includes('stretch=')")


def test_each_channel_has_a_histogram(page: Page, server: str) -> None:
    with page.expect_request(re.compile("/statistics")) as asked:
        show(page, f"{server}#layer=reflectance&bands=red,green,blue")
    assert tile_query(asked.value)["bands"] == ["red,green,blue"]
    page.wait_for_selector("#stretch .histogram path")
    assert page.locator("#stretch .histogram path").count() == 3


def test_a_handle_of_the_histogram_can_be_dragged(page: Page, server: str) -> None:
    show(page, f"{server}#layer=elevation&bands=elevation&stretch=400,600")
    page.wait_for_selector("#stretch .histogram path")
    handle = page.locator("#histogram-0-high")
    handle.scroll_into_view_if_needed()
    box = handle.bounding_box()
    assert box is not None
    with page.expect_request(re.compile("/tiles/")) as asked:
        page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 10)
        page.mouse.down()
        page.mouse.move(box["x"] + box["width"] / 2 + 30, box["y"] + 10, steps=3)
        page.mouse.up()
        page.wait_for_function("!location.hash.includes('stretch=400,600')")
    settle(page)
    low, high = (float(end) for end in state(page)["stretch"].split(","))
    assert low == 400
    assert high > 600
    assert float(page.locator("#stretch-0-1").input_value()) == high
    assert tile_query(asked.value)["stretch"][0].startswith("400")


def test_a_handle_of_the_histogram_obeys_arrows(page: Page, server: str) -> None:
    show(page, f"{server}#layer=elevation&bands=elevation&stretch=400,600")
    page.wait_for_selector("#stretch .histogram path")
    page.locator("#histogram-0-low").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    handle = page.locator("#histogram-0-low")
    low = handle.get_attribute("aria-valuenow")
    # The address follows with a short delay.
    page.wait_for_function("text => location.hash.includes(text)", arg=f"stretch={low},600")
    assert 400 < float(low or "nan") < 600
    assert handle.evaluate("one => one === document.activeElement")


def test_colour_maps_are_seen_before_they_are_chosen(page: Page, server: str) -> None:
    show(page, f"{server}#layer=elevation&bands=elevation&stretch=400,600")
    page.locator("#colours summary").click()
    ramp = "#colours label:has(input[value=blues]) .ramp"
    page.wait_for_function(
        "ramp => document.querySelector(ramp).style.background.includes('gradient')", arg=ramp
    )
    settle(page)
    page.locator("#colours-search").fill("BLUES")
    shown = page.locator("#colours label:visible em").all_inner_texts()
    assert "blues" in shown
    assert all("blues" in name for name in shown)
    page.locator("#colours label", has_text="blues").first.click()
    with page.expect_request(re.compile("/tiles/.*colormap=blues_r")):
        page.locator("#reversed").check()
    page.wait_for_function("location.hash.includes('colormap=blues_r')")
    assert page.locator("#colours input[value=blues]").is_checked()


def test_categories_can_be_left_out(page: Page, server: str) -> None:
    show(page, f"{server}#layer=cloud")
    assert page.locator("#stretch").is_hidden()
    with page.expect_request(re.compile("/tiles/")) as asked:
        page.locator("#category-0").uncheck()
    assert list(json.loads(tile_query(asked.value)["colormap"][0])) == ["1"]
    settle(page)
    assert page.locator("#category-0").evaluate("one => one === document.activeElement")
    # With none there would be nothing to draw.
    assert page.locator("#category-1").is_disabled()
    page.reload()
    settle(page)
    assert not page.locator("#category-0").is_checked()
    page.locator("#category-0").check()
    page.wait_for_function("!location.hash.includes('colormap')")


def test_two_dates_are_compared(page: Page, server: str) -> None:
    show(page, f"{server}#layer=reflectance&bands=nir&stretch=0,5000")
    whole = drawn(page, "tiles")
    assert whole is not None
    page.locator("summary", has_text="Compare").click()
    page.locator("#compare-keep").click()
    page.locator("#time").press("ArrowLeft")
    middle = WIDTH // 2 / WIDTH
    assert drawn(page, "tiles") == pytest.approx([whole[0], middle], abs=0.003)
    assert drawn(page, "beside") == pytest.approx([middle, whole[1]], abs=0.003)
    names = [page.locator(f"#border .{side}").inner_text() for side in ("left", "right")]
    assert names[0] == page.locator("#timeline output").inner_text() != names[1]
    page.locator("#border").focus()
    page.keyboard.press("ArrowRight")
    assert (drawn(page, "tiles") or [0, 0])[1] == pytest.approx(middle + 0.02, abs=0.003)
    page.reload()
    settle(page)
    assert (drawn(page, "beside") or [0, 0])[0] == pytest.approx(middle + 0.02, abs=0.003)
    assert [page.locator(f"#border .{side}").inner_text() for side in ("left", "right")] == names


def test_sides_are_swapped_and_comparing_ends(page: Page, server: str) -> None:
    show(page, f"{server}#layer=elevation&bands=elevation&beside=layer%3Dcloud&border=0.6")
    assert page.locator("#border").get_attribute("aria-valuenow") == "60"
    page.locator("summary", has_text="Compare").click()
    page.locator("#compare-swap").click()
    page.wait_for_selector("#layers input[value=cloud]:checked", state="attached")
    settle(page)
    assert parse_qs(state(page)["beside"])["layer"] == ["elevation"]
    page.locator("#compare-stop").click()
    settle(page)
    assert "beside" not in state(page)
    assert page.locator("#border").is_hidden()
    assert drawn(page, "beside") is None


def copied(page: Page, name: str) -> str:
    page.locator(f"#copy-{name}").click()
    page.wait_for_function(
        "id => document.getElementById(id).textContent === 'Copied'", arg=f"copy-{name}"
    )
    return str(page.evaluate("navigator.clipboard.readText()"))


def test_addresses_for_other_programs_work(page: Page, server: str) -> None:
    show(page, f"{server}#layer=elevation&bands=elevation&colormap=magma&stretch=400,600")
    page.locator("summary", has_text="Use elsewhere").click()
    assert copied(page, "page") == address(page)
    tiles = copied(page, "xyz")
    assert "{z}/{x}/{y}" in tiles
    zoom = 9
    point = page.request.get(f"{server}layers/elevation").json()["bounds_wgs84"]
    column = int((point[0] + 180) / 360 * 2**zoom)
    row = int((1 - np.arcsinh(np.tan(np.radians(point[3]))) / np.pi) / 2 * 2**zoom)
    answer = page.request.get(tiles.format(z=zoom, x=column, y=row))
    assert answer.headers["content-type"] == "image/png"
    assert "colormap=magma" in answer.url
    assert "colormap=magma" in page.request.get(copied(page, "tilejson")).json()["tiles"][0]
    for name, root in (("wmts", "Capabilities"), ("wms", "WMS_Capabilities")):
        service = page.request.get(copied(page, name))
        assert service.ok
        assert f"<{root}" in service.text()


def test_dates_can_be_played_faster(page: Page, server: str) -> None:
    show(page, f"{server}#layer=reflectance&bands=nir&stretch=0,5000")
    speed = page.locator("#speed")
    seen = [speed.inner_text()]
    for _ in range(3):
        speed.click()
        seen.append(speed.inner_text())
    assert seen == ["1×", "2×", "4×", "1×"]


def test_where_no_date_has_a_value_the_chart_says_so(page: Page, server: str) -> None:
    show(page, f"{server}#layer=reflectance&bands=nir&stretch=0,5000")
    page.mouse.click(WIDTH - 60, HEIGHT / 2)
    page.wait_for_selector("#series .trouble")
    assert "No values" in page.locator("#series .trouble").inner_text()
    page.get_by_role("button", name="Close the chart").click()
    assert page.locator("#series").is_hidden()


def test_the_key_of_the_page_is_handed_on(page: Page, server: str) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    show(page, f"{server}?key=secret#layer=elevation&bands=elevation&stretch=400,600")
    found = {urlsplit(url).path.split("/")[-1]: url for url in asked if "/layers" in url}
    tiles = [url for url in asked if "/tiles/" in url]
    assert {"layers", "elevation", "legend.json"} <= set(found)
    assert tiles
    assert all("key=secret" in url for url in (*found.values(), *tiles))
    assert state(page)["layer"] == "elevation"
    assert "?key=secret#" in address(page)
