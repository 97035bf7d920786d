from __future__ import annotations

import pickle
import re
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import xcube_tiles as xt
from tests.sources.rasters import ramp, write_raster
from xcube_tiles.errors import (
    CollectionError,
    DuplicateKeysError,
    PatternError,
    UnknownKeyError,
)
from xcube_tiles.sources.keys import Key, natural_order

DENMARK = [
    "reflectances/S2_denmark_20180524_B04.tif",
    "reflectances/S2_denmark_20180524_B03.tif",
    "reflectances/S2_denmark_20180701T100606_B04.tif",
    "radar/S1_denmark_20180615_A_073_VV.tif",
    "indices/S2_denmark_20180506_ndvi.tif",
    "indices/S2_denmark_20180603_ndvi.tif",
]


@pytest.fixture
def denmark(tmp_path: Path) -> xt.Collection:
    for path in [*DENMARK, "notes/readme.txt", "indices/S2_sweden_20180506_ndvi.tif"]:
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).touch()
    return xt.scan(f"{tmp_path}/{{type}}/{{sensor}}_denmark_{{date}}_{{}}_{{band}}.tif")


def names(collection: xt.Collection) -> list[str]:
    return ["/".join(Path(row.path).parts[-2:]) for row in collection]


def test_scan_finds_the_files_and_opens_none(denmark: xt.Collection) -> None:
    # The files are empty: opening one would fail.
    assert sorted(names(denmark)) == sorted(DENMARK)
    assert denmark.keys == ("type", "sensor", "date", "band")
    assert denmark.key_types["date"] == "time"
    assert denmark.values("band") == ["B03", "B04", "VV", "ndvi"]
    assert denmark.values("date")[0] == np.datetime64("2018-05-06", "ns")


@pytest.mark.parametrize(
    ("conditions", "count"),
    [
        ({}, 6),
        ({"type": "indices"}, 2),
        ({"type": "nothing"}, 0),
        ({"band": ["B04", "B03"]}, 3),
        ({"band": {"B04", "ndvi"}}, 4),
        ({"band": []}, 0),
        ({"band": ("B03", "B10")}, 3),
        ({"date": ("2018-05", "2018-06")}, 5),
        ({"date": ("2018-05-07", "2018-06")}, 4),
        ({"date": (None, "2018-05")}, 3),
        ({"date": ("2018-07-01", None)}, 1),
        ({"date": "2018-05-24"}, 2),
        ({"date": "20180701"}, 1),
        ({"date": "2018-07-01T10:06:06"}, 1),
        ({"date": "2018-07-01T10:06:07"}, 0),
        ({"date": date(2018, 7, 1)}, 1),
        ({"date": ["2018-05-06", "2018-06"]}, 3),
        ({"date": np.datetime64("2018-06")}, 2),
        ({"date": pd.Timestamp("2018-06-03")}, 1),
        ({"type": "indices", "date": ("2018-05", "2018-06"), "band": ["ndvi", "B03"]}, 2),
    ],
)
def test_where_by_value_list_and_range(
    denmark: xt.Collection, conditions: dict[str, Any], count: int
) -> None:
    assert len(denmark.where(**conditions)) == count


def test_conditions_are_anded_in_any_order(denmark: xt.Collection) -> None:
    both = denmark.where(type="reflectances", band="B04")
    assert both == denmark.where(band="B04").where(type="reflectances")
    assert len(denmark) == 6


@pytest.mark.parametrize(
    ("conditions", "error", "text"),
    [
        ({"bands": "B04"}, UnknownKeyError, "unknown key 'bands'; the keys are type, sensor"),
        ({"date": "tomorrow"}, CollectionError, "'tomorrow' is no date"),
        ({"date": 2018}, CollectionError, "got 2018"),
        ({"date": ("2018", "2019", "2020")}, CollectionError, "two ends, got 3"),
        ({"date": ("2019", "2018")}, CollectionError, "ends before it begins"),
        ({"band": ("b", "a")}, CollectionError, "ends before it begins"),
        ({"band": 1.5}, CollectionError, "is a label"),
        ({"band": None}, CollectionError, "got None"),
    ],
)
def test_wrong_conditions(
    denmark: xt.Collection, conditions: dict[str, Any], error: type[Exception], text: str
) -> None:
    with pytest.raises(error, match=re.escape(text)):
        denmark.where(**conditions)


