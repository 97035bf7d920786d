from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from rasterio.features import geometry_mask
from zarr.storage import MemoryStore

from tests.render.sources import ArraySource, grid
from tests.server.client import Client
from tests.server.conftest import scene
from xcube_tiles.catalog.reader import open_catalog
from xcube_tiles.catalog.writer import to_catalog
from xcube_tiles.errors import RegionError, SizeLimitError
from xcube_tiles.render.region_statistics import Wanted, described, region_statistics
from xcube_tiles.server.app import create_app

if TYPE_CHECKING:
    from numpy.typing import NDArray

SCENE = scene()
LEFT, TOP, CELL = 400_000, 5_650_000, 200
TRIANGLE = {
    "type": "Polygon",
    "coordinates": [
        [[410_050, 5_640_050], [440_150, 5_640_050], [425_000, 5_580_000], [410_050, 5_640_050]]
    ],
}
INSIDE = ~geometry_mask([TRIANGLE], (600, 600), Affine(CELL, 0, LEFT, 0, -CELL, TOP))


def ask(client: Client, area: dict[str, Any] | None = None, **query: Any) -> dict[str, Any]:
    if area is None:
        answer = client.get("/layers/scene/statistics", params=query)
    else:
        query = {"coord_crs": "native", **query}
        answer = client.post("/layers/scene/statistics", params=query, json=area)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def check(found: dict[str, Any], values: NDArray[Any], cells: int) -> None:
    """Compare an answer about a band with numpy."""
    finite = values[np.isfinite(values)].astype(float)
    assert found["count"] == finite.size
    assert found["valid"] == finite.size / cells
    assert (found["min"], found["max"]) == (finite.min(), finite.max())
    np.testing.assert_allclose(
        [found["mean"], found["std"], found["median"]],
        [finite.mean(), finite.std(), np.median(finite)],
        rtol=1e-12,
    )
    np.testing.assert_allclose(
        [found["percentiles"]["p2"], found["percentiles"]["p98"]], np.percentile(finite, [2, 98])
    )
    counts, edges = np.histogram(finite, 10)
    assert found["histogram"]["counts"] == counts.tolist()
    np.testing.assert_allclose(found["histogram"]["edges"], edges)


def test_a_polygon_has_the_cells_that_rasterio_finds(client: Client) -> None:
    found = ask(client, TRIANGLE, time="2018-05-06")
    assert (found["level"], found["exact"], found["resolution"]) == (0, True, [200.0, 200.0])
    assert found["cells"] == INSIDE.sum()
    (of_time,) = found["times"]
    assert of_time["time"] == "2018-05-06T00:00:00Z"
    for name in ("ndvi", "landcover"):
        check(of_time["bands"][name], SCENE[name].values[0][INSIDE], int(INSIDE.sum()))
    assert of_time["bands"]["ndvi"]["valid"] < 1
    assert found["stored"] is None


def test_each_time_is_told_apart(client: Client) -> None:
    found = ask(client, TRIANGLE, start="2018-05", bands="ndvi")
    assert [each["time"][:10] for each in found["times"]] == [
        "2018-05-06",
        "2018-05-24",
        "2018-06-15",
    ]
    for i, each in enumerate(found["times"]):
        check(each["bands"]["ndvi"], SCENE["ndvi"].values[i][INSIDE], int(INSIDE.sum()))


def test_a_bbox_in_its_own_crs_has_the_cells_whose_centres_it_holds(client: Client) -> None:
    # 90 m into the outer cells: their centres, at 100 m, are inside; 110 m further they aren't.
    west, north = LEFT + 20 * CELL + 90, TOP - 30 * CELL - 90
    bbox = f"{west},{north - 50 * CELL},{west + 60 * CELL},{north}"
    found = ask(client, bbox=bbox, coord_crs="EPSG:32633", expression="ndvi * 2")
    assert found["cells"] == 50 * 60
    values = SCENE["ndvi"].values[2, 30:80, 20:80] * np.float32(2)
    check(found["times"][0]["bands"]["ndvi * 2"], values, 3000)
    assert list(found["times"][0]["bands"]) == ["ndvi * 2"]


def test_max_size_chooses_a_level_and_says_which(client: Client) -> None:
    found = ask(client, max_size=300, bands="landcover")
    assert (found["level"], found["exact"], found["resolution"]) == (1, False, [400.0, 400.0])
    assert found["cells"] == 300 * 300
    assert found["times"][0]["bands"]["landcover"]["mean"] == 1.0
    assert ask(client, max_size=600)["level"] == 0


def test_values_are_counted_one_by_one(client: Client) -> None:
    found = ask(client, TRIANGLE, categorical=True, bands="landcover", bins=0)
    band = found["times"][0]["bands"]["landcover"]
    values, counts = np.unique(SCENE["landcover"].values[0][INSIDE], return_counts=True)
    assert [each["value"] for each in band["categories"]] == values.tolist()
    assert [each["count"] for each in band["categories"]] == counts.tolist()
    assert [each["label"] for each in band["categories"]] == ["land", "water"]
    assert sum(each["share"] for each in band["categories"]) == pytest.approx(1)
    assert band["histogram"] is None


def test_bins_range_and_percentiles_are_chosen(client: Client) -> None:
    values = SCENE["ndvi"].values[2][INSIDE]
    values = values[np.isfinite(values)].astype(float)
    found = ask(client, TRIANGLE, bands="ndvi", bins=4, range="0.5,1", percentiles="10,50,99.5")
    band = found["times"][0]["bands"]["ndvi"]
    assert band["histogram"]["counts"] == np.histogram(values, 4, (0.5, 1))[0].tolist()
    assert list(band["percentiles"]) == ["p10", "p50", "p99.5"]
    assert band["percentiles"]["p99.5"] == pytest.approx(np.percentile(values, 99.5))
    found = ask(client, TRIANGLE, bands="ndvi", bins="0,0.6,0.7,1")
    counts = found["times"][0]["bands"]["ndvi"]["histogram"]["counts"]
    assert counts == np.histogram(values, [0, 0.6, 0.7, 1])[0].tolist()


