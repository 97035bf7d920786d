"""The newest state of an Icechunk repository as a Zarr store, and its history."""

from __future__ import annotations

import time
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from zarr.abc.store import Store

from xcube_tiles.catalog.stores.failures import store_failures
from xcube_tiles.errors import CatalogError, LayerBusyError, StoreError

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
    from pathlib import Path
    from typing import Self

    from zarr.abc.store import ByteRequest
    from zarr.core.buffer import Buffer, BufferPrototype

COMMIT_WAITS = 60.0
"""Seconds that a commit to a folder waits for another one."""

# Sessions of the transactions that are under way, by repository and branch.
_UNDER_WAY: ContextVar[Mapping[str, Any] | None] = ContextVar("under_way", default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Commit:
    """A state of a catalog that can be read again."""

    id: str
    """Identifier of the snapshot."""

    when: datetime
    """When it was committed, in UTC."""

    message: str
    """What was done."""

    metadata: dict[str, Any]
    """What was noted besides."""


class Versions(Store):
    """A repository: its newest state when something is read, a transaction to write.

    A write outside of `transaction` is a transaction of its own.

    Parameters
    ----------
    storage
        Storage of icechunk; None: that of `folder`.
    url
        How errors name it.
    branch
        The branch that is read and written.
    folder
        Folder of a repository on disk, in which commits have to wait for each other.
    at
        Snapshot, tag or instant that is read in place of the newest state.
    read_only
        Whether writing is refused.
    """

    def __init__(
        self,
        storage: Any,
        *,
        url: str,
        branch: str = "main",
        folder: Path | None = None,
        at: str | datetime | None = None,
        read_only: bool = False,
    ) -> None:
        super().__init__(read_only=read_only or at is not None)
        self.storage, self.url, self.branch, self.folder, self.at = storage, url, branch, folder, at
        self._repository: Any = None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Versions) and (self._place, self.at, self.read_only) == (
            other._place,
            other.at,
            other.read_only,
        )

    __hash__ = None  # type: ignore[assignment]  # as the stores of zarr

    def __str__(self) -> str:
        return self.url

    def __repr__(self) -> str:
        return f"Versions({self.url!r})"

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_repository": None}

    @property
    def _place(self) -> str:
        return f"{self.url}@{self.branch}"

    def with_read_only(self, read_only: bool = False) -> Self:
        """Return the same store, read-only or not."""
        return type(self)(
            self.storage,
            url=self.url,
            branch=self.branch,
            folder=self.folder,
            at=self.at,
            read_only=read_only,
        )

    def fixed(self, at: str | datetime) -> Self:
        """Return the store of a state of the past; it can't be written to.

        Raises
        ------
        CatalogError
            There is no such state.
        """
        found = self.with_read_only(True)
        found.at = at
        found._read_session()
        return found

    def repository(self, *, create: bool = False) -> Any:
        """Return the repository of icechunk; None if there is none and it isn't to be made."""
        import icechunk

        # icechunk makes the folder of a repository as soon as it is told of it
        absent = self.folder is not None and not self.folder.is_dir()
        if self._repository is None and (create or not absent):
            with store_failures(self.url, "open"):
                if self.storage is None:
                    self.storage = icechunk.local_filesystem_storage(str(self.folder))
                if create:
                    self._repository = icechunk.Repository.open_or_create(self.storage)
                elif icechunk.Repository.exists(self.storage):
                    self._repository = icechunk.Repository.open(self.storage)
        return self._repository

    def history(self) -> list[Commit]:
        """Return the states of the branch, the newest first."""
        repository = self.repository()
        if repository is None:
            return []
        with store_failures(self.url, "read from"):
            states = list(repository.ancestry(branch=self.branch))
        return [
            Commit(
                id=state.id,
                when=state.written_at,
                message=state.message,
                metadata={k: v for k, v in state.metadata.items() if not k.startswith("__")},
            )
            for state in states
            if state.parent_id is not None  # the empty state that each repository begins with
        ]

    def snapshot(self) -> Store:
        """Return the store of what is there now: it stays so, and can be sent to workers."""
        session = self._current()
        if session is None:
            raise CatalogError(f"no catalog at {self.url}: there is no repository")
        store: Store = session.store
        return store

    def _read_session(self) -> Any:
        repository = self.repository()
        if repository is None:
            return None
        if self.at is None:
            with store_failures(self.url, "read from"):
                return repository.readonly_session(self.branch)
        try:
            with store_failures(self.url, "read from"):
                if isinstance(self.at, datetime):
                    return repository.readonly_session(self.branch, as_of=self.at)
                if self.at in repository.list_tags():
                    return repository.readonly_session(tag=self.at)
                return repository.readonly_session(snapshot_id=self.at)
        except StoreError as error:
            shown = self.at.isoformat() if isinstance(self.at, datetime) else repr(self.at)
            raise CatalogError(
                f"{self.url} has no state at {shown}; catalog.history() lists those that it has"
            ) from error

    def _current(self) -> Any:
        """Return the session of the transaction under way, or one of the newest state."""
        session = (_UNDER_WAY.get() or {}).get(self._place)
        return self._read_session() if session is None or self.at is not None else session

    def writable(self) -> Any:
        """Return a session to write in."""
        self._check_writable()
        repository = self.repository(create=True)
        with store_failures(self.url, "write to"):
            return repository.writable_session(self.branch)

    def _check_writable(self) -> None:
        if self.read_only:
            why = "a state of the past can't be changed" if self.at else "it was opened for reading"
            raise StoreError(f"can't write to {self.url}: {why}")

    def commit(self, session: Any, message: str, **metadata: Any) -> None:
        """Show the changes of a session, after those that others have made elsewhere meanwhile.

        Raises
        ------
        LayerBusyError
            Others have changed the same layer.
        """
        import icechunk

        with store_failures(self.url, "write to"), self._alone():
            try:
                session.commit(message, metadata=metadata, rebase_with=icechunk.ConflictDetector())
            except (icechunk.ConflictError, icechunk.RebaseFailedError) as error:
                raise LayerBusyError(
                    f"{self.url} was changed by somebody else at the same place ({message}); "
                    "nothing was written, try again"
                ) from error

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Let one commit follow another in a folder: disks have no conditional writes."""
        if self.folder is None or fcntl is None:
            yield
            return
        with (self.folder / ".lock-commit").open("a") as file:
            ends = time.monotonic() + COMMIT_WAITS
            while True:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError as error:
                    if time.monotonic() > ends:
                        raise LayerBusyError(f"{self.url} is being written to") from error
                    time.sleep(0.02)
            yield

    @contextmanager
    def transaction(self, message: str) -> Iterator[None]:
        """Show all that is written in a `with` block at once, or nothing if it fails.

        Within another one it is a part of that.

        Raises
        ------
        LayerBusyError
            Others have changed the same layer.
        """
        under_way = _UNDER_WAY.get() or {}
        if self._place in under_way:
            yield
            return
        session = self.writable()
        token = _UNDER_WAY.set({**under_way, self._place: session})
        try:
            yield
        finally:
            _UNDER_WAY.reset(token)
        if session.has_uncommitted_changes:
            self.commit(session, message)

    async def get(
        self,
        key: str,
        prototype: BufferPrototype,
        byte_range: ByteRequest | None = None,
    ) -> Buffer | None:
        """Return an object, or a part of it; None if there is none."""
        session = self._current()
        if session is None or is_private(key):
            return None
        with store_failures(self.url, "read from"):
            found: Buffer | None = await session.store.get(key, prototype, byte_range)
        return found

    async def get_partial_values(
        self,
        prototype: BufferPrototype,
        key_ranges: Iterable[tuple[str, ByteRequest | None]],
    ) -> list[Buffer | None]:
        """Return parts of objects."""
        return [await self.get(key, prototype, part) for key, part in key_ranges]

    async def exists(self, key: str) -> bool:
        """Whether there is such an object."""
        session = self._current()
        if session is None or is_private(key):
            return False
        with store_failures(self.url, "read from"):
            return bool(await session.store.exists(key))

    async def is_empty(self, prefix: str) -> bool:
        """Whether there is nothing in a folder; others' files keep a repository from being made."""
        if self.repository() is None and self.folder is not None and self.folder.is_dir():
            return not any(self.folder.iterdir())
        return await super().is_empty(prefix)

    async def getsize(self, key: str) -> int:
        """Return the size of an object in bytes."""
        session = self._current()
        if session is None:
            raise FileNotFoundError(key)
        return int(await session.store.getsize(key))

    @property
    def supports_writes(self) -> bool:
        """True."""
        return True

    @property
    def supports_deletes(self) -> bool:
        """True."""
        return True

    @property
    def supports_listing(self) -> bool:
        """True."""
        return True

    async def set(self, key: str, value: Buffer) -> None:
        """Write an object.

        Those that keep track of unfinished changes are dropped: there are none.
        """
        self._check_writable()
        if not is_private(key):
            with (
                self.transaction("make the catalog" if key == "zarr.json" else f"write {key}"),
                store_failures(self.url, "write to"),
            ):
                await self._current().store.set(key, value)

    async def delete(self, key: str) -> None:
        """Delete an object; nothing happens if there is none."""
        self._check_writable()
        if not is_private(key) and await self.exists(key):
            with self.transaction(f"delete {key}"), store_failures(self.url, "delete in"):
                await self._current().store.delete(key)

    async def delete_dir(self, prefix: str) -> None:
        """Delete a folder."""
        self._check_writable()
        if not is_private(prefix):
            with self.transaction(f"delete {prefix}"), store_failures(self.url, "delete in"):
                await self._current().store.delete_dir(prefix)

    async def list(self) -> AsyncIterator[str]:
        """Return all keys."""
        async for key in self.list_prefix(""):
            yield key

    async def list_prefix(self, prefix: str) -> AsyncIterator[str]:
        """Return the keys that begin so."""
        session = self._current()
        if session is None or is_private(prefix):
            return
        # Repositories list groups and arrays only: of other folders all has to be looked through.
        folder = prefix.rstrip("/")
        known = not folder or await session.store.exists(f"{folder}/zarr.json")
        with store_failures(self.url, "list"):
            async for key in session.store.list_prefix(prefix if known else ""):
                if known or key.startswith(prefix):
                    yield key

    async def list_dir(self, prefix: str) -> AsyncIterator[str]:
        """Return what is in a folder."""
        session = self._current()
        if session is None or is_private(prefix):
            return
        with store_failures(self.url, "list"):
            async for key in session.store.list_dir(prefix):
                yield key


def is_private(key: str) -> bool:
    """Whether a key is none of Zarr's: repositories take no others."""
    return any(part.startswith(".") for part in key.split("/"))
