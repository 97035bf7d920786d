"""The peers of the tile endpoint: their environment, and the application of each.

This file also runs as a script, in the peers' environment: nothing of this package is imported, and
the peers' modules are looked up by name, as they aren't installed here::

    python serving_peers.py NAME FOLDER PORT     # serve NAME until it is ended
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from importlib import import_module, metadata
from pathlib import Path
from typing import Any

REQUIREMENTS = {
    "titiler": ("titiler.core>=2", "titiler.xarray>=2", "rio-tiler[zarr]>=9.4"),
    "xpublish-tiles": ("xpublish-tiles>=0.12",),
    "terracotta": ("terracotta>=0.10", "gunicorn"),
}
"""What each peer needs; each is installed alone, so that one that fails doesn't hide the others."""

SERVERS = ("uvicorn", "uvloop", "httptools")
"""What `pip install uvicorn[standard]` gives: the peers get the faster loop and parser."""

SHOWN = (
    "titiler.core",
    "titiler.xarray",
    "rio-tiler",
    "xpublish-tiles",
    "terracotta",
    "gunicorn",
    "uvicorn",
    "uvloop",
    "httptools",
    "fastapi",
    "zarr",
    "rasterio",
    "numpy",
)
"""Distributions whose versions are shown."""

PYTHONS = "3.13", "3.14", "3.12"
"""Versions that all peers run on, the preferred first."""

HOST = "127.0.0.1"


def environment(folder: Path, *, install: bool) -> tuple[Path | None, dict[str, str]]:
    """Return the peers' interpreter, and why a peer can't be measured, by its name.

    Parameters
    ----------
    folder
        Where the environment is, or is made.
    install
        Whether what isn't there is installed.
    """
    python = folder / "bin" / "python"
    if not python.exists():
        if not install:
            return None, dict.fromkeys(REQUIREMENTS, "not installed, and --quick installs nothing")
        found = find_python()
        if found is None:
            return None, dict.fromkeys(REQUIREMENTS, "no Python 3.12 or later was found")
        made = _run(_venv(found, folder))
        if made:
            return None, dict.fromkeys(REQUIREMENTS, made)
    missing = {}
    for name, requirements in REQUIREMENTS.items():
        if install and not (folder / f"{name}.done").exists():
            failed = _run(_pip(python, [*SERVERS, *requirements]))
            if failed:
                missing[name] = failed
                continue
            (folder / f"{name}.done").touch()
        elif not (folder / f"{name}.done").exists():
            missing[name] = "not installed, and --quick installs nothing"
    return python, missing


def find_python() -> str | None:
    """Return a Python of one of `PYTHONS`: this one, on the path, or of pyenv, uv or /opt."""
    candidates = [sys.executable, *(shutil.which(f"python{version}") or "" for version in PYTHONS)]
    for root in (Path.home() / ".pyenv/versions", Path("/opt"), Path("/usr/local")):
        candidates += sorted(str(path) for path in root.glob("*/bin/python3"))
    if shutil.which("uv"):
        found = subprocess.run(
            ["uv", "python", "find", "--no-python-downloads", ">=3.12"],
            capture_output=True,
            text=True,
            check=False,
        )
        candidates.append(found.stdout.strip())
    versions = {path: _version(path) for path in candidates if path}
    for version in PYTHONS:
        for path, its in versions.items():
            if its == version:
                return path
    return None


def versions(python: Path) -> dict[str, str]:
    """Return the versions of what the peers' environment has."""
    answer = subprocess.run(
        [python, __file__, "versions"], capture_output=True, text=True, check=False
    )
    found: dict[str, str] = json.loads(answer.stdout or "{}")
    return found


