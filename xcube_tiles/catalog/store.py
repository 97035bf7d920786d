"""Where catalogs live: from a path or URL to a Zarr store, and what can be done to its folders."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias
from uuid import uuid4

import zarr
from zarr.abc.store import Store
from zarr.core.buffer import default_buffer_prototype

# The stores are asynchronous and belong to the loop that zarr runs for them: only its own `sync`
# may wait for them.
from zarr.core.sync import sync
from zarr.storage import LocalStore

from xcube_tiles.catalog.conventions import FORMAT_VERSION, PRIVATE, is_layer
from xcube_tiles.errors import CatalogError, LayerExistsError, MissingExtraError

if TYPE_CHECKING:
    from collections.abc import Mapping

StoreLike: TypeAlias = str | os.PathLike[str] | Store
"""A path, a URL or a Zarr store."""

HIDDEN = "."
"""Names that begin so are no layers: unfinished ones, and those about to be deleted."""


def open_store(
    url: StoreLike, *, read_only: bool, storage_options: Mapping[str, object] | None = None
) -> Store:
    """Return the Zarr store of a path or URL; nothing is read.

    Parameters
    ----------
    url
        A local path; a URL (`file://`, `s3://`, `gs://`, `az://`, `https://`, `memory://` or any
        that fsspec knows); a Zarr store, returned as it is.
    read_only
        Whether writing is refused.
    storage_options
        Options of the object store; credentials come from the usual environment otherwise.

    Raises
    ------
    MissingExtraError
        The library that opens such URLs isn't installed.
    CatalogError
        Something that is neither path, URL nor store.
    """
    if isinstance(url, Store):
        return url
    if not isinstance(url, str | os.PathLike):
        raise CatalogError(f"expected a path, a URL or a Zarr store, got {url!r}")
    text = os.fspath(url)
    scheme, separator, rest = text.partition("://")
    if not separator:
        return LocalStore(Path(text).absolute(), read_only=read_only)
    if scheme == "file":
        return LocalStore(Path(rest).absolute(), read_only=read_only)
    if scheme in ("s3", "gs", "az", "abfs", "http", "https"):
        return _object_store(text, read_only, dict(storage_options or {}))
    return _fsspec_store(text, read_only, dict(storage_options or {}))


def _object_store(url: str, read_only: bool, options: dict[str, Any]) -> Store:
    try:
        from obstore.store import from_url
        from zarr.storage import ObjectStore
    except ImportError:
        return _fsspec_store(url, read_only, options)
    if url.startswith("http://"):
        # obstore refuses unencrypted connections unless they are asked for, as this URL does.
        allowed = {"allow_http": True, **options.pop("client_options", {})}
        options = {**options, "client_options": allowed}
    return ObjectStore(from_url(url, **options), read_only=read_only)


def _fsspec_store(url: str, read_only: bool, options: dict[str, Any]) -> Store:
    from zarr.storage import FsspecStore

    try:
        return FsspecStore.from_url(url, storage_options=options, read_only=read_only)
    except ImportError as error:
        raise MissingExtraError("obstore", "cloud") from error
    except ValueError as error:
        raise CatalogError(f"can't open {url!r}: {error}") from error


def is_in_memory(store: Store) -> bool:
    """Whether a store exists in this process only."""
    # The store itself, or what zarr wraps: a store of obstore, a file system of fsspec.
    file_system = getattr(store, "fs", None)
    inner = (
        store,
        getattr(store, "store", None),
        file_system,
        getattr(file_system, "sync_fs", None),
    )
    return any("Memory" in type(part).__name__ for part in inner)


def read_attributes(store: Store, path: str = "") -> dict[str, Any] | None:
    """Return the attributes of the Zarr group at a path; None if there is none."""
    key = f"{path}/zarr.json" if path else "zarr.json"
    buffer = sync(store.get(key, default_buffer_prototype()))
    if buffer is None:
        return None
    document = json.loads(buffer.to_bytes())
    attributes: dict[str, Any] = document.get("attributes", {})
    return attributes if document.get("node_type") == "group" else None


def open_root(store: Store, url: StoreLike) -> None:
    """Check that a store holds a catalog.

    Raises
    ------
    CatalogError
        There is no Zarr v3 group, or it is a single layer.
    """
    # A local store makes its folder when it is first used: look before.
    absent = isinstance(store, LocalStore) and not store.root.is_dir()
    attributes = None if absent else read_attributes(store)
    if attributes is None:
        raise CatalogError(
            f"no catalog at {_shown(url)}: no Zarr v3 group there. Write the first layer with "
            "ds.tiles.to_catalog(url, layer)"
        )
    if is_layer(attributes):
        raise CatalogError(f"{_shown(url)} is a layer, not a catalog; open the folder above it")


def create_root(store: Store, url: StoreLike) -> None:
    """Make the catalog's group unless it is there.

    Raises
    ------
    CatalogError
        The folder has other contents; or it is a layer.
    """
    if isinstance(store, LocalStore) and store.root.is_file():
        raise CatalogError(f"{_shown(url)} is a file; a catalog is a folder")
    if read_attributes(store) is not None:
        return open_root(store, url)
    if not sync(store.is_empty("")):
        raise CatalogError(
            f"{_shown(url)} isn't empty and no catalog; choose a folder that doesn't exist yet"
        )
    kind = {"version": FORMAT_VERSION, "kind": "catalog"}
    zarr.create_group(store, attributes={PRIVATE: kind})
    return None


def layer_names(store: Store) -> tuple[str, ...]:
    """Return the names of a catalog's layers, sorted; one document of each is read.

    Raises
    ------
    CatalogError
        The store can't list what it has, as web servers can't.
    """
    if not store.supports_listing or _is_web(store):
        raise CatalogError(
            f"{store!s} can't be listed; open layers by their names, e.g. catalog['ndvi']"
        )
    names = {name.rstrip("/") for name in sync(_folders(store))} - {"zarr.json"}
    return tuple(name for name in sorted(names) if has_layer(store, name))


def has_layer(store: Store, name: object) -> bool:
    """Whether a catalog has a layer of that name."""
    if not isinstance(name, str) or not name or name.startswith(HIDDEN) or "/" in name:
        return False
    return is_layer(read_attributes(store, name) or {})


def _is_web(store: Store) -> bool:
    return type(getattr(store, "store", None)).__name__ == "HTTPStore"


async def _folders(store: Store) -> list[str]:
    # obstore begins to list when it is called, which has to be within the loop
    return [name async for name in store.list_dir("")]


def delete_folder(store: Store, name: str) -> None:
    """Delete a folder and all below it; a layer first becomes invisible, then vanishes."""
    if isinstance(store, LocalStore):
        doomed = store.root / f"{HIDDEN}old-{name}-{uuid4().hex[:8]}"
        (store.root / name).rename(doomed)
        shutil.rmtree(doomed)
        return
    sync(store.delete(f"{name}/zarr.json"))
    sync(store.delete_dir(name))


class Staging:
    """A place to build a layer where no reader sees it, and the step that shows it.

    On a local disk the layer is built in a hidden folder beside its place, which is renamed at the
    end. Elsewhere it is built in place, and its root document, without which it is no layer, is
    written last.

    Parameters
    ----------
    store
        The catalog's store.
    name
        Name of the layer.
    overwrite
        Whether the layer may be there already.

    Raises
    ------
    LayerExistsError
        It is there, and `overwrite` is False.
    """

    def __init__(self, store: Store, name: str, *, overwrite: bool) -> None:
        self.store, self.name, self.overwrite = store, name, overwrite
        if not overwrite and has_layer(store, name):
            raise self._exists()
        renames = isinstance(store, LocalStore)
        self.path = f"{HIDDEN}tmp-{name}-{uuid4().hex[:8]}" if renames else name
        if not renames and not sync(store.is_empty(name)):
            delete_folder(store, name)

    def publish(self) -> None:
        """Show the layer under its name; its documents are complete.

        Raises
        ------
        LayerExistsError
            Somebody else has written it meanwhile.
        """
        if not isinstance(self.store, LocalStore):
            return
        built, target = self.store.root / self.path, self.store.root / self.name
        old = self.store.root / f"{HIDDEN}old-{self.path.removeprefix(HIDDEN)}"
        if self.overwrite and target.exists():
            target.rename(old)
        try:
            built.rename(target)
        except OSError as error:
            # A folder that isn't empty can't be renamed onto: of two writers one wins.
            if target.exists():
                raise self._exists() from error
            raise
        shutil.rmtree(old, ignore_errors=True)

    def _exists(self) -> LayerExistsError:
        return LayerExistsError(
            f"layer {self.name!r} is in the catalog already; pass overwrite=True to replace it"
        )

    def discard(self) -> None:
        """Remove what was built."""
        if isinstance(self.store, LocalStore):
            shutil.rmtree(self.store.root / self.path, ignore_errors=True)
        else:
            sync(self.store.delete_dir(self.path))


def _shown(url: StoreLike) -> str:
    return repr(os.fspath(url)) if isinstance(url, str | os.PathLike) else str(url)
