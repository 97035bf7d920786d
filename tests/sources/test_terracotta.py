from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

import xcube_tiles as xt
from tests.server.terracotta.rasters import (
    BANDS,
    DATES,
    cells,
    metadata_row,
    statements,
    write_database,
    write_rasters,
)
from tests.sources.rasters import ramp, write_raster
from tests.sources.test_sql import SERVERS, databases, reached, statement
from xcube_tiles.errors import CollectionError, UnknownKeyError
from xcube_tiles.sources import sql
from xcube_tiles.sources.header import read_header
from xcube_tiles.sources.raster import Raster
from xcube_tiles.sources.terracotta import open_terracotta, terracotta_version
from xcube_tiles.sources.terracotta_record import quick_statistics, without_foreign_scales
from xcube_tiles.sources.terracotta_table import KeyedRasters, open_keyed

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["databases"]  # a fixture

KEYS = ("sensor", "date", "band")
PLACE = ("S2", "20180506", "B02")


def paths(pattern: str) -> dict[tuple[str, ...], str]:
    return {
        ("S2", date, band): pattern.format(sensor="S2", date=date, band=band)
        for date in DATES
        for band in BANDS
    }


@pytest.fixture
def base(tmp_path: Path) -> Path:
    """Return a database of Terracotta with statistics of one of six rasters."""
    found = paths(write_rasters(tmp_path))
    rows = {PLACE: metadata_row(cells("20180506", "B02"), {"cloud": 3})}
    return write_database(tmp_path / "terracotta.sqlite", found, metadata=rows)


def test_a_database_opens_as_a_collection(base: Path, tmp_path: Path) -> None:
    files = xt.Collection.open(base)
    assert files.key_types == {"sensor": "label", "date": "time", "band": "label"}
    scanned = xt.scan(f"{tmp_path}/{{sensor}}_{{date}}_{{band}}.tif")
    assert [one.path for one in files] == [one.path for one in scanned]
    assert [one.keys for one in files] == [one.keys for one in scanned]
    first, *others = files
    values = cells("20180506", "B02")
    valid = values[values > 0]
    assert first.statistics is not None
    assert tuple(first.statistics.bounds) == (14.0, 51.0, 15.0, 52.0)
    assert first.statistics.valid_share == pytest.approx(valid.size / values.size)
    assert (first.statistics.minimum, first.statistics.maximum) == (valid.min(), valid.max())
    assert first.statistics.percentiles == pytest.approx(np.percentile(valid, range(1, 100)))
    assert first.statistics.footprint is not None
    assert first.statistics.footprint["type"] == "Polygon"
    assert all(raster.statistics is None for raster in others)
    assert files.where(date="2018-05-24", band="B03").to_cube()["B03"].shape == (1, 256, 256)


def test_a_database_moves_to_ours(base: Path, tmp_path: Path) -> None:
    files = xt.Collection.open(base)
    files.save(tmp_path / "ours.sqlite")
    assert list(xt.Collection.open(tmp_path / "ours.sqlite")) == list(files)


def test_nothing_is_written_into_a_database_of_terracotta(base: Path) -> None:
    before = base.read_bytes()
    with pytest.raises(CollectionError, match="database of Terracotta, which stays as it is"):
        xt.Collection().add("a.tif", band="a").save(base, if_exists="update")
    assert base.read_bytes() == before


@pytest.mark.parametrize("server", [one for one in SERVERS if one != "sqlite"])
def test_databases_on_servers_are_read(
    databases: dict[str, str], server: str, tmp_path: Path
) -> None:
    url = reached(databases, server)
    found = paths(write_rasters(tmp_path))
    for one in statements(KEYS, blob="BYTEA" if server == "postgresql" else "BLOB"):
        statement(url, one)
    try:
        statement(url, "INSERT INTO terracotta VALUES ('0.9.1')")
        for place, key in enumerate(KEYS):
            statement(url, f"INSERT INTO key_names VALUES ('{key}', '', {place})")
        for texts, path in list(found.items())[:-1]:
            values = ", ".join(f"'{one}'" for one in (*texts, path))
            statement(url, f"INSERT INTO datasets VALUES ({values})")
        tables = open_terracotta(url)
        assert tables.version == "0.9.1"
        assert list(tables.rasters) == sorted(found)[:-1]
        assert xt.Collection.open(url).values("band") == list(BANDS)
        before = terracotta_version(url)
        assert terracotta_version(url) == before
        last = ", ".join(f"'{one}'" for one in (*max(found), found[max(found)]))
        statement(url, f"INSERT INTO datasets VALUES ({last})")
        assert terracotta_version(url) != before
    finally:
        for name in ("terracotta", "key_names", "datasets", "metadata"):
            statement(url, f"DROP TABLE {name}")


