"""Where raster files lie: local paths and URLs, how they are listed, and how GDAL opens them."""

from __future__ import annotations

import io
import os
from contextlib import nullcontext, suppress
from glob import glob
from typing import TYPE_CHECKING, Any

import rasterio
from rasterio.errors import RasterioError

from xcube_tiles.errors import CollectionError, MissingExtraError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from contextlib import AbstractContextManager

    from fsspec import AbstractFileSystem

# GDAL reads these itself, by range requests and with its own cache.
_GDAL_SCHEMES = frozenset({"s3", "gs", "gcs", "az", "http", "https"})
_OBSTORE_SCHEMES = frozenset({"s3", "s3a", "gs", "az", "abfs", "abfss", "http", "https"})
_READ_AHEAD = 64 * 1024
# GDAL's own defaults: no second try, and waiting without end. The environment counts before these.
_PATIENCE = {
    "GDAL_HTTP_MAX_RETRY": "3",
    "GDAL_HTTP_RETRY_DELAY": "0.2",
    "GDAL_HTTP_CONNECTTIMEOUT": "5",
    "GDAL_HTTP_TIMEOUT": "30",
}


def is_local(path: str) -> bool:
    """Whether a path or URL lies in the local file system."""
    return "://" not in path or path.startswith("file://")


def text_of(path: str | os.PathLike[str]) -> str:
    """Return a path as text.

    Raises
    ------
    CollectionError
        It is no path.
    """
    try:
        text = os.fspath(path)
    except TypeError:
        raise CollectionError(f"a path is a text or an os.PathLike, got {path!r}") from None
    return text


def absolute(path: str) -> str:
    """Return a local path as an absolute one with `/`; a URL, or a path of GDAL, as it is.

    Workers, and readers of a stored table, may have another working directory.
    """
    if not is_local(path) or path.startswith("/vsi"):
        return path
    plain = os.path.expanduser(path.removeprefix("file://"))
    return os.path.abspath(plain).replace(os.sep, "/")


def absolute_pattern(pattern: str) -> str:
    """Return a pattern of local paths as an absolute one; braces of the folder are no keys."""
    plain = os.path.expanduser(pattern.removeprefix("file://"))
    folder = os.getcwd().replace("{", "{{").replace("}", "}}")
    return os.path.normpath(os.path.join(folder, plain)).replace(os.sep, "/")


def filesystem(url: str, options: Mapping[str, Any] | None) -> tuple[AbstractFileSystem, str]:
    """Return the fsspec file system of a URL, and the URL as a path in it.

    Raises
    ------
    CollectionError
        The scheme of the URL is unknown to fsspec, or the library that it wants isn't installed and
        obstore has none.
    MissingExtraError
        Neither that library nor obstore is installed.
    """
    from fsspec.core import url_to_fs

    try:
        found: tuple[AbstractFileSystem, str] = url_to_fs(url, **(options or {}))
    except ImportError as error:
        if url.partition("://")[0] in _OBSTORE_SCHEMES:
            return _obstore_filesystem(url, options)
        raise CollectionError(f"{url!r} can't be listed: {error}") from error
    except ValueError as error:
        raise CollectionError(f"{url!r} can't be listed: {error}") from error
    return found


def _obstore_filesystem(
    url: str, options: Mapping[str, Any] | None
) -> tuple[AbstractFileSystem, str]:
    try:
        from obstore.fsspec import FsspecStore
    except ImportError as error:
        raise MissingExtraError("obstore", "cloud") from error
    protocol, _, inner = url.partition("://")
    store: AbstractFileSystem = FsspecStore(protocol, **(options or {}))  # type: ignore[call-overload]
    return store, inner


def list_local(globs: Iterable[str]) -> list[str]:
    """Return the local files that any of some shell patterns match, sorted."""
    found = {path.replace(os.sep, "/") for pattern in globs for path in glob(pattern)}
    return sorted(path for path in found if os.path.isfile(path))


def list_remote(filesystem: AbstractFileSystem, globs: Iterable[str]) -> list[str]:
    """Return the objects of a file system that any of some shell patterns match, sorted.

    Raises
    ------
    CollectionError
        The store can't be listed.
    """
    found: set[str] = set()
    for pattern in globs:
        try:
            paths = filesystem.glob(pattern)
        except store_errors() as error:
            reason = str(error).partition("\n")[0]
            raise CollectionError(f"{pattern!r} can't be listed: {reason}") from error
        # obstore gives None when its store can't even be made of the options.
        if paths is None:
            raise CollectionError(f"{pattern!r} can't be listed; check storage_options")
        found.update(map(str, paths))
    return sorted(found)


