"""Changes of a layer's root document alone: its attributes, without a cell."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from xcube_tiles._version import __version__
from xcube_tiles.catalog.format.conventions import PRIVATE
from xcube_tiles.catalog.stores.lock import Lock
from xcube_tiles.catalog.stores.objects import as_document, get_document, replace, stamp_of
from xcube_tiles.errors import LayerBusyError, LayerNotFoundError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from zarr.abc.store import Store

MOST_HISTORY = 100
"""Changes that a layer remembers."""


def change_attributes(
    store: Store,
    name: str,
    operation: str,
    change: Callable[[dict[str, Any]], Mapping[str, Any]],
    **details: object,
) -> None:
    """Change a layer's attributes in one step, and note it in the layer's history.

    Parameters
    ----------
    store, name
        The layer.
    operation
        What the history calls it.
    change
        From the attributes to those wanted.
    **details
        What else the history tells, in types that JSON has.

    Raises
    ------
    LayerBusyError
        Somebody else is writing to the layer.
    LayerNotFoundError
        It was deleted meanwhile.
    """

    def noted(attributes: dict[str, Any]) -> dict[str, Any]:
        changed = dict(change(attributes))
        if PRIVATE not in changed:  # a layer by others has no history, and gets none
            return changed
        private = changed[PRIVATE]
        revision, now = int(private.get("revision", 1)) + 1, datetime.now(UTC).isoformat()
        software = f"xcube_tiles {__version__}"
        event = {"revision": revision, "operation": operation, "when": now, "software": software}
        history = [*private.get("history", []), {**event, **details}][-MOST_HISTORY:]
        changes = {"revision": revision, "updated": now, "history": history}
        return {**changed, PRIVATE: {**private, **changes}}

    with Lock(store, name) as lock:
        switch_root(store, name, lock, noted)


def switch_root(
    store: Store,
    name: str,
    lock: Lock,
    change: Callable[[dict[str, Any]], Mapping[str, Any]],
) -> None:
    """Replace a layer's attributes; the caller holds its lock."""
    key = f"{name}/zarr.json"
    stamp = stamp_of(store, key)
    root = get_document(store, key)
    if root is None:
        raise LayerNotFoundError(f"no layer {name!r}: it was deleted meanwhile")
    content = as_document({**root, "attributes": dict(change(dict(root.get("attributes", {}))))})
    lock.check()
    if not replace(store, key, content, stamp):
        raise LayerBusyError(f"layer {name!r} was changed by somebody else; try again")
