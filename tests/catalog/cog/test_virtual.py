"""Files as a layer in place: cells, overviews, mosaics, and files that aren't what they were."""

from __future__ import annotations

import json
import os
import pickle
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import rasterio
from affine import Affine
from rasterio.enums import Resampling

import xcube_tiles as xt
from tests.catalog.cubes import cube_of, random_cube
from xcube_tiles.catalog.cog.linking import CogFile, link_cogs
from xcube_tiles.errors import CatalogError, LayerExistsError, LayerNotFoundError
from xcube_tiles.render.preview import render_preview
from xcube_tiles.render.stretch import Stretch

if TYPE_CHECKING:
    import xarray as xr

STYLE = xt.Style(stretch=(Stretch(0, 3000),))
SHAPES = [(600, 1030), (300, 515), (150, 257), (75, 129)]
ALL: dict[str, Any] = {"rows": slice(None), "cols": slice(None)}


def write(
    path: Path,
    cells: Any,
    *,
    left: float = 500_000,
    top: float = 5_200_000,
    nodata: float | None = -9999,
    size: float = 10,
    **more: Any,
) -> Path:
    """Write a plain, striped GeoTIFF."""
    cells = np.asarray(cells)
    height, width = cells.shape
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        count=1,
        height=height,
        width=width,
        dtype=cells.dtype,
        crs=more.get("crs", "EPSG:32633"),
        nodata=nodata,
        transform=Affine(size, 0, left, 0, -size, top),
    ) as file:
        file.write(cells, 1)
    return path


@pytest.fixture
def cube() -> xr.Dataset:
    return random_cube((3, 700, 500))


@pytest.fixture
def catalog(tmp_path: Path, cube: xr.Dataset) -> xt.Catalog:
    """Return a catalog with a layer of three files, one a time, and a copy of it in Zarr."""
    cube.tiles.to_catalog(tmp_path / "c.zarr", "copied")
    catalog = xt.open_catalog(tmp_path / "c.zarr")
    files = cube.tiles.to_cog(tmp_path / "c.zarr" / ".files" / "x_{time}.tif", block_size=256)
    found = xt.scan(f"{files[0].parent}/x_{{date}}.tif")
    catalog.link(found, "linked", attrs={"title": "In place"})
    return catalog


def test_it_is_read_like_any_layer(catalog: xt.Catalog, cube: xr.Dataset) -> None:
    assert catalog.layers == ("copied", "linked")
    layer = catalog["linked"]
    assert isinstance(layer, xt.Layer)
    assert layer.attrs == {"title": "In place"}
    assert layer.cell_type(layer.variables[0]).name == "int16ud-9999"
    found = catalog.read("linked")[layer.variables[0]]
    np.testing.assert_array_equal(found.values, cube.band.values)
    np.testing.assert_array_equal(found.time.values, cube.time.values)
    west, _, _, north = cube.tiles.extent.bounds
    window = catalog.read(
        "linked", extent=(west + 55, north - 1000, west + 905, north - 123), time="2018-05-02"
    )[layer.variables[0]]
    np.testing.assert_array_equal(window.values, cube.band.values[1, 12:100, 5:91])


def test_levels_are_the_overviews(catalog: xt.Catalog) -> None:
    copied, linked = catalog["copied"], catalog["linked"]
    assert [level.shape for level in linked.levels] == [(700, 500), (350, 250), (175, 125)]
    for level in range(2):
        a = copied.read("band", level=level, time=2, **ALL)
        b = linked.read(linked.variables[0], level=level, time=2, **ALL)
        np.testing.assert_array_equal(a[: b.shape[0], : b.shape[1]], b)


def test_pictures_are_equal(catalog: xt.Catalog) -> None:
    pictures = [
        render_preview(catalog[name], STYLE, time="2018-05-02", size=300)
        for name in ("copied", "linked")
    ]
    assert pictures[0] == pictures[1]


def test_only_metadata_is_stored(catalog: xt.Catalog) -> None:
    folder = Path(catalog.url) / "linked"
    assert [path.name for path in folder.rglob("*")] == ["zarr.json"]
    attributes = json.loads((folder / "zarr.json").read_text())["attributes"]
    assert "multiscales" not in attributes
    paths = [row["path"] for row in attributes["xcube_tiles"]["table"]["files"]]
    assert paths[0] == ".files/x_20180501.tif"


def test_a_catalog_may_move_with_its_files(catalog: xt.Catalog, cube: xr.Dataset) -> None:
    moved = Path(catalog.url).parent / "moved.zarr"
    Path(catalog.url).rename(moved)
    found = xt.open_catalog(moved).read("linked")
    np.testing.assert_array_equal(next(iter(found.values())).values, cube.band.values)


