"""Warping: exact nearest cells, no seams, NoData without weight."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, get_args

import numpy as np
import pytest
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st
from odc.geo.geobox import GeoBox
from pyproj import Transformer
from rasterio.io import MemoryFile
from rasterio.vrt import WarpedVRT
from rasterio.warp import Resampling, reproject

from tests.cube.rasters import UTM, raster
from xcube_tiles.cube.georef import geobox_of
from xcube_tiles.cube.warp import warp
from xcube_tiles.errors import CellTypeError, GridError
from xcube_tiles.testing.asserts import assert_lazy, count_tasks
from xcube_tiles.typing import ResamplingName

if TYPE_CHECKING:
    import xarray as xr
    from numpy.typing import NDArray

SOURCE = GeoBox.from_bbox((300_000, 5_000_000, 301_200, 5_000_900), crs="EPSG:32633", resolution=10)
TARGETS = {
    "mercator": SOURCE.to_crs("EPSG:3857"),
    "lonlat": SOURCE.to_crs("EPSG:4326"),
    "coarser": SOURCE.zoom_out(3.7),
    "finer": SOURCE.zoom_out(0.4),
    "shifted": GeoBox(SOURCE.shape, SOURCE.affine * Affine.translation(0.3, -0.4), SOURCE.crs),
    "beyond": SOURCE.pad(7),
}
METHODS: tuple[ResamplingName, ...] = get_args(ResamplingName)


def noise(holes: float = 0.05) -> NDArray[np.float32]:
    rng = np.random.default_rng(7)
    values = rng.random((2, *SOURCE.shape), dtype=np.float32)
    values[rng.random(values.shape) < holes] = np.nan
    return values


def cube(values: NDArray[Any]) -> xr.DataArray:
    return raster(values, geobox=SOURCE, times=["2024-01-01", "2024-01-02"])


def exact_nearest(values: NDArray[Any], target: GeoBox) -> NDArray[Any]:
    """Look up each target centre by pyproj alone."""
    to, back = target.affine, ~SOURCE.affine
    cols, rows = np.meshgrid(np.arange(target.shape[1]) + 0.5, np.arange(target.shape[0]) + 0.5)
    x, y = to.c + cols * to.a, to.f + rows * to.e
    transform = Transformer.from_crs(str(target.crs), str(SOURCE.crs), always_xy=True).transform
    x, y = transform(x, y)
    col = np.floor(back.c + x * back.a).astype(int)
    row = np.floor(back.f + y * back.e).astype(int)
    inside = (col >= 0) & (row >= 0) & (col < SOURCE.shape[1]) & (row < SOURCE.shape[0])
    result = np.full((len(values), *target.shape), np.nan, values.dtype)
    result[:, inside] = values[:, row[inside], col[inside]]
    return result


def test_a_seam_on_an_edge_is_no_hole() -> None:
    # The antimeridian runs through cell centres: they lie on both ends of the world.
    target = GeoBox((5, 9), Affine(5e4, 0, -4.5 * 5e4, 0, -5e4, 1.25e5), "+proj=eqc +lon_0=180")
    for first in (-180, 0, 180):
        for method in ("nearest", "bilinear", "cubic"):
            assert not np.isnan(warp(globe(first), target, method)).any(), (first, method)


@pytest.mark.parametrize("name", TARGETS)
def test_every_nearest_cell_is_the_exact_one(name: str) -> None:
    values = noise()
    result = warp(cube(values), TARGETS[name], "nearest")
    np.testing.assert_array_equal(result.values, exact_nearest(values, TARGETS[name]))
    assert geobox_of(result) == TARGETS[name]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("name", TARGETS)
def test_chunks_change_no_bit(name: str, method: ResamplingName) -> None:
    source = cube(noise())
    with assert_lazy():
        lazy = warp(source.chunk(y=29, x=37), TARGETS[name], method, chunk_size=41)
    np.testing.assert_array_equal(lazy.compute().values, warp(source, TARGETS[name], method).values)


@settings(max_examples=15)
@given(chunk=st.integers(3, 120), out=st.integers(15, 100), name=st.sampled_from(list(TARGETS)))
def test_any_chunks(chunk: int, out: int, name: str) -> None:
    source = cube(noise())
    lazy = warp(source.chunk(y=chunk, x=chunk), TARGETS[name], "cubic", chunk_size=out)
    whole = warp(source, TARGETS[name], "cubic")
    np.testing.assert_array_equal(lazy.compute(scheduler="sync").values, whole.values)


def by_gdal(values: NDArray[np.float64], target: GeoBox, method: str) -> NDArray[np.float64]:
    """Warp with exact positions; the kernel's width is the one that GDAL finds for the raster."""
    height, width = SOURCE.shape
    with MemoryFile() as memory:
        with memory.open(
            driver="GTiff", dtype="float64", count=1, nodata=np.nan, height=height, width=width,
            transform=SOURCE.affine, crs=str(SOURCE.crs),
        ) as writer:  # fmt: skip
            writer.write(values, 1)
        with memory.open() as reader, WarpedVRT(
            reader, crs=str(target.crs), transform=target.affine, height=target.shape[0],
            width=target.shape[1], resampling=Resampling[method], tolerance=1e-9, nodata=np.nan,
        ) as warped:  # fmt: skip
            result: NDArray[np.float64] = warped.read(1)
    return result


