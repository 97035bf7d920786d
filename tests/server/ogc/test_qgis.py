"""QGIS as a client, where it is installed: what it draws is our tile, pixel by pixel."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote

import httpx
import pytest

from tests.render.sources import rgba
from xcube_tiles.render.tms import tile_geobox

if TYPE_CHECKING:
    from numpy.typing import NDArray

PROGRAM = Path(__file__).parent / "qgis_program.py"
LOOK = "importlib.util.find_spec('qgis')"
NATIVE = "/layers/{layer}/tiles/{tms}/{z}/{x}/{y}.png"


class Case(NamedTuple):
    """A layer as QGIS is told of it, and the tile that it has to show."""

    uri: str
    layer: str = "scene"
    tms: str = "WebMercatorQuad"
    tile: tuple[int, int, int] = (9, 276, 172)
    query: str = "bands=landcover"


def named(layer: str, service: str, crs: str, more: str) -> str:
    return f"crs={crs}&format=image/png&layers={layer}&{more}&url=ADDRESS/{service}"


def template(path: str) -> str:
    """Return the address of tiles; QGIS wants it escaped, but for its own names in braces."""
    return f"type=xyz&zmin=0&zmax=12&url=ADDRESS{quote(path, safe='{}')}"


WMTS = "wmts/1.0.0/WMTSCapabilities.xml"
OGC_API = "/ogc/collections/scene/map/tiles/WebMercatorQuad/{z}/{y}/{x}?f=png&bands=landcover"
XYZ = "/layers/scene/tiles/WebMercatorQuad/{z}/{x}/{y}.png?bands=landcover"
CASES = {
    "WMS": Case(named("scene", "wms", "EPSG:3857", "styles=landcover")),
    "WMTS": Case(
        named("scene", WMTS, "EPSG:3857", "styles=landcover&tileMatrixSet=WebMercatorQuad")
    ),
    "WMTS by query": Case(
        named(
            "scene",
            f"wmts?{quote('SERVICE=WMTS&REQUEST=GetCapabilities', safe='')}",
            "EPSG:3857",
            "styles=landcover&tileMatrixSet=WebMercatorQuad",
        )
    ),
    "WMTS in LAEA, whose axes are swapped": Case(
        named("laea", WMTS, "EPSG:3035", "styles=default&tileMatrixSet=EuropeanETRS89_LAEAQuad"),
        layer="laea",
        tms="EuropeanETRS89_LAEAQuad",
        tile=(6, 36, 34),
        query="",
    ),
    "WMTS in degrees": Case(
        named("degrees", WMTS, "EPSG:4326", "styles=default&tileMatrixSet=WGS1984Quad"),
        layer="degrees",
        tms="WGS1984Quad",
        tile=(6, 68, 13),
        query="",
    ),
    "XYZ": Case(template(XYZ)),
    "OGC API - Tiles": Case(template(OGC_API)),
}


@pytest.fixture(scope="module")
def python() -> str:
    """Return a Python that has QGIS: that of the system, as QGIS is in no package registry."""
    for path in (sys.executable, shutil.which("python3", path="/usr/bin") or ""):
        command = [path, "-c", f"import importlib.util, sys; sys.exit(not {LOOK})"]
        if path and subprocess.run(command, check=False).returncode == 0:
            return path
    pytest.skip("QGIS isn't installed: apt-get install python3-qgis qgis-providers")


@pytest.fixture(scope="module")
def drawn(
    python: str, address: str, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, tuple[dict[str, Any], Path]]:
    """Return what QGIS told of each layer, and its picture: it starts once, which takes longest."""
    folder = tmp_path_factory.mktemp("qgis")
    wanted: list[dict[str, Any]] = [
        {
            "uri": case.uri.replace("ADDRESS", address),
            "crs": f"EPSG:{box.crs.epsg}",
            "box": box.boundingbox.bbox,
            "out": str(folder / f"{i}.png"),
        }
        for i, case in enumerate(CASES.values())
        for box in [tile_geobox((case.tms, *case.tile))]
        if box.crs is not None
    ]
    # Without the variables that belong to this Python; settings of QGIS go to the empty folder.
    kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
    process = subprocess.run(
        [python, str(PROGRAM)],
        input=json.dumps(wanted),
        env={**kept, "HOME": str(folder), "QT_QPA_PLATFORM": "offscreen", "NO_PROXY": "*"},
        capture_output=True,
        text=True,
        check=False,
        timeout=200,
    )
    assert process.returncode == 0, process.stderr
    told = json.loads(process.stdout.splitlines()[-1])
    return {
        name: (about, Path(one["out"]))
        for name, about, one in zip(CASES, told, wanted, strict=True)
    }


@pytest.mark.parametrize("name", CASES)
def test_qgis_draws_our_tile(
    name: str, drawn: dict[str, tuple[dict[str, Any], Path]], address: str
) -> None:
    case = CASES[name]
    about, picture = drawn[name]
    assert "error" not in about, about
    assert about["errors"] == []
    z, x, y = case.tile
    path = NATIVE.format(layer=case.layer, tms=case.tms, z=z, x=x, y=y)
    with httpx.Client(base_url=address, trust_env=False) as client:
        expected: NDArray[Any] = rgba(client.get(f"{path}?{case.query}").content)
    found = rgba(picture.read_bytes())
    shown = expected[..., 3] > 0
    assert shown.any()
    assert (found[shown] == expected[shown]).all()
    assert not found[~shown][:, 3].any()
