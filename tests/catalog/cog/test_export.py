"""Cubes to COGs, read back by rasterio: cells, overviews, packing, and what is refused."""

from __future__ import annotations

import os
import signal
import struct
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import rasterio
import rasterio.shutil
import xarray as xr
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st
from rio_cogeo.cogeo import cog_info, cog_validate

import xcube_tiles as xt
from tests.catalog.cubes import cube_of, random_cube
from tests.processes import exit_code_of, forks, needs_fork
from xcube_tiles.catalog.cog import assembly
from xcube_tiles.catalog.cog.encoding import CogEncoding
from xcube_tiles.catalog.cog.export import to_cog
from xcube_tiles.errors import CatalogError

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

TILE_OFFSETS = 324
LOSSLESS = ["deflate", "zstd", "lzw", "lerc", "none"]
DTYPES = ["uint8ud255", "int8", "int16ud-9999", "uint16ud0", "int32", "uint32ud7", "float32",
          "float64", "int64ud-1", "uint64ud0"]  # fmt: skip


def mean_of(cells: NDArray[Any], factor: int) -> NDArray[Any]:
    """Return means of the valid cells of windows, by a loop."""
    height, width = (-(-size // factor) for size in cells.shape)
    found = np.full((height, width), np.nan)
    for row, col in np.ndindex(height, width):
        window = cells[row * factor : (row + 1) * factor, col * factor : (col + 1) * factor]
        if (window != -9999).any():
            found[row, col] = window[window != -9999].astype(float).mean()
    return found


def check_valid(path: Path) -> None:
    """Check by an independent validator that a file is a COG."""
    valid, errors, warnings = cog_validate(path, strict=True)
    assert valid, (errors, warnings)


def first_offsets(path: Path) -> tuple[int, int]:
    """Return where the last directory of a classic TIFF begins, and where the first tile does."""
    data = path.read_bytes()
    directories: list[int] = []
    tiles: list[int] = []
    at = struct.unpack_from("<4xI", data)[0]
    while at:
        directories.append(at)
        (count,) = struct.unpack_from("<H", data, at)
        for entry in range(at + 2, at + 2 + 12 * count, 12):
            tag, _, length, value = struct.unpack_from("<HHII", data, entry)
            if tag == TILE_OFFSETS:
                where = entry + 8 if length == 1 else value
                tiles += struct.unpack_from(f"<{length}I", data, where)
        (at,) = struct.unpack_from("<I", data, at + 2 + 12 * count)
    return max(directories), min(filter(None, tiles))


def test_cells_and_overviews(tmp_path: Path) -> None:
    cube = random_cube((300, 211))
    [path] = to_cog(cube, tmp_path / "a.tif", block_size=64)
    check_valid(path)
    with rasterio.open(path) as file:
        assert file.nodata == -9999
        assert file.crs.to_epsg() == 32633
        assert file.transform == Affine(10, 0, 500_000, 0, -10, 5_200_000)
        assert file.descriptions == ("band",)
        assert file.overviews(1) == [2, 4, 8]
        assert file.block_shapes == [(64, 64)]
        np.testing.assert_array_equal(file.read(1), cube.band.values)
    for number, factor in enumerate((2, 4, 8)):
        with rasterio.open(path, overview_level=number) as file:
            found = np.where(file.read(1) == -9999, np.nan, file.read(1))
        # Integer means are rounded: half a unit at most.
        np.testing.assert_allclose(found, mean_of(cube.band.values, factor), atol=0.5)


def test_all_directories_come_before_the_cells(tmp_path: Path) -> None:
    [path] = to_cog(random_cube((300, 211)), tmp_path / "a.tif", block_size=64)
    last_directory, first_tile = first_offsets(path)
    assert last_directory < first_tile


@pytest.mark.parametrize("compression", LOSSLESS)
@pytest.mark.parametrize("cells", DTYPES)
def test_every_dtype_and_compression_keeps_cells(
    tmp_path: Path, compression: Any, cells: str
) -> None:
    values = np.random.default_rng(1).integers(0, 100, (70, 50))
    cube = cube_of(values, cells=cells)
    if compression == "lerc" and cells.startswith(("int64", "uint64")):
        with pytest.raises(CatalogError, match=r"LERC holds no u?int64; take compression='zstd'"):
            to_cog(cube, tmp_path / "a.tif", compression=compression)
        return
    [path] = to_cog(cube, tmp_path / "a.tif", compression=compression, block_size=32)
    check_valid(path)
    with rasterio.open(path) as file:
        np.testing.assert_array_equal(file.read(1), cube.band.values)
        assert file.dtypes[0] == cube.band.dtype.name
        expected = cube.band.attrs.get("_FillValue", np.nan if "float" in cells else None)
        assert file.nodata == expected or (np.isnan(expected) and np.isnan(file.nodata))
    packed = cog_info(path).model_dump()["Compression"]
    assert str(packed).lower() == {"none": "none"}.get(compression, compression)


@pytest.mark.parametrize("bands", [1, 3])
def test_lerc_keeps_to_its_error_and_nan_to_its_band(tmp_path: Path, bands: int) -> None:
    random = np.random.default_rng(2)
    cubes = []
    for number in range(bands):
        values = random.normal(0, 100, (200, 150))
        values[random.random(values.shape) < 0.3] = np.nan
        cubes.append(cube_of(values, cells="float32", name=f"b{number}"))
    cube = xr.merge(cubes, compat="equals", join="exact")
    [path] = to_cog(cube, tmp_path / "a.tif", compression="lerc", max_error=0.25, block_size=64)
    check_valid(path)
    with rasterio.open(path) as file:
        found = file.read()
    expected = np.stack([cube[name].values for name in cube.data_vars])
    np.testing.assert_array_equal(np.isnan(found), np.isnan(expected))
    error = np.nanmax(np.abs(found - expected))
    assert 0 < error <= 0.25 * (1 + 1e-6)


def test_lossy_lerc_is_refused_where_a_number_means_nodata(tmp_path: Path) -> None:
    with pytest.raises(CatalogError, match=r"could make NoData \(-9999\).*convert\('float32'\)"):
        to_cog(random_cube((5, 5)), tmp_path / "a.tif", compression="lerc", max_error=1)
    assert not list(tmp_path.iterdir())


@given(size=st.integers(0, 2**40))
def test_bigtiff_is_decided_by_the_size_of_the_cells(size: int) -> None:
    big = CogEncoding().is_big(size)
    assert CogEncoding(bigtiff="yes").is_big(size)
    assert not CogEncoding(bigtiff="no").is_big(size)
    # What can't be packed at all, with a directory of 16 bytes for each tile of 16 x 16 bytes,
    # mustn't exceed what 32 bits can address.
    assert big or size * 1.001 + size / 512**2 * 16 < 2**32
    assert not big or size > 0.97 * 2**32


@pytest.mark.parametrize(("bigtiff", "version"), [("yes", 43), ("no", 42), ("if needed", 42)])
def test_bigtiff_in_the_file(tmp_path: Path, bigtiff: Any, version: int) -> None:
    [path] = to_cog(random_cube((40, 40)), tmp_path / "a.tif", bigtiff=bigtiff)
    assert int.from_bytes(path.read_bytes()[2:4], "little") == version


def test_size_counts_all_bands_and_levels() -> None:
    plan = assembly.FilePlan(
        cells=xt.CellType.parse("int16ud0"),
        geobox=cube_of([[1]]).tiles.geobox,
        shapes=((4, 4), (2, 2)),
        bands=(assembly.BandText(name="a"), assembly.BandText(name="b")),
    )
    assert plan.size == 2 * 2 * 20


def test_padding_makes_levels_exact_halves(tmp_path: Path) -> None:
    [path] = to_cog(random_cube((101, 67)), tmp_path / "a.tif", levels=3, pad=True)
    with rasterio.open(path) as file:
        assert file.shape == (104, 68)
        assert (file.read(1)[101:] == -9999).all()
    with rasterio.open(path, overview_level=1) as file:
        assert file.shape == (26, 17)


def test_a_file_for_each_time_is_found_again_by_its_pattern(tmp_path: Path) -> None:
    cube = random_cube((3, 40, 30))
    paths = to_cog(cube, tmp_path / "ndvi_{time}.tif")
    assert [path.name for path in paths] == [f"ndvi_2018050{day}.tif" for day in (1, 2, 3)]
    with rasterio.open(paths[1]) as file:
        assert file.tags()["TIFFTAG_DATETIME"] == "2018:05:02 00:00:00"
    found = xt.scan(f"{tmp_path}/ndvi_{{date}}.tif").to_cube()
    np.testing.assert_array_equal(found["raster"].values, cube.band.values)
    np.testing.assert_array_equal(found.time.values, cube.time.values)


def test_a_file_for_each_band(tmp_path: Path) -> None:
    cube = cube_of([[1, 2]], cells="uint8ud255", name="a")
    cube = cube.assign(b=cube_of([[1.5, 2]], cells="float32").band)
    with pytest.raises(CatalogError, match=r"one cell type.*a: uint8ud255, b: float32.*\{band\}"):
        to_cog(cube, tmp_path / "all.tif")
    paths = to_cog(cube, tmp_path / "{band}" / "x.tif")
    assert [path.parent.name for path in paths] == ["a", "b"]
    with rasterio.open(paths[1]) as file:
        assert file.dtypes == ("float32",)


def test_what_is_known_of_a_variable_is_kept(tmp_path: Path) -> None:
    attrs: dict[str, Any] = {"units": "K", "scale_factor": 0.5, "add_offset": 3.0}
    attrs |= {"flag_values": [1, 2], "long_name": "warmth"}
    cube = cube_of([[1, 2]], name="heat", **attrs).assign_attrs(title="Summer")
    [path] = to_cog(cube, tmp_path / "a.tif")
    with rasterio.open(path) as file:
        assert file.units == ("K",)
        assert (file.scales, file.offsets) == ((0.5,), (3.0,))
        assert file.tags()["title"] == "Summer"
        assert file.tags(1)["flag_values"] == "[1, 2]"


def test_degrees_stay_where_they_are(tmp_path: Path) -> None:
    cube = cube_of([[1, 2]], crs="EPSG:4326", corner=Affine(0.5, 0, 10, 0, -0.5, 47))
    [path] = to_cog(cube, tmp_path / "a.tif")
    with rasterio.open(path) as file:
        assert file.bounds == (10, 46.5, 11, 47)
        assert file.crs.to_epsg() == 4326


def test_truth_becomes_bytes(tmp_path: Path) -> None:
    cube = cube_of([[1, 2]])
    [path] = to_cog(cube.assign(band=cube.band > 1), tmp_path / "a.tif")
    with rasterio.open(path) as file:
        assert file.read(1).tolist() == [[0, 1]]


def test_a_layer_gives_its_levels(tmp_path: Path) -> None:
    cube = random_cube((700, 500))
    layer = cube.tiles.to_catalog(tmp_path / "c.zarr", "x", resampling="max")
    [path] = to_cog(layer, tmp_path / "a.tif", block_size=128)
    check_valid(path)
    with rasterio.open(path, overview_level=0) as file:
        expected = layer.read("band", level=1, rows=slice(0, 350), cols=slice(0, 250))
        np.testing.assert_array_equal(file.read(1), expected)


def test_a_file_that_is_there_is_kept_unless_told(tmp_path: Path) -> None:
    [path] = to_cog(random_cube((5, 5)), tmp_path / "a.tif")
    before = path.read_bytes()
    with pytest.raises(CatalogError, match="is there already; pass overwrite=True"):
        to_cog(random_cube((5, 5), seed=1), path)
    assert path.read_bytes() == before
    to_cog(random_cube((5, 5), seed=1), path, overwrite=True)
    assert path.read_bytes() != before


def test_failure_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise rasterio.errors.RasterioIOError("disk full")

    monkeypatch.setattr("rasterio.shutil.copy", broken)
    with pytest.raises(CatalogError, match="can't be written: disk full"):
        to_cog(random_cube((5, 5)), tmp_path / "a.tif")
    assert not list(tmp_path.iterdir())


def export_half(path: Path) -> None:
    """Export in a process that is killed when half of the file is written."""
    whole = rasterio.shutil.copy

    def half(source: str, target: str, **options: Any) -> None:
        whole(source, target, **options)
        os.truncate(target, os.path.getsize(target) // 2)
        os.kill(os.getpid(), signal.SIGKILL)

    rasterio.shutil.copy = half
    to_cog(random_cube((200, 200), seed=5), path, overwrite=True)


@needs_fork
@pytest.mark.parametrize("there", [False, True])
def test_killed_half_way_leaves_no_half_file(tmp_path: Path, there: bool) -> None:
    path = tmp_path / "a.tif"
    if there:
        to_cog(random_cube((5, 5)), path)
    before = path.read_bytes() if there else None
    assert exit_code_of(export_half, path) == -signal.SIGKILL
    assert (path.read_bytes() if path.exists() else None) == before
    assert [p.name for p in tmp_path.iterdir() if not p.name.startswith(".")] == ["a.tif"] * there


def test_lazy_cells_are_computed_once(tmp_path: Path) -> None:
    counted: list[int] = []
    cube = random_cube((600, 500)).chunk(y=100, x=500)

    def once(block: Any) -> Any:
        counted.append(1)
        return block

    lazy = cube.assign(
        band=cube.band.copy(data=cube.band.data.map_blocks(once, meta=cube.band.data))
    )
    counted.clear()
    to_cog(lazy, tmp_path / "a.tif", block_size=64)
    assert len(counted) == 6


def test_several_times_into_one_file_are_refused(tmp_path: Path) -> None:
    with pytest.raises(CatalogError, match=r"3 labels along 'time'.*put \{time\} into the path"):
        to_cog(random_cube((3, 4, 4)), tmp_path / "a.tif")
    [path] = to_cog(random_cube((1, 4, 4)), tmp_path / "a.tif")
    assert path.exists()
    with pytest.raises(CatalogError, match="field 'tile'; for this cube the fields are"):
        to_cog(random_cube((4, 4)), tmp_path / "{tile}.tif")


@needs_fork
def test_processes_of_a_cluster_write_to_the_same_raw_file(tmp_path: Path) -> None:
    import dask

    cube = random_cube((300, 200)).chunk(y=64, x=64)
    forks()  # what dask forks from has loaded the package
    processes = {"scheduler": "processes", "multiprocessing.context": "forkserver"}
    with dask.config.set(processes, num_workers=2):
        [path] = to_cog(cube, tmp_path / "a.tif", block_size=64)
    with rasterio.open(path) as file:
        np.testing.assert_array_equal(file.read(1), cube.band.values)
    assert os.listdir(tmp_path) == ["a.tif"]
