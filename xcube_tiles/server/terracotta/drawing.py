"""Pictures of rasters by their keys: what a query asks for, and the bytes that answer it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from xcube_tiles.errors import ExpressionError
from xcube_tiles.render.terracotta.dialect import reads_bits, translated
from xcube_tiles.render.terracotta.picture import empty_png, label_png, ramp_png, rgb_png
from xcube_tiles.render.terracotta.transform import Operation, parse_transform
from xcube_tiles.render.terracotta.values import values_under, web_tile, whole
from xcube_tiles.server.terracotta import params
from xcube_tiles.server.terracotta.params import BadRequestError, End, Labels

if TYPE_CHECKING:
    from collections.abc import Sequence

    from odc.geo.geobox import GeoBox
    from starlette.datastructures import QueryParams

    from xcube_tiles.algebra.expression import Expression
    from xcube_tiles.render.terracotta.values import Method, Size
    from xcube_tiles.server.terracotta.options import TerracottaOptions
    from xcube_tiles.server.terracotta.shelf import Shelf
    from xcube_tiles.sources.terracotta import Texts
    from xcube_tiles.sources.terracotta_table import KeyedRasters

MOST_OPERANDS = 16
"""Operands of an expression: `v1` to `v16`."""

Tile = tuple[int, int, int]
"""Zoom, column, row."""


class Singleband(NamedTuple):
    """One raster in colours."""

    size: Size
    stretch: tuple[End, End]
    colormap: str | None
    labels: Labels | None
    transform: tuple[Operation, ...]


class Rgb(NamedTuple):
    """Three rasters as red, green and blue."""

    size: Size
    bands: tuple[str, ...]
    stretches: tuple[tuple[End, End], ...]
    transform: tuple[Operation, ...]


class Compute(NamedTuple):
    """An expression over rasters in colours."""

    size: Size
    bands: tuple[str, ...]
    operands: tuple[str, ...]
    expression: Expression
    flags: bool
    stretch: tuple[float, float]
    colormap: str | None


def singleband_of(query: QueryParams, options: TerracottaOptions) -> Singleband:
    """Return what a query asks for."""
    labels = params.labels_of(query)
    return Singleband(
        params.size_of(query, options.tile_size),
        params.stretch_of(query, "stretch_range"),
        params.colormap_of(query, options.colormap_folder, explicit=True),
        labels,
        _transform(query, 1),
    )


def rgb_of(query: QueryParams, options: TerracottaOptions) -> Rgb:
    """Return what a query asks for."""
    return Rgb(
        params.size_of(query, options.tile_size),
        tuple(params.required(query, name) for name in "rgb"),
        tuple(params.stretch_of(query, f"{name}_range") for name in "rgb"),
        _transform(query, 3),
    )


def compute_of(query: QueryParams, options: TerracottaOptions, *, most: int) -> Compute:
    """Return what a query asks for; `most` is the length that an expression may have."""
    text = params.required(query, "expression")
    if len(text) > most:
        raise ExpressionError(f"an expression may have {most} characters, got {len(text)}")
    low, high = params.numbers_of(query, "stretch_range")
    if not low < high:
        raise BadRequestError("stretch_range: the upper bound must be higher than the lower bound")
    given = [f"v{n}" for n in range(1, MOST_OPERANDS + 1) if f"v{n}" in query]
    expression = translated(text, tuple(given))
    return Compute(
        params.size_of(query, options.tile_size),
        tuple(query[name] for name in given),
        tuple(given),
        expression,
        reads_bits(text),
        (low, high),
        params.colormap_of(query, options.colormap_folder),
    )


def singleband(
    shelf: Shelf, rasters: KeyedRasters, texts: Texts, asked: Singleband, tile: Tile | None
) -> bytes:
    """Draw one raster."""
    source = shelf.open_raster(rasters, texts).source
    target = _target(source, tile, asked.size)
    method: Method = "nearest" if asked.labels else shelf.options.resampling
    values = None if target is None else values_under(source, target, method)
    if values is None:
        return empty_png(asked.size)
    if asked.labels is not None:
        return label_png(values, *asked.labels)
    low, high = _ends(shelf, rasters, texts, asked.stretch)
    return ramp_png(
        values,
        low,
        high,
        colormap=asked.colormap,
        transform=asked.transform,
        folder=shelf.options.colormap_folder,
    )


def rgb(
    shelf: Shelf, rasters: KeyedRasters, shown: Sequence[Texts], asked: Rgb, tile: Tile | None
) -> bytes:
    """Draw three rasters as red, green and blue."""
    ranges = []
    for name, texts, stretch in zip("rgb", shown, asked.stretches, strict=True):
        low, high = _ends(shelf, rasters, texts, stretch)
        if high < low:
            raise BadRequestError(
                f"{name}_range: the upper bound must be higher than the lower bound, got {low:g} "
                f"and {high:g}"
            )
        ranges.append((low, high))
    bands = _bands(shelf, rasters, shown, asked.size, tile, shelf.options.resampling)
    if bands is None:
        return empty_png(asked.size)
    return rgb_png(bands, ranges, transform=asked.transform)


def compute(
    shelf: Shelf, rasters: KeyedRasters, shown: Sequence[Texts], asked: Compute, tile: Tile | None
) -> bytes:
    """Draw an expression over rasters."""
    method: Method = "nearest" if asked.flags else shelf.options.resampling
    bands = _bands(shelf, rasters, shown, asked.size, tile, method)
    if bands is None:
        return empty_png(asked.size)
    wide = [band.astype("float64") for band in bands]
    values = asked.expression.evaluate(dict(zip(asked.operands, wide, strict=True)))
    folder = shelf.options.colormap_folder
    return ramp_png(values, *asked.stretch, colormap=asked.colormap, folder=folder)


def _bands(
    shelf: Shelf,
    rasters: KeyedRasters,
    shown: Sequence[Texts],
    size: Size,
    tile: Tile | None,
    method: Method,
) -> list[Any] | None:
    """Return the values of rasters on one grid; None: the picture shows nothing of one of them."""
    sources = [shelf.open_raster(rasters, texts).source for texts in shown]
    target = _target(sources[0], tile, size)
    if target is None:
        return None
    found = []
    for source in sources:
        values = values_under(source, target, method)
        if values is None:
            return None
        found.append(values)
    return found


def _target(source: Any, tile: Tile | None, size: Size) -> GeoBox | None:
    return whole(source, size) if tile is None else web_tile(*tile, size)


def _transform(query: QueryParams, bands: int) -> tuple[Operation, ...]:
    text = query.get("color_transform")
    return () if text is None else parse_transform(text, bands)


def _ends(
    shelf: Shelf, rasters: KeyedRasters, texts: Texts, stretch: tuple[End, End]
) -> tuple[float, float]:
    """Return the ends of a stretch as numbers; statistics are asked for only where one needs them.

    A raster without any value has none: it is transparent, whatever its ends.
    """
    low, high = stretch
    if isinstance(low, float) and isinstance(high, float):
        return low, high
    known = shelf.statistics(rasters, texts)
    ends = known.minimum, known.maximum, known.percentiles
    if ends[0] is None or ends[1] is None:
        return 0.0, 1.0
    return _end(low, ends[0], *ends), _end(high, ends[1], *ends)


def _end(
    end: End,
    default: float,
    minimum: float | None,
    maximum: float | None,
    percentiles: tuple[float, ...] | None,
) -> float:
    if end is None:
        return default
    if isinstance(end, float):
        return end
    number = params.percentile(end)
    quantiles = (minimum, *(percentiles or ()), maximum)
    found = quantiles[number] if len(quantiles) == 101 else None
    if found is None:
        raise BadRequestError(f"{end}: the percentiles of this raster aren't known")
    return found
