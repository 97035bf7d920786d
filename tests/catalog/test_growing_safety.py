"""Changes that are cut off: the layer stays, and the change can go on."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import zarr
from dask import config
from zarr.storage import LocalStore, MemoryStore

from tests.catalog.growing import assert_equal_layers, catalog_of, hashes, scenes
from tests.processes import exit_code_of, needs_fork
from xcube_tiles.catalog.building.build import Build
from xcube_tiles.catalog.reader import open_catalog
from xcube_tiles.catalog.stores.objects import keys_below
from xcube_tiles.cube.blocks import from_reader
from xcube_tiles.errors import CatalogError, LayerBusyError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import xarray as xr
    from numpy.typing import NDArray


def start() -> xr.Dataset:
    """Return the cube of a layer of four slices."""
    return scenes(range(4))


def lazy(cube: xr.Dataset, before: Callable[[int], None], token: object = 1) -> xr.Dataset:
    """Return a cube read in blocks; `before` is called with the number of each read."""
    cells, reads = cube.band.values, [0]

    def read(index: tuple[slice, ...]) -> NDArray[Any]:
        reads[0] += 1
        before(reads[0])
        return np.asarray(cells[index])

    data = from_reader(
        read, shape=cells.shape, chunks=(1, 32, 32), dtype=cells.dtype, name="r", token=token
    )
    return cube.assign(band=cube.band.copy(data=data))


def fails_at(number: int) -> Callable[[int], None]:
    """Return what cuts a change off at a read."""

    def check(at: int) -> None:
        if at == number:
            raise OSError("cut off")

    return check


def both(catalog: Any, cube: xr.Dataset, operation: str, **options: Any) -> None:
    """Append or update."""
    getattr(catalog, operation)("layer", cube, **options)


@pytest.fixture(params=["append", "update"])
def operation(request: pytest.FixtureRequest) -> str:
    """Return the name of a method."""
    return str(request.param)


def more(operation: str) -> xr.Dataset:
    """Return four slices to append to a layer of four, or to put in their place."""
    cube = scenes(range(4, 8))
    return cube if operation == "append" else cube.assign_coords(time=start().time)


def expected(operation: str) -> xr.Dataset:
    """Return the cube of the layer once it is changed."""
    return scenes(range(8)) if operation == "append" else more(operation)


@pytest.mark.parametrize("kind", ["folder", "memory"])
def test_a_change_that_failed_leaves_the_layer_and_is_resumed(
    tmp_path: Path, kind: str, operation: str
) -> None:
    place: Any = tmp_path if kind == "folder" else MemoryStore()
    catalog = catalog_of(place, start())
    before = hashes(catalog.store)
    reads: list[int] = []

    with config.set(scheduler="synchronous"):
        with pytest.raises(OSError, match="cut off") as caught:
            both(catalog, lazy(more(operation), fails_at(20)), operation)
        assert "the same call with resume=True goes on" in caught.value.__notes__[0]
        after = hashes(catalog.store)
        assert {key: after[key] for key in before} == before
        np.testing.assert_array_equal(catalog.read("layer").band, start().band)
        with pytest.raises(CatalogError, match="is another one"):
            both(catalog, lazy(more(operation), reads.append, token=2), operation, resume=True)
        both(catalog, lazy(more(operation), reads.append), operation, resume=True)
    # three slices of nine blocks each were to be read, the first two of the four were finished
    assert len(reads) == 2 * 9
    catalog_of(place, expected(operation), "whole")
    assert_equal_layers(catalog, "layer", "whole")
    assert not [key for key in keys_below(catalog.store, "layer") if "/.build" in key]


def test_another_change_clears_what_was_left(tmp_path: Path, operation: str) -> None:
    catalog = catalog_of(tmp_path, start())
    with config.set(scheduler="synchronous"), pytest.raises(OSError, match="cut off"):
        both(catalog, lazy(more(operation), fails_at(20)), operation)
    late = scenes([9])
    catalog.append("layer", late)
    catalog_of(tmp_path, scenes([0, 1, 2, 3, 9]), "whole")
    assert_equal_layers(catalog, "layer", "whole")
    ours, other = (
        {
            path.relative_to(tmp_path / name)
            for path in (tmp_path / name).rglob("c/**/*")
            if path.is_file()
        }
        for name in ("layer", "whole")
    )
    assert ours == other


def test_documents_of_levels_are_those_of_the_root_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    catalog = catalog_of(tmp_path, scenes(range(2)))
    before = hashes(catalog.store)

    def cut_off(*_: object) -> None:
        raise OSError("cut off")

    monkeypatch.setattr(Build, "_switch", cut_off)
    with pytest.raises(OSError, match="cut off"):
        catalog.append("layer", scenes([2]))
    assert zarr.open_array(tmp_path / "layer" / "0" / "band").shape[0] == 3
    with pytest.raises(OSError, match="cut off"):
        catalog.append("layer", scenes([3]))
    monkeypatch.undo()
    with (
        pytest.raises(CatalogError, match="not possible"),
        Build(catalog.store, "layer", operation="append", exists=True, fingerprint="another"),
    ):
        raise CatalogError("not possible")
    after = hashes(catalog.store)
    # the chunk of labels has more than the layer knows, which nobody reads
    kept = {key: value for key, value in before.items() if "/time/c/" not in key}
    assert {key: after[key] for key in kept} == kept
    assert zarr.open_array(tmp_path / "layer" / "0" / "band").shape[0] == 2
    assert not [key for key in keys_below(catalog.store, "layer") if "/c/2/" in key]


def test_of_two_writers_one_wins(tmp_path: Path, operation: str) -> None:
    catalog = catalog_of(tmp_path, start())
    refused: list[object] = []

    def second(at: int) -> None:
        with pytest.raises(LayerBusyError, match="is being written by process") as caught:
            catalog.append("layer", scenes([9]))
        refused.append(caught.value)

    both(catalog, lazy(more(operation), second), operation)
    assert refused
    catalog_of(tmp_path, expected(operation), "whole")
    assert_equal_layers(catalog, "layer", "whole")


def change_and_die(folder: Path, operation: str, at: int) -> None:
    """Change a layer in a process that is killed at a read."""

    def kill(number: int) -> None:
        if number == at:
            os.kill(os.getpid(), signal.SIGKILL)

    both(open_catalog(folder), lazy(more(operation), kill), operation, progress=False)


@needs_fork
@pytest.mark.slow
@pytest.mark.parametrize("part", [0, 1])
def test_a_killed_change_leaves_the_layer_and_is_resumed(
    tmp_path: Path, operation: str, part: int
) -> None:
    at = int(np.random.default_rng().integers(1 + 18 * part, 19 + 18 * part))
    catalog = catalog_of(tmp_path, start())
    before = hashes(catalog.store)
    assert exit_code_of(change_and_die, tmp_path, operation, at) == -signal.SIGKILL
    after = hashes(catalog.store)
    assert {key: after[key] for key in before} == before, at
    np.testing.assert_array_equal(open_catalog(tmp_path).read("layer").band, start().band)
    both(catalog, lazy(more(operation), lambda _: None), operation, resume=True)
    catalog_of(tmp_path, expected(operation), "whole")
    assert_equal_layers(catalog, "layer", "whole")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere: run as another user")
def test_a_folder_that_cant_be_written_to(tmp_path: Path, operation: str) -> None:
    catalog = catalog_of(tmp_path, start())
    before = hashes(catalog.store)
    for folder in (tmp_path, *tmp_path.rglob("*")):
        folder.chmod(0o555 if folder.is_dir() else 0o444)
    with pytest.raises((OSError, CatalogError), match=r"[Pp]ermission|can't be written"):
        both(catalog, more(operation), operation)
    for folder in (tmp_path, *(path for path in tmp_path.rglob("*") if path.is_dir())):
        folder.chmod(0o755)
    assert hashes(catalog.store) == before


def test_a_store_that_is_only_read(tmp_path: Path, operation: str) -> None:
    before = hashes(catalog_of(tmp_path, start()).store)
    catalog = open_catalog(LocalStore(tmp_path, read_only=True))
    with pytest.raises((CatalogError, ValueError), match=r"read.only"):
        both(catalog, more(operation), operation)
    assert hashes(catalog.store) == before
