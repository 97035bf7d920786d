"""What disks, buckets and servers fail with, as errors that say what to do."""

from __future__ import annotations

import errno
import os
import shutil
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from xcube_tiles.errors import CatalogError, StoreError

if TYPE_CHECKING:
    from collections.abc import Iterator

PAUSES = (0.1, 0.3, 1.0, 3.0)
"""Seconds to wait before a request is repeated that obstore doesn't repeat."""

_FULL = (errno.ENOSPC, errno.EDQUOT)
_REFUSED = (errno.EACCES, errno.EPERM, errno.EROFS)

# What the texts of object stores say, and what to tell of it; the first that fits. Their classes
# don't tell these apart: most are "generic".
_SAID = (
    (
        ("nosuchbucket", "containernotfound", "bucket does not exist", "bucket not found"),
        "there is no such bucket: make it first, and look at its name, endpoint and region",
    ),
    (
        ("169.254.", "metadata.google", "computemetadata", "credential", "missing token"),
        (
            "there are no credentials: set them in the environment (AWS_ACCESS_KEY_ID and "
            "AWS_SECRET_ACCESS_KEY, GOOGLE_APPLICATION_CREDENTIALS, AZURE_STORAGE_ACCOUNT_KEY), "
            "pass them as storage_options, or pass storage_options={'skip_signature': True} for "
            "public data"
        ),
    ),
    (
        ("permissiondenied", "accessdenied", "403 ", "401 ", "signaturedoesnotmatch", "forbidden"),
        "there is no permission to do that: look at the credentials and the bucket's rules",
    ),
    (
        ("slowdown", "503 ", "429 ", "too many requests"),
        (
            "it is overloaded and didn't recover within the time allowed; try again later, or "
            "allow more by storage_options={'retry_config': {'max_retries': ...}}"
        ),
    ),
    (
        ("error sending request", "dns error", "connection refused", "timed out", "timeout"),
        "it can't be reached or doesn't answer: look at the URL, the endpoint and the network",
    ),
)


@contextmanager
def store_failures(place: object, doing: str) -> Iterator[None]:
    """Turn errors of a store into `StoreError`; ours pass.

    Parameters
    ----------
    place
        Path or URL that an error names.
    doing
        What is done there, such as "write to".

    Raises
    ------
    StoreError
        In place of an `OSError`, or an error of obstore or icechunk.
    """
    try:
        yield
    except CatalogError:
        raise
    except OSError as error:
        raise _of_disk(error, place, doing) from error
    except Exception as error:
        if type(error).__module__.partition(".")[0] not in ("obstore", "icechunk"):
            raise
        raise StoreError(f"can't {doing} {place}: {_told(error)}") from error


def was_cut_off(error: BaseException) -> bool:
    """Whether a request to an object store failed in a way that obstore doesn't repeat.

    It repeats what is safe to repeat by its method, and tells so; a request that deletes or copies
    isn't, though here it is, nor is one whose answer ended early.
    """
    first = str(error).partition("\n")[0]
    return type(error).__name__ == "GenericError" and "HTTP error" in first and "retr" not in first


def _of_disk(error: OSError, place: object, doing: str) -> StoreError:
    path = error.filename if isinstance(error.filename, str) else place
    if error.errno in _FULL:
        return StoreError(
            f"can't {doing} {place}: no space is left on {_disk(path)}. What was there before is "
            "intact; free some space and try again"
        )
    if error.errno in _REFUSED:
        kind = "is read-only" if error.errno == errno.EROFS else "doesn't allow it"
        return StoreError(
            f"can't {doing} {place}: {path} {kind}; change its permissions or choose another folder"
        )
    if error.errno == errno.EFBIG:
        return StoreError(f"can't {doing} {place}: the file would be larger than allowed")
    return StoreError(f"can't {doing} {place}: {_told(error)}")


def _disk(path: object) -> str:
    """Return the disk of a path, with its size."""
    folder = Path(os.path.abspath(str(path)))
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    free = shutil.disk_usage(folder)
    while not os.path.ismount(folder) and folder != folder.parent:
        folder = folder.parent
    return f"the disk of {folder} ({free.free:,} of {free.total:,} bytes are free)"


def _told(error: Exception) -> str:
    text = f"{type(error).__name__} {error}"
    known = next((t for words, t in _SAID if any(word in text.lower() for word in words)), None)
    first = str(error).strip().partition("\n")[0]
    return f"{known}. It said: {first}" if known else first
