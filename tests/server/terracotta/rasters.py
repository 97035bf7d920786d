"""Rasters whose cells are the pixels of one map tile, and a database as Terracotta makes it."""

from __future__ import annotations

import io
import json
import sqlite3
from typing import TYPE_CHECKING, Any

import numpy as np
from affine import Affine
from PIL import Image

from tests.sources.rasters import write_raster

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import httpx
    from numpy.typing import NDArray

Z, X, Y = 10, 554, 341
TILE = f"{Z}/{X}/{Y}.png"
"""The tile that the rasters cover."""

HALF = 20037508.342789244
EDGE = 2 * HALF / 2**Z
PIXELS = Affine(EDGE / 256, 0, X * EDGE - HALF, 0, -EDGE / 256, HALF - Y * EDGE)

BANDS = ("B02", "B03", "B04")
DATES = ("20180506", "20180524")
NODATA = 0


def cells(date: str, band: str) -> NDArray[np.uint16]:
    """Return the cells of a raster; each date and band has its own corner without a value."""
    rows, cols = np.mgrid[0:256, 0:256]
    found = 100 + rows * 3 + cols * (2 + BANDS.index(band)) + 50 * DATES.index(date)
    corner = 10 * (BANDS.index(band) + 1)
    found[:corner, :corner] = NODATA
    result: NDArray[np.uint16] = found.astype(np.uint16)
    return result


def write_rasters(folder: Path) -> str:
    """Write all rasters; return their pattern."""
    for date in DATES:
        for band in BANDS:
            write_raster(
                folder / f"S2_{date}_{band}.tif",
                cells(date, band),
                transform=PIXELS,
                crs="EPSG:3857",
                nodata=NODATA,
            )
    return f"{folder}/{{sensor}}_{{date}}_{{band}}.tif"


def levels(values: NDArray[Any], low: float, high: float) -> NDArray[np.uint8]:
    """Return what Terracotta's documentation says: 1 to 255 by a linear stretch, 0 for NoData."""
    place = np.clip((values.astype(float) - low) / (high - low), 0, 1)
    return np.where(values == NODATA, 0, np.rint(1 + 254 * place)).astype(np.uint8)


def picture(answer: httpx.Response) -> Image.Image:
    """Return the picture of an answer that is one."""
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "image/png"
    return Image.open(io.BytesIO(answer.content))


def pixels(answer: httpx.Response) -> NDArray[np.uint8]:
    """Return levels, palette indices or colours."""
    return np.asarray(picture(answer))


def rgba(answer: httpx.Response) -> NDArray[np.uint8]:
    return np.asarray(picture(answer).convert("RGBA"))


SCHEMA = """
CREATE TABLE terracotta (version VARCHAR(255) PRIMARY KEY);
CREATE TABLE key_names (key_name VARCHAR(60) PRIMARY KEY, description VARCHAR(8000),
    idx INTEGER UNIQUE);
CREATE TABLE datasets ({keys}, path VARCHAR(8000), PRIMARY KEY ({names}));
CREATE TABLE metadata ({keys}, bounds_north FLOAT(53), bounds_east FLOAT(53),
    bounds_south FLOAT(53), bounds_west FLOAT(53), convex_hull TEXT, valid_percentage FLOAT(53),
    min FLOAT(53), max FLOAT(53), mean FLOAT(53), stdev FLOAT(53), percentiles {blob},
    metadata TEXT, PRIMARY KEY ({names}))
"""


def statements(keys: tuple[str, ...], *, blob: str = "BLOB") -> list[str]:
    """Return the statements that make Terracotta's tables."""
    columns = ", ".join(f"{key} VARCHAR(60)" for key in keys)
    text = SCHEMA.format(keys=columns, names=", ".join(keys), blob=blob)
    return [statement.strip() for statement in text.split(";")]


def metadata_row(values: NDArray[Any], extra: object = None) -> dict[str, Any]:
    """Return the columns of one raster's metadata, as Terracotta stores them."""
    valid = values[values != NODATA].astype(float)
    ring = [[14.0, 51.0], [15.0, 51.0], [15.0, 52.0], [14.0, 51.0]]
    return {
        "bounds_north": 14.0,
        "bounds_east": 51.0,
        "bounds_south": 15.0,
        "bounds_west": 52.0,
        "convex_hull": json.dumps({"type": "Polygon", "coordinates": [ring]}),
        "valid_percentage": 100 * valid.size / values.size,
        "min": valid.min(),
        "max": valid.max(),
        "mean": valid.mean(),
        "stdev": valid.std(),
        "percentiles": np.percentile(valid, np.arange(1, 100)).astype("<f4").tobytes(),
        "metadata": json.dumps({} if extra is None else extra),
    }


def write_database(
    path: Path,
    paths: Mapping[Any, str],
    *,
    keys: tuple[str, ...] = ("sensor", "date", "band"),
    metadata: Mapping[Any, Mapping[str, Any]] | None = None,
) -> Path:
    """Write a database of Terracotta by its published tables."""
    connection = sqlite3.connect(path)
    for statement in statements(keys):
        connection.execute(statement)
    connection.execute("INSERT INTO terracotta VALUES ('0.10.1')")
    for place, key in enumerate(keys):
        said = "Spectral band" if key == "band" else ""
        connection.execute("INSERT INTO key_names VALUES (?, ?, ?)", (key, said, place))
    for texts, file in paths.items():
        marks = ", ".join("?" * (len(keys) + 1))
        connection.execute(f"INSERT INTO datasets VALUES ({marks})", (*texts, file))
    for texts, row in (metadata or {}).items():
        marks = ", ".join("?" * (len(keys) + len(row)))
        connection.execute(f"INSERT INTO metadata VALUES ({marks})", (*texts, *row.values()))
    connection.commit()
    connection.close()
    return path
