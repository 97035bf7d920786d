"""The accessor: it holds the object alone and passes every option on."""

from __future__ import annotations

import inspect
import pickle
import re
from importlib import import_module
from typing import TYPE_CHECKING, Any

import pytest
import xarray as xr

import xcube_tiles as xt  # noqa: F401  (registers the accessor)
from tests.cube.rasters import raster
from xcube_tiles.accessor import DataArrayTiles, DatasetTiles, DataTreeTiles
from xcube_tiles.accessor.cube import CubeTiles

if TYPE_CHECKING:
    from collections.abc import Callable

ACCESSORS = (DataArrayTiles, DatasetTiles, DataTreeTiles)

STARRED = inspect.Parameter.VAR_POSITIONAL

OWN = {"layout"}
"""Methods whose function takes something else than the object."""

RENAMED = {
    "check_compatible": {"other": "right"},
    "convert": {"cell_type": "target"},
    "merge": {"other": "right"},
}
"""Options of methods that read better under another name than the function's."""

LEFT_OUT = {
    # Blocks of levels are shards, whatever the cube.
    (CubeTiles, "pyramid"): {"block"},
    # A tree is a pyramid already.
    (DataTreeTiles, "to_catalog"): {
        "scheme",
        "resampling",
        "levels",
        "min_valid",
        "zooms",
        "factor",
    },
}


def methods() -> dict[tuple[type, str], str]:
    """Return the methods of the accessors, and the functions that their docstrings name."""
    found = {}
    for cls in ACCESSORS:
        for name, kind, owner, member in inspect.classify_class_attrs(cls):
            if kind == "method" and not name.startswith("_") and name not in OWN:
                named = re.search(r"ee `xcube_tiles\.([\w.]+)`\.", inspect.getdoc(member) or "")
                assert named, f"the docstring of {owner.__name__}.{name} must name its function"
                found[owner, name] = named[1]
    return found


def function(path: str) -> Callable[..., Any]:
    module, _, name = path.rpartition(".")
    found: Callable[..., Any] = getattr(import_module(f"xcube_tiles.{module}"), name)
    return found


FUNCTIONS = methods()


def options(of: Callable[..., Any]) -> list[tuple[str, object, object]]:
    parameters = list(inspect.signature(of).parameters.values())[1:]
    return [(each.name, each.kind, each.default) for each in parameters]


@pytest.mark.parametrize(("owner", "name"), FUNCTIONS)
def test_methods_take_what_their_functions_take(owner: type, name: str) -> None:
    method, of = getattr(owner, name), function(FUNCTIONS[owner, name])
    left_out = LEFT_OUT.get((owner, name), set())
    renamed = {theirs: ours for ours, theirs in RENAMED.get(name, {}).items()}
    assert options(method) == [
        (renamed.get(option, option), kind, default)
        for option, kind, default in options(of)
        if option not in left_out
    ]


@pytest.mark.parametrize(("owner", "name"), FUNCTIONS)
def test_methods_pass_every_option_on(
    owner: type, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = FUNCTIONS[owner, name]
    module, _, attribute = path.rpartition(".")
    passed: dict[str, object] = {}
    signature = inspect.signature(function(path))

    def record(*args: object, **kwargs: object) -> None:
        passed.update(signature.bind(*args, **kwargs).arguments)

    monkeypatch.setattr(f"xcube_tiles.{module}.{attribute}", record)
    if name == "render":
        monkeypatch.setattr("xcube_tiles.render.cube.CubeSource", lambda obj: obj)
    method = getattr(owner, name)
    given: dict[str, object] = {option: object() for option, _, _ in options(method)}
    starred = [option for option, kind, _ in options(method) if kind is STARRED]
    obj = object()
    if starred:
        method(owner(obj), *given.values())
        given |= {option: (given[option],) for option in starred}
    else:
        method(owner(obj), **given)
    assert next(iter(passed.values())) is obj
    renamed = RENAMED.get(name, {})
    for option, value in given.items():
        found = passed[renamed.get(option, option)]
        assert found == value if option in starred else found is value


@pytest.mark.parametrize("owner", [DataArrayTiles, DatasetTiles, DataTreeTiles])
def test_the_accessor_holds_the_object_alone(owner: type) -> None:
    array = raster(1.5)
    accessor = owner(array)
    assert not hasattr(accessor, "__dict__")
    assert [slot for base in owner.__mro__ for slot in getattr(base, "__slots__", ())] == ["_obj"]
    xr.testing.assert_identical(pickle.loads(pickle.dumps(accessor))._obj, array)


def test_properties() -> None:
    array = raster(1.5, times=["2024-01-01"])
    cube = array.to_dataset(name="a")
    assert array.tiles.crs.epsg == cube.tiles.crs.epsg == 32633
    assert array.tiles.resolution == (10.0, 10.0)
    assert array.tiles.geobox == cube.tiles.geobox
    assert array.tiles.extent.bounds == (300_000, 5_000_000, 300_050, 5_000_040)
    assert cube.tiles.dims == {"time": "temporal", "y": "spatial", "x": "spatial"}
    assert cube.tiles.keys == {}
    assert array.tiles.cell_type.name == "float64"
    assert list(cube.tiles.cell_type) == ["a"]
    assert array.tiles.layout(2).layout_shape == (2, 3)
    assert "EPSG:32633" in repr(cube.tiles)
    assert "<table>" in cube.tiles._repr_html_()