def test_what_a_layer_keeps_comes_with_the_whole_of_it() -> None:
    store = MemoryStore()
    to_catalog(SCENE, store, "scene", progress=False)
    catalog = open_catalog(store)
    assert ask(Client(create_app(catalog)))["stored"] is None
    catalog.compute_statistics("scene")
    stored = ask(Client(create_app(catalog)))["stored"]
    ndvi = SCENE["ndvi"].values.astype(float)
    assert stored["ndvi"]["mean"] == pytest.approx(np.nanmean(ndvi), rel=1e-6)
    assert stored["ndvi"]["max"] == pytest.approx(np.nanmax(ndvi), rel=1e-6)
    assert "histogram" not in stored["ndvi"]


@given(
    npst.arrays(np.float64, st.integers(1, 60), elements=st.floats(-1e6, 1e6, width=32)),
    st.integers(1, 20),
)
def test_numbers_are_numpys(values: NDArray[np.float64], bins: int) -> None:
    holed = np.concatenate([values, [np.nan, np.inf]])
    found = described(holed, Wanted(bins=bins, percentiles=(5, 95), categorical=True))
    assert found.count == values.size
    assert found.valid == values.size / holed.size
    assert found.percentiles == dict(
        zip(["p5", "p95"], np.percentile(values, [5, 95]).tolist(), strict=True)
    )
    assert found.counts is not None
    assert sum(found.counts) == values.size
    assert found.categories is not None
    assert sum(count for _, count in found.categories) == values.size


def test_without_a_value_numbers_are_null(client: Client) -> None:
    found = ask(
        client,
        bbox=f"{LEFT},{TOP - 305 * CELL},{LEFT + 4 * CELL},{TOP - 295 * CELL}",
        coord_crs="native",
        bands="ndvi",
    )
    band = found["times"][0]["bands"]["ndvi"]
    assert (band["count"], band["valid"]) == (0, 0)
    assert [band[name] for name in ("min", "max", "mean", "std", "median", "histogram")] == [
        None
    ] * 6
    assert band["percentiles"] == {"p2": None, "p98": None}


def test_a_polygon_smaller_than_a_cell_has_no_cell(client: Client) -> None:
    x, y = LEFT + 1010, TOP - 1010
    tiny = {"type": "Polygon", "coordinates": [[[x, y], [x + 9, y], [x, y - 9], [x, y]]]}
    found = ask(client, tiny)
    assert found["cells"] == 0
    assert found["times"][0]["bands"]["ndvi"]["valid"] is None


@pytest.mark.parametrize(
    ("query", "status", "text"),
    [
        ({"percentiles": "2,101"}, 400, "from 0 to 100"),
        ({"percentiles": "a"}, 400, "numbers parted by commas"),
        ({"bins": "1001"}, 400, "0 to 1000 bins"),
        ({"bins": "-1"}, 400, "0 to 1000 bins"),
        ({"bins": "2,1"}, 400, "ascending"),
        ({"bins": "1e400"}, 400, "finite"),
        ({"range": "1"}, 400, "two numbers"),
        ({"range": "1,0"}, 400, "lower to a higher"),
        ({"bins": "0,1", "range": "0,1"}, 400, "not both"),
        ({"bands": "red"}, 400, "unknown variable 'red'"),
        ({"bands": "ndvi", "categorical": True}, 400, "different values"),
        ({"bbox": "0,0,1,1"}, 400, "doesn't reach"),
        ({"max_size": 0}, 422, "max_size"),
    ],
)
def test_wrong_requests_are_told_so(
    client: Client, query: dict[str, Any], status: int, text: str
) -> None:
    answer = client.get("/layers/scene/statistics", params=query)
    assert (answer.status_code, text in answer.json()["detail"]) == (status, True), answer.text


def test_many_cells_are_refused_before_they_are_read() -> None:
    source = ArraySource(
        {"v": [np.zeros((2, 10, 10))]},
        grid((10, 10), "EPSG:32633", left=0, top=0, cell=1),
        times=["2020", "2021"],
    )
    with pytest.raises(SizeLimitError, match="100 cells of 1 bands at 2 times"):
        region_statistics(source, times=(0, 1), most=199)
    assert source.reads == []
    with pytest.raises(RegionError, match="can't be counted"):
        described(np.array([-1.7e308, 1.7e308]), Wanted(bins=1000))
    assert region_statistics(source, times=(0, 1), most=200).cells == 100


@pytest.mark.parametrize("low", [2.0**63, 1e17, 1e-323])
@pytest.mark.parametrize("spread", [0, 1, 3])
def test_values_that_are_nearly_the_same_float_have_a_histogram(low: float, spread: int) -> None:
    values = low + np.spacing(low) * np.arange(spread + 1)
    found = described(values, Wanted(bins=10))
    assert found.edges is not None
    assert found.counts is not None
    assert (len(found.counts), sum(found.counts)) == (10, spread + 1)
    assert found.edges[0] <= low
    assert found.edges[-1] >= values[-1]
    assert (np.diff(found.edges) > 0).all()


def test_the_largest_floats_have_statistics_that_json_holds() -> None:
    found = described(np.array([1e300, 1.6e308, 1.7e308]), Wanted(bins=2))
    assert (found.min, found.max, found.median) == (1e300, 1.7e308, 1.6e308)
    assert (found.mean, found.std, found.counts) == (None, None, [1, 2])
