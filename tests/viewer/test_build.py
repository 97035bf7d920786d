"""The build hook: the page is built where it can be, and the package without it otherwise."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from types import ModuleType

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def hook() -> ModuleType:
    pytest.importorskip("hatchling", reason="the build hook runs inside hatchling")
    spec = importlib.util.spec_from_file_location("hatch_build", ROOT / "hatch_build.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Return a project whose page is fresh."""
    source = tmp_path / "viewer" / "src" / "main.ts"
    page = tmp_path / "xcube_tiles" / "server" / "static" / "index.html"
    for path, changed in ((source, 1000), (page, 2000)):
        path.parent.mkdir(parents=True)
        path.touch()
        os.utime(path, (changed, changed))
    return tmp_path


def test_a_fresh_page_is_kept(hook: ModuleType, tree: Path) -> None:
    assert not hook.is_stale(tree)


def test_a_page_older_than_a_source_is_stale(hook: ModuleType, tree: Path) -> None:
    os.utime(tree / "viewer" / "src" / "main.ts", (3000, 3000))
    assert hook.is_stale(tree)


def test_a_missing_page_is_stale(hook: ModuleType, tree: Path) -> None:
    (tree / "xcube_tiles" / "server" / "static" / "index.html").unlink()
    assert hook.is_stale(tree)


def test_without_sources_nothing_is_built(hook: ModuleType, tmp_path: Path) -> None:
    assert not hook.is_stale(tmp_path)


def test_without_npm_the_reason_is_returned(
    hook: ModuleType, tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tree))
    assert "npm is not installed" in hook.build(tree / "viewer")


def test_what_npm_says_is_returned(
    hook: ModuleType, tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    npm = tree / "npm"
    npm.write_text("#!/bin/sh\necho no way to the registry >&2\nexit 1\n")
    npm.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tree}:{os.environ['PATH']}")
    assert "no way to the registry" in hook.build(tree / "viewer")


@pytest.mark.parametrize("reason", ["npm is not installed", None])
def test_the_hook_never_stops_a_build(
    hook: ModuleType, tree: Path, monkeypatch: pytest.MonkeyPatch, reason: str | None
) -> None:
    said: list[str] = []

    class App:
        def display_warning(self, text: str) -> None:
            said.append(text)

    class Hook(hook.ViewerHook):  # type: ignore[name-defined, misc]
        root = str(tree)
        app = App()

        def __init__(self) -> None:
            pass

    (tree / "xcube_tiles" / "server" / "static" / "index.html").unlink()
    monkeypatch.setattr(hook, "build", lambda viewer: reason)
    data: dict[str, list[str]] = {}
    Hook().initialize("standard", data)
    assert data == {"artifacts": ["/xcube_tiles/server/static/**"]}
    assert [str(reason) in text and "scripts/build-viewer" in text for text in said] == [
        True
    ] * bool(reason)
