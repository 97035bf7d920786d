"""A cluster of processes gives the same catalogs as threads, byte for byte in their chunks."""

from __future__ import annotations

import hashlib
import os
import signal
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from dask import config
from distributed import Client, LocalCluster
from zarr.storage import MemoryStore, ObjectStore

from tests.catalog.cubes import cube_of, random_cube
from tests.catalog.growing import assert_equal_layers, catalog_of, scenes
from xcube_tiles.catalog.reader import open_catalog
from xcube_tiles.catalog.writer import to_catalog
from xcube_tiles.cube.blocks import from_reader
from xcube_tiles.errors import CatalogError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray
    from xarray import Dataset

pytestmark = pytest.mark.slow

SHAPE = (2, 600, 700)
CHUNK = 256


@dataclass(frozen=True)
class Source:
    """Reads blocks of a scene; the first process to read one of them may die of it."""

    log: Path
    """Folder where every read leaves a file."""

    deadly: bool = False
    """Whether the block in the middle kills the process that reads it first."""

    def __call__(self, index: tuple[slice, ...]) -> NDArray[np.int16]:
        starts = tuple(part.start for part in index)
        if self.deadly and starts == (1, CHUNK, 2 * CHUNK) and self._first("killed"):
            os.kill(os.getpid(), signal.SIGKILL)
        name = "-".join(map(str, starts))
        (self.log / f"{name}-{os.getpid()}-{os.urandom(4).hex()}").touch()
        time, y, x = (np.arange(part.start, part.stop) for part in index)
        cells: NDArray[Any] = (time[:, None, None] * 7 + y[:, None] * 31 + x * 17) % 2001
        cells[cells % 5 == 0] = -9999
        return cells.astype(np.int16)

    def _first(self, name: str) -> bool:
        try:
            os.close(os.open(self.log / name, os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            return False
        return True


def scene(source: Source) -> Dataset:
    """Return a lazy cube with two variables that share their source."""
    data = from_reader(
        source, shape=SHAPE, chunks=(1, CHUNK, CHUNK), dtype="int16", name="scene", token=SHAPE
    )
    cube = cube_of(np.zeros(SHAPE))
    cube["band"] = cube.band.copy(data=data)
    return cube.assign(classes=cube.band)


def write(cube: Dataset, folder: Path) -> dict[str, str]:
    """Write a cube and return the digest of each chunk file."""
    to_catalog(
        cube, folder, "layer", resampling={"classes": "mode"}, chunk=64, shard=256, progress=False
    )
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("c/**/*"))
        if path.is_file()
    }


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Digests of the chunks as the threads of this process write them."""
    log = tmp_path_factory.mktemp("log")
    with config.set(scheduler="threads", num_workers=2):
        return write(scene(Source(log)), tmp_path_factory.mktemp("threads") / "c.zarr")


@pytest.fixture(scope="module")
def cluster() -> Iterator[Client]:
    """Two worker processes of one thread each, on loopback."""
    with (
        config.set({"distributed.comm.retry.count": 2}),
        LocalCluster(
            n_workers=2,
            threads_per_worker=1,
            processes=True,
            dashboard_address=None,
            host="127.0.0.1",
        ) as cluster,
        Client(cluster) as client,
    ):
        yield client


def reads(log: Path) -> dict[str, int]:
    """Return how often each block was read."""
    names = ["-".join(path.name.split("-")[:3]) for path in log.iterdir() if "-" in path.name]
    return {name: names.count(name) for name in names}


def test_two_processes_write_the_same_bytes(
    cluster: Client, expected: dict[str, str], tmp_path: Path
) -> None:
    log = tmp_path / "log"
    log.mkdir()
    found = write(scene(Source(log)), tmp_path / "c.zarr")
    assert found == expected
    processes = {path.name.split("-")[3] for path in log.iterdir()}
    assert len(processes) == 2
    assert str(os.getpid()) not in processes
    assert set(reads(log).values()) == {1}


def test_the_bar_of_a_cluster(
    cluster: Client, tmp_path: Path, capsys: pytest.CaptureFixture[Any]
) -> None:
    log = tmp_path / "log"
    log.mkdir()
    cube = scene(Source(log)).isel(time=slice(1))
    to_catalog(cube, tmp_path / "c.zarr", "layer", shard=256, progress=True)
    assert "Completed" in capsys.readouterr().out


@pytest.mark.parametrize("operation", ["append", "update"])
def test_layers_grow(cluster: Client, tmp_path: Path, operation: str) -> None:
    catalog, late = catalog_of(tmp_path, scenes(range(4))), scenes(range(4, 8))
    whole = scenes(range(8))
    if operation == "update":
        late = whole = late.assign_coords(time=scenes(range(4)).time)
    getattr(catalog, operation)("layer", late.chunk(time=1, y=32, x=32), progress=False)
    catalog_of(tmp_path, whole, "whole")
    assert_equal_layers(catalog, "layer", "whole")


def test_icechunk(cluster: Client, tmp_path: Path) -> None:
    pytest.importorskip("icechunk", reason="icechunk comes with the cloud extra")
    cube, url = random_cube((600, 600)), f"icechunk://{tmp_path}/repository"
    to_catalog(cube, url, "one", shard=256, progress=False)
    np.testing.assert_array_equal(open_catalog(url).read("one").band, cube.band)


@pytest.mark.parametrize("kind", ["zarr", "fsspec", "obstore"])
def test_a_store_that_workers_dont_share_is_refused(cluster: Client, kind: str) -> None:
    stores = {"zarr": MemoryStore(), "fsspec": "memory://cluster/c.zarr"}
    store: Any = stores.get(kind)
    if kind == "obstore":
        obstore = pytest.importorskip("obstore.store", reason="obstore comes with the cloud extra")
        store = ObjectStore(obstore.MemoryStore())
    with pytest.raises(CatalogError, match="the workers of a cluster don't share"):
        to_catalog(cube_of([[1, 2]]), store, "layer")


def test_a_killed_worker_changes_nothing(
    cluster: Client, expected: dict[str, str], tmp_path: Path
) -> None:
    log = tmp_path / "log"
    log.mkdir()
    found = write(scene(Source(log, deadly=True)), tmp_path / "c.zarr")
    assert (log / "killed").exists()
    assert found == expected