INNER = (slice(9, -9), slice(9, -9))
"""Away from the edge of the data, where a kernel that isn't full gives way to the triangle."""


@pytest.mark.parametrize("method", ["nearest", "bilinear", "cubic", "cubic_spline", "lanczos"])
@pytest.mark.parametrize("name", ["finer", "shifted", "halved"])
def test_kernels_agree_with_gdal(name: str, method: ResamplingName) -> None:
    # Wider cells widen the kernels of both.
    target = SOURCE.zoom_out(2) if name == "halved" else TARGETS[name]
    field = np.random.default_rng(2).random(SOURCE.shape)
    result = warp(raster(field, geobox=SOURCE), target, method).values
    np.testing.assert_allclose(result[INNER], by_gdal(field, target, method)[INNER], atol=2e-5)


@pytest.mark.parametrize("name", ["finer", "mercator"])
@pytest.mark.parametrize("method", ["nearest", "bilinear", "cubic"])
def test_kernels_skip_nodata_as_gdal_does(method: ResamplingName, name: str) -> None:
    # GDAL, too, leaves cells without a value where they are, and gives way to the triangle for
    # the cubic; a B-spline and Lanczos it renormalises, so that weights of -1 and +1 may cancel.
    field = np.random.default_rng(2).random(SOURCE.shape)
    field[np.random.default_rng(3).random(SOURCE.shape) < 0.05] = np.nan
    result = warp(raster(field, geobox=SOURCE), TARGETS[name], method).values
    expected = by_gdal(field, TARGETS[name], method)
    np.testing.assert_allclose(result[INNER], expected[INNER], atol=1e-7)


@pytest.mark.parametrize("method", ["average", "min", "max", "sum"])
def test_statistics_agree_with_gdal(method: ResamplingName) -> None:
    field = np.random.default_rng(2).random(SOURCE.shape)
    field[np.random.default_rng(3).random(SOURCE.shape) < 0.05] = np.nan
    result = warp(raster(field, geobox=SOURCE), TARGETS["coarser"], method).values
    expected = by_gdal(field, TARGETS["coarser"], method)
    np.testing.assert_allclose(result[INNER], expected[INNER], atol=1e-6)


@pytest.mark.parametrize(
    ("dtype", "method"), [("float64", "cubic"), ("int16", "lanczos"), ("uint32", "average")]
)
def test_cells_of_other_types(dtype: str, method: ResamplingName) -> None:
    values = (noise(0)[0] * 1000 + 2000).astype(dtype)
    result = warp(raster(values, geobox=SOURCE, nodata=3), TARGETS["mercator"], method)
    floats = warp(raster(values.astype(np.float64), geobox=SOURCE), TARGETS["mercator"], method)
    there = ~np.isnan(floats.values)
    assert result.dtype == dtype
    np.testing.assert_allclose(result.values[there], floats.values[there], atol=0.5)
    assert (result.values[~there] == 3).all()


@pytest.mark.parametrize(
    ("method", "expected"),
    [
        ("average", [[2.5, np.nan], [8.0, 6.0]]),
        ("sum", [[10.0, np.nan], [8.0, 24.0]]),
        ("min", [[1.0, np.nan], [8.0, 6.0]]),
        ("max", [[4.0, np.nan], [8.0, 6.0]]),
        ("median", [[2.5, np.nan], [8.0, 6.0]]),
        ("q1", [[1.75, np.nan], [8.0, 6.0]]),
        ("q3", [[3.25, np.nan], [8.0, 6.0]]),
        ("mode", [[1.0, np.nan], [8.0, 6.0]]),
    ],
)
def test_statistics_by_hand(method: ResamplingName, expected: list[list[float]]) -> None:
    nan = np.nan
    values = np.array([[1, 2, nan, nan], [3, 4, nan, nan], [8, nan, 6, 6], [nan, nan, 6, 6]])
    grid = GeoBox((4, 4), Affine(10, 0, 0, 0, -10, 0), "EPSG:32633")
    result = warp(raster(values, geobox=grid), grid.zoom_out(2), method)
    np.testing.assert_allclose(result.values, expected)


