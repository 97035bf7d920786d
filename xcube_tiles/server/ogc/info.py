"""The values at a place in several layers, as GeoJSON, text or HTML."""

from __future__ import annotations

import json
from html import escape
from typing import TYPE_CHECKING, Any, NamedTuple

from fastapi import Response

from xcube_tiles.render.instants import iso
from xcube_tiles.render.interval import select_instant
from xcube_tiles.render.point import values_at
from xcube_tiles.server.params import parse_bands

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from xcube_tiles.server.ogc.kvp import Kvp
    from xcube_tiles.server.served import ServedLayer


class Found(NamedTuple):
    """The values of a layer at a place."""

    layer: str
    time: str | None
    values: dict[str, float | int | None]


def found_at(layer: ServedLayer, place: tuple[float, float], asked: Kvp) -> Found:
    """Return the values of a layer at a longitude and a latitude.

    Parameters
    ----------
    layer
        What is asked.
    place
        Longitude and latitude in degrees.
    asked
        `time`, `time_match`, `bands` and `expression` count. Without bands or an expression: all
        variables.
    """
    source = layer.source
    index = select_instant(source.times, asked.text("time"), match=asked.match())
    values = values_at(
        source,
        place[0],
        place[1],
        time=index,
        variables=parse_bands(asked.text("bands")) or None,
        expression=asked.text("expression"),
    )
    instant = None if index is None or source.times is None else iso(source.times[index])
    return Found(layer.name, instant, values)


def as_geojson(found: Sequence[Found], place: tuple[float, float]) -> bytes:
    """Return a FeatureCollection: a point for each layer, the values its properties."""
    features = [_feature(one, place) for one in found]
    return json.dumps({"type": "FeatureCollection", "features": features}).encode()


def _feature(one: Found, place: tuple[float, float]) -> dict[str, Any]:
    times = {} if one.time is None else {"time": one.time}
    return {
        "type": "Feature",
        "id": one.layer,
        "geometry": {"type": "Point", "coordinates": list(place)},
        "properties": {"layer": one.layer, **times, **one.values},
    }


def as_text(found: Sequence[Found], place: tuple[float, float]) -> bytes:
    """Return a line for each value; NoData is empty."""
    lines = [f"longitude = {place[0]}", f"latitude = {place[1]}"]
    for one in found:
        lines += ["", f"layer = {one.layer}"]
        lines += [f"time = {one.time}"] if one.time is not None else []
        lines += [f"{name} = {_shown(value)}" for name, value in one.values.items()]
    return ("\n".join(lines) + "\n").encode()


def as_html(found: Sequence[Found], place: tuple[float, float]) -> bytes:
    """Return a table for each layer; NoData is empty."""
    tables = []
    for one in found:
        rows = [("time", one.time)] if one.time is not None else []
        rows += [(name, _shown(value)) for name, value in one.values.items()]
        cells = "".join(
            f"<tr><th>{escape(name)}</th><td>{escape(value or '')}</td></tr>"
            for name, value in rows
        )
        tables.append(f"<table><caption>{escape(one.layer)}</caption>{cells}</table>")
    where = f"<p>{place[0]}, {place[1]}</p>"
    title = "<!doctype html><html lang='en'><meta charset='utf-8'><title>Values</title>"
    return f"{title}{where}{''.join(tables)}</html>".encode()


def _shown(value: float | None) -> str:
    return "" if value is None else str(value)


INFO_FORMATS: dict[str, Callable[[Sequence[Found], tuple[float, float]], bytes]] = {
    "application/json": as_geojson,
    "application/geo+json": as_geojson,
    "text/plain": as_text,
    "text/html": as_html,
}
"""What writes values, by media type."""

INFO_ENDINGS = {"json": "application/json", "txt": "text/plain", "html": "text/html"}
"""Media types by the ending of an address."""


def info_response(found: Sequence[Found], place: tuple[float, float], media_type: str) -> Response:
    """Return the answer in a media type of `INFO_FORMATS`."""
    body = INFO_FORMATS[media_type](found, place)
    return Response(body, media_type=media_type, headers={"Cache-Control": "no-cache"})
