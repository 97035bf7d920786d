"""`xcube-tiles serve`: map tiles and the map page."""

from collections.abc import Mapping
from typing import Annotated

import typer

from xcube_tiles.cli.conditions import pairs
from xcube_tiles.errors import MissingExtraError

Host = Annotated[str, typer.Option(help="Address to listen at; 0.0.0.0 lets others in.")]
Port = Annotated[int, typer.Option(min=0, max=65535, help="Port; 0 takes any that is free.")]


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
    host: Host = "127.0.0.1",
    port: Port = 8000,
) -> None:
    """Serve a map of a catalog, or of files as they are."""
    if catalog is None and not collection:
        raise typer.BadParameter("give a catalog, --collection, or both", param_hint="CATALOG")
    serve_map(catalog, pairs(collection, option="--collection"), host=host, port=port)


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
