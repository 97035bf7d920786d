"""`xcube-tiles demo`: all of it, step by step, with the code to do it oneself."""

from pathlib import Path
from shlex import quote
from textwrap import fill, indent
from typing import Annotated

import typer

from xcube_tiles.cli.serve import Host, Port, serve_map

_WIDTH = 88


def demo(
    folder: Annotated[
        Path, typer.Option(help="Where files go; what is there already is used again.")
    ] = Path("demo-data"),
    size: Annotated[int, typer.Option(min=16, help="Rows and columns of the images.")] = 2048,
    dates: Annotated[int, typer.Option(min=1, max=73, help="Number of images.")] = 12,
    host: Host = "127.0.0.1",
    port: Port = 8000,
    serve: Annotated[bool, typer.Option("--serve/--no-serve", help="Show the map.")] = True,
) -> None:
    """Make a scene, and show the way from its files to a map."""
    from xcube_tiles.testing.demo import Demo

    shown = Demo(folder, size=size, dates=dates)
    for number, step in enumerate(shown.steps, 1):
        _say(f"{number} of {len(shown.steps)}: {step.title}", step.text)
        typer.secho(indent(step.code, "    "), fg="cyan")
        if not shown.run(step):
            typer.secho(f"(is there already: {step.makes})", dim=True)
    _say("Look at it", "The images are served as they are, beside the layers of the catalog:")
    images = f"images={shown.images}"
    command = f"xcube-tiles serve {quote(str(shown.catalog))} --collection {quote(images)}"
    typer.secho(f"    {command}\n", fg="cyan")
    typer.echo(f"The code of all steps is in {shown.script}.")
    if serve:
        serve_map(str(shown.catalog), {"images": shown.images}, host=host, port=port)


def _say(title: str, text: str) -> None:
    typer.echo()
    typer.secho(title, bold=True)
    typer.echo(f"{fill(text, _WIDTH)}\n")
