"""Icechunk repositories by their URLs."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xcube_tiles.catalog.icechunk.versions import Versions
from xcube_tiles.catalog.stores.failures import store_failures
from xcube_tiles.errors import CatalogError, MissingExtraError, StoreError

if TYPE_CHECKING:
    from collections.abc import Mapping

KINDS = ("icechunk://folder", "icechunk+s3://bucket/prefix", "icechunk+gs://bucket/prefix",
         "icechunk+az://container/prefix")  # fmt: skip
"""The URLs of repositories."""


def open_repository(
    url: str, *, read_only: bool, at: str | datetime | None, options: Mapping[str, Any]
) -> Versions:
    """Return the store of a catalog in an Icechunk repository, which is made when first written to.

    Parameters
    ----------
    url
        One of `KINDS`.
    read_only
        Whether writing is refused.
    at
        A snapshot, a tag or an instant (without a time zone: UTC); None: always the newest state.
    options
        Those of icechunk's `s3_storage`, `gcs_storage` or `azure_storage`; and `branch`.

    Raises
    ------
    MissingExtraError
        icechunk isn't installed.
    StoreError
        An unknown kind of URL, or options that it doesn't take.
    CatalogError
        There is no such state.
    """
    try:
        import icechunk
    except ImportError as error:
        raise MissingExtraError("icechunk", "cloud") from error
    # Its warnings are about what is handled here, such as commits to a folder at the same time.
    icechunk.set_logs_filter("error")
    rest = dict(options)
    branch = str(rest.pop("branch", "main"))
    folder = _folder(url)
    storage = _storage(url, rest)
    store = Versions(storage, url=url, branch=branch, folder=folder, read_only=read_only)
    if at is None:
        return store
    if isinstance(at, datetime) and at.tzinfo is None:
        at = at.replace(tzinfo=UTC)
    if not isinstance(at, str | datetime):
        raise CatalogError(f"at must be a snapshot, a tag or a datetime, got {at!r}")
    return store.fixed(at)


def _folder(url: str) -> Path | None:
    """Return the folder of a repository on disk."""
    scheme, _, rest = url.partition("://")
    return Path(rest).absolute() if scheme in ("icechunk", "icechunk+file") else None


def _storage(url: str, options: dict[str, Any]) -> Any:
    import icechunk

    scheme, _, rest = url.partition("://")
    bucket, _, prefix = rest.partition("/")
    place = {"bucket": bucket, "prefix": prefix.rstrip("/") or None}
    try:
        with store_failures(url, "open"):
            match scheme:
                case "icechunk" | "icechunk+file":
                    if options:
                        raise StoreError(f"can't open {url!r} with {sorted(options)}: it has none")
                    return None
                case "icechunk+s3":
                    return icechunk.s3_storage(**{**place, **_s3_options(options)})
                case "icechunk+gs":
                    return icechunk.gcs_storage(**{**place, **_from_env(options)})
                case "icechunk+az":
                    given = {"account": os.environ.get("AZURE_STORAGE_ACCOUNT_NAME"), **options}
                    if given["account"] is None:
                        raise StoreError(
                            f"can't open {url!r}: set AZURE_STORAGE_ACCOUNT_NAME, or pass "
                            "storage_options={'account': ...}"
                        )
                    azure = {"container": bucket, "prefix": prefix.rstrip("/")}
                    return icechunk.azure_storage(**{**azure, **_from_env(given)})
    except (TypeError, ValueError) as error:
        if isinstance(error, CatalogError):
            raise
        raise StoreError(f"can't open {url!r} with {sorted(options)}: {error}") from error
    raise StoreError(f"can't open {url!r}: repositories are at {', '.join(KINDS)}")


def _s3_options(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options of S3, with what obstore reads from the environment, too."""
    found: dict[str, Any] = {
        "endpoint_url": os.environ.get("AWS_ENDPOINT_URL"),
        "region": os.environ.get("AWS_REGION", os.environ.get("AWS_DEFAULT_REGION")),
        **options,
    }
    if found["endpoint_url"]:
        # Servers other than Amazon's have no host name for each bucket.
        found.setdefault("force_path_style", True)
        found.setdefault("allow_http", found["endpoint_url"].startswith("http://"))
    return _from_env(found)


def _from_env(options: Mapping[str, Any]) -> dict[str, Any]:
    secrets = ("access", "anonymous", "credentials", "token", "service_account", "from_env")
    given = any(part in key for key in options for part in secrets)
    return {**options} if given else {**options, "from_env": True}