def test_an_unknown_key_is_a_key_error(denmark: xt.Collection) -> None:
    with pytest.raises(KeyError):
        denmark.values("nothing")


def test_equal_keys_name_both_files(tmp_path: Path) -> None:
    for name in ("S2_20180524_a_B04.tif", "S2_20180524_b_B04.tif"):
        (tmp_path / name).touch()
    with pytest.raises(DuplicateKeysError, match="sensor=S2, date=2018-05-24, band=B04") as caught:
        xt.scan(f"{tmp_path}/{{sensor}}_{{date}}_{{}}_{{band}}.tif")
    assert "S2_20180524_a_B04.tif" in str(caught.value)
    assert "S2_20180524_b_B04.tif" in str(caught.value)


def test_scan_says_when_nothing_matches_or_a_date_is_none(tmp_path: Path) -> None:
    (tmp_path / "S2_may_B04.tif").touch()
    with pytest.raises(PatternError, match="matches no file"):
        xt.scan(f"{tmp_path}/{{sensor}}-{{date}}.tif")
    with pytest.raises(PatternError, match=r"\(\* and \? stand for themselves\)"):
        xt.scan(f"{tmp_path}/*_{{band}}.tif")
    with pytest.raises(PatternError, match=r"S2_may_B04\.tif"):
        xt.scan(f"{tmp_path}/{{sensor}}_{{date}}_{{band}}.tif")


