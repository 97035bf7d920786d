"""Where catalogs live: from a path or URL to a Zarr store."""

from __future__ import annotations

import os
import zipfile
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from zarr.abc.store import Store
from zarr.storage import LocalStore, ObjectStore

from xcube_tiles.catalog.stores.checked import Archive, Bucket, Folder
from xcube_tiles.catalog.stores.failures import store_failures
from xcube_tiles.errors import CatalogError, MissingExtraError, StoreError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

StoreLike: TypeAlias = str | os.PathLike[str] | Store
"""A path, a URL or a Zarr store."""

OBJECT_STORES = ("s3", "s3a", "gs", "az", "adl", "azure", "abfs", "abfss", "http", "https")
"""Schemes of URLs that obstore opens."""

# obstore's own: ten retries within three minutes, which is long for somebody who mistyped a URL.
# These outlast a bucket that throttles, and tell within some ten seconds that nobody answers.
_RETRIES = {
    "max_retries": 9,
    "retry_timeout": timedelta(seconds=45),
    "backoff": {
        "init_backoff": timedelta(milliseconds=100),
        "max_backoff": timedelta(seconds=3),
        "base": 2,
    },
}
_CLIENT = {"connect_timeout": "5s", "timeout": "120s"}


def open_store(
    url: StoreLike,
    *,
    read_only: bool,
    at: str | datetime | None = None,
    storage_options: Mapping[str, object] | None = None,
) -> Store:
    """Return the Zarr store of a path or URL; nothing is read but of an Icechunk repository.

    Parameters
    ----------
    url
        A local path; the path of a zip archive, ``*.zip``; a URL (`file://`, `s3://`, `gs://`,
        `az://`, `https://`, `memory://`, `icechunk://`, `icechunk+s3://` or any that fsspec knows);
        a Zarr store.
    read_only
        Whether writing is refused.
    at
        State of an Icechunk repository: a snapshot, tag, branch or instant; by default the newest.
    storage_options
        Options of the object store; credentials come from the usual environment otherwise.

    Raises
    ------
    MissingExtraError
        The library that opens such URLs isn't installed.
    CatalogError
        Something that is neither path, URL nor store; `at` with a store that keeps no history.
    StoreError
        Options that the store doesn't know; an archive to write to.
    """
    options = dict(storage_options or {})
    text = os.fspath(url) if isinstance(url, str | os.PathLike) else ""
    scheme, separator, rest = text.partition("://")
    if separator and scheme.partition("+")[0] == "icechunk":
        return _repository(text, read_only, at, options)
    if at is not None:
        raise CatalogError(
            f"{shown(url)} keeps no history, so that there is no state at {at!r}; catalogs in an "
            "Icechunk repository do: icechunk://folder, icechunk+s3://bucket/prefix"
        )
    if isinstance(url, Store):
        return _checked(url)
    if not isinstance(url, str | os.PathLike):
        raise CatalogError(f"expected a path, a URL or a Zarr store, got {url!r}")
    if not separator or scheme == "file":
        return _local(Path(rest if separator else text).absolute(), read_only)
    if scheme in OBJECT_STORES:
        return _object_store(text, read_only, options)
    return _fsspec_store(text, read_only, options)


def _checked(store: Store) -> Store:
    """Return a store of zarr's as one that tells what to do when it fails."""
    if type(store) is LocalStore:
        return Folder(store.root, read_only=store.read_only)
    if type(store) is ObjectStore:
        return Bucket(store.store, read_only=store.read_only)
    return store


def _local(path: Path, read_only: bool) -> Store:
    if path.suffix != ".zip" or path.is_dir():
        return Folder(path, read_only=read_only)
    archive = Archive(path, mode="r", read_only=True)
    if not read_only:
        archive._check_writable()
    if not path.exists():
        raise CatalogError(f"no catalog at {str(path)!r}: there is no such archive")
    if not zipfile.is_zipfile(path):
        raise CatalogError(f"no catalog at {str(path)!r}: it is no zip archive")
    archive._sync_open()  # zarr opens it only for its own functions
    return archive


def _object_store(url: str, read_only: bool, options: dict[str, Any]) -> Store:
    try:
        from obstore.exceptions import BaseError
        from obstore.store import from_url
    except ImportError:
        return _fsspec_store(url, read_only, options)
    given: dict[str, Any] = {
        **_account(url, options),
        **options,
        "client_options": {
            **_CLIENT,
            **_unencrypted(url, options),
            **options.get("client_options", {}),
        },
        "retry_config": {**_RETRIES, **options.get("retry_config", {})},
    }
    try:
        store = from_url(url, **given)
    except (BaseError, ValueError, TypeError) as error:
        raise StoreError(f"can't open {url!r}: {str(error).partition(chr(10))[0]}") from error
    web = type(store).__name__ == "HTTPStore"
    return Bucket(store, read_only=read_only or web, url=url)


def _unencrypted(url: str, options: Mapping[str, Any]) -> dict[str, bool]:
    """Return the option without which obstore refuses connections that aren't encrypted.

    An URL or endpoint that begins with ``http://`` asks for them.
    """
    endpoint = options.get("endpoint", options.get("aws_endpoint"))
    if endpoint is None and url.startswith("s3"):
        endpoint = os.environ.get("AWS_ENDPOINT_URL", os.environ.get("AWS_ENDPOINT", ""))
    plain = any(str(part).startswith("http://") for part in (url, endpoint))
    return {"allow_http": True} if plain else {}


def _account(url: str, options: Mapping[str, Any]) -> dict[str, str]:
    """Return the account of Azure from the environment: what is pickled has to have it."""
    named = any("account" in key for key in options) or "@" in url
    account = os.environ.get("AZURE_STORAGE_ACCOUNT_NAME")
    azure = url.startswith(("az", "abfs", "adl"))
    return {"account_name": account} if azure and account and not named else {}


def _fsspec_store(url: str, read_only: bool, options: dict[str, Any]) -> Store:
    from zarr.storage import FsspecStore

    try:
        with store_failures(url, "open"):
            return FsspecStore.from_url(url, storage_options=options, read_only=read_only)
    except ImportError as error:
        raise MissingExtraError("obstore", "cloud") from error
    except ValueError as error:
        raise CatalogError(f"can't open {url!r}: {error}") from error


def _repository(
    url: str, read_only: bool, at: str | datetime | None, options: dict[str, Any]
) -> Store:
    from xcube_tiles.catalog.icechunk.repository import open_repository

    return open_repository(url, read_only=read_only, at=at, options=options)


def is_archive(url: StoreLike) -> bool:
    """Whether a path is that of a zip archive, which can only be read."""
    text = os.fspath(url) if isinstance(url, str | os.PathLike) else ""
    local = "://" not in text or text.startswith("file://")
    return local and text.endswith(".zip") and not Path(text.removeprefix("file://")).is_dir()


def pinned(store: Store) -> Store:
    """Return a store that shows what another shows now, whatever is written later.

    Only Icechunk can: of other stores it is the store itself.
    """
    snapshot = getattr(store, "snapshot", None)
    return store if snapshot is None else snapshot()


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


def shown(url: StoreLike) -> str:
    """Return a store or its URL as an error shows it."""
    return repr(os.fspath(url)) if isinstance(url, str | os.PathLike) else str(url)
