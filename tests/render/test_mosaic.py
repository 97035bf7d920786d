"""Mosaics against GDAL, numpy, and numbers by hand."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import morecantile
import numpy as np
import pytest
import rasterio
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import Transformer
from rasterio.merge import merge
from rasterio.warp import Resampling, reproject

import xcube_tiles as xt
from tests.sources.rasters import NORTH_UP, ramp, write_raster
from xcube_tiles.errors import CollectionError, StyleError, UnknownKeyError
from xcube_tiles.render import mosaic, mosaic_cells
from xcube_tiles.render.mosaic import MosaicSource
from xcube_tiles.render.point import values_at
from xcube_tiles.render.sample import sample
from xcube_tiles.render.series import series_at
from xcube_tiles.render.tms import tile_geobox

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray
    from odc.geo.geobox import GeoBox

    from xcube_tiles.render.mosaic_cells import Selection
    from xcube_tiles.render.source import TileSource

RNG = np.random.default_rng(20261121)


def whole(source: TileSource, level: int = 0, time: int | None = None) -> NDArray[Any]:
    """Return all cells of a level of the first variable."""
    height, width = source.geoboxes[level].shape
    return source.read(
        source.variables[0], level=level, rows=slice(0, height), cols=slice(0, width), time=time
    )


def line(source: TileSource, variable: str, time: int | None) -> list[Any]:
    """Return the first four cells of the finest level."""
    cells = source.read(variable, level=0, rows=slice(0, 1), cols=slice(0, 4), time=time)
    found: list[Any] = cells[0].tolist()
    return found


def put(
    folder: Path, name: str, cells: NDArray[Any], *, col: int = 0, row: int = 0, **profile: Any
) -> None:
    """Write cells, some columns and rows from the corner of the others."""
    write_raster(
        folder / f"{name}.tif",
        cells,
        transform=NORTH_UP @ Affine.translation(col, row),
        nodata=-1,
        **profile,
    )


@pytest.fixture
def overlapping(tmp_path: Path) -> xt.Collection:
    """Return nine files that overlap by 40 cells, each with a corner of NoData."""
    for row in range(3):
        for col in range(3):
            cells = RNG.integers(0, 2000, (140, 140)).astype("int16")
            cells[:60, :50] = -1
            put(tmp_path, f"T{row}{col}_red", cells, col=100 * col, row=100 * row)
    return xt.scan(f"{tmp_path}/{{tile}}_{{band}}.tif")


@pytest.mark.parametrize(
    ("selection", "method"),
    [("first", "first"), ("last", "last"), ("highest", "max"), ("lowest", "min")],
)
def test_cells_equal_those_that_rasterio_merges(
    overlapping: xt.Collection, selection: Selection, method: str
) -> None:
    source = MosaicSource(overlapping, selection=selection)
    expected, transform = merge([row.path for row in overlapping], method=method)
    assert source.geoboxes[0].affine == transform
    assert source.cell_type("red").name == "int16ud-1"
    np.testing.assert_array_equal(whole(source), expected[0])


@pytest.mark.parametrize(("selection", "of"), [("mean", np.nanmean), ("median", np.nanmedian)])
def test_means_and_medians_equal_numpy(
    overlapping: xt.Collection, selection: Selection, of: Any
) -> None:
    layers = np.full((9, 340, 340), np.nan)
    for number, row in enumerate(overlapping):
        with rasterio.open(row.path) as file:
            top, left = 100 * (number // 3), 100 * (number % 3)
            cells = file.read(1).astype(float)
            layers[number, top : top + 140, left : left + 140] = np.where(
                cells == -1, np.nan, cells
            )
    some = np.isfinite(layers).any(axis=0)
    expected = np.full(some.shape, np.nan)
    expected[some] = of(layers[:, some], axis=0)
    source = MosaicSource(overlapping, selection=selection)
    assert source.cell_type("red").name == "float32"
    np.testing.assert_allclose(whole(source), expected.astype("float32"), rtol=1e-6)


def test_large_windows_are_put_together_block_by_block(
    overlapping: xt.Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = whole(MosaicSource(overlapping, selection="median"))
    monkeypatch.setattr(mosaic_cells, "_BLOCK", 96)
    np.testing.assert_array_equal(whole(MosaicSource(overlapping, selection="median")), expected)


@settings(max_examples=12, deadline=None)
@given(
    rows=st.lists(st.integers(1, 59), max_size=3, unique=True),
    cols=st.lists(st.integers(1, 79), max_size=3, unique=True),
)
def test_a_raster_that_is_cut_to_pieces_is_itself_again(
    tmp_path_factory: pytest.TempPathFactory, rows: list[int], cols: list[int]
) -> None:
    folder = tmp_path_factory.mktemp("pieces")
    cells = RNG.integers(-1, 500, (60, 80)).astype("int16")
    down, right = [0, *sorted(rows), 60], [0, *sorted(cols), 80]
    for i, (top, bottom) in enumerate(itertools.pairwise(down)):
        for j, (left, end) in enumerate(itertools.pairwise(right)):
            put(folder, f"{i}x{j}", cells[top:bottom, left:end], col=left, row=top)
    source = MosaicSource(xt.scan(f"{folder}/{{place}}.tif"), over=["place"])
    assert source.geoboxes[0].affine == NORTH_UP
    np.testing.assert_array_equal(whole(source), cells)


# At 12 degrees east, where zones 32 and 33 meet: 300 cells of 20 m each.
ZONES = {
    "EPSG:32632": Affine(20, 0, 709_500, 0, -20, 5_545_000),
    "EPSG:32633": Affine(20, 0, 284_500, 0, -20, 5_545_000),
}


@pytest.fixture
def two_zones(tmp_path: Path) -> xt.Collection:
    for crs, transform in ZONES.items():
        cells = RNG.integers(1, 30_000, (200, 300)).astype("uint16")
        cells[50:70, 50:100] = 0
        write_raster(tmp_path / f"z{crs[-2:]}.tif", cells, transform=transform, crs=crs, nodata=0)
    return xt.scan(f"{tmp_path}/{{zone}}.tif")


def positions(path: str, target: GeoBox) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return row and column of each pixel's centre in a file, by PROJ."""
    height, width = target.shape
    cols, rows = np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5)
    x, y = target.affine * (cols, rows)
    with rasterio.open(path) as file:
        to_file = Transformer.from_crs("EPSG:3857", file.crs.to_wkt(), always_xy=True)
        col, row = ~file.transform * to_file.transform(x, y)
    return row, col


