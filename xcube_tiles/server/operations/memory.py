"""How much memory this process has, and how much it may have."""

from __future__ import annotations

import os
from pathlib import Path
from time import monotonic

_STATM = Path("/proc/self/statm")
_CGROUP = (  # the first that holds a number counts: version 2, version 1
    Path("/sys/fs/cgroup/memory.max"),
    Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"),
)
_SHARE = 0.9  # the rest is for what other processes and the system need
_AGE = 0.25  # seconds for which a number is used again


def resident() -> tuple[int, int] | None:
    """Return bytes of this process in memory: all, and those that no file backs.

    None where the system doesn't tell (it isn't Linux).
    """
    try:
        fields = _STATM.read_text().split()
    except OSError:
        return None
    page = os.sysconf("SC_PAGE_SIZE")
    return int(fields[1]) * page, (int(fields[1]) - int(fields[2])) * page


def allowed(workers: int = 1) -> int | None:
    """Return the bytes that each of some processes may have; None: nobody knows."""
    try:
        whole = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError, AttributeError):
        return None
    for file in _CGROUP:
        try:
            text = file.read_text().strip()
        except OSError:
            continue
        if text.isdigit():
            whole = min(whole, int(text))
        break
    return int(whole * _SHARE / max(workers, 1))


class MemoryWatch:
    """Whether a process has more memory than it may; looked up four times a second at most.

    Parameters
    ----------
    most
        Bytes that it may have; None: there is no bound.
    """

    __slots__ = ("_over", "_until", "most")

    def __init__(self, most: int | None) -> None:
        self.most = most
        self._over = False
        self._until = 0.0

    def is_over(self) -> bool:
        """Return whether there is more than there may be."""
        if self.most is None:
            return False
        now = monotonic()
        if now >= self._until:
            found = resident()
            # Pages that a file backs are given up by the system before memory runs out.
            self._over = found is not None and found[1] > self.most
            self._until = now + _AGE
        return self._over
