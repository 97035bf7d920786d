from __future__ import annotations

from typing import TYPE_CHECKING, Any

import dask.array as da
import numpy as np
import pyflwdir
import pytest
import xarray as xr
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st
from odc.geo.geobox import GeoBox
from pyproj import Geod

import xcube_tiles  # noqa: F401  (registers the accessor)
from xcube_tiles.cube.cells import cell_type_of
from xcube_tiles.cube.georef import assign_geobox
from xcube_tiles.errors import AlgebraError
from xcube_tiles.testing.asserts import assert_lazy, assert_same_cells, count_tasks
from xcube_tiles.testing.strategies import chunks

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hypothesis.strategies import DrawFn

STEPS = {
    1: (0, 1), 2: (1, 1), 4: (1, 0), 8: (1, -1),
    16: (0, -1), 32: (-1, -1), 64: (-1, 0), 128: (-1, 1),
}  # fmt: skip


def raster(
    values: Any,
    *,
    nodata: float | None = None,
    width: float = 10.0,
    height: float = 10.0,
    north: float = 0.0,
    crs: str = "EPSG:32633",
) -> xr.DataArray:
    cells = np.asarray(values)
    grid = GeoBox(cells.shape[-2:], Affine(width, 0, 0, 0, -height, north), crs)
    dims = ("layer", "y", "x")[-cells.ndim :]
    attrs = {} if nodata is None else {"_FillValue": cells.dtype.type(nodata)}
    return assign_geobox(xr.DataArray(cells, dims=dims, attrs=attrs), grid)


def ways(values: Any) -> xr.DataArray:
    return raster(np.array(values, "uint8"), nodata=255)


def terrain(shape: tuple[int, int] = (40, 50), seed: int = 0) -> np.ndarray:
    """Return a rough slope with a hole in it."""
    rng = np.random.default_rng(seed)
    y, x = np.indices(shape)
    heights = 200 - 2.0 * y - x + rng.normal(0, 6, shape)
    heights[5:8, 30:34] = np.nan
    return heights.astype("float32")


def neighbours(cells: np.ndarray, i: int, j: int) -> Iterator[tuple[int, int, int]]:
    for code, (down, right) in STEPS.items():
        if 0 <= i + down < cells.shape[0] and 0 <= j + right < cells.shape[1]:
            yield code, i + down, j + right


def down_from(codes: np.ndarray, i: int, j: int) -> Iterator[tuple[int, int]]:
    """Yield the cells on the way of a cell's water, its own first."""
    while 0 <= i < codes.shape[0] and 0 <= j < codes.shape[1] and codes[i, j] != 255:
        yield i, j
        if codes[i, j] == 0:
            return
        down, right = STEPS[int(codes[i, j])]
        i, j = i + down, j + right


def valid_cells(codes: np.ndarray) -> Iterator[tuple[int, int]]:
    yield from ((int(i), int(j)) for i, j in np.argwhere(codes != 255))


@st.composite
def elevations(draw: DrawFn, lead: tuple[int, ...] = ()) -> xr.DataArray:
    shape = (*lead, draw(st.integers(1, 7)), draw(st.integers(1, 7)))
    dtype = draw(st.sampled_from(["int16", "float32"]))
    seed = draw(st.integers(0, 2**31))
    rng = np.random.default_rng(seed)
    cells = rng.integers(0, draw(st.sampled_from([1, 4, 1000])), shape).astype(dtype) + 0
    missing = rng.random(shape) < draw(st.sampled_from([0.0, 0.2, 1.0]))
    cells[missing] = -9 if dtype == "int16" else np.nan
    return raster(cells, nodata=-9 if dtype == "int16" else None)


@st.composite
def chunked(draw: DrawFn, array: xr.DataArray) -> xr.DataArray:
    pieces = draw(chunks(array.shape))
    return array.chunk(dict(zip(array.dims, pieces, strict=True)))


