"""Disks that are full or don't allow writing, and archives."""

from __future__ import annotations

import errno
import os
import re
import subprocess
import sys
import tempfile
import textwrap
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from tests.catalog.cubes import cube_of, random_cube
from xcube_tiles.catalog.reader import open_catalog
from xcube_tiles.catalog.stores.checked import Folder
from xcube_tiles.catalog.writer import to_catalog
from xcube_tiles.errors import CatalogError, LayerNotFoundError, StoreError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from zarr.core.buffer import Buffer

REFUSED = """
    import os, sys, tempfile
    from pathlib import Path
    from tests.catalog.cubes import cube_of
    from xcube_tiles.catalog.reader import open_catalog
    from xcube_tiles.catalog.writer import to_catalog
    from xcube_tiles.errors import StoreError

    cube = cube_of([[1, 2]])

    def calls(place):
        catalog = open_catalog(place)
        assert catalog.read("one").band.values.tolist() == [[7, 8]]
        yield lambda: to_catalog(cube, place, "two")
        yield lambda: to_catalog(cube, place, "one", overwrite=True)
        yield lambda: to_catalog(cube, place + "/below/new", "one")
        yield lambda: catalog.delete("one")

    # Another user may not read the environment that Python runs in: load everything before.
    with tempfile.TemporaryDirectory() as folder:
        to_catalog(cube_of([[7, 8]]), folder, "one")
        for call in calls(folder):
            call()
        Path(folder, "file").touch()
        try:
            to_catalog(cube, folder + "/file/below", "one")
        except StoreError:
            pass
    if os.getuid() == 0:
        os.setuid(65534)
    for call in calls(sys.argv[1]):
        try:
            call()
        except StoreError as error:
            print(error)
        else:
            print("not refused")
"""


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that other users get to, unlike those of pytest."""
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        yield Path(folder)


def test_a_folder_that_cant_be_written_to(open_folder: Path) -> None:
    folder = open_folder / "c"
    to_catalog(cube_of([[7, 8]]), folder, "one")
    before = sorted(path for path in folder.rglob("*"))
    folder.chmod(0o555)
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(REFUSED), str(folder)],
        cwd=Path(__file__).parents[3],
        env={**os.environ, "NUMBA_DISABLE_JIT": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    folder.chmod(0o755)
    lines = done.stdout.splitlines()
    assert len(lines) == 4, done.stderr
    for line in lines:
        assert re.match(rf"can't (write to|read from) {folder}", line), line
        assert "doesn't allow it; change its permissions or choose another folder" in line
    assert sorted(path for path in folder.rglob("*")) == before
    assert open_catalog(folder).read("one").band.values.tolist() == [[7, 8]]


class Full(Folder):
    """A folder whose disk takes so many more objects."""

    left = 1_000_000

    async def set(self, key: str, value: Buffer) -> None:
        type(self).left -= 1
        if type(self).left < 0:
            raise StoreError("full") from OSError(errno.ENOSPC, "No space left on device")
        await super().set(key, value)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 900 KiB in memory."""
    place = tmp_path / "disk"
    place.mkdir()
    options = ["-t", "tmpfs", "-o", "size=900k", "tmpfs", str(place)]
    mounted = subprocess.run(["mount", *options], capture_output=True, check=False)
    if mounted.returncode:
        pytest.skip("mounting a small disk needs the rights of root")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def noise(size: int, seed: int) -> Any:
    random = np.random.default_rng(seed)
    return cube_of(random.integers(-9000, 9000, (size, size)).astype("int16"))


def test_a_disk_that_gets_full(small_disk: Path) -> None:
    folder, cube = small_disk / "c", noise(300, 2)
    to_catalog(cube_of([[7, 8]]), folder, "one")
    ballast = small_disk / "ballast"
    ballast.write_bytes(b"0" * 620 * 1024)
    told = rf"can't write to {folder}: no space is left on the disk of {small_disk} \("
    with pytest.raises(StoreError, match=told):
        to_catalog(cube, folder, "one", shard=256, overwrite=True)
    assert open_catalog(folder).read("one").band.values.tolist() == [[7, 8]]
    ballast.unlink()
    to_catalog(cube, folder, "one", shard=256, overwrite=True, resume=True)
    np.testing.assert_array_equal(open_catalog(folder).read("one").band, cube.band)


def test_whenever_the_disk_gets_full_the_layer_is_whole(tmp_path: Path) -> None:
    cube, old = random_cube((300, 300)), cube_of([[7, 8]])
    to_catalog(old, tmp_path, "one")
    ends = 0
    while True:
        Full.left = ends
        try:
            to_catalog(cube, Full(tmp_path), "one", shard=256, overwrite=True, resume=ends > 0)
        except StoreError:
            assert open_catalog(tmp_path).read("one").band.values.tolist() == [[7, 8]]
            ends += 7
        else:
            break
    assert ends > 7
    np.testing.assert_array_equal(open_catalog(tmp_path).read("one").band, cube.band)


def test_an_archive(tmp_path: Path) -> None:
    cube, archive = random_cube((2, 300, 300)), tmp_path / "c.zip"
    to_catalog(random_cube((20, 20)), tmp_path / "c", "one")
    to_catalog(cube, tmp_path / "c", "one", overwrite=True)
    to_catalog(cube_of([[1, 2]]), tmp_path / "c", "two")
    catalog = open_catalog(tmp_path / "c")
    catalog.pack(archive)
    packed = open_catalog(archive)
    assert packed.layers == ("one", "two")
    np.testing.assert_array_equal(packed.read("one").band, cube.band)
    names = zipfile.ZipFile(archive).namelist()
    assert not [name for name in names if "/.build" in name or name.startswith(("one/0", "one/1"))]
    with pytest.raises(CatalogError, match="exists already; pass overwrite=True"):
        catalog.pack(archive)
    catalog.pack(archive, layers=["two"], overwrite=True)
    assert open_catalog(f"file://{archive}").layers == ("two",)
    assert sorted(os.listdir(tmp_path)) == ["c", "c.zip"]


def test_archives_arent_changed(tmp_path: Path) -> None:
    to_catalog(cube_of([[1, 2]]), tmp_path / "c", "one")
    open_catalog(tmp_path / "c").pack(tmp_path / "c.zip")
    told = r"what is in an archive can't be changed.*catalog.pack\('catalog.zip'\)"
    with pytest.raises(StoreError, match=told):
        to_catalog(cube_of([[1, 2]]), tmp_path / "c.zip", "two")
    with pytest.raises(StoreError, match="can't be changed"):
        open_catalog(tmp_path / "c.zip").write(cube_of([[1, 2]]), "two")
    with pytest.raises(StoreError, match="can't be changed"):
        open_catalog(tmp_path / "c.zip").delete("one")
    (tmp_path / "d.zip").write_text("no archive")
    with pytest.raises(CatalogError, match="it is no zip archive"):
        open_catalog(tmp_path / "d.zip")
    with pytest.raises(CatalogError, match="there is no such archive"):
        open_catalog(tmp_path / "e.zip")
    with pytest.raises(LayerNotFoundError, match="no layer 'x'"):
        open_catalog(tmp_path / "c").pack(tmp_path / "e.zip", layers=["x"])
