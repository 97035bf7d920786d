from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import rasterio
from affine import Affine
from odc.geo.geobox import GeoBox

import xcube_tiles as xt
from tests.sources.rasters import NORTH_UP, UTM33, ramp, write_raster
from xcube_tiles.cube.cells import cell_type_of
from xcube_tiles.cube.georef import geobox_of
from xcube_tiles.errors import CellTypeError, CollectionError
from xcube_tiles.sources.header import BlockShape, Flip, HeaderCache, read_header

if TYPE_CHECKING:
    from pathlib import Path


def cube_of(path: Path, **options: Any) -> Any:
    return xt.Collection().add(str(path), band="cells").to_cube(**options)["cells"]


def test_what_a_header_tells(tmp_path: Path) -> None:
    path = write_raster(
        tmp_path / "a.tif",
        ramp(100, 110, dtype="uint16"),
        nodata=65535,
        overviews=(2, 4),
        tiled=True,
        blockxsize=48,
        blockysize=32,
    )
    header = read_header(str(path))
    assert header.geobox == GeoBox((100, 110), NORTH_UP, UTM33)
    assert header.flip == Flip(rows=False, cols=False)
    assert [tuple(box.shape) for box in header.overviews] == [(50, 55), (25, 28)]
    [band] = header.bands
    assert band.cell_type.name == "uint16ud65535"
    assert band.block_shape == BlockShape(height=32, width=48)
    assert (band.scale, band.offset, band.masked, band.alpha) == (1.0, 0.0, False, False)
    assert header.version == (path.stat().st_mtime_ns, path.stat().st_size)


@pytest.mark.parametrize("factor", [2, 3, 4])
@pytest.mark.parametrize("shape", [(100, 110), (101, 111)])
def test_grids_of_overviews_are_those_of_gdal(
    tmp_path: Path, factor: int, shape: tuple[int, int]
) -> None:
    path = write_raster(tmp_path / "a.tif", ramp(*shape, dtype="int32"), overviews=(factor,))
    [box] = read_header(str(path)).overviews
    with rasterio.open(path, overview_level=0) as file:
        assert file.shape == tuple(box.shape)
        np.testing.assert_allclose(tuple(file.transform), tuple(box.affine), rtol=1e-12)


@pytest.mark.parametrize(("flip_rows", "flip_cols"), [(True, False), (False, True), (True, True)])
def test_flipped_files_are_read_north_up(tmp_path: Path, flip_rows: bool, flip_cols: bool) -> None:
    cells = ramp()
    turned = cells[:: -1 if flip_rows else 1, :: -1 if flip_cols else 1]
    transform = NORTH_UP
    if flip_rows:
        transform = transform * Affine(1, 0, 0, 0, -1, 5)
    if flip_cols:
        transform = transform * Affine(-1, 0, 7, 0, 1, 0)
    path = write_raster(tmp_path / "a.tif", turned, transform=transform)
    for chunks in (None, 2, {"y": 3, "x": 5}):
        cube = cube_of(path, chunks=chunks)
        np.testing.assert_array_equal(cube, cells)
        assert geobox_of(cube) == GeoBox((5, 7), NORTH_UP, UTM33)


@pytest.mark.parametrize(
    ("dtype", "nodata", "name"),
    [
        ("uint8", None, "uint8raw"),
        ("uint8", 0, "uint8"),
        ("uint8", 255, "uint8ud255"),
        ("int8", -128, "int8"),
        ("int16", -9999, "int16ud-9999"),
        ("uint32", 7, "uint32ud7"),
        ("int64", -1, "int64ud-1"),
        ("float32", None, "float32"),
        ("float32", np.nan, "float32"),
        ("float64", -9999, "float64"),
    ],
)
def test_cell_types_of_cubes(tmp_path: Path, dtype: str, nodata: float | None, name: str) -> None:
    cells = ramp(dtype=dtype)
    if nodata is not None:
        cells[0, 0] = nodata
    cube = cube_of(write_raster(tmp_path / "a.tif", cells, nodata=nodata))
    assert cell_type_of(cube).name == name
    assert ("_FillValue" in cube.attrs) == (nodata is not None and cells.dtype.kind != "f")
    expected = np.where(cells == nodata, np.nan, cells) if cells.dtype.kind == "f" else cells
    np.testing.assert_array_equal(cube, expected)


def test_a_nodata_number_that_no_cell_can_be_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = f"""<VRTDataset rasterXSize="7" rasterYSize="5"><SRS>{UTM33}</SRS>
      <GeoTransform>500000, 10, 0, 5100000, 0, -10</GeoTransform>
      <VRTRasterBand dataType="Byte" band="1"><NoDataValue>-9999</NoDataValue><SimpleSource>
      <SourceFilename relativeToVRT="1">a.tif</SourceFilename></SimpleSource></VRTRasterBand>
      </VRTDataset>"""
    write_raster(tmp_path / "a.tif", ramp(dtype="uint8"))
    (tmp_path / "a.vrt").write_text(text)
    assert cell_type_of(cube_of(tmp_path / "a.vrt")).name == "uint8raw"


