"""Layers opened by others, in Python: rioxarray, xarray, GDAL, rio-tiler; and published schemas."""

from __future__ import annotations

import json
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import rasterio
import rioxarray  # noqa: F401  (registers the accessor)
import xarray as xr
import zarr

from tests.catalog.cubes import cells_of
from tests.catalog.interop.scene import LAYERS, LEVELS, all_cells
from tests.catalog.test_conventions import check_schema
from xcube_tiles.catalog.reader import open_catalog
from xcube_tiles.cube.georef import geobox_of
from xcube_tiles.grid.extent import Extent

if TYPE_CHECKING:
    from pathlib import Path

UTM = rasterio.CRS.from_epsg(32633)
NODATA = {"band": -9999, "classes": 255}


def level_path(folder: Path, layer: str, level: int) -> str:
    return open_catalog(folder)[layer].levels[level].path


@pytest.mark.parametrize("layer", LAYERS)
def test_ours(folder: Path, tree: xr.DataTree, layer: str) -> None:
    found = open_catalog(folder)[layer]
    assert len(found.levels) == LEVELS
    for level in range(LEVELS):
        assert found.geoboxes[level] == geobox_of(tree[str(level)].to_dataset())
        for name in ("band", "share", "classes"):
            np.testing.assert_array_equal(
                all_cells(found, name, level), cells_of(tree, level, name)
            )


@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize("level", range(LEVELS))
def test_rioxarray(folder: Path, tree: xr.DataTree, layer: str, level: int) -> None:
    path = level_path(folder, layer, level)
    with xr.open_zarr(folder / layer, group=path, consolidated=False) as found:
        box = geobox_of(tree[str(level)].to_dataset())
        assert found.band.rio.crs == UTM
        assert found.band.rio.transform() == box.affine
        assert found.band.rio.bounds() == Extent.from_geobox(box).bounds
        assert found.band.rio.encoded_nodata == -9999
        assert np.isnan(found.band.rio.nodata)
        wanted = cells_of(tree, level)
        np.testing.assert_array_equal(found.band.fillna(-9999), wanted)
        np.testing.assert_array_equal(found.share, cells_of(tree, level, "share"))
        assert found.classes.rio.encoded_nodata == 255
        np.testing.assert_array_equal(found.classes.fillna(255), cells_of(tree, level, "classes"))
        assert list(found.band.time.dt.day.values) == [1, 2]


@pytest.mark.parametrize("layer", LAYERS)
def test_xarray_opens_the_whole_layer_as_a_tree(
    folder: Path, tree: xr.DataTree, layer: str
) -> None:
    with xr.open_datatree(folder / layer, engine="zarr", mask_and_scale=False) as found:
        nodes = [node for node in found.subtree if "band" in node.data_vars]
        # What was replaced isn't in the consolidated metadata: nobody takes it for a level.
        assert len(nodes) == LEVELS
        for level in range(LEVELS):
            cube = found[level_path(folder, layer, level)].to_dataset()
            np.testing.assert_array_equal(cube.band, cells_of(tree, level))
            np.testing.assert_array_equal(cube.classes, cells_of(tree, level, "classes"))


@pytest.mark.parametrize("layer", LAYERS)
def test_consolidated_metadata_are_enough(folder: Path, tree: xr.DataTree, layer: str) -> None:
    path = level_path(folder, layer, 1)
    root = json.loads((folder / layer / "zarr.json").read_text())
    inline = root["consolidated_metadata"]["metadata"]
    for file in (folder / layer / path).rglob("zarr.json"):
        document = json.loads(file.read_text())
        document.pop("consolidated_metadata", None)
        assert inline[file.parent.relative_to(folder / layer).as_posix()] == document
    group = zarr.open_consolidated(folder / layer, zarr_format=3)
    array: Any = group[f"{path}/band"]
    np.testing.assert_array_equal(array[:], cells_of(tree, 1))


def test_gdal_opens_a_layer_without_shards(folder: Path, tree: xr.DataTree) -> None:
    if not gdal_reads_codecs():
        pytest.skip(
            f"GDAL {rasterio.__gdal_version__} doesn't know the codec 'bytes' of final Zarr v3; "
            "the wheels of rasterio 1.5 (Python 3.12) bring one that does"
        )
    for level in range(LEVELS):
        with rasterio.open(f'ZARR:"{folder}/plain/{level}":/band:1') as found:
            assert found.crs == UTM
            assert found.transform == geobox_of(tree[str(level)].to_dataset()).affine
            assert found.nodata == -9999
            assert found.dtypes == ("int16",)
            np.testing.assert_array_equal(found.read(1), cells_of(tree, level)[1])
        with rasterio.open(f'ZARR:"{folder}/plain/{level}":/classes') as found:
            assert found.nodata == 255
            np.testing.assert_array_equal(found.read(1), cells_of(tree, level, "classes"))
        with rasterio.open(f'ZARR:"{folder}/plain/{level}":/share:0') as found:
            assert np.isnan(found.nodata)
            np.testing.assert_array_equal(found.read(1), cells_of(tree, level, "share")[0])


def gdal_reads_codecs() -> bool:
    """Whether GDAL's driver reads the final version of Zarr v3; 3.12 does, 3.10 doesn't."""
    major, minor, *_ = (int(part) for part in rasterio.__gdal_version__.split("."))
    return (major, minor) >= (3, 12)


@pytest.mark.parametrize("layer", LAYERS)
def test_rio_tiler_finds_the_levels(folder: Path, tree: xr.DataTree, layer: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # importing it says that it is experimental
        experimental = pytest.importorskip(
            "rio_tiler.experimental.zarr",
            reason="rio-tiler 9.1 or newer comes with the bench group",
        )
    group = zarr.open_group(folder / layer, mode="r", zarr_format=3)
    with experimental.GroupReader(group) as reader:
        bounds = Extent.from_geobox(geobox_of(tree["0"].to_dataset())).bounds
        assert reader.crs == UTM
        assert tuple(reader.bounds) == bounds
        for level in range(LEVELS):
            for name, nodata in NODATA.items():
                wanted = np.atleast_3d(cells_of(tree, level, name).T).T
                image = reader.part(
                    bounds,
                    variables=name,
                    bounds_crs=UTM,
                    dst_crs=UTM,
                    height=wanted.shape[-2],
                    width=wanted.shape[-1],
                )
                np.testing.assert_array_equal(image.data, wanted)
                # GDAL 3.12 forgets rio-tiler's mask where all bands of a cell are NoData.
                partly = (wanted != nodata).any(axis=0)
                mask = image.array.mask[:, partly]
                np.testing.assert_array_equal(mask, (wanted == nodata)[:, partly])


@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize("name", ["multiscales", "geo-proj", "spatial"])
def test_the_published_schemas_accept_the_documents(folder: Path, layer: str, name: str) -> None:
    root = json.loads((folder / layer / "zarr.json").read_text())
    check_schema(name, root)
    if name == "multiscales":
        return
    for level in range(LEVELS):
        path = folder / layer / level_path(folder, layer, level)
        for document in ("zarr.json", "band/zarr.json", "share/zarr.json", "classes/zarr.json"):
            check_schema(name, json.loads((path / document).read_text()))
