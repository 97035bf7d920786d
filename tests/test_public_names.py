"""The public names: few, sorted, documented, and the same wherever one looks."""

from __future__ import annotations

import ast
import inspect
from pathlib import Path

import pytest
import xarray as xr

import xcube_tiles as xt

MAX_NAMES = 25
ACCESSORS = [getattr(cls, "tiles") for cls in (xr.Dataset, xr.DataArray, xr.DataTree)]  # noqa: B009
OBJECTS = [name for name in xt.__all__ if not name.startswith("_")]


def undocumented(cls: type) -> list[str]:
    """Return the public methods and properties of ours that have no docstring."""
    return [
        attribute.name
        for attribute in inspect.classify_class_attrs(cls)
        if not attribute.name.startswith("_")
        and attribute.defining_class.__module__.startswith("xcube_tiles")
        and attribute.kind in {"method", "class method", "static method", "property"}
        and not inspect.getdoc(getattr(cls, attribute.name))
    ]


def names_for_type_checkers() -> set[str]:
    """Return what the package root imports under TYPE_CHECKING: what an editor completes."""
    tree = ast.parse(Path(xt.__file__).read_text())
    blocks = [node for node in tree.body if isinstance(node, ast.If)]
    statements = [node for block in blocks for node in block.body]
    imports = [node for node in statements if isinstance(node, ast.ImportFrom)]
    return {alias.asname or alias.name for node in imports for alias in node.names}


def test_names_are_sorted_and_few() -> None:
    assert list(xt.__all__) == sorted(set(xt.__all__))
    assert len(xt.__all__) <= MAX_NAMES


def test_all_is_what_one_sees() -> None:
    assert dir(xt) == list(xt.__all__)
    assert names_for_type_checkers() == {*OBJECTS}


def test_nothing_of_ours_is_public_unsaid() -> None:
    loaded = {
        name
        for name, value in vars(xt).items()
        if not name.startswith("_") and getattr(value, "__module__", "").startswith("xcube_tiles")
    }
    assert loaded <= {*xt.__all__}


def test_unknown_name() -> None:
    with pytest.raises(AttributeError, match="no_such_name"):
        getattr(xt, "no_such_name")  # noqa: B009


@pytest.mark.parametrize("name", OBJECTS)
def test_every_name_is_there_and_documented(name: str) -> None:
    value = getattr(xt, name)
    assert inspect.getdoc(value)
    assert not (inspect.isclass(value) and undocumented(value))


@pytest.mark.parametrize("cls", ACCESSORS, ids=lambda cls: cls.__name__)
def test_accessor_is_documented(cls: type) -> None:
    assert inspect.getdoc(cls)
    assert not undocumented(cls)
