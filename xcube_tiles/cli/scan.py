"""`xcube-tiles scan`: find files, show their keys, keep the table."""

from typing import Annotated

import typer

from xcube_tiles.cli.conditions import Where, conditions


def scan(
    pattern: Annotated[
        str,
        typer.Argument(
            help="Path with keys in braces, quoted: 'data/{sensor}_{date}_{band}.tif'; or a table "
            "that was saved before."
        ),
    ],
    where: Where = None,
    statistics: Annotated[
        bool, typer.Option("--statistics", help="Compute the statistics of every raster.")
    ] = False,
    save: Annotated[
        str | None,
        typer.Option(
            metavar="DB",
            help="Keep the table: an SQLite file, or the URL of a PostgreSQL or MariaDB database.",
        ),
    ] = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="Replace a table that is there.")
    ] = False,
) -> None:
    """Find raster files by a pattern and show their keys."""
    from xcube_tiles.sources.opening import open_rasters

    files = open_rasters(pattern).where(**conditions(where))
    if statistics:
        files = files.compute_statistics()
    typer.echo(repr(files))
    if statistics:
        table = files.to_pandas().drop(columns=["path", "raster_band"])
        typer.echo(table.to_string(index=False, float_format="{:.4g}".format))
    if save is not None:
        files.save(save, if_exists="replace" if replace else "error")
        typer.echo(f"saved to {save}")
