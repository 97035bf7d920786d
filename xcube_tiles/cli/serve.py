"""`xcube-tiles serve`: map tiles and the map page."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from xcube_tiles.cli.conditions import pairs
from xcube_tiles.errors import MissingExtraError

Host = Annotated[str, typer.Option(help="Address to listen at; 0.0.0.0 lets others in.")]
Port = Annotated[int, typer.Option(min=0, max=65535, help="Port; 0 takes any that is free.")]

_DRIVER = "TC_DRIVER_PATH"
# Where Terracotta's users name their database.


def serve(
    catalog: Annotated[str | None, typer.Argument(help="Path or URL of a catalog.")] = None,
    collection: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=PATTERN",
            help="Serve files as they are, as a layer of this name; a path pattern in quotes, a "
            "saved table, or a file. Can be repeated.",
        ),
    ] = None,
    raster_pattern: Annotated[
        str | None,
        typer.Option(
            "--raster-pattern",
            "-r",
            metavar="PATTERN",
            help="Serve the files of a path pattern by their keys, at Terracotta's addresses.",
        ),
    ] = None,
    database: Annotated[
        str | None,
        typer.Option(
            "--database",
            "-d",
            metavar="DB",
            help="The same for the rasters of a database, ours or Terracotta's.",
        ),
    ] = None,
    rgb_key: Annotated[
        str | None, typer.Option(help="Key of red, green and blue, if it isn't the last one.")
    ] = None,
    mosaic: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KEY",
            help="Key whose values lie side by side in one layer, as the tiles of a satellite's "
            "scenes do; `auto` finds them out. Can be repeated.",
        ),
    ] = None,
    host: Annotated[
        str | None,
        typer.Option(help="Address to listen at; 0.0.0.0 lets others in. [default: 127.0.0.1]"),
    ] = None,
    port: Annotated[
        int | None,
        typer.Option(min=0, max=65535, help="Port; 0 takes any that is free. [default: 8000]"),
    ] = None,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Processes that answer. [default: 1]")
    ] = None,
    tile_cache: Annotated[
        int | None,
        typer.Option(min=0, help="Bytes of tiles that each process keeps in memory. [default: 0]"),
    ] = None,
    tile_cache_redis: Annotated[
        str | None,
        typer.Option(metavar="URL", help="Redis where all processes and machines keep tiles, too."),
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option(
            "--config",
            "-c",
            help="TOML file of settings; options and variables XCUBE_TILES_... count before it.",
        ),
    ] = None,
) -> None:
    """Serve a map of a catalog, or of files as they are."""
    if raster_pattern and database:
        raise typer.BadParameter("choose one of both", param_hint="--raster-pattern, --database")
    try:
        from xcube_tiles.server.operations.serving import serve as serve_settings
        from xcube_tiles.server.settings import load_settings
    except ModuleNotFoundError as error:
        raise MissingExtraError(error.name or "fastapi", "server") from error
    settings = load_settings(
        config,
        catalog=catalog,
        collections=pairs(collection, option="--collection") or None,
        rasters=raster_pattern or database,
        rgb_key=rgb_key,
        mosaic="auto" if mosaic == ["auto"] else mosaic or None,
        host=host,
        port=port,
        workers=workers,
        tile_cache=tile_cache,
        tile_cache_redis=tile_cache_redis,
    )
    if not (settings.catalog or settings.collections or settings.rasters or _DRIVER in os.environ):
        raise typer.BadParameter(
            "give a catalog, --collection, --raster-pattern or --database", param_hint="CATALOG"
        )
    serve_settings(settings, announce=_announce)


def serve_map(catalog: str | None, collections: Mapping[str, str], *, host: str, port: int) -> None:
    """Serve a catalog and collections, given by name and pattern, until Ctrl+C."""
    from xcube_tiles.sources.opening import open_rasters

    try:
        from xcube_tiles.server.app import create_app
        from xcube_tiles.server.run import run
    except ModuleNotFoundError as error:
        raise MissingExtraError(error.name or "fastapi", "server") from error
    files = {name: open_rasters(source) for name, source in collections.items()}
    app = create_app(catalog, collections=files)
    run(app, host=host, port=port, announce=_announce)


def _announce(address: str) -> None:
    typer.echo(f"The map is at {typer.style(address, bold=True)} (Ctrl+C ends it)")
