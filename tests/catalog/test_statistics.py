"""What a layer knows of itself: statistics, histograms, attributes, history."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from zarr.storage import MemoryStore

import xcube_tiles as xt
from tests.catalog.cubes import cube_of, random_cube
from xcube_tiles.catalog.managing import distribution
from xcube_tiles.catalog.stores.lock import Lock
from xcube_tiles.errors import CatalogError, LayerBusyError


def catalog_of(cube: Any, **options: Any) -> xt.Catalog:
    """Return a catalog in memory with one layer."""
    store = MemoryStore()
    cube.tiles.to_catalog(store, "scene", **options)
    return xt.open_catalog(store)


def test_classes_are_counted_by_hand() -> None:
    catalog = catalog_of(cube_of([[1, 1, 1], [3, 3, -9999]]))
    layer = catalog.compute_statistics("scene")
    assert layer.level_statistics(0) == {
        "band": {
            "min": 1.0, "max": 3.0, "mean": 1.8, "std": 0.9797959, "p2": 1.0, "p50": 1.0,
            "p98": 3.0, "valid": 0.8333,
            "histogram": {"values": [1, 3], "counts": [3, 2]},
        }
    }  # fmt: skip
    edges, counts = layer.histogram("band")
    assert edges.tolist() == [0.5, 1.5, 2.5, 3.5]
    assert counts.tolist() == [3, 0, 2]


@pytest.mark.parametrize("spread", [200, 3000, 30_000])
def test_integers_are_exact(spread: int) -> None:
    random = np.random.default_rng(1)
    values = random.integers(-spread, spread, (2, 300, 290)).astype("int16")
    values[:, ::7] = -32768
    catalog = catalog_of(cube_of(values, cells="int16"), resampling="nearest")
    layer = catalog.compute_statistics("scene")
    for level in layer.levels:
        cells = catalog.read("scene", zoom=level.zoom).band.values
        cells = cells[cells != -32768]
        found = layer.level_statistics(level.number)["band"]
        expected = [cells.min(), cells.max(), cells.mean(), cells.std()]
        expected += list(np.percentile(cells, [2, 50, 98]))
        names = ["min", "max", "mean", "std", "p2", "p50", "p98"]
        np.testing.assert_allclose([found[n] for n in names], expected, rtol=1e-6, atol=1e-6)
        edges, counts = layer.histogram("band", level=level.number)
        np.testing.assert_array_equal(np.histogram(cells, edges)[0], counts)
        assert counts.sum() == cells.size


def test_floats_are_off_by_a_bin_at_most() -> None:
    values = np.random.default_rng(2).normal(5, 2, (300, 290)).astype("float32")
    values[5:9] = np.nan
    catalog = catalog_of(cube_of(values, cells="float32"))
    layer = catalog.compute_statistics("scene", levels=[0])
    found = layer.level_statistics(0)["band"]
    cells = values[~np.isnan(values)].astype(float)
    step = (cells.max() - cells.min()) / 65536
    for name, percent in (("p2", 2), ("p50", 50), ("p98", 98)):
        assert abs(found[name] - np.percentile(cells, percent)) <= 1.01 * step
    edges, counts = layer.histogram("band")
    assert len(counts) == 256
    assert counts.sum() == cells.size
    assert np.abs(np.histogram(cells, edges)[0] - counts).sum() <= 4
    with pytest.raises(CatalogError, match="no statistics of level 1, those of 0"):
        layer.level_statistics(1)


@given(
    st.lists(st.integers(-9999, 9999), min_size=1, max_size=40),
    st.sampled_from(["int16ud-9999", "float32"]),
)
def test_small_cubes_agree_with_numpy(values: list[int], cells: str) -> None:
    cube = cube_of([values], cells=cells)
    layer = catalog_of(cube).compute_statistics("scene")
    found = layer.level_statistics(0)["band"]
    valid = np.array([v for v in values if cells == "float32" or v != -9999], float)
    if not valid.size:
        assert found["min"] is None
        assert found["histogram"] is None
        with pytest.raises(CatalogError, match="no valid cell"):
            layer.histogram("band")
        return
    step = 0.0 if cells != "float32" else (valid.max() - valid.min()) / 65536
    expected = [*np.percentile(valid, [0, 100]), valid.mean()]
    numbers = [found[n] for n in ("min", "max", "mean")]
    np.testing.assert_allclose(numbers, expected, atol=1e-2, rtol=1e-6)
    if not step:
        percentiles = [found[n] for n in ("p2", "p50", "p98")]
        np.testing.assert_allclose(percentiles, np.percentile(valid, [2, 50, 98]), rtol=1e-6)
    assert layer.histogram("band")[1].sum() == valid.size


def test_statistics_of_cells_end_with_the_cells() -> None:
    catalog = catalog_of(random_cube((300, 90)))
    before = catalog["scene"].statistics
    layer = catalog.compute_statistics("scene", levels=[0])
    layer = catalog.compute_statistics("scene", levels=[1])
    assert layer.statistics == before
    assert set(layer.metadata["level_statistics"]) == {"0", "1"}
    assert catalog.verify(deep=True).problems == ()
    catalog.write(random_cube((300, 90), seed=1), "scene", overwrite=True)
    with pytest.raises(CatalogError, match="those of none"):
        catalog["scene"].level_statistics(0)


def test_attributes_change_in_one_step() -> None:
    cube = random_cube((20, 20)).assign_attrs(title="before", kept=1, gone=2)
    catalog = catalog_of(cube)
    before = catalog.read("scene").compute()
    layer = catalog.set_attributes(
        "scene", {"title": "after", "gone": None, "source": "S2", "year": np.int16(2018)}
    )
    assert layer.attrs == {"title": "after", "kept": 1, "source": "S2", "year": 2018}
    assert layer.revision == 2
    assert [event["operation"] for event in layer.history] == ["write", "set_attributes"]
    assert layer.history[1]["names"] == ["gone", "source", "title", "year"]
    assert layer.provenance["source"] == "S2"
    assert layer.provenance["resampling"] == {"band": "mean"}
    assert layer.provenance["updated"] == layer.history[1]["when"]
    np.testing.assert_array_equal(catalog.read("scene").band, before.band)
    assert catalog.verify().problems == ()
    with Lock(catalog.store, "scene"), pytest.raises(LayerBusyError):
        catalog.set_attributes("scene", {"title": "x"})


def test_statistics_of_a_layer_that_changed_meanwhile_are_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    catalog = catalog_of(random_cube((20, 20)))
    real = distribution.level_statistics

    def slow(*args: Any) -> Any:
        catalog.set_attributes("scene", {"title": "new"})
        return real(*args)

    monkeypatch.setattr("xcube_tiles.catalog.methods.managing.level_statistics", slow)
    with pytest.raises(LayerBusyError, match="was changed while its statistics were computed"):
        catalog.compute_statistics("scene")


def test_the_largest_floats_have_statistics_that_json_holds() -> None:
    values = np.linspace(1e300, 1.5e308, 16).reshape(4, 4)
    layer = catalog_of(cube_of(values, cells="float64"), levels=1).compute_statistics("scene")
    for found in (layer.statistics["band"], layer.level_statistics(0)["band"]):
        assert (found["min"], found["max"]) == (1e300, 1.5e308)
        assert found["mean"] is None
        assert found["std"] is None


@pytest.mark.parametrize(
    ("low", "cells"), [(4_000_000_000, "uint32ud0"), (10**12, "int64"), (2.5e9, "float64")]
)
def test_large_values_keep_the_digits_that_differ(low: float, cells: str) -> None:
    values = np.arange(100).reshape(10, 10) + np.asarray(low).astype("float64")
    layer = catalog_of(cube_of(values, cells=cells), levels=1).compute_statistics("scene")
    for found in (layer.statistics["band"], layer.level_statistics(0)["band"]):
        assert (found["min"], found["max"], found["mean"]) == (low, low + 99, low + 49.5)