class TestFlowDirection:
    def test_by_hand(self) -> None:
        dem = raster(np.array([[9, 8, 7], [9, 5, -1], [9, 9, 4]], "int16"), nodata=-1)
        got = dem.tiles.flow_direction()
        # From the middle, 1 down over 14.1 to the south-east; the corner is the lowest of all.
        assert got.values.tolist() == [[2, 4, 8], [1, 2, 255], [128, 1, 0]]
        assert cell_type_of(got).name == "uint8ud255"
        assert got.name == "flow_direction"

    def test_distance_decides(self) -> None:
        cells = np.array([[9.0, 8.0], [9.0, 7.7]])
        assert raster(cells).tiles.flow_direction().values[0, 0] == 1  # 1 over 10, 1.3 over 14.1
        tall = raster(cells, height=2.0).tiles.flow_direction()
        assert tall.values[0, 0] == 2  # 1.3 over 10.2

    def test_degrees_are_lengths_on_the_ellipsoid(self) -> None:
        cells = np.array([[9.0, 8.0], [7.5, 9.0]])
        north = raster(cells, width=0.1, height=0.1, north=70.0, crs="EPSG:4326")
        geod = Geod(ellps="WGS84")
        east, south = geod.inv(0, 69.95, 0.1, 69.95)[2], geod.inv(0, 69.9, 0, 70)[2]
        assert 1 / east > 1.5 / south
        assert north.tiles.flow_direction().values[0, 0] == 1
        equator = raster(cells, width=0.1, height=0.1, north=0.1, crs="EPSG:4326")
        assert equator.tiles.flow_direction().values[0, 0] == 4

    def test_ties_go_clockwise_from_east(self) -> None:
        peak = np.zeros((3, 3))
        peak[1, 1] = 1
        assert raster(peak).tiles.flow_direction().values[1, 1] == 1
        peak[1, 2] = 1
        assert raster(peak).tiles.flow_direction().values[1, 1] == 4

    def test_flats_and_pits_have_no_direction(self) -> None:
        assert (raster(np.ones((3, 4))).tiles.flow_direction() == 0).all()
        assert raster(np.ones((1, 1))).tiles.flow_direction().values.tolist() == [[0]]
        assert (raster(np.full((3, 4), np.nan)).tiles.flow_direction() == 255).all()

    @given(elevations())
    def test_any_cells_equal_a_loop(self, dem: xr.DataArray) -> None:
        cells = np.where(cell_type_of(dem).is_nodata(dem.values), np.nan, dem.values)
        expected = np.full(cells.shape, 255)
        for i, j in np.argwhere(~np.isnan(cells)):
            best, expected[i, j] = 0.0, 0
            for code, y, x in neighbours(cells, i, j):
                drop = (cells[i, j] - cells[y, x]) / np.hypot((y - i) * 10, (x - j) * 10)
                if drop > best:
                    best, expected[i, j] = drop, code
        np.testing.assert_array_equal(dem.tiles.flow_direction(), expected)

    def test_equals_pyflwdir_where_it_fills_nothing(self) -> None:
        dem = raster(terrain()).tiles.fill_depressions(gradient=True)
        codes = dem.tiles.flow_direction().values
        theirs = pyflwdir.from_array(np.where(codes == 255, 247, codes).astype("uint8"), ftype="d8")
        outlets = {divmod(int(at), codes.shape[1]) for at in theirs.idxs_pit}
        assert outlets == {tuple(place) for place in np.argwhere(codes == 0).tolist()}


