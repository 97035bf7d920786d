from __future__ import annotations

import pickle
from typing import Any

import dask.array as da
import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

from xcube_tiles.algebra.expression import Expression, expression
from xcube_tiles.algebra.expression_syntax import MAX_DEPTH, MAX_LENGTH
from xcube_tiles.cube.bands import stack_bands
from xcube_tiles.errors import ExpressionError
from xcube_tiles.testing.asserts import assert_lazy

NAN = np.nan


def cube() -> xr.Dataset:
    generator = np.random.default_rng(11)
    values = generator.integers(0, 10_000, (2, 3, 8, 9)).astype("uint16")
    values[generator.random(values.shape) < 0.2] = 65_535
    coords: dict[str, Any] = {
        "time": np.array(["2020-01-01", "2020-01-02", "2020-01-03"], "datetime64[ns]"),
        "y": np.arange(8.0)[::-1],
        "x": np.arange(9.0),
        "spatial_ref": 0,
    }
    dims = ("time", "y", "x")
    return xr.Dataset(
        {
            name: (dims, cells, {"_FillValue": 65_535, "units": "1"})
            for name, cells in zip(("red", "nir"), values, strict=True)
        },
        coords=coords,
    )


def value_of(text: str, **bands: float) -> float:
    arrays = {name: np.array([value], "float64") for name, value in bands.items()}
    return float(Expression.parse(text).evaluate(arrays)[0])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a + b * 2 - 1", 11),
        ("(a + b) * 2", 18),
        ("a / b", 2),
        ("7 // (b + 0 * a)", 2),
        ("-7 % b", 2),
        ("b ** 3", 27),
        ("b ** -2 * 9", 1),
        ("-a ** 2", -36),
        ("a > b", 1),
        ("a <= b", 0),
        ("1 < b < a", 1),
        ("1 < b < a < 2", 0),
        ("a == 6 & b == 3", 0),
        ("(a == 6) & (b == 3)", 1),
        ("a == 6 and not b == 3", 0),
        ("~(a > b) | (b != 3)", 0),
        ("a if b > 5 else b", 3),
        ("where(b > 2, a, -1)", 6),
        ("min(a, b, 4)", 3),
        ("max(a, b, 4)", 6),
        ("clip(a, 0, 5)", 5),
        ("sqrt(a * a)", 6),
        ("log10(a - a + 1000)", 3),
        ("exp(log(a))", 6),
        ("arctan2(a - 6, b)", 0),
        ("abs(-a)", 6),
        ("round(a / 4)", 2),
        ("isnodata(a)", 0),
        ("True + a", 7),
    ],
)
def test_values_by_hand(text: str, expected: float) -> None:
    assert value_of(text, a=6, b=3) == pytest.approx(expected, rel=1e-14)


@pytest.mark.parametrize(
    "text",
    [
        "a + n",
        "n * 0",
        "n > 1",
        "n == n",
        "n != n",
        "n and 0 * a",
        "n | 1 | a",
        "not n",
        "min(a, n)",
        "where(n, a, a)",
        "where(a, n, a)",
        "a if n else a",
        "clip(a, n, 9)",
        "n ** 0",
        "-n",
        "a / 0",
        "a // 0",
        "a % 0",
        "0 * a / 0",
        "log(a - a)",
        "sqrt(-a)",
        "exp(a * 999)",
        "a < 9 < n",
        "(a * 0) ** -1",
    ],
)
def test_nodata_and_what_has_no_value(text: str) -> None:
    assert np.isnan(value_of(text, a=6, n=NAN))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("where(a > 1, a, n)", 6),
        ("a if 1 else n", 6),
        ("isnodata(n)", 1),
        ("where(isnodata(n), a, n)", 6),
        ("n / 0 if isnodata(a) else a", 6),
    ],
)
def test_what_looks_past_nodata(text: str, expected: float) -> None:
    assert value_of(text, a=6, n=NAN) == expected


def test_integers_with_nodata_equal_masked_arrays() -> None:
    scene = cube()
    red, nir = (
        np.ma.masked_equal(scene[name].values, 65_535).astype("f8") for name in ("red", "nir")
    )
    got = expression(scene, "(nir - red) / (nir + red)", name="ndvi")
    np.testing.assert_allclose(got, ((nir - red) / (nir + red)).filled(NAN), rtol=1e-5)
    assert (got < 0).any()
    assert got.dtype == np.float32
    assert got.name == "ndvi"
    text = "(nir - red) / (nir + red)"
    assert got.attrs == {"long_name": text, "expression": text}
    assert list(got.coords) == ["time", "y", "x", "spatial_ref"]


@pytest.mark.parametrize(
    ("dtypes", "expected"),
    [
        (("uint8", "int16"), "float32"),
        (("float32", "bool"), "float32"),
        (("uint8", "int32"), "float64"),
        (("float32", "float64"), "float64"),
    ],
)
def test_dtypes(dtypes: tuple[str, str], expected: str) -> None:
    scene = xr.Dataset({f"b{i}": ("x", np.ones(3, dtype)) for i, dtype in enumerate(dtypes)})
    for text in ("b0 + b1", "where(b0 > b1, 0.1, 3 ** 2)", "b0 == 1 and b1 < 2.5"):
        assert expression(scene, text).dtype == expected
        assert expression(scene.chunk(), text).dtype == expected


