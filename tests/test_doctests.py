"""The examples in docstrings run and show what they say."""

from __future__ import annotations

import doctest
import pkgutil
from importlib import import_module
from typing import TYPE_CHECKING

import pytest

import xcube_tiles

if TYPE_CHECKING:
    from pathlib import Path

FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
MODULES = [
    "xcube_tiles",
    *(info.name for info in pkgutil.walk_packages(xcube_tiles.__path__, "xcube_tiles.")),
]


@pytest.mark.parametrize("name", MODULES)
def test_examples_run(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # examples that write leave nothing behind
    failed, _ = doctest.testmod(import_module(name), optionflags=FLAGS)
    assert failed == 0