def test_blocks_travel(catalog: xt.Catalog, cube: xr.Dataset) -> None:
    lazy = catalog.read("linked", zoom=0, time="2018-05-03")
    again = pickle.loads(pickle.dumps(lazy))
    np.testing.assert_array_equal(next(iter(again.values())).values, cube.band.values[2])


@pytest.mark.parametrize("what", ["vanished", "touched", "other"])
def test_a_file_that_is_not_what_it_was(catalog: xt.Catalog, what: str) -> None:
    path = Path(catalog.url) / ".files" / "x_20180502.tif"
    layer = catalog["linked"]
    layer.read(layer.variables[0], level=0, time=1, **ALL)
    if what == "vanished":
        path.unlink()
    elif what == "touched":
        os.utime(path, (1, 1))
    else:
        random_cube((700, 500)).tiles.to_cog(path, overwrite=True)
    text = "can't be read: No such file" if what == "vanished" else "has changed since it became"
    with pytest.raises(CatalogError, match=text):
        layer.read(layer.variables[0], level=0, time=1, **ALL)
    with pytest.raises(CatalogError, match=text):
        catalog.read("linked").compute()


def test_files_side_by_side(tmp_path: Path) -> None:
    whole = random_cube((64, 96)).band.values
    files = [
        write(
            tmp_path / f"{row}_{col}.tif",
            whole[row : row + 32, col : col + 32],
            left=500_000 + col * 10,
            top=5_200_000 - row * 10,
        )
        for row in (0, 32)
        for col in (0, 32, 64)
        if (row, col) != (32, 64)
    ]
    layer = link_cogs(tmp_path / "c.zarr", "m", files)
    expected = whole.copy()
    expected[32:, 64:] = -9999
    np.testing.assert_array_equal(layer.read("band_1", level=0, **ALL), expected)
    window = layer.read("band_1", level=0, rows=slice(20, 50), cols=slice(30, 70))
    np.testing.assert_array_equal(window, expected[20:50, 30:70])


def test_of_files_that_overlap_the_first_with_a_value_counts(tmp_path: Path) -> None:
    first = write(tmp_path / "a.tif", np.array([[1, -9999, 3]], "int16"))
    second = write(tmp_path / "b.tif", np.array([[7, 8, 9]], "int16"), left=500_010)
    layer = link_cogs(tmp_path / "c.zarr", "m", [first, second])
    assert layer.read("band_1", level=0, **ALL).tolist() == [[1, 7, 3, 9]]


