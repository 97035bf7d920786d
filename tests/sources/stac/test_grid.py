"""Sizing of STAC cubes: hand-worked tables and properties."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st
from odc.geo.geobox import GeoBox

from xcube_tiles.errors import SizeLimitError, StacError
from xcube_tiles.grid.extent import Extent, as_crs
from xcube_tiles.sources.stac.grid import (
    SizeRequest,
    check_size,
    cropped,
    plan_geobox,
    shape_of,
    snapped,
)
from xcube_tiles.sources.stac.native import CellSize, NativeGrid

if TYPE_CHECKING:
    from collections.abc import Sequence

UTM = "EPSG:32633"

EXTENT = Extent(xmin=500000, ymin=5000000, xmax=520480, ymax=5010240, crs=UTM)
"""20480 m wide and 10240 m high."""


def native(size: float, origin: tuple[float, float] | None = None) -> NativeGrid:
    return NativeGrid(crs=as_crs(UTM), size=CellSize(size, size), origin=origin)


def planned(request: SizeRequest, grids: Sequence[NativeGrid] = ()) -> tuple[int, int]:
    """Return columns and rows."""
    shape = plan_geobox(EXTENT, request, grids).shape
    return shape.x, shape.y


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        (SizeRequest(), (1024, 512)),
        (SizeRequest(width=100), (100, 50)),
        (SizeRequest(height=100), (200, 100)),
        (SizeRequest(width=100, height=100), (100, 100)),
        (SizeRequest(width=1), (1, 1)),
        (SizeRequest(resolution=10), (2048, 1024)),
        (SizeRequest(resolution=20.48), (1000, 500)),
        (SizeRequest(resolution="native"), (1024, 512)),
        (SizeRequest(resolution=1e9), (1, 1)),
    ],
)
def test_size(request_: SizeRequest, expected: tuple[int, int]) -> None:
    extent = replace(EXTENT, xmin=0, ymin=0, xmax=20480, ymax=10240)
    box = plan_geobox(extent, request_, [native(20)])
    assert (box.shape.x, box.shape.y) == expected


def test_size_has_the_edges_of_the_extent() -> None:
    box = plan_geobox(EXTENT, SizeRequest(width=333), [])
    assert tuple(box.boundingbox) == pytest.approx(tuple(EXTENT.bounds), abs=1e-6)


def test_resolution_is_kept_and_edges_move_outwards() -> None:
    extent = Extent(xmin=3, ymin=3, xmax=27, ymax=17, crs=UTM)
    box = plan_geobox(extent, SizeRequest(resolution=10), [])
    assert tuple(box.boundingbox) == (0, 0, 30, 20)
    assert (box.resolution.x, box.resolution.y) == (10, -10)


def test_native_cells_are_those_of_the_items() -> None:
    extent = Extent(xmin=3, ymin=3, xmax=27, ymax=17, crs=UTM)
    grids = [native(60, (0, 0)), native(10, (1005, -998))]
    for resolution in ("native", 10.0):
        box = plan_geobox(extent, SizeRequest(resolution=resolution), grids)
        assert tuple(box.boundingbox) == (-5, 2, 35, 22)
    coarser = plan_geobox(extent, SizeRequest(resolution=20), grids)
    assert tuple(coarser.boundingbox) == (0, 0, 40, 20)


def test_native_in_another_crs_keeps_both_sizes() -> None:
    # At 60 degrees north a degree of longitude is half as long as one of latitude.
    extent = Extent(xmin=14.9, ymin=59.9, xmax=15.1, ymax=60.1, crs=4326)
    box = plan_geobox(extent, SizeRequest(resolution="native"), [native(100)])
    assert abs(box.resolution.y) == pytest.approx(100 / 111_412, rel=1e-3)
    assert box.resolution.x == pytest.approx(100 / 55_800, rel=1e-3)


def test_native_that_nobody_tells() -> None:
    with pytest.raises(StacError, match="no item tells its resolution"):
        plan_geobox(EXTENT, SizeRequest(resolution="native"), [])


@pytest.mark.parametrize("resolution", [10, 30.0, 1.01])
def test_metres_of_a_geographic_crs(resolution: float) -> None:
    extent = Extent(xmin=14, ymin=45, xmax=15, ymax=46, crs=4326)
    with pytest.raises(StacError, match="degrees, as EPSG:4326 is geographic"):
        plan_geobox(extent, SizeRequest(resolution=resolution), [])


@pytest.mark.parametrize("resolution", [1.0, 0.25])
def test_degrees_of_a_geographic_crs(resolution: float) -> None:
    extent = Extent(xmin=-180, ymin=-90, xmax=180, ymax=90, crs=4326)
    box = plan_geobox(extent, SizeRequest(resolution=resolution), [])
    assert box.shape.x == 360 / resolution


def test_no_area() -> None:
    line = Extent(xmin=0, ymin=0, xmax=0, ymax=5, crs=UTM)
    with pytest.raises(StacError, match="has no area"):
        plan_geobox(line, SizeRequest(), [])


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"width": 0}, "width must be a positive whole number of cells, got 0"),
        ({"height": 2.5}, "height must be a positive whole number of cells, got 2.5"),
        ({"resolution": -1}, "resolution must be a positive number"),
        ({"resolution": math.nan}, "resolution must be a positive number"),
        ({"resolution": "finest"}, "or 'native', got 'finest'"),
        ({"resolution": 10, "width": 5}, "not both"),
    ],
)
def test_wrong_request(fields: dict[str, float], text: str) -> None:
    with pytest.raises(StacError, match=text):
        SizeRequest(**fields)  # type: ignore[arg-type]  # the wrong types are the test


@given(aspect=st.floats(1e-4, 1e4), cells=st.integers(1, 5000))
def test_one_size_keeps_proportions(aspect: float, cells: int) -> None:
    for rows, cols in (shape_of(aspect, cells, None), shape_of(aspect, None, cells)):
        assert min(rows, cols) >= 1
        # The rounded side is off by half a cell at most, unless it would vanish.
        assert min(rows, cols) == 1 or abs(cols - rows * aspect) <= 0.5 * max(1, aspect)
    assert shape_of(aspect, cells, None)[1] == cells
    assert shape_of(aspect, None, cells)[0] == cells


@given(
    left=st.floats(-1e6, 1e6),
    top=st.floats(-1e6, 1e6),
    width=st.floats(0.1, 1e4),
    height=st.floats(0.1, 1e4),
    size=st.floats(0.5, 500),
    origin=st.tuples(st.floats(-1e3, 1e3), st.floats(-1e3, 1e3)),
)
def test_snapped_cells_cover_the_extent_and_lie_on_the_grid(
    left: float, top: float, width: float, height: float, size: float, origin: tuple[float, float]
) -> None:
    extent = Extent(xmin=left, ymin=top - height, xmax=left + width, ymax=top, crs=UTM)
    box = snapped(extent, CellSize(size, size), origin)
    edges = box.boundingbox
    slack = 1e-5 * size
    assert edges.left <= extent.xmin + slack
    assert edges.right >= extent.xmax - slack
    assert edges.bottom <= extent.ymin + slack
    assert edges.top >= extent.ymax - slack
    # Not a row or column more than needed.
    assert edges.left > extent.xmin - size - slack
    assert edges.right < extent.xmax + size + slack
    phase = (edges.left - origin[0]) / size
    assert phase == pytest.approx(round(phase), abs=1e-6)


class TestCropped:
    full = GeoBox((50, 100), Affine(1, 0, 0, 0, -1, 50), UTM)

    @pytest.mark.parametrize(
        ("area", "expected"),
        [
            ((0, 0, 100, 50), (0, 0, 100, 50)),
            ((-50, -50, 500, 500), (0, 0, 100, 50)),
            ((10, 10, 20, 30), (10, 10, 20, 30)),
            ((10.2, 10.7, 19.1, 29.5), (10, 10, 20, 30)),
            ((99.5, 49.5, 200, 200), (99, 49, 100, 50)),
        ],
    )
    def test_cells_stay(
        self, area: tuple[float, float, float, float], expected: tuple[float, ...]
    ) -> None:
        box = cropped(self.full, Extent.from_bounds(area, UTM))
        assert tuple(box.boundingbox) == pytest.approx(expected)
        assert box.resolution == self.full.resolution

    @given(share=st.floats(0.01, 1))
    def test_size_shrinks_in_proportion(self, share: float) -> None:
        area = Extent(xmin=0, ymin=0, xmax=100 * share, ymax=50, crs=UTM)
        assert abs(cropped(self.full, area).shape.x - 100 * share) < 1 + 1e-9


class TestLimit:
    full = GeoBox((300, 400), Affine(10, 0, 0, 0, -10, 3000), UTM)

    def test_at_the_limit(self) -> None:
        check_size(self.full, self.full, times=2, bands=3, max_pixels=300 * 400 * 6)

    def test_one_cell_over(self) -> None:
        with pytest.raises(SizeLimitError) as caught:
            check_size(self.full, self.full, times=2, bands=3, max_pixels=300 * 400 * 6 - 1)
        text = str(caught.value)
        assert "400 x 300 cells x 2 times x 3 bands = 720000 cells" in text
        for advice in ("width=398", "resolution=", "bbox", "datetime", "bands", "=720000"):
            assert advice in text

    def test_advice_that_would_not_help_is_not_given(self) -> None:
        with pytest.raises(SizeLimitError) as caught:
            check_size(self.full, self.full, times=1, bands=1, max_pixels=1)
        for advice in ("width=", "datetime", "fewer bands"):
            assert advice not in str(caught.value)

    @given(
        width=st.integers(1, 3000),
        height=st.integers(1, 3000),
        times=st.integers(1, 50),
        limit=st.integers(1, 10**6),
    )
    def test_advice_holds(self, width: int, height: int, times: int, limit: int) -> None:
        extent = Extent(xmin=0, ymin=0, xmax=width * 7.3, ymax=height * 7.3, crs=UTM)
        full = plan_geobox(extent, SizeRequest(width=width, height=height), [])
        try:
            check_size(full, full, times=times, bands=1, max_pixels=limit)
        except SizeLimitError as error:
            advice = str(error)
        else:
            return
        found = re.search(r"width=(\d+), resolution=([\d.e+]+)", advice)
        if found is None:
            return
        columns, size = found.groups()
        for request in (SizeRequest(width=int(columns)), SizeRequest(resolution=float(size))):
            smaller = plan_geobox(extent, request, [])
            check_size(smaller, smaller, times=times, bands=1, max_pixels=limit)
