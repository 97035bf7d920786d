"""The demo's items: read as files, and served by `rustac serve`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import xarray as xr

from tests.sources.stac.servers import rustac_api
from xcube_tiles.sources.stac.items import find_items
from xcube_tiles.sources.stac.opening import open_stac
from xcube_tiles.sources.stac.query import Query
from xcube_tiles.testing.demo import Demo

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DATES = 4


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the path of the demo's static catalog, of a small scene."""
    folder = tmp_path_factory.mktemp("demo") / "data"
    demo = Demo(folder, size=64, dates=DATES)
    demo.run(demo.steps[0])
    return folder / "catalog.json"


@pytest.fixture(scope="module")
def api(catalog: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Yield the URL of an API over the items; it knows no filter extension."""
    found = find_items(catalog, Query(), max_items=100, page_size=100)
    (described,) = found.collections.values()
    folder = tmp_path_factory.mktemp("rustac")
    with rustac_api(folder, {**described, "links": []}, found.items) as url:
        yield url


def test_catalog(catalog: Path) -> None:
    cube = open_stac(catalog, resolution="native")
    assert dict(cube.sizes) == {"time": DATES, "y": 64, "x": 64}
    assert list(cube.data_vars) == ["blue", "green", "red", "nir", "cloud"]


def test_api_gives_the_same_cube(api: str, catalog: Path) -> None:
    bands = ["red", "nir", "cloud"]
    served = open_stac(api, resolution="native", bands=bands, page_size=2)
    xr.testing.assert_identical(
        served.compute(), open_stac(catalog, resolution="native", bands=bands).compute()
    )


def test_filter_is_applied_here(api: str, catalog: Path) -> None:
    covers = sorted(
        item["properties"]["eo:cloud_cover"]
        for item in find_items(catalog, Query(), max_items=100, page_size=100).items
    )
    limit = (covers[1] + covers[2]) / 2
    for source in (api, catalog):
        cube = open_stac(source, width=16, filter=f"eo:cloud_cover < {limit}")
        assert cube.sizes["time"] == 2
