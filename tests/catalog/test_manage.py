"""Layers as a whole: copied, renamed, deleted, cleared; their attributes; packed anew."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import numpy as np
import obstore.store
import pytest
import xarray as xr
from zarr.storage import LocalStore, MemoryStore, ObjectStore

import xcube_tiles as xt
from tests.catalog.cubes import cube_of, random_cube
from xcube_tiles.catalog.managing import copying
from xcube_tiles.catalog.stores.lock import Lock
from xcube_tiles.catalog.stores.objects import get, keys_below, put
from xcube_tiles.errors import CatalogError, LayerBusyError, LayerExistsError, LayerNotFoundError

if TYPE_CHECKING:
    from pathlib import Path

    from zarr.abc.store import Store

KINDS = ["folder", "memory", "objects"]


def new_store(kind: str, folder: Path) -> Store:
    """Return an empty store."""
    if kind == "folder":
        return LocalStore(folder)
    return MemoryStore() if kind == "memory" else ObjectStore(obstore.store.MemoryStore())


@pytest.fixture(params=KINDS)
def catalog(request: pytest.FixtureRequest, tmp_path: Path) -> xt.Catalog:
    """A catalog with one layer that was replaced once."""
    store = new_store(request.param, tmp_path / "c.zarr")
    for seed in (0, 1):
        random_cube((2, 300, 70), seed=seed).tiles.to_catalog(store, "scene", overwrite=True)
    return xt.open_catalog(store)


def contents(store: Store, name: str) -> dict[str, bytes | None]:
    """Return all objects of a layer by their key below it."""
    return {key.removeprefix(f"{name}/"): get(store, key) for key in keys_below(store, name)}


@pytest.mark.parametrize("kind", [None, *KINDS])
def test_a_copy_is_equal_byte_by_byte(
    catalog: xt.Catalog, kind: str | None, tmp_path: Path
) -> None:
    target = None if kind is None else new_store(kind, tmp_path / "other.zarr")
    layer = catalog.copy("scene", "copy", to=target)
    assert layer.name == "copy"
    store = catalog.store if target is None else target
    copied, original = contents(store, "copy"), contents(catalog.store, "scene")
    assert set(original) - set(copied) == {key for key in original if key[0] in "01"}
    assert copied == {key: original[key] for key in copied}
    assert len([key for key in copied if "band/c/" in key]) > 2
    there = catalog if target is None else xt.open_catalog(target)
    xr.testing.assert_identical(there.read("copy").compute(), catalog.read("scene").compute())
    with pytest.raises(LayerExistsError, match="'copy' is in the catalog already"):
        catalog.copy("scene", "copy", to=target)


def test_a_copy_and_its_layer_change_apart(catalog: xt.Catalog) -> None:
    before = catalog.read("scene").compute()
    catalog.copy("scene", "copy")
    catalog.write(cube_of([[1, 2]]), "scene", overwrite=True)
    catalog.delete("scene")
    xr.testing.assert_identical(catalog.read("copy").compute(), before)


def test_copies_go_to_catalogs_and_paths(catalog: xt.Catalog, tmp_path: Path) -> None:
    path = str(tmp_path / "new.zarr")
    catalog.copy("scene", "a", to=path)
    catalog.copy("scene", "b", to=xt.open_catalog(path))
    assert xt.open_catalog(path).layers == ("a", "b")


def test_renaming(catalog: xt.Catalog) -> None:
    before = catalog.read("scene").compute()
    assert catalog.rename("scene", "image").name == "image"
    assert catalog.layers == ("image",)
    assert not keys_below(catalog.store, "scene")
    xr.testing.assert_identical(catalog.read("image").compute(), before)
    catalog.write(cube_of([[1, 2]]), "scene")
    with pytest.raises(LayerExistsError):
        catalog.rename("scene", "image")
    with pytest.raises(CatalogError, match="name must be"):
        catalog.rename("scene", "a/b")


@pytest.mark.parametrize("taken", ["scene", "image"])
def test_busy_layers_are_left_alone(catalog: xt.Catalog, taken: str) -> None:
    with Lock(catalog.store, taken):
        for call in (catalog.copy, catalog.rename):
            with pytest.raises(LayerBusyError, match=f"{taken!r} is being written"):
                call("scene", "image")
    with Lock(catalog.store, "scene"):
        for other in (catalog.delete, catalog.vacuum):
            with pytest.raises(LayerBusyError):
                other("scene")
        assert catalog.vacuum().busy == ("scene",)
    assert catalog.layers == ("scene",)


class Killed(BaseException):
    """Stands for the end of a process."""


@pytest.mark.parametrize("step", ["copy_all", "create", "delete_layer"])
def test_what_is_cut_off_leaves_whole_layers(
    catalog: xt.Catalog, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether copying or deleting is cut off, each layer that is listed is complete."""
    before = catalog.read("scene").compute()

    def cut(*_: object) -> None:
        raise Killed

    monkeypatch.setattr(copying, step, cut)
    if step != "delete_layer":  # a process that is killed doesn't tidy up
        monkeypatch.setattr(copying, "delete_below", lambda *_: None)
    with contextlib.suppress(Killed):
        catalog.rename("scene", "image")
    monkeypatch.undo()
    for name in catalog.layers:
        xr.testing.assert_identical(catalog.read(name).compute(), before)
    catalog.vacuum()
    left = {key.partition("/")[0] for key in keys_below(catalog.store, "")}
    assert left == {*catalog.layers, "zarr.json"}


