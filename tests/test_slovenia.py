"""From real files to served tiles, where the files are at hand: 68 dates of Sentinel-2 NDVI.

XCUBE_TILES_DATA names their folder; by default it is `shared/data` beside the checkout.
"""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
import rasterio
from pyproj import Transformer

import xcube_tiles as xt
from xcube_tiles.testing.asserts import assert_lazy

if TYPE_CHECKING:
    import xarray as xr
    from fastapi.testclient import TestClient
    from numpy.typing import NDArray

DATA = Path(os.environ.get("XCUBE_TILES_DATA", Path(__file__).parents[2] / "shared" / "data"))
PATTERN = f"{DATA}/slovenia/{{type}}/{{sensor}}_slovenia_{{date}}_{{}}_{{band}}.tif"

pytestmark = pytest.mark.skipif(
    not (DATA / "slovenia").is_dir(), reason=f"no folder 'slovenia' in {DATA}"
)


@pytest.fixture(scope="module")
def monthly() -> xr.Dataset:
    """Return the median NDVI of each month without clouds, not computed yet."""
    with assert_lazy():
        tree = xt.scan(PATTERN).to_tree(by="type")
        indices, masks = tree["indices"].to_dataset(), tree["masks"].to_dataset()
        clear = indices.tiles.mask(masks.cloud, values=[1])
        cube: xr.Dataset = clear.tiles.aggregate("time", "1MS", "median")
        return cube


@pytest.fixture(scope="module")
def catalog(monthly: xr.Dataset, tmp_path_factory: pytest.TempPathFactory) -> xt.Catalog:
    folder = tmp_path_factory.mktemp("slovenia") / "catalog.zarr"
    monthly.tiles.to_catalog(folder, "ndvi", levels=3)
    return xt.open_catalog(folder)


@pytest.fixture
def client(catalog: xt.Catalog) -> TestClient:
    pytest.importorskip("fastapi", reason="the server extra is not installed")
    from fastapi.testclient import TestClient

    from xcube_tiles.server.app import create_app

    return TestClient(create_app(catalog))


def expected_month(month: str) -> NDArray[np.float32]:
    """Return the median of a month, from the files by rasterio and numpy."""
    planes = []
    for path in sorted((DATA / "slovenia" / "indices").glob("*.tif")):
        if path.name.split("_")[2].startswith(month):
            cloud = str(path).replace("/indices/", "/masks/").replace("_ndvi.tif", "_cloud.tif")
            with rasterio.open(path) as index, rasterio.open(cloud) as mask:
                planes.append(np.where(mask.read(1) == 0, index.read(1), np.float32("nan")))
    stack = np.stack(planes)
    median = np.full(stack.shape[1:], np.nan, "float32")
    seen = ~np.isnan(stack).all(axis=0)
    median[seen] = np.nanmedian(stack[:, seen], axis=0)
    return median


@pytest.mark.parametrize("month", ["201507", "201606", "201702", "201712"])
def test_medians_are_those_of_the_files(catalog: xt.Catalog, month: str) -> None:
    written = catalog.read("ndvi", time=f"{month[:4]}-{month[4:]}").ndvi
    np.testing.assert_array_equal(written.squeeze("time").values, expected_month(month))


def test_every_month_is_there(catalog: xt.Catalog) -> None:
    times = catalog["ndvi"].times
    assert times is not None
    expected = pd.date_range("2015-07-01", "2017-12-01", freq="MS")
    np.testing.assert_array_equal(times, expected.to_numpy().astype("datetime64[ns]"))
    # Nothing was acquired in October and November 2015.
    cells = catalog.read("ndvi", time=("2015-10", "2015-11")).ndvi.values
    assert np.isnan(cells).all()


def test_coarser_levels_are_means_of_valid_cells(catalog: xt.Catalog) -> None:
    fine = catalog.read("ndvi", time="2017-06").ndvi.values[0]
    coarse = catalog.read("ndvi", time="2017-06", zoom=1).ndvi.values[0]
    padded = np.full((102, 100), np.nan)
    padded[:101] = fine
    expected = np.nanmean(padded.reshape(51, 2, 50, 2), axis=(1, 3))
    np.testing.assert_allclose(coarse, expected, rtol=1e-6)


def test_vegetation_follows_the_seasons(catalog: xt.Catalog) -> None:
    cube = catalog.read("ndvi").ndvi.compute()
    month = cube.time.dt.month
    assert float(cube[month.isin([6, 7])].mean()) > 0.6
    assert float(cube[month.isin([1, 2])].mean()) < 0.4


def test_point_of_the_server_is_a_cell_of_the_cube(client: TestClient, catalog: xt.Catalog) -> None:
    cube = catalog.read("ndvi", time="2017-06").ndvi.squeeze("time").compute()
    x, y = float(cube.x[40]), float(cube.y[60])
    lon, lat = Transformer.from_crs("EPSG:32633", "EPSG:4326", always_xy=True).transform(x, y)
    answer = client.get(
        "/layers/ndvi/point", params={"lon": lon, "lat": lat, "time": "2017-06"}
    ).json()
    assert answer["values"]["ndvi"] == pytest.approx(float(cube[60, 40]), rel=1e-6)


def test_picture_shows_the_cells(client: TestClient, catalog: xt.Catalog) -> None:
    image = pytest.importorskip("PIL.Image", reason="the server extra is not installed")
    answer = client.get(
        "/layers/ndvi/preview.png",
        params={"time": "2017-06", "stretch": "0,1", "colormap": "gray", "size": 104},
    )
    assert answer.status_code == 200
    seen = np.asarray(image.open(io.BytesIO(answer.content)).convert("RGBA")).astype(float)
    cells = catalog.read("ndvi", time="2017-06").ndvi.values[0]
    shown = seen[:101, :100]
    valid = ~np.isnan(cells)
    np.testing.assert_array_equal(shown[..., 3], np.where(valid, 255, 0))
    # 254 or 255 colours from 0 to 1: off by less than one of them, rounded either way.
    np.testing.assert_allclose(shown[valid][:, 0] / 255, cells[valid].clip(0, 1), atol=1 / 127)
    assert not seen[101:, :, 3].any()  # three rows of padding: the coarsest level has 26


def test_a_month_without_images_is_transparent(client: TestClient) -> None:
    image = pytest.importorskip("PIL.Image", reason="the server extra is not installed")
    answer = client.get("/layers/ndvi/preview.png", params={"time": "2015-10"})
    seen = np.asarray(image.open(io.BytesIO(answer.content)).convert("RGBA"))
    assert not seen[..., 3].any()
