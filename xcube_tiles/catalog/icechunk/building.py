"""A change of a layer in an Icechunk repository: one transaction."""

from __future__ import annotations

import pickle
from typing import TYPE_CHECKING, Any

import zarr
from zarr.core.array import AsyncArray
from zarr.storage import StorePath

from xcube_tiles.catalog.building.build import Build
from xcube_tiles.catalog.building.leftovers import level_paths
from xcube_tiles.catalog.icechunk.versions import Versions
from xcube_tiles.catalog.stores.objects import as_document, delete_below, get, get_document, put
from xcube_tiles.errors import CatalogError, LayerBusyError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from types import TracebackType
    from typing import Self

    from numpy.typing import NDArray
    from zarr.abc.store import Store


def start_build(store: Store, name: str, **options: Any) -> Build:
    """Return the change of a layer, as its store needs it.

    Parameters
    ----------
    store, name, **options
        As in `Build`.

    Raises
    ------
    CatalogError
        `resume` of a change in a repository.
    """
    if isinstance(store, Versions):
        return Transaction(store, name, **options)
    return Build(store, name, **options)


class Transaction(Build):
    """A change of one layer in a repository.

    Nothing is seen before it is committed, so that it needs neither a lock nor marks, and leaves
    nothing that could be resumed. Snapshots keep what was before: levels that are replaced go at
    once, and an update writes to where they are.

    Raises
    ------
    CatalogError
        `resume` is True.

    Notes
    -----
    Cells are written to a fork of the transaction's session. Forks can be sent to other processes:
    there, each block is written to a fork of its own, which comes back as what the task returns.
    """

    def __init__(self, store: Versions, name: str, **options: Any) -> None:
        super().__init__(store, name, **options)
        if self.resume:
            raise CatalogError(
                f"there is nothing to resume in {store}: a change of an Icechunk repository is "
                "complete or hasn't happened. Pass resume=False"
            )
        self.versions = store
        self._session: Any = None
        self._fork: Any = None
        self._sent: list[ForkedArray] = []
        self._reports: list[bytes] = []

    def __enter__(self) -> Self:
        self._session = self.versions.writable()
        self._fork = self._session.fork()
        self.store = self._fork.store
        self.root = get_document(self.store, self._key("zarr.json"))
        self._check_existence()
        self.prefix = self._chosen_prefix()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Leave nothing: what isn't committed was never there."""
        self._session = self._fork = None

    def _chosen_prefix(self) -> str:
        # What is written anew isn't written to where it was: icechunk doesn't merge forks in which
        # arrays were made anew. An update stays where it is: icechunk keeps the cells from before.
        moves = self.moves and self.root is not None and self.operation != "update"
        return f"g{self.revision + 1}/" if moves else ""

    def announce(self) -> None:
        """Write the documents of the draft's arrays: repositories take cells only after them."""
        for key, document in list(self.draft._store_dict.items()):
            if key.endswith("/zarr.json") and get(self.store, self._key(key)) is None:
                put(self.store, self._key(key), document.to_bytes())

    def bound(self, array: zarr.Array[Any]) -> zarr.Array[Any]:
        """Return an array of the draft whose cells go to the transaction."""
        path = self._key(array.path)
        if self._fork is None:
            return zarr.Array(AsyncArray(array.metadata, StorePath(self.store, path)))
        document = array.metadata.to_dict()
        if get_document(self.store, f"{path}/zarr.json") != document:
            put(self.store, f"{path}/zarr.json", as_document(document))
        forked = ForkedArray(AsyncArray(array.metadata, StorePath(self.store, path)))
        self._sent.append(forked)
        return forked

    @property
    def mark(self) -> Callable[[str], None]:
        """A function that does nothing: there is no unfinished change to go on with."""
        return _no_mark

    def collect(self, reports: Iterable[object]) -> None:
        """Take what tasks in other processes have written, as they report it."""
        self._reports += [report for report in reports if isinstance(report, bytes)]
        self._merge()

    def _merge(self) -> None:
        if self._fork is None:
            return
        if any(array.was_sent for array in self._sent) and not self._reports:
            raise CatalogError(
                "blocks were written by other processes, whose reports are missing: nothing is "
                "committed"
            )
        self._session.merge(self._fork, *(pickle.loads(report) for report in self._reports))
        self._fork, self.store = None, self._session.store

    def commit(self, attributes: Mapping[str, Any], **details: object) -> None:
        """Show the change; parameters and errors are those of `Build.commit`."""
        self._merge()
        self.announce()
        super().commit(attributes, **details)

    def _retires(self) -> list[str]:
        return []

    def _switch(self, content: bytes) -> None:
        if self.prefix:
            for folder in {path.partition("/")[0] for path in level_paths(self.root)}:
                delete_below(self.store, self._key(folder))
        put(self.store, self._key("zarr.json"), content)
        try:
            self.versions.commit(
                self._session, f"{self.operation} {self.name}", revision=self.revision + 1
            )
        except LayerBusyError:
            newest = get_document(self.versions, self._key("zarr.json"))
            if self.exists is False and newest is not None:
                raise self._taken() from None
            raise

    def _clear(self, manifest: Iterable[str]) -> None:
        """Leave what was before to the snapshots."""


class ForkedArray(zarr.Array):  # type: ignore[type-arg]  # generic for some versions of Zarr only
    """An array in a fork of a session; in other processes it reports what is written there."""

    @property
    def was_sent(self) -> bool:
        """Whether it was sent to another process."""
        return bool(self.__dict__.get("_was_sent"))

    def __reduce__(self) -> tuple[Any, ...]:
        self.__dict__["_was_sent"] = True
        place = self._async_array.store_path
        session: Any = getattr(place.store, "session")  # noqa: B009  # of icechunk's stores
        return AwayArray, (self.metadata, place.path, pickle.dumps(session))


class AwayArray:
    """An array in a fork of a session, in another process than the session.

    Parameters
    ----------
    metadata, path
        The array.
    fork
        The fork, pickled.
    """

    def __init__(self, metadata: Any, path: str, fork: bytes) -> None:
        self.metadata, self.path, self.fork = metadata, path, fork

        self.shape, self.chunks, self.shards = metadata.shape, metadata.chunks, metadata.shards

    def __reduce__(self) -> tuple[Any, ...]:
        return AwayArray, (self.metadata, self.path, self.fork)

    def __setitem__(self, region: tuple[slice, ...], block: NDArray[Any]) -> None:
        raise TypeError("what is written has to be reported: use store_block")

    def store_block(self, region: tuple[slice, ...], block: NDArray[Any]) -> bytes:
        """Write cells; return the fork that has them."""
        fork = pickle.loads(self.fork)
        place = StorePath(fork.store, self.path)
        zarr.Array(AsyncArray(self.metadata, place))[region] = block
        return pickle.dumps(fork)


def _no_mark(label: str) -> None:
    """Note nothing."""