def store_errors() -> tuple[type[Exception], ...]:
    """Return the classes of what file systems fail with."""
    try:
        from obstore.exceptions import BaseError
    except ImportError:
        return (OSError,)
    return OSError, BaseError


def fingerprint(path: str) -> tuple[int, int] | None:
    """Return modification time (ns) and size of a local file; None for what isn't local.

    Raises
    ------
    FileNotFoundError
        The local file doesn't exist.
    """
    if not is_local(path) or path.startswith("/vsi"):
        return None
    status = os.stat(path)
    return status.st_mtime_ns, status.st_size


def read_by_gdal(path: str, options: Mapping[str, Any] | None) -> bool:
    """Whether GDAL itself reads a path, rather than fsspec for it."""
    return is_local(path) or (path.partition("://")[0] in _GDAL_SCHEMES and not options)


def reading_env(path: str) -> AbstractContextManager[Any]:
    """Return what a raster is opened and read in; the same for both, as GDAL asks at each request.

    Parameters
    ----------
    path
        Path or URL: for a URL, requests that fail are repeated, and none waits for ever.
    """
    if is_local(path):
        return nullcontext()
    patience = {name: text for name, text in _PATIENCE.items() if name not in os.environ}
    # Looking for side-car files of an object costs more than reading its header.
    env: AbstractContextManager[Any] = rasterio.Env(
        GDAL_DISABLE_READDIR_ON_OPEN="EMPTY_DIR", **patience
    )
    return env


def forget_remote(path: str) -> None:
    """Let GDAL forget what it knows of a URL: also that there was nothing."""
    inside = path.replace("gcs://", "gs://")
    scheme, _, rest = inside.partition("://")
    place = f"/vsicurl/{path}" if scheme.startswith("http") else f"/vsi{scheme}/{rest}"
    # There is no call for it from Python, but what isn't to be kept is dropped when it is closed.
    settings = {
        "CPL_VSIL_CURL_NON_CACHED": place,
        "GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR",
        "GDAL_HTTP_MAX_RETRY": "0",
        "GDAL_HTTP_TIMEOUT": "5",
    }
    with (
        rasterio.Env(**settings),
        suppress(RasterioError, OSError),
    ):
        rasterio.open(path).close()


def open_raster(
    path: str, options: Mapping[str, Any] | None, *, overview: int | None = None
) -> Any:
    """Open a raster file with GDAL.

    Parameters
    ----------
    path
        Path or URL.
    options
        Options of the fsspec file system. With them, or with a scheme that GDAL doesn't know, GDAL
        reads through fsspec.
    overview
        Index of the overview to open instead of the full resolution, 0 being the finest.

    Returns
    -------
    rasterio.DatasetReader
        Use it in one thread only.
    """
    level = {} if overview is None else {"overview_level": overview}
    if is_local(path):
        return rasterio.open(path, **level)
    with reading_env(path):
        if read_by_gdal(path, options):
            return rasterio.open(path, **level)
        store, inner = filesystem(path, options)

        def opener(wanted: str, mode: str = "rb", **_: object) -> io.BufferedReader:
            return io.BufferedReader(_RangeFile(store, wanted), _READ_AHEAD)

        return rasterio.open(inner, opener=opener, **level)


class _RangeFile(io.RawIOBase):
    """An object read by ranges.

    Files of fsspec itself won't do: rasterio keeps its open files in a dict, and those of fsspec
    compare equal if they have the same path.
    """

    def __init__(self, store: AbstractFileSystem, path: str) -> None:
        self._store, self._path = store, path
        self._size = int(store.size(path))
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        origin = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._size}[whence]
        self._position = origin + offset
        return self._position

    def readinto(self, buffer: Any) -> int:
        stop = min(self._position + len(buffer), self._size)
        if stop <= self._position:
            return 0
        found = self._store.cat_file(self._path, start=self._position, end=stop)
        buffer[: len(found)] = found
        self._position += len(found)
        return len(found)
