"""What all filters share: cubes of any shape, attributes, names, other processes."""

from __future__ import annotations

import pickle
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import xarray as xr

import xcube_tiles as xt
from tests.algebra.focal.planes import placed, random_cells

if TYPE_CHECKING:
    from collections.abc import Callable

FILTERS: dict[str, Callable[[Any], Any]] = {
    "convolve": lambda tiles: tiles.convolve(xt.Kernel.gaussian(1), normalize=True),
    "convolve and fill": lambda tiles: tiles.convolve(xt.Kernel.circle(1), target="nodata"),
    "opening": lambda tiles: tiles.morphology("opening", xt.Circle(1.5)),
    "gradient": lambda tiles: tiles.morphology("gradient"),
    "fill_gaps": lambda tiles: tiles.fill_gaps(passes=2),
    "morans_i": lambda tiles: tiles.morans_i(xt.Square(1), local=True),
    "getis_ord": lambda tiles: tiles.getis_ord(xt.Circle(2)),
    "game_of_life": lambda tiles: tiles.game_of_life(generations=2),
}
TYPES = {"game_of_life": "uint8ud9"}


def cells_for(name: str, shape: tuple[int, ...]) -> xr.DataArray:
    cells = random_cells(shape, TYPES.get(name, "float32"))
    return cells.assign_attrs(long_name="Height", units="m")


@pytest.mark.parametrize("name", FILTERS)
def test_leading_dimensions(name: str) -> None:
    cells = cells_for(name, (2, 3, 6, 7))
    result = FILTERS[name](cells.tiles)
    assert result.dims == ("band", "time", "y", "x")
    lazy = FILTERS[name](cells.chunk(band=1, time=2, y=4, x=3).tiles)
    xr.testing.assert_identical(lazy.compute(), result)
    one = FILTERS[name](cells[1, 2].tiles)
    np.testing.assert_array_equal(result[1, 2], one)


@pytest.mark.parametrize("name", FILTERS)
def test_no_time_at_all(name: str) -> None:
    cells = cells_for(name, (2, 4, 5))[:0]
    assert FILTERS[name](cells.tiles).shape == (0, 4, 5)
    assert FILTERS[name](cells.chunk(y=2).tiles).compute().shape == (0, 4, 5)
    assert cells_for("morans_i", (2, 4, 5))[:0].tiles.morans_i(xt.Nesw(1)).shape == (0,)


@pytest.mark.parametrize("name", FILTERS)
def test_input_stays(name: str) -> None:
    cells = cells_for(name, (6, 7))
    before = cells.copy(deep=True)
    result = FILTERS[name](cells.tiles)
    xr.testing.assert_identical(cells, before)
    assert result.name == cells.name
    assert result.attrs["long_name"] == "Height"
    assert ("units" in result.attrs) == (name not in {"morans_i", "getis_ord"})


@pytest.mark.parametrize("name", FILTERS)
def test_graphs_travel(name: str) -> None:
    lazy = cells_for(name, (6, 7)).chunk(y=4, x=4)
    one, two = (FILTERS[name](lazy.tiles) for _ in range(2))
    assert one.data.name == two.data.name
    sent = pickle.loads(pickle.dumps(one))
    xr.testing.assert_identical(sent.compute(), one.compute())


def test_south_up_rasters_are_turned() -> None:
    cells = placed([[1.0, 2.0], [3.0, 5.0]])
    north = xt.Kernel.sobel("n")
    turned = cells[::-1].tiles.convolve(north, flip=False, edge="nearest")
    xr.testing.assert_identical(turned, cells.tiles.convolve(north, flip=False, edge="nearest"))