def test_nothing_wraps() -> None:
    scene = xr.Dataset({"a": ("x", np.array([200], "uint8")), "b": ("x", np.array([250], "uint8"))})
    assert expression(scene, "a - b").item() == -50
    assert expression(scene, "a * b * a").item() == 1e7
    assert expression(scene, "-a").item() == -200


def test_lazy_equals_eager_with_one_task_a_block() -> None:
    scene = cube()
    chunked = scene.chunk({"time": 1, "y": 4, "x": 5})
    with assert_lazy():
        lazy = expression(chunked, "(nir - red) / (nir + red)")
    layer = lazy.data.dask.layers[lazy.data.name]
    assert len(layer) == 3 * 2 * 2
    xr.testing.assert_identical(lazy.compute(), expression(scene, "(nir - red) / (nir + red)"))
    assert expression(chunked, "nir - red").data.name == expression(chunked, "nir - red").data.name
    assert expression(chunked, "nir - red").data.name != expression(chunked, "red - nir").data.name
    xr.testing.assert_identical(pickle.loads(pickle.dumps(lazy)).compute(), lazy.compute())


def test_blocks_and_dimensions_that_differ() -> None:
    scene = cube()
    mixed = scene.assign(
        red=scene.red.chunk({"y": 3}), nir=scene.nir.chunk({"time": 1}), dem=scene.red.isel(time=0)
    )
    for text in ("nir - red", "red * dem", "dem + nir - red"):
        plain = scene.assign(dem=scene.red.isel(time=0))
        got, expected = expression(mixed, text), expression(plain, text)
        assert got.dims == expected.dims == ("time", "y", "x")
        xr.testing.assert_identical(got.compute(), expected)


def test_a_band_axis_is_as_good_as_variables() -> None:
    scene = cube()
    got = expression(stack_bands(scene), "nir - red")
    xr.testing.assert_equal(got, expression(scene, "nir - red"))
    with pytest.raises(ExpressionError, match="needs bands"):
        expression(scene.red, "red + 1")


def test_names_that_are_no_identifiers() -> None:
    scene = cube().rename(red="B-04", nir="min")
    got = expression(scene, 'max(min, band("B-04")) - band("min")')
    assert float(got.min()) == 0
    parsed = Expression.parse('band("B-04") + min + band("B-04")')
    assert parsed.names == ("B-04", "min")


def test_evaluate_takes_numpy_and_dask() -> None:
    formula = Expression.parse("a + b")
    bands = {"a": np.array([1, 2], "uint8"), "b": np.array([1, NAN], "float32")}
    np.testing.assert_array_equal(formula.evaluate(bands), [2, NAN])
    lazy = formula.evaluate({"a": da.ones(4, chunks=2), "b": da.ones(4, chunks=2)})
    assert isinstance(lazy, da.Array)
    np.testing.assert_array_equal(lazy.compute(), [2, 2, 2, 2])
    with pytest.raises(ExpressionError, match=r"no band 'b' .* the bands are 'a'"):
        formula.evaluate({"a": np.ones(2)})


HOSTILE = [
    "9**9**9**9 * a",
    "a ** b",
    "a ** 65",
    "a ** -1000",
    "a ** True if 0 else a ** 1e9",
    "__import__('os')",
    "a.__class__",
    "a[0]",
    "(lambda: a)()",
    "[a for a in (1, 2)]",
    "{a: a}",
    "(a, b)",
    "f'{a}'",
    "'a' + a",
    "a @ b",
    "a << 2",
    "a ^ 2",
    "a is b",
    "a in b",
    "(a := 2)",
    "open('x')",
    "exec(a)",
    "abs(a, b)",
    "abs()",
    "abs(x=a)",
    "min(*a)",
    "band(a)",
    "band()",
    "band('a')('b')",
    "abs('a')",
    "where.__globals__",
    "a + 1j",
    "a + ...",
    "a + None",
    "a + 1e999",
    "a + " + "9" * 400,
    "a; b",
    "a = 2",
    "import os",
    "a +",
    "",
    "  ",
    "1 + 2",
    "a\x00",
    "await a",
    "yield a",
    "a" + " + a" * 10_000,
    "+".join(["a"] * (MAX_DEPTH + 5)),
    "(" * 900 + "a" + ")" * 900,
    "-" * 1500 + "a",
    "abs(" * 150 + "a" + ")" * 150,
    "not " * 400 + "a",
    "a" * (MAX_LENGTH + 1),
]


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: repr(text[:24]))
def test_what_is_refused(text: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        Expression.parse(text)
    assert len(str(caught.value)) < 1200


@given(st.text(max_size=60) | st.text("ab+-*/()<>=&|~.,0129 '[]", max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        formula = Expression.parse(text)
    except ExpressionError:
        return
    bands = dict.fromkeys(formula.names, np.array([1.5, NAN, 0]))
    assert formula.evaluate(bands).shape in ((3,), ())


def test_messages_help() -> None:
    with pytest.raises(ExpressionError, match="the bands are 'red', 'nir'"):
        expression(cube(), "(nir - rot) / nir")
    with pytest.raises(ExpressionError, match=r"the power is '\*\*'"):
        Expression.parse("a ^ 2")
    with pytest.raises(ExpressionError, match="the functions are band, abs"):
        Expression.parse("cbrt(a)")
    with pytest.raises(ExpressionError, match="clip takes 3 arguments, got 2"):
        Expression.parse("clip(a, 2)")


def test_as_deep_as_is_allowed() -> None:
    text = "+".join(["a"] * (MAX_DEPTH - 2))
    assert value_of(text, a=1) == MAX_DEPTH - 2