def nearest(path: str, target: GeoBox) -> NDArray[Any]:
    """Return the cell under each pixel's centre, 0 where there is none."""
    row, col = (np.floor(at).astype(int) for at in positions(path, target))
    with rasterio.open(path) as file:
        inside = (row >= 0) & (row < file.height) & (col >= 0) & (col < file.width)
        return np.where(inside, file.read(1)[row * inside, col * inside], 0)


def warped(path: str, target: GeoBox) -> NDArray[Any]:
    """Return what GDAL makes of a file, 0 where there is nothing."""
    found = np.zeros(target.shape, "uint16")
    with rasterio.open(path) as file:
        reproject(
            rasterio.band(file, 1),
            found,
            dst_transform=target.affine,
            dst_crs="EPSG:3857",
            dst_nodata=0,
            resampling=Resampling.nearest,
        )
    return found


def test_files_of_two_zones_equal_what_gdal_warps(
    two_zones: xt.Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mosaic, "TOLERANCE", 0.0)
    source = MosaicSource(two_zones)
    target = source.geoboxes[0]
    assert source.crs.epsg == 3857
    west, east = (row.path for row in two_zones)
    found = whole(source)
    one, other = nearest(west, target), nearest(east, target)
    assert min(((one > 0) & (other > 0)).sum(), ((one == 0) & (other > 0)).sum()) > 10_000
    # Where a centre lies on the edge of two cells either is right: a handful of them.
    assert (found != np.where(one > 0, one, other)).sum() < 20
    by_gdal = np.where(warped(west, target) > 0, warped(west, target), warped(east, target))
    # GDAL's positions have errors of up to 0.125 cells: elsewhere nothing differs.
    clear = np.ones(target.shape, bool)
    for path in (west, east):
        for at in positions(path, target):
            clear &= np.abs(at - np.round(at)) > 0.13
    assert clear.mean() > 0.25
    np.testing.assert_array_equal(found[clear], by_gdal[clear])


