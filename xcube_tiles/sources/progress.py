"""A progress bar of one line, where a person watches."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from xcube_tiles.options import shows_progress

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import TypeVar

    T = TypeVar("T")

_WIDTH = 40


def with_progress(
    items: Iterable[T], *, total: int, label: str, show: bool | None = None
) -> Iterator[T]:
    """Pass items through and count them on standard error.

    Parameters
    ----------
    items
        What is being done.
    total
        Their number.
    label
        Text before the bar.
    show
        Whether to show it; None: as `shows_progress` finds.
    """
    visible = shows_progress(show)
    for done, item in enumerate(items, 1):
        yield item
        if visible:
            filled = _WIDTH * done // total
            bar = "#" * filled + " " * (_WIDTH - filled)
            end = "\n" if done == total else ""
            print(f"\r{label} [{bar}] {done}/{total}", end=end, file=sys.stderr, flush=True)
