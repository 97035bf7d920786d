"""`xcube-tiles pyramid`: store rasters as a layer of a catalog."""

from typing import TYPE_CHECKING, Annotated, cast

import typer

from xcube_tiles.cli.conditions import Where, conditions, pairs

if TYPE_CHECKING:
    from xcube_tiles.typing import PyramidResampling


def pyramid(
    source: Annotated[
        str,
        typer.Argument(help="A raster file, a path pattern in quotes, or a saved table."),
    ],
    catalog: Annotated[str, typer.Argument(help="Path or URL of the catalog; made if absent.")],
    layer: Annotated[str, typer.Argument(help="Name of the layer.")],
    where: Where = None,
    scheme: Annotated[
        str, typer.Option(help="local, or a tile matrix set such as WebMercatorQuad.")
    ] = "local",
    resampling: Annotated[
        list[str] | None,
        typer.Option(
            metavar="METHOD",
            help="mean, nearest, mode, min, max, median or sum; for one variable VARIABLE=METHOD. "
            "Can be repeated.",
        ),
    ] = None,
    levels: Annotated[int | None, typer.Option(help="Number of levels.")] = None,
    min_valid: Annotated[
        float, typer.Option(help="Share of valid cells that a coarser cell needs, 0 to 1.")
    ] = 0.0,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace a layer of that name.")
    ] = False,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on where the same command ended early.")
    ] = False,
    sharded: Annotated[
        bool,
        typer.Option("--sharded/--no-sharded", help="Without shards GDAL before 3.13 reads it."),
    ] = True,
) -> None:
    """Store rasters as a layer of a catalog, at levels of halving resolution."""
    from xcube_tiles.catalog.writer import to_catalog
    from xcube_tiles.sources.opening import open_rasters

    cube = open_rasters(source).where(**conditions(where)).to_cube()
    written = to_catalog(
        cube,
        catalog,
        layer,
        scheme=scheme,
        resampling=_methods(resampling),
        levels=levels,
        min_valid=min_valid,
        overwrite=overwrite,
        resume=resume,
        sharded=sharded,
    )
    typer.echo(repr(written))


def _methods(texts: list[str] | None) -> "PyramidResampling | dict[str, PyramidResampling] | None":
    if not texts:
        return None
    if len(texts) == 1 and "=" not in texts[0]:
        return cast("PyramidResampling", texts[0])  # `to_catalog` checks it, and names the others
    return cast("dict[str, PyramidResampling]", pairs(texts, option="--resampling"))