def test_tiles_of_several_zones_are_resampled_once(two_zones: xt.Collection) -> None:
    source = MosaicSource(two_zones)
    lon, lat = Transformer.from_crs(3857, 4326, always_xy=True).transform(1_336_000, 6_447_000)
    tile = morecantile.tms.get("WebMercatorQuad").tile(lon, lat, 13)
    target = tile_geobox(("WebMercatorQuad", 13, tile.x, tile.y))
    found = sample(source, target, ("raster",))
    assert found is not None
    values = found.values["raster"]
    if found.outside is not None:
        values[found.outside] = 0
    west, east = (nearest(row.path, target) for row in two_zones)
    assert (west > 0).any()
    assert (east > 0).any()
    clear = np.ones((256, 256), bool)
    for row in two_zones:
        for at in positions(row.path, target):
            clear &= np.abs(at - np.round(at)) > 0.13
    np.testing.assert_array_equal(values[clear], np.where(west > 0, west, east)[clear])


def test_seams_by_hand(tmp_path: Path) -> None:
    put(tmp_path, "a", np.array([[1, 2, -1]], "int16"))
    put(tmp_path, "b", np.array([[30, 40, 50]], "int16"), col=1)
    put(tmp_path, "c", np.array([[700]], "int16"), col=6)
    source = MosaicSource(xt.scan(f"{tmp_path}/{{place}}.tif"))
    assert whole(source).tolist() == [[1, 2, 40, 50, -1, -1, 700]]
    last = MosaicSource(xt.scan(f"{tmp_path}/{{place}}.tif"), selection="last")
    assert whole(last).tolist() == [[1, 30, 40, 50, -1, -1, 700]]
    mean = MosaicSource(xt.scan(f"{tmp_path}/{{place}}.tif"), selection="mean")
    np.testing.assert_array_equal(whole(mean), [[1, 16, 40, 50, np.nan, np.nan, 700]])


def test_the_newest_lies_on_top(tmp_path: Path) -> None:
    put(tmp_path, "a_20200101", np.array([[1, 1]], "int16"))
    put(tmp_path, "a_20210101", np.array([[-1, 2]], "int16"))
    put(tmp_path, "b_20190101", np.array([[9, 9]], "int16"), col=1)
    files = xt.scan(f"{tmp_path}/{{tile}}_{{date}}.tif")
    source = MosaicSource(files, over=["date", "tile"])
    assert source.times is None
    assert whole(source).tolist() == [[1, 2, 9]]
    oldest = MosaicSource(files, over=["date", "tile"], selection="last")
    assert whole(oldest).tolist() == [[1, 9, 9]]


def test_times_and_bands_may_lack_places(tmp_path: Path) -> None:
    put(tmp_path, "a_20200101_red", np.array([[1, 2]], "int16"))
    put(tmp_path, "b_20200101_red", np.array([[3, 4]], "int16"), col=2)
    put(tmp_path, "b_20210101_red", np.array([[5, 6]], "int16"), col=2)
    put(tmp_path, "a_20210101_nir", np.array([[7, 8]], "int16"))
    source = MosaicSource(xt.scan(f"{tmp_path}/{{tile}}_{{date}}_{{band}}.tif"))
    assert source.variables == ("nir", "red")
    assert source.times is not None
    assert [str(time)[:4] for time in source.times] == ["2020", "2021"]
    assert line(source, "red", 0) == [1, 2, 3, 4]
    assert line(source, "red", 1) == [-1, -1, 5, 6]
    assert line(source, "nir", 0) == [-1] * 4
    assert line(source, "nir", 1) == [7, 8, -1, -1]
    x, y = NORTH_UP * (2.5, 0.5)
    lon, lat = Transformer.from_crs(32633, 4326, always_xy=True).transform(x, y)
    row = values_at(source, lon, lat, time=1)
    assert row == {"nir": None, "red": 5}
    series = series_at(source, lon, lat, variables=("red",))
    assert series.values["red"] == [3, 5]