def test_a_relative_pattern_gives_absolute_paths(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "{braces} [1]"
    folder.mkdir()
    (folder / "S2_20180524.tif").touch()
    monkeypatch.chdir(folder)
    for pattern in (
        "{sensor}_{date}.tif",
        "./{sensor}_{date}.tif",
        "../{{braces}} [1]/{sensor}_{date}.tif",
    ):
        [row] = xt.scan(pattern)
        assert row.path == str(folder / "S2_20180524.tif")


def test_folders_are_no_rasters(tmp_path: Path) -> None:
    (tmp_path / "a.tif").mkdir()
    (tmp_path / "b.tif").touch()
    assert xt.scan(f"{tmp_path}/{{name}}.tif").values("name") == ["b"]


def test_add_by_hand(tmp_path: Path) -> None:
    empty = xt.Collection()
    files = empty.add(str(tmp_path / "a.tif"), tile=33, date="2018-05-24", band="B04")
    files = files.add("b.tif", band="B03", date=date(2018, 5, 24), tile="33", raster_band=2)
    assert len(empty) == 0
    assert empty.keys == ()
    assert files.keys == ("tile", "date", "band")
    first, second = files
    assert dict(first.keys) == {
        "tile": "33",
        "date": np.datetime64("2018-05-24", "ns"),
        "band": "B04",
    }
    assert tuple(second.keys) == files.keys
    assert second.path == str(Path.cwd() / "b.tif")
    assert second.raster_band == 2
    assert len(files.where(tile=33)) == 2


@pytest.mark.parametrize(
    ("keys", "error", "text"),
    [
        ({"date": "2018"}, CollectionError, "each of the keys date, band; got date"),
        ({"date": "2018", "band": "a", "x": "y"}, CollectionError, "got date, band, x"),
        ({"date": "2018", "band": 1.5}, CollectionError, "is a label, that is text, got 1.5"),
        ({"date": "soon", "band": "a"}, CollectionError, "'soon' is no date"),
        ({"date": 2018, "band": "a"}, CollectionError, "is a time, got the number 2018"),
        ({"date": "2018", "band": ""}, CollectionError, "is empty"),
        ({"date": "2018-05-24", "band": "B04"}, DuplicateKeysError, "a.tif"),
    ],
)
def test_wrong_additions(keys: dict[str, Any], error: type[Exception], text: str) -> None:
    files = xt.Collection().add("a.tif", date="2018-05-24", band="B04")
    with pytest.raises(error, match=re.escape(text)):
        files.add("b.tif", **keys)


def test_keys_may_be_named_like_parameters_and_typed_by_hand() -> None:
    files = xt.Collection(keys=["path", Key(name="start", type="time")])
    files = files.add("a.tif", path="x", start="2018-05")
    assert files.values("start") == [np.datetime64("2018-05-01", "ns")]
    with pytest.raises(CollectionError, match="distinct identifiers"):
        xt.Collection(keys=["a b"])
    with pytest.raises(CollectionError, match="distinct identifiers"):
        xt.Collection(keys=["a", "a"])


def test_rows_with_other_keys_are_refused() -> None:
    one, two = xt.Collection().add("a.tif", a="1"), xt.Collection().add("b.tif", b="1")
    with pytest.raises(CollectionError, match=r"b.tif' has the keys b; expected a"):
        xt.Collection([*one, *two])


def test_bands_of_one_file_are_rasters(tmp_path: Path) -> None:
    path = write_raster(tmp_path / "S2_20180524_rgb.tif", np.stack([ramp(), ramp(start=100)]))
    pattern = f"{tmp_path}/{{sensor}}_{{date}}_rgb.tif"
    files = xt.scan(pattern, raster_bands={"red": 1, "green": 2})
    assert files.keys == ("sensor", "date", "band")
    assert {row.keys["band"]: row.raster_band for row in files} == {"red": 1, "green": 2}
    cube = files.to_cube()
    np.testing.assert_array_equal(cube["red"][0], ramp())
    np.testing.assert_array_equal(cube["green"][0], ramp(start=100))
    with pytest.raises(CollectionError, match="has 2 bands; say which one"):
        xt.scan(pattern).to_cube()
    with pytest.raises(CollectionError, match="has bands 1 to 2, not 3"):
        xt.Collection().add(str(path), band="blue", raster_band=3).to_cube()
    with pytest.raises(PatternError, match="which the pattern has as well"):
        xt.scan(f"{tmp_path}/{{sensor}}_{{date}}_{{band}}.tif", raster_bands={"red": 1})
    with pytest.raises(PatternError, match="numbers from 1"):
        xt.scan(pattern, raster_bands={"red": 0})
    with pytest.raises(PatternError, match="is empty"):
        xt.scan(pattern, raster_bands={})


def test_a_collection_pickles_and_compares(denmark: xt.Collection) -> None:
    copy = pickle.loads(pickle.dumps(denmark))
    assert copy == denmark
    assert copy != denmark.where(type="indices")
    assert denmark != "denmark"


def test_representations(denmark: xt.Collection) -> None:
    text = repr(denmark)
    assert "<Collection of 6 rasters>" in text
    assert "date   (time)  5 values: 2018-05-06 … 2018-07-01T10:06:06" in text
    assert repr(xt.Collection()) == "<Collection of 0 rasters>"
    escaped = xt.Collection().add("a.tif", name="<b>")._repr_html_()
    assert "&lt;b&gt;" in escaped
    assert "<b>Collection</b> of 1 raster<" in escaped


def test_to_pandas(denmark: xt.Collection) -> None:
    frame = denmark.to_pandas()
    assert list(frame.columns[:6]) == ["type", "sensor", "date", "band", "path", "raster_band"]
    assert frame["date"].dtype == "datetime64[ns]"
    assert frame["mean"].isna().all()
    assert len(xt.Collection(keys=["a"]).to_pandas()) == 0


def test_natural_order() -> None:
    assert sorted(["B12", "B2", "B8A", "B08", "B8", "a"], key=natural_order) == [
        "B2",
        "B08",
        "B8",
        "B8A",
        "B12",
        "a",
    ]
