from __future__ import annotations

import os
import sqlite3
import sys
from concurrent.futures import ThreadPoolExecutor
from secrets import token_hex
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import xcube_tiles as xt
from tests.sources.rasters import ramp, write_raster
from xcube_tiles.errors import CollectionError, MissingExtraError
from xcube_tiles.grid.extent import Bounds
from xcube_tiles.sources import sql
from xcube_tiles.sources.keys import Key
from xcube_tiles.sources.raster import Raster, RasterStatistics

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import sqlalchemy as sa

ADDRESSES = {
    "postgresql": os.environ.get("XCUBE_TILES_POSTGRESQL", "postgresql://root@127.0.0.1:5432/test"),
    "mariadb": os.environ.get("XCUBE_TILES_MARIADB", "mysql://root@127.0.0.1/test"),
}
"""Servers on which the tests may make a database of their own."""

SERVERS = ["sqlite", *(pytest.param(name, marks=pytest.mark.database) for name in ADDRESSES)]


@pytest.fixture(scope="session")
def databases(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """An empty database on each server; for one that can't be reached, why not."""
    own = f"xcube_tiles_{os.getpid()}_{token_hex(4)}"  # several modules have this fixture
    found = {"sqlite": f"sqlite:///{tmp_path_factory.mktemp('sql')}/rasters.db"}
    for name, address in ADDRESSES.items():
        try:
            statement(address, f"CREATE DATABASE {own}")
        except (CollectionError, MissingExtraError) as error:
            found[name] = f"no {name} on loopback: {error}"
        else:
            found[name] = address.rpartition("/")[0] + f"/{own}"
    yield found
    for name, address in ADDRESSES.items():
        if found[name].endswith(own):
            statement(address, f"DROP DATABASE {own}")


def statement(address: str, text: str) -> None:
    with sql._engine(address, create=True) as engine:
        plain = engine.execution_options(isolation_level="AUTOCOMMIT")
        with plain.connect() as connection:
            connection.exec_driver_sql(text)


def reached(databases: dict[str, str], server: str) -> str:
    if databases[server].startswith("no "):
        pytest.skip(databases[server])
    return databases[server]


@pytest.fixture(params=SERVERS)
def url(request: pytest.FixtureRequest, databases: dict[str, str]) -> str:
    """A database without our tables."""
    address = reached(databases, request.param)
    with sql._engine(address, create=True) as engine, engine.begin() as connection:
        sql._metadata.drop_all(connection)
    return address


@pytest.fixture
def files(tmp_path: Path) -> xt.Collection:
    for n, name in enumerate(["S2_20180506_B04", "S2_20180524T100606_b04", "S1_20180601_größe"]):
        write_raster(tmp_path / f"{name}.tif", ramp(start=n), nodata=3)
    return xt.scan(f"{tmp_path}/{{sensor}}_{{date}}_{{band}}.tif")


def test_a_table_comes_back_identical(url: str, files: xt.Collection) -> None:
    files.save(url)
    back = xt.Collection.open(url)
    assert back == files
    assert back.key_types == files.key_types
    assert list(back) == list(files)
    assert back.where(band="B04").to_cube()["B04"].shape == (1, 5, 7)


def test_statistics_come_back_to_the_bit(url: str, files: xt.Collection) -> None:
    computed = files.compute_statistics(progress=False)
    computed.save(url)
    assert list(xt.Collection.open(url)) == list(computed)


def test_replace_update_and_names(url: str, files: xt.Collection) -> None:
    files.save(url)
    with pytest.raises(CollectionError, match="a collection 'rasters' is there already"):
        files.save(url)
    files.where(sensor="S1").save(url, name="radar")
    assert len(xt.Collection.open(url, name="radar")) == 1
    some = files.where(sensor="S2").compute_statistics(progress=False)
    some.save(url, if_exists="update")
    updated = xt.Collection.open(url)
    assert len(updated) == 3
    assert {row.statistics is None for row in updated.where(sensor="S2")} == {False}
    assert {row.statistics is None for row in updated.where(sensor="S1")} == {True}
    some.save(url, if_exists="replace")
    assert xt.Collection.open(url) == some
    other = xt.Collection().add("a.tif", name="x")
    other.save(url, if_exists="replace")
    assert xt.Collection.open(url) == other
    assert len(xt.Collection.open(url, name="radar")) == 1
    with pytest.raises(CollectionError, match=r"no collection 'optical' in .*; there are radar"):
        xt.Collection.open(url, name="optical")


def test_other_keys_are_refused_and_nothing_changes(url: str, files: xt.Collection) -> None:
    files.save(url)
    for other in (
        xt.Collection().add("a.tif", name="x"),
        xt.Collection().add("a.tif", date="2018", sensor="S2", band="x"),
        xt.Collection(keys=["sensor", Key(name="date", type="label"), "band"]).add(
            "a.tif", sensor="S2", date="x", band="x"
        ),
    ):
        with pytest.raises(CollectionError, match=r"has the keys sensor \(label\), date \(time\)"):
            other.save(url, if_exists="update")
    assert xt.Collection.open(url) == files


def test_a_failed_save_leaves_nothing(
    url: str, files: xt.Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    files.save(url)
    real = sql._insert

    def failing(connection: Any, table: sa.Table, records: Any) -> None:
        real(connection, table, records)
        if table.name == "xcube_tiles_rasters":
            raise RuntimeError("power cut")

    monkeypatch.setattr(sql, "_insert", failing)
    for options in ({"if_exists": "replace"}, {"if_exists": "update"}, {"name": "other"}):
        with pytest.raises(RuntimeError, match="power cut"):
            files.where(sensor="S1").save(url, **options)  # type: ignore[arg-type]
    monkeypatch.undo()
    assert xt.Collection.open(url) == files
    with pytest.raises(CollectionError, match="no collection 'other'"):
        xt.Collection.open(url, name="other")


def test_readers_in_threads_see_whole_tables(url: str, files: xt.Collection) -> None:
    """While one thread swaps two tables, others read: they see the one or the other."""
    small, large = files.where(sensor="S1"), files
    small.save(url)

    def write(n: int) -> int:
        (large if n % 2 else small).save(url, if_exists="replace")
        return -1

    def read(_: int) -> int:
        return len(xt.Collection.open(url))

    with ThreadPoolExecutor(6) as pool:
        writers = [pool.submit(write, n) for n in range(8)]
        readers = [pool.submit(read, n) for n in range(24)]
        assert [writer.result() for writer in writers] == [-1] * 8
        assert {reader.result() for reader in readers} <= {1, 3}


def test_two_writers_of_one_collection_wait_for_each_other(url: str) -> None:
    xt.Collection(keys=["name"]).save(url)

    def write(n: int) -> None:
        xt.Collection().add(f"{n}.tif", name=str(n)).save(url, if_exists="update")

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, range(12)))
    assert xt.Collection.open(url).values("name") == [str(n) for n in range(12)]


