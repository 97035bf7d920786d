"""Wrong calls are refused with a text that helps; every public function has three of them."""

from __future__ import annotations

import inspect
import pkgutil
from collections import Counter
from functools import reduce
from importlib import import_module
from typing import TYPE_CHECKING

import pytest
import xarray as xr

import xcube_tiles as xt
from tests import wrong_calls

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.wrong_calls import WrongCall

REQUIRED = 3
ACCESSORS = {"ds": xr.Dataset, "da": xr.DataArray, "tree": xr.DataTree}


def collect() -> list[WrongCall]:
    """Return the calls of all modules of `tests.wrong_calls`."""
    modules = [info.name for info in pkgutil.iter_modules(wrong_calls.__path__)]
    return [call for name in modules for call in import_module(f"tests.wrong_calls.{name}").CALLS]


def methods_of(cls: type) -> set[str]:
    """Return the public methods of ours that take arguments; properties can't be called wrongly."""
    found = set()
    for name, kind, owner, _ in inspect.classify_class_attrs(cls):
        if name.startswith("_") or not owner.__module__.startswith("xcube_tiles"):
            continue
        if kind in {"method", "class method", "static method"}:
            # The first parameter of a method is the object: nothing to get wrong.
            parameters = inspect.signature(getattr(cls, name)).parameters
            if len(parameters) > (kind == "method"):
                found.add(name)
    return found


def is_checked_class(value: type) -> bool:
    """Whether making an object can be refused; named tuples and Protocols check nothing."""
    plain = hasattr(value, "_fields") or getattr(value, "_is_protocol", False)
    return not plain and bool(inspect.signature(value).parameters)


def public_callables() -> set[str]:
    """Return the names of what a user can call with arguments, by looking at the package."""
    found = {f"ds.tiles.{method}" for method in accessor_methods()}
    for name in xt.__all__:
        value = getattr(xt, name)
        if inspect.isfunction(value) and inspect.signature(value).parameters:
            found.add(f"xt.{name}")
        elif inspect.isclass(value) and not issubclass(value, Exception):
            found |= {f"xt.{name}.{method}" for method in methods_of(value)}
            found |= {f"xt.{name}"} if is_checked_class(value) else set()
    return found


def accessor_methods() -> set[str]:
    """Return the methods that take arguments of any of the three accessors."""
    # The class attribute of a registered accessor is the accessor class.
    return {
        name
        for cls in ACCESSORS.values()
        for name in methods_of(getattr(cls, "tiles"))  # noqa: B009
    }


def exists(function: str) -> bool:
    """Whether a name leads to something, special methods included."""
    root, *parts = function.split(".")
    starts: Sequence[object] = [xt] if root == "xt" else list(ACCESSORS.values())
    found = [
        reduce(lambda value, name: getattr(value, name, None), parts, start) for start in starts
    ]
    return any(value is not None for value in found)


def canonical(function: str) -> str:
    """Count `da.tiles.x` and `tree.tiles.x` as `ds.tiles.x`: it is one operation."""
    root, dot, rest = function.partition(".")
    return f"ds{dot}{rest}" if root in ACCESSORS else function


CALLS = collect()
COUNTS = Counter(canonical(call.function) for call in CALLS)


@pytest.mark.parametrize("wrong", CALLS, ids=[call.function for call in CALLS])
def test_refused_with_a_helpful_text(wrong: WrongCall) -> None:
    with pytest.raises(wrong.error, match=wrong.text):
        wrong.call()


def test_every_public_function_has_wrong_calls() -> None:
    short = {name: COUNTS[name] for name in sorted(public_callables()) if COUNTS[name] < REQUIRED}
    assert not short, f"fewer than {REQUIRED} wrong calls: {short}"


def test_wrong_calls_name_real_functions() -> None:
    assert not [
        name for name in COUNTS if name.startswith(("xt.", "ds.tiles.")) and not exists(name)
    ]
