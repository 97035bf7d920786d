from __future__ import annotations

import csv
from io import StringIO
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from pyproj import Transformer

from tests.render.sources import ArraySource, grid
from tests.server.client import Client
from tests.server.conftest import scene
from xcube_tiles.errors import DimensionError, SizeLimitError
from xcube_tiles.grid.celltype import CellType
from xcube_tiles.render.instants import select_span
from xcube_tiles.render.series import series_at
from xcube_tiles.server.app import create_app
from xcube_tiles.server.operations.limits import Limits

if TYPE_CHECKING:
    from pathlib import Path

SCENE = scene()
ROW, COL = 100, 250
LON, LAT = Transformer.from_crs(32633, 4326, always_xy=True).transform(
    float(SCENE["x"][COL]), float(SCENE["y"][ROW])
)
TIMES = ["2018-05-06T00:00:00Z", "2018-05-24T00:00:00Z", "2018-06-15T00:00:00Z"]


def ask(client: Client, **query: Any) -> dict[str, Any]:
    answer = client.get("/layers/scene/series", params={"lon": LON, "lat": LAT, **query})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_each_band_has_a_value_at_each_time(client: Client) -> None:
    found = ask(client)
    assert found["times"] == TIMES
    assert found["values"]["ndvi"] == SCENE["ndvi"].values[:, ROW, COL].tolist()
    assert found["values"]["landcover"] == [1, 1, 1]


def test_expressions_and_chosen_bands(client: Client) -> None:
    found = ask(client, expression="ndvi * 2", bands="landcover")
    assert list(found["values"]) == ["ndvi * 2", "landcover"]
    expected = SCENE["ndvi"].values[:, ROW, COL] * np.float32(2)
    assert found["values"]["ndvi * 2"] == expected.tolist()


def test_a_band_at_a_time_of_its_own_is_a_baseline(client: Client) -> None:
    found = ask(client, expression='ndvi - band("ndvi@2018-05-06")')
    (values,) = found["values"].values()
    ndvi = SCENE["ndvi"].values[:, ROW, COL]
    assert values == (ndvi - ndvi[0]).tolist()


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"start": "2018-05-20"}, TIMES[1:]),
        ({"end": "2018-05"}, TIMES[:2]),
        ({"start": "2018-05-07", "end": "2018-05-24"}, TIMES[1:2]),
        ({"start": "2019"}, []),
    ],
)
def test_spans_include_both_ends(
    client: Client, query: dict[str, str], expected: list[str]
) -> None:
    found = ask(client, **query)
    assert found["times"] == expected
    assert len(found["values"]["ndvi"]) == len(expected)


def test_csv_has_a_row_for_each_time(client: Client) -> None:
    query = {"lon": LON, "lat": LAT, "format": "csv", "bands": "landcover,ndvi"}
    answer = client.get("/layers/scene/series", params=query)
    assert answer.headers["content-type"].startswith("text/csv")
    rows = list(csv.reader(StringIO(answer.text)))
    assert rows[0] == ["time", "landcover", "ndvi"]
    assert [row[0] for row in rows[1:]] == TIMES
    values = [float(row[2]) for row in rows[1:]]
    assert values == SCENE["ndvi"].values[:, ROW, COL].tolist()


def test_outside_of_the_layer_nothing_is_known(client: Client) -> None:
    found = ask(client, lon=0, lat=0)
    assert found["values"] == {"ndvi": [None] * 3, "landcover": [None] * 3}
    rows = list(
        csv.reader(StringIO(client.get("/layers/scene/series?lon=0&lat=0&format=csv").text))
    )
    assert rows[1] == [TIMES[0], "", ""]


@pytest.mark.parametrize(
    ("query", "status", "text"),
    [
        ({"lon": 600}, 422, "lon"),
        ({"bands": "red"}, 400, "unknown variable 'red'"),
        ({"start": "yesterday"}, 400, "ISO 8601"),
        ({"start": "2019", "end": "2018"}, 400, "ends before it starts"),
        ({"expression": "ndvi +"}, 400, "ndvi +"),
        ({"format": "xml"}, 422, "format"),
    ],
)
def test_wrong_requests_are_told_so(
    client: Client, query: dict[str, Any], status: int, text: str
) -> None:
    answer = client.get("/layers/scene/series", params={"lon": LON, "lat": LAT, **query})
    assert (answer.status_code, text in answer.json()["detail"]) == (status, True), answer.text


def test_the_length_is_limited(catalog: Path) -> None:
    small = Client(create_app(catalog, limits=Limits(series=2)))
    answer = small.get("/layers/scene/series", params={"lon": LON, "lat": LAT})
    assert answer.status_code == 413
    assert "3 instants, and 2 are allowed" in answer.json()["detail"]
    assert len(ask(small, start="2018-05-20")["times"]) == 2


def series_source(count: int) -> ArraySource:
    """Return cells that hold their time, the first time last, with NoData and an infinity."""
    cells = np.arange(count, dtype=np.float32)[:, np.newaxis, np.newaxis] * np.ones((1, 3, 3))
    cells[1], cells[2] = -1, np.inf
    days = np.datetime64("2020-01-01") + np.arange(count)[::-1]
    return ArraySource(
        {"v": [cells.astype(np.float32)]},
        grid((3, 3), "EPSG:4326", left=0, top=3, cell=1),
        types={"v": CellType.parse("float32ud-1")},
        times=[str(day) for day in days],
    )


def test_one_cell_is_read_for_each_time_that_is_asked_for() -> None:
    source = series_source(20)
    found = series_at(source, 1.5, 1.5, start="2020-01-15")
    assert len(source.reads) == len(found.times) == 6
    cell = slice(1, 2)
    assert all((r.rows, r.cols, r.level) == (cell, cell, 0) for r in source.reads)
    assert found.values["v"] == [5.0, 4.0, 3.0, None, None, 0.0]
    assert (np.diff(found.times) > np.timedelta64(0, "ns")).all()


def test_spans_of_no_axis_or_too_many_times_are_refused() -> None:
    with pytest.raises(DimensionError, match="no time axis"):
        select_span(None, "2018")
    with pytest.raises(SizeLimitError, match="20 instants"):
        series_at(series_source(20), 1.5, 1.5, most=19)
