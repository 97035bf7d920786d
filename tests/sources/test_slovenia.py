"""The real files of the eo-learn example patch, where they are at hand."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import rasterio

import xcube_tiles as xt
from xcube_tiles.errors import RaggedKeysError
from xcube_tiles.testing.asserts import assert_lazy

DATA = Path(os.environ.get("XCUBE_TILES_DATA", Path(__file__).parents[3] / "shared" / "data"))

pytestmark = pytest.mark.skipif(
    not (DATA / "slovenia").is_dir(), reason=f"no folder 'slovenia' in {DATA}"
)


@pytest.fixture
def files() -> xt.Collection:
    return xt.scan(f"{DATA}/slovenia/{{type}}/{{sensor}}_slovenia_{{date}}_{{}}_{{band}}.tif")


def test_the_keys_of_all_files(files: xt.Collection) -> None:
    assert len(files) == 136
    assert files.values("type") == ["indices", "masks"]
    assert files.values("sensor") == ["S2"]
    assert len(files.values("date")) == 68
    assert len(files.where(date=("2017-06", "2017-08"), type="indices")) == 12


def test_cells_are_those_of_the_files(files: xt.Collection) -> None:
    with assert_lazy():
        ndvi = files.where(type="indices").to_cube()["ndvi"]
    assert ndvi.shape == (68, 101, 100)
    for row in list(files.where(type="indices"))[::17]:
        with rasterio.open(row.path) as file:
            np.testing.assert_array_equal(ndvi.sel(time=row.keys["date"]), file.read(1))


def test_ragged_types_become_a_tree(files: xt.Collection) -> None:
    with pytest.raises(RaggedKeysError, match=r"to_tree\(by=\['type'\]\)"):
        files.to_cube()
    tree = files.to_tree(by="type")
    assert sorted(tree.children) == ["indices", "masks"]
    clear = tree["masks"]["cloud"] == 0
    masked = tree["indices"]["ndvi"].where(clear.drop_vars("type")).compute()
    assert 0.3 < float(masked.median()) < 0.8


def test_statistics_and_sql(files: xt.Collection, tmp_path: Path) -> None:
    computed = files.where(type="indices").compute_statistics(progress=False)
    computed.save(tmp_path / "rasters.db")
    for row in xt.Collection.open(tmp_path / "rasters.db"):
        with rasterio.open(row.path) as file:
            cells = file.read(1).astype("float64")
        assert row.statistics is not None
        assert row.statistics.valid_share == np.isfinite(cells).mean()
        assert row.statistics.mean == pytest.approx(np.nanmean(cells), rel=1e-12)


def test_any_band_of_the_landsat_scene() -> None:
    files = xt.scan(
        f"{DATA}/{{sensor}}_{{place}}_rgb.tif", raster_bands={"red": 1, "green": 2, "blue": 3}
    )
    cube = files.to_cube()
    with rasterio.open(DATA / "landsat7_bahamas_rgb.tif") as file:
        np.testing.assert_array_equal(cube["green"], file.read(2))
    assert cube["green"].attrs["_FillValue"] == 0
