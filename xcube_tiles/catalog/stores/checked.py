"""Zarr stores of disks and object stores whose errors say what to do."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn, TypeVar

from zarr.storage import LocalStore, ObjectStore, ZipStore

from xcube_tiles.catalog.stores.failures import PAUSES, store_failures, was_cut_off
from xcube_tiles.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable
    from datetime import datetime
    from typing import Self

    from obstore.store import ObjectStore as AnyObjectStore
    from zarr.abc.store import ByteRequest
    from zarr.core.buffer import Buffer, BufferPrototype

_T = TypeVar("_T")


class Folder(LocalStore):
    """A folder of a disk.

    Raises
    ------
    StoreError
        By all methods: the disk is full, or doesn't allow what is asked for.
    """

    async def get(
        self,
        key: str,
        prototype: BufferPrototype | None = None,
        byte_range: ByteRequest | None = None,
    ) -> Buffer | None:
        """Return an object, or a part of it; None if there is none."""
        with store_failures(self.root, "read from"):
            return await super().get(key, prototype, byte_range)

    async def set(self, key: str, value: Buffer) -> None:
        """Write an object."""
        with store_failures(self.root, "write to"):
            await super().set(key, value)

    async def set_if_not_exists(self, key: str, value: Buffer) -> None:
        """Write an object unless there is one."""
        with store_failures(self.root, "write to"):
            await super().set_if_not_exists(key, value)

    async def delete(self, key: str) -> None:
        """Delete an object."""
        with store_failures(self.root, "delete in"):
            await super().delete(key)

    async def delete_dir(self, prefix: str) -> None:
        """Delete a folder."""
        with store_failures(self.root, "delete in"):
            await super().delete_dir(prefix)


class Archive(ZipStore):
    """A zip archive, which can only be read."""

    def _check_writable(self) -> None:
        raise StoreError(
            f"can't write to {str(self.path)!r}: what is in an archive can't be changed. Write to "
            "a folder, and pack that: catalog.pack('catalog.zip')"
        )


class Version(NamedTuple):
    """What another object of the same key would have differently."""

    tag: str | None
    """Entity tag; None where the server gives none."""

    modified: datetime
    """When it was written."""

    size: int
    """Its length in bytes."""


class Bucket(ObjectStore):  # type: ignore[type-arg]  # generic for some versions of Zarr only
    """A bucket of an object store, a part of one, or a web server.

    Parameters
    ----------
    store
        The store of obstore.
    read_only
        Whether writing is refused.
    url
        How errors name it.

    Raises
    ------
    StoreError
        By all methods: no permission, no credentials, no such bucket, no answer.
    """

    def __init__(
        self, store: AnyObjectStore, *, read_only: bool = False, url: str | None = None
    ) -> None:
        super().__init__(store, read_only=read_only)
        self.url = str(store) if url is None else url

    def __str__(self) -> str:
        return self.url

    def with_read_only(self, read_only: bool = False) -> Self:
        """Return the same store, read-only or not."""
        return type(self)(self.store, read_only=read_only, url=self.url)

    @property
    def is_web(self) -> bool:
        """Whether it is a web server, which can't be listed or written to."""
        return type(self.store).__name__ == "HTTPStore"

    def _check_writable(self) -> None:
        if self.read_only:
            self._refuse()

    def _refuse(self) -> NoReturn:
        why = "a web server can't be written to" if self.is_web else "it was opened for reading"
        raise StoreError(f"can't write to {self.url}: {why}. Write to a folder or a bucket")

    async def get(
        self,
        key: str,
        prototype: BufferPrototype,
        byte_range: ByteRequest | None = None,
    ) -> Buffer | None:
        """Return an object, or a part of it; None if there is none."""
        return await self._call("read from", super().get, key, prototype, byte_range)

    async def part(
        self, key: str, span: tuple[int, int] | None
    ) -> tuple[memoryview, Version] | None:
        """Return bytes of an object and its version; None if there is none.

        Parameters
        ----------
        key
            Key of the object.
        span
            First byte and number of bytes; a negative first byte counts from the end, up to which
            all bytes are returned. None: the whole object.
        """
        return await self._call("read from", self._part, key, span)

    async def _part(
        self, key: str, span: tuple[int, int] | None
    ) -> tuple[memoryview, Version] | None:
        from obstore.exceptions import NotSupportedError

        options: dict[str, Any] = {}
        if span is not None:
            start, length = span
            options["range"] = (start, start + length) if start >= 0 else {"suffix": -start}
        try:
            try:
                answer = await self.store.get_async(key, options=options)
            except NotSupportedError:
                # Azure doesn't count from the end.
                if span is None or span[0] >= 0:
                    raise
                size = (await self.store.head_async(key))["size"]
                answer = await self.store.get_async(
                    key, options={"range": (max(0, size + span[0]), size)}
                )
            content = memoryview(await answer.bytes_async())
        except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
            return None
        meta = answer.meta
        return content, Version(meta["e_tag"], meta["last_modified"], meta["size"])

    async def exists(self, key: str) -> bool:
        """Whether there is such an object."""
        return await self._call("read from", super().exists, key)

    async def set(self, key: str, value: Buffer) -> None:
        """Write an object."""
        await self._call("write to", super().set, key, value)

    async def set_if_not_exists(self, key: str, value: Buffer) -> None:
        """Write an object unless there is one."""
        await self._call("write to", super().set_if_not_exists, key, value)

    async def delete(self, key: str) -> None:
        """Delete an object."""
        await self._call("delete in", super().delete, key)

    async def delete_dir(self, prefix: str) -> None:
        """Delete a folder."""
        await self._call("delete in", super().delete_dir, prefix)

    async def getsize(self, key: str) -> int:
        """Return the size of an object in bytes."""
        return await self._call("read from", super().getsize, key)

    async def copy(self, source: str, target: str) -> None:
        """Copy an object within the bucket."""
        self._check_writable()
        await self._call("copy in", self.store.copy_async, source, target)

    async def sizes(self, prefix: str) -> dict[str, int]:
        """Return the keys that begin so, with the sizes of the objects in bytes."""

        async def listed() -> dict[str, int]:
            found: dict[str, int] = {}
            async for batch in self.store.list(prefix or None):
                found.update((meta["path"], meta["size"]) for meta in batch)
            return found

        return await self._call("list", listed)

    async def list_prefix(self, prefix: str) -> AsyncGenerator[str, None]:
        """Return the keys that begin so."""
        for key in await self.sizes(prefix):
            yield key

    async def list_dir(self, prefix: str) -> AsyncGenerator[str, None]:
        """Return what is in a folder."""
        listing = super().list_dir

        async def listed() -> list[str]:
            # obstore begins to list when it is called, which has to be within the loop
            return [key async for key in listing(prefix)]

        for key in await self._call("list", listed):
            yield key

    async def _call(self, doing: str, call: Callable[..., Awaitable[_T]], *arguments: Any) -> _T:
        with store_failures(self.url, doing):
            for pause in PAUSES:
                try:
                    return await call(*arguments)
                except Exception as error:
                    if not was_cut_off(error):
                        raise
                    await asyncio.sleep(pause)
            return await call(*arguments)