def test_scale_and_offset_are_applied_or_told(tmp_path: Path) -> None:
    cells = ramp(dtype="uint16")
    path = write_raster(tmp_path / "a.tif", cells, nodata=0, scale=1e-4, offset=-0.1)
    scaled = cube_of(path)
    assert scaled.dtype == np.float32
    expected = np.where(cells == 0, np.nan, cells * 1e-4 - 0.1).astype("float32")
    np.testing.assert_array_equal(scaled, expected)
    assert "scale_factor" not in scaled.attrs
    raw = cube_of(path, scaled=False)
    np.testing.assert_array_equal(raw, cells)
    assert raw.attrs == {"scale_factor": 1e-4, "add_offset": -0.1, "_FillValue": 0}


@pytest.mark.parametrize(("dtype", "wide"), [("int8", "float32"), ("int32", "float64")])
def test_scaled_cells_keep_their_digits(tmp_path: Path, dtype: str, wide: str) -> None:
    assert cube_of(write_raster(tmp_path / "a.tif", ramp(dtype=dtype), scale=0.5)).dtype == wide


def test_units_and_names_are_attributes(tmp_path: Path) -> None:
    path = write_raster(tmp_path / "a.tif", ramp())
    with rasterio.open(path, "r+") as file:
        file.units = ("m",)
        file.descriptions = ("elevation",)
    assert cube_of(path).attrs == {"units": "m", "long_name": "elevation"}


def test_cells_outside_a_mask_are_nodata_of_a_wider_type(tmp_path: Path) -> None:
    cells = ramp(dtype="uint8")
    cells[0, 0] = 255
    mask = np.ones(cells.shape, bool)
    mask[2:, 3] = False
    cube = cube_of(write_raster(tmp_path / "a.tif", cells, mask=mask))
    assert cell_type_of(cube).name == "int16"
    np.testing.assert_array_equal(cube, np.where(mask, cells.astype("int16"), -32768))
    floats = cube_of(write_raster(tmp_path / "b.tif", cells.astype("float32"), mask=mask))
    np.testing.assert_array_equal(floats, np.where(mask, cells, np.nan))
    wide = write_raster(tmp_path / "c.tif", cells.astype("int64"), mask=mask)
    with pytest.raises(CellTypeError, match="no dtype is wider"):
        cube_of(wide)


def test_an_alpha_band_masks_the_others_and_is_none_of_them(tmp_path: Path) -> None:
    cells = ramp(dtype="uint8")
    alpha = np.where(cells % 2, 255, 0).astype("uint8")
    path = write_raster(tmp_path / "a.tif", np.stack([cells, alpha]), photometric="minisblack")
    with rasterio.open(path, "r+") as file:
        file.colorinterp = (rasterio.enums.ColorInterp.gray, rasterio.enums.ColorInterp.alpha)
    cube = cube_of(path)
    np.testing.assert_array_equal(cube, np.where(alpha, cells.astype("int16"), -32768))


def test_rasters_of_one_variable_get_one_cell_type(tmp_path: Path) -> None:
    def cube(**nodata: float | None) -> Any:
        for name, value in nodata.items():
            day = {"a": "20180506", "b": "20180524"}[name]
            write_raster(tmp_path / f"{day}.tif", ramp(start=1, dtype="uint8"), nodata=value)
        return xt.scan(f"{tmp_path}/{{date}}.tif").to_cube()["raster"]

    assert cell_type_of(cube(a=0, b=0)).name == "uint8"
    mixed = cube(a=1, b=2)
    assert cell_type_of(mixed).name == "int16"
    expected = ramp(start=1).astype("int16")
    np.testing.assert_array_equal(mixed[0], np.where(expected == 1, -32768, expected))
    np.testing.assert_array_equal(mixed[1], np.where(expected == 2, -32768, expected))
    assert cell_type_of(cube(a=None, b=2)).name == "int16"
    assert cell_type_of(cube(a=None, b=None)).name == "uint8raw"
    write_raster(tmp_path / "20180524.tif", ramp(start=1, dtype="float32"))
    assert xt.scan(f"{tmp_path}/{{date}}.tif").to_cube()["raster"].dtype == np.float32


def test_unequal_scales_are_refused_only_as_stored(tmp_path: Path) -> None:
    write_raster(tmp_path / "20180506.tif", ramp(), scale=0.5)
    write_raster(tmp_path / "20180524.tif", ramp(), scale=0.25)
    files = xt.scan(f"{tmp_path}/{{date}}.tif")
    cube = files.to_cube()["raster"]
    np.testing.assert_array_equal(cube, [ramp() * 0.5, ramp() * 0.25])
    with pytest.raises(CollectionError, match="Pass scaled=True"):
        files.to_cube(scaled=False)


def test_headers_are_read_once_in_spite_of_threads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = [str(write_raster(tmp_path / f"{n}.tif", ramp())) for n in range(8)]
    calls: list[str] = []

    def counting(path: str, options: Any = None) -> Any:
        calls.append(path)
        return read_header(path, options)

    monkeypatch.setattr("xcube_tiles.sources.header.read_header", counting)
    cache = HeaderCache()
    assert list(cache.get([*paths, *paths])) == paths
    cache.get(paths)
    assert sorted(calls) == paths
