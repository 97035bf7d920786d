"""Fresh processes for tests that kill them, without loading the package anew for each."""

from __future__ import annotations

import multiprocessing
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from multiprocessing.process import BaseProcess

needs_fork = pytest.mark.skipif(
    "forkserver" not in multiprocessing.get_all_start_methods(), reason="this system can't fork"
)

LOADED = (
    "xcube_tiles.catalog.writer", "xcube_tiles.catalog.reader", "xcube_tiles.catalog.cog.export",
    "xcube_tiles.sources.handles", "tests.catalog.growing",
    "hypothesis", "pytest",
)  # fmt: skip
"""What the server has loaded; unlike the process of the tests, it has run nothing: no threads."""


def forks() -> Any:
    """Return the context whose processes are forks of one that has loaded the package only."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(LOADED))
    return context


def started(function: Callable[..., object], *args: Any) -> BaseProcess:
    """Start a function of a module in a fresh process, with arguments that can be pickled."""
    process: BaseProcess = forks().Process(target=function, args=args, daemon=True)
    process.start()
    return process


def exit_code_of(function: Callable[..., object], *args: Any) -> int | None:
    """Run a function in a fresh process; return its status, or minus the signal that ended it."""
    process = started(function, *args)
    process.join()
    return process.exitcode
