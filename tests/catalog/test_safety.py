"""A reader never sees a layer that isn't complete."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from dask import config
from zarr.storage import MemoryStore

from tests.catalog.cubes import cube_of, random_cube
from tests.processes import forks, needs_fork, started
from xcube_tiles.catalog.reader import open_catalog
from xcube_tiles.catalog.writer import to_catalog
from xcube_tiles.cube.blocks import from_reader
from xcube_tiles.errors import CatalogError, LayerBusyError, LayerExistsError

if TYPE_CHECKING:
    from multiprocessing.connection import Connection
    from pathlib import Path

    from numpy.typing import NDArray
    from xarray import Dataset


def failing_cube(catalog: Any) -> Dataset:
    """Return a cube of which the seventh block that is read fails, after looking at the catalog."""
    cube = cube_of(np.zeros((600, 600)))
    reads: list[object] = []

    def read(index: tuple[slice, ...]) -> NDArray[np.int16]:
        reads.append(index)
        if len(reads) == 7:
            raise OSError(f"unreadable; layers there: {open_catalog(catalog).layers}")
        return np.zeros([part.stop - part.start for part in index], "int16")

    data = from_reader(read, shape=(600, 600), chunks=256, dtype="int16", name="f", token=1)
    cube["band"] = cube.band.copy(data=data)
    return cube


@pytest.mark.parametrize("kind", ["folder", "memory"])
def test_a_failed_writer_shows_nothing_and_is_resumed(tmp_path: Path, kind: str) -> None:
    place: Any = str(tmp_path / "c.zarr") if kind == "folder" else MemoryStore()
    to_catalog(cube_of([[1, 2]]), place, "old")
    with (
        config.set(scheduler="synchronous"),
        pytest.raises(OSError, match=r"unreadable; layers there: \('old',\)") as caught,
    ):
        to_catalog(failing_cube(place), place, "new", shard=256)
    assert "the same call with resume=True goes on" in caught.value.__notes__[0]
    assert open_catalog(place).layers == ("old",)
    to_catalog(cube_of([[1, 2]]), place, "new")
    assert open_catalog(place).read("new").band.values.tolist() == [[1, 2]]


def test_a_failed_replacement_leaves_the_old_layer(tmp_path: Path) -> None:
    to_catalog(cube_of([[1, 2]]), tmp_path / "c.zarr", "layer")
    with pytest.raises(OSError, match="unreadable"):
        to_catalog(failing_cube(tmp_path / "c.zarr"), tmp_path / "c.zarr", "layer", overwrite=True)
    assert open_catalog(tmp_path / "c.zarr").read("layer").band.values.tolist() == [[1, 2]]


@pytest.mark.parametrize("kind", ["folder", "memory"])
def test_of_two_writers_one_wins(tmp_path: Path, kind: str) -> None:
    place: Any = tmp_path if kind == "folder" else MemoryStore()
    cube, refused = cube_of(np.zeros((4, 4))), []

    def read(index: tuple[slice, ...]) -> NDArray[np.int16]:
        with pytest.raises(LayerBusyError, match=r"is being written by process \d+") as caught:
            to_catalog(cube_of([[1, 2]]), place, "layer")
        refused.append(caught.value)
        return np.ones((4, 4), "int16")

    data = from_reader(read, shape=(4, 4), chunks=4, dtype="int16", name="f", token=2)
    cube["band"] = cube.band.copy(data=data)
    to_catalog(cube, place, "layer")
    assert refused
    assert open_catalog(place).read("layer").band.values.tolist() == np.ones((4, 4)).tolist()
    if kind == "folder":
        assert sorted(os.listdir(tmp_path)) == ["layer", "zarr.json"]


def write_half(folder: Path, told: Connection) -> None:
    """Write a layer in a process; tell when half of it is there, and wait."""

    def read(index: tuple[slice, ...]) -> NDArray[np.int16]:
        if index[0].start == 512:
            told.send("half")
            signal.pause()
        return np.zeros([part.stop - part.start for part in index], "int16")

    cube = cube_of(np.zeros((1024, 1024)))
    data = from_reader(read, shape=(1024, 1024), chunks=256, dtype="int16", name="f", token=1)
    cube["band"] = cube.band.copy(data=data)
    to_catalog(cube, folder, "layer", shard=256, progress=False)


@needs_fork
@pytest.mark.slow
def test_a_killed_writer_leaves_no_visible_layer(tmp_path: Path) -> None:
    folder = tmp_path / "c.zarr"
    here, there = forks().Pipe()
    writer = started(write_half, folder, there)
    there.close()
    assert here.recv() == "half"
    writer.kill()
    writer.join()
    assert writer.exitcode == -signal.SIGKILL
    assert open_catalog(folder).layers == ()
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


@pytest.mark.parametrize("kind", ["folder", "memory"])
def test_resume_computes_only_what_is_missing(tmp_path: Path, kind: str) -> None:
    place: Any = tmp_path if kind == "folder" else MemoryStore()
    cells = np.random.default_rng(1).integers(0, 99, (600, 600)).astype("int16")
    reads: list[tuple[int, int]] = []

    def read(index: tuple[slice, ...]) -> NDArray[np.int16]:
        reads.append((index[0].start, index[1].start))
        if len(reads) == 6:
            raise OSError("cut off")
        return cells[index]

    cube = cube_of(np.zeros((600, 600)))
    data = from_reader(read, shape=(600, 600), chunks=256, dtype="int16", name="f", token=3)
    cube["band"] = cube.band.copy(data=data)
    with config.set(scheduler="synchronous"):
        with pytest.raises(OSError, match="cut off"):
            to_catalog(cube, place, "layer", shard=256, levels=1)
        to_catalog(cube, place, "layer", shard=256, levels=1, resume=True)
    assert len(reads) == 9 + 1  # each block once, but for the one that was cut off
    np.testing.assert_array_equal(open_catalog(place).read("layer").band, cells)
    with pytest.raises(CatalogError, match="is another one"):
        _resume_another(place)


def _resume_another(place: Any) -> None:
    with config.set(scheduler="synchronous"):
        with pytest.raises(OSError, match="unreadable"):
            to_catalog(failing_cube(place), place, "other", shard=256)
        to_catalog(cube_of([[1, 2]]), place, "other", shard=256, resume=True)
