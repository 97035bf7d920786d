"""One writer of a layer at a time."""

from __future__ import annotations

import json
import os
import socket
import threading
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from zarr.storage import LocalStore

from xcube_tiles.catalog.icechunk.versions import Versions
from xcube_tiles.catalog.stores.failures import store_failures
from xcube_tiles.catalog.stores.objects import (
    as_document,
    create,
    delete,
    get_document,
    get_stamped,
    replace,
)
from xcube_tiles.errors import LayerBusyError, StoreError

try:
    import fcntl
except ImportError:  # Windows: leases serve there too
    fcntl = None  # type: ignore[assignment]

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from zarr.abc.store import Store

RENEWED_EVERY = 15.0
"""Seconds between two signs of life of a writer."""

STALE_AFTER = 60.0
"""Seconds without a sign of life after which a writer counts as dead."""


class Lock:
    """The right to write to a layer, for as long as a `with` block lasts.

    On a local disk it is a lock of the operating system, which ends with the process that holds it.
    Elsewhere it is a lease: an object that names its holder, who renews it; whoever finds it older
    than a minute may take it over, as its holder must be dead.

    In an Icechunk repository it is a transaction: what is written within is seen at its end, if it
    didn't fail, and who comes second when it ends gets the error.

    Parameters
    ----------
    store
        The catalog's store.
    name
        Name of the layer.

    Raises
    ------
    LayerBusyError
        Somebody else is writing.
    """

    def __init__(self, store: Store, name: str) -> None:
        self.store, self.name = store, name
        self.key = f".lock-{name}"
        self._held: _FileLock | _Lease | _Transaction | None = None

    def __enter__(self) -> Self:
        if isinstance(self.store, Versions):
            self._held = _Transaction(self.store, self.name)
            return self
        local = isinstance(self.store, LocalStore) and fcntl is not None
        self._held = _FileLock(self) if local else _Lease(self)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._held is not None:
            self._held.release(error)
            self._held = None

    def check(self) -> None:
        """Make sure, before something is shown, that the lock wasn't lost meanwhile.

        Raises
        ------
        LayerBusyError
            Somebody else took it, as this process slept or was cut off for too long.
        """
        if self._held is not None:
            self._held.check()

    def busy(self, holder: dict[str, Any] | None) -> LayerBusyError:
        """Return the error for somebody who comes second."""
        by = f" by process {holder['process']} on {holder['host']}" if holder else ""
        since = f" since {holder['since']}" if holder else ""
        return LayerBusyError(
            f"layer {self.name!r} is being written{by}{since}; try again when that has ended"
        )


def _holder() -> dict[str, Any]:
    now = datetime.now(UTC).isoformat(timespec="seconds")
    return {
        "owner": uuid4().hex,
        "process": os.getpid(),
        "host": socket.gethostname(),
        "since": now,
        "renewed": datetime.now(UTC).isoformat(),
    }


class _Transaction:
    """What a repository has in place of locks."""

    def __init__(self, store: Versions, name: str) -> None:
        self.context = store.transaction(f"change {name}")
        self.context.__enter__()

    def check(self) -> None:
        """Nothing can be lost before the end."""

    def release(self, error: BaseException | None = None) -> None:
        if error is None:
            self.context.__exit__(None, None, None)
        else:
            with suppress(type(error)):
                self.context.__exit__(type(error), error, error.__traceback__)


class _FileLock:
    """A lock of the operating system."""

    def __init__(self, lock: Lock) -> None:
        assert isinstance(lock.store, LocalStore)
        self.lock, self.path = lock, lock.store.root / lock.key
        with store_failures(lock.store.root, "write to"):
            self._acquire(lock)

    def _acquire(self, lock: Lock) -> None:
        while True:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self.file = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o666)
            try:
                fcntl.flock(self.file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                holder = self._read()
                os.close(self.file)
                raise lock.busy(holder) from error
            if self._is_in_place():
                break
            os.close(self.file)  # its last holder removed the file while it was opened here
        try:
            os.truncate(self.file, 0)
            os.write(self.file, as_document(_holder()))
        except OSError:
            self.release()
            raise

    def _is_in_place(self) -> bool:
        try:
            return os.path.samestat(os.stat(self.path), os.fstat(self.file))
        except FileNotFoundError:
            return False

    def _read(self) -> dict[str, Any] | None:
        try:
            holder: dict[str, Any] = json.loads(os.pread(self.file, 10_000, 0))
        except ValueError:
            return None
        return holder

    def check(self) -> None:
        if not self._is_in_place():
            raise self.lock.busy(None)

    def release(self, error: BaseException | None = None) -> None:
        self.path.unlink(missing_ok=True)
        os.close(self.file)


class _Lease:
    """An object that its holder renews."""

    def __init__(self, lock: Lock) -> None:
        self.lock, self.document = lock, _holder()
        if not self._create() and not self._take_over():
            raise lock.busy(get_document(lock.store, lock.key))
        self.ended = threading.Event()
        threading.Thread(target=self._renew, name=lock.key, daemon=True).start()

    def _create(self) -> bool:
        return create(self.lock.store, self.lock.key, as_document(self.document))

    def _take_over(self) -> bool:
        """Take a lease whose holder gave no sign of life; of two that try one succeeds."""
        found, stamp = self._read()
        if found is None:
            return self._create()
        age = datetime.now(UTC) - datetime.fromisoformat(found["renewed"])
        if age < timedelta(seconds=STALE_AFTER):
            return False
        return replace(self.lock.store, self.lock.key, as_document(self.document), stamp)

    def _read(self) -> tuple[dict[str, Any] | None, object]:
        content, stamp = get_stamped(self.lock.store, self.lock.key)
        return (None if content is None else json.loads(content)), stamp

    def _renew(self) -> None:
        while not self.ended.wait(RENEWED_EVERY):
            try:
                found, stamp = self._read()
                if found is None or found["owner"] != self.document["owner"]:
                    return  # somebody took it: `check` tells
                renewed = {**self.document, "renewed": datetime.now(UTC).isoformat()}
                # On a condition, so that who takes it over at this moment keeps it.
                replace(self.lock.store, self.lock.key, as_document(renewed), stamp)
            except Exception:
                continue

    def _is_own(self) -> bool:
        found = get_document(self.lock.store, self.lock.key)
        return found is not None and found["owner"] == self.document["owner"]

    def check(self) -> None:
        if not self._is_own():
            raise self.lock.busy(get_document(self.lock.store, self.lock.key))

    def release(self, error: BaseException | None = None) -> None:
        self.ended.set()
        # What isn't reached now ends by itself; why the writer failed is what has to be told.
        with suppress(StoreError):
            if self._is_own():
                delete(self.lock.store, self.lock.key)