def test_a_deletion_that_is_cut_off_is_finished_by_vacuum(catalog: xt.Catalog) -> None:
    before = set(keys_below(catalog.store, "scene"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("xcube_tiles.catalog.folders.delete_all", lambda *_: None)
        patch.setattr("xcube_tiles.catalog.folders.delete_below", lambda *_: None)
        catalog.delete("scene")
    assert catalog.layers == ()
    removed = catalog.vacuum("scene")
    assert removed.objects == len(before)
    assert not keys_below(catalog.store, "scene")
    with pytest.raises(LayerNotFoundError):
        catalog.vacuum("scene")


def test_a_broken_layer_is_deleted(catalog: xt.Catalog) -> None:
    put(catalog.store, "scene/zarr.json", b'{"zarr_format": 3,')
    assert catalog.layers == ("scene",)
    with pytest.raises(CatalogError, match=r"'scene/zarr.json' is broken, it isn't JSON"):
        catalog.read("scene")
    catalog.delete("scene")
    assert not keys_below(catalog.store, "scene")


def test_vacuum_removes_what_was_replaced(catalog: xt.Catalog) -> None:
    old = catalog["scene"]
    catalog.write(cube_of(np.arange(6).reshape(2, 3)), "scene", overwrite=True)
    window: Any = {"rows": slice(0, 9), "cols": slice(0, 9)}
    assert old.read("band", level=0, **window).any()
    old.check_current()
    sizes = {key: len(value or b"") for key, value in contents(catalog.store, "scene").items()}
    removed = catalog.vacuum()
    assert removed.layers == ("scene",)
    gone = {key: size for key, size in sizes.items() if key.startswith("g2/")}
    assert gone
    assert (removed.objects, removed.bytes) == (len(gone), sum(gone.values()))
    assert set(contents(catalog.store, "scene")) == set(sizes) - set(gone)
    with pytest.raises(CatalogError, match="was replaced while it was read"):
        old.check_current()
    assert catalog.read("scene").band.values.tolist() == [[0, 1, 2], [3, 4, 5]]
    assert catalog.vacuum() == copying.Removed(objects=0, bytes=0, layers=(), busy=())


def test_vacuum_leaves_what_others_have_put_there(catalog: xt.Catalog) -> None:
    for key in ("notes/zarr.json", "scene/README.md", "readme.txt"):
        put(catalog.store, key, b"{}")
    catalog.vacuum()
    assert all(get(catalog.store, key) for key in ("notes/zarr.json", "scene/README.md"))


PACKINGS: list[dict[str, Any]] = [
    {"chunk": 32, "shard": 64},
    {"sharded": False, "chunk": 50, "shard": 100, "order": "zorder"},
    {"order": "rowmajor"},
]


@pytest.mark.parametrize("packing", PACKINGS)
def test_packing_anew_keeps_cells_and_attributes(packing: dict[str, Any]) -> None:
    catalog = xt.Catalog(url="memory", store=MemoryStore())
    before = catalog.write(random_cube((2, 300, 70)).assign_attrs(title="t"), "scene", shard=256)
    cells = [catalog.read("scene", zoom=zoom).compute() for zoom in (0, 1)]
    after = catalog.reindex("scene", **packing)
    for zoom in (0, 1):
        xr.testing.assert_identical(catalog.read("scene", zoom=zoom).compute(), cells[zoom])
    edge = packing.get("chunk", 256)
    assert after.array("band", 0).chunks == (1, edge, min(edge, 70))
    assert after.attrs == before.attrs
    assert after.geoboxes == before.geoboxes
    assert after.statistics == before.statistics
    assert after.metadata["key_index"] == {"order": packing.get("order", "hilbert")}
    assert after.history[-1]["operation"] == "reindex"
    assert catalog.verify(deep=True).ok
    before.check_current()


def test_tiles_are_written_along_the_curve(monkeypatch: pytest.MonkeyPatch) -> None:
    import zarr
    from dask import config

    from xcube_tiles.grid.curves import order

    catalog = xt.Catalog(url="memory", store=MemoryStore())
    catalog.write(random_cube((250, 250)), "scene", levels=1)
    written: list[list[int]] = []
    real = zarr.Array.__setitem__

    def noted(self: Any, region: Any, block: Any) -> None:
        if "band" in self.path:
            written.append([part.start // 64 for part in region])
        real(self, region, block)

    monkeypatch.setattr(zarr.Array, "__setitem__", noted)
    with config.set(scheduler="synchronous"):
        catalog.reindex("scene", sharded=False, chunk=64, shard=64)
    assert written == order(4, 4).tolist()


@pytest.mark.parametrize("by", ["hilbert", "zorder", "rowmajor"])
@pytest.mark.parametrize("n", [1, 3, 7, 40])
def test_partitions_hold_each_tile_once(by: Any, n: int) -> None:
    catalog = xt.Catalog(url="memory", store=MemoryStore())
    layer = catalog.write(random_cube((300, 190)), "scene", chunk=64, shard=64)
    groups = layer.partitions(n, by=by)
    assert len(groups) == n
    sizes = [len(group) for group in groups]
    assert max(sizes) - min(sizes) <= 1
    seen = np.zeros((300, 190), int)
    for tile in (tile for group in groups for tile in group):
        seen[tile.rows, tile.cols] += 1
        assert (tile.rows.start, tile.cols.start) == (tile.row * 64, tile.col * 64)
    assert (seen == 1).all()