NUMBERS = st.none() | st.floats(allow_nan=False, allow_infinity=False)
EDGES = st.floats(-180, 180)
LABELS = st.text(
    st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\0"), min_size=1, max_size=12
)
STATISTICS = st.builds(
    RasterStatistics,
    bounds=st.builds(Bounds, EDGES, EDGES, EDGES, EDGES),
    footprint=st.none() | st.just({"type": "Polygon", "coordinates": (((0.1, 2.0), (3.0, 4.0)),)}),
    valid_share=st.floats(0, 1),
    minimum=NUMBERS,
    maximum=NUMBERS,
    mean=NUMBERS,
    std=NUMBERS,
    percentiles=st.none() | st.lists(EDGES, min_size=99, max_size=99).map(tuple),
)
INSTANTS = st.integers(-(2**62), 2**62).map(lambda n: np.datetime64(n, "ns"))
ROWS = st.lists(
    st.builds(
        lambda date, band, path, number, statistics: Raster(
            path=path, keys={"date": date, "band": band}, raster_band=number, statistics=statistics
        ),
        INSTANTS,
        LABELS,
        LABELS,
        st.none() | st.integers(1, 1000),
        st.none() | STATISTICS,
    ),
    max_size=4,
    unique_by=lambda row: tuple(row.keys.values()),
)


