"""`xcube-tiles optimize`, `cog` and `link`: folders of rasters, and what fails among them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import rasterio
from affine import Affine
from rio_cogeo.cogeo import cog_validate
from typer.testing import CliRunner

import xcube_tiles as xt
from tests.catalog.cog.test_virtual import write
from tests.catalog.cubes import random_cube
from xcube_tiles.cli.app import app

if TYPE_CHECKING:
    from pathlib import Path

    from typer.testing import Result


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(each) for each in arguments], catch_exceptions=False)


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    """Return a folder of two striped rasters."""
    folder = tmp_path / "raw"
    folder.mkdir()
    for number in (1, 2):
        write(folder / f"s_2020010{number}.tif", random_cube((300, 200), seed=number).band.values)
    return folder


def test_a_folder(tmp_path: Path, raw: Path) -> None:
    done = run("optimize", raw, "-o", tmp_path / "out", "--block-size", 128, "-j", 2)
    assert done.exit_code == 0, done.output
    assert "2 written, 0 skipped, 0 failed" in done.output
    for path in sorted((tmp_path / "out").iterdir()):
        assert cog_validate(path, strict=True)[0]
        with rasterio.open(path) as new, rasterio.open(raw / path.name) as old:
            np.testing.assert_array_equal(new.read(), old.read())
            assert new.transform == old.transform
            assert new.overviews(1) == [2, 4]
    assert xt.scan(f"{tmp_path}/out/s_{{date}}.tif").values("date")


def test_a_failure_is_told_at_the_end_and_keeps_nobody_back(tmp_path: Path, raw: Path) -> None:
    (raw / "s_20191231.tif").write_text("no raster")
    out = tmp_path / "out"
    done = run("optimize", raw, "-o", out)
    assert done.exit_code == 1
    assert "2 written, 0 skipped, 1 failed" in done.output
    assert "s_20191231.tif" in done.stderr.splitlines()[-1]
    assert sorted(p.name for p in out.iterdir()) == ["s_20200101.tif", "s_20200102.tif"]


def test_results_that_are_there(tmp_path: Path, raw: Path) -> None:
    out = tmp_path / "out"
    assert run("optimize", f"{raw}/*01.tif", "-o", out).exit_code == 0
    before = (out / "s_20200101.tif").stat().st_mtime_ns
    done = run("optimize", raw, "-o", out, "--skip-existing")
    assert "1 written, 1 skipped, 0 failed" in done.output
    done = run("optimize", f"{raw}/s_{{date}}.tif", "-o", out)
    assert done.exit_code == 1
    assert done.stderr.count("is there already") == 2
    assert (out / "s_20200101.tif").stat().st_mtime_ns == before
    assert run("optimize", raw, "-o", out, "--overwrite").exit_code == 0
    assert (out / "s_20200101.tif").stat().st_mtime_ns > before
    assert run("optimize", raw, "-o", out, "--overwrite", "--skip-existing").exit_code == 2


def test_in_place(raw: Path) -> None:
    before = {path.name: rasterio.open(path).read() for path in raw.iterdir()}
    assert run("optimize", raw, "-o", raw, "--overwrite").exit_code == 0
    for name, cells in before.items():
        assert cog_validate(raw / name, strict=True)[0]
        np.testing.assert_array_equal(rasterio.open(raw / name).read(), cells)


def test_bands_colours_and_order_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "rgb.tif"
    cells = np.arange(3 * 20 * 20, dtype="uint8").reshape(3, 20, 20)
    grid = {"width": 20, "height": 20, "crs": "EPSG:32633", "transform": Affine(1, 0, 0, 0, -1, 9)}
    with rasterio.open(path, "w", driver="GTiff", count=3, dtype="uint8", **grid) as file:
        file.write(cells)
        file.descriptions = ("red", "green", "blue")
    classes = tmp_path / "classes.tif"
    with rasterio.open(classes, "w", driver="GTiff", count=1, dtype="uint8", **grid) as file:
        file.write(cells[:1])
        file.write_colormap(1, {1: (200, 10, 20, 255)})
    assert run("optimize", path, classes, "-o", tmp_path / "out").exit_code == 0
    with rasterio.open(tmp_path / "out" / "rgb.tif") as file:
        assert file.descriptions == ("red", "green", "blue")
        np.testing.assert_array_equal(file.read(), cells)
    with rasterio.open(tmp_path / "out" / "classes.tif") as file:
        assert file.colormap(1)[1] == (200, 10, 20, 255)


def test_reproject(tmp_path: Path, raw: Path) -> None:
    assert run("optimize", f"{raw}/*01.tif", "-o", tmp_path / "out", "--reproject").exit_code == 0
    with rasterio.open(tmp_path / "out" / "s_20200101.tif") as file:
        assert file.crs.to_epsg() == 3857


def test_names_that_would_meet(tmp_path: Path, raw: Path) -> None:
    (tmp_path / "more").mkdir()
    write(tmp_path / "more" / "s_20200101.tif", np.array([[1]], "int16"))
    done = run("optimize", raw, tmp_path / "more", "-o", tmp_path / "out")
    assert done.exit_code == 1
    assert "would both become" in done.stderr
    assert not (tmp_path / "out").exists()
    done = run("optimize", tmp_path / "absent.tif", "-o", tmp_path / "out")
    assert "no raster file at" in done.stderr


def test_link_and_cog(tmp_path: Path, raw: Path) -> None:
    catalog = tmp_path / "c.zarr"
    done = run("link", f"{raw}/s_{{date}}.tif", catalog, "s")
    assert done.exit_code == 0, done.output
    assert "in 2 files" in done.output
    done = run("cog", catalog, "s", tmp_path / "x_{time}.tif", "--time", "2020-01-02..")
    assert done.output.strip() == str(tmp_path / "x_20200102.tif")
    with rasterio.open(done.output.strip()) as new, rasterio.open(raw / "s_20200102.tif") as old:
        np.testing.assert_array_equal(new.read(), old.read())
