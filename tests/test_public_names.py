"""The public names: few, sorted, documented, and the same wherever one looks."""

from __future__ import annotations

import inspect
from types import ModuleType

import pytest
import xarray as xr

import xcube_tiles as xt

MAX_NAMES = 22
ACCESSORS = [getattr(cls, "tiles") for cls in (xr.Dataset, xr.DataArray, xr.DataTree)]  # noqa: B009


def public_members(cls: type) -> list[str]:
    """Return the public methods and properties that are ours."""
    return [
        attribute.name
        for attribute in inspect.classify_class_attrs(cls)
        if not attribute.name.startswith("_")
        and attribute.defining_class.__module__.startswith("xcube_tiles")
        and attribute.kind in {"method", "class method", "static method", "property"}
    ]


PUBLIC_CLASSES = sorted(
    {value for name in xt.__all__ if inspect.isclass(value := getattr(xt, name))} | {*ACCESSORS},
    key=lambda cls: cls.__name__,
)


def test_names_are_sorted_and_few() -> None:
    assert list(xt.__all__) == sorted(set(xt.__all__))
    assert len(xt.__all__) <= MAX_NAMES


def test_all_is_what_is_there() -> None:
    # `dir` is what a person sees; names of __future__ and submodules are not exports.
    values = {name: getattr(xt, name) for name in dir(xt) if not name.startswith("_")}
    exported = {
        name
        for name, value in values.items()
        if not isinstance(value, ModuleType) and type(value).__module__ != "__future__"
    }
    assert exported | {"__version__"} == {*xt.__all__, "__version__"}


def test_unknown_name() -> None:
    with pytest.raises(AttributeError, match="no_such_name"):
        getattr(xt, "no_such_name")  # noqa: B009


@pytest.mark.parametrize("name", [name for name in xt.__all__ if name != "__version__"])
def test_every_name_is_documented(name: str) -> None:
    value = getattr(xt, name)
    if callable(value):
        assert inspect.getdoc(value)


@pytest.mark.parametrize("cls", PUBLIC_CLASSES, ids=lambda cls: cls.__name__)
def test_every_member_is_documented(cls: type) -> None:
    assert cls.__doc__
    assert not [name for name in public_members(cls) if not inspect.getdoc(getattr(cls, name))]
