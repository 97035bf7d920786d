"""`xcube-tiles ingest`: files into a table that a server serves."""

from typing import TYPE_CHECKING, Annotated

import typer

from xcube_tiles.errors import CollectionError

if TYPE_CHECKING:
    from xcube_tiles.sources.collection import Collection
    from xcube_tiles.sources.raster import Raster


def ingest(
    pattern: Annotated[
        str,
        typer.Argument(
            help="Path with keys in braces, quoted: 'data/{sensor}_{date}_{band}.tif'; or a "
            "database of Terracotta, to move it."
        ),
    ],
    database: Annotated[
        str | None,
        typer.Argument(help="An SQLite file, or the URL of a PostgreSQL or MariaDB database."),
    ] = None,
    output: Annotated[
        str | None,
        typer.Option("--output-file", "-o", metavar="DB", help="The same, as Terracotta has it."),
    ] = None,
    skip_metadata: Annotated[
        bool, typer.Option("--skip-metadata", help="Compute statistics when they are asked for.")
    ] = False,
    rgb_key: Annotated[
        str | None, typer.Option(help="Key that goes last, whose values are red, green, blue.")
    ] = None,
    skip_existing: Annotated[
        bool, typer.Option("--skip-existing", help="Leave out rasters that are in the table.")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Show no progress.")] = False,
) -> None:
    """Put raster files into a table, with their statistics; all of them or none."""
    if (database is None) == (output is None):
        raise typer.BadParameter("give a database once, after the pattern or by -o")
    target = str(database or output)
    files = _found(pattern, rgb_key)
    known = _known(target, files)
    if known is not None and skip_existing:
        there = {tuple(raster.keys.values()) for raster in known}
        rows = [raster for raster in files if tuple(raster.keys.values()) not in there]
        files = _of(files, rows)
    if not skip_metadata and len(files):
        files = files.compute_statistics(progress=not quiet)
    files.save(target, if_exists="update")
    if not quiet:
        typer.echo(f"{len(files)} {'raster' if len(files) == 1 else 'rasters'} put into {target}")


def _found(pattern: str, rgb_key: str | None) -> "Collection":
    from xcube_tiles.sources.opening import is_database
    from xcube_tiles.sources.terracotta_record import without_foreign_scales
    from xcube_tiles.sources.terracotta_table import open_keyed

    rasters = open_keyed(pattern)
    if rgb_key is not None:
        rasters = rasters.with_last(rgb_key)
    files = rasters.collection()
    return without_foreign_scales(files) if is_database(pattern) and rasters.stored else files


def _known(target: str, files: "Collection") -> "Collection | None":
    """Return what a table holds, None if there is none; refuse one that can't take the files."""
    from xcube_tiles.sources.collection import Collection
    from xcube_tiles.sources.terracotta import holds_terracotta

    try:
        foreign = holds_terracotta(target)
        known = Collection.open(target)
    except CollectionError:
        return None  # nothing is there yet; what else is wrong, saving says
    if foreign:
        raise CollectionError(
            f"{target!r} is a database of Terracotta, which stays as it is; name another, and move "
            f"it: xcube-tiles ingest {target} NEW.sqlite"
        )
    if known.key_types != files.key_types or known.keys != files.keys:
        raise CollectionError(
            f"{target!r} has the keys {', '.join(known.keys)}; these files have "
            f"{', '.join(files.keys)}. Name the keys of the pattern alike, in the same order"
        )
    return known


def _of(files: "Collection", rows: "list[Raster]") -> "Collection":
    from xcube_tiles.sources.keys import Key

    keys = [Key(name=name, type=kind) for name, kind in files.key_types.items()]
    return type(files)(rows, keys=keys)
