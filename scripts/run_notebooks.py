"""Run notebooks from top to bottom, each in an empty directory; an error in a cell ends the run.

`--pictures docs/images notebooks/gallery.ipynb` keeps the pictures that the gallery makes.
"""

from __future__ import annotations

import argparse
import shutil
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import nbformat
from nbclient import NotebookClient

FOLDER = Path(__file__).resolve().parents[1] / "notebooks"
SECONDS_PER_CELL = 600


def run(path: Path, pictures: Path | None = None) -> None:
    notebook = nbformat.read(path, as_version=4)
    with TemporaryDirectory() as directory:
        NotebookClient(
            notebook,
            timeout=SECONDS_PER_CELL,
            kernel_name="python3",
            resources={"metadata": {"path": directory}},
        ).execute()
        if pictures is not None:
            (pictures / "gallery").mkdir(parents=True, exist_ok=True)
            for made in Path(directory).glob("gallery/*.webp"):
                shutil.copy(made, pictures / "gallery")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pictures", type=Path, help="folder for the pictures of the gallery")
    parser.add_argument("notebooks", nargs="*", type=Path, help="default: all of notebooks/")
    given = parser.parse_args()
    for path in given.notebooks or sorted(FOLDER.glob("*.ipynb")):
        start = time.perf_counter()
        run(path, given.pictures)
        print(f"{path.name}: {time.perf_counter() - start:.1f} s", flush=True)


if __name__ == "__main__":
    main()
