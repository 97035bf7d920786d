"""Layers opened over HTTP by clients of the browser, which run in Node."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from tests.catalog.interop.scene import LAYERS, LEVELS, PROJ4, all_cells, centre, probes
from tests.catalog.interop.serving import served
from xcube_tiles.catalog.reader import open_catalog

if TYPE_CHECKING:
    from collections.abc import Iterator

CLIENTS = Path(__file__).parents[1] / "node"
OLDEST_NODE = 20
NODATA = {"band": -9999, "classes": 255, "share": None}

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the clients and what they import, as package.json pins it."""
    npm, program = shutil.which("npm"), shutil.which("node")
    if npm is None or program is None:
        pytest.skip("Node and npm aren't installed")
    version = subprocess.run([program, "--version"], capture_output=True, text=True, check=True)
    if int(version.stdout.lstrip("v").partition(".")[0]) < OLDEST_NODE:
        pytest.skip(f"Node {version.stdout.strip()} is older than {OLDEST_NODE}")
    folder: Path = tmp_path_factory.mktemp("node") / "clients"
    shutil.copytree(CLIENTS, folder, ignore=shutil.ignore_patterns("node_modules"))
    installed = subprocess.run(
        [npm, "install", "--no-audit", "--no-fund", "--ignore-scripts", "--prefer-offline"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    if installed.returncode and "ENOTFOUND" in installed.stderr:
        pytest.skip("npm's registry can't be reached")
    assert not installed.returncode, installed.stderr
    return folder


@pytest.fixture(scope="module")
def url(folder: Path) -> Iterator[str]:
    with served(folder) as address:
        yield address


def run(node: Path, script: str, **request: Any) -> Any:
    """Return what a client finds."""
    done = subprocess.run(
        ["node", script, json.dumps(request)],
        cwd=node,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert not done.returncode, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize("variable", NODATA)
def test_openlayers(folder: Path, url: str, node: Path, layer: str, variable: str) -> None:
    ours = open_catalog(folder)[layer]
    box = ours.geoboxes[0]
    places = probes(ours, 0)
    time = None if variable == "classes" else 1
    found = run(
        node,
        "openlayers.mjs",
        url=f"{url}/{layer}",
        variable=variable,
        time=time,
        proj4=PROJ4,
        points=[centre(box, row, col) for row, col in places],
    )
    assert found["crs"] == "EPSG:32633"
    assert tuple(found["extent"]) == ours.levels[0].extent.bounds
    assert found["dimensions"] == ([] if time is None else ["time"])
    assert [level["id"] for level in found["levels"]] == [level.path for level in ours.levels][::-1]
    for level, theirs in zip(reversed(ours.levels), found["levels"], strict=True):
        assert theirs["resolution"] == level.resolution[0]
        assert theirs["origin"] == [box.affine.c, box.affine.f]
        cells = all_cells(ours, variable, level.number)
        plane = cells if time is None else cells[time]
        wanted = [plane[row >> level.number, col >> level.number] for row, col in places]
        missing = [bool(ours.cell_type(variable).is_nodata(np.asarray(cell))) for cell in wanted]
        assert [not cell["valid"] for cell in theirs["cells"]] == missing
        for cell, value, nodata in zip(theirs["cells"], wanted, missing, strict=True):
            if not nodata:
                assert np.float32(cell["value"]) == value


@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize("variable", NODATA)
def test_zarr_layer(folder: Path, url: str, node: Path, layer: str, variable: str) -> None:
    ours = open_catalog(folder)[layer]
    places = [probes(ours, level) for level in range(LEVELS)]
    found = run(
        node,
        "zarrlayer.mjs",
        url=f"{url}/{layer}",
        variable=variable,
        time=1,
        # This version takes the CRS of `proj:code` from nobody but its caller.
        proj4=PROJ4["EPSG:32633"],
        cells=places,
    )
    limits = found["xyLimits"]
    bounds = tuple(limits[name] for name in ("xMin", "yMin", "xMax", "yMax"))
    assert bounds == ours.levels[0].extent.bounds
    assert found["multiscaleType"] == "untiled"
    assert found["latIsAscending"] is False
    assert tuple(found["dimensions"]) == ours.dims(variable)
    assert [level["asset"] for level in found["levels"]] == [level.path for level in ours.levels]
    for level, theirs in zip(ours.levels, found["levels"], strict=True):
        cells = all_cells(ours, variable, level.number)
        assert tuple(theirs["shape"]) == cells.shape
        assert theirs["dtype"] == str(cells.dtype)
        assert theirs["fill"] == ("NaN" if variable == "share" else NODATA[variable])
        plane = cells[1] if cells.ndim == 3 else cells
        wanted = [plane[row, col] for row, col in places[level.number]]
        values = [np.nan if value == "NaN" else value for value in theirs["cells"]]
        np.testing.assert_array_equal(np.asarray(values, cells.dtype), wanted)
