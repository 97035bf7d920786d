from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyproj import Transformer

from tests.render.sources import ArraySource, grid, numbered
from xcube_tiles.errors import GridError, StyleError
from xcube_tiles.grid.celltype import CellType
from xcube_tiles.render.point import cell_at, values_at

GEOGRAPHIC = numbered((10, 20), "EPSG:4326", left=10.0, top=50.0, cell=0.5)
UTM = numbered((50, 40), "EPSG:32633", left=500_000, top=5_500_000, cell=100.0)


def test_cells_hold_their_upper_left_edges() -> None:
    assert cell_at(GEOGRAPHIC, 10.0, 50.0) == (0, 0)
    assert cell_at(GEOGRAPHIC, 10.49, 49.51) == (0, 0)
    assert cell_at(GEOGRAPHIC, 10.5, 49.5) == (1, 1)
    assert cell_at(GEOGRAPHIC, 20.0, 48.0) is None
    assert cell_at(GEOGRAPHIC, 370.25, 49.75) == (0, 0)


@given(st.integers(0, 49), st.integers(0, 39))
def test_the_centre_of_every_cell_is_in_it(row: int, col: int) -> None:
    back = Transformer.from_crs("EPSG:32633", "EPSG:4326", always_xy=True)
    lon, lat = back.transform(500_050 + 100 * col, 5_499_950 - 100 * row)
    assert values_at(UTM, lon, lat) == {"index": row * 40 + col}


def test_values_are_json_numbers() -> None:
    box = grid((1, 3), "EPSG:4326", left=0, top=1, cell=1)
    source = ArraySource(
        {
            "f": [np.array([[1.5, np.nan, np.inf]], dtype=np.float32)],
            "u": [np.array([[0, 7, 255]], dtype=np.uint8)],
            "b": [np.array([[True, False, True]])],
        },
        box,
        types={"u": CellType.parse("uint8ud7")},
    )
    assert values_at(source, 0.5, 0.5) == {"f": 1.5, "u": 0, "b": 1}
    assert values_at(source, 1.5, 0.5) == {"f": None, "u": None, "b": 0}
    assert values_at(source, 2.5, 0.5) == {"f": None, "u": 255, "b": 1}
    assert values_at(source, 3.5, 0.5, variables=("u",)) == {"u": None}
    assert type(values_at(source, 0.5, 0.5)["b"]) is int


def test_an_expression_comes_first_under_its_text() -> None:
    box = grid((1, 3), "EPSG:4326", left=0, top=1, cell=1)
    source = ArraySource(
        {
            "nir": [np.array([[60_000, 5, 0]], dtype=np.uint16)],
            "red": [np.array([[20_000, 9, 0]], dtype=np.uint16)],
        },
        box,
        types={"nir": CellType.parse("uint16ud5")},
    )
    ndvi = "(nir - red) / (nir + red)"
    assert values_at(source, 0.5, 0.5, expression=ndvi) == {ndvi: 0.5}
    both = values_at(source, 0.5, 0.5, expression=ndvi, variables=("red",))
    assert list(both.items()) == [(ndvi, 0.5), ("red", 20_000)]
    # NoData in a band, 0 / 0, and outside
    for lon in (1.5, 2.5, 7.5):
        assert values_at(source, lon, 0.5, expression=ndvi) == {ndvi: None}


def test_the_finest_level_is_asked() -> None:
    box = grid((4, 4), "EPSG:4326", left=0, top=4, cell=1)
    levels = [np.arange(16.0).reshape(4, 4), np.zeros((2, 2))]
    source = ArraySource({"v": levels}, box)
    assert values_at(source, 3.5, 0.5) == {"v": 15.0}
    assert [read.level for read in source.reads] == [0]


@pytest.mark.parametrize(("lon", "lat"), [(0, 91), (float("nan"), 0), (0, float("inf"))])
def test_what_is_no_position_is_refused(lon: float, lat: float) -> None:
    with pytest.raises(GridError, match="a longitude and a latitude in degrees"):
        cell_at(GEOGRAPHIC, lon, lat)


def test_unknown_variables_are_named() -> None:
    with pytest.raises(StyleError, match="unknown variable 'q'; the variables are index"):
        values_at(GEOGRAPHIC, 10, 50, variables=("q",))
