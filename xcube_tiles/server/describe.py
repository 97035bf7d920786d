"""What a layer is, as the models of the answers."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING
from urllib.parse import quote

from xcube_tiles.catalog.reading.stored import is_stored
from xcube_tiles.render.bounds import native_bounds, wgs84_bounds, wgs84_outline, zoom_range
from xcube_tiles.render.categories import categories_from_attributes
from xcube_tiles.render.instants import iso
from xcube_tiles.render.legend import label_of
from xcube_tiles.render.source import attributes_of, labels_of
from xcube_tiles.render.style import Style
from xcube_tiles.server.models import (
    CategoryInfo,
    DefaultStyle,
    Footprint,
    LayerInfo,
    LayerSummary,
    Level,
    Link,
    TimeSpan,
    Variable,
)

if TYPE_CHECKING:
    from xcube_tiles.grid.celltype import CellType
    from xcube_tiles.render.source import TileSource
    from xcube_tiles.server.served import ServedLayer

ZARR = "application/vnd.zarr; version=3"
"""Media type of a Zarr store."""


def summary_of(layer: ServedLayer, base: str) -> LayerSummary:
    """Return what the list of layers says of a layer; nothing of its data is read."""
    return LayerSummary(
        name=layer.name,
        title=layer.title,
        variables=list(layer.source.variables),
        times=_span_of(layer.source),
        bounds_wgs84=wgs84_bounds(layer.source),
        footprint=Footprint(coordinates=[wgs84_outline(layer.source)]),
        crs=crs_name(layer.source),
        levels=len(layer.source.geoboxes),
        links=_main_links(layer, base),
    )


def info_of(layer: ServedLayer, base: str) -> LayerInfo:
    """Return all about a layer; ranges are read from its coarsest level, once."""
    source = layer.source
    minzoom, maxzoom = zoom_range(source)
    return LayerInfo(
        name=layer.name,
        title=layer.title,
        crs=crs_name(source),
        bounds_wgs84=wgs84_bounds(source),
        bounds=native_bounds(source),
        footprint=Footprint(coordinates=[wgs84_outline(source)]),
        minzoom=minzoom,
        maxzoom=maxzoom,
        levels=[
            Level(
                level=i,
                shape=(int(box.shape[0]), int(box.shape[1])),
                resolution=(abs(box.affine.a), abs(box.affine.e)),
            )
            for i, box in enumerate(source.geoboxes)
        ],
        variables=[_variable(layer, name) for name in source.variables],
        times=None if source.times is None else [iso(instant) for instant in source.times],
        default_style=_default_style(layer),
        links=links_of(layer, base),
    )


def layer_address(layer: ServedLayer, base: str) -> str:
    """Return the address of a layer; `base` is that of the server, with a slash at its end."""
    return f"{base}layers/{quote(layer.name, safe='')}"


def links_of(layer: ServedLayer, base: str) -> list[Link]:
    """Return the addresses that belong to a layer; templates have gaps (RFC 6570)."""
    root = layer_address(layer, base)
    templates = [
        ("tiles", "tiles/{tms}/{z}/{x}/{y}.{format}", "image/png"),
        ("crop", "crop.{format}{?bbox}", "image/tiff"),
        ("point", "point{?lon,lat}", "application/json"),
    ]
    if layer.source.times is not None:
        templates.append(("series", "series{?lon,lat}", "application/json"))
    wms = "wms?SERVICE=WMS&VERSION=1.3.0&REQUEST=GetCapabilities"
    collection = f"ogc/collections/{quote(layer.name, safe='')}"
    return [
        *_main_links(layer, base),
        *(
            Link(rel=rel, href=f"{root}/{end}", type=media_type, templated=True)
            for rel, end, media_type in templates
        ),
        Link(rel="statistics", href=f"{root}/statistics", type="application/json"),
        Link(rel="wms", href=f"{base}{wms}", type="text/xml"),
        Link(rel="wmts", href=f"{base}wmts/1.0.0/WMTSCapabilities.xml", type="text/xml"),
        Link(rel="ogc-api", href=f"{base}{collection}", type="application/json"),
    ]


def _main_links(layer: ServedLayer, base: str) -> list[Link]:
    """Return what the list of all layers has of each."""
    root = layer_address(layer, base)
    store = Link(rel="zarr", href=f"{root}/zarr", type=ZARR)
    return [
        Link(rel="self", href=root, type="application/json"),
        Link(rel="tilejson", href=f"{root}/tilejson.json", type="application/json"),
        Link(rel="preview", href=f"{root}/preview.png", type="image/png"),
        Link(rel="legend", href=f"{root}/legend.json", type="application/json"),
        *([store] if is_stored(layer.source) else []),
    ]


def crs_name(source: TileSource) -> str:
    """Return `EPSG:n`, or WKT where there is no such code."""
    code = source.crs.to_epsg()
    return f"EPSG:{code}" if code else str(source.crs.to_wkt())


def _span_of(source: TileSource) -> TimeSpan | None:
    if source.times is None or source.times.size == 0:
        return None
    first, last = iso(source.times.min()), iso(source.times.max())
    return TimeSpan(count=source.times.size, first=first, last=last)


def _variable(layer: ServedLayer, name: str) -> Variable:
    cell_type = layer.source.cell_type(name)
    attributes = attributes_of(layer.source, name)
    low, high = layer.range_of(name) or (None, None)
    categories = categories_from_attributes(attributes)
    units = attributes.get("units")
    return Variable(
        name=name,
        dtype=cell_type.dtype.name,
        nodata=_nodata(cell_type),
        min=low,
        max=high,
        units=None if units in (None, "") else str(units),
        labels=_labels(layer.source, name),
        categories=[CategoryInfo(value=c.value, label=label_of(c), color=c.hex) for c in categories]
        or None,
    )


def _nodata(cell_type: CellType) -> int | float | str | None:
    value = cell_type.nodata
    return int(value) if value is not None and cell_type.dtype.kind in "iu" else _json_number(value)


def _labels(source: TileSource, name: str) -> list[int | float | str] | None:
    labels = labels_of(source, name)
    if labels is None or labels.dtype.kind == "M":
        return None  # the times of a layer are told once, for all its variables
    return [_label(label) for label in labels.tolist()]


def _label(label: object) -> int | float | str:
    if isinstance(label, int | float) and math.isfinite(label):
        return label
    return str(label)


def _json_number(value: float | None) -> float | str | None:
    """Return a number as JSON can hold it: it has neither NaN nor infinities."""
    if value is None or math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else str(value)


def _default_style(layer: ServedLayer) -> DefaultStyle:
    style = layer.complete(Style())
    return DefaultStyle(
        bands=list(style.bands),
        stretch=[(ends.low, ends.high) for ends in style.stretch],
        colormap=style.colormap,
    )