def test_the_edge_of_the_data_stays() -> None:
    values = noise(0)
    values[:, :, 60:] = np.nan
    target = SOURCE.zoom_out(0.5)
    for method in ("bilinear", "cubic", "lanczos", "cubic_spline"):
        result = warp(cube(values), target, method)
        np.testing.assert_array_equal(
            np.isnan(result.values[0]), np.isnan(values[0]).repeat(2, 0).repeat(2, 1)
        )


def test_a_constant_stays_constant() -> None:
    values = np.where(np.isnan(noise(0.3)), np.nan, np.float32(7))
    for method in METHODS:
        if method == "sum":
            continue
        result = warp(cube(values), TARGETS["mercator"], method).values
        np.testing.assert_allclose(result[~np.isnan(result)], 7, rtol=1e-6)


@pytest.mark.parametrize("method", METHODS)
def test_integers_keep_type_and_nodata(method: ResamplingName) -> None:
    values = np.where(np.isnan(noise()), 0, noise() * 200 + 1).astype(np.uint8)
    source = cube(values).assign_attrs(_FillValue=np.uint8(0))
    result = warp(source, TARGETS["beyond"], method)
    if method == "sum":  # as many cells as a target cell covers: they don't fit a byte
        assert result.dtype == np.float64
        assert np.isnan(result.values[:, 0]).all()
        return
    assert result.dtype == np.uint8
    assert result.attrs["_FillValue"] == 0
    assert (result.values[:, 0] == 0).all()


def test_raw_integers_cannot_leave_the_source() -> None:
    source = raster(np.uint8(1), geobox=SOURCE)
    with pytest.raises(CellTypeError, match="no NoData value"):
        warp(source, TARGETS["beyond"])
    inside = warp(source, SOURCE[10:20, 10:20].zoom_out(0.5))
    assert (inside == 1).all()


def test_large_integers_are_not_rounded() -> None:
    source = raster(np.int64(2**60 + 1), geobox=SOURCE, nodata=-1)
    assert (warp(source, TARGETS["finer"]) == 2**60 + 1).all()
    with pytest.raises(CellTypeError, match="64-bit"):
        warp(source, TARGETS["finer"], "bilinear")


def test_equal_grids_are_left_alone() -> None:
    source = raster(np.arange(20.0).reshape(4, 5))
    assert np.shares_memory(warp(source, UTM, "cubic").values, source.values)


def test_far_away_is_nodata() -> None:
    far = GeoBox.from_bbox((10_000_000, 0, 10_000_100, 100), crs="EPSG:3857", resolution=10)
    assert np.isnan(warp(cube(noise()), far, "bilinear")).all()


def test_poles_do_not_break() -> None:
    world = GeoBox.from_bbox((-180, -90, 180, 90), crs="EPSG:4326", resolution=2)
    values = np.broadcast_to(np.arange(180.0)[None], world.shape).copy()
    polar = GeoBox.from_bbox((-4e6, -4e6, 4e6, 4e6), crs="EPSG:3413", resolution=1e5)
    result = warp(raster(values, geobox=world).chunk(x=50, y=40), polar, "nearest", chunk_size=30)
    assert not np.isnan(result.compute()).any()


def globe(first: float, shape: tuple[int, int] = (36, 72)) -> xr.DataArray:
    """Return a world that begins at a longitude; a place's value doesn't depend on it."""
    grid = GeoBox(shape, Affine(360 / shape[1], 0, first, 0, -180 / shape[0], 90), "EPSG:4326")
    lon = first + (np.arange(shape[1]) + 0.5) * 360 / shape[1]
    lat = 90 - (np.arange(shape[0]) + 0.5) * 180 / shape[0]
    field = np.sin(np.radians(lon)) * 10 + lat[:, None] + np.round((lon % 360) / 5) % 3
    return raster(field, geobox=grid)


def place(crs: str, left: float, top: float, edge: float, size: int) -> GeoBox:
    return GeoBox((size, size), Affine(edge, 0, left, 0, -edge, top), crs)


# No pole and no antimeridian lies on an edge between cells, where either side is right.
PLACES = {
    "pacific": place("EPSG:3832", -3.05e6, 3.02e6, 170_000, 36),
    "pole": place("EPSG:3413", -2.13e6, 3.01e6, 170_000, 39),
    "mercator": place("EPSG:3857", -2e7, 9e6, 720_000, 25),
    "disc": place("+proj=ortho +lat_0=41 +lon_0=171.3", -7.1e6, 6.9e6, 391_000, 36),
}