def test_beyond_overviews_single_cells_are_taken(tmp_path: Path) -> None:
    cells = np.arange(600 * 1030, dtype="int32").reshape(600, 1030)
    parts = [
        write(tmp_path / "a.tif", cells[:, :517]),
        write(tmp_path / "b.tif", cells[:, 517:], left=500_000 + 5170),
    ]
    layer = link_cogs(tmp_path / "c.zarr", "m", parts)
    assert [level.shape for level in layer.levels] == SHAPES
    for level in (1, 2, 3):
        step = 2**level
        found = layer.read("band_1", level=level, **ALL)
        np.testing.assert_array_equal(found, cells[step // 2 :: step, step // 2 :: step])


def test_overviews_beside_a_file_are_read(tmp_path: Path) -> None:
    path = write(tmp_path / "a.tif", random_cube((512, 512)).band.values)
    with rasterio.Env(TIFF_USE_OVR=True), rasterio.open(path, "r+") as file:
        file.build_overviews([2, 4], Resampling.nearest)
    assert (tmp_path / "a.tif.ovr").exists()
    layer = link_cogs(tmp_path / "c.zarr", "m", [path])
    assert [row.overview for row in layer.table.levels] == [None, 0, 1]
    # Other cells in the overview than above show that it is read, and not decimated.
    with rasterio.open(tmp_path / "a.tif.ovr", "r+") as file:
        file.write(np.full((1, 256, 256), 7, "int16"))
    source = xt.scan(f"{tmp_path}/a.{{kind}}").where(kind="tif")
    assert (layer.read("band_1", level=1, **ALL) == 7).all()
    assert len(source.headers()[str(path)].overviews) == 2


def test_bands_and_times(tmp_path: Path) -> None:
    one = write(tmp_path / "a.tif", np.array([[1, 2]], "int16"))
    two = write(tmp_path / "b.tif", np.array([[3, 4]], "int16"))
    mask = write(tmp_path / "m.tif", np.array([[0, 1]], "uint8"), nodata=None)
    files = [
        CogFile(path=two, time="2020-02-01", bands={"v": 1}),
        CogFile(path=one, time="2020-01-01", bands={"v": 1}),
        CogFile(path=mask, bands={"mask": 1}),
    ]
    link_cogs(tmp_path / "c.zarr", "m", files)
    found = xt.open_catalog(tmp_path / "c.zarr").read("m")
    assert found.v.values.tolist() == [[[1, 2]], [[3, 4]]]
    assert found.mask.values.tolist() == [[[0, 1]], [[0, 1]]]
    assert str(found.time.values[0]).startswith("2020-01-01")


def test_what_does_not_fit_is_refused(tmp_path: Path) -> None:
    cells = np.array([[1, 2], [3, 4]], "int16")
    base = write(tmp_path / "a.tif", cells)
    other = tmp_path / "b.tif"

    def refused(text: str, *files: Any) -> None:
        with pytest.raises(CatalogError, match=text):
            link_cogs(tmp_path / "c.zarr", "m", files or [base, other])

    write(other, cells, left=500_025)
    refused("shifted by parts of a cell")
    write(other, cells, left=500_020, size=20)
    refused(r"cells of 20 x 20, .* of 10 x 10; a layer has one cell size")
    write(other, cells, crs="EPSG:32632")
    refused("a layer has one CRS")
    write(other, cells.astype("int32"), left=500_020)
    refused("cells of int32ud-9999.*and of int16ud-9999")
    write(other, cells, left=500_020, nodata=0)
    refused("cells of int16ud0 .*and of int16ud-9999")
    write(other, cells)
    refused("hold the same cells of 'band_1'; say what tells them apart")
    refused(
        "no file holds variable 'b' at 2020-02",
        CogFile(path=base, time="2020-01-01", bands={"a": 1, "b": 1}),
        CogFile(path=other, time="2020-02-01", bands={"a": 1}),
    )
    gap = [
        write(tmp_path / "x.tif", cells, nodata=None),
        write(tmp_path / "y.tif", cells, nodata=None, left=500_040),
    ]
    refused("leave gaps, and their cells.*have no NoData value", *gap)
    refused("has the bands 1 to 1, got 2", CogFile(path=base, bands={"a": 2}))
    refused("a time can't be understood", CogFile(path=base, time="yesterday?"))
    refused("can't be read: No such file", tmp_path / "absent.tif")
    assert not (tmp_path / "c.zarr").exists()


def test_replacing_and_deleting_leaves_the_files(tmp_path: Path) -> None:
    path = write(tmp_path / "a.tif", np.array([[1, 2]], "int16"))
    cube_of([[5, 6]]).tiles.to_catalog(tmp_path / "c.zarr", "m")
    catalog = xt.open_catalog(tmp_path / "c.zarr")
    with pytest.raises(LayerExistsError, match="pass overwrite=True"):
        catalog.link([path], "m")
    catalog.link([path], "m", overwrite=True)
    assert catalog.read("m").band_1.values.tolist() == [[1, 2]]
    catalog.delete("m")
    assert path.exists()
    with pytest.raises(LayerNotFoundError):
        catalog["m"]


def test_a_linked_layer_is_copied_and_renamed(tmp_path: Path) -> None:
    cube_of([[1, 2]]).tiles.to_catalog(tmp_path / "c.zarr", "zarr")
    catalog = xt.open_catalog(tmp_path / "c.zarr")
    catalog.link([write(tmp_path / "a.tif", np.ones((20, 30), "int16"))], "link")
    assert catalog.copy("link", "copy").crs == catalog["link"].crs
    assert catalog.rename("copy", "moved").variables == catalog["link"].variables
    assert catalog.layers == ("link", "moved", "zarr")
    assert catalog.vacuum().objects == 0
    assert catalog.verify().ok
    file = write(tmp_path / "a.tif", np.ones((21, 30), "int16"))
    os.utime(file, ns=(1, 1))
    kinds = [(found.layer, found.kind) for found in catalog.verify().problems]
    assert kinds == [("link", "damaged"), ("moved", "damaged")]
    file.unlink()
    kinds = [(found.layer, found.kind) for found in catalog.verify().problems]
    assert kinds == [("link", "missing"), ("moved", "missing")]
    with pytest.raises(CatalogError, match=r"link them in the other one, catalog.link"):
        catalog.copy("link", "copy", to=tmp_path / "other.zarr")


def test_a_link_takes_the_place_of_cells(tmp_path: Path) -> None:
    random_cube((300, 300)).tiles.to_catalog(tmp_path / "c.zarr", "layer")
    catalog = xt.open_catalog(tmp_path / "c.zarr")
    file = write(tmp_path / "a.tif", np.ones((20, 30), "int16"))
    catalog.link([file], "layer", overwrite=True)
    assert int(catalog.read("layer").to_dataarray().sum()) == 600
    left = [path.name for path in (tmp_path / "c.zarr/layer").rglob("*") if path.is_file()]
    assert left == ["zarr.json"]
