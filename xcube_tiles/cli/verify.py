"""`xcube-tiles verify`: whether the layers of a catalog are whole."""

import json
from typing import Annotated

import typer


def verify(
    catalog: Annotated[str, typer.Argument(help="Path or URL of the catalog.")],
    layer: Annotated[str | None, typer.Option(help="One layer; by default all.")] = None,
    *,
    deep: Annotated[bool, typer.Option("--deep", help="Read and compare all cells.")] = False,
    checksums: Annotated[
        bool, typer.Option(help="Compare all bytes with their checksums, where there are.")
    ] = True,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Name what is broken in a catalog; the exit status is 1 if anything is."""
    from xcube_tiles.catalog.reader import open_catalog

    report = open_catalog(catalog).verify(layer, deep=deep, checksums=checksums)
    typer.echo(json.dumps(report.as_json(), indent=1) if as_json else str(report))
    if not report.ok:
        raise typer.Exit(1)
