"""Build hook: makes the map page with npm and puts it into the wheel.

A machine without npm, or without a way to the npm registry, gets a working package all the same:
the server then answers `/` with a plain page that says how to build the map.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

PAGE = Path("xcube_tiles/server/static")
SOURCES = ("viewer/index.html", "viewer/package.json", "viewer/vite.config.ts", "viewer/src/*")
COMMANDS = (
    ("npm", "install", "--no-audit", "--no-fund", "--no-package-lock", "--fetch-retries=1"),
    ("npm", "run", "build"),
)
SECONDS = 300
SKIP = "XCUBE_TILES_SKIP_VIEWER"


class ViewerHook(BuildHookInterface):  # type: ignore[type-arg]
    """Builds the page before a wheel or an sdist is made, an editable wheel included."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build the page unless it is fresh, and name its files as artifacts.

        Parameters
        ----------
        version
            Kind of build, such as `"standard"` or `"editable"`.
        build_data
            Hatch's data of this build; `artifacts` grows by the page.
        """
        root = Path(self.root)
        if not os.environ.get(SKIP) and is_stale(root):
            trouble = build(root / "viewer")
            if trouble:
                self.app.display_warning(
                    f"The map page was not built: {trouble}\n"
                    "The package works without it; `scripts/build-viewer` builds it later."
                )
        # Git ignores the page, and hatch leaves out what git ignores unless it is an artifact.
        build_data.setdefault("artifacts", []).append(f"/{PAGE.as_posix()}/**")


def is_stale(root: Path) -> bool:
    """Return whether the page is missing, or older than one of its sources."""
    page = root / PAGE / "index.html"
    sources = [path for pattern in SOURCES for path in root.glob(pattern)]
    if not page.exists():
        return bool(sources)
    return any(path.stat().st_mtime > page.stat().st_mtime for path in sources)


def build(viewer: Path) -> str | None:
    """Run npm in a folder; return what went wrong, or None."""
    if shutil.which("npm") is None:
        return "npm is not installed (it comes with Node.js 20 or newer)."
    for command in COMMANDS:
        # On Windows npm is a .cmd file, which only its full path starts.
        program = shutil.which(command[0]) or command[0]
        try:
            subprocess.run(
                [program, *command[1:]],
                cwd=viewer,
                check=True,
                capture_output=True,
                text=True,
                timeout=SECONDS,
            )
        except subprocess.CalledProcessError as error:
            said = (error.stderr or error.stdout).strip().splitlines()
            return f"`{' '.join(command)}` failed: " + "\n".join(said[-8:])
        except (OSError, subprocess.TimeoutExpired) as error:
            return f"`{' '.join(command)}` failed: {error}"
    return None
