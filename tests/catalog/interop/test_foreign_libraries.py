"""Stores that other libraries wrote, opened as layers; values are those that xarray reads."""

from __future__ import annotations

import shutil
from io import BytesIO
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import xarray as xr

import xcube_tiles as xt
from tests.catalog.interop.make_stores import STORES
from xcube_tiles.catalog.foreign.catalog import ForeignCatalog
from xcube_tiles.catalog.reading.selection import read_layer
from xcube_tiles.errors import CatalogError, LayerNotFoundError
from xcube_tiles.render.tile import render_tile

if TYPE_CHECKING:
    from pathlib import Path

DAYS = ["2024-05-01", "2024-05-02"]


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder: Path = tmp_path_factory.mktemp("stores")
    for archive in STORES.glob("*.zip"):
        shutil.unpack_archive(archive, folder)
    return folder


def by_xarray(path: Path, group: str | None = None) -> xr.Dataset:
    """Return what xarray reads, north up."""
    with xr.open_dataset(path, group=group, engine="zarr", consolidated=False) as found:
        cube = found.load()
    y = "lat" if "lat" in cube.dims else "y"
    return cube.sortby(y, ascending=False)


def assert_cells(layer: xt.Layer, level: int, wanted: xr.Dataset) -> None:
    """Fail unless a level has the cells that xarray masked, for each way to read them."""
    cube = read_layer(layer, zoom=level)
    rows, cols = (slice(0, size) for size in layer.shape_of(level))
    for name in layer.variables:
        cells = layer.read(name, level=level, rows=rows, cols=cols)
        nodata = layer.cell_type(name).nodata
        assert nodata is not None
        wanted_cells = wanted[name].fillna(nodata).values
        np.testing.assert_array_equal(cells, wanted_cells)
        np.testing.assert_array_equal(cube[name].values, cells)
        window = layer.read(name, level=level, rows=slice(3, 9), cols=slice(2, 7), time=1)
        np.testing.assert_array_equal(window, wanted_cells[1, 3:9, 2:7])


def bounds(layer: xt.Layer) -> list[tuple[float, ...]]:
    return [tuple(level.extent.bounds) for level in layer.levels]


def test_topozarr(stores: Path) -> None:
    path = stores / "topozarr.zarr"
    layer = xt.open_layer(path)
    assert (layer.variables, layer.crs.epsg) == (("classes", "heat"), 32632)
    # Odd rows and columns are left out of the coarser levels.
    assert [level.shape for level in layer.levels] == [(91, 131), (45, 65), (22, 32)]
    assert [layer.shape_of(level) for level in range(3)] == [(91, 131), (45, 65), (22, 32)]
    assert bounds(layer) == [
        (300000, 4999090, 301310, 5000000),
        (300000, 4999100, 301300, 5000000),
        (300000, 4999120, 301280, 5000000),
    ]
    assert layer.cell_type("classes").name == "uint8ud255"
    np.testing.assert_array_equal(layer.times, np.array(DAYS, "datetime64[ns]"))
    for level in range(3):
        wanted = by_xarray(path, str(level))
        wanted["classes"] = wanted.classes.where(wanted.classes != 255)
        assert_cells(layer, level, wanted)
        box = layer.geoboxes[level]
        np.testing.assert_allclose(wanted.x[0], box.affine.c + box.affine.a / 2)
        np.testing.assert_allclose(wanted.y[-1], box.boundingbox.bottom + box.affine.a / 2)


@pytest.mark.parametrize("name", ["reprojected_v2.zarr", "reprojected_v3.zarr"])
def test_ndpyramid_warped(stores: Path, name: str) -> None:
    layer = xt.open_layer(stores / name)
    assert layer.crs.epsg == 3857
    # The list on disk begins with the coarsest.
    assert [level.shape for level in layer.levels] == [(256, 256), (128, 128), (64, 64)]
    edge = 20037508.342789244
    for found in bounds(layer):
        np.testing.assert_allclose(found, [-edge, -edge, edge, edge], rtol=1e-12)
    for level in range(3):
        assert_cells(layer, level, by_xarray(stores / name, str(2 - level)))


def test_ndpyramid_coarsened(stores: Path) -> None:
    layer = xt.open_layer(stores / "coarsened.zarr")
    assert layer.crs.epsg == 4326
    assert [level.shape for level in layer.levels] == [(90, 132), (45, 66), (30, 44)]
    assert bounds(layer) == [(5.0, 27.5, 38.0, 50.0)] * 3
    for level in range(3):
        assert_cells(layer, level, by_xarray(stores / "coarsened.zarr", str(level)))


