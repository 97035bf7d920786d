"""The gallery: its notebook, the pictures in the docs and the page that shows them go together."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PICTURES = sorted((ROOT / "docs" / "images" / "gallery").iterdir())
FAMILIES = {
    "local", "focal", "filters", "terrain", "visibility", "hydrology", "zonal", "regions",
    "distance", "cost", "contrast", "grids",
}  # fmt: skip
MOST_BYTES = 60_000


def test_the_notebook_makes_the_pictures_of_the_docs() -> None:
    cells = json.loads((ROOT / "notebooks" / "gallery.ipynb").read_text())["cells"]
    code = "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")
    made = re.findall(r'^picture\(\s*"(\w+)"', code, re.MULTILINE)
    assert len(made) == len(set(made))
    assert set(made) == {path.stem for path in PICTURES} == FAMILIES


def test_the_page_shows_each_once() -> None:
    text = (ROOT / "docs" / "gallery.md").read_text()
    assert sorted(re.findall(r"!\[[^\]]+\]\(images/gallery/([\w.]+)\)", text)) == [
        path.name for path in PICTURES
    ]


@pytest.mark.parametrize("path", PICTURES, ids=lambda path: path.stem)
def test_pictures_are_small(path: Path) -> None:
    assert path.read_bytes()[8:12] == b"WEBP"
    assert path.stat().st_size < MOST_BYTES