def _version(python: str) -> str | None:
    code = "import sys; print('%d.%d' % sys.version_info[:2])"
    try:
        answer = subprocess.run(
            [python, "-c", code], capture_output=True, text=True, timeout=20, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return answer.stdout.strip()


def _venv(python: str, folder: Path) -> list[str]:
    uv = shutil.which("uv")
    return (
        [uv, "venv", "-q", "-p", python, str(folder)] if uv else [python, "-m", "venv", str(folder)]
    )


def _pip(python: Path, requirements: list[str]) -> list[str]:
    uv = shutil.which("uv")
    if uv:
        return [uv, "pip", "install", "-q", "--python", str(python), *requirements]
    return [str(python), "-m", "pip", "install", "-q", *requirements]


def _run(command: list[str]) -> str | None:
    """Run a command; return what went wrong, None if nothing did."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return None
    lines = [line.strip() for line in done.stderr.splitlines() if line.strip()]
    return lines[-1] if lines else f"{command[0]} ended with {done.returncode}"


# From here on everything runs in the peers' environment.


def titiler_cog(folder: Path) -> Any:
    """Return titiler's factory for COGs, with nothing around it."""
    fastapi, factory = import_module("fastapi"), import_module("titiler.core.factory")
    app = fastapi.FastAPI()
    app.include_router(factory.TilerFactory().router)
    return app


def titiler_xarray(folder: Path) -> Any:
    """Return titiler's factory for Zarr, with nothing around it."""
    fastapi, factory = import_module("fastapi"), import_module("titiler.xarray.factory")
    app = fastapi.FastAPI()
    app.include_router(factory.TilerFactory().router)
    return app


def rio_tiler_geozarr(folder: Path) -> Any:
    """Return one route with rio-tiler's reader of GeoZarr, which no titiler has a route for.

    The group is opened once.
    """
    fastapi, zarr = import_module("fastapi"), import_module("zarr")
    reader_of = import_module("rio_tiler.experimental.zarr").GroupReader
    colours = import_module("rio_tiler.colormap").cmap.get("viridis")
    reader = reader_of(zarr.open_group(folder / "catalog.zarr/scene", mode="r"))
    app = fastapi.FastAPI()

    def tile(z: int, x: int, y: int) -> Any:
        image = reader.tile(x, y, z, variables=["cells"])
        image.rescale([(0, 10000)])
        picture = image.render(img_format="PNG", colormap=colours)
        return fastapi.Response(picture, media_type="image/png")

    app.get("/{z}/{x}/{y}.png")(tile)
    return app


def xpublish_tiles(folder: Path) -> Any:
    """Return xpublish with its plugin for tiles, as its command line makes it."""
    xarray, xpublish = import_module("xarray"), import_module("xpublish")
    plugin = import_module("xpublish_tiles.xpublish.tiles").TilesPlugin()
    multiscale = import_module("xpublish_tiles.multiscale")
    tree = xarray.open_datatree(
        folder / "catalog.zarr/scene", engine="zarr", chunks=None, decode_coords="all"
    )
    multiscale.assign_leaf_xpublish_ids(tree)
    return xpublish.SingleDatasetRest(tree, plugins={"tiles": plugin}).app


def terracotta(folder: Path, port: int) -> None:
    """Become Terracotta under gunicorn with one worker of the kind that its tutorial takes."""
    driver = import_module("terracotta").get_driver(str(folder / "terracotta.sqlite"))
    if not (folder / "terracotta.sqlite").exists():
        driver.create(["name"])
        driver.insert({"name": "scene"}, str(folder / "scene.tif"))
    settings = {
        "TC_DRIVER_PATH": str(folder / "terracotta.sqlite"),
        "TC_RASTER_CACHE_SIZE": "0",
        # The nearest cell, as all others: its defaults take longer.
        "TC_RESAMPLING_METHOD": "nearest",
        "TC_REPROJECTION_METHOD": "nearest",
    }
    gunicorn = Path(sys.executable).with_name("gunicorn")
    options = ["-w", "1", "-b", f"{HOST}:{port}", "--log-level", "warning"]
    os.execve(
        gunicorn, [str(gunicorn), *options, "terracotta.server.app:app"], os.environ | settings
    )


APPLICATIONS = {
    "titiler-cog": titiler_cog,
    "titiler-xarray": titiler_xarray,
    "rio-tiler-geozarr": rio_tiler_geozarr,
    "xpublish-tiles": xpublish_tiles,
}


def _installed(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def main() -> None:
    """Serve one peer, or print the versions that are installed."""
    if sys.argv[1] == "versions":
        found = {name: version for name in SHOWN if (version := _installed(name))}
        print(json.dumps({"python": sys.version.split()[0], **found}))
        return
    name, folder, port = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    if name == "terracotta":
        terracotta(folder, port)
    uvicorn = import_module("uvicorn")
    uvicorn.run(APPLICATIONS[name](folder), host=HOST, port=port, log_level="error")


if __name__ == "__main__":
    main()
