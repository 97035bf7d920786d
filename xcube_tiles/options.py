"""Options of the package: few, explicit, and local to the context that sets them."""

from __future__ import annotations

import sys
from contextvars import ContextVar
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import TracebackType


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Values in force; read them with `get_options`."""

    max_pixels: int = 100_000_000
    """Most cells (width x height x times x bands) of a STAC cube, unless told otherwise."""

    progress: bool | None = None
    """Whether eager work shows a progress bar; None: only in a terminal."""

    chunk_size: int = 1024
    """Edge, in cells, of the dask blocks that sources make along y and x."""

    database_connections: int = 8
    """Most connections of this process to one database on a server; further calls wait."""

    def __post_init__(self) -> None:
        for name in ("max_pixels", "chunk_size", "database_connections"):
            value = getattr(self, name)
            if not isinstance(value, int) or value < 1:
                raise ValueError(f"option {name!r} must be a positive integer, got {value!r}")
        if self.progress not in (True, False, None):
            raise ValueError(
                f"option 'progress' must be True, False or None, got {self.progress!r}"
            )


_DEFAULTS = Options()
_CURRENT: ContextVar[Options] = ContextVar("xcube_tiles_options", default=_DEFAULTS)


def get_options() -> Options:
    """Return the options in force."""
    return _CURRENT.get()


def shows_progress(asked: bool | None = None) -> bool:
    """Whether eager work shows a progress bar.

    Parameters
    ----------
    asked
        What the caller wants; None: the option `progress`, and if that is None, too, a bar is shown
        on a terminal only.
    """
    wanted = get_options().progress if asked is None else asked
    return sys.stderr.isatty() if wanted is None else wanted


class set_options:  # noqa: N801  (a function to its users, as in xarray)
    """Set options for a `with` block, or from here on.

    Parameters
    ----------
    **changes
        Fields of `Options`: `max_pixels`, `progress`, `chunk_size`, `database_connections`.

    Raises
    ------
    TypeError
        An option that doesn't exist; the text lists those that do.
    ValueError
        A value that the option can't take.

    Examples
    --------
    >>> import xcube_tiles as xt
    >>> with xt.set_options(progress=False):
    ...     pass
    """

    __slots__ = ("_token",)

    def __init__(self, **changes: int | bool | None) -> None:
        known = [field.name for field in fields(Options)]
        unknown = sorted(set(changes) - set(known))
        if unknown:
            raise TypeError(f"unknown option {unknown[0]!r}; the options are {', '.join(known)}")
        self._token = _CURRENT.set(replace(_CURRENT.get(), **changes))  # type: ignore[arg-type]

    def __enter__(self) -> None:
        return None

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        _CURRENT.reset(self._token)
