from __future__ import annotations

import dask.array as da
import numpy as np
import pytest
import xarray as xr
from xarray.backends import BackendArray
from xarray.core import indexing

from tests.render.sources import grid, rgba
from tests.server.client import Client
from xcube_tiles.catalog.pyramids.pyramid import pyramid
from xcube_tiles.cube.georef import assign_geobox
from xcube_tiles.errors import DimensionError, GeoreferenceError
from xcube_tiles.render.cube import CubeSource
from xcube_tiles.render.preview import render_preview
from xcube_tiles.render.source import TileSource
from xcube_tiles.render.stretch import Stretch
from xcube_tiles.render.style import Style
from xcube_tiles.server.app import create_app

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


class Counting(BackendArray):
    """A file that counts the cells read of it."""

    def __init__(self, cells: np.ndarray[tuple[int, ...], np.dtype[np.float32]]) -> None:
        self.cells, self.shape, self.dtype = cells, cells.shape, cells.dtype
        self.read = 0

    def __getitem__(self, key: indexing.ExplicitIndexer) -> object:
        basic = indexing.IndexingSupport.BASIC
        return indexing.explicit_indexing_adapter(key, self.shape, basic, self._take)

    def _take(self, key: tuple[int | slice, ...]) -> object:
        found = np.array(self.cells[key])
        self.read += found.size
        return found


@pytest.mark.parametrize("south_up", [False, True])
@pytest.mark.parametrize("cached", [False, True])
def test_of_files_opened_without_dask_a_window_is_read(south_up: bool, cached: bool) -> None:
    made = cube()[["v"]]
    cells = made["v"].values[:, ::-1] if south_up else made["v"].values
    file = Counting(cells)
    data: object = indexing.LazilyIndexedArray(file)
    made = made.isel(y=slice(None, None, -1)) if south_up else made
    made["v"] = made["v"].dims, indexing.MemoryCachedArray(data) if cached else data
    source = CubeSource(made)
    assert file.read == 0
    found = source.read("v", level=0, rows=slice(1, 3), cols=slice(2, 4), time=1)
    np.testing.assert_array_equal(found, [[32, 33], [38, 39]])
    assert file.read == 4
    index = source.read("v", level=0, rows=slice(0, 4), cols=slice(0, 6), time=0)
    np.testing.assert_array_equal(index, np.arange(24).reshape(4, 6))
    assert file.read == 4 + 24


def test_the_server_reads_a_window_of_a_file_opened_without_dask() -> None:
    big = grid((2048, 2048), "EPSG:3857", left=0, top=0, cell=10)
    file = Counting(np.zeros((2048, 2048), np.float32))
    lazy = xr.Dataset({"v": (("y", "x"), indexing.LazilyIndexedArray(file))})
    client = Client(create_app(sources={"x": CubeSource(assign_geobox(lazy, big))}))
    tile = "/layers/x/tiles/WebMercatorQuad/15/16384/16384.png?stretch=0,1"
    assert client.get(tile).status_code == 200
    assert 0 < file.read < 200 * 200, "a tile of this zoom is 122 cells wide"


def test_a_pyramid_is_a_source_of_several_levels() -> None:
    big = grid((512, 512), "EPSG:32633", left=500_000, top=5_000_000, cell=10)
    base = assign_geobox(xr.Dataset({"v": (("y", "x"), np.ones((512, 512), np.float32))}), big)
    tree = pyramid(base, levels=2)
    source = CubeSource(tree)
    assert [box.shape for box in source.geoboxes] == [(512, 512), (256, 256)]
    style = Style(stretch=(Stretch(0, 1),), colormap="gray")
    assert (rgba(render_preview(source, style, size=64)) == 255).all()


def test_times_that_wrap_are_refused() -> None:
    far = cube().assign_coords(time=np.array(["0850-01-01", "2018-05-24"], dtype="datetime64[s]"))
    with pytest.raises(DimensionError, match=r"the time 0850-01-01.* 1678 to 2261.*isel\(time=0"):
        CubeSource(far)
    assert CubeSource(far.isel(time=[1])).times == np.datetime64("2018-05-24", "ns")


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
