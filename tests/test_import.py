"""`import xcube_tiles` stays light: what few people need is loaded when it is used."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys

import pytest

HEAVY = ("fastapi", "rasterio", "matplotlib", "distributed", "numba", "typer", "odc.geo")
ROOMS = ("cube", "algebra", "kernels", "render", "catalog", "server", "explore", "testing")
BASE = "import xarray, dask.array"


def loaded(statement: str) -> set[str]:
    """Return the modules that a fresh interpreter has loaded after a statement."""
    # `import xarray` alone loads numbagg where it is installed (the `bench` group brings it), and
    # numbagg imports numba: numba would then be loaded whatever we do, and this test could not
    # fail. None as a module makes `import numbagg` fail, as if it was not installed.
    block = "import sys, json; sys.modules['numbagg'] = None"
    code = f"{block}; {statement}; print(json.dumps([*sys.modules]))"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    return set(json.loads(done.stdout))


@pytest.fixture(scope="module")
def ours() -> set[str]:
    return loaded("import xcube_tiles")


def test_base_loads_nothing_heavy() -> None:
    assert not loaded(BASE) & {*HEAVY}


@pytest.mark.parametrize("name", [*HEAVY, *(f"xcube_tiles.{room}" for room in ROOMS)])
def test_not_loaded(ours: set[str], name: str) -> None:
    assert name not in ours


def test_loading_would_be_noticed() -> None:
    for name in HEAVY:
        importlib.import_module(name)
    assert {*HEAVY} <= {*sys.modules}


def test_package_is_loaded(ours: set[str]) -> None:
    assert {"xcube_tiles", "xcube_tiles.accessor"} <= ours
