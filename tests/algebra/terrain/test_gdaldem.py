"""The conventions of GDAL, against the program itself where it is installed."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import rasterio

from tests.algebra.terrain.surfaces import GRID, dem
from xcube_tiles.algebra import terrain
from xcube_tiles.testing.terrain import make_terrain

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import xarray as xr
    from numpy.typing import NDArray

pytestmark = pytest.mark.skipif(shutil.which("gdaldem") is None, reason="gdaldem isn't installed")
EDGES = {"nodata": (), "extrapolate": ("-compute_edges",)}
ZT, LOW = ("-alg", "ZevenbergenThorne"), ("-alt", "30")


def surface() -> NDArray[np.float32]:
    values = make_terrain(64, seed=1).elevation.copy()
    values[20:25, 30:40] = np.nan
    values[0, 0] = values[-1, 7] = values[9, -1] = np.nan
    values[40:50, 10:20] = 300
    return values


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("gdaldem") / "dem.tif"
    values = surface()
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        height=values.shape[0],
        width=values.shape[1],
        count=1,
        dtype="float32",
        crs="EPSG:32633",
        transform=GRID.affine,
        nodata=-9999,
    ) as target:
        target.write(np.where(np.isnan(values), -9999, values).astype(np.float32), 1)
    return path


def gdaldem(file: Path, *arguments: str) -> NDArray[np.float64]:
    """Run the program; NaN where it has NoData."""
    result = file.with_name("result.tif")
    mode, *options = arguments
    subprocess.run(["gdaldem", mode, file, result, "-q", *options], check=True)
    with rasterio.open(result) as source:
        values = source.read(1)
        return np.where(values == source.nodata, np.nan, values.astype(np.float64))


@pytest.mark.parametrize("edges", EDGES)
@pytest.mark.parametrize(
    ("product", "options", "arguments", "atol"),
    [
        (terrain.slope, {}, ("slope",), 1e-3),
        (terrain.slope, {"units": "percent"}, ("slope", "-p"), 2e-3),
        (terrain.slope, {"method": "zevenbergen-thorne"}, ("slope", *ZT), 1e-3),
        (terrain.aspect, {"flat": np.nan}, ("aspect",), 0.05),
        (
            terrain.aspect,
            {"flat": np.nan, "trigonometric": True},
            ("aspect", "-trigonometric"),
            0.05,
        ),
        (terrain.hillshade, {"azimuth": 200}, ("hillshade", "-az", "200"), 1),
        (terrain.hillshade, {"method": "zevenbergen-thorne"}, ("hillshade", *ZT), 1),
        (
            terrain.hillshade,
            {"light": "multidirectional", "altitude": 30},
            ("hillshade", "-multidirectional", *LOW),
            1,
        ),
        (
            terrain.hillshade,
            {"light": "combined", "altitude": 30},
            ("hillshade", "-combined", *LOW),
            1,
        ),
        (terrain.hillshade, {"light": "igor"}, ("hillshade", "-igor"), 1),
        (terrain.tpi, {}, ("TPI",), 1e-3),
        (terrain.tri, {}, ("TRI", "-alg", "Riley"), 1e-3),
        (terrain.tri, {"method": "wilson"}, ("TRI", "-alg", "Wilson"), 1e-3),
        (terrain.roughness, {}, ("roughness",), 1e-3),
    ],
)
def test_as_gdaldem(
    product: Callable[..., xr.DataArray],
    options: dict[str, Any],
    arguments: tuple[str, ...],
    atol: float,
    edges: str,
    file: Path,
) -> None:
    found = product(dem(surface()), edges=edges, **options)
    values = found.values.astype(np.float64)
    if "_FillValue" in found.attrs:
        values[values == found.attrs["_FillValue"]] = np.nan
    expected = gdaldem(file, *arguments, *EDGES[edges])
    np.testing.assert_array_equal(np.isnan(values), np.isnan(expected))
    apart = np.abs(values - expected)
    if arguments[0] == "aspect":
        apart = np.minimum(apart, 360 - apart)
    assert np.nanmax(apart) <= atol
