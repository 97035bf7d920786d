"""`xcube-tiles info`: what a catalog, a layer, a table of rasters or a raster file holds."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from xcube_tiles.catalog.model import Catalog, Layer


def info(
    source: Annotated[
        str,
        typer.Argument(help="A catalog, a raster file, a path pattern, or a saved table."),
    ],
    layer: Annotated[str | None, typer.Argument(help="One layer of the catalog.")] = None,
) -> None:
    """Show what something holds, without reading a cell."""
    if layer is not None or _is_zarr(source):
        from xcube_tiles.catalog.reader import open_catalog

        catalog = open_catalog(source)
        lines = _catalog(catalog) if layer is None else _layer(catalog[layer])
        typer.echo("\n".join(lines))
        return
    from xcube_tiles.render.summary import summary_text
    from xcube_tiles.sources.opening import open_rasters

    files = open_rasters(source)
    shown = summary_text(files.to_cube()) if Path(source).is_file() and len(files) else repr(files)
    typer.echo(shown)


def _is_zarr(source: str) -> bool:
    return source.rstrip("/").endswith(".zarr") or Path(source).is_dir()


def _catalog(catalog: "Catalog") -> Iterator[str]:
    names = catalog.layers
    yield f"{catalog.url}: {len(names)} layer{'' if len(names) == 1 else 's'}"
    yield from (f"  {catalog[name]!r}" for name in names)


def _layer(layer: "Layer") -> Iterator[str]:
    xmin, ymin, xmax, ymax = layer.extent.bounds
    rows = {
        "layer": layer.name,
        "CRS": f"EPSG:{layer.crs.epsg}" if layer.crs.epsg else layer.crs.to_wkt(),
        "extent": f"x {xmin:.10g} to {xmax:.10g}, y {ymin:.10g} to {ymax:.10g}",
        "times": _times(layer),
        "made by": str(layer.metadata.get("software", "another program")),
    }
    yield from (f"{name:<10} {value}" for name, value in rows.items())
    methods = layer.metadata.get("resampling", {})
    for name in layer.variables:
        method = f", {methods[name]} of the finer cells" if name in methods else ""
        dims = ", ".join(layer.dims(name))
        yield f"{'variable':<10} {name} ({dims}): {layer.cell_type(name)}{method}"
    for level in layer.levels:
        rows_, cols = level.shape
        x_size, y_size = level.resolution
        cells = f"cells of {x_size:.6g} x {y_size:.6g}"
        yield f"{'level ' + str(level.number):<10} {rows_} x {cols}, {cells}"


def _times(layer: "Layer") -> str:
    times = layer.times
    if times is None or not len(times):
        return "none"
    return f"{len(times)}, {times.min():.16} to {times.max():.16}"
