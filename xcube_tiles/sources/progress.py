"""A progress bar of one line, where a person watches."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from xcube_tiles.options import get_options

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
        Whether to show it; None: the option `progress`, and if that is None, too, only on a
        terminal.
    """
    wanted = get_options().progress if show is None else show
    visible = sys.stderr.isatty() if wanted is None else wanted
    for done, item in enumerate(items, 1):
        yield item
        if visible:
            filled = _WIDTH * done // total
            bar = "#" * filled + " " * (_WIDTH - filled)
            end = "\n" if done == total else ""
            print(f"\r{label} [{bar}] {done}/{total}", end=end, file=sys.stderr, flush=True)