@pytest.mark.parametrize("method", ["nearest", "bilinear", "cubic", "average", "sum", "median"])
@pytest.mark.parametrize("name", PLACES)
def test_the_earth_is_round(name: str, method: ResamplingName) -> None:
    whole = warp(globe(-180), PLACES[name], method)
    # The middle of the world, where kernels get their width, isn't on the disc.
    if name != "disc" or method not in ("bilinear", "cubic"):
        np.testing.assert_allclose(warp(globe(0), PLACES[name], method), whole, atol=1e-5)
    if name != "disc":
        assert not np.isnan(whole).any()
    for edge in (7, 13):
        lazy = warp(globe(-180).chunk(x=10, y=9), PLACES[name], method, chunk_size=edge)
        np.testing.assert_array_equal(lazy.compute(), whole)


def test_longitudes_beyond_180() -> None:
    pacific = globe(0).isel(x=slice(30, 50))  # 150 to 250 degrees
    grid = GeoBox.from_bbox((-180, -40, -120, 40), crs="EPSG:4326", resolution=5)
    result = warp(pacific, grid, "average")
    np.testing.assert_allclose(result, globe(-180).sel(x=result.x, y=result.y))


def test_average_of_many_cells_agrees_with_gdal() -> None:
    field = np.random.default_rng(3).random(SOURCE.shape) * 100
    target = GeoBox.from_bbox(TARGETS["lonlat"].boundingbox, crs="EPSG:4326", resolution=0.002)
    expected = np.full(target.shape, np.nan)
    reproject(
        field,
        expected,
        src_transform=SOURCE.affine,
        src_crs=str(SOURCE.crs),
        dst_transform=target.affine,
        dst_crs=str(target.crs),
        resampling=Resampling.average,
        dst_nodata=np.nan,
    )
    result = warp(raster(field, geobox=SOURCE), target, "average").values
    inner = (slice(1, -1), slice(1, -1))
    # GDAL takes the cells of which the centre is in the rectangle, we weight them by area.
    np.testing.assert_allclose(result[inner], expected[inner], atol=2.5)


def test_raw_integers_at_the_edge() -> None:
    source = raster(np.uint8(1), geobox=SOURCE)
    # The first centres lie 0.45 cells outside; the corners are within half a cell.
    target = GeoBox(
        (100, 100), SOURCE.affine * Affine.translation(-0.5, 0) * Affine.scale(0.1), 32633
    )
    with pytest.raises(CellTypeError, match="no NoData value"):
        warp(source, target)


def test_sums_of_integers_are_floats() -> None:
    coarse = warp(raster(np.uint8(200), geobox=SOURCE), SOURCE.zoom_out(10), "sum")
    assert coarse.dtype == np.float64
    np.testing.assert_allclose(coarse, 20_000)


def test_the_scale_is_that_of_the_source() -> None:
    # The middle of the target is on the other side of the earth, where UTM has no meaning.
    world = GeoBox.from_bbox((-2e7, -2e7, 2e7, 2e7), crs="EPSG:3857", resolution=10_000)
    fine = GeoBox((2000, 2000), Affine(10, 0, 300_000, 0, -10, 5_020_000), "EPSG:32633")
    field = raster(np.indices(fine.shape).sum(0) % 2 * 1.0, geobox=fine)
    result = warp(field.chunk(), world, "bilinear").sel(x=slice(1.2e6, 2e6), y=slice(6e6, 5e6))
    cells = result.values[np.isfinite(result.values)]
    assert cells.size
    np.testing.assert_allclose(cells, 0.5, atol=0.02)


def test_a_dataset_warps_each_variable_its_way() -> None:
    both = cube(noise()).to_dataset(name="field")
    both["classes"] = cube((noise(0) > 0.5).astype(np.uint8)).assign_attrs(_FillValue=np.uint8(255))
    both["scalar"] = 4.2
    result = warp(both, TARGETS["mercator"], {"field": "bilinear"})
    assert set(np.unique(result["classes"])) == {0, 1, 255}
    assert float(result["scalar"]) == 4.2
    assert list(result.coords["time"].values) == list(both.coords["time"].values)


def test_one_task_a_block() -> None:
    source = cube(noise()).chunk(time=1, y=30, x=30)
    result = warp(source, TARGETS["mercator"], chunk_size=40)
    blocks = result.data.npartitions
    assert count_tasks(result) - count_tasks(source) == blocks


def test_unknown_method() -> None:
    with pytest.raises(GridError, match="nearest, bilinear"):
        warp(cube(noise()), TARGETS["finer"], "best")  # type: ignore[arg-type]
