"""Layers of others in all their forms, written by hand from the conventions."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import dask.array as da
import numpy as np
import pytest
import rioxarray  # noqa: F401  (registers the accessor)
import xarray as xr
import zarr
from hypothesis import given
from hypothesis import strategies as st
from zarr.storage import MemoryStore

import xcube_tiles as xt
from xcube_tiles.catalog.foreign.arrays import CellView
from xcube_tiles.catalog.reading.selection import read_layer
from xcube_tiles.errors import CatalogError, GeoreferenceError
from xcube_tiles.render.references import referenced
from xcube_tiles.render.statistics import range_of

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

UUID = {
    "multiscales": "d35379db-88df-4056-af3a-620245f8e347",
    "proj": "f17cb550-5864-4468-aeb7-f3180cfb622f",
    "spatial": "689b58e2-cf7b-45e0-9fff-9cfc0883d6b4",
}
FINE = np.arange(35, dtype="int16").reshape(5, 7)
COARSE = np.array([[1, 2, 3], [4, 5, 6]], "int16")


def multiscale(
    entries: list[Any],
    root: dict[str, Any],
    *,
    level_attrs: tuple[dict[str, Any], ...] = ({}, {}),
    array_attrs: dict[str, Any] | None = None,
    coords: tuple[dict[str, Any], ...] = ({}, {}),
    dims: tuple[str, str] = ("y", "x"),
) -> MemoryStore:
    """Return a GeoZarr group with two levels, 5 x 7 and 2 x 3, at the assets of the entries."""
    store = MemoryStore()
    conventions = [{"uuid": uuid} for uuid in UUID.values()]
    multiscales = {"zarr_conventions": conventions, "multiscales": {"layout": entries}}
    group = zarr.create_group(store, attributes={**multiscales, **root})
    parts = zip(entries, (FINE, COARSE), level_attrs, coords, strict=True)
    for entry, cells, attrs, axes in parts:
        level = group.create_group(entry["asset"], attributes=attrs)
        made = level.create_array(
            "band", data=cells, dimension_names=dims, attributes=array_attrs or {}
        )
        assert made.shape == cells.shape
        for name, values in axes.items():
            level.create_array(name, data=np.asarray(values, float), dimension_names=[name])
    return store


def whole(layer: xt.Layer, level: int, name: str = "band") -> NDArray[Any]:
    rows, cols = (slice(0, size) for size in layer.shape_of(level))
    cells = layer.read(name, level=level, rows=rows, cols=cols)
    np.testing.assert_array_equal(read_layer(layer, zoom=level)[name], cells)
    return cells


FINEST = {"spatial:transform": [10, 0, 500, 0, -10, 900]}
SCALED = {"derived_from": "r10", "transform": {"scale": [2.0, 2.0], "translation": [0.0, 0.0]}}
CODE = {"proj:code": "EPSG:32633"}
TRIMMED = [(500, 850, 570, 900), (500, 860, 560, 900)]
"""Bounds of the levels: the coarser has no cells over the last row and column of the finer."""


@pytest.mark.parametrize(
    ("entries", "root", "more"),
    [
        ([FINEST, {"spatial:transform": [20, 0, 500, 0, -20, 900]}], CODE, {}),
        ([FINEST, SCALED], CODE, {}),
        # Counted from the centre of the first cell half a cell is no shift.
        ([FINEST, {**SCALED, "transform": {"scale": [2, 2], "translation": [0.5, 0.5]}}], CODE, {}),
        # A factor for the time, too.
        ([FINEST, {**SCALED, "transform": {"scale": [1.0, 2.0, 2.0]}}], CODE, {}),
        # Bounds of the finest level, and shapes that are halved and trimmed.
        ([{}, {}], {**CODE, "spatial:bbox": [500, 850, 570, 900]}, {}),
        ([{}, {}], {**CODE, **FINEST, "spatial:shape": [5, 7]}, {}),
        ([{}, {}], {**CODE, **FINEST}, {}),
        ([{}, SCALED], {}, {"array_attrs": {**CODE, "spatial:dimensions": ["y", "x"]}, "at": 0}),
        (
            [{}, {}],
            {},
            {
                "level_attrs": (
                    {**CODE, **FINEST},
                    {**CODE, "spatial:transform": [20, 0, 500, 0, -20, 900]},
                )
            },
        ),
        # Only coordinates.
        ([{}, {}], CODE, {"at": 0}),
        # The transform of a node grid has centres of cells.
        (
            [{"spatial:transform": [10, 0, 505, 0, -10, 895]}, SCALED],
            {**CODE, "spatial:registration": "node"},
            {},
        ),
        # Rows stored from the south: the transform ascends.
        ([FINEST, SCALED], {"proj:wkt2": "EPSG:32633"}, {}),
    ],
)
def test_the_places_of_levels(
    entries: list[dict[str, Any]], root: dict[str, Any], more: dict[str, Any]
) -> None:
    axes = (
        {"y": 895 - 10 * np.arange(5), "x": 505 + 10 * np.arange(7)},
        {"y": 890 - 20 * np.arange(2), "x": 510 + 20 * np.arange(3)},
    )
    coords = axes if "at" in more else ({}, {})
    named: list[Any] = [
        {"asset": name, **entry} for name, entry in zip(("r10", "r20"), entries, strict=True)
    ]
    options = {key: value for key, value in more.items() if key != "at"}
    layer = xt.open_layer(multiscale(named, root, coords=coords, **options))
    assert layer.crs.epsg == 32633
    assert [level.path for level in layer.levels] == ["r10", "r20"]
    assert [tuple(level.extent.bounds) for level in layer.levels] == TRIMMED
    np.testing.assert_array_equal(whole(layer, 0), FINE)
    np.testing.assert_array_equal(whole(layer, 1), COARSE)


def test_levels_that_reach_over_the_edge() -> None:
    store = multiscale([{"asset": "a", **FINEST}, {"asset": "b"}], CODE)
    group: Any = zarr.open_group(store, mode="a")
    del group["b"]["band"]
    group["b"].create_array("band", data=np.ones((3, 4), "int16"), dimension_names=("y", "x"))
    layer = xt.open_layer(store)
    assert layer.shape_of(1) == (3, 4)
    assert tuple(layer.levels[1].extent.bounds) == (500, 840, 580, 900)


def test_rows_from_the_south_in_a_multiscale() -> None:
    entries = [
        {"asset": "0", "spatial:transform": [10, 0, 500, 0, 10, 850]},
        {"asset": "1", "derived_from": "0", "transform": {"scale": [2.0, 2.0]}},
    ]
    layer = xt.open_layer(multiscale(entries, CODE))
    # Cells are counted from the first row that is stored, the southernmost.
    assert [tuple(level.extent.bounds) for level in layer.levels] == [
        (500, 850, 570, 900),
        (500, 850, 560, 890),
    ]
    np.testing.assert_array_equal(whole(layer, 0), FINE[::-1])
    np.testing.assert_array_equal(whole(layer, 1), COARSE[::-1])


def test_other_names_of_dimensions() -> None:
    root = {**CODE, "spatial:dimensions": ["row", "col"]}
    entries = [{"asset": "0", **FINEST}, {"asset": "1"}]
    layer = xt.open_layer(multiscale(entries, root, dims=("row", "col")))
    assert layer.dims("band") == ("row", "col")
    assert read_layer(layer).band.dims == ("y", "x")
    np.testing.assert_array_equal(whole(layer, 0), FINE)


@pytest.mark.parametrize(
    ("entries", "root", "more", "error", "text"),
    [
        ([{"asset": "0"}, {"asset": "1"}], CODE, {}, GeoreferenceError, "no coordinates"),
        ([{"asset": "0", **FINEST}, {"asset": "1"}], {}, {}, GeoreferenceError, "has no CRS"),
        (
            [{"asset": "0", "spatial:transform": [10, 1, 0, 0, -10, 0]}, {"asset": "1"}],
            CODE, {}, GeoreferenceError, "rotated or sheared",
        ),
        (
            [{"asset": "0", "spatial:transform": [10, 1]}, {"asset": "1"}],
            CODE, {}, CatalogError, "must be six numbers, got",
        ),
        (
            [{"asset": "0", **FINEST}, {"asset": "1", "transform": {"scale": [4, 4]}}],
            CODE, {}, CatalogError, r"a level of \(2, 3\) cells can't be one of \(5, 7\)",
        ),
        (
            [{"asset": "0", **FINEST}, {"asset": "1"}],
            {**CODE, "spatial:registration": "corner"}, {},
            CatalogError, "must be 'pixel' or 'node', got 'corner'",
        ),
        (
            [{"asset": "0", **FINEST}, {"asset": "1"}], CODE,
            {"coords": ({"y": 850 + 10 * np.arange(5)}, {})},
            CatalogError, "the coordinates 'y' .* run from 850 to 890.* centred at 895 to 855",
        ),
    ],
)  # fmt: skip
def test_what_cant_be_placed(
    entries: list[dict[str, Any]],
    root: dict[str, Any],
    more: dict[str, Any],
    error: type[Exception],
    text: str,
) -> None:
    with pytest.raises(error, match=text):
        xt.open_layer(multiscale(entries, root, **more))


@pytest.mark.parametrize(
    ("multiscales", "text"),
    [
        ({"tile_matrix_set": {}}, r"neither a 'layout' nor a list of 'datasets'.*tile_matrix_set"),
        ({"layout": [{"path": "0"}]}, "entry 0 of 'multiscales' names no level"),
        ({"layout": [{"asset": "7"}]}, "names the level '7', which isn't at"),
        ({"layout": [{"asset": "band"}]}, "level 'band' of .* is an array; expected a group"),
    ],
)
def test_multiscales_that_name_no_levels(multiscales: dict[str, Any], text: str) -> None:
    store = MemoryStore()
    group = zarr.create_group(store, attributes={"multiscales": multiscales})
    group.create_array("band", data=FINE, dimension_names=("y", "x"))
    with pytest.raises(CatalogError, match=text):
        xt.open_layer(store)


def cf_cube(*, ascending: bool = False, dims: tuple[str, ...] = ("time", "lat", "lon")) -> Any:
    """Return packed temperatures as CF has them."""
    cells = np.arange(2 * 4 * 5, dtype="int16").reshape(2, 4, 5)
    cells[0, 1, 2] = -999
    cube = xr.Dataset(
        {"heat": (("time", "lat", "lon"), cells, {"units": "K", "_FillValue": np.int16(-999)})},
        coords={
            "time": np.array(["2001-01-01", "2001-01-02"], "datetime64[ns]"),
            "lat": 47.5 - np.arange(4),
            "lon": 10.5 + np.arange(5),
        },
    ).transpose(*dims)
    return cube.isel(lat=slice(None, None, -1)) if ascending else cube


@pytest.mark.parametrize(("zarr_format", "consolidated"), [(2, False), (2, True), (3, False)])
@pytest.mark.parametrize("ascending", [False, True])
def test_plain_cf(tmp_path: Path, *, zarr_format: Any, ascending: bool, consolidated: bool) -> None:
    cube = cf_cube(ascending=ascending)
    cube.heat.attrs |= {"scale_factor": 0.1, "add_offset": 273.0}
    path = tmp_path / "plain.zarr"
    cube.to_zarr(path, zarr_format=zarr_format, consolidated=consolidated)
    layer = xt.open_layer(path)
    assert repr(layer) == "<Layer 'plain.zarr': heat; EPSG:4326; 1 level, 4 x 5 to 4 x 5>"
    assert tuple(layer.extent.bounds) == (10, 44, 15, 48)
    assert layer.cell_type("heat").name == "int16ud-999"
    assert layer.variable_attrs("heat") == {"units": "K", "scale_factor": 0.1, "add_offset": 273.0}
    np.testing.assert_array_equal(whole(layer, 0, "heat"), cf_cube().heat)
    # What is left to do is what xarray does on opening.
    by_xarray = xr.open_zarr(path, consolidated=consolidated).sortby("lat", ascending=False)
    scaled = xr.decode_cf(read_layer(layer))
    np.testing.assert_array_equal(scaled.heat, by_xarray.heat)
    np.testing.assert_array_equal(scaled.time, by_xarray.time)
    part = read_layer(layer, extent=(11, 45, 13, 46), time="2001-01-02")
    np.testing.assert_array_equal(part.heat, cf_cube().heat[1, 2:3, 1:3])


def test_flipped_cells_arent_copied(tmp_path: Path) -> None:
    cf_cube(ascending=True).to_zarr(tmp_path / "c.zarr", consolidated=False)
    layer = xt.open_layer(tmp_path / "c.zarr")
    cells = layer.read("heat", level=0, rows=slice(0, 4), cols=slice(0, 5), time=0)
    assert cells.strides[0] < 0


def test_axes_in_another_order(tmp_path: Path) -> None:
    cf_cube(dims=("lon", "lat", "time")).to_zarr(tmp_path / "c.zarr", consolidated=False)
    layer = xt.open_layer(tmp_path / "c.zarr")
    assert layer.dims("heat") == ("time", "lat", "lon")
    np.testing.assert_array_equal(whole(layer, 0, "heat"), cf_cube().heat)
    window = layer.read("heat", level=0, rows=slice(1, 3), cols=slice(2, 5), time=1)
    np.testing.assert_array_equal(window, cf_cube().heat[1, 1:3, 2:5])


@pytest.mark.parametrize(
    ("zarr_format", "dtype", "fill", "attrs", "name"),
    [
        (2, "uint8", 0, {}, "uint8"),  # as xarray has it
        (2, "uint8", None, {}, "uint8raw"),
        (2, ">i2", -5, {}, "int16ud-5"),
        (2, "<f4", "NaN", {}, "float32"),
        (2, "<f8", -9999.0, {}, "float64ud-9999.0"),
        (2, "<f4", None, {"missing_value": [-1.0]}, "float32ud-1.0"),
        (2, "<f4", None, {"_FillValue": "NaN"}, "float32"),
        (3, "uint8", 0, {}, "uint8raw"),  # Zarr v3 demands a number
        (3, "uint8", 255, {}, "uint8ud255"),
        (3, "uint8", 0, {"_FillValue": 0}, "uint8"),
        (3, "uint8", 0, {"_FillValue": -9999}, "uint8raw"),  # no cell holds it
        (3, "int16", 0, {"_FillValue": -1.0}, "int16ud-1"),
        (3, "float32", 0, {}, "float32"),
        (3, "bool", False, {}, "bool"),
    ],
)
def test_nodata(zarr_format: Any, dtype: str, fill: Any, attrs: dict[str, Any], name: str) -> None:
    store = MemoryStore()
    group = zarr.create_group(store, zarr_format=zarr_format, attributes={**CODE, **FINEST})
    names: dict[str, Any] = {"dimension_names": ("y", "x")} if zarr_format == 3 else {}
    old = {"_ARRAY_DIMENSIONS": ["y", "x"]} if zarr_format == 2 else {}
    array = group.create_array(
        "band", shape=(2, 3), dtype=dtype, fill_value=fill, attributes={**old, **attrs}, **names
    )
    array[:] = np.array([[1, 0, 1], [0, 1, 0]])
    layer = xt.open_layer(store)
    assert layer.cell_type("band").name == name
    cells = whole(layer, 0)
    assert cells.dtype.isnative
    np.testing.assert_array_equal(cells, [[1, 0, 1], [0, 1, 0]])
    assert not {"_FillValue", "missing_value", "_ARRAY_DIMENSIONS"} & set(
        layer.variable_attrs("band")
    )


def test_variables_that_cant_be_read(tmp_path: Path) -> None:
    cube = cf_cube().isel(time=0, drop=True)
    cube["profile"] = cube.heat.expand_dims(depth=2, time=3)
    cube["packed"] = cube.heat.astype("int8").assign_attrs(_Unsigned="true")
    cube["name"] = ("lat", np.arange(4))
    cube.to_zarr(tmp_path / "c.zarr", consolidated=False, zarr_format=2)
    layer = xt.open_layer(tmp_path / "c.zarr")
    assert layer.variables == ("heat",)
    with pytest.raises(CatalogError, match=r"'profile' .* depth, time beside lat and lon"):
        layer.array("profile", 0)
    with pytest.raises(CatalogError, match=r"'packed' .* something else by the attribute '_Unsig"):
        layer.cell_type("packed")
    with pytest.raises(CatalogError, match="has no variable 'name'; it has heat"):
        layer.dims("name")
    with pytest.raises(CatalogError, match="has the levels 0 to 0, got 1"):
        layer.shape_of(1)
    cube[["profile"]].to_zarr(tmp_path / "d.zarr", consolidated=False)
    with pytest.raises(CatalogError, match=r"no variable of 'd\.zarr' can be read: 'profile'"):
        xt.open_layer(tmp_path / "d.zarr")


def test_levels_that_differ() -> None:
    store = multiscale([{"asset": "0", **FINEST}, {"asset": "1"}], CODE)
    group: Any = zarr.open_group(store, mode="a")
    for level, dtype in (("0", "uint8"), ("1", "float32")):
        shape = group[level]["band"].shape
        group[level].create_array("mixed", data=np.ones(shape, dtype), dimension_names=("y", "x"))
    group["0"].create_array("fine", data=FINE, dimension_names=("y", "x"))
    layer = xt.open_layer(store)
    assert layer.variables == ("band",)
    with pytest.raises(CatalogError, match=r"'mixed'.*differ in cell type.*uint8raw.*float32"):
        layer.array("mixed", 0)
    with pytest.raises(CatalogError, match=r"'fine' .* lacks it"):
        layer.array("fine", 0)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (lambda cube: cube.assign_coords(lat=[47.0, 46.0, 44.0, 43.0]), "'lat' isn't regular"),
        (lambda cube: cube.rename(lat="y", lon="x"), "has no CRS"),
        (lambda cube: cube.isel(lat=[0]), "one cell along"),
    ],
)
def test_grids_that_cant_be_used(tmp_path: Path, change: Any, text: str) -> None:
    change(cf_cube()).to_zarr(tmp_path / "c.zarr", consolidated=False)
    with pytest.raises(GeoreferenceError, match=text):
        xt.open_layer(tmp_path / "c.zarr")


@pytest.mark.parametrize("zarr_format", [2, 3])
@pytest.mark.parametrize("reference", ["crs", "crs: northing easting", None])
def test_a_grid_mapping(tmp_path: Path, zarr_format: Any, reference: str | None) -> None:
    cube = cf_cube().rename(lat="northing", lon="easting").rio.write_crs("EPSG:32633", "crs")
    cube.heat.encoding = {}
    cube.heat.attrs |= {"grid_mapping": reference} if reference else {}
    cube.to_zarr(tmp_path / "c.zarr", consolidated=False, zarr_format=zarr_format)
    layer = xt.open_layer(tmp_path / "c.zarr")
    assert layer.crs.epsg == 32633
    assert "crs" not in read_layer(layer).coords
    np.testing.assert_array_equal(whole(layer, 0, "heat"), cf_cube().heat)


def test_cells_are_read_when_they_are_computed(tmp_path: Path) -> None:
    cf_cube().to_zarr(tmp_path / "c.zarr", consolidated=False)
    cube = read_layer(xt.open_layer(tmp_path / "c.zarr"))
    assert isinstance(cube.heat.data, da.Array)
    shutil.rmtree(tmp_path / "c.zarr")
    with pytest.raises(CatalogError, match=r"layer 'c\.zarr' was deleted while it was read"):
        cube.compute()


def test_levels_without_a_description(tmp_path: Path) -> None:
    for number, factor in ((0, 1), (1, 2)):
        cube = cf_cube().isel(lat=slice(None, None, factor), lon=slice(None, None, factor))
        cube.to_zarr(tmp_path / "c.levels" / f"{number}.zarr", consolidated=False, zarr_format=2)
    layer = xt.open_layer(tmp_path / "c.levels")
    assert [level.shape for level in layer.levels] == [(4, 5), (2, 3)]
    assert layer.levels[1].resolution == (2, 2)
    (tmp_path / "c.levels" / ".zlevels").write_text(json.dumps({"num_levels": 3}))
    with pytest.raises(CatalogError, match=r"no Zarr group at .*c\.levels/2\.zarr"):
        xt.open_layer(tmp_path / "c.levels")
    (tmp_path / "c.levels" / ".zlevels").write_text("[]")
    with pytest.raises(CatalogError, match=r"\.zlevels of .* isn't a JSON object: b?'\[\]'"):
        xt.open_layer(tmp_path / "c.levels")


def test_a_layer_of_ours_by_its_own_address(tmp_path: Path) -> None:
    cube = cf_cube()
    written = cube.tiles.to_catalog(tmp_path / "catalog", "heat")
    layer = xt.open_layer(tmp_path / "catalog" / "heat")
    assert type(layer) is xt.Layer
    assert (layer.name, layer.metadata) == ("heat", written.metadata)
    np.testing.assert_array_equal(read_layer(layer).heat, cube.heat)


@given(st.data())
def test_views_are_transposed_and_flipped_arrays(data: st.DataObject) -> None:
    cells: Any = np.arange(2 * 3 * 4).reshape(2, 3, 4)
    stored = data.draw(st.permutations(range(3)), label="stored")
    flips = data.draw(st.tuples(st.booleans(), st.booleans()), label="flips")
    steps = (slice(None), *(slice(None, None, -1 if flip else None) for flip in flips))
    array: Any = zarr.create_array(
        MemoryStore(), data=cells[steps].transpose(stored).copy(), chunks=(2, 2, 2)
    )
    order = tuple(stored.index(axis) for axis in range(3))
    view = CellView(array, order, flip_rows=flips[0], flip_cols=flips[1])
    assert (view.shape, view.ndim) == (cells.shape, 3)
    bounds = [sorted(data.draw(st.tuples(*[st.integers(0, n)] * 2))) for n in cells.shape]
    window = tuple(slice(*pair) for pair in bounds)
    np.testing.assert_array_equal(view[window], cells[window])
    one = data.draw(st.integers(0, 1))
    np.testing.assert_array_equal(view[(one, *window[1:])], cells[(one, *window[1:])])
    picked = np.array(data.draw(st.lists(st.integers(0, 1), min_size=1, max_size=3)))
    np.testing.assert_array_equal(
        view.oindex[(picked, *window[1:])], cells[picked][(slice(None), *window[1:])]
    )


def test_a_dimension_that_is_no_time_is_drawn_by_its_labels(tmp_path: Path) -> None:
    depths = [0.0, 10.0, 25.0]
    cube = cf_cube().isel(time=0, drop=True)
    deep = xr.concat([cube + at for at in range(3)], xr.Variable("depth", depths))
    deep.to_zarr(tmp_path / "deep.zarr", zarr_format=2)
    dated = deep.assign_coords(depth=xr.date_range("2000-02-29", periods=3, calendar="360_day"))
    dated.rename(depth="time").to_zarr(tmp_path / "dated.zarr", zarr_format=2)
    catalog = xt.open_catalog(tmp_path)
    layer = catalog["deep.zarr"]
    found = layer.labels("heat")
    assert found is not None
    assert found.tolist() == depths
    values = deep.heat.values[deep.heat.values != -999]
    assert range_of(layer, "heat") == (values.min(), values.max())
    one = referenced(layer, ["heat@10"])
    rows, cols = slice(0, 4), slice(0, 5)
    np.testing.assert_array_equal(
        one.read("heat@10", level=0, rows=rows, cols=cols), deep.heat.values[1]
    )
    days = catalog["dated.zarr"].labels("heat")
    assert days is not None
    assert [str(day)[:10] for day in days.tolist()] == ["2000-02-29", "2000-02-30", "2000-03-01"]