def test_cells_without_nodata_get_one(tmp_path: Path) -> None:
    for name, left in (("a", 0), ("b", 30)):
        write_raster(
            tmp_path / f"{name}.tif",
            np.array([[0, 255]], "uint8"),
            transform=NORTH_UP @ Affine.translation(left / 10, 0),
        )
    source = MosaicSource(xt.scan(f"{tmp_path}/{{place}}.tif"))
    nodata = source.cell_type("raster").nodata
    assert whole(source).tolist() == [[0, 255, nodata, 0, 255]]
    assert nodata == -32768


def test_a_file_of_coarser_cells_is_continued_on_the_finest_grid(tmp_path: Path) -> None:
    put(tmp_path, "a", np.array([[1, 2], [3, 4]], "int16"))
    write_raster(
        tmp_path / "b.tif",
        np.array([[9]], "int16"),
        transform=NORTH_UP @ Affine.translation(2, 0) @ Affine.scale(2),
        nodata=-1,
    )
    source = MosaicSource(xt.scan(f"{tmp_path}/{{place}}.tif"))
    assert whole(source).tolist() == [[1, 2, 9, 9], [3, 4, 9, 9]]


def test_a_grid_may_be_chosen(tmp_path: Path) -> None:
    put(tmp_path, "a", np.array([[1, 2], [3, 4]], "int16"))
    source = MosaicSource(xt.scan(f"{tmp_path}/{{place}}.tif"), crs="EPSG:32633", resolution=5)
    assert whole(source).tolist() == [[1, 1, 2, 2], [1, 1, 2, 2], [3, 3, 4, 4], [3, 3, 4, 4]]


def test_wrong_reads_say_what_there_is(tmp_path: Path) -> None:
    put(tmp_path, "a_red", ramp())
    source = MosaicSource(xt.scan(f"{tmp_path}/{{place}}_{{band}}.tif"))
    one = slice(0, 1)
    with pytest.raises(CollectionError, match="the variables are red"):
        source.read("blue", level=0, rows=one, cols=one)
    with pytest.raises(CollectionError, match="levels are 0 to 0"):
        source.read("red", level=1, rows=one, cols=one)
    with pytest.raises(CollectionError, match="time must be an index"):
        source.read("red", level=0, time=2, rows=one, cols=one)
    assert source.read("red", level=0, rows=slice(2, 2), cols=slice(0, 3)).shape == (0, 3)


def test_wrong_mosaics_are_refused(tmp_path: Path) -> None:
    put(tmp_path, "a_S1_red", ramp())
    put(tmp_path, "a_S2_red", ramp())
    files = xt.scan(f"{tmp_path}/{{place}}_{{sensor}}_{{band}}.tif")
    with pytest.raises(CollectionError, match=r"where\(sensor=...\), or put its rasters side"):
        MosaicSource(files)
    with pytest.raises(CollectionError, match="names the variables"):
        MosaicSource(files, over=["band"])
    with pytest.raises(UnknownKeyError, match="unknown key 'tile'"):
        MosaicSource(files, over=["tile"])
    text: Any = "place"
    with pytest.raises(CollectionError, match=r"such as \['place'\]"):
        MosaicSource(files, over=text)
    newest: Any = "newest"
    with pytest.raises(StyleError, match="there are first, last, highest"):
        MosaicSource(files, selection=newest)
    with pytest.raises(CollectionError, match="max_files must be"):
        MosaicSource(files, max_files=0)
    with pytest.raises(CollectionError, match="no rasters"):
        MosaicSource(files.where(place="b"))


def test_a_key_of_places_is_found_out(tmp_path: Path) -> None:
    put(tmp_path, "a_S2", ramp())
    put(tmp_path, "b_S2", ramp(), col=6)
    source = MosaicSource(xt.scan(f"{tmp_path}/{{place}}_{{sensor}}.tif"))
    assert source.geoboxes[0].shape == (5, 13)
