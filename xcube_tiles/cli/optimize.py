"""`xcube-tiles optimize`: folders of rasters to COGs."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from xcube_tiles.errors import CollectionError

if TYPE_CHECKING:
    import xarray as xr

    from xcube_tiles.catalog.cog.encoding import Compression
    from xcube_tiles.catalog.cog.optimize import Optimized
    from xcube_tiles.typing import PyramidResampling

_SUFFIXES = (".tif", ".tiff", ".jp2", ".img", ".vrt")


def optimize(
    sources: Annotated[
        list[str],
        typer.Argument(help="Files, folders, or patterns in quotes: 'raw/*.tif', 'raw/{date}.tif'"),
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder of the COGs.")],
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace results that are there.")
    ] = False,
    skip_existing: Annotated[
        bool, typer.Option("--skip-existing", help="Leave out files whose result is there.")
    ] = False,
    reproject: Annotated[
        bool, typer.Option("--reproject", help="Warp to Web Mercator (EPSG:3857).")
    ] = False,
    resampling: Annotated[
        str | None,
        typer.Option(
            metavar="METHOD",
            help="How overviews are made: mean, nearest, mode, min, max, median or sum. Default: "
            "mode for files with a colour table, mean for others.",
        ),
    ] = None,
    compression: Annotated[str, typer.Option(help="deflate, zstd, lzw, lerc or none.")] = "deflate",
    level: Annotated[int | None, typer.Option(help="Effort of deflate or zstd.")] = None,
    max_error: Annotated[
        float, typer.Option(help="Largest difference that lerc may make, in units of the cells.")
    ] = 0.0,
    block_size: Annotated[int, typer.Option(help="Edge of the tiles in cells.")] = 512,
    jobs: Annotated[int, typer.Option("--jobs", "-j", min=1, help="Files at a time.")] = 1,
) -> None:
    """Rewrite rasters as Cloud Optimized GeoTIFFs of the same names."""
    from xcube_tiles.catalog.cog.encoding import CogEncoding
    from xcube_tiles.catalog.cog.optimize import OptimizeOptions
    from xcube_tiles.catalog.cog.optimize import optimize as run

    if overwrite and skip_existing:
        raise typer.BadParameter("choose one of both", param_hint="--overwrite, --skip-existing")
    encoding = CogEncoding(
        compression=cast("Compression", compression),
        level=level,
        max_error=max_error,
        block_size=block_size,
    )
    options = OptimizeOptions(
        encoding=encoding,
        if_exists="overwrite" if overwrite else "skip" if skip_existing else "error",
        reproject=reproject,
        resampling=cast("PyramidResampling | None", resampling),
    )
    paths = [path for source in sources for path in _found(source)]
    done = run(paths, output, _read, options, jobs=jobs, report=_report)
    outcomes = [each.outcome for each in done]
    counts = {what: outcomes.count(what) for what in ("written", "skipped", "failed")}
    typer.echo(", ".join(f"{count} {what}" for what, count in counts.items()))
    if failed := [each for each in done if each.outcome == "failed"]:
        for each in failed:
            typer.echo(f"failed: {each.source}: {each.error}", err=True)
        raise typer.Exit(1)


def _found(source: str) -> list[str]:
    from glob import glob

    from xcube_tiles.sources.collection import scan

    if Path(source).is_dir():
        found = sorted(p for p in Path(source).iterdir() if p.suffix.lower() in _SUFFIXES)
        paths = [str(path) for path in found]
    elif Path(source).exists():
        paths = [source]
    elif "{" in source:
        paths = list(dict.fromkeys(raster.path for raster in scan(source)))
    else:
        paths = sorted(glob(source, recursive=True))
    if not paths:
        raise CollectionError(f"no raster file at {source!r}")
    return paths


def _read(path: str) -> "xr.Dataset":
    from xcube_tiles.sources.opening import open_rasters

    rasters = open_rasters(path)
    return rasters.to_cube(scaled=False)[[str(raster.keys["band"]) for raster in rasters]]


def _report(done: "Optimized") -> None:
    if done.outcome != "failed":
        typer.echo(f"{done.outcome}: {done.target}")
