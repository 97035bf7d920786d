"""All settings of a server: from the command line, the environment, a file."""

import os
from collections.abc import Iterator, Mapping
from contextvars import ContextVar
from difflib import get_close_matches
from pathlib import Path
from types import UnionType
from typing import Any, Literal, get_args

from fastapi import FastAPI
from pydantic import BaseModel, Field, ValidationError
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)
from pydantic_settings import SettingsError as UnreadableError

from xcube_tiles.errors import SettingsError
from xcube_tiles.server.app import create_app
from xcube_tiles.server.caching import RedisTileCache
from xcube_tiles.server.library import REFRESH_SECONDS
from xcube_tiles.server.operations.access import ApiKey
from xcube_tiles.server.operations.limits import Limits
from xcube_tiles.server.operations.logs import LogFormat, configure
from xcube_tiles.server.operations.process import settle
from xcube_tiles.server.operations.rates import Rate
from xcube_tiles.server.run import HOST, PORT
from xcube_tiles.server.terracotta.mount import chosen_rasters
from xcube_tiles.sources.opening import open_rasters

PREFIX = "XCUBE_TILES_"
CONFIG = f"{PREFIX}CONFIG"
"""Variable that names the file."""

# `Settings` asks for its sources where no argument of ours reaches.
_FILE: ContextVar[str | None] = ContextVar("xcube_tiles_settings_file", default=None)

# Variables with our prefix that others read: the build and the tests of this package.
_OF_OTHERS = ("SKIP_VIEWER", "TEST_", "DATA", "POSTGRESQL", "MARIADB", "CONFIG")


