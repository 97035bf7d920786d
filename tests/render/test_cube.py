from __future__ import annotations

import dask.array as da
import numpy as np
import pytest
import xarray as xr

from tests.render.sources import grid, rgba
from xcube_tiles.catalog.pyramids.pyramid import pyramid
from xcube_tiles.cube.georef import assign_geobox
from xcube_tiles.errors import DimensionError, GeoreferenceError
from xcube_tiles.render.cube import CubeSource
from xcube_tiles.render.preview import render_preview
from xcube_tiles.render.source import TileSource
from xcube_tiles.render.stretch import Stretch
from xcube_tiles.render.style import Style

BOX = grid((4, 6), "EPSG:32633", left=500_000, top=5_000_000, cell=10)
TIMES = np.array(["2018-05-06", "2018-05-24"], dtype="datetime64[ns]")


def cube() -> xr.Dataset:
    cells = np.arange(48, dtype=np.float32).reshape(2, 4, 6)
    made = xr.Dataset(
        {
            "v": (("time", "y", "x"), cells, {"units": "m"}),
            "dem": (("y", "x"), np.arange(24, dtype=np.int16).reshape(4, 6), {"_FillValue": 5}),
        },
        coords={"time": TIMES},
    )
    return assign_geobox(made, BOX)


def test_a_dataset_is_a_source() -> None:
    source = CubeSource(cube())
    assert isinstance(source, TileSource)
    assert source.variables == ("v", "dem")
    assert source.geoboxes == (BOX,)
    assert source.crs == BOX.crs
    assert source.times is not None
    np.testing.assert_array_equal(source.times, TIMES)
    assert source.cell_type("dem").nodata == 5
    assert source.variable_attrs("v")["units"] == "m"
    part = {"level": 0, "rows": slice(1, 3), "cols": slice(2, 4)}
    np.testing.assert_array_equal(source.read("v", time=1, **part), [[32, 33], [38, 39]])  # type: ignore[arg-type]
    np.testing.assert_array_equal(source.read("dem", time=1, **part), [[8, 9], [14, 15]])  # type: ignore[arg-type]


def test_south_up_cubes_are_drawn_north_up() -> None:
    flipped = cube().isel(y=slice(None, None, -1))
    part = {"level": 0, "rows": slice(0, 1), "cols": slice(0, 2)}
    found = CubeSource(flipped).read("dem", **part)  # type: ignore[arg-type]
    np.testing.assert_array_equal(found, [[0, 1]])


def test_arrays_and_their_bands_are_sources() -> None:
    assert CubeSource(cube()["dem"]).variables == ("dem",)
    assert CubeSource(cube()["dem"].rename(None)).variables == ("values",)
    stacked = cube()["v"].expand_dims(bands=["a", "b"], axis=1)
    assert CubeSource(stacked).variables == ("a", "b")


def test_lazy_cubes_compute_no_more_than_a_window() -> None:
    computed: list[object] = []

    def note(block: np.ndarray[tuple[int, ...], np.dtype[np.float32]]) -> object:
        computed.append(block.shape)
        return block

    lazy = cube()[["v"]].chunk({"time": 1, "y": 2, "x": 2})
    meta = np.empty((0, 0, 0), np.float32)
    noted = da.map_blocks(note, lazy["v"].data, dtype="float32", meta=meta)
    lazy["v"] = lazy["v"].copy(data=noted)
    source = CubeSource(lazy)
    assert computed == []
    source.read("v", level=0, rows=slice(0, 1), cols=slice(0, 1), time=0)
    assert computed == [(1, 2, 2)]


def test_a_pyramid_is_a_source_of_several_levels() -> None:
    big = grid((512, 512), "EPSG:32633", left=500_000, top=5_000_000, cell=10)
    base = assign_geobox(xr.Dataset({"v": (("y", "x"), np.ones((512, 512), np.float32))}), big)
    tree = pyramid(base, levels=2)
    source = CubeSource(tree)
    assert [box.shape for box in source.geoboxes] == [(512, 512), (256, 256)]
    style = Style(stretch=(Stretch(0, 1),), colormap="gray")
    assert (rgba(render_preview(source, style, size=64)) == 255).all()


def test_what_can_not_be_drawn_is_refused() -> None:
    further = cube()["v"].expand_dims(sensor=["S1", "S2"])
    with pytest.raises(DimensionError, match=r"cube.isel\(sensor=0\)"):
        CubeSource(further)
    with pytest.raises(DimensionError, match="no variable with dimensions y and x"):
        CubeSource(cube()[[]])
    with pytest.raises(DimensionError, match="children named '0', '1'"):
        CubeSource(xr.DataTree.from_dict({"a": cube()}))
    with pytest.raises(GeoreferenceError):
        CubeSource(xr.DataArray(np.zeros((2, 2)), dims=("y", "x")))
