"""A store that counts what is asked of it."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from zarr.storage import WrapperStore

if TYPE_CHECKING:
    from zarr.abc.store import ByteRequest, Store
    from zarr.core.buffer import Buffer, BufferPrototype


class CountingStore(WrapperStore[Any]):
    """Passes everything on and counts the objects that are got."""

    def __init__(self, store: Store, got: Counter[str] | None = None) -> None:
        super().__init__(store)
        self.got: Counter[str] = Counter() if got is None else got

    def with_read_only(self, read_only: bool = False) -> CountingStore:
        """Return the same store for reading, counting into the same place."""
        return CountingStore(self._store.with_read_only(read_only), self.got)

    async def get(
        self, key: str, prototype: BufferPrototype, byte_range: ByteRequest | None = None
    ) -> Buffer | None:
        """Count, then get."""
        self.got[key] += 1
        found: Buffer | None = await self._store.get(key, prototype, byte_range)
        return found

    @property
    def chunks(self) -> set[str]:
        """Keys of chunks, found or not, below their arrays, of all that was got."""
        return {key.split("/c/")[1] for key in self.got if "/c/" in key}