@pytest.mark.parametrize("server", SERVERS)
@settings(max_examples=25)
@given(rows=ROWS)
def test_any_table_round_trips(databases: dict[str, str], server: str, rows: list[Raster]) -> None:
    address = reached(databases, server)
    files = xt.Collection(rows, keys=["date", "band"])
    files.save(address, name="any", if_exists="replace")
    back = xt.Collection.open(address, name="any")
    assert back == files
    assert list(back) == rows


def test_many_rows_go_in_batches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sql, "_BATCH", 7)
    rows = [Raster(path=f"/{n}.tif", keys={"n": str(n)}) for n in range(50)]
    files = xt.Collection(rows)
    files.save(tmp_path / "a.db")
    files.save(tmp_path / "a.db", if_exists="update")
    assert list(xt.Collection.open(tmp_path / "a.db")) == rows


def test_wrong_databases(tmp_path: Path, files: xt.Collection) -> None:
    with pytest.raises(CollectionError, match="doesn't exist"):
        xt.Collection.open(tmp_path / "none.db")
    assert not (tmp_path / "none.db").exists()
    sqlite3.connect(tmp_path / "empty.db").close()
    with pytest.raises(CollectionError, match="holds no collections"):
        xt.Collection.open(tmp_path / "empty.db")
    (tmp_path / "text.db").write_text("this is no database at all" * 50)
    with pytest.raises(CollectionError, match="not a database"):
        files.save(tmp_path / "text.db")
    with pytest.raises(CollectionError, match="is no database URL"):
        files.save("nodatabase://a/b")
    with pytest.raises(CollectionError, match=r"expected the path .* or sqlite:///"):
        files.save("oracle://a/b")
    with pytest.raises(CollectionError, match="is no database URL: invalid literal"):
        xt.Collection.open("postgresql://localhost:port/b")
    with pytest.raises(CollectionError, match="in memory"):
        files.save("sqlite://")
    with pytest.raises(CollectionError, match="unknown if_exists='append'"):
        files.save(tmp_path / "a.db", if_exists="append")  # type: ignore[arg-type]
    with pytest.raises(CollectionError, match="1 to 191 characters"):
        files.save(tmp_path / "a.db", name="")


@pytest.mark.parametrize("url", ["nodatabase://me:secret@a/b", "postgresql://me:secret@a:port/b"])
def test_a_password_is_not_shown_of_what_is_no_url(url: str) -> None:
    with pytest.raises(CollectionError, match=r"//me:\*\*\*@a") as caught:
        xt.Collection.open(url)
    assert "secret" not in str(caught.value)


def test_a_password_is_not_shown() -> None:
    with pytest.raises(CollectionError) as caught:
        xt.Collection.open("postgresql://root:secret@127.0.0.1:1/test")
    assert "secret" not in str(caught.value)
    assert "***" in str(caught.value)


def test_tables_of_another_version_are_refused(tmp_path: Path, files: xt.Collection) -> None:
    path = tmp_path / "a.db"
    files.save(path)
    connection = sqlite3.connect(path)
    connection.execute("UPDATE xcube_tiles_collections SET schema_version = 99")
    connection.commit()
    connection.close()
    for call in (lambda: xt.Collection.open(path), lambda: files.save(path, if_exists="replace")):
        with pytest.raises(
            CollectionError, match="version 99 of the tables; this package reads versions 1 to 2"
        ):
            call()


def test_without_sqlalchemy_the_extra_is_named(
    monkeypatch: pytest.MonkeyPatch, files: xt.Collection
) -> None:
    for name in ("xcube_tiles.sources.sql", "xcube_tiles.database"):
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "sqlalchemy", None)
    with pytest.raises(MissingExtraError, match=r"xcube_tiles\[sql\]"):
        files.save("a.db")


def test_without_a_driver_the_extra_is_named(
    monkeypatch: pytest.MonkeyPatch, files: xt.Collection
) -> None:
    monkeypatch.setitem(sys.modules, "pymysql", None)
    with pytest.raises(MissingExtraError, match="'pymysql' is not installed"):
        files.save("mysql://root@127.0.0.1/test")