class TestFillDepressions:
    def test_by_hand(self) -> None:
        cells = [[9, 9, 9, 9, 9], [9, 2, 9, 3, 7], [9, 1, 6, 9, 9], [9, 9, 9, 9, 9]]
        filled = [[9, 9, 9, 9, 9], [9, 7, 9, 7, 7], [9, 7, 7, 9, 9], [9, 9, 9, 9, 9]]
        got = raster(np.array(cells, "int16")).tiles.fill_depressions()
        assert got.values.tolist() == filled
        assert got.dtype == np.int16

    @pytest.mark.parametrize("dtype", ["int64", "uint64"])
    def test_large_integers_are_exact(self, dtype: str) -> None:
        pit = np.array([[5, 5, 5], [5, 1, 3], [5, 5, 5]], dtype) + np.array(2**60, dtype)
        got = raster(pit).tiles.fill_depressions()
        assert (got.values[1] - pit[0, 0]).astype("int64").tolist() == [0, -2, -2]

    def test_integers_become_floats_with_a_gradient(self) -> None:
        cells = [[5, 5, 5, -1], [5, 1, 4, 5], [5, 5, 5, 5]]
        dem = raster(np.array(cells, "int16"), nodata=-1)
        got = dem.tiles.fill_depressions(gradient=True)
        assert got.dtype == np.float32
        assert got.values[1, 1] == np.nextafter(np.float32(4), np.float32(5))
        assert np.isnan(got.values[0, 3])
        assert cell_type_of(got).name == "float32"

    @given(elevations())
    def test_any_cells_equal_a_loop(self, dem: xr.DataArray) -> None:
        # Planchon and Darboux (2002): lower a flood until nothing moves.
        cells = np.where(cell_type_of(dem).is_nodata(dem.values), np.nan, dem.values)
        level = np.where(np.isnan(cells), np.nan, np.inf)
        moved = True
        while moved:
            before = level.copy()
            for i, j in np.argwhere(~np.isnan(cells)):
                around = [level[y, x] for _, y, x in neighbours(cells, i, j)]
                outlet = len(around) < 8 or np.isnan(around).any()
                lowest = -np.inf if outlet else min(around)
                level[i, j] = min(level[i, j], max(cells[i, j], lowest))
            moved = not np.array_equal(before, level, equal_nan=True)
        got = dem.tiles.fill_depressions()
        same = np.where(cell_type_of(got).is_nodata(got.values), np.nan, got.values)
        np.testing.assert_array_equal(same, level)

    def test_equals_pyflwdir(self) -> None:
        heights = terrain()
        got = raster(heights).tiles.fill_depressions()
        theirs, _ = pyflwdir.dem.fill_depressions(heights, nodata=np.nan)
        np.testing.assert_allclose(got, theirs, atol=1e-4)

    @given(elevations())
    def test_with_a_gradient_water_reaches_an_outlet(self, dem: xr.DataArray) -> None:
        codes = dem.tiles.fill_depressions(gradient=True).tiles.flow_direction().values
        for i, j in np.argwhere(codes == 0):
            around = [codes[y, x] for _, y, x in neighbours(codes, i, j)]
            assert len(around) < 8 or 255 in around

    @pytest.mark.parametrize("dtype", ["float32", "float64"])
    def test_water_runs_off_a_plain_at_sea_level(self, dtype: str) -> None:
        dem = raster(np.zeros((5, 5), dtype), width=1000, height=30_000)
        codes = dem.tiles.fill_depressions(gradient=True).tiles.flow_direction().values
        assert (codes[1:-1, 1:-1] > 0).all()

    def test_a_number_stays_nodata(self) -> None:
        dem = raster(np.array([[5, 5, 5], [5, 1, 5], [5, 5, -9]], "float32"), nodata=-9)
        got = dem.tiles.fill_depressions(gradient=True)
        assert cell_type_of(got).name == "float32ud-9.0"
        assert got.values[2, 2] == -9
        assert got.values[1, 1] == 1  # beside NoData: an outlet

    def test_no_cell_is_raised_to_nodata(self) -> None:
        cells = np.full((3, 4), 5, np.float32)
        cells[1] = 5, -2, -3, np.nextafter(np.float32(0), np.float32(-1))
        got = raster(cells, nodata=0).tiles.fill_depressions(gradient=True).values[1]
        assert got[1] > got[2] > 0


