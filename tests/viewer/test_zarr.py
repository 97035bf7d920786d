"""A layer drawn by the browser from its Zarr store looks as the server's tiles do."""

from __future__ import annotations

import base64
from io import BytesIO
from typing import TYPE_CHECKING

import numpy as np
import pytest

from tests.viewer.driving import HEIGHT, WIDTH, patient, served, settle, show, state
from xcube_tiles.catalog.writer import to_catalog
from xcube_tiles.testing.scene import scene_cube

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray
    from playwright.sync_api import Browser, Page, Request

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Serve layers in shards, in UTM and in Web Mercator."""
    catalog = str(tmp_path_factory.mktemp("zarr") / "catalog.zarr")
    cube = scene_cube(size=300, dates=2, seed=0)
    shards = {"chunk": 64, "shard": 128, "progress": False}
    to_catalog(cube[["red", "green", "blue"]], catalog, "colours", **shards)  # type: ignore[arg-type]
    to_catalog(cube[["cloud"]], catalog, "cloud", progress=False)
    heights = cube[["elevation"]]
    to_catalog(heights, catalog, "heights", scheme="WebMercatorQuad", progress=False)
    with served(catalog) as address:
        yield address


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    opened = patient(browser.new_page(viewport={"width": WIDTH, "height": HEIGHT}))
    errors: list[str] = []
    opened.on("pageerror", lambda error: errors.append(str(error)))
    yield opened
    opened.close()
    assert errors == []


def pixels(page: Page) -> NDArray[np.uint8]:
    """Return what is drawn of the layer: red, green, blue, opacity."""
    image = pytest.importorskip("PIL.Image", reason="the server extra is not installed")
    text = page.evaluate("document.querySelector('#map .tiles canvas').toDataURL()")
    return np.asarray(image.open(BytesIO(base64.b64decode(text.partition(",")[2]))).convert("RGBA"))


def drawn_by(page: Page) -> str | None:
    return page.locator("#map").get_attribute("data-drawn")


@pytest.mark.parametrize(
    "look",
    [
        "layer=colours&bands=red,green,blue&stretch=0,3000",
        "layer=colours&bands=green&colormap=magma_r&time=2024-01",
        "layer=colours&bands=red&map=13.5/46.68/14.0",
        "layer=colours&bands=red&map=6.5/46.6/14.0",
        "layer=cloud&bands=cloud",
        "layer=heights&bands=elevation&colormap=terrain",
    ],
)
def test_cells_are_drawn_as_the_server_draws_them(page: Page, server: str, look: str) -> None:
    show(page, f"{server}#{look}")
    by_server = pixels(page)
    assert drawn_by(page) == "tiles"
    place = state(page)["map"]
    here = look if "map=" in look else f"{look}&map={place}"
    show(page, f"{server}#{here}")
    by_server = pixels(page)
    show(page, f"{server}#{here}&draw=zarr")
    assert drawn_by(page) == "zarr"
    found = pixels(page)
    assert page.locator("#trouble").is_hidden()
    drawn = by_server[..., 3] > 0
    assert drawn.any()
    assert len(np.unique(by_server[drawn], axis=0)) > 1
    # Where a pixel's centre lies on the edge between two cells, either may be drawn.
    differ = (found.astype(int) - by_server).any(axis=-1)
    assert differ.sum() <= 0.005 * drawn.sum()


def test_no_tile_is_asked_of_the_server(page: Page, server: str) -> None:
    asked: list[Request] = []
    page.on("request", lambda request: asked.append(request))
    show(page, f"{server}#layer=colours&bands=red&stretch=0,3000&draw=zarr")
    first = pixels(page)
    page.locator("#time").press("ArrowLeft")
    settle(page)
    earlier = pixels(page)
    page.locator("#stretch-0-1").fill("6000")
    page.locator("#stretch-0-1").press("Tab")
    settle(page)
    stretched = pixels(page)
    page.locator("#opacity").fill("0.5")
    settle(page)
    assert drawn_by(page) == "zarr"
    assert (first != earlier).any()
    assert (earlier != stretched).any()
    assert pixels(page)[..., 3].max() == pytest.approx(128, abs=2)
    assert not [one.url for one in asked if "/tiles/" in one.url]
    parts = [one for one in asked if "/zarr/" in one.url and "range" in one.headers]
    assert len(parts) > 2
    documents = [one for one in asked if one.url.endswith("zarr.json")]
    assert len(documents) == 1


def test_who_draws_can_be_chosen(page: Page, server: str) -> None:
    show(page, f"{server}#layer=colours&bands=red&stretch=0,3000")
    assert page.locator("#draw-tiles").is_checked()
    page.locator("label", has=page.locator("#draw-zarr")).click()
    settle(page)
    assert drawn_by(page) == "zarr"
    assert state(page)["draw"] == "zarr"
    page.locator("label", has=page.locator("#mode-expression")).click()
    settle(page)
    assert drawn_by(page) == "tiles"
    assert page.get_by_text("An expression is computed by the server.").is_visible()
    page.locator("label", has=page.locator("#mode-band")).click()
    settle(page)
    assert drawn_by(page) == "zarr"
    page.locator("label", has=page.locator("#draw-tiles")).click()
    settle(page)
    assert drawn_by(page) == "tiles"
    assert "draw" not in state(page)


def test_without_its_store_a_layer_is_drawn_by_the_server(page: Page, server: str) -> None:
    page.route("**/zarr/zarr.json", lambda route: route.fulfill(status=503, body="busy"))
    show(page, f"{server}#layer=colours&bands=red&stretch=0,3000&draw=zarr")
    assert drawn_by(page) == "tiles"
    assert "so these are the server's tiles" in page.locator("#trouble").inner_text()


def test_a_layer_that_was_replaced_is_told(page: Page, server: str) -> None:
    gone = {"status": 410, "json": {"detail": "replaced"}}
    page.route("**/zarr/*/red/c/**", lambda route: route.fulfill(**gone))
    page.goto(f"{server}#layer=colours&bands=red&stretch=0,3000&draw=zarr")
    page.wait_for_selector("#trouble:not([hidden])")
    assert "410" in page.locator("#trouble").inner_text()
