"""What a server's process asks of the system before it answers: heaps, open files."""

from __future__ import annotations

import ctypes
import gc
import os
import platform
from importlib import import_module

_ARENAS, _ARENAS_OPTION, _ARENAS_VARIABLE = 2, -8, "MALLOC_ARENA_MAX"  # mallopt(3): M_ARENA_MAX
_MOST_FILES = 65_536  # some systems allow a thousand million, which slows down who closes all


def prepare() -> None:
    """Do what a process needs in which many threads draw for hours."""
    share_arenas()
    allow_files()


def settle() -> None:
    """Take what has been loaded so far out of the rounds of the garbage collector.

    Some hundred thousand objects of modules live as long as the process: to look through them takes
    some 100 ms, for which all requests wait.
    """
    gc.collect()
    gc.freeze()


def share_arenas() -> bool:
    """Let all threads of this process take memory from the same few places; return if they do.

    The C library of most Linux systems (glibc) gives threads heaps of their own, and each keeps
    what its largest picture has once taken: with forty threads the memory of a server rises for
    long. Other libraries aren't touched, nor is it done where `MALLOC_ARENA_MAX` says how many
    heaps there are.
    """
    if _ARENAS_VARIABLE in os.environ or platform.libc_ver()[0] != "glibc":
        return False
    return bool(ctypes.CDLL(None).mallopt(_ARENAS_OPTION, _ARENAS))


def few_arenas() -> dict[str, str]:
    """Return the variables with which a new process does what `share_arenas` does."""
    return {} if _ARENAS_VARIABLE in os.environ else {_ARENAS_VARIABLE: str(_ARENAS)}


def allow_files() -> int | None:
    """Let this process, and those that it starts, open as many files as it may; return how many.

    Each thread that draws keeps the files of its last reads open: with forty of them that can be
    more than the 1024 that many systems give a process unless it asks for more. None where
    there is no such limit (Windows).
    """
    try:
        resource = import_module("resource")
    except ImportError:
        return None
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _MOST_FILES if hard == resource.RLIM_INFINITY else min(hard, _MOST_FILES)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return int(soft)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    except (ValueError, OSError):  # macOS has a lower bound that it doesn't tell
        return int(soft)
    return int(wanted)
