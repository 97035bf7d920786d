"""A change of a layer that is prepared where no reader looks and shown in one step."""

from __future__ import annotations

import json
from contextlib import nullcontext, suppress
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

import zarr
from zarr.core.array import AsyncArray
from zarr.storage import MemoryStore, StorePath

from xcube_tiles._version import __version__
from xcube_tiles.catalog.building.leftovers import (
    BUILD,
    Record,
    clear_leftovers,
    consolidated,
    level_paths,
)
from xcube_tiles.catalog.building.manifest import drop_manifests, write_manifest
from xcube_tiles.catalog.format.conventions import PRIVATE
from xcube_tiles.catalog.stores.lock import Lock
from xcube_tiles.catalog.stores.objects import (
    as_document,
    create,
    delete_all,
    delete_below,
    get_document,
    keys_below,
    put,
    put_all,
    replace,
    stamp_of,
)
from xcube_tiles.errors import (
    CatalogError,
    LayerBusyError,
    LayerExistsError,
    LayerNotFoundError,
    StoreError,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from types import TracebackType
    from typing import Self

    from zarr.abc.store import Store

MOST_HISTORY = 100
"""Changes that a layer remembers."""


class Build:
    """A change of one layer.

    Cells are written as they are computed, to places that no reader knows of. Documents and
    coordinates are kept in a draft in memory; `commit` writes them, the layer's root document last:
    that is the moment at which readers see the change.

    Parameters
    ----------
    store
        The catalog's store.
    name
        Name of the layer.
    operation
        ``write``, ``append`` or ``update``, for the layer's history.
    fingerprint
        What tells this change from others: of equal ones, one may go on where the other ended.
    exists
        Whether the layer must be there (True), must not be there (False), or may be (None).
    moves
        Whether all levels get a new place, so that readers of the old ones aren't disturbed.
    resume
        Whether blocks that an earlier, unfinished build of the same change has written are kept.

    Raises
    ------
    LayerBusyError
        Somebody else is writing to the layer.
    LayerExistsError, LayerNotFoundError
        The layer is there, or isn't.
    CatalogError
        There is an unfinished build of another change, and `resume` is True.
    """

    def __init__(
        self,
        store: Store,
        name: str,
        *,
        operation: str,
        fingerprint: str,
        exists: bool | None,
        moves: bool = False,
        resume: bool = False,
    ) -> None:
        self.store, self.name = store, name
        self.operation, self.fingerprint = operation, fingerprint
        self.exists, self.moves, self.resume = exists, moves, resume
        self.draft = MemoryStore()
        self.prefix = ""
        self.finished: frozenset[str] = frozenset()
        self.root: dict[str, Any] | None = None
        self._stamp: object = None
        self._lock = Lock(store, name)
        self._committed = False

    def __enter__(self) -> Self:
        self._lock.__enter__()
        try:
            self._begin()
        except BaseException:
            self._lock.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if not self._committed:
                # What cuts off a writer may keep it from tidying up: the first error is told.
                with suppress(StoreError) if error is not None else nullcontext():
                    self._leave(error)
        finally:
            self._lock.__exit__(kind, error, trace)

    def _begin(self) -> None:
        self._stamp = stamp_of(self.store, self._key("zarr.json"))
        self.root = get_document(self.store, self._key("zarr.json"))
        self._check_existence()
        self.prefix = f"g{self.revision + 1}/" if self.moves and self.root is not None else ""
        record = Record(
            operation=self.operation,
            fingerprint=self.fingerprint,
            prefix=self.prefix,
            revision=self.revision,
        )
        found = Record.read(self.store, self.name)
        if self.resume and found is not None and found.revision == self.revision:
            if found != record:
                raise CatalogError(
                    f"the unfinished build of layer {self.name!r} ({found.operation}) is another "
                    "one: its cube, its parameters or its layer differ. Pass the same ones, or "
                    "resume=False to begin anew"
                )
            done = keys_below(self.store, self._key(BUILD))
            self.finished = frozenset(key.removeprefix(self._key(f"{BUILD}/")) for key in done)
        elif found is not None or self.root is None:
            clear_leftovers(self.store, self.name, self.root)
        record.write(self.store, self.name)

    def _check_existence(self) -> None:
        if self.exists is False and self.root is not None:
            raise self._taken()
        if self.exists and self.root is None:
            raise LayerNotFoundError(f"no layer {self.name!r}: it was deleted meanwhile")

    def _leave(self, error: BaseException | None) -> None:
        """Keep what was finished, or nothing if there is none."""
        if error is not None and keys_below(self.store, self._key(BUILD)):
            error.add_note(
                f"What was finished of layer {self.name!r} is kept: the same call with resume=True "
                f"goes on from there, and catalog.vacuum({self.name!r}) removes it."
            )
        else:
            clear_leftovers(self.store, self.name, self.root)

    @property
    def revision(self) -> int:
        """Number of the layer's last change; 0 if there is none yet."""
        return 0 if self.root is None else int(self._private().get("revision", 1))

    def _private(self) -> dict[str, Any]:
        attributes = {} if self.root is None else self.root.get("attributes", {})
        return dict(attributes.get(PRIVATE, {}))

    def _key(self, path: str) -> str:
        return f"{self.name}/{path}"

    def _taken(self) -> LayerExistsError:
        return LayerExistsError(
            f"layer {self.name!r} is in the catalog already; pass overwrite=True to replace it"
        )

    def bound(self, array: zarr.Array[Any]) -> zarr.Array[Any]:
        """Return an array of the draft whose cells go to the catalog's store."""
        place = StorePath(self.store, self._key(array.path))
        return zarr.Array(AsyncArray(array.metadata, place))

    @property
    def mark(self) -> Callable[[str], None]:
        """A function of a label that notes that a block is finished; it pickles."""
        return partial(_mark, self.store, self._key(BUILD))

    def commit(self, attributes: Mapping[str, Any], **details: object) -> None:
        """Show the change.

        Parameters
        ----------
        attributes
            Those of the layer's root document.
        **details
            What the history tells of the change, in types that JSON has.

        Raises
        ------
        LayerBusyError, LayerExistsError
            Somebody else has changed the layer although this build had the lock.
        """
        contents = {key: value.to_bytes() for key, value in self.draft._store_dict.items()}
        contents.pop("zarr.json", None)  # the draft's own root: the layer's is made here
        documents = {
            key.removesuffix("/zarr.json"): json.loads(contents.pop(key))
            for key in sorted(contents)
            if key.endswith("/zarr.json")
        }
        put_all(self.store, ((self._key(key), value) for key, value in contents.items()))
        # Level groups come after the arrays that their own metadata describe.
        for group in (False, True):
            put_all(
                self.store,
                (
                    (
                        self._key(f"{path}/zarr.json"),
                        as_document(consolidated(documents, path) if group else document),
                    )
                    for path, document in documents.items()
                    if (document["node_type"] == "group") == group
                ),
            )
        private = {
            **dict(attributes.get(PRIVATE, {})),
            "revision": self.revision + 1,
            "updated": _now(),
            "history": self._history(details),
            "retired": self._retires(),
            "manifest": write_manifest(
                self.store, self.name, documents, self.root,
                revision=self.revision + 1, prefix=self.prefix,
            ),
        }  # fmt: skip
        private.pop("level_statistics", None)  # they are those of the cells before
        root = {"zarr_format": 3, "node_type": "group"}
        root |= {"attributes": {**attributes, PRIVATE: private}}
        self._switch(as_document(consolidated({**documents, "": root}, "")))
        self._committed = True
        self._clear(private["manifest"])

    def _clear(self, manifest: Iterable[str]) -> None:
        """Delete what the layer no longer needs."""
        delete_below(self.store, self._key(BUILD))
        delete_all(self.store, [self._key(f"{BUILD}.json")])
        before = self._private().get("manifest", [])
        drop_manifests(self.store, self.name, before, manifest)
        if self.prefix:
            for folder in {path.partition("/")[0] for path in self._retired()}:
                delete_below(self.store, self._key(folder))

    def _switch(self, content: bytes) -> None:
        self._lock.check()
        key = self._key("zarr.json")
        if self.root is None:
            if not create(self.store, key, content):
                raise self._taken()
        elif not replace(self.store, key, content, self._stamp):
            raise LayerBusyError(f"layer {self.name!r} was changed by somebody else; try again")

    def announce(self) -> None:
        """Prepare the store for cells of the draft's arrays that are copied to it."""

    def collect(self, reports: Iterable[object]) -> None:
        """Take what `run_stores` returns; here the marks tell what is written."""

    def _retires(self) -> list[str]:
        """Return the places of the levels that readers may still have open after the change."""
        return level_paths(self.root) if self.prefix else self._retired()

    def _retired(self) -> list[str]:
        return [str(path) for path in self._private().get("retired", [])]

    def _history(self, details: Mapping[str, object]) -> list[dict[str, Any]]:
        event = {
            "revision": self.revision + 1,
            "operation": self.operation,
            "when": _now(),
            "software": f"xcube_tiles {__version__}",
            **details,
        }
        return [*self._private().get("history", []), event][-MOST_HISTORY:]


def _mark(store: Store, path: str, label: str) -> None:
    put(store, f"{path}/{label}", b"1")


def _now() -> str:
    return datetime.now(UTC).isoformat()
