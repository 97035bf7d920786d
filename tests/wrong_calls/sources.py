"""Wrong calls of `xt.scan` and `xt.Collection`."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import fsspec

import xcube_tiles as xt
from tests.sources.rasters import NORTH_UP, ramp, write_raster
from tests.wrong_calls import WrongCall
from xcube_tiles.errors import (
    CollectionError,
    DuplicateKeysError,
    GridError,
    PatternError,
    RaggedKeysError,
    UnequalGridsError,
    UnknownKeyError,
)
from xcube_tiles.sources.geotiff import GeoTiffSource
from xcube_tiles.sources.raster import Raster

if TYPE_CHECKING:
    from collections.abc import Callable


def _table() -> xt.Collection:
    """Two dates of one band, whose files don't exist."""
    files = xt.Collection()
    for day in ("2018-05-06", "2018-05-24"):
        files = files.add(f"/nowhere/{day}.tif", sensor="S2", date=day, band="B04")
    return files


def _ragged() -> xt.Collection:
    return _table().add("/nowhere/c.tif", sensor="S2", date="2018-05-24", band="B03")


def _saved(files: xt.Collection, path: Path) -> Path:
    files.save(path)
    return path


def _with_files(call: Callable[[xt.Collection, Path], object]) -> Callable[[], object]:
    """Call with two rasters on different grids, and the folder they are in."""

    def run() -> object:
        with TemporaryDirectory() as name:
            folder = Path(name)
            write_raster(folder / "20180506_red.tif", ramp(4, 4))
            write_raster(folder / "20180524_red.tif", ramp(5, 4), transform=NORTH_UP)
            return call(xt.scan(f"{folder}/{{date}}_{{band}}.tif"), folder)

    return run


def _scan_memory(names: list[str], pattern: str, **options: Any) -> xt.Collection:
    store = fsspec.filesystem("memory")
    for name in names:
        store.pipe(f"/wrong/{name}", b"")
    try:
        return xt.scan(f"memory://wrong/{pattern}", **options)
    finally:
        store.rm("/wrong", recursive=True)


SCAN = [
    WrongCall(
        "xt.scan", lambda: xt.scan("no_key.tif"), PatternError, "has no key; put one in braces"
    ),
    WrongCall("xt.scan", lambda: xt.scan("{a.tif"), PatternError, "write '{{' for a brace itself"),
    WrongCall("xt.scan", lambda: xt.scan("{a}{b}.tif"), PatternError, "put a separator between"),
    WrongCall("xt.scan", lambda: xt.scan("{no name}.tif"), PatternError, "can't name a key"),
    WrongCall("xt.scan", lambda: xt.scan("/nowhere/{a}.tif"), PatternError, "matches no file"),
    WrongCall(
        "xt.scan",
        lambda: xt.scan(20180524),  # type: ignore[arg-type]
        PatternError,
        "a pattern is a text",
    ),
    WrongCall(
        "xt.scan",
        lambda: _scan_memory(["a_soon.tif"], "{band}_{date}.tif"),
        PatternError,
        r"key 'date' of '/wrong/a_soon.tif' is a time, but 'soon' is no date",
    ),
    WrongCall(
        "xt.scan",
        lambda: _scan_memory(["a_1.tif", "a_2.tif"], "{band}_{}.tif"),
        DuplicateKeysError,
        r"band=a:\n.*a_1.tif\n.*a_2.tif",
    ),
    WrongCall(
        "xt.scan",
        lambda: _scan_memory(["a.tif"], "{name}.tif", raster_bands={"red": 0}),
        PatternError,
        "numbers from 1, got 'red': 0",
    ),
]

