"""Requests that no server can answer: each has to be refused, and to leave nothing behind."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from urllib.parse import quote

from benchmarks.cases.soaking_mix import HOST, TMS, Answer, Ask

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

    from benchmarks.cases.soaking_data import Served

JSON = "application/json"
TILE = f"/layers/aligned/tiles/{TMS}/12/2144/1423"
CROP = "/layers/aligned/crop.npy?bbox=8.5,47.9,8.6,47.95"


def malformed(random: Random, served: Served) -> Ask:
    """Return one of them, with something in it that no other has."""
    make = random.choice(
        (_wrong_value, _wrong_value, _wrong_value, _unknown, _posted, _other, _raw)
    )
    return make(random, random.randrange(10**9))


def _get(target: str, answer: Answer = "problem") -> Ask:
    return Ask(kind="malformed", target=target, answer=answer)


WRONG_VALUES: tuple[Callable[[int], str], ...] = (
    lambda n: f"/layers/aligned/tiles/{TMS}/{n}/0/0.png",
    lambda n: f"/layers/aligned/tiles/{TMS}/-{n}/0/0.png",
    lambda n: f"/layers/aligned/tiles/{TMS}/3/{n + 8}/0.png",
    lambda n: f"/layers/aligned/tiles/{TMS}/1{n}{'0' * 400}/0/0.png",
    lambda n: f"/layers/aligned/tiles/{TMS}/a{n}/0/0.png",
    lambda n: f"/layers/aligned/tiles/{TMS}/1.{n}/0/0.png",
    lambda n: f"/layers/aligned/tiles/{TMS}/12/2144/1423@3x.png?n={n}",
    lambda n: f"{TILE}.gif?n={n}",
    lambda n: f"{TILE}.png?size={n + 2000}",
    lambda n: f"{TILE}.png?size=-{n}",
    lambda n: f"{TILE}.png?size=1e{n}",
    lambda n: f"{TILE}@2x.png?size=1000&n={n}",
    lambda n: f"{TILE}.png?stretch={n},nan",
    lambda n: f"{TILE}.png?stretch={n},{n}",
    lambda n: f"{TILE}.png?stretch=1,2,{n}",
    lambda n: f"{TILE}.png?stretch=-inf,{n}",
    lambda n: f"{TILE}.png?stretch=p-{n},p200",
    lambda n: f"{TILE}.png?stretch=1;2;{n}",
    lambda n: f"{TILE}.png?bands=,,{n}",
    lambda n: f"{TILE}.png?bands=" + ",".join(f"b{n}" for _ in range(50)),
    lambda n: f"{TILE}.png?colormap={{{n}",
    lambda n: f"{TILE}.png?colormap=" + quote("{" * 500 + str(n)),
    lambda n: f"{TILE}.png?colormap=" + quote(f'{{"{n}": "no colour"}}'),
    lambda n: f"{TILE}.png?resampling=lanczos{n}",
    lambda n: f"{TILE}.png?color_formula=gamma+-{n}",
    lambda n: f"{TILE}.png?elevation=e{n}",
    lambda n: f"{TILE}.png?expression=" + quote(f"cells +* {n}"),
    lambda n: f"{TILE}.png?expression=" + quote(f"__import__('os').getpid() + {n}"),
    lambda n: f"{TILE}.png?expression=" + quote("+".join(["cells"] * 2000) + f"+{n}"),
    lambda n: f"{TILE}.png?expression=" + "(" * 300 + "cells" + ")" * 300 + f"%2B{n}",
    lambda n: f"{TILE}.png?expression=" + "-" * 900 + f"cells&n={n}",
    lambda n: f"{TILE}.png?expression=" + quote(f"cells ** {n} ** {n} ** {n}", safe="") + "%20**",
    lambda n: f"/layers/stack/tiles/{TMS}/12/2147/1420.png?bands=red&time=t{n}",
    lambda n: f"/layers/stack/tiles/{TMS}/12/2147/1420.png?bands=red&time={n + 3000}",
    lambda n: f"/layers/stack/tiles/{TMS}/12/2147/1420.png?bands=red&time_match=m{n}",
    lambda n: f"/layers/stack/tiles/{TMS}/12/2147/1420.png?bands=red@t{n}",
    lambda n: f"/layers/stack/tiles/{TMS}/12/2147/1420.png?bands=hillshade(height;azimuth=a{n})",
    lambda n: f"/layers/aligned/point?lon={n + 541}&lat=0",
    lambda n: f"/layers/aligned/point?lon=nan&lat={n}",
    lambda n: f"/layers/aligned/point?lon={n}",
    lambda n: f"/layers/aligned/point?lon=8.5&lat=47.9&bands=none{n}",
    lambda n: f"/layers/stack/series?lon=8.85&lat=abc{n}",
    lambda n: f"/layers/stack/series?lon=8.85&lat=48&start={n}x&end=2",
    lambda n: f"/layers/aligned/statistics?bbox=1,2,{n}",
    lambda n: f"/layers/aligned/statistics?bbox=nan,nan,nan,{n}",
    lambda n: f"/layers/aligned/statistics?bins={n + 10**6}&max_size=16",
    lambda n: f"/layers/aligned/statistics?percentiles={n + 101}",
    lambda n: f"/layers/aligned/statistics?range={n}",
    lambda n: f"/layers/aligned/crop.npy?bbox=-1e{n},-90,180,90",
    lambda n: f"{CROP}&width={n + 10**5}&height={n + 10**5}",
    lambda n: f"{CROP}&resolution=1e-{n % 300 + 9}",
    lambda n: f"{CROP}&crs=EPSG:{n + 10**6}",
    lambda n: f"{CROP}&coord_crs=no+crs+{n}",
    lambda n: f"/layers/aligned/crop.exe?bbox=8.5,47.9,8.6,47.95&n={n}",
    lambda n: f"/layers/aligned/preview.png?size={n + 1025}",
    lambda n: f"/layers/aligned/legend.png?bands=nothing{n}",
    lambda n: f"/layers/aligned/tilejson.json?tms=T{n}",
    lambda n: f"/singleband/S2/20240410/B02/{n + 100}/0/0.png?stretch_range=[0,1",
    lambda n: f"/singleband/S2/20240410/B02/12/2147/1420.png?tile_size=[{n + 3000},1]",
    lambda n: f"/singleband/S2/20240410/B02/12/2147/1420.png?colormap=c{n}",
    lambda n: f"/singleband/S2/20240410/B02/12/2147/1420.png?stretch_range=[{'[' * 300}{n}",
    lambda n: f"/rgb/S2/20240410/12/2147/1420.png?r=B02&g=B03&n={n}",
    lambda n: f"/compute/S2/20240410/12/2147/1420.png?expression=v1*&v1=B02&stretch_range=[0,{n}]",
    lambda n: f"/colormap?stretch_range=[0,1]&num_values={n + 10**6}",
    lambda n: f"/datasets?limit=l{n}",
    lambda n: f"/datasets?no_key={n}",
)
"""An address by a number: a value in it is wrong."""

UNKNOWN: tuple[Callable[[int], str], ...] = (
    lambda n: f"/layers/none{n}",
    lambda n: f"/layers/none{n}/tiles/{TMS}/1/0/0.png",
    lambda n: f"/layers/aligned/tiles/T{n}/1/0/0.png",
    lambda n: f"{TILE}.png?bands=none{n}",
    lambda n: f"{TILE}.png?colormap=none{n}",
    lambda n: f"/layers/..%2f..%2fetc%2fpasswd?n={n}",
    lambda n: f"/layers/..%2f{n}/tiles/{TMS}/1/0/0.png",
    lambda n: f"/../../../etc/passwd{n}",
    lambda n: f"/assets/..%2f..%2f..%2f..%2fetc%2fpasswd?n={n}",
    lambda n: f"/%2e%2e/%2e%2e/etc/passwd{n}",
    lambda n: f"/layers/%00{n}",
    lambda n: f"/layers/%ff%fe{n}",
    lambda n: f"/layers/%zz%{n}",
    lambda n: f"/layers/{'x' * 5000}{n}",
    lambda n: f"/nothing{n}",
    lambda n: f"/singleband/S2/{n}/B02/12/2147/1420.png",
    lambda n: f"/metadata/S2/{n}",
    lambda n: f"/metadata/..%2f..%2f{n}/a/b",
    lambda n: f"/ogc/collections/none{n}",
    lambda n: f"/ogc/collections/aligned/map/tiles/{TMS}/x/{n}/0?f=png",
)
"""An address of something that isn't there."""

