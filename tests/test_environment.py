"""environment.yml names the same packages, with the same bounds, as pyproject.toml."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import yaml
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[1]
GROUPS = ("dev",)
# Names are equal on PyPI and conda-forge, but these, which PyPI doesn't have.
CONDA_ONLY = {"python", "pip", "nodejs"}


def project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


def group(name: str, groups: dict[str, list[Any]]) -> list[str]:
    """Return the requirements of a dependency group (PEP 735), included groups unfolded."""
    found: list[str] = []
    for entry in groups[name]:
        found += [entry] if isinstance(entry, str) else group(entry["include-group"], groups)
    return found


def required() -> dict[str, str]:
    """Return name to bounds of everything that pyproject.toml asks for."""
    document = project()
    extras = document["project"]["optional-dependencies"]
    texts = [
        *document["project"]["dependencies"],
        *(text for texts in extras.values() for text in texts),
        *(text for name in GROUPS for text in group(name, document["dependency-groups"])),
    ]
    parsed = [Requirement(text) for text in texts]
    own = document["project"]["name"]
    return {r.name: str(r.specifier) for r in parsed if r.name != own}


def offered() -> dict[str, str]:
    """Return name to bounds of environment.yml, pip's section included."""
    entries = yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"]
    (from_pip,) = (entry["pip"] for entry in entries if isinstance(entry, dict))
    texts = [*(entry for entry in entries if isinstance(entry, str)), *from_pip]
    return {r.name: str(r.specifier) for r in map(Requirement, texts)}


def test_same_packages() -> None:
    assert offered().keys() - CONDA_ONLY == required().keys()


def test_same_bounds() -> None:
    ours = offered()
    assert {name: ours.get(name) for name in required()} == required()


def test_same_python() -> None:
    assert offered()["python"] == project()["project"]["requires-python"]


def test_all_extra_names_every_extra() -> None:
    extras = project()["project"]["optional-dependencies"]
    (everything,) = extras.pop("all")
    assert Requirement(everything).extras == {*extras}