COLLECTION = [
    WrongCall(
        "xt.Collection",
        lambda: xt.Collection(keys=["not a name"]),
        CollectionError,
        "distinct identifiers",
    ),
    WrongCall(
        "xt.Collection",
        lambda: xt.Collection([*_table(), *_table()]),
        DuplicateKeysError,
        "sensor=S2, date=2018-05-06, band=B04",
    ),
    WrongCall(
        "xt.Collection",
        lambda: xt.Collection([Raster(path="a.tif", keys={"a": "1"})], keys=["b"]),
        CollectionError,
        "has the keys a; expected b",
    ),
    WrongCall(
        "xt.Collection.values",
        lambda: _table().values("bands"),
        UnknownKeyError,
        "the keys are sensor, date, band",
    ),
    WrongCall("xt.Collection.values", lambda: xt.Collection().values("a"), UnknownKeyError, "none"),
    WrongCall(
        "xt.Collection.values",
        lambda: _table().values(2),  # type: ignore[arg-type]
        UnknownKeyError,
        "unknown key 2",
    ),
]

WHERE = [
    WrongCall(
        "xt.Collection.where",
        lambda: _table().where(bands="B04"),
        UnknownKeyError,
        "unknown key 'bands'; the keys are sensor, date, band",
    ),
    WrongCall(
        "xt.Collection.where",
        lambda: _table().where(date="yesterday"),
        CollectionError,
        "'yesterday' is no date; recognised are 2018-05-24",
    ),
    WrongCall(
        "xt.Collection.where",
        lambda: _table().where(date=("2019", "2018")),
        CollectionError,
        "the range ends before it begins",
    ),
    WrongCall(
        "xt.Collection.where",
        lambda: _table().where(band=("a", "b", "c")),
        CollectionError,
        "a range has two ends, got 3",
    ),
    WrongCall(
        "xt.Collection.where",
        lambda: _table().where(band=4.0),  # type: ignore[arg-type]
        CollectionError,
        "is a label, that is text, got 4.0",
    ),
]

ADD = [
    WrongCall(
        "xt.Collection.add",
        lambda: _table().add("a.tif", date="2018"),
        CollectionError,
        "each of the keys sensor, date, band; got date",
    ),
    WrongCall(
        "xt.Collection.add",
        lambda: _table().add("a.tif", sensor="S2", date="2018-05-24", band="B04"),
        DuplicateKeysError,
        "/nowhere/2018-05-24.tif",
    ),
    WrongCall(
        "xt.Collection.add",
        lambda: _table().add("a.tif", sensor="S2", date=20180524, band="B04"),
        CollectionError,
        "key 'date' is a time, got the number 20180524",
    ),
    WrongCall(
        "xt.Collection.add",
        lambda: _table().add("a.tif", raster_band=0, sensor="S1", date="2018", band="B04"),
        CollectionError,
        "a band is a number from 1, got 0",
    ),
]

CUBE = [
    WrongCall(
        "xt.Collection.to_cube", lambda: xt.Collection().to_cube(), CollectionError, "no rasters"
    ),
    WrongCall(
        "xt.Collection.to_cube",
        lambda: _ragged().to_cube(),
        RaggedKeysError,
        r"band=B03, date=2018-05-06\n.*to_tree\(by=\['band'\]\)",
    ),
    WrongCall(
        "xt.Collection.to_cube",
        lambda: _table().to_cube(time="band"),
        CollectionError,
        "is a label and can't be the time dimension",
    ),
    WrongCall(
        "xt.Collection.to_cube",
        lambda: _table().to_cube(bands="date"),
        CollectionError,
        "is a time: its values can't name variables",
    ),
    WrongCall(
        "xt.Collection.to_cube",
        lambda: _table().to_cube(),
        CollectionError,
        "'/nowhere/2018-05-06.tif' doesn't exist",
    ),
    WrongCall(
        "xt.Collection.to_cube",
        _with_files(lambda files, _: files.to_cube()),
        UnequalGridsError,
        r"20180524_red.tif: 4×5 cells.*\n.*to_cube\(like=cube\)",
    ),
    WrongCall(
        "xt.Collection.to_cube",
        _with_files(lambda files, _: files.to_cube(resolution=0)),
        GridError,
        "resolution must be a positive number",
    ),
    WrongCall(
        "xt.Collection.to_cube",
        _with_files(lambda files, _: files.to_cube(resolution=10, chunks={"band": 1})),
        CollectionError,
        "chunks name 'band'; the dimensions are time, y, x",
    ),
    WrongCall(
        "xt.Collection.to_tree",
        lambda: _ragged().to_tree(by="bands"),
        UnknownKeyError,
        "the keys are sensor, date, band",
    ),
    WrongCall(
        "xt.Collection.to_tree",
        lambda: _ragged().to_tree(by=[]),
        CollectionError,
        "must name keys to group by: sensor, date, band",
    ),
    WrongCall(
        "xt.Collection.to_tree",
        _with_files(lambda files, _: files.to_tree(by="band")),
        UnequalGridsError,
        "20180524_red.tif",
    ),
]

