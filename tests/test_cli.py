"""The command `xcube-tiles`: what each subcommand prints and leaves behind, and bad input."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.request import urlopen

import numpy as np
import pytest
import rasterio
from typer.testing import CliRunner

import xcube_tiles as xt
from xcube_tiles.cli.app import app
from xcube_tiles.cli.conditions import conditions
from xcube_tiles.testing.demo import Demo
from xcube_tiles.testing.scene import write_scene

if TYPE_CHECKING:
    from collections.abc import Mapping

    from typer.testing import Result

SIZE, DATES = 128, 3
PATTERN = "demo-data/{type}/{sensor}_demo_{date}_{band}.tif"


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cli") / "demo-data"
    write_scene(folder, size=SIZE, dates=DATES)
    return folder


@pytest.fixture
def here(tmp_path: Path, scene: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an empty working directory but for the scene."""
    monkeypatch.chdir(tmp_path)
    Path(scene.name).symlink_to(scene)
    return tmp_path


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, arguments, catch_exceptions=False)


def output_of(*arguments: str) -> str:
    result = run(*arguments)
    assert result.exit_code == 0, result.output
    return result.stdout


def error_of(*arguments: str) -> str:
    """Return the message of a known error: exit status 1, nothing on stdout, no traceback."""
    result = run(*arguments)
    assert result.exit_code == 1, result.output
    assert result.stdout == ""
    assert "Traceback" not in result.stderr
    assert result.stderr.startswith("error: ")
    return result.stderr


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("demo") / "here"


@pytest.fixture(scope="module")
def shown(folder: Path) -> str:
    """Return what the demo prints."""
    return output_of("demo", "--folder", str(folder), "--size", "256", "--dates", "3", "--no-serve")


