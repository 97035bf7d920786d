"""Layers opened by others, without this package."""

from __future__ import annotations

import json
import warnings
from typing import TYPE_CHECKING

import numpy as np
import pytest
import rasterio
import rioxarray  # noqa: F401  (registers the accessor)
import xarray as xr
import zarr

from tests.catalog.cubes import cells_of, random_cube
from xcube_tiles.catalog.pyramid import pyramid
from xcube_tiles.catalog.reader import open_catalog
from xcube_tiles.catalog.writer import to_catalog
from xcube_tiles.cube.georef import geobox_of
from xcube_tiles.grid.extent import Extent

if TYPE_CHECKING:
    from pathlib import Path

CUBE = random_cube((2, 301, 520))
LEVELS = 3


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("interop") / "catalog.zarr"
    floats = CUBE.band.where(CUBE.band != -9999).astype("float32")
    floats.attrs = {}
    cube = CUBE.assign(
        share=floats, classes=(CUBE.band % 5).astype("uint8").isel(time=0, drop=True)
    )
    cube["classes"].attrs = {"_FillValue": 255, "flag_values": [0, 1, 2, 3, 4]}
    for name, sharded in (("sharded", True), ("plain", False)):
        to_catalog(cube, path, name, sharded=sharded, chunk=128, shard=256)
    return path


@pytest.mark.parametrize("layer", ["sharded", "plain"])
@pytest.mark.parametrize("level", range(LEVELS))
def test_rioxarray(folder: Path, layer: str, level: int) -> None:
    tree = pyramid(CUBE)
    with xr.open_zarr(folder / layer, group=str(level), consolidated=False) as found:
        box = geobox_of(tree[str(level)].to_dataset())
        assert found.band.rio.crs == rasterio.CRS.from_epsg(32633)
        assert found.band.rio.transform() == box.affine
        assert found.band.rio.encoded_nodata == -9999
        assert np.isnan(found.band.rio.nodata)
        wanted = cells_of(tree, level)
        np.testing.assert_array_equal(found.band.fillna(-9999), wanted)
        np.testing.assert_array_equal(np.isnan(found.share), wanted == -9999)
        assert found.classes.rio.encoded_nodata == 255
        assert list(found.band.time.dt.day.values) == [1, 2]


def test_xarray_opens_the_whole_layer_as_a_tree(folder: Path) -> None:
    with xr.open_datatree(folder / "sharded", engine="zarr", mask_and_scale=False) as tree:
        assert set(tree.children) == {"0", "1", "2"}
        np.testing.assert_array_equal(tree["2"].to_dataset().band, cells_of(pyramid(CUBE), 2))


def test_gdal_opens_a_layer_without_shards(folder: Path) -> None:
    if not gdal_reads_codecs():
        pytest.skip(
            f"GDAL {rasterio.__gdal_version__} doesn't know the codec 'bytes' of final Zarr v3; "
            "the wheels of rasterio 1.5 (Python 3.12) bring one that does"
        )
    tree = pyramid(CUBE)
    for level in range(LEVELS):
        with rasterio.open(f'ZARR:"{folder}/plain/{level}":/band:1') as found:
            assert found.crs == rasterio.CRS.from_epsg(32633)
            assert found.transform == geobox_of(tree[str(level)].to_dataset()).affine
            assert found.nodata == -9999
            assert found.dtypes == ("int16",)
            np.testing.assert_array_equal(found.read(1), cells_of(tree, level)[1])
        with rasterio.open(f'ZARR:"{folder}/plain/{level}":/classes') as found:
            assert found.nodata == 255
        with rasterio.open(f'ZARR:"{folder}/plain/{level}":/share:0') as found:
            assert np.isnan(found.nodata)


def gdal_reads_codecs() -> bool:
    """Whether GDAL's driver reads the final version of Zarr v3; 3.12 does, 3.10 doesn't."""
    major, minor, *_ = (int(part) for part in rasterio.__gdal_version__.split("."))
    return (major, minor) >= (3, 12)


def test_rio_tiler_finds_the_levels(folder: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # importing it says that it is experimental
        experimental = pytest.importorskip(
            "rio_tiler.experimental.zarr",
            reason="rio-tiler 9.1 or newer comes with the bench group",
        )
    tree = pyramid(CUBE)
    group = zarr.open_group(folder / "sharded", mode="r", zarr_format=3)
    with experimental.GroupReader(group) as reader:
        west, south, east, north = Extent.from_geobox(geobox_of(tree["0"].to_dataset())).bounds
        for level in range(LEVELS):
            height, width = cells_of(tree, level).shape[-2:]
            image = reader.part(
                (west, south, east, north),
                variables="band",
                bounds_crs=rasterio.CRS.from_epsg(32633),
                dst_crs=rasterio.CRS.from_epsg(32633),
                height=height,
                width=width,
            )
            wanted = cells_of(tree, level)
            np.testing.assert_array_equal(image.data, wanted)
            # GDAL 3.12 forgets rio-tiler's mask where all bands of a cell are NoData.
            partly = (wanted != -9999).any(axis=0)
            mask = image.array.mask[:, partly]
            np.testing.assert_array_equal(mask, (wanted == -9999)[:, partly])


def test_a_layer_made_by_others_is_read(tmp_path: Path) -> None:
    to_catalog(CUBE, tmp_path / "c.zarr", "ours")
    root = tmp_path / "c.zarr" / "theirs"
    (tmp_path / "c.zarr" / "ours").rename(root)
    document = json.loads((root / "zarr.json").read_text())
    del document["attributes"]["xcube_tiles"], document["consolidated_metadata"]
    for number, entry in enumerate(document["attributes"]["multiscales"]["layout"]):
        entry["asset"] = f"r{number}"
        (root / str(number)).rename(root / f"r{number}")
    (root / "zarr.json").write_text(json.dumps(document))
    layer = open_catalog(tmp_path / "c.zarr")["theirs"]
    assert (layer.variables, layer.metadata) == (("band",), {})
    assert [level.path for level in layer.levels] == ["r0", "r1", "r2"]
    found = open_catalog(tmp_path / "c.zarr").read("theirs", zoom=1)
    np.testing.assert_array_equal(found.band, cells_of(pyramid(CUBE), 1))
    np.testing.assert_array_equal(found.time, CUBE.time)