REPORTED: tuple[Callable[[int], str], ...] = (
    lambda n: f"/wms?service=WMS&request=GetMap&layers=none{n}",
    lambda n: (
        f"/wms?service=WMS&version=1.1.1&request=GetMap&layers=aligned&styles=&srs="
        f"EPSG:4326&bbox=0,0,1,1&width={n + 10**5}&height=10&format=image/png"
    ),
    lambda n: (
        f"/wms?service=WMS&version=1.1.1&request=GetMap&layers=aligned&styles=&srs="
        f"EPSG:4326&bbox=1,1,0,{-n}&width=10&height=10&format=image/png"
    ),
    lambda n: f"/wms?service=WMS&request=Get{n}",
    lambda n: f"/wmts?service=WMTS&request=GetTile&version={n}",
    lambda n: f"/wmts/1.0.0/aligned/default/{TMS}/12/{n + 10**6}/0.png",
    lambda n: f"/wmts/1.0.0/aligned/default/T{n}/12/1/0.png",
)
"""The same for services that report in XML."""


def _wrong_value(random: Random, n: int) -> Ask:
    return _get(random.choice(WRONG_VALUES)(n))


def _unknown(random: Random, n: int) -> Ask:
    if random.random() < 0.3:
        return _get(random.choice(REPORTED)(n), "report")
    return _get(random.choice(UNKNOWN)(n))