class TestFlowAccumulation:
    def test_by_hand(self) -> None:
        codes = ways([[2, 4, 8], [1, 4, 255], [1, 1, 0]])
        got = codes.tiles.flow_accumulation()
        assert got.values.tolist() == [[0, 0, 0], [0, 4, -1], [0, 6, 7]]
        assert cell_type_of(got).name == "int32ud-1"

    def test_water_leaves_over_the_edge_and_into_nodata(self) -> None:
        assert ways([[1, 1, 255], [1, 1, 1]]).tiles.flow_accumulation().values.tolist() == [
            [0, 1, -1],
            [0, 1, 2],
        ]

    def test_weights(self) -> None:
        codes = ways([[1, 1, 0], [255, 64, 0]])
        rain = raster(np.array([[2.0, np.nan, 1.0], [5.0, 0.5, 8.0]]))
        got = codes.tiles.flow_accumulation(weights=rain)
        np.testing.assert_array_equal(got, [[0.0, 2.5, 2.5], [np.nan, 0.0, 0.0]])
        assert cell_type_of(got).name == "float64"

    def test_weights_may_have_more_dimensions(self) -> None:
        codes = ways([[1, 1, 0]])
        rain = raster(np.array([[[1, 1, 1]], [[2, 0, 2]]], "uint8"), nodata=0)
        got = codes.tiles.flow_accumulation(weights=rain)
        assert got.dims == ("layer", "y", "x")
        assert got.values.tolist() == [[[0, 1, 2]], [[0, 2, 2]]]

    @given(elevations())
    def test_any_cells_equal_a_loop(self, dem: xr.DataArray) -> None:
        codes = dem.tiles.flow_direction()
        expected = np.where(codes.values == 255, -1, 0)
        for i, j in valid_cells(codes.values):
            for place in list(down_from(codes.values, i, j))[1:]:
                expected[place] += 1
        np.testing.assert_array_equal(codes.tiles.flow_accumulation(), expected)

    def test_equals_pyflwdir(self) -> None:
        codes = raster(terrain()).tiles.fill_depressions(gradient=True).tiles.flow_direction()
        d8 = np.where(codes == 255, 247, codes).astype("uint8")
        theirs = pyflwdir.from_array(d8, ftype="d8").upstream_area(unit="cell")
        got = codes.tiles.flow_accumulation().values
        np.testing.assert_array_equal(got[codes != 255] + 1, theirs[codes != 255])

    @pytest.mark.parametrize("size", [1, 2, 5])
    def test_loops_are_refused(self, size: int) -> None:
        codes = ways([[1, 4, 0], [64, 16, 0]]).chunk({"y": size, "x": size})
        with pytest.raises(AlgebraError, match="the flow directions have loops"):
            codes.tiles.flow_accumulation().compute()

    def test_sums_of_codes_are_refused(self) -> None:
        codes = ways([[3, 0]])
        with pytest.raises(AlgebraError, match="3 is not a flow direction"):
            codes.tiles.flow_accumulation()
        with pytest.raises(AlgebraError, match="-5 is not a flow direction"):
            raster(np.array([[-5, 0]], "int16")).tiles.flow_accumulation()


