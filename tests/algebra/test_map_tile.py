"""Tiles of a cube: on the tile's grid, lazy, the cells that rasterio finds."""

from __future__ import annotations

import morecantile
import numpy as np
import pytest
import xarray as xr

import xcube_tiles as xt  # noqa: F401  (registers the accessor)
from tests.cube.rasters import UTM, raster
from xcube_tiles.algebra.map_tile import tile
from xcube_tiles.render.cube import CubeSource
from xcube_tiles.render.style import Style
from xcube_tiles.render.tms import tile_geobox
from xcube_tiles.render.values import values_on
from xcube_tiles.testing.asserts import assert_lazy
from xcube_tiles.testing.scene import scene_cube


def test_a_tile_has_the_cells_of_its_grid() -> None:
    cube = scene_cube(size=64, dates=2)[["nir", "elevation"]]
    found = tile(cube.chunk(), 2206, 1446, 12)
    expected = tile_geobox(("WebMercatorQuad", 12, 2206, 1446))
    assert found.nir.dims == ("time", "y", "x")
    assert found.tiles.geobox.shape == (256, 256)
    np.testing.assert_allclose(found.tiles.extent.bounds, expected.boundingbox.bbox)
    bounds = morecantile.tms.get("WebMercatorQuad").xy_bounds(morecantile.Tile(2206, 1446, 12))
    np.testing.assert_allclose(found.tiles.extent.bounds, bounds)
    drawn = values_on(CubeSource(cube), expected, Style(bands=("elevation",)), time=0, tolerance=0)
    np.testing.assert_array_equal(found.elevation, drawn.cells[0])


def test_lazy_cubes_stay_lazy() -> None:
    array = raster(1.5).chunk()
    with assert_lazy():
        found = tile(array, 0, 0, 0)
    assert found.chunks is not None


def test_local_tiles_are_the_cubes_own_cells() -> None:
    cells = np.arange(16.0).reshape(4, 4)
    found = tile(raster(cells, geobox=UTM[:, :4]), 1, 0, 0, scheme="local", tile_size=2)
    np.testing.assert_array_equal(found, cells[:2, 2:])


def test_outside_is_nodata() -> None:
    assert tile(raster(1.5), 0, 0, 5).isnull().all()


def test_an_averaged_tile_differs() -> None:
    array = scene_cube(size=64, dates=1).elevation
    nearest, mean = (tile(array, 137, 90, 8, resampling=how) for how in ("nearest", "average"))
    assert nearest.notnull().any()
    with pytest.raises(AssertionError):
        xr.testing.assert_equal(nearest, mean)