STATISTICS = [
    WrongCall(
        "xt.Collection.compute_statistics",
        lambda: _table().compute_statistics(),
        CollectionError,
        "doesn't exist",
    ),
    WrongCall(
        "xt.Collection.compute_statistics",
        _with_files(lambda files, _: files.compute_statistics(workers=0)),
        CollectionError,
        "workers must be a positive number, got 0",
    ),
    WrongCall(
        "xt.Collection.compute_statistics",
        _with_files(lambda files, _: files.compute_statistics(workers=2.5)),  # type: ignore[arg-type]
        CollectionError,
        "got 2.5",
    ),
]

SQL = [
    WrongCall(
        "xt.Collection.save",
        lambda: _table().save("nodatabase://a"),
        CollectionError,
        "is no database URL",
    ),
    WrongCall(
        "xt.Collection.save",
        lambda: _table().save("/nowhere/a.db"),
        CollectionError,
        "unable to open database file",
    ),
    WrongCall(
        "xt.Collection.save",
        lambda: _table().save("a.db", if_exists="append"),  # type: ignore[arg-type]
        CollectionError,
        "expected one of error, replace, update",
    ),
    WrongCall(
        "xt.Collection.save",
        _with_files(lambda files, folder: files.save(_saved(files, folder / "a.db"))),
        CollectionError,
        "is there already; pass if_exists='replace' or 'update'",
    ),
    WrongCall(
        "xt.Collection.open",
        lambda: xt.Collection.open("/nowhere/a.db"),
        CollectionError,
        "doesn't exist; store a collection there with save",
    ),
    WrongCall(
        "xt.Collection.open",
        _with_files(
            lambda files, folder: xt.Collection.open(_saved(files, folder / "a.db"), name="b")
        ),
        CollectionError,
        "no collection 'b' in .*; there are rasters",
    ),
    WrongCall(
        "xt.Collection.open",
        lambda: xt.Collection.open("postgresql://root@127.0.0.1:1/test"),
        CollectionError,
        "database postgresql://root@127.0.0.1:1/test",
    ),
]

SOURCE = [
    WrongCall(
        "GeoTiffSource", lambda: GeoTiffSource(xt.Collection()), CollectionError, "no rasters"
    ),
    WrongCall("GeoTiffSource", lambda: GeoTiffSource(_ragged()), RaggedKeysError, "band=B03"),
    WrongCall(
        "GeoTiffSource",
        lambda: GeoTiffSource(
            _table()
            .add("/nowhere/c.tif", sensor="S1", date="2018-05-06", band="B04")
            .where(date="2018-05-06")
        ),
        CollectionError,
        r"select it with where\(sensor=...\)",
    ),
    WrongCall(
        "xt.Collection.add",
        lambda: _table().add(5, sensor="S1", date="2018", band="B04"),  # type: ignore[arg-type]
        CollectionError,
        "a path is a text",
    ),
]

CALLS = [*SCAN, *COLLECTION, *WHERE, *ADD, *CUBE, *STATISTICS, *SQL, *SOURCE]
