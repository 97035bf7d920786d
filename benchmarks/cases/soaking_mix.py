"""What the soak asks for: tiles in many looks, values, documents, other protocols, by a seed."""

from __future__ import annotations

import json
import random as randomness
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, NamedTuple
from urllib.parse import quote, urlencode

from benchmarks.cases.soaking_data import RASTER_BANDS, RASTER_DATES, Served
from benchmarks.cases.soaking_looks import CELLS, LOOKS, Look
from xcube_tiles.render.style import Style, complete_style
from xcube_tiles.render.tile import render_tile
from xcube_tiles.render.tms import TILE_SIZE, named_tms

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

    from xcube_tiles.render.source import TileSource

Answer = Literal["well", "problem", "report", "broken"]
"""What has to come: success; a problem document; the XML of an OGC service; for what is no HTTP,
status 400 or the end of the connection."""

TMS = "WebMercatorQuad"
HOST = "soak"
"""Documents repeat the host that they were asked at: all servers are asked at this one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """A request, and what has to come."""

    kind: str
    """Name in the table."""

    target: str
    """Path and query."""

    method: str = "GET"
    headers: tuple[str, ...] = ()
    """Lines of the head besides the host."""

    body: bytes = b""
    answer: Answer = "well"

    alone: Callable[[], bytes] | None = None
    """Makes the body without any server; None: a server that does nothing else is asked."""

    raw: bytes | None = None
    """What is sent instead, by a connection of its own."""

    conditional: bool = False
    """Whether it says which answer the client has, as soon as there was one."""

    @property
    def key(self) -> tuple[str, bytes]:
        """What the body depends on."""
        return self.target, self.body

    def text(self, *more: str) -> bytes:
        """Return the request as it is sent, with further lines in its head."""
        lines = [f"{self.method} {self.target} HTTP/1.1", f"Host: {HOST}"]
        lines += [*self.headers, *more]
        if self.body:
            lines.append(f"Content-Length: {len(self.body)}")
        return "\r\n".join([*lines, "", ""]).encode("latin-1") + self.body


FORMATS = ("png",) * 14 + ("webp",) * 2 + ("npy",) * 3 + ("jpg",)
SYSTEMS = (TMS,) * 18 + ("WorldCRS84Quad", "EuropeanETRS89_LAEAQuad")


def place(random: Random, served: Served, layer: str) -> tuple[float, float]:
    """Return longitude and latitude in a layer, or a little outside of it."""
    at = served.bounds[layer]
    right, up = random.uniform(-0.05, 1.05), random.uniform(-0.05, 1.05)
    return at.west + right * (at.east - at.west), at.south + up * (at.north - at.south)


def tile_at(random: Random, served: Served, layer: str, tms: str = TMS) -> tuple[int, int, int]:
    """Return zoom, column and row of a tile of a layer."""
    zoom = random.choice((6, 8, 9, 10, 11, 11, 12, 12, 12, 13, 13, 13, 14, 16))
    known = named_tms(tms)
    at = known.tile(*place(random, served, layer), min(zoom, known.maxzoom))
    return int(at.z), int(at.x), int(at.y)


def alone(
    source: TileSource,
    address: tuple[str, int, int, int],
    look: Look,
    format: Any,
    size: int = TILE_SIZE,
) -> bytes:
    """Return a tile as the library draws it."""
    style = Style(**look.style)
    return render_tile(
        source,
        address,
        style if format == "npy" else complete_style(source, style),
        time=look.time,
        time_match="nearest" if look.nearest else "exact",
        format=format,
        tile_size=size,
    )


def layer_tile(random: Random, served: Served) -> Ask:
    """Return a tile of a layer in one of the looks."""
    look = random.choice(LOOKS)
    layer, tms = random.choice(look.layers), random.choice(SYSTEMS)
    format = "png" if "elevation" in look.query else random.choice(FORMATS)
    doubled = random.random() < 0.08
    double = "@2x" if doubled else ""
    size = {} if doubled or random.random() < 0.9 else {"size": "128"}
    z, x, y = tile_at(random, served, layer, tms)
    edge = 512 if doubled else int(size.get("size", TILE_SIZE))
    query = urlencode(look.query | size)
    return Ask(
        kind="tile",
        target=f"/layers/{layer}/tiles/{tms}/{z}/{x}/{y}{double}.{format}?{query}",
        headers=("Accept-Encoding: gzip",) if random.random() < 0.2 else (),
        alone=partial(alone, served.sources[layer], (tms, z, x, y), look, format, edge),
    )


def styled_tile(random: Random, served: Served) -> Ask:
    """Return a tile whose style nobody asks for twice: what is kept of styles has to be bounded."""
    high, factor = random.randrange(5000, 10**6), random.uniform(0.5, 4)
    layer = random.choice(CELLS)
    if random.random() < 0.5:
        look = Look({"stretch": f"0,{high}"}, {"stretch": (0, high)}, ())
    else:
        text = f"cells * {factor} - {high}"
        look = Look({"expression": text, "stretch": "0,9000"}, {}, ())
        look.style.update(expression=text, stretch=(0, 9000))
    z, x, y = tile_at(random, served, layer)
    return Ask(
        kind="tile, style of its own",
        target=f"/layers/{layer}/tiles/{TMS}/{z}/{x}/{y}.png?{urlencode(look.query)}",
        alone=partial(alone, served.sources[layer], (TMS, z, x, y), look, "png"),
    )


def terracotta(random: Random, served: Served) -> Ask:
    """Return a picture at an address of Terracotta."""
    z, x, y = tile_at(random, served, "rasters")
    date, band = random.choice(RASTER_DATES), random.choice(RASTER_BANDS)
    low, high = random.choice(((0, 9000), (100, 5000), ("p2", "p98")))
    stretch = json.dumps([low, high])
    kind = random.choice(("singleband", "singleband", "rgb", "compute", "preview"))
    if kind == "preview":
        path, query = f"/singleband/S2/{date}/{band}/preview.png", {"colormap": "viridis"}
    elif kind == "singleband":
        path = f"/singleband/S2/{date}/{band}/{z}/{x}/{y}.png"
        query = {"stretch_range": stretch, "colormap": random.choice(("viridis", "jet"))}
    elif kind == "rgb":
        path, query = f"/rgb/S2/{date}/{z}/{x}/{y}.png", dict(zip("rgb", RASTER_BANDS, strict=True))
        query |= {f"{name}_range": stretch for name in "rgb"}
    else:
        path = f"/compute/S2/{date}/{z}/{x}/{y}.png"
        query = {"expression": "(v1 - v2) / (v1 + v2)", "v1": "B02", "v2": "B03"}
        query["stretch_range"] = "[-1, 1]"
    return Ask(kind="Terracotta's pictures", target=f"{path}?{urlencode(query)}")


def rasters(random: Random, served: Served) -> Ask:
    """Return a document at an address of Terracotta."""
    date, band = random.choice(RASTER_DATES), random.choice(RASTER_BANDS)
    posted = {"keys": [["S2", date, band], ["S2", RASTER_DATES[0], "B02"]]}
    return random.choice(
        (
            _document("/keys"),
            _document(f"/datasets?date={date}"),
            _document(f"/datasets?limit={random.randrange(1, 7)}&order_by=band"),
            _document(f"/metadata/S2/{date}/{band}"),
            _document("/colormap?stretch_range=[0,1]&colormap=viridis&num_values=20"),
            _posted("/metadata", posted, "document"),
        )
    )


def ogc(random: Random, served: Served) -> Ask:
    """Return a tile, a map or values by WMTS, WMS or OGC API - Tiles."""
    layer = random.choice((*CELLS, "classes"))
    z, x, y = tile_at(random, served, layer)
    west, south = place(random, served, layer)
    edge = random.choice((0.01, 0.05, 0.2))
    box = f"{west},{south},{west + edge},{south + edge}"
    map_of = f"/wms?service=WMS&version=1.1.1&layers={layer}&styles=&srs=EPSG:4326&bbox={box}"
    maps = f"{map_of}&width=256&height=200"
    matrix = f"layer={layer}&tilematrixset={TMS}&tilematrix={z}&tilerow={y}&tilecol={x}"
    info = f"&query_layers={layer}&x=3&y=5&info_format=application/json"
    return Ask(
        kind="WMTS, WMS, OGC API",
        target=random.choice(
            (
                f"/ogc/collections/{layer}/map/tiles/{TMS}/{z}/{y}/{x}?f=png",
                f"/wmts/1.0.0/{layer}/default/{TMS}/{z}/{y}/{x}.png",
                f"/wmts?service=WMTS&request=GetTile&version=1.0.0&format=image/png&{matrix}",
                f"{maps}&request=GetMap&format=image/png&transparent=true",
                f"{maps}&request=GetFeatureInfo{info}",
            )
        ),
    )


def document(random: Random, served: Served) -> Ask:
    """Return a document of the layers."""
    layer = random.choice(tuple(served.sources))
    look = urlencode(random.choice([look for look in LOOKS if layer in look.layers]).query)
    return _document(
        random.choice(
            (
                "/layers",
                f"/layers/{layer}",
                f"/layers/{layer}/tilejson.json?{look}",
                f"/layers/{layer}/legend.json",
                f"/layers/{layer}/legend.png?colormap=magma&stretch=0,1",
                "/colormaps",
                "/tilematrixsets",
                "/healthz",
                "/wmts?service=WMTS&request=GetCapabilities",
                "/wms?service=WMS&request=GetCapabilities",
                f"/ogc/collections/{layer}",
                "/ogc/conformance",
            )
        )
    )


def values(random: Random, served: Served) -> Ask:
    """Return values at a point or of a region, or a picture of one."""
    layer = random.choice(tuple(served.sources))
    at = served.bounds[layer]
    lon = random.uniform(at.west + 0.02, at.east - 0.06)
    lat = random.uniform(at.south + 0.02, at.north - 0.06)
    box = f"{lon},{lat},{lon + 0.03},{lat + 0.03}"
    corners = [[lon, lat], [lon + 0.03, lat], [lon + 0.02, lat + 0.03], [lon, lat]]
    area = {"type": "Polygon", "coordinates": [corners]}
    path, stacked = f"/layers/{layer}", "/layers/stack"
    return random.choice(
        (
            _document(f"{path}/point?lon={lon}&lat={lat}", "point, series"),
            _document(f"{path}/point?lon={lon}&lat={lat}", "point, series"),
            _document(f"{stacked}/series?lon=8.85&lat={lat}", "point, series"),
            _document(f"{stacked}/series?lon=8.85&lat={lat}&format=csv", "point, series"),
            _document(f"{path}/statistics?bbox={box}&max_size=256", "statistics, crops"),
            _document(f"{path}/crop.png?bbox={box}&max_size=200", "statistics, crops"),
            _document(f"{path}/crop.npy?bbox={box}&max_size=100", "statistics, crops"),
            _document(f"{path}/preview.png?size=128", "statistics, crops"),
            _posted(f"{path}/crop.tif?max_size=100", area, "statistics, crops"),
            _posted(f"{path}/statistics?max_size=128", area, "statistics, crops"),
        )
    )


def _document(target: str, kind: str = "document") -> Ask:
    return Ask(kind=kind, target=quote(target, safe="/?&=:,%+[]*"))


def _posted(target: str, content: object, kind: str) -> Ask:
    body = json.dumps(content).encode()
    headers = ("Content-Type: application/json",)
    return Ask(kind=kind, target=target, method="POST", headers=headers, body=body)


class Share(NamedTuple):
    """How many of all requests are of a kind, and how often each of them comes on average."""

    make: Callable[[Random, Served], Ask]
    share: float
    times: int


def shares(malformed: Callable[[Random, Served], Ask]) -> tuple[Share, ...]:
    """Return the parts of the mix; they add up to 1."""
    return (
        Share(layer_tile, 0.55, 25),
        Share(styled_tile, 0.05, 1),
        Share(terracotta, 0.08, 25),
        Share(rasters, 0.04, 80),
        Share(ogc, 0.08, 25),
        Share(document, 0.06, 80),
        Share(values, 0.04, 10),
        Share(malformed, 0.1, 1),
    )


def mixed(
    served: Served, count: int, malformed: Callable[[Random, Served], Ask], seed: int = 20180524
) -> list[Ask]:
    """Return so many requests in the order in which they are sent."""
    random = randomness.Random(seed)
    asked: list[Ask] = []
    for make, share, times in shares(malformed):
        wanted = round(count * share)
        pool = [make(random, served) for _ in range(max(min(wanted, 20), wanted // times))]
        asked += pool[:wanted] + random.choices(pool, k=wanted - len(pool))
    random.shuffle(asked)
    return [_varied(random, ask) for ask in asked]


def _varied(random: Random, ask: Ask) -> Ask:
    """Return some requests for tiles as HEAD, and some with what the client has already."""
    chance = random.random()
    if ask.kind != "tile" or chance > 0.12:
        return ask
    if chance < 0.04:
        return replace(ask, kind="tile, HEAD", method="HEAD", headers=())
    return replace(ask, kind="tile, conditional", conditional=True)
