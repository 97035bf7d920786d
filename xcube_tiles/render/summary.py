"""What a cube's tiling looks like, as text and as HTML for notebooks."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from xcube_tiles.cube.cells import cell_type_of
from xcube_tiles.cube.compatibility import is_empty
from xcube_tiles.cube.dimensions import dimension_types
from xcube_tiles.cube.georef import canonical, geobox_of
from xcube_tiles.cube.keycoords import keys_of
from xcube_tiles.errors import XcubeTilesError
from xcube_tiles.grid.layout import TileLayout

if TYPE_CHECKING:
    from xcube_tiles.typing import XarrayObject, XarrayT

_TILE = 256
_SHOWN = 6
_PICTURE = 150
"""Longer edge of the picture of the grid, in pixels."""

_STYLE = (
    "<style>.xct{font-family:system-ui,sans-serif;font-size:13px;display:flex;gap:24px;"
    "align-items:flex-start}.xct table{border-collapse:collapse}.xct th{text-align:left;"
    "font-weight:600;padding:2px 14px 2px 0;vertical-align:top;opacity:.75}.xct td{text-align:left;"
    "padding:2px 0}.xct .tile{stroke:currentColor;stroke-opacity:.25;fill:none}"
    ".xct .chunk{stroke:#0b7285;stroke-width:1.6;fill:none}.xct .cells{fill:#0b7285;"
    "fill-opacity:.1}</style>"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Summary:
    rows: list[tuple[str, str]]
    layout: TileLayout | None
    chunks: tuple[tuple[int, ...], tuple[int, ...]] | None


def summary_text(obj: XarrayT) -> str:
    """Return the grid, keys, cell types and chunks of a cube as lines of text.

    An object that isn't a georeferenced cube gets the reason why.
    """
    rows = _summarise(obj).rows
    width = max(len(name) for name, _ in rows)
    return "\n".join(f"{name:<{width}}  {value}" for name, value in rows)


def summary_html(obj: XarrayT) -> str:
    """Return the summary as a table with a picture: tiles thin, dask blocks bold."""
    summary = _summarise(obj)
    cells = "".join(
        f"<tr><th>{escape(name)}</th><td>{escape(value)}</td></tr>" for name, value in summary.rows
    )
    picture = "" if summary.layout is None else _picture(summary.layout, summary.chunks)
    return f"{_STYLE}<div class='xct'><table>{cells}</table>{picture}</div>"


def _summarise(obj: XarrayT) -> _Summary:
    if is_empty(obj):
        dims = ", ".join(f"{dim} {size}" for dim, size in obj.sizes.items())
        told = ("empty cube", "the first raster merged into it brings y and x")
        return _Summary(rows=[told, ("dimensions", dims or "none yet")], layout=None, chunks=None)
    try:
        obj = canonical(obj)
        layout = TileLayout.from_geobox(geobox_of(obj), _TILE)
        kinds = dimension_types(obj)
        cells = _cell_types(obj)
    except XcubeTilesError as error:
        return _Summary(rows=[("not a cube", str(error))], layout=None, chunks=None)
    chunks = _chunks(obj)
    rows = [
        *_grid_rows(obj),
        ("dimensions", ", ".join(f"{dim} {obj.sizes[dim]} ({kinds[dim]})" for dim in kinds)),
        *((f"key {name}", _some(values)) for name, values in keys_of(obj).items()),
        ("cells", cells),
        ("memory", _bytes(obj.nbytes)),
        ("tiles", _tiles(layout)),
        ("chunks", "in memory, not chunked" if chunks is None else _against(chunks, layout)),
    ]
    return _Summary(rows=rows, layout=layout, chunks=chunks)


def _grid_rows(obj: XarrayObject) -> list[tuple[str, str]]:
    geobox = geobox_of(obj)
    box, affine = geobox.boundingbox, geobox.affine
    return [
        ("CRS", str(geobox.crs)),
        ("extent", f"x {box.left:.10g} to {box.right:.10g}, y {box.bottom:.10g} to {box.top:.10g}"),
        ("resolution", f"{abs(affine.a):.8g} x {abs(affine.e):.8g}"),
        ("cells (y, x)", f"{geobox.shape[0]} x {geobox.shape[1]}"),
    ]


def _cell_types(obj: XarrayObject) -> str:
    if isinstance(obj, xr.DataArray):
        return cell_type_of(obj).name
    names = {
        str(name): cell_type_of(array).name
        for name, array in obj.data_vars.items()
        if {"y", "x"} <= set(array.dims)
    }
    if not names:
        return "no variable has y and x"
    if len(set(names.values())) == 1:
        return f"{_some(list(names))}: {next(iter(names.values()))}"
    return ", ".join(f"{name}: {cell_type}" for name, cell_type in names.items())


def _some(values: list[object] | list[str]) -> str:
    texts = [
        np.datetime_as_string(value, unit="auto") if isinstance(value, np.datetime64) else value
        for value in values
    ]
    if len(texts) > _SHOWN:
        return f"{', '.join(map(str, texts[:3]))} ... {texts[-1]} ({len(texts)})"
    return ", ".join(map(str, texts))


def _bytes(count: float) -> str:
    for unit in ("B", "KiB", "MiB", "GiB"):
        if count < 1024:
            return f"{count:.4g} {unit}"
        count /= 1024
    return f"{count:.4g} TiB"


def _tiles(layout: TileLayout) -> str:
    rows, cols = layout.layout_shape
    return f"{rows} x {cols} of {_TILE} x {_TILE} cells"


def _chunks(obj: XarrayObject) -> tuple[tuple[int, ...], tuple[int, ...]] | None:
    arrays = [obj] if isinstance(obj, xr.DataArray) else list(obj.data_vars.values())
    for array in arrays:
        if array.chunks is not None and array.dims[-2:] == ("y", "x"):
            return array.chunks[-2], array.chunks[-1]
    return None


def _against(chunks: tuple[tuple[int, ...], tuple[int, ...]], layout: TileLayout) -> str:
    height, width = max(chunks[0]), max(chunks[1])
    count = f"{len(chunks[0])} x {len(chunks[1])} of {height} x {width} cells"
    whole = all(
        size % _TILE == 0 or len(sizes) == 1 for sizes in chunks for size in sizes[:-1] or sizes
    )
    if whole:
        return f"{count}, aligned with the tiles"
    return f"{count}: they cut tiles; cube.chunk(y={_up(height)}, x={_up(width)}) aligns them"


def _up(size: int) -> int:
    return -(-size // _TILE) * _TILE


def _picture(layout: TileLayout, chunks: tuple[tuple[int, ...], tuple[int, ...]] | None) -> str:
    rows, cols = layout.layout_shape
    scale = _PICTURE / (max(rows, cols) * _TILE)
    height, width = rows * _TILE * scale, cols * _TILE * scale
    # A grid too fine to see becomes a plain area.
    step = max(1, -(-max(rows, cols) // 32))
    tiles = "".join(
        [_line(0, row * _TILE * scale, width, row * _TILE * scale) for row in range(0, rows, step)]
        + [
            _line(col * _TILE * scale, 0, col * _TILE * scale, height)
            for col in range(0, cols, step)
        ]
    )
    blocks = "" if chunks is None else _blocks(chunks, scale)
    return (
        f"<svg width='{width + 2:.0f}' height='{height + 2:.0f}' viewBox='-1 -1 {width + 2:.1f} "
        f"{height + 2:.1f}' role='img' aria-label='tiles and chunks'>"
        f"<rect class='tile' width='{width:.1f}' height='{height:.1f}'/>{tiles}{blocks}</svg>"
    )


def _line(x1: float, y1: float, x2: float, y2: float) -> str:
    return f"<line class='tile' x1='{x1:.1f}' y1='{y1:.1f}' x2='{x2:.1f}' y2='{y2:.1f}'/>"


def _blocks(chunks: tuple[tuple[int, ...], tuple[int, ...]], scale: float) -> str:
    tops, lefts = (np.cumsum([0, *sizes]) * scale for sizes in chunks)
    if len(tops) * len(lefts) > 1025:
        return f"<rect class='cells' width='{lefts[-1]:.1f}' height='{tops[-1]:.1f}'/>"
    return "".join(
        f"<rect class='chunk' x='{lefts[j]:.1f}' y='{tops[i]:.1f}' "
        f"width='{lefts[j + 1] - lefts[j]:.1f}' height='{tops[i + 1] - tops[i]:.1f}'/>"
        for i in range(len(tops) - 1)
        for j in range(len(lefts) - 1)
    )
