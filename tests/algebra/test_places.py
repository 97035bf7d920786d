from __future__ import annotations

import numpy as np
import pytest

from tests.cube.rasters import raster
from xcube_tiles.algebra.places import cells_at
from xcube_tiles.cube.georef import extent_of
from xcube_tiles.errors import AlgebraError


def test_by_hand() -> None:
    array = raster(1)
    left, top = extent_of(array).bounds.xmin, extent_of(array).bounds.ymax
    places = [(left, top), (left + 9.9, top - 9.9), (left + 10, top - 10), (left + 25, top - 5)]
    assert cells_at("wells", places, array) == ((0, 0), (0, 0), (1, 1), (0, 2))


def test_coordinates_of_the_cube_are_places() -> None:
    array = raster(1)
    centres = [(x, y) for y in array["y"] for x in array["x"]]
    assert cells_at("wells", centres, array) == tuple(np.ndindex(array.shape))


def test_the_right_and_lower_edge_are_outside() -> None:
    array = raster(1)
    bounds = extent_of(array).bounds
    for place in ((bounds.xmax, bounds.ymax - 1), (bounds.xmin, bounds.ymin)):
        with pytest.raises(AlgebraError, match=r"wells: .* lies outside the raster"):
            cells_at("wells", [place], array)
