"""`xcube-tiles cog` and `xcube-tiles link`: layers to GeoTIFFs, and GeoTIFFs as layers."""

from typing import TYPE_CHECKING, Annotated, cast

import typer

from xcube_tiles.cli.conditions import Where, conditions

if TYPE_CHECKING:
    from xcube_tiles.catalog.cog.encoding import Compression


def cog(
    catalog: Annotated[str, typer.Argument(help="Path or URL of the catalog.")],
    layer: Annotated[str, typer.Argument(help="Name of the layer.")],
    path: Annotated[
        str, typer.Argument(help="GeoTIFF; with {time} or {band} in quotes, a file of each.")
    ],
    time: Annotated[str | None, typer.Option(help="An instant or period; a range as A..B.")] = None,
    bands: Annotated[str | None, typer.Option(help="Variables, parted by commas.")] = None,
    compression: Annotated[str, typer.Option(help="deflate, zstd, lzw, lerc or none.")] = "deflate",
    level: Annotated[int | None, typer.Option(help="Effort of deflate or zstd.")] = None,
    max_error: Annotated[
        float, typer.Option(help="Largest difference that lerc may make, in units of the cells.")
    ] = 0.0,
    block_size: Annotated[int, typer.Option(help="Edge of the tiles in cells.")] = 512,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace files that are there.")
    ] = False,
) -> None:
    """Write a layer as Cloud Optimized GeoTIFFs."""
    from xcube_tiles.catalog.cog.export import to_cog
    from xcube_tiles.catalog.reader import open_catalog

    found = open_catalog(catalog)
    whole = time is None and bands is None
    first, dots, last = (time or "").partition("..")
    paths = to_cog(
        found[layer]
        if whole
        else found.read(
            layer,
            time=(first or None, last or None) if dots else time,
            bands=None if bands is None else bands.split(","),
        ),
        path,
        compression=cast("Compression", compression),
        level=level,
        max_error=max_error,
        block_size=block_size,
        overwrite=overwrite,
    )
    typer.echo("\n".join(map(str, paths)))


def link(
    source: Annotated[
        str, typer.Argument(help="A GeoTIFF, a path pattern in quotes, or a saved table.")
    ],
    catalog: Annotated[str, typer.Argument(help="Path or URL of the catalog; made if absent.")],
    layer: Annotated[str, typer.Argument(help="Name of the layer.")],
    where: Where = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace a layer of that name; its files stay.")
    ] = False,
) -> None:
    """Make GeoTIFFs a layer in place: no cell is copied."""
    from xcube_tiles.catalog.cog.linking import link_cogs
    from xcube_tiles.sources.opening import open_rasters

    files = open_rasters(source).where(**conditions(where))
    typer.echo(repr(link_cogs(catalog, layer, files, overwrite=overwrite)))
