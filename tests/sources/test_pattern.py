from __future__ import annotations

import re
from datetime import datetime
from glob import glob
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xcube_tiles.errors import PatternError
from xcube_tiles.sources.pattern import PathPattern

if TYPE_CHECKING:
    from pathlib import Path

DENMARK = "{type}/{sensor}_denmark_{date}_{}_{band}.tif"


@pytest.mark.parametrize(
    ("path", "values"),
    [
        ("reflectances/S2_denmark_20180524_B04.tif", ("reflectances", "S2", "2018-05-24", "B04")),
        ("radar/S1_denmark_20180615_A_073_VV.tif", ("radar", "S1", "2018-06-15", "VV")),
        ("indices/S2_denmark_20180506_ndvi.tif", ("indices", "S2", "2018-05-06", "ndvi")),
    ],
)
def test_the_example_of_terracotta_matches_all_its_files(
    path: str, values: tuple[str, str, str, str]
) -> None:
    kind, sensor, day, band = values
    assert PathPattern.parse(DENMARK).match(path) == {
        "type": kind,
        "sensor": sensor,
        "date": np.datetime64(day, "ns"),
        "band": band,
    }


@pytest.mark.parametrize(
    "path",
    [
        "indices/S2_denmark_20180506.tif",
        "indices/S2_sweden_20180506_ndvi.tif",
        "indices/S2_denmark_20180506_ndvi.tiff",
        "old/indices/S2_denmark_20180506_ndvi.tif",
        "indices/S2_denmark_20180506/x_ndvi.tif",
    ],
)
def test_other_paths_do_not_match(path: str) -> None:
    assert PathPattern.parse(DENMARK).match(path) is None


@pytest.mark.parametrize(
    ("pattern", "path", "values"),
    [
        # `{}` and one separator: before it, else after it, else at the edge
        ("a_{}_{k}.tif", "a_x.tif", {"k": "x"}),
        ("a_{}_{k}.tif", "a_b_c_x.tif", {"k": "x"}),
        ("a/{}_{k}.tif", "a/x.tif", {"k": "x"}),
        ("a/{}_{k}.tif", "a/b_x.tif", {"k": "x"}),
        ("{k}_{}.tif", "x.tif", {"k": "x"}),
        ("{k}_{}.tif", "x_b.c.tif", {"k": "x"}),
        ("{k}_{}", "x", {"k": "x"}),
        ("{}_{k}", "x", {"k": "x"}),
        ("a/{}/{k}", "a/x", {"k": "x"}),
        ("a/{}/{k}", "a/b/x", {"k": "x"}),
        ("a/{}/{k}", "a/b/c/x", None),
        ("a_{}_{}_{k}", "a_x", {"k": "x"}),
        ("a_{}_{}_{k}", "a_b_c_x", {"k": "x"}),
        ("/{}_{}_{k}", "/x", {"k": "x"}),
        # without separators on both sides `{}` may still be empty
        ("{k}_{}{band}.tif", "x_y.tif", {"k": "x", "band": "y"}),
        ("{k}_{}{band}.tif", "x_A_073_y.tif", {"k": "x", "band": "y"}),
        ("{k}{}.tif", "word.tif", {"k": "word"}),
        ("a{}b_{k}", "ab_x", {"k": "x"}),
        ("a{}b_{k}", "a--b_x", {"k": "x"}),
        # repeated names
        ("{k}/{k}_{band}", "x/x_y", {"k": "x", "band": "y"}),
        ("{k}/{k}_{band}", "x/z_y", None),
        # braces and characters that are special in globs or regular expressions
        ("{{{k}}}[1]+.tif", "{x}[1]+.tif", {"k": "x"}),
        ("{{{k}}}[1]+.tif", "{x}1.tif", None),
        # letters of any script, but no underscore in a value
        ("{bärbel}-{k}", "größe-数", {"bärbel": "größe", "k": "数"}),
        ("{k}.tif", "a_b.tif", None),
        # formats
        (
            "{date:%Y/%m}/{date:%d}_{k}",
            "2018/05/24_x",
            {"date": np.datetime64("2018-05-24", "ns"), "k": "x"},
        ),
        (
            "{date:%Y}/{date:%Y%m%d}_{k}",
            "2018/20180524_x",
            {"date": np.datetime64("2018-05-24", "ns"), "k": "x"},
        ),
        (
            "{when:%d%b%y}{k}.tif",
            "24MAY18ndvi.tif",
            {"when": np.datetime64("2018-05-24", "ns"), "k": "ndvi"},
        ),
        (
            "{date:%Y%m%d}_{date:%H%M%S}_{k}",
            "20180524_100606_x",
            {"date": np.datetime64("2018-05-24T10:06:06", "ns"), "k": "x"},
        ),
    ],
)
def test_matches_by_hand(
    pattern: str, path: str, values: dict[str, str | np.datetime64] | None
) -> None:
    assert PathPattern.parse(pattern).match(path) == values


