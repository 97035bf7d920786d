from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from shapely.geometry import shape

import xcube_tiles as xt
from tests.sources.rasters import ramp, write_raster
from xcube_tiles.errors import CollectionError
from xcube_tiles.sources import statistics as module
from xcube_tiles.sources.statistics import Moments, moments_of

if TYPE_CHECKING:
    from pathlib import Path

    from xcube_tiles.sources.raster import RasterStatistics


def statistics_of_file(path: Path) -> RasterStatistics:
    files = xt.Collection().add(str(path), band="cells").compute_statistics(progress=False)
    [row] = files
    assert row.statistics is not None
    return row.statistics


def check(found: RasterStatistics, valid: Any, size: int) -> None:
    wide = np.sort(np.asarray(valid, np.float64))
    assert found.valid_share == wide.size / size
    assert found.minimum == wide.min()
    assert found.maximum == wide.max()
    assert found.mean == pytest.approx(wide.mean(), rel=1e-13)
    assert found.std == pytest.approx(wide.std(), rel=1e-12)
    assert found.percentiles is not None
    expected = np.percentile(wide, np.arange(1.0, 100.0))
    np.testing.assert_allclose(np.array(found.percentiles), expected, rtol=1e-14)


@pytest.mark.parametrize("dtype", ["uint8", "int16", "uint16", "int32", "float32", "float64"])
@pytest.mark.parametrize("block_cells", [1, 2000, 2**22])
def test_statistics_equal_numpy_on_the_whole_raster(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dtype: str, block_cells: int
) -> None:
    monkeypatch.setattr(module, "_BLOCK_CELLS", block_cells)
    cells = np.random.default_rng(5).integers(0, 200, (90, 110)).astype(dtype)
    path = write_raster(
        tmp_path / "a.tif", cells, nodata=7, tiled=True, blockxsize=32, blockysize=16
    )
    check(statistics_of_file(path), cells[cells != 7], cells.size)


def test_large_rasters_are_counted_in_passes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cells = np.random.default_rng(5).normal(0, 1, (60, 70)).astype("float32")
    path = write_raster(tmp_path / "a.tif", cells)
    once = statistics_of_file(path)
    monkeypatch.setattr(module, "IN_MEMORY", 100)
    assert statistics_of_file(path) == once


def test_scale_mask_and_infinity(tmp_path: Path) -> None:
    cells = ramp(20, 30, dtype="uint16")
    mask = cells % 3 > 0
    path = write_raster(tmp_path / "a.tif", cells, mask=mask, scale=0.5, offset=1)
    check(statistics_of_file(path), (cells[mask] * 0.5 + 1).astype("float32"), cells.size)
    floats = ramp(20, 30, dtype="float32")
    floats[0, :3] = np.inf, -np.inf, np.nan
    found = statistics_of_file(write_raster(tmp_path / "b.tif", floats))
    check(found, floats[np.isfinite(floats)], floats.size)


def test_a_raster_without_values(tmp_path: Path) -> None:
    path = write_raster(tmp_path / "a.tif", np.full((5, 7), -1, "int16"), nodata=-1)
    found = statistics_of_file(path)
    assert found.valid_share == 0
    assert found.footprint is None
    assert found.percentiles is None
    assert (found.minimum, found.maximum, found.mean, found.std) == (None,) * 4


def test_the_footprint_surrounds_the_valid_cells(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_BLOCK_CELLS", 1)
    cells = np.zeros((40, 50), "uint8")
    cells[5:10, 6:20] = 1
    cells[35, 45] = 1
    tiles: dict[str, Any] = {"tiled": True, "blockxsize": 16, "blockysize": 16}
    west, south, east, north = shape(
        statistics_of_file(write_raster(tmp_path / "a.tif", cells, nodata=0, **tiles)).footprint
    ).bounds
    whole = statistics_of_file(write_raster(tmp_path / "b.tif", cells, **tiles))
    assert whole.bounds.xmin < west < east < whole.bounds.xmax
    assert whole.bounds.ymin < south < north < whole.bounds.ymax
    assert shape(whole.footprint).bounds == pytest.approx(whole.bounds)


def test_computed_once_and_in_any_number_of_threads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for n in range(6):
        write_raster(tmp_path / f"{n}.tif", ramp(30, 30, start=n))
    files = xt.scan(f"{tmp_path}/{{n}}.tif")
    one = files.compute_statistics(workers=1, progress=False)
    assert one == files.compute_statistics(workers=5, progress=False)
    assert all(row.statistics is None for row in files)
    half = xt.Collection([*list(one)[:3], *list(files)[3:]])
    calls: list[str] = []
    real = module.raster_statistics

    def counting(raster: Any, *args: Any) -> RasterStatistics:
        calls.append(raster.keys["n"])
        return real(raster, *args)

    monkeypatch.setattr(module, "raster_statistics", counting)
    assert half.compute_statistics(progress=False) == one
    assert sorted(calls) == ["3", "4", "5"]


def test_the_progress_bar_counts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for n in range(2):
        write_raster(tmp_path / f"{n}.tif", ramp())
    files = xt.scan(f"{tmp_path}/{{n}}.tif")
    files.compute_statistics()
    assert capsys.readouterr().err == ""
    with xt.set_options(progress=True):
        files.compute_statistics()
    shown = capsys.readouterr().err
    assert "statistics [####################                    ] 1/2" in shown
    assert shown.endswith("] 2/2\n")
    with pytest.raises(CollectionError, match="workers must be a positive number, got 0"):
        files.compute_statistics(workers=0)


def test_statistics_in_the_data_frame(tmp_path: Path) -> None:
    write_raster(tmp_path / "a.tif", ramp())
    frame = xt.scan(f"{tmp_path}/{{n}}.tif").compute_statistics(progress=False).to_pandas()
    assert frame.loc[0, "mean"] == 17
    assert frame.loc[0, "maximum"] == 34


@given(st.lists(st.lists(st.floats(-1e6, 1e6), max_size=8), min_size=1, max_size=5))
def test_merged_moments_are_those_of_all_values(parts: list[list[float]]) -> None:
    merged = Moments(0, 0.0, 0.0, math.inf, -math.inf)
    for part in parts:
        merged = merged.merged(moments_of(np.array(part)))
    every = np.array([value for part in parts for value in part])
    assert merged.number == every.size
    if every.size:
        assert merged.mean == pytest.approx(every.mean(), rel=1e-12, abs=1e-6)
        assert merged.squares == pytest.approx(every.var() * every.size, rel=1e-9, abs=1e-3)
        assert (merged.minimum, merged.maximum) == (every.min(), every.max())