@pytest.mark.parametrize("name", ["all.levels", "linked.levels"])
def test_xcube(stores: Path, name: str) -> None:
    layer = xt.open_layer(stores / name)
    assert (layer.name, layer.variables) == (name, ("classes", "heat"))
    assert [level.shape for level in layer.levels] == [(90, 131), (45, 66), (23, 33)]
    # Cells are counted from the first row that is stored: that of the south in the linked one.
    south, north = (27.0, 50.0) if name == "all.levels" else (27.5, 50.5)
    assert bounds(layer) == [
        (5.0, 27.5, 37.75, 50.0),
        (5.0, 27.5, 38.0, 50.0),
        (5.0, south, 38.0, north),
    ]
    finest = "0.zarr" if name == "all.levels" else "../base.zarr"
    for level, path in enumerate((finest, "1.zarr", "2.zarr")):
        assert_cells(layer, level, by_xarray((stores / name / path).resolve()))


@pytest.mark.parametrize("name", ["all.levels", "linked.levels"])
def test_the_levels_of_xcube_lie_over_each_other(stores: Path, name: str) -> None:
    # Means of the finest level, computed by the places alone: half a cell aside they'd differ.
    layer = xt.open_layer(stores / name)
    fine = read_layer(layer, zoom=0, bands="heat").heat.isel(time=0)
    coarse = read_layer(layer, zoom=2, bands="heat").heat.isel(time=0)
    for row, col in ((5, 20), (15, 10), (20, 30)):
        y, x = float(coarse.y[row]), float(coarse.x[col])
        cells = fine.where((abs(fine.y - y) < 0.5) & (abs(fine.x - x) < 0.5), drop=True)
        assert cells.shape == (4, 4)
        np.testing.assert_allclose(coarse[row, col], cells.mean(), rtol=1e-6)


def test_a_folder_of_stores_is_a_catalog(stores: Path) -> None:
    catalog = xt.open_catalog(stores)
    assert isinstance(catalog, ForeignCatalog)
    assert catalog.layers == (
        "all.levels",
        "base.zarr",
        "coarsened.zarr",
        "linked.levels",
        "reprojected_v2.zarr",
        "reprojected_v3.zarr",
        "topozarr.zarr",
    )
    assert len(catalog["linked.levels"].levels) == 3
    cube = catalog.read("all.levels", extent=(10, 30, 12, 31), time="2024-05-02", bands="heat")
    assert cube.heat.shape == (4, 8)
    assert "no.zarr" not in catalog
    with pytest.raises(LayerNotFoundError, match=r"no layer 'no\.zarr' in the catalog .*all\.lev"):
        catalog["no.zarr"]


def test_nothing_is_written_to_others(stores: Path) -> None:
    catalog = xt.open_catalog(stores)
    assert catalog.store.read_only
    with pytest.raises(CatalogError):
        catalog.write(by_xarray(stores / "base.zarr"), "new")
    assert not (stores / "new").exists()


@pytest.mark.parametrize("name", ["all.levels", "coarsened.zarr", "base.zarr", "topozarr.zarr"])
def test_a_single_store_is_no_catalog(stores: Path, name: str) -> None:
    with pytest.raises(CatalogError, match=r"xt\.open_layer\(url\)"):
        xt.open_catalog(stores / name)


@pytest.mark.parametrize(
    ("name", "tile"),
    [
        ("topozarr.zarr", ("WebMercatorQuad", 14, 8486, 5885)),
        ("linked.levels", ("WebMercatorQuad", 4, 8, 6)),
        ("reprojected_v2.zarr", ("WebMercatorQuad", 3, 4, 3)),
    ],
)
def test_tiles(stores: Path, name: str, tile: Any) -> None:
    layer = xt.open_layer(stores / name)
    style = xt.Style(bands=("heat",))
    assert render_tile(layer, tile, style)[1:4] == b"PNG"
    drawn, later = (
        np.load(BytesIO(render_tile(layer, tile, style, time=day, format="npy"))) for day in DAYS
    )
    # NoData is NaN, or the number of netCDF for it.
    shown = np.isfinite(drawn) & (drawn < 1e30)
    assert shown.any()
    np.testing.assert_allclose((later - drawn)[shown], 1, atol=0.01)
