"""What Terracotta's settings decide, and the variables of the environment that hold them."""

from __future__ import annotations

import json
import logging
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from xcube_tiles.errors import SettingsError
from xcube_tiles.render.terracotta.values import Size
from xcube_tiles.sources.remote_database import TTL_SECONDS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from xcube_tiles.render.terracotta.values import Method

PREFIX = "TC_"
SERVERS = ("postgresql", "mysql", "mariadb")
"""Begin of the URLs of databases on servers."""

TILE_SIZE = Size(256, 256)
VERSION = "0.10.1"
"""Version of Terracotta whose interface this is: its clients ask for it."""

_LOG = logging.getLogger("xcube_tiles.server.terracotta")

_METHODS: dict[str, Method] = {
    "nearest": "nearest",
    "linear": "linear",
    "cubic": "linear",
    "average": "average",
}
# What this server has no use for, and why; whoever moves wants to know.
_WITHOUT_EFFECT = {
    "DRIVER_PROVIDER": "the path of the database says what it is",
    "DEBUG": "errors go to the log",
    "FLASK_PROFILE": "there is no Flask",
    "XRAY_PROFILE": "see /metrics",
    "LOGLEVEL": "see XCUBE_TILES_LOG_LEVEL",
    "RASTER_CACHE_COMPRESS_LEVEL": "pictures are kept, which are compressed already",
    "RASTER_AWS_ACCESS_KEY": "GDAL reads AWS_ACCESS_KEY_ID",
    "RASTER_AWS_SECRET_KEY": "GDAL reads AWS_SECRET_ACCESS_KEY",
    "RASTER_AWS_S3_ENDPOINT": "GDAL reads AWS_S3_ENDPOINT",
    "PNG_COMPRESS_LEVEL": "the level is 1",
    "REPROJECTION_METHOD": "TC_RESAMPLING_METHOD counts for both",
    "ALLOWED_ORIGINS_TILES": "TC_ALLOWED_ORIGINS_METADATA counts for all answers",
    "USE_MULTIPROCESSING": "tiles are drawn in threads",
    "TESTING": "it is Terracotta's own",
}
_READ = (
    "DRIVER_PATH",
    "SQL_USER",
    "SQL_PASSWORD",
    "ALLOWED_ORIGINS_METADATA",
    "RESAMPLING_METHOD",
    "DEFAULT_TILE_SIZE",
    "LAZY_LOADING_MAX_SHAPE",
    "MAX_POST_METADATA_KEYS",
    "RASTER_CACHE_SIZE",
    "EXTRA_CMAP_FOLDER",
    "DB_CONNECTION_TIMEOUT",
    "REMOTE_DB_CACHE_DIR",
    "REMOTE_DB_CACHE_TTL",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class TerracottaOptions:
    """What can be chosen about answers in Terracotta's way."""

    tile_size: Size = TILE_SIZE
    """Size of a picture unless a request gives another."""

    resampling: Method = "average"
    """How a pixel gets its value."""

    lazy_shape: tuple[int, int] = (1024, 1024)
    """Rows and columns that are read at most for statistics that nobody has computed before."""

    most_posted: int = 100
    """Rasters whose metadata one request may ask for."""

    cache_bytes: int = 64 * 2**20
    """Bytes of drawn pictures that are kept."""

    colormap_folder: str | None = None
    """Folder of colour maps of one's own: files ``NAME_rgba.npy`` of uint8 (255, 4)."""

    remote_folder: str | None = None
    """Folder of the copy of an SQLite database on an object store; None: a temporary one."""

    remote_seconds: float = TTL_SECONDS
    """Seconds for which the store isn't asked whether it has another one."""


def options_from_environment(
    environment: Mapping[str, str] | None = None,
) -> tuple[TerracottaOptions, dict[str, Any]]:
    """Return what the variables ``TC_*`` say.

    Parameters
    ----------
    environment
        Variables by name; None: those of the process.

    Returns
    -------
    options
        What they decide about answers.
    others
        `driver_path` and `origins`, where they are set. User and password are in the path.

    Raises
    ------
    SettingsError
        A value that can't be; the text names the variable.

    Notes
    -----
    Variables without effect here, and those that Terracotta doesn't have, are named in the log.

    Examples
    --------
    >>> options, others = options_from_environment({"TC_DEFAULT_TILE_SIZE": "[512, 512]"})
    >>> options.tile_size
    Size(height=512, width=512)
    """
    given = {
        name.removeprefix(PREFIX): value
        for name, value in (os.environ if environment is None else environment).items()
        if name.startswith(PREFIX)
    }
    for name in sorted(given.keys() - set(_READ)):
        reason = _WITHOUT_EFFECT.get(name, "there is no such setting")
        _LOG.warning("%s%s has no effect: %s", PREFIX, name, reason)
    chosen: dict[str, Any] = {}
    if "RESAMPLING_METHOD" in given:
        chosen["resampling"] = _method(given["RESAMPLING_METHOD"])
    if "DEFAULT_TILE_SIZE" in given:
        chosen["tile_size"] = Size(*_pair("DEFAULT_TILE_SIZE", given["DEFAULT_TILE_SIZE"]))
    if "LAZY_LOADING_MAX_SHAPE" in given:
        chosen["lazy_shape"] = _pair("LAZY_LOADING_MAX_SHAPE", given["LAZY_LOADING_MAX_SHAPE"])
    for name, field in (
        ("MAX_POST_METADATA_KEYS", "most_posted"),
        ("RASTER_CACHE_SIZE", "cache_bytes"),
        ("REMOTE_DB_CACHE_TTL", "remote_seconds"),
    ):
        if name in given:
            chosen[field] = _whole(name, given[name])
    if given.get("EXTRA_CMAP_FOLDER"):
        chosen["colormap_folder"] = given["EXTRA_CMAP_FOLDER"]
    if given.get("REMOTE_DB_CACHE_DIR"):
        chosen["remote_folder"] = given["REMOTE_DB_CACHE_DIR"]
    return TerracottaOptions(**chosen), _others(given)


def _others(given: Mapping[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    path = given.get("DRIVER_PATH")
    if path:
        scheme, sign, rest = path.partition("://")
        if sign and "@" not in rest and given.get("SQL_USER"):
            password = given.get("SQL_PASSWORD", "")
            path = f"{scheme}://{given['SQL_USER']}:{password}@{rest}"
        if path.startswith(SERVERS) and "DB_CONNECTION_TIMEOUT" in given:
            seconds = _whole("DB_CONNECTION_TIMEOUT", given["DB_CONNECTION_TIMEOUT"])
            path += f"{'&' if '?' in path else '?'}connect_timeout={seconds}"
        found["driver_path"] = path
    if "ALLOWED_ORIGINS_METADATA" in given:
        origins = _json("ALLOWED_ORIGINS_METADATA", given["ALLOWED_ORIGINS_METADATA"])
        if not isinstance(origins, list) or not all(isinstance(one, str) for one in origins):
            raise _bad("ALLOWED_ORIGINS_METADATA", origins, 'a list such as ["*"]')
        found["origins"] = origins
    return found


def _method(name: str) -> Method:
    if name not in _METHODS:
        raise _bad("RESAMPLING_METHOD", name, f"one of {', '.join(_METHODS)}")
    if name == "cubic":
        _LOG.warning("TC_RESAMPLING_METHOD=cubic is drawn as linear")
    return _METHODS[name]


def _pair(name: str, text: str) -> tuple[int, int]:
    match _json(name, text):
        case [int(first), int(second)] if 1 <= first <= 65_536 and 1 <= second <= 65_536:
            return first, second
    raise _bad(name, text, "two numbers such as [256, 256]")


def _whole(name: str, text: str) -> int:
    if not text.isdecimal() or len(text) > 15:
        raise _bad(name, text, "a whole number")
    return int(text)


def _json(name: str, text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        raise _bad(name, text, "JSON") from None


def _bad(name: str, value: object, expected: str) -> SettingsError:
    return SettingsError(f"{PREFIX}{name}: expected {expected}, got {value!r}")
