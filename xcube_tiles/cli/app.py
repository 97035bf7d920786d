"""The table of subcommands, and what becomes of errors."""

from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from xcube_tiles._version import __version__
from xcube_tiles.cli.cog import cog, link
from xcube_tiles.cli.connect import connect
from xcube_tiles.cli.demo import demo
from xcube_tiles.cli.info import info
from xcube_tiles.cli.ingest import ingest
from xcube_tiles.cli.optimize import optimize
from xcube_tiles.cli.pyramid import pyramid
from xcube_tiles.cli.scan import scan
from xcube_tiles.cli.serve import serve
from xcube_tiles.cli.verify import verify
from xcube_tiles.errors import XcubeTilesError


class _Commands(TyperGroup):
    """Prints known errors as a line each; any other is a bug and keeps its traceback."""

    def invoke(self, ctx: Any) -> object:
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            raise  # the reader of our output is gone, as in `... | head`: no error of anybody
        except (XcubeTilesError, OSError) as error:
            typer.echo(f"{typer.style('error:', fg='red', bold=True)} {error}", err=True)
            raise typer.Exit(1) from error


app = typer.Typer(
    name="xcube-tiles",
    cls=_Commands,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Tiled datacubes: keyed rasters in, pyramids and map tiles out.",
)


def _version(asked: bool) -> None:
    if asked:
        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    # The options of the command itself; each does its work in its callback.
    del version


for _command in (demo, scan, info, pyramid, verify, cog, link, optimize, ingest, serve, connect):
    app.command()(_command)


def main() -> None:
    """Run the command with the arguments of the process."""
    app()
