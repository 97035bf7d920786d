"""Open files, kept for the next read: GDAL's handles must stay in their thread."""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

from rasterio.errors import RasterioError

from xcube_tiles.errors import RasterReadError, XcubeTilesError
from xcube_tiles.sources.storage import (
    fingerprint,
    forget_remote,
    is_local,
    open_raster,
    read_by_gdal,
    reading_env,
    store_errors,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_CAPACITY = 32
"""Open files per thread: enough for the bands and dates of one block, far below file limits."""


class _Handle(NamedTuple):
    file: Any
    version: tuple[int, int] | None


class _Handles(threading.local):
    def __init__(self) -> None:
        self.open: OrderedDict[tuple[str, int | None], _Handle] = OrderedDict()


_HANDLES = _Handles()


def _forget() -> None:
    _HANDLES.open.clear()


if hasattr(os, "register_at_fork"):
    # A forked process shares the file positions of its parent: both would read nonsense.
    os.register_at_fork(after_in_child=_forget)


@contextmanager
def handle(
    path: str, options: Mapping[str, Any] | None, overview: int | None = None
) -> Iterator[Any]:
    """Give an open file of this thread, the one of an earlier read if the file is unchanged.

    Parameters
    ----------
    path, options, overview
        As for `open_raster`.

    Yields
    ------
    rasterio.DatasetReader
        Don't close it, and don't give it to another thread.

    Raises
    ------
    RasterReadError
        The file is gone, cut short or damaged, or its store doesn't answer; at the next call it is
        opened anew.
    """
    try:
        if read_by_gdal(path, options):
            with reading_env(path):
                yield _kept(path, overview)
            return
        # rasterio's bridge to Python files must be left in the context that entered it.
        with open_raster(path, options, overview=overview) as file:
            yield file
    except XcubeTilesError:
        raise
    except FileNotFoundError as error:
        _drop(path)
        raise RasterReadError(f"{path!r} doesn't exist") from error
    except (RasterioError, *store_errors()) as error:
        _drop(path)
        reason = str(error.__cause__ or error).partition("\n")[0]
        raise RasterReadError(
            f"{path!r} can't be read, it is gone, cut short or damaged: {reason}"
        ) from error


def _drop(path: str) -> None:
    """Close what is open of a file that couldn't be read, which may be mended at the next call."""
    for key in [key for key in _HANDLES.open if key[0] == path]:
        _HANDLES.open.pop(key).file.close()
    if not is_local(path) and read_by_gdal(path, None):
        forget_remote(path)


def _kept(path: str, overview: int | None) -> Any:
    key, version = (path, overview), fingerprint(path)
    known = _HANDLES.open.pop(key, None)
    if known is not None and known.version != version:
        known.file.close()
        known = None
    if known is None:
        known = _Handle(open_raster(path, None, overview=overview), version)
    _HANDLES.open[key] = known
    while len(_HANDLES.open) > _CAPACITY:
        _HANDLES.open.popitem(last=False)[1].file.close()
    return known.file
