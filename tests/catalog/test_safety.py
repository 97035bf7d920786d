"""A reader never sees a layer that isn't complete."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from zarr.storage import MemoryStore

from tests.catalog.cubes import cube_of, random_cube
from xcube_tiles.catalog.reader import open_catalog
from xcube_tiles.catalog.writer import to_catalog
from xcube_tiles.cube.blocks import from_reader
from xcube_tiles.errors import CatalogError, LayerExistsError

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from xarray import Dataset


def failing_cube(catalog: Any) -> Dataset:
    """Return a cube whose last block fails, after looking at the catalog."""
    cube = cube_of(np.zeros((600, 600)))

    def read(index: tuple[slice, ...]) -> NDArray[np.int16]:
        if index[0].start == 512:
            raise OSError(f"unreadable; layers there: {open_catalog(catalog).layers}")
        return np.zeros([part.stop - part.start for part in index], "int16")

    data = from_reader(read, shape=(600, 600), chunks=256, dtype="int16", name="f", token=1)
    cube["band"] = cube.band.copy(data=data)
    return cube


@pytest.mark.parametrize("kind", ["folder", "memory"])
def test_a_failed_writer_leaves_nothing(tmp_path: Path, kind: str) -> None:
    place = str(tmp_path / "c.zarr") if kind == "folder" else MemoryStore()
    to_catalog(cube_of([[1, 2]]), place, "old")
    with pytest.raises(OSError, match=r"unreadable; layers there: \('old',\)"):
        to_catalog(failing_cube(place), place, "new", shard=256)
    assert open_catalog(place).layers == ("old",)
    if kind == "folder":
        assert sorted(os.listdir(place)) == ["old", "zarr.json"]  # type: ignore[arg-type]


def test_a_failed_replacement_leaves_the_old_layer(tmp_path: Path) -> None:
    to_catalog(cube_of([[1, 2]]), tmp_path / "c.zarr", "layer")
    with pytest.raises(OSError, match="unreadable"):
        to_catalog(failing_cube(tmp_path / "c.zarr"), tmp_path / "c.zarr", "layer", overwrite=True)
    assert open_catalog(tmp_path / "c.zarr").read("layer").band.values.tolist() == [[1, 2]]


def test_of_two_writers_one_wins(tmp_path: Path) -> None:
    cube = cube_of(np.zeros((4, 4)))

    def read(index: tuple[slice, ...]) -> NDArray[np.int16]:
        to_catalog(cube_of([[1, 2]]), tmp_path, "layer")
        return np.zeros((4, 4), "int16")

    data = from_reader(read, shape=(4, 4), chunks=4, dtype="int16", name="f", token=2)
    cube["band"] = cube.band.copy(data=data)
    with pytest.raises(LayerExistsError, match="is in the catalog already"):
        to_catalog(cube, tmp_path, "layer")
    assert open_catalog(tmp_path).read("layer").band.values.tolist() == [[1, 2]]
    assert sorted(os.listdir(tmp_path)) == ["layer", "zarr.json"]


WRITER = """
    import sys
    import numpy as np
    from tests.catalog.cubes import cube_of
    from xcube_tiles.catalog.writer import to_catalog
    from xcube_tiles.cube.blocks import from_reader

    def read(index):
        if index[0].start == 512:
            print("half", flush=True)
            sys.stdin.read()
        return np.zeros([part.stop - part.start for part in index], "int16")

    cube = cube_of(np.zeros((1024, 1024)))
    data = from_reader(read, shape=(1024, 1024), chunks=256, dtype="int16", name="f", token=1)
    cube["band"] = cube.band.copy(data=data)
    to_catalog(cube, sys.argv[1], "layer", shard=256, progress=False)
"""


@pytest.mark.slow
def test_a_killed_writer_leaves_no_visible_layer(tmp_path: Path) -> None:
    folder = tmp_path / "c.zarr"
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(WRITER), str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[2],
    ) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == b"half\n"
        writer.send_signal(signal.SIGKILL)
    assert open_catalog(folder).layers == ()
    hidden = [name for name in os.listdir(folder) if name != "zarr.json"]
    assert [name[:10] for name in hidden] == [".tmp-layer"]
    to_catalog(cube_of([[1, 2]]), folder, "layer")
    assert open_catalog(folder).layers == ("layer",)


def test_a_layer_isnt_replaced_by_mistake(tmp_path: Path) -> None:
    to_catalog(cube_of([[1, 2]]), tmp_path, "layer")
    with pytest.raises(LayerExistsError, match="pass overwrite=True"):
        to_catalog(cube_of([[3, 4]]), tmp_path, "layer")
    assert isinstance(LayerExistsError("x"), FileExistsError)


def test_a_folder_with_other_contents_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("dear")
    with pytest.raises(CatalogError, match="isn't empty and no catalog"):
        to_catalog(cube_of([[1, 2]]), tmp_path, "layer")
    assert os.listdir(tmp_path) == ["letter.txt"]
    with pytest.raises(CatalogError, match="is a file"):
        to_catalog(cube_of([[1, 2]]), tmp_path / "letter.txt", "layer")


def test_a_layer_is_no_catalog(tmp_path: Path) -> None:
    to_catalog(random_cube((20, 30)), tmp_path, "layer")
    for call in (open_catalog, lambda url: to_catalog(cube_of([[1]]), url, "inner")):
        with pytest.raises(CatalogError, match="is a layer, not a catalog"):
            call(tmp_path / "layer")


def test_there_is_no_catalog(tmp_path: Path) -> None:
    with pytest.raises(CatalogError, match=r"no catalog at '.*nowhere'"):
        open_catalog(tmp_path / "nowhere")
    assert not (tmp_path / "nowhere").exists()
    with pytest.raises(CatalogError, match="no catalog at"):
        open_catalog(tmp_path)