def test_keys_are_typed_by_name_or_format() -> None:
    keys = PathPattern.parse("{band}_{Date}_{when:%Y}_{timestamp}.tif").keys
    assert {key.name: key.type for key in keys} == {
        "band": "label",
        "Date": "time",
        "when": "time",
        "timestamp": "time",
    }


def test_a_decomposed_file_name_equals_a_composed_pattern() -> None:
    assert PathPattern.parse("b\u00e4r_{k}").match("ba\u0308r_x") == {"k": "x"}


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        ("a.tif", "has no key"),
        ("{}_{}.tif", "has no key"),
        ("{k.tif", "write '{{'"),
        ("k}.tif", "write '{{'"),
        ("{na me}.tif", "'na me' can't name a key"),
        ("{0}.tif", "'0' can't name a key"),
        ("{a-b}.tif", "can't name a key"),
        ("{a.b}.tif", "can't name a key"),
        ("{k!r}.tif", "converted"),
        ("{:%Y}.tif", "can't name a key"),
        ("{k:3}.tif", "must hold directives"),
        ("{k:%Q}.tif", "%Q isn't supported; use %Y"),
        ("{k:%Y%}.tif", "isn't supported"),
        ("{k:%Y%Y}.tif", "each once"),
        ("{a}{b}.tif", "'a' and 'b' touch"),
        ("{date}_{date:%Y}.tif", "where it appears first"),
    ],
)
def test_wrong_patterns_say_what_is_wrong(pattern: str, reason: str) -> None:
    with pytest.raises(PatternError, match=re.escape(reason)):
        PathPattern.parse(pattern)


@pytest.mark.parametrize(
    ("pattern", "path", "reason"),
    [
        ("{date}_{k}", "ndvi_x", "'ndvi' is no date"),
        ("{date}_{k}", "20181324_x", "month must be"),
        ("{date:%Y%m%d}_{k}", "20181324_x", "month must be"),
        ("{date:%m%d}_{k}", "0524_x", "say no year"),
        ("{date:%Y}/{date:%Y%m%d}_{k}", "2017/20180524_x", "different times"),
        ("{date:%Y-%d}_{k}", "2018-24_x", "field %m is missing"),
    ],
)
def test_a_date_that_is_none_names_the_file(pattern: str, path: str, reason: str) -> None:
    with pytest.raises(PatternError, match=reason) as caught:
        PathPattern.parse(pattern).match(path)
    assert repr(path) in str(caught.value)


def test_globs_find_every_path_that_matches(tmp_path: Path) -> None:
    paths = ["a/x_[1]_B.tif", "a/b/x_[1]_c_B.tif", "x_[1]_B.tif", "a/x_1_B.tif"]
    for path in paths:
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).touch()
    pattern = PathPattern.parse(f"{tmp_path}/{{}}/{{k}}_[1]_{{}}_{{band}}.tif")
    found = {path for one in pattern.globs for path in glob(one)}
    matching = {path for path in found if pattern.match(path)}
    assert matching == {str(tmp_path / "a/x_[1]_B.tif"), str(tmp_path / "x_[1]_B.tif")}


WORDS = st.text(st.characters(categories=["Lu", "Ll", "Nd"], codec="ascii"), min_size=1, max_size=6)
FILLERS = st.text(st.characters(exclude_characters="/{}\0", codec="ascii"), max_size=8)


@given(WORDS, WORDS, st.datetimes(datetime(1700, 1, 1), datetime(2250, 1, 1)), FILLERS)
def test_format_then_match_returns_the_values(
    kind: str, band: str, moment: datetime, filler: str
) -> None:
    moment = moment.replace(microsecond=0)
    text = "{kind}/{kind}_x[1]_{date:%Y%m%dT%H%M%S}_{}_{band}.tif"
    path = text.format(filler, kind=kind, date=moment, band=band)
    expected = {"kind": kind, "date": np.datetime64(moment, "ns"), "band": band}
    assert PathPattern.parse(text).match(path) == expected
    # and with nothing, together with one separator
    shorter = path.replace(f"_{filler}_{band}.tif", f"_{band}.tif")
    assert PathPattern.parse(text).match(shorter) == expected


@given(st.lists(WORDS, min_size=2, max_size=4), st.sampled_from("_-. /~"))
def test_words_come_back_whatever_separates_them(words: list[str], separator: str) -> None:
    names = [f"k{n}" for n in range(len(words))]
    pattern = separator.join(f"{{{name}}}" for name in names)
    expected = dict(zip(names, words, strict=True))
    assert PathPattern.parse(pattern).match(separator.join(words)) == expected


PIECES = [
    "{k}",
    "{date}",
    "{date:%Y}",
    "{k:%d",
    "{}",
    "{",
    "}",
    "{{",
    "}}",
    "_",
    "/",
    "a",
    "!",
    "%",
]


@given(st.lists(st.sampled_from(PIECES), max_size=8).map("".join))
def test_any_text_parses_or_is_refused(text: str) -> None:
    try:
        pattern = PathPattern.parse(text)
    except PatternError:
        return
    assert pattern.keys
    assert pattern.globs
