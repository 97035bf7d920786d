"""Open GeoTIFFs, kept for the next read, and refused once they aren't what they were."""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from typing import TYPE_CHECKING, Any

import rasterio
from rasterio.errors import NotGeoreferencedWarning, RasterioError

from xcube_tiles.errors import CatalogError

if TYPE_CHECKING:
    from rasterio.windows import Window

Version = tuple[int, int]
"""Modification time in ns, and size in bytes."""

_CAPACITY = 64
"""Open files per thread: those that a tile touches, far below the limits of systems."""


class _Handles(threading.local):
    def __init__(self) -> None:
        self.open: OrderedDict[tuple[str, int | None, Version | None], Any] = OrderedDict()


_HANDLES = _Handles()


def _forget() -> None:
    _HANDLES.open.clear()


if hasattr(os, "register_at_fork"):
    # A forked process shares the file positions of its parent: both would read nonsense.
    os.register_at_fork(after_in_child=_forget)


def version_of(path: str) -> Version | None:
    """Return modification time and size of a local file; None for what isn't local.

    Raises
    ------
    CatalogError
        The local file isn't there.
    """
    if "://" in path or path.startswith("/vsi"):
        return None
    try:
        found = os.stat(path)
    except OSError as error:
        raise CatalogError(f"{path!r} can't be read: {error.strerror}") from error
    return found.st_mtime_ns, found.st_size


def is_unchanged(path: str, version: Version | None) -> bool:
    """Whether a file is the one that had a version, as far as that can be told without reading it.

    Raises
    ------
    CatalogError
        The local file isn't there.
    """
    return version is None or _is_same(version, version_of(path))


def opened(path: str, version: Version | None, overview: int | None = None) -> Any:
    """Return an open file of this thread.

    Parameters
    ----------
    path
        Path or URL.
    version
        What `version_of` said when the file became part of a layer, the time being 0 where only the
        size counts; None: it isn't checked.
    overview
        Index of the overview to open instead of the full resolution.

    Returns
    -------
    rasterio.DatasetReader
        Don't close it, and don't give it to another thread.

    Raises
    ------
    CatalogError
        The file has vanished or changed, or can't be opened.
    """
    now = version_of(path)
    if version is not None and not _is_same(version, now):
        raise CatalogError(
            f"{path!r} has changed since it became part of the layer (modified and size: "
            f"{version}, now {now}): its cells may lie elsewhere. Link the files again, with "
            "overwrite=True"
        )
    key = (path, overview, now)
    file = _HANDLES.open.pop(key, None)
    if file is None:
        file = _open(path, overview)
    _HANDLES.open[key] = file
    while len(_HANDLES.open) > _CAPACITY:
        _HANDLES.open.popitem(last=False)[1].close()
    return file


def _is_same(version: Version, now: Version | None) -> bool:
    return now is not None and version[1] == now[1] and version[0] in (0, now[0])


def _open(path: str, overview: int | None) -> Any:
    level = {} if overview is None else {"overview_level": overview}
    # Looking for side-car files of an object costs more than reading its header.
    options = {"GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR"} if "://" in path else {}
    try:
        with rasterio.Env(**options):
            return rasterio.open(path, **level)
    except (RasterioError, NotGeoreferencedWarning) as error:
        raise CatalogError(f"{path!r} can't be opened as a raster: {error}") from error


def read_band(
    path: str, version: Version | None, overview: int | None, band: int, window: Window
) -> Any:
    """Return the cells of a window of a band; parameters as `opened`.

    Raises
    ------
    CatalogError
        The file can't be read, or has changed.
    """
    file = opened(path, version, overview)
    try:
        return file.read(band, window=window)
    except (RasterioError, IndexError) as error:
        raise CatalogError(f"band {band} of {path!r} can't be read: {error}") from error
