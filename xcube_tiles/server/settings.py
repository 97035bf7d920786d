"""The application from environment variables, for servers that start it themselves."""

from fastapi import FastAPI
from pydantic_settings import BaseSettings, SettingsConfigDict

from xcube_tiles.server.app import create_app
from xcube_tiles.server.library import REFRESH_SECONDS


class Settings(BaseSettings):
    """Parameters of `create_app` as environment variables with the prefix `XCUBE_TILES_`."""

    model_config = SettingsConfigDict(env_prefix="XCUBE_TILES_")

    catalog: str | None = None
    """Path or URL of the catalog."""

    origins: list[str] = ["*"]
    """Sites whose pages may ask, as JSON: `["https://maps.example"]`."""

    max_age: int = 0
    """Seconds for which browsers use a tile without asking."""

    refresh: float = REFRESH_SECONDS
    """Seconds for which an opened layer is used without looking whether it has changed."""


def app_from_environment() -> FastAPI:
    """Return the application that the environment describes.

    For several processes, or behind a process manager::

        export XCUBE_TILES_CATALOG=s3://bucket/catalog.zarr
        uvicorn --factory xcube_tiles.server.settings:app_from_environment --workers 4

    Raises
    ------
    CatalogError
        There is no catalog at that place.
    pydantic.ValidationError
        A variable whose text isn't of the right type; the text names it.
    """
    settings = Settings()
    return create_app(
        settings.catalog,
        origins=settings.origins,
        max_age=settings.max_age,
        refresh=settings.refresh,
    )