def _posted(random: Random, n: int) -> Ask:
    """Return a body that is no JSON, no GeoJSON, too large, or of another type."""
    nan = json.dumps({"type": "Polygon", "coordinates": [[[float("nan"), n]] * 4]})
    deep = "[" * 20_000
    bodies = (
        (JSON, b"{"),
        (JSON, b"\xff\xfe\x00" + str(n).encode()),
        (JSON, deep.encode()),
        (JSON, nan.encode()),
        (JSON, b"null"),
        (JSON, b'{"type": "Polygon", "coordinates": %d}' % n),
        (JSON, b'{"type": "Polygon", "coordinates": [[[0, 0], [1, 1]]]}'),
        (JSON, b'{"type": "Point", "coordinates": [%d, 0]}' % n),
        (JSON, b" " * 1_200_000),
        ("text/plain", b'{"type": "Polygon"}'),
        ("application/xml", b"<a/>"),
        ("multipart/form-data; boundary=x", b"--x\r\n"),
    )
    kind, body = random.choice(bodies)
    targets = ("/layers/aligned/crop.tif?max_size=50", "/layers/aligned/statistics", "/metadata")
    return Ask(
        kind="malformed",
        target=random.choice(targets),
        method="POST",
        headers=(f"Content-Type: {kind}",),
        body=body,
        answer="problem",
    )


def _other(random: Random, n: int) -> Ask:
    """Return a method that isn't answered there."""
    method = random.choice(("POST", "PUT", "DELETE", "PATCH", "TRACE", "PROPFIND"))
    target = random.choice((f"{TILE}.png", "/layers", f"/layers/none{n}", "/keys", "/"))
    return Ask(kind="malformed", target=target, method=method, answer="problem")


def _raw(random: Random, n: int) -> Ask:
    """Return bytes that aren't HTTP, or only its beginning; the connection ends afterwards."""
    post = f"POST /layers/aligned/statistics HTTP/1.1\r\nHost: {HOST}\r\nContent-Type: {JSON}\r\n"
    metadata = post.replace("/layers/aligned/statistics", "/metadata")
    texts = (
        random.randbytes(random.randrange(1, 400)) + b"\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00" + random.randbytes(200),
        b"GET\r\n\r\n",
        b"GET / HTTP/9.%d\r\n\r\n" % n,
        b"GET /layers/\xff%d HTTP/1.1\r\nHost: a\r\n\r\n" % n,
        b"GET /layers HTTP/1.1\r\nHost: a\r\nno colon %d\r\n\r\n" % n,
        f"{post}Content-Length: -{n}\r\n\r\n".encode(),
        f"{post}Content-Length: abc{n}\r\n\r\n".encode(),
        f"{post}Transfer-Encoding: chunked\r\n\r\nzz{n}\r\n".encode(),
        f'{post}Content-Length: 5000\r\n\r\n{{"n": {n}'.encode(),
        f'{metadata}Content-Length: 5000\r\n\r\n{{"n": {n}'.encode(),
        f"GET {TILE}.png?n={n} HTTP/1.1\r\nHost: {HOST}".encode(),
        f"GET /{'a' * 400_000}{n} HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode(),
        f"GET /nothing HTTP/1.1\r\nHost: {HOST}\r\nX-Long: {'a' * 400_000}{n}\r\n\r\n".encode(),
    )
    return Ask(kind="no HTTP", target="", raw=random.choice(texts), answer="broken")