class TestWatershed:
    def test_by_hand(self) -> None:
        codes = ways([[1, 1, 0, 16], [4, 255, 64, 4], [0, 16, 64, 0]])
        got = codes.tiles.watershed()
        # (2, 1) flows to (2, 0): ends are (0, 2), (2, 0), (2, 3).
        assert got.values.tolist() == [[1, 1, 1, 1], [2, 0, 1, 3], [2, 2, 1, 3]]
        assert cell_type_of(got).name == "int32ud0"

    def test_points_cut_basins(self) -> None:
        codes = ways([[1, 1, 1, 1, 0]])
        got = codes.tiles.watershed([(35.0, -5.0), (15.0, -5.0)])
        assert got.values.tolist() == [[2, 2, 1, 1, 0]]

    def test_a_raster_of_points(self) -> None:
        codes = ways([[1, 1, 1, 1, 0]])
        points = raster(np.array([[0, 7, 9, 0, 200]], "uint8"), nodata=9)
        got = codes.tiles.watershed(points)
        assert got.values.tolist() == [[7, 7, 200, 200, 200]]
        assert cell_type_of(got).name == "uint8"

    def test_a_point_without_elevation_has_no_basin(self) -> None:
        codes = ways([[1, 255, 0]])
        assert codes.tiles.watershed([(15.0, -5.0)]).values.tolist() == [[0, 0, 0]]

    def test_negative_numbers_are_refused(self) -> None:
        points = raster(np.array([[0, -3]], "int16"))
        with pytest.raises(AlgebraError, match="must be positive, got -3"):
            ways([[1, 0]]).tiles.watershed(points)

    @given(st.data(), elevations())
    def test_any_cells_equal_a_loop(self, data: st.DataObject, dem: xr.DataArray) -> None:
        codes = dem.tiles.flow_direction().values
        points = np.random.default_rng(data.draw(st.integers(0, 999))).integers(-9, 4, codes.shape)
        points = np.maximum(points, 0).astype("int32")
        ends = {list(down_from(codes, i, j))[-1] for i, j in valid_cells(codes)}
        numbers = {end: at for at, end in enumerate(sorted(ends), start=1)}
        below, above = np.zeros(codes.shape, int), np.zeros(codes.shape, int)
        for i, j in valid_cells(codes):
            way = list(down_from(codes, i, j))
            below[i, j] = numbers[way[-1]]
            above[i, j] = next((points[place] for place in way if points[place]), 0)
        lazy = data.draw(chunked(raster(codes, nodata=255)))
        np.testing.assert_array_equal(lazy.tiles.watershed(), below)
        np.testing.assert_array_equal(lazy.tiles.watershed(raster(points)), above)

    def test_equals_pyflwdir(self) -> None:
        codes = raster(terrain()).tiles.fill_depressions(gradient=True).tiles.flow_direction()
        d8 = np.where(codes == 255, 247, codes).astype("uint8")
        theirs = pyflwdir.from_array(d8, ftype="d8").basins()
        got = codes.tiles.watershed().values
        pairs = {(int(a), int(b)) for a, b in zip(got.ravel(), theirs.ravel(), strict=True)}
        assert len(pairs) == len({a for a, _ in pairs}) == len({b for _, b in pairs})


class TestStreamOrder:
    CODES = (
        (2, 4, 8, 255, 4),
        (1, 4, 255, 8, 4),
        (1, 4, 16, 255, 4),
        (0, 1, 1, 1, 0),
    )

    def test_strahler_by_hand(self) -> None:
        got = ways(self.CODES).tiles.stream_order(threshold=0)
        assert got.values.tolist() == [
            [1, 1, 1, 0, 1],
            [1, 2, 0, 1, 1],
            [1, 2, 1, 0, 1],
            [1, 2, 2, 2, 2],
        ]
        assert cell_type_of(got).nodata == 0

    def test_shreve_by_hand(self) -> None:
        got = ways(self.CODES).tiles.stream_order(threshold=0, method="shreve")
        assert got.values.tolist() == [
            [1, 1, 1, 0, 1],
            [1, 4, 0, 1, 1],
            [1, 6, 1, 0, 1],
            [1, 6, 6, 6, 7],
        ]

    def test_threshold(self) -> None:
        got = ways(self.CODES).tiles.stream_order(threshold=1)
        assert got.values.tolist() == [
            [0, 0, 0, 0, 0],
            [0, 1, 0, 0, 1],
            [0, 2, 1, 0, 1],
            [0, 2, 2, 2, 2],
        ]

    def test_own_accumulation(self) -> None:
        codes = ways([[1, 1, 0]])
        rain = raster(np.array([[np.nan, 3.0, 5.0]]))
        got = codes.tiles.stream_order(threshold=3, accumulation=rain)
        assert got.values.tolist() == [[0, 1, 1]]

    @pytest.mark.parametrize("threshold", [0, 3, 20])
    def test_equals_pyflwdir(self, threshold: int) -> None:
        codes = raster(terrain()).tiles.fill_depressions(gradient=True).tiles.flow_direction()
        d8 = np.where(codes == 255, 247, codes).astype("uint8")
        flow = pyflwdir.from_array(d8, ftype="d8")
        streams = flow.upstream_area(unit="cell") > threshold
        theirs = flow.stream_order(type="strahler", mask=streams)
        got = codes.tiles.stream_order(threshold=threshold).values
        np.testing.assert_array_equal(got, np.where(streams & (codes != 255), theirs, 0))

    @given(elevations(), st.integers(0, 3))
    def test_shreve_counts_sources(self, dem: xr.DataArray, threshold: int) -> None:
        codes = dem.tiles.flow_direction()
        streams = codes.tiles.flow_accumulation().values >= threshold
        fed = {
            way[1]
            for i, j in valid_cells(codes.values)
            if streams[i, j] and len(way := list(down_from(codes.values, i, j))) > 1
        }
        expected = np.zeros(codes.shape, int)
        for i, j in valid_cells(codes.values):
            if streams[i, j] and (i, j) not in fed:
                for place in down_from(codes.values, i, j):
                    expected[place] += 1
        got = codes.tiles.stream_order(threshold=threshold, method="shreve")
        np.testing.assert_array_equal(got, expected)


