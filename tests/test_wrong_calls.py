"""Wrong calls are refused with a text that helps; every public function has three of them."""

from __future__ import annotations

import inspect
import pkgutil
from collections import Counter
from importlib import import_module

import pytest
import xarray as xr

import xcube_tiles as xt
from tests import wrong_calls
from tests.wrong_calls import WrongCall

REQUIRED = 3
ACCESSORS = {"ds": xr.Dataset, "da": xr.DataArray, "tree": xr.DataTree}


def collect() -> list[WrongCall]:
    """Return the calls of all modules of `tests.wrong_calls`."""
    modules = [info.name for info in pkgutil.iter_modules(wrong_calls.__path__)]
    return [call for name in modules for call in import_module(f"tests.wrong_calls.{name}").CALLS]


def takes_arguments(function: object) -> bool:
    """Whether there is anything to get wrong: a parameter besides `self`."""
    if not callable(function):
        return False
    return any(name != "self" for name in inspect.signature(function).parameters)


def methods_of(cls: type) -> set[str]:
    """Return the public methods of ours that take arguments; properties can't be called wrongly."""
    found = set()
    for name, kind, owner, value in inspect.classify_class_attrs(cls):
        ours = owner.__module__.startswith("xcube_tiles")
        if (
            ours
            and not name.startswith("_")
            and kind in {"method", "class method", "static method"}
        ):
            function = value.__func__ if isinstance(value, classmethod | staticmethod) else value
            parameters = list(inspect.signature(function).parameters)
            if len(parameters) > (kind != "static method"):
                found.add(name)
    return found


def public_callables() -> set[str]:
    """Return the names of what a user can call, by looking at the package."""
    found = set()
    for name in xt.__all__:
        value = getattr(xt, name)
        if inspect.isfunction(value):
            found |= {f"xt.{name}"} if takes_arguments(value) else set()
        elif inspect.isclass(value) and not issubclass(value, Exception):
            # A named tuple or a Protocol checks nothing by itself.
            plain = not hasattr(value, "_fields") and not getattr(value, "_is_protocol", False)
            found |= {f"xt.{name}"} if plain and takes_arguments(value) else set()
            found |= {f"xt.{name}.{method}" for method in methods_of(value)}
    return found | {f"ds.tiles.{method}" for method in accessor_methods()}


def accessor_methods() -> set[str]:
    """Return the methods that take arguments of any of the three accessors."""
    # The class attribute of a registered accessor is the accessor class.
    return {name for cls in ACCESSORS.values() for name in methods_of(cls.tiles)}


def canonical(function: str) -> str:
    """Count `da.tiles.x` and `tree.tiles.x` as `ds.tiles.x`: it is one operation."""
    root, dot, rest = function.partition(".")
    return f"ds{dot}{rest}" if root in ACCESSORS else function


CALLS = collect()
COUNTS = Counter(canonical(call.function) for call in CALLS)
PUBLIC = public_callables()


@pytest.mark.parametrize("wrong", CALLS, ids=[call.function for call in CALLS])
def test_refused_with_a_helpful_text(wrong: WrongCall) -> None:
    with pytest.raises(wrong.error, match=wrong.text):
        wrong.call()


@pytest.mark.parametrize("function", sorted(PUBLIC))
def test_every_public_function_has_wrong_calls(function: str) -> None:
    assert COUNTS[function] >= REQUIRED, f"{function} has {COUNTS[function]} wrong calls"


def test_wrong_calls_name_real_functions() -> None:
    named = {name for name in COUNTS if name.startswith(("xt.", "ds.tiles."))}
    assert named <= PUBLIC
