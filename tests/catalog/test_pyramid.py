"""Levels of a cube: exact under NoData, whatever the blocks."""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING, Any

import dask.array as da
import numpy as np
import pytest
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st

from tests.catalog.cubes import cells_of, cube_of, level_of, random_cube
from xcube_tiles.catalog.pyramids.pyramid import pyramid
from xcube_tiles.cube.blocks import from_reader
from xcube_tiles.cube.cells import cell_type_of
from xcube_tiles.cube.georef import geobox_of
from xcube_tiles.grid.scheme import ZoomedScheme
from xcube_tiles.kernels.pyramid.coarsen import coarsen
from xcube_tiles.testing.asserts import CountingReader, assert_lazy, count_tasks
from xcube_tiles.testing.strategies import cubes

if TYPE_CHECKING:
    import xarray as xr
    from numpy.typing import NDArray

    from xcube_tiles.typing import PyramidResampling


def mean_of_base(base: NDArray[Any], level: int, nodata: int) -> NDArray[Any]:
    """Mean of all valid cells of the base below each cell, by a loop."""
    edge = 2**level
    shape = tuple(-(-size // edge) for size in base.shape)
    out = np.full(shape, nodata, base.dtype)
    for i, j in np.ndindex(*shape):
        window = base[i * edge : (i + 1) * edge, j * edge : (j + 1) * edge]
        valid = window[window != nodata].tolist()
        if valid:
            out[i, j] = round(sum(valid) / len(valid))
    return out


@pytest.mark.parametrize("shape", [(1, 1), (3, 5), (257, 300), (256, 512)])
def test_means_are_exact_under_nodata_on_every_level(shape: tuple[int, int]) -> None:
    cube = random_cube(shape)
    levels = ceil(np.log2(max(shape))) + 1
    tree = pyramid(cube, levels=levels, block=64)
    for level in range(levels):
        found = cells_of(tree, level)
        wanted = mean_of_base(cube.band.values, level, -9999)
        rows, cols = wanted.shape
        np.testing.assert_array_equal(found[:rows, :cols], wanted)
        assert (found[rows:] == -9999).all()
        assert (found[:, cols:] == -9999).all()


def test_a_chain_of_means_would_be_wrong_here() -> None:
    # One valid cell in the first quarter, four in the last: the mean of means is 50.
    values = np.full((4, 4), -9999)
    values[0, 0], values[2:, 2:] = 100, 0
    tree = pyramid(cube_of(values), levels=3)
    assert cells_of(tree, 1).tolist() == [[100, -9999], [-9999, 0]]
    assert cells_of(tree, 2).tolist() == [[20]]


@pytest.mark.parametrize(
    ("shape", "levels", "base"),
    [((256, 256), 1, (256, 256)), ((257, 300), 2, (258, 300)), ((1025, 30), 4, (1032, 32))],
)
def test_levels_end_when_they_fit_and_halve_exactly(
    shape: tuple[int, int], levels: int, base: tuple[int, int]
) -> None:
    tree = pyramid(random_cube(shape))
    assert set(tree.children) == {str(level) for level in range(levels)}
    for level in range(levels):
        cube = tree[str(level)].to_dataset()
        assert (cube.sizes["y"], cube.sizes["x"]) == (base[0] >> level, base[1] >> level)
        affine = geobox_of(cube).affine
        assert (affine.a, affine.e) == (10 * 2**level, -10 * 2**level)
        assert (affine.c, affine.f) == (500_000, 5_200_000)


@pytest.mark.parametrize("method", ["mean", "median", "mode", "min", "max", "sum", "nearest"])
def test_levels_dont_depend_on_blocks_or_chunks(method: PyramidResampling) -> None:
    cube = random_cube((2, 37, 53), missing=0.5)
    whole = pyramid(cube, levels=4, resampling=method, block=2048)
    parts = pyramid(cube.chunk({"time": 1, "y": 5, "x": 11}), levels=4, resampling=method, block=8)
    for level in range(4):
        wanted = coarsen(cube.band.values, factor=2**level, method=method, nodata=-9999)
        rows, cols = wanted.shape[-2:]
        for tree in (whole, parts):
            found = cells_of(tree, level)[:, :rows, :cols]
            np.testing.assert_array_equal(found, wanted)


def test_means_stay_exact_past_the_blocks() -> None:
    cube = random_cube((40, 70), missing=0.6)
    tree = pyramid(cube, levels=6, block=4)
    for level in (3, 4, 5):
        wanted = mean_of_base(cube.band.values, level, -9999)
        found = cells_of(tree, level)[: wanted.shape[0], : wanted.shape[1]]
        np.testing.assert_array_equal(found, wanted)


def test_extremes_and_sums_stay_exact_past_the_blocks() -> None:
    cube = random_cube((40, 70), missing=0.6).astype("int32", keep_attrs=True)
    methods: tuple[PyramidResampling, ...] = ("min", "max", "sum")
    for method in methods:
        found = cells_of(pyramid(cube, levels=6, block=4, resampling=method), 5)
        wanted = coarsen(cube.band.values, factor=32, method=method, nodata=-9999)
        np.testing.assert_array_equal(found[: wanted.shape[0], : wanted.shape[1]], wanted)


@given(cube=cubes(), data=st.data())
def test_dtype_and_nodata_are_kept(cube: xr.Dataset, data: st.DataObject) -> None:
    most = ceil(np.log2(max(cube.sizes["y"], cube.sizes["x"]))) + 1
    levels = data.draw(st.integers(1, most))
    with assert_lazy():
        tree = pyramid(cube, levels=levels, resampling="nearest")
    for level in range(levels):
        for name, array in cube.data_vars.items():
            coarse = level_of(tree, level, str(name))
            assert cell_type_of(coarse) == cell_type_of(array)
            assert coarse.dims == array.dims
    np.testing.assert_array_equal(
        tree["0"].to_dataset().isel(y=slice(cube.sizes["y"]), x=slice(cube.sizes["x"])).red,
        cube.red,
    )


def test_nothing_but_nodata() -> None:
    tree = pyramid(cube_of(np.full((5, 3), -9999)), levels=3)
    assert all((cells_of(tree, level) == -9999).all() for level in range(3))


def test_min_valid_is_a_share_of_the_base() -> None:
    values = np.full((4, 4), -9999)
    values[:2] = 7
    cube = cube_of(values)
    assert cells_of(pyramid(cube, levels=3, min_valid=0.5), 2).item() == 7
    assert cells_of(pyramid(cube, levels=3, min_valid=0.51), 2).item() == -9999


def test_classes_take_the_mode_by_default() -> None:
    cube = cube_of([[1, 1], [9, 1]], flag_values=[1, 9])
    cube["height"] = cube.band.copy()
    del cube["height"].attrs["flag_values"]
    tree = pyramid(cube, levels=2)
    assert (cells_of(tree, 1, "band").item(), cells_of(tree, 1, "height").item()) == (1, 3)
    assert tree.attrs["xcube_tiles"]["resampling"] == {"band": "mode", "height": "mean"}
    named = pyramid(cube, levels=2, resampling={"band": "max"})
    assert (cells_of(named, 1, "band").item(), cells_of(named, 1, "height").item()) == (9, 3)


def test_each_block_of_the_source_is_read_once() -> None:
    cells = random_cube((300, 520)).band.values
    reader = CountingReader(cells)
    data = from_reader(
        reader, shape=cells.shape, chunks=100, dtype=cells.dtype, name="source", token="once"
    )
    cube = cube_of(cells)
    cube["band"] = cube.band.copy(data=data)
    with assert_lazy():
        tree = pyramid(cube, levels=6, block=128)
    da.compute(*(level_of(tree, level).data for level in range(6)))
    assert len(reader.reads) == len({str(read) for read in reader.reads}) == 3 * 6


def test_equal_pyramids_have_equal_names() -> None:
    names = [level_of(pyramid(random_cube((70, 70)), levels=3), 2).data.name for _ in range(2)]
    assert names[0] == names[1]


def test_a_zoomed_pyramid_lies_on_the_tiles_of_its_zooms() -> None:
    cube = random_cube((300, 500), missing=0)
    tree = pyramid(cube, scheme="WebMercatorQuad")
    scheme = ZoomedScheme("WebMercatorQuad")
    zoom = tree.attrs["xcube_tiles"]["zoom"]
    assert zoom == scheme.zoom_for(geobox_of(cube))
    for level in range(len(tree.children)):
        layout = scheme.layout(zoom - level)
        affine = geobox_of(tree[str(level)].to_dataset()).affine
        assert affine.a == pytest.approx(layout.resolution[0], rel=1e-12)
        cols = (affine.c - layout.origin[0]) / layout.resolution[0]
        rows = (layout.origin[1] - affine.f) / layout.resolution[1]
        assert cols == pytest.approx(round(cols), abs=1e-6)
        assert rows == pytest.approx(round(rows), abs=1e-6)
        if level == 0:
            assert round(cols) % 256 == round(rows) % 256 == 0
    base = cells_of(tree, 0)
    valid = base[base != -9999]
    # A square metre is 1 / cos(latitude)**2 of the projection's; the scene lies near 46.9 degrees.
    shrunk = (10 / geobox_of(tree["0"].to_dataset()).affine.a) ** 2 / np.cos(np.radians(46.94)) ** 2
    assert valid.size == pytest.approx(300 * 500 * shrunk, rel=0.02)
    assert valid.mean() == pytest.approx(cube.band.values.mean(), rel=0.02)


def test_a_raster_of_the_whole_world_in_web_mercator() -> None:
    latitudes = np.repeat(np.arange(89.5, -90, -1)[:, None], 360, axis=1)
    world = cube_of(
        latitudes, cells="float32", crs="EPSG:4326", corner=Affine(1, 0, -180, 0, -1, 90)
    )
    tree = pyramid(world, scheme="WebMercatorQuad")
    base = tree["0"].to_dataset()
    assert geobox_of(base).boundingbox.bbox == pytest.approx(
        (-20037508.34, -20037508.34, 20037508.34, 20037508.34)
    )
    assert tree.attrs["xcube_tiles"]["zoom"] == len(tree.children) - 1
    column = base.band.values[:, 100]
    assert np.isfinite(column).all()
    assert (np.diff(column) <= 0).all()
    assert column[0] == pytest.approx(85.05, abs=0.5)


def test_a_block_of_the_base_takes_few_tasks() -> None:
    cube = random_cube((256, 256)).chunk(y=32, x=32)
    tree = pyramid(cube, levels=3, block=32)
    blocks = 64
    assert count_tasks(tree["0"].to_dataset()) == blocks
    # The source's task, one for its parts of all levels, one to hand over each (a finer one after
    # the coarser ones), one for each block of the levels.
    assert count_tasks(tree["1"].to_dataset()) == blocks * 4 + 16
    assert count_tasks(tree["2"].to_dataset()) == blocks * 3 + 4