@pytest.mark.parametrize(
    "texts",
    [["20180506", "winter"], ["20180506", "2018-05-06"], [""]],
    ids=["no time", "one time written twice", "empty"],
)
def test_a_key_named_like_a_time_that_is_none_is_a_label(tmp_path: Path, texts: list[str]) -> None:
    base = write_database(
        tmp_path / "a.sqlite",
        {(text,): f"/{n}.tif" for n, text in enumerate(texts)},
        keys=("date",),
    )
    files = xt.Collection.open(base)
    assert files.key_types == {"date": "label"}
    assert files.values("date") == sorted(texts)


def test_what_is_no_database_of_terracotta_is_refused(tmp_path: Path) -> None:
    xt.Collection().add("a.tif", band="a").save(tmp_path / "ours.sqlite")
    with pytest.raises(CollectionError, match="is no database of Terracotta"):
        open_terracotta(str(tmp_path / "ours.sqlite"))
    with pytest.raises(CollectionError, match="doesn't exist"):
        open_terracotta(str(tmp_path / "none.sqlite"))


def test_each_save_has_a_version_of_its_own(tmp_path: Path) -> None:
    url = str(tmp_path / "a.db")
    files = xt.Collection().add("a.tif", band="a")
    files.save(url)
    first = sql.table_version(url, name="rasters")
    assert first == sql.table_version(url, name="rasters")
    files.save(url, name="others")
    assert first == sql.table_version(url, name="rasters")
    files.save(url, if_exists="update")
    assert first != sql.table_version(url, name="rasters")
    assert sql.table_version(url, name="none") is None


@pytest.fixture
def rasters(tmp_path: Path) -> KeyedRasters:
    return open_keyed(write_rasters(tmp_path))


def test_texts_are_those_of_the_paths(rasters: KeyedRasters) -> None:
    assert rasters.find(["S2", "20180506", "B02"]) == PLACE
    assert rasters.find(["S2", "2018-05-06T00:00", "B02"]) == PLACE
    assert rasters.find(["S2", "2018-05", "B02"]) is None
    assert rasters.find(["S2", "whenever", "B02"]) is None
    assert rasters.find(["S2"]) is None
    assert rasters[PLACE].keys["date"] == np.datetime64("2018-05-06")
    assert len(rasters.collection()) == len(rasters) == 6


def test_texts_of_a_format_of_its_own_are_iso(tmp_path: Path) -> None:
    write_raster(tmp_path / "06052018_a.tif", ramp())
    found = open_keyed(f"{tmp_path}/{{date:%d%m%Y}}_{{band}}.tif")
    assert found.find(["2018-05-06", "a"]) == ("2018-05-06", "a")


def test_rasters_are_chosen_by_texts_and_times(rasters: KeyedRasters) -> None:
    assert len(rasters.select({"date": ["2018-05"], "band": ["B02", "B03"]})) == 4
    assert rasters.select({"date": ["20180506"], "band": ["B02"]}) == [PLACE]
    with pytest.raises(UnknownKeyError, match="unrecognized keys: x; the keys are sensor, date"):
        rasters.select({"x": ["1"]})


def test_another_key_may_be_the_last(rasters: KeyedRasters) -> None:
    moved = rasters.with_last("date")
    assert moved.keys == ("sensor", "band", "date")
    assert moved.find(["S2", "B02", "2018-05-06"]) == ("S2", "B02", "20180506")
    assert moved.collection().keys == moved.keys
    with pytest.raises(UnknownKeyError, match="no key 'x'"):
        rasters.with_last("x")


def test_statistics_of_a_large_raster_are_of_a_part(tmp_path: Path) -> None:
    values = np.arange(10_000, dtype="int32").reshape(100, 100)
    path = str(write_raster(tmp_path / "a.tif", values, nodata=0))
    raster = Raster(path=path, keys={"band": "a"})
    exact = quick_statistics(raster, read_header(path), None, max_shape=(100, 100))
    assert (exact.minimum, exact.maximum, exact.valid_share) == (1, 9999, 0.9999)
    part = quick_statistics(raster, read_header(path), None, max_shape=(20, 50))
    assert part.bounds == exact.bounds
    assert part.mean == pytest.approx(exact.mean, rel=0.05)
    assert part.valid_share >= 0.999


def test_statistics_before_a_scale_are_not_taken_for_those_after_it(tmp_path: Path) -> None:
    plain = write_raster(tmp_path / "plain.tif", ramp())
    scaled = write_raster(tmp_path / "scaled.tif", ramp(), scale=0.1)
    rows = {(name,): metadata_row(ramp()) for name in ("plain", "scaled", "gone")}
    found = {("plain",): str(plain), ("scaled",): str(scaled), ("gone",): "/gone.tif"}
    base = write_database(tmp_path / "a.sqlite", found, keys=("band",), metadata=rows)
    kept = without_foreign_scales(xt.Collection.open(base))
    assert {str(one.keys["band"]): one.statistics is not None for one in kept} == {
        "gone": True,
        "plain": True,
        "scaled": False,
    }
