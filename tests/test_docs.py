"""The Python blocks of the README and of every page of the docs run, top to bottom."""

from __future__ import annotations

import re
from pathlib import Path
from textwrap import dedent
from typing import NamedTuple

import pytest

from xcube_tiles.testing.scene import write_scene

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
# A fence may be indented (in a tab or a note) and may carry a title.
BLOCK = re.compile(
    r"^(?P<indent>[ ]*)```python\b[^\n]*\n(?P<code>.*?)^(?P=indent)```", re.MULTILINE | re.DOTALL
)


class Block(NamedTuple):
    """A piece of code, and the line of the page that it starts on."""

    line: int
    code: str


def blocks(text: str) -> list[Block]:
    """Return the Python blocks of a page."""
    return [
        Block(text.count("\n", 0, found.start("code")), dedent(found["code"]))
        for found in BLOCK.finditer(text)
    ]


@pytest.fixture(scope="module")
def demo_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a small scene under the name that `xcube-tiles demo` gives it and pages read."""
    folder = tmp_path_factory.mktemp("docs") / "demo-data"
    write_scene(folder, size=256)
    return folder


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_blocks_run(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, demo_data: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    Path(demo_data.name).symlink_to(demo_data)
    namespace: dict[str, object] = {"__name__": "__main__"}
    for block in blocks(page.read_text()):
        # Empty lines before the code: a traceback then shows the line of the page.
        exec(compile("\n" * block.line + block.code, page, "exec"), namespace)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a\n```python\nx = 1\ny = 2\n```\n", [Block(2, "x = 1\ny = 2\n")]),
        ("    ```python title='t'\n    x = 1\n    ```\n", [Block(1, "x = 1\n")]),
        ("```bash\nls\n```\n```\nplain\n```\n", []),
        ("```pycon\n>>> 1\n```\n", []),
        ("```python\n1\n```\n\n```python\n2\n```\n", [Block(1, "1\n"), Block(5, "2\n")]),
    ],
)
def test_finds_blocks(text: str, found: list[Block]) -> None:
    assert blocks(text) == found
