"""Every tile matrix set as GDAL reads it: places look as they should, up to the edges."""

from __future__ import annotations

import json
import socket
import threading
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import numpy as np
import pytest
import rasterio
import uvicorn
from pyproj import Transformer
from rasterio.windows import Window

from tests.render.sources import ArraySource, grid
from xcube_tiles.grid.celltype import CellType
from xcube_tiles.render.tms import named_tms
from xcube_tiles.server.app import create_app
from xcube_tiles.server.ogc.offer import regular_sets

if TYPE_CHECKING:
    from collections.abc import Iterator

COLOURS = {1: "#ff0000", 2: "#00ff00", 3: "#0000ff", 4: "#ffff00"}
# Near the antimeridian, the Greenwich meridian, the equator and the poles, and somewhere.
PLACES = [
    (lon, lat)
    for lon in (-179.6, -174.2, -90.5, -0.6, 0.6, 3.4, 8.5, 90.5, 170.3, 179.6)
    for lat in (-89.0, -84.0, -45.5, -38.2, -0.6, 0.6, 45.5, 52.3, 84.0, 89.0)
]


def quadrant(lon: float, lat: float) -> int:
    return 1 + (lon > 0) + 2 * (lat > 0)


@pytest.fixture(scope="module")
def world() -> Iterator[str]:
    """Return the address of a server of the whole world, whose values tell the hemispheres."""
    cells = np.empty((360, 720), dtype=np.uint8)
    for rows, lat in ((slice(0, 180), 1.0), (slice(180, 360), -1.0)):
        for cols, lon in ((slice(0, 360), -1.0), (slice(360, 720), 1.0)):
            cells[rows, cols] = quadrant(lon, lat)
    place = grid((360, 720), "EPSG:4326", left=-180, top=90, cell=0.5)
    source = ArraySource({"v": [cells]}, place, types={"v": CellType.parse("uint8ud0")})
    app = create_app(sources={"world": source})
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.bind(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="off"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    while not server.started:
        time.sleep(0.01)
    with rasterio.Env(GDAL_HTTP_PROXY="", NO_PROXY="*", GDAL_ENABLE_WMS_CACHE="NO"):
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    server.should_exit = True
    thread.join()
    listening.close()


def points_in(name: str, wkt: str) -> list[tuple[float, float]]:
    """Return x and y of the places that a set shows, by pyproj alone."""
    west, south, east, north = named_tms(name).bbox
    if east < west:
        east += 360
    project = Transformer.from_crs("EPSG:4326", wkt, always_xy=True)
    return [
        project.transform(lon, lat)
        for lon, lat in PLACES
        if west <= lon <= east and south <= lat <= north
    ]


def compared(opened: rasterio.DatasetReader, x: float, y: float) -> tuple[str, str] | None:
    """Return the colour of the pixel at a place, and that of where its centre lies on Earth."""
    row, col = opened.index(x, y)
    if not (0 <= row < opened.height and 0 <= col < opened.width):
        return None
    to_degrees = Transformer.from_crs(opened.crs.to_wkt(), "EPSG:4326", always_xy=True)
    lon, lat = to_degrees.transform(*opened.xy(row, col))
    if not (0.05 < abs(lon) < 179.95 and 0.05 < abs(lat) < 89.95):
        return None  # too near to where two colours meet
    red, green, blue, alpha = opened.read(window=Window(col, row, 1, 1))[:, 0, 0].tolist()
    assert alpha == 255, (lon, lat)
    return f"#{red:02x}{green:02x}{blue:02x}", COLOURS[quadrant(lon, lat)]


@pytest.mark.parametrize("name", regular_sets())
def test_wmts(world: str, name: str) -> None:
    text = json.dumps(COLOURS, separators=(",", ":"))
    address = f"{world}/wmts/1.0.0/WMTSCapabilities.xml?colormap={quote(text, safe='')}"
    with rasterio.open(f"WMTS:{address},layer=world,tilematrixset={name},zoom_level=2") as opened:
        tms: Any = named_tms(name)
        last = tms.tileMatrices[2]  # of some sets the first is called 1
        z = int(last.id)
        left, _, _, top = tms.xy_bounds(0, 0, z)
        _, bottom, right, _ = tms.xy_bounds(last.matrixWidth - 1, last.matrixHeight - 1, z)
        assert opened.res[0] == pytest.approx(last.cellSize)
        # A matrix may cover less than one that is coarser.
        points = [
            (x, y)
            for x, y in points_in(name, opened.crs.to_wkt())
            if left < x < right and bottom < y < top
        ]
        found = [compared(opened, x, y) for x, y in points]
        seen = [one for one in found if one is not None]
        # All of what these tiles cover, to within one of them: the layer is the whole world.
        rim = 256 * opened.res[0]
        assert opened.bounds.left <= left + rim
        assert opened.bounds.right >= right - rim
        assert opened.bounds.bottom <= bottom + rim
        assert opened.bounds.top >= top - rim
    assert len(seen) >= 4
    assert [got for got, _ in seen] == [expected for _, expected in seen]
