"""How blocks are written: on the scheduler that is active, with a progress bar if wanted."""

from __future__ import annotations

import sys
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

from dask import config
from dask.base import compute, persist
from dask.diagnostics.progress import ProgressBar
from dask.system import CPU_COUNT

from xcube_tiles.catalog.stores.store import is_in_memory
from xcube_tiles.errors import CatalogError
from xcube_tiles.options import shows_progress

if TYPE_CHECKING:
    from zarr.abc.store import Store

BLOCKS_PER_THREAD = 3
"""Blocks on their way for each thread: enough that none waits for another."""

SERIAL = ("sync", "synchronous", "single-threaded")
"""Names that dask has for running without threads."""


def run_stores(pending: Any, progress: bool | None) -> list[object]:
    """Compute a lazy call that writes blocks.

    Parameters
    ----------
    pending
        What `store_blocks` returns.
    progress
        Whether to show a progress bar; None: the option `progress`.

    Returns
    -------
    list
        What the targets have to tell: for `Build.collect`.
    """
    shown = shows_progress(progress)
    client = _cluster_client()
    if shown and client is not None:
        from distributed import progress as bar

        running = persist(pending)
        bar(running, notebook=False)
        (reports,) = compute(running)
        return list(reports)
    with ProgressBar() if shown else nullcontext():
        (reports,) = compute(pending)
    return list(reports)


def check_shared(store: Store) -> None:
    """Refuse a store that the workers of the active cluster don't reach.

    Raises
    ------
    CatalogError
        A store in memory, with a cluster.
    """
    if is_in_memory(store) and _cluster_client() is not None:
        raise CatalogError(
            f"the workers of a cluster don't share {store!s}; write to a path or URL that they all "
            "reach, or close the cluster's client"
        )


def blocks_ahead() -> int:
    """Return how many blocks may be on their way at a time: some for each thread there is."""
    client = _cluster_client()
    if client is not None:
        threads = sum(client.nthreads().values())
    elif config.get("scheduler", None) in SERIAL:
        return 1  # one after the other: with more, the scheduler would change places
    else:
        threads = int(config.get("num_workers", None) or CPU_COUNT)
    return BLOCKS_PER_THREAD * max(1, int(threads))


def _cluster_client() -> Any:
    """Return the client of the active cluster, if there is one."""
    distributed = sys.modules.get("distributed")
    if distributed is None:
        return None
    try:
        client = distributed.get_client()
    except ValueError:
        return None
    return client
