from __future__ import annotations

import socket
import threading
import time
from typing import TYPE_CHECKING

import numpy as np
import pytest
import uvicorn

from tests.render.sources import ArraySource, grid, numbered
from tests.server.client import Client
from xcube_tiles.catalog.reader import open_catalog
from xcube_tiles.grid.celltype import CellType
from xcube_tiles.server.app import create_app

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from fastapi import FastAPI


def sources() -> dict[str, ArraySource]:
    """Return layers beside the catalog's: numbered cells in degrees, LAEA and across +-180."""
    halves = np.zeros((100, 100), dtype=np.uint8)
    halves[:, 50:] = 1
    return {
        "degrees": numbered((400, 400), "EPSG:4326", left=10, top=56, cell=0.02),
        "laea": numbered((300, 300), "EPSG:3035", left=4_400_000, top=3_200_000, cell=1000),
        "fiji": numbered((40, 40), "EPSG:4326", left=170, top=-5, cell=0.5),
        # Its name and that of its variable have to be escaped, in XML and in addresses.
        "a & b <c>": ArraySource(
            {"east & west": [halves]},
            grid((100, 100), "EPSG:32633", left=400_000, top=5_650_000, cell=1200),
            types={"east & west": CellType.parse("uint8ud0")},
        ),
    }


@pytest.fixture(scope="session")
def app(catalog: Path) -> FastAPI:
    """Return a server of the catalog's `scene` and of further layers."""
    return create_app(open_catalog(catalog), sources=sources())


@pytest.fixture(scope="session")
def ogc(app: FastAPI) -> Client:
    """Return a client of that server."""
    return Client(app)


@pytest.fixture(scope="session")
def address(app: FastAPI) -> Iterator[str]:
    """Return the address of that server on loopback."""
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.bind(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="off"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    server.should_exit = True
    thread.join()
    listening.close()