class Settings(BaseSettings):
    """All settings of a server.

    What is given by name counts before variables of the environment, these before the TOML file,
    and that before the defaults. A variable is `XCUBE_TILES_` and the name, in capitals; what lies
    within another has two underscores: `XCUBE_TILES_LIMITS__TIMEOUT=10`. Lists and tables are JSON
    there.
    """

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_nested_delimiter="__", extra="forbid", frozen=True
    )

    catalog: str | None = None
    """Path or URL of the catalog."""

    collections: dict[str, str] = {}
    """Files to serve as they are: path patterns, saved tables or files by the names of layers."""

    rasters: str | None = None
    """Rasters to serve by their keys, at the addresses of Terracotta: a path pattern, or a database
    of ours or of Terracotta."""

    rgb_key: str | None = None
    """Key of `rasters` whose values are red, green and blue, if it isn't the last one."""

    mosaic: list[str] | Literal["auto"] | None = None
    """Keys of `rasters` and `collections` whose values lie side by side in one layer; `auto`: those
    along which rasters cover different areas. By default each layer has one grid."""

    origins: list[str] = ["*"]
    """Sites whose pages may ask."""

    max_age: int = Field(default=0, ge=0)
    """Seconds for which browsers use a tile without asking."""

    refresh: float = Field(default=REFRESH_SECONDS, ge=0)
    """Seconds for which an opened layer is used without looking whether it has changed."""

    tile_cache: int = Field(default=0, ge=0)
    """Bytes of tiles that each process keeps in memory."""

    tile_cache_redis: str | None = Field(default=None, pattern="^(redis|rediss|unix)://.")
    """Redis in which all processes and machines keep tiles, too: `redis://host:6379/0`."""

    tile_cache_ttl: int = Field(default=86_400, ge=1)
    """Seconds for which tiles are kept in Redis."""

    tile_cache_prefix: str = Field(default="xcube_tiles", min_length=1)
    """Begin of the keys in Redis; servers that share tiles have the same."""

    tile_cache_timeout: float = Field(default=0.1, gt=0)
    """Seconds that a request waits for Redis; then the tile is drawn."""

    host: str = HOST
    """Address to listen at; `0.0.0.0` lets others in."""

    port: int = Field(default=PORT, ge=0, le=65535)
    """Port to listen at; 0 takes any that is free."""

    workers: int = Field(default=1, ge=1)
    """Processes that answer."""

    shutdown: float = Field(default=30.0, gt=0)
    """Seconds that requests in flight have to finish when the server is told to stop."""

    log: LogFormat = "human"
    """`human`: lines of text; `json`: an object on each line."""

    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] | None = None
    """Lowest level that is written; requests are INFO. By default that, but WARNING for humans."""

    metrics: bool = True
    """Whether `/metrics` tells what the server does."""

    limits: Limits = Limits()
    """What a request may ask for at most."""

    keys: dict[str, ApiKey] = {}
    """Keys by name: `sha256` and `layers`."""

    public: list[str] | None = None
    """Layers that need no key, with `*` and `?`. By default all if there are no keys, else none."""

    rate: Rate | None = None
    """How often each key, or each address without a key, may ask one process: `requests` per
    second and `burst`. By default as often as they like."""

    @property
    def level(self) -> str:
        """Lowest level of the log."""
        return self.log_level or ("INFO" if self.log == "json" else "WARNING")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Return where settings come from, the first counts most."""
        config = _FILE.get()
        file = TomlConfigSettingsSource(settings_cls, config) if config else None
        return init_settings, env_settings, *((file,) if file else ())


def load_settings(config: str | os.PathLike[str] | None = None, **given: object) -> Settings:
    """Return the settings of a server.

    Parameters
    ----------
    config
        TOML file; None: the one that `XCUBE_TILES_CONFIG` names, if it does.
    **given
        Settings by name; those that are None aren't given.

    Raises
    ------
    SettingsError
        A file that isn't there or isn't TOML, a name that isn't known, or a value that can't be.

    Examples
    --------
    >>> load_settings(port=8080, limits={"timeout": 10}).limits.timeout
    10.0
    >>> load_settings(max_ages=60)
    Traceback (most recent call last):
      ...
    xcube_tiles.errors.SettingsError: max_ages: there is no such setting; did you mean max_age?
    """
    file = os.environ.get(CONFIG) if config is None else os.fspath(config)
    if file and not Path(file).is_file():
        raise SettingsError(f"there is no file {file!r} to read settings from")
    _refuse_unknown_variables()
    token = _FILE.set(file)
    try:
        return Settings(**{name: value for name, value in given.items() if value is not None})  # type: ignore[arg-type]
    except ValidationError as error:
        raise SettingsError("; ".join(map(_trouble, error.errors()))) from None
    except UnreadableError as error:
        raise SettingsError(f"{error}: expected JSON, {error.__cause__}") from error
    except (ValueError, OSError) as error:  # no TOML
        raise SettingsError(f"{file}: {error}") from error
    finally:
        _FILE.reset(token)


def app_from_settings(settings: Settings) -> FastAPI:
    """Return the application that settings describe.

    Raises
    ------
    CatalogError
        There is no catalog at that place.
    """
    shelf, origins = chosen_rasters(settings.rasters, settings.rgb_key, refresh=settings.refresh)
    return create_app(
        settings.catalog,
        rasters=shelf,
        mosaic=settings.mosaic,
        collections={name: open_rasters(given) for name, given in settings.collections.items()},
        origins=origins
        if "origins" not in settings.model_fields_set and origins
        else settings.origins,
        max_age=settings.max_age,
        refresh=settings.refresh,
        tile_cache=settings.tile_cache,
        tile_cache_redis=_redis(settings),
        limits=settings.limits,
        keys=settings.keys,
        public=settings.public,
        rate=settings.rate,
        metrics=settings.metrics,
        workers=settings.workers,
    )


def _redis(settings: Settings) -> RedisTileCache | None:
    if settings.tile_cache_redis is None:
        return None
    return RedisTileCache(
        settings.tile_cache_redis,
        ttl=settings.tile_cache_ttl,
        prefix=settings.tile_cache_prefix,
        timeout=settings.tile_cache_timeout,
    )


def app_from_environment() -> FastAPI:
    """Return the application that the environment describes.

    For several processes, or behind a process manager::

        export XCUBE_TILES_CATALOG=s3://bucket/catalog.zarr
        uvicorn --factory xcube_tiles.server.settings:app_from_environment --workers 4

    Raises
    ------
    CatalogError
        There is no catalog at that place.
    SettingsError
        A variable whose text isn't of the right type, or whose name isn't known; the text names it.
    """
    settings = load_settings()
    configure(settings.log, settings.level)
    app = app_from_settings(settings)
    settle()
    return app


def _refuse_unknown_variables() -> None:
    # A misspelt variable would otherwise be left unread without a word.
    known = set(_names(Settings))
    for variable in sorted(os.environ):
        name = variable.removeprefix(PREFIX)
        if name == variable or name.startswith(_OF_OTHERS):
            continue
        dotted = name.lower().replace("__", ".")
        if dotted not in known and not dotted.startswith("keys."):
            raise SettingsError(f"{variable}: {_unknown(dotted, as_variable=True)}")


def _names(model: type[BaseModel], above: str = "") -> Iterator[str]:
    """Yield the names of all settings, those within others with dots."""
    for name, field in model.model_fields.items():
        yield above + name
        kind: Any = field.annotation
        kinds = get_args(kind) if isinstance(kind, UnionType) else (kind,)
        for one in kinds:
            if isinstance(one, type) and issubclass(one, BaseModel):
                yield from _names(one, f"{above}{name}.")


def _unknown(name: str, *, as_variable: bool = False) -> str:
    known = list(_names(Settings))
    near = get_close_matches(name, known, n=2, cutoff=0.6)
    shown = [
        PREFIX + one.upper().replace(".", "__") if as_variable else one for one in near or known
    ]
    said = f"did you mean {' or '.join(shown)}?" if near else f"there are {', '.join(shown)}"
    return f"there is no such setting; {said}"


def _trouble(error: Mapping[str, Any]) -> str:
    name = ".".join(map(str, error["loc"]))
    if error["type"] == "extra_forbidden":
        return f"{name}: {_unknown(name)}"
    # What stands in the place of a key's hash may be the key itself; addresses have passwords.
    secret = name.startswith(("keys", "tile_cache_redis"))
    got = "" if secret else f", got {error['input']!r}"
    return f"{name}: {error['msg']}{got}"
