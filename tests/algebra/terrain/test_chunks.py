"""Every product: chunks don't matter to the bit, whatever the cells, edges and holes."""

from __future__ import annotations

import pickle
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import xarray as xr
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st
from odc.geo.geobox import GeoBox

from tests.algebra.terrain.surfaces import EDGES, dem, rough
from xcube_tiles.algebra import terrain
from xcube_tiles.cube.cells import set_cell_type
from xcube_tiles.cube.georef import assign_geobox
from xcube_tiles.testing.asserts import assert_lazy, count_tasks
from xcube_tiles.testing.strategies import cell_types, cells, chunks

if TYPE_CHECKING:
    from collections.abc import Callable

DEGREES = Affine(0.001, 0, 10, 0, -0.001, 50)
PRODUCTS: list[tuple[Callable[..., xr.DataArray], dict[str, Any]]] = [
    (terrain.slope, {"z_factor": "latitude"}),
    (terrain.slope, {"z_factor": "latitude", "method": "zevenbergen-thorne", "units": "percent"}),
    (terrain.aspect, {"z_factor": "latitude"}),
    (terrain.aspect, {"z_factor": 1, "flat": float("nan"), "trigonometric": True}),
    (terrain.hillshade, {"z_factor": "latitude"}),
    (terrain.hillshade, {"z_factor": "latitude", "light": "multidirectional"}),
    (terrain.hillshade, {"z_factor": 1, "light": "combined", "scale": "unit"}),
    (terrain.hillshade, {"z_factor": 1, "light": "igor", "scale": "geotrellis"}),
    *((terrain.curvature, {"z_factor": 1, "kind": kind}) for kind in ("total", "plan", "profile")),
    (terrain.tpi, {}),
    (terrain.tri, {}),
    (terrain.tri, {"method": "wilson"}),
    (terrain.roughness, {}),
]


@st.composite
def elevations(draw: st.DrawFn) -> xr.DataArray:
    """Draw elevations (time, y, x) of any type of the common ones, in degrees."""
    cell_type = draw(cell_types(("int16", "float32")))
    height, width = draw(st.integers(1, 7)), draw(st.integers(1, 7))
    shape = (draw(st.integers(1, 2)), height, width)
    if cell_type.dtype.kind == "f":
        # Sums and squares of the largest floats are infinite, which is for no elevation to be.
        chance = np.random.default_rng(draw(st.integers(0, 1000)))
        values = chance.normal(300, 50, shape).astype(cell_type.dtype)
        if cell_type.nodata is not None:
            values[chance.random(shape) < draw(st.floats(0, 1))] = cell_type.nodata
    else:
        values = draw(cells(cell_type, shape))
    array = set_cell_type(xr.DataArray(values, dims=("time", "y", "x")), cell_type)
    return assign_geobox(array, GeoBox((height, width), DEGREES, "EPSG:4326"))


@settings(max_examples=200)
@given(row=st.sampled_from(PRODUCTS), edges=st.sampled_from(EDGES), data=st.data())
def test_no_seams(
    row: tuple[Callable[..., xr.DataArray], dict[str, Any]], edges: str, data: st.DataObject
) -> None:
    product, options = row
    whole = data.draw(elevations())
    pieces = dict(zip(whole.dims, data.draw(chunks(whole.shape)), strict=True))
    chunked = whole.chunk(pieces)
    with assert_lazy():
        lazy = product(chunked, edges=edges, **options)
    eager = product(whole, edges=edges, **options)
    assert lazy.chunks == chunked.chunks
    assert count_tasks(lazy) - count_tasks(chunked) == chunked.data.npartitions
    assert (lazy.dtype, lazy.attrs, lazy.name) == (eager.dtype, eager.attrs, product.__name__)
    xr.testing.assert_identical(lazy.compute(), eager)


@pytest.mark.parametrize("edges", EDGES)
@pytest.mark.parametrize(("product", "options"), PRODUCTS)
def test_small_and_empty(
    product: Callable[..., xr.DataArray], options: dict[str, Any], edges: str
) -> None:
    def run(values: list[list[float]], **more: object) -> xr.DataArray:
        array = assign_geobox(
            xr.DataArray(np.array(values, np.float32), dims=("y", "x"), attrs=more),
            GeoBox(np.shape(values), DEGREES, "EPSG:4326"),
        )
        return product(array, edges=edges, **options)

    def is_missing(array: xr.DataArray) -> bool:
        fill = array.attrs.get("_FillValue")
        return bool((np.isnan(array) if fill is None else array == fill).all())

    assert run([[7]]).shape == (1, 1)
    assert is_missing(run([[7]])) == (edges == "nodata" or options.get("flat") is not None)
    assert is_missing(run([[np.nan] * 3] * 3))
    assert is_missing(run([[-1] * 3] * 3, _FillValue=np.float32(-1)))


def test_large_arrays_use_all_cores_alike() -> None:
    """Numpy input is cut into bands, which are no more to be seen than chunks."""
    surface = dem(np.random.default_rng(0).random((700, 300)) * 100)
    lazy = terrain.slope(surface.chunk(y=97, x=300), edges="extrapolate")
    np.testing.assert_array_equal(terrain.slope(surface, edges="extrapolate"), lazy)


def test_graphs_pickle_and_repeat() -> None:
    lazy = dem(rough()).chunk(y=3, x=5)
    for product in (terrain.slope, terrain.tpi):
        again = pickle.loads(pickle.dumps(product(lazy)))
        xr.testing.assert_identical(again.compute(), product(lazy).compute())
        assert product(lazy).data.name == product(lazy).data.name