OPERATIONS: dict[str, Any] = {
    "flow_direction": lambda dem, codes: dem.tiles.flow_direction(),
    "fill_depressions": lambda dem, codes: dem.tiles.fill_depressions(),
    "gradient": lambda dem, codes: dem.tiles.fill_depressions(gradient=True),
    "flow_accumulation": lambda dem, codes: codes.tiles.flow_accumulation(),
    "weighted": lambda dem, codes: codes.tiles.flow_accumulation(weights=dem),
    "watershed": lambda dem, codes: codes.tiles.watershed(),
    "points": lambda dem, codes: codes.tiles.watershed([(5.0, -5.0)]),
    "strahler": lambda dem, codes: codes.tiles.stream_order(threshold=1),
    "accumulated": lambda dem, codes: codes.tiles.stream_order(threshold=1, accumulation=dem),
}


@pytest.mark.parametrize("name", OPERATIONS)
@given(data=st.data(), dem=elevations(lead=(2,)))
@settings(max_examples=30)
def test_chunks_change_nothing(name: str, data: st.DataObject, dem: xr.DataArray) -> None:
    codes = dem.tiles.flow_direction()
    lazy = data.draw(chunked(dem)), data.draw(chunked(codes))
    with assert_lazy():
        got = OPERATIONS[name](*lazy)
    assert isinstance(got.data, da.Array)
    again = OPERATIONS[name](*lazy)
    assert got.data.name == again.data.name
    expected = OPERATIONS[name](dem, codes)
    assert_same_cells(got.compute(), expected)
    assert cell_type_of(got) == cell_type_of(expected)


@pytest.mark.parametrize("size", [7, 16, 1000])
def test_a_terrain_in_blocks(size: int) -> None:
    dem = raster(terrain())
    blocks = {"y": size, "x": size}
    filled = dem.chunk(blocks).tiles.fill_depressions().compute()
    assert_same_cells(filled, dem.tiles.fill_depressions())
    codes = dem.tiles.fill_depressions(gradient=True).tiles.flow_direction()
    for name in ("flow_accumulation", "watershed"):
        got = getattr(codes.chunk(blocks).tiles, name)().compute()
        assert_same_cells(got, getattr(codes.tiles, name)())


def test_tasks() -> None:
    dem = raster(np.zeros((40, 40))).chunk({"y": 10, "x": 10})
    base = count_tasks(dem)
    assert count_tasks(dem.tiles.flow_direction()) - base == 16
    codes = raster(np.zeros((40, 40), "uint8")).chunk({"y": 10, "x": 10})
    assert count_tasks(codes.tiles.flow_accumulation()) - base <= 3 * 16 + 1
    assert count_tasks(codes.tiles.watershed()) - base <= 3 * 16 + 1
    assert count_tasks(codes.tiles.stream_order(threshold=1)) - base <= 16 + 1
    assert count_tasks(dem.tiles.fill_depressions()) - base <= 3 * 16 + 1
    assert count_tasks(dem.tiles.fill_depressions(gradient=True)) - base <= 16 + 1


def test_input_stays_as_it_is() -> None:
    dem = raster(terrain())
    before = dem.copy(deep=True)
    dem.tiles.fill_depressions(gradient=True)
    codes = dem.tiles.flow_direction()
    kept = codes.copy(deep=True)
    codes.tiles.watershed([(5.0, -5.0)])
    codes.tiles.flow_accumulation(weights=dem)
    xr.testing.assert_identical(dem, before)
    xr.testing.assert_identical(codes, kept)