class TestDemo:
    def test_makes_layers_that_open(self, shown: str, folder: Path) -> None:
        catalog = xt.open_catalog(folder / "catalog.zarr")
        assert catalog.layers == ("median", "ndvi", "relief")
        median = catalog.read("median").compute()
        assert list(median.data_vars) == ["blue", "green", "nir", "red"]
        ndvi = catalog.read("ndvi").ndvi.values
        expected = (median.nir - median.red) / (median.nir + median.red)
        np.testing.assert_allclose(ndvi, expected.values, rtol=1e-5)
        assert np.isfinite(ndvi).mean() > 0.9

    def test_tells_each_step_with_its_code(self, shown: str, folder: Path) -> None:
        steps = Demo(folder, size=256, dates=3).steps
        for number, step in enumerate(steps, 1):
            assert f"{number} of {len(steps)}: {step.title}" in shown
            for line in step.code.splitlines():
                assert f"    {line}".rstrip() in shown.splitlines()
        assert f"xcube-tiles serve {folder}/catalog.zarr --collection" in shown

    def test_shows_what_the_code_prints(self, shown: str) -> None:
        assert "<Collection of 15 rasters>" in shown
        assert "<Layer 'ndvi': ndvi; EPSG:32633" in shown

    def test_the_shown_code_runs_by_itself(
        self, shown: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        # As a person would: all indented lines of the output, in an empty folder.
        monkeypatch.chdir(tmp_path)
        output = output_of("demo", "--size", "64", "--dates", "2", "--no-serve")
        steps, _, _ = output.partition("Look at it")
        code = [line[4:] for line in steps.splitlines() if re.match(r" {4}|$", line)]
        other = tmp_path / "other"
        other.mkdir()
        done = subprocess.run(
            [sys.executable, "-"],
            cwd=other,
            input="\n".join(code),
            text=True,
            capture_output=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert xt.open_catalog(other / "demo-data/catalog.zarr").layers == (
            "median",
            "ndvi",
            "relief",
        )

    def test_keeps_the_code_as_a_script(self, shown: str, folder: Path) -> None:
        script = (folder / "demo.py").read_text()
        assert str(folder / "demo.py") in shown
        compile(script, "demo.py", "exec")
        assert all(step.code in script for step in Demo(folder, size=256, dates=3).steps)

    def test_uses_again_what_is_there(self, shown: str, folder: Path) -> None:
        files = {path: path.stat().st_mtime_ns for path in folder.rglob("*.tif")}
        output = output_of(
            "demo", "--folder", str(folder), "--size", "256", "--dates", "3", "--no-serve"
        )
        assert output.count("is there already") == 4
        assert {path: path.stat().st_mtime_ns for path in folder.rglob("*.tif")} == files

    def test_refuses_a_scene_of_another_size(self, shown: str, folder: Path) -> None:
        message = error_of("demo", "--folder", str(folder), "--size", "64", "--no-serve")
        assert "size 256 and 3 dates; ask for the same, name another folder" in message

    def test_refuses_a_folder_of_other_things(self, tmp_path: Path) -> None:
        (tmp_path / "thesis.txt").write_text("precious")
        message = error_of("demo", "--folder", str(tmp_path), "--no-serve")
        assert "isn't empty and holds no demo" in message
        assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]

    def test_braces_and_quotes_in_the_folder_are_no_code(self, tmp_path: Path) -> None:
        folder = tmp_path / 'a {b} "c"'
        output_of("demo", "--folder", str(folder), "--size", "64", "--dates", "1", "--no-serve")
        assert len(xt.open_catalog(folder / "catalog.zarr")) == 3

    @pytest.mark.parametrize(("option", "value"), [("--size", "8"), ("--dates", "74")])
    def test_bad_numbers(self, tmp_path: Path, option: str, value: str) -> None:
        result = run("demo", "--folder", str(tmp_path / "new"), option, value, "--no-serve")
        assert result.exit_code == 2
        assert f"Invalid value for '{option}'" in result.stderr
        assert not (tmp_path / "new").exists()


class TestScan:
    def test_shows_keys(self, here: Path) -> None:
        output = output_of("scan", PATTERN)
        assert output == f"{xt.scan(PATTERN)}\n"
        assert "<Collection of 15 rasters>" in output

    def test_chooses(self, here: Path) -> None:
        output = output_of("scan", PATTERN, "--where", "band=red,nir", "--where", "date=2024-05..")
        assert "<Collection of 4 rasters>" in output

    def test_saves(self, here: Path) -> None:
        assert "saved to rasters.db" in output_of("scan", PATTERN, "--save", "rasters.db")
        assert xt.Collection.open("rasters.db") == xt.scan(PATTERN)
        assert "<Collection of 15 rasters>" in output_of("scan", "rasters.db")
        assert "rasters" in error_of_saving_again()
        output_of("scan", PATTERN, "--where", "band=red", "--save", "rasters.db", "--replace")
        assert len(xt.Collection.open("rasters.db")) == DATES

    def test_statistics(self, here: Path) -> None:
        output = output_of("scan", PATTERN, "--where", "band=red", "--statistics")
        [row] = [line for line in output.splitlines() if "S2 2024-05-14" in line]
        with rasterio.open("demo-data/reflectance/S2_demo_20240514_red.tif") as file:
            cells = file.read(1, masked=True)
        assert f"{cells.mean():.4g}" in row

    def test_no_file(self, here: Path) -> None:
        message = error_of("scan", "nowhere/{date}.tif")
        assert "matches no file" in message

    def test_unknown_key(self, here: Path) -> None:
        assert "'colour'" in error_of("scan", PATTERN, "--where", "colour=red")

    @pytest.mark.parametrize("text", ["band", "=red", "band="])
    def test_malformed_condition(self, here: Path, text: str) -> None:
        result = run("scan", PATTERN, "--where", text)
        assert result.exit_code == 2
        assert f"expected NAME=VALUE, got {text!r}" in result.stderr


def error_of_saving_again() -> str:
    """Return the error after the collection itself was shown."""
    result = run("scan", PATTERN, "--save", "rasters.db")
    assert result.exit_code == 1
    return result.stderr


class TestPyramidAndInfo:
    def test_a_pattern(self, here: Path) -> None:
        output = output_of("pyramid", PATTERN, "c.zarr", "images", "--where", "type=reflectance")
        assert output.startswith("<Layer 'images': blue, green, nir, red;")
        expected = xt.scan(PATTERN).where(type="reflectance").to_cube()
        written = xt.open_catalog("c.zarr").read("images")
        np.testing.assert_array_equal(written.red.values, expected.red.values)

    def test_a_file_with_options(self, here: Path) -> None:
        source = "demo-data/terrain/DEM_demo_dem.tif"
        output_of(
            "pyramid", source, "c.zarr", "dem",
            "--resampling", "max", "--levels", "3", "--no-sharded",
        )  # fmt: skip
        layer = xt.open_catalog("c.zarr")["dem"]
        assert len(layer.levels) == 3
        with rasterio.open(source) as file:
            cells = file.read(1)
        coarse = layer.read(layer.variables[0], level=1, rows=slice(None), cols=slice(None))
        expected = cells.reshape(SIZE // 2, 2, SIZE // 2, 2).max((1, 3))
        np.testing.assert_array_equal(coarse, expected)

    def test_resampling_of_one_variable(self, here: Path) -> None:
        output_of(
            "pyramid", PATTERN, "c.zarr", "images", "--where", "type=reflectance",
            "--resampling", "red=min", "--resampling", "nir=max", "--levels", "2",
        )  # fmt: skip
        methods = xt.open_catalog("c.zarr")["images"].metadata["resampling"]
        assert (methods["red"], methods["nir"], methods["blue"]) == ("min", "max", "mean")

    def test_overwrite(self, here: Path) -> None:
        arguments = ("pyramid", "demo-data/terrain/DEM_demo_dem.tif", "c.zarr", "dem")
        output_of(*arguments)
        assert "'dem'" in error_of(*arguments)
        output_of(*arguments, "--overwrite")

    def test_ragged_keys(self, here: Path) -> None:
        assert "have no raster" in error_of("pyramid", PATTERN, "c.zarr", "all")
        assert not Path("c.zarr").exists()

    def test_unknown_method(self, here: Path) -> None:
        message = error_of(
            "pyramid", "demo-data/terrain/DEM_demo_dem.tif", "c.zarr", "dem",
            "--resampling", "avrage",
        )  # fmt: skip
        assert "'avrage'" in message
        assert "median" in message

    def test_info_of_a_catalog(self, here: Path) -> None:
        source = "demo-data/terrain/DEM_demo_dem.tif"
        output_of("pyramid", source, "c.zarr", "dem", "--levels", "2")
        assert output_of("info", "c.zarr").startswith("c.zarr: 1 layer\n  <Layer 'dem'")
        output_of("pyramid", source, "c.zarr", "more")
        assert output_of("info", "c.zarr").startswith("c.zarr: 2 layers\n")

    def test_info_of_a_layer(self, here: Path) -> None:
        output_of(
            "pyramid", PATTERN, "c.zarr", "images", "--where", "type=reflectance", "--levels", "2"
        )
        lines = output_of("info", "c.zarr", "images").splitlines()
        cell = 20_480 / SIZE
        assert "CRS        EPSG:32633" in lines
        assert "times      3, 2024-01-15T00:00 to 2024-09-16T00:00" in lines
        assert "variable   red (time, y, x): uint16, mean of the finer cells" in lines
        assert f"level 0    {SIZE} x {SIZE}, cells of {cell:g} x {cell:g}" in lines
        assert (
            f"level 1    {SIZE // 2} x {SIZE // 2}, cells of {2 * cell:g} x {2 * cell:g}" in lines
        )

    def test_info_of_a_file(self, here: Path) -> None:
        output = output_of("info", "demo-data/reflectance/S2_demo_20240514_red.tif")
        assert "EPSG:32633" in output
        assert "red: uint16" in output

    def test_info_of_a_pattern(self, here: Path) -> None:
        assert "<Collection of 15 rasters>" in output_of("info", PATTERN)

    @pytest.mark.parametrize(
        ("arguments", "text"),
        [
            (("nowhere.zarr",), "nowhere.zarr"),
            (("nowhere.tif",), "nowhere.tif' doesn't exist"),
            (("nowhere.db",), "nowhere.db"),
            (("demo-data",), "demo-data"),
            (("demo-data/catalog.json",), "can't be opened as a raster"),
        ],
    )
    def test_info_of_nothing(self, here: Path, arguments: tuple[str, ...], text: str) -> None:
        assert text in error_of("info", *arguments)

    def test_unknown_layer(self, here: Path) -> None:
        output_of("pyramid", "demo-data/terrain/DEM_demo_dem.tif", "c.zarr", "dem")
        assert "no layer 'dam'" in error_of("info", "c.zarr", "dam")


class TestServe:
    @pytest.fixture
    def served(self, here: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, object]:
        """Return the arguments with which a server would have been started."""
        arguments: dict[str, object] = {}

        def instead(app: object, **options: object) -> None:
            arguments.update(options, app=app)

        monkeypatch.setattr("xcube_tiles.server.run.run", instead)
        return arguments

    def layers(self, served: Mapping[str, object]) -> list[str]:
        from fastapi import FastAPI
        from fastapi.testclient import TestClient

        app = served["app"]
        assert isinstance(app, FastAPI)
        return [layer["name"] for layer in TestClient(app).get("/layers").json()["layers"]]

    def test_a_catalog(self, served: dict[str, object]) -> None:
        output_of("pyramid", "demo-data/terrain/DEM_demo_dem.tif", "c.zarr", "dem")
        output_of("serve", "c.zarr", "--host", "0.0.0.0", "--port", "8123")
        assert (served["host"], served["port"]) == ("0.0.0.0", 8123)
        assert self.layers(served) == ["dem"]

    def test_a_file_of_settings(self, served: dict[str, object], here: Path) -> None:
        output_of("pyramid", "demo-data/terrain/DEM_demo_dem.tif", "c.zarr", "dem")
        (here / "server.toml").write_text('catalog = "c.zarr"\nport = 8123\nhost = "0.0.0.0"\n')
        output_of("serve", "-c", "server.toml", "--port", "8124", "--tile-cache", "2000")
        # What the command says counts before the file.
        assert (served["host"], served["port"]) == ("0.0.0.0", 8124)
        assert self.layers(served) == ["dem"]

    def test_files(self, served: dict[str, object]) -> None:
        images = PATTERN.replace("{type}", "reflectance")
        dem = "demo-data/terrain/DEM_demo_dem.tif"
        output_of("serve", "--collection", f"images={images}", "--collection", f"dem={dem}")
        assert self.layers(served) == ["dem", "images"]

    def test_the_demo_serves_its_catalog_and_images(self, served: dict[str, object]) -> None:
        output_of("demo", "--folder", "d", "--size", "64", "--dates", "2", "--port", "0")
        assert self.layers(served) == ["images", "median", "ndvi", "relief"]

    def test_nothing(self, served: dict[str, object]) -> None:
        result = run("serve")
        assert result.exit_code == 2
        assert "give a catalog, --collection, --raster-pattern or --database" in result.stderr

    def test_no_catalog(self, served: dict[str, object]) -> None:
        assert "nowhere.zarr" in error_of("serve", "nowhere.zarr")

    def test_several_kinds_of_images(self, served: dict[str, object]) -> None:
        assert "images" not in served
        assert error_of("serve", "--collection", f"all={PATTERN}")

    def test_without_the_extra(self, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in [name for name in sys.modules if name.startswith("xcube_tiles.server.")]:
            monkeypatch.delitem(sys.modules, name)
        monkeypatch.setitem(sys.modules, "fastapi", None)
        message = error_of("serve", "--collection", f"all={PATTERN}")
        assert "pip install 'xcube_tiles[server]'" in message

    def test_for_real(self, here: Path) -> None:
        output_of("pyramid", "demo-data/terrain/DEM_demo_dem.tif", "c.zarr", "dem")
        command = [sys.executable, "-u", "-m", "xcube_tiles", "serve", "c.zarr", "--port", "0"]
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout is not None
            found = re.search(r"http://127\.0\.0\.1:\d+", process.stdout.readline())
            assert found
            with urlopen(f"{found[0]}/layers", timeout=30) as answer:
                assert b'"dem"' in answer.read()
            port = found[0].rpartition(":")[2]
            assert "can't listen at 127.0.0.1 port" in error_of("serve", "c.zarr", "--port", port)
            process.send_signal(signal.SIGINT)
            _, errors = process.communicate(timeout=30)
        assert process.returncode == 0
        assert errors == ""


def test_version() -> None:
    assert output_of("--version") == f"{xt.__version__}\n"


def test_an_unknown_error_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*arguments: object, **options: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("xcube_tiles.sources.opening.open_rasters", broken)
    with pytest.raises(ZeroDivisionError):
        run("scan", PATTERN)


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (None, {}),
        (["type=indices"], {"type": "indices"}),
        (["band=B03,B04"], {"band": ["B03", "B04"]}),
        (["date=2018-05..2018-06"], {"date": ("2018-05", "2018-06")}),
        (["date=..2018-06"], {"date": (None, "2018-06")}),
        (["a=1", "b=x=y"], {"a": "1", "b": "x=y"}),
    ],
)
def test_conditions(texts: list[str] | None, expected: object) -> None:
    assert conditions(texts) == expected


def test_the_page_of_the_command_tells_all_options() -> None:
    page = (Path(__file__).parents[1] / "docs/reference/command.md").read_text()
    commands = re.findall(r"^## (\w+)$", page, re.MULTILINE)
    assert commands == [
        command.callback.__name__ for command in app.registered_commands if command.callback
    ]
    for command in commands:
        _, _, section = page.partition(f"## {command}\n")
        section, _, _ = section.partition("\n## ")
        help_text = output_of(command, "--help")
        options = set(re.findall(r"--[a-z][a-z-]+", help_text)) - {"--help", "--serve"}
        assert options == set(re.findall(r"--[a-z][a-z-]+", section)), command
