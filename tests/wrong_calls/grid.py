"""Wrong calls of cell types, extents, keys, layouts and schemes."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from affine import Affine
from odc.geo.geobox import GeoBox

import xcube_tiles as xt
from tests.wrong_calls import WrongCall
from xcube_tiles.errors import CellTypeError, GridError
from xcube_tiles.grid.bounds import KeyBounds
from xcube_tiles.grid.keys import as_instant

UTM = "EPSG:32633"
DAY = as_instant("2018-05-24")
# what a type checker refuses, a user of a notebook may still pass
WRONG: Any = "wrong"
NONE: Any = None
ONE: Any = 1


def extent(xmax: float = 10, crs: str = UTM) -> xt.Extent:
    return xt.Extent(xmin=0, ymin=0, xmax=xmax, ymax=10, crs=crs)


def geobox(y: float = -10, crs: str | None = UTM) -> GeoBox:
    return GeoBox((300, 300), Affine(10, 0, 0, 0, y, 3000), crs)


def layout(**changes: Any) -> xt.TileLayout:
    fields: dict[str, Any] = {
        "crs": UTM,
        "origin": (0, 3000),
        "resolution": (10, 10),
        "tile_shape": (256, 256),
        "layout_shape": (2, 2),
    }
    return xt.TileLayout(**{**fields, **changes})


def byte() -> xt.CellType:
    return xt.CellType.parse("uint8ud255")


def web() -> xt.ZoomedScheme:
    return xt.ZoomedScheme("WebMercatorQuad")


def local() -> xt.LocalScheme:
    return xt.LocalScheme(geobox())


CELL_TYPES = [
    WrongCall(
        "xt.CellType",
        lambda: xt.CellType(dtype=np.dtype("uint8"), nodata=300),
        CellTypeError,
        "uint8 cells can't hold the NoData value 300; expected an integer from 0 to 255",
    ),
    WrongCall(
        "xt.CellType",
        lambda: xt.CellType(dtype=np.dtype("complex64"), nodata=None),
        CellTypeError,
        r"can't have the dtype 'complex64'; those they can have are bool, int8",
    ),
    WrongCall(
        "xt.CellType",
        lambda: xt.CellType(dtype=np.dtype("int16"), nodata=float("nan")),
        CellTypeError,
        "int16 cells can't hold the NoData value nan",
    ),
    WrongCall(
        "xt.CellType.parse",
        lambda: xt.CellType.parse("byte"),
        CellTypeError,
        r"'raw' or 'ud<number>', such as uint8, .* got 'byte'",
    ),
    WrongCall(
        "xt.CellType.parse", lambda: xt.CellType.parse("uint8ud-1"), CellTypeError, "value -1; expe"
    ),
    WrongCall("xt.CellType.parse", lambda: xt.CellType.parse(ONE), CellTypeError, "got 1"),
    WrongCall(
        "xt.CellType.constant", lambda: xt.CellType.constant("byte!"), CellTypeError, "'byte!'"
    ),
    WrongCall(
        "xt.CellType.constant", lambda: xt.CellType.constant(np.float16), CellTypeError, "float16"
    ),
    WrongCall("xt.CellType.constant", lambda: xt.CellType.constant(NONE), CellTypeError, "'None'"),
    WrongCall("xt.CellType.default", lambda: xt.CellType.default("M8[ns]"), CellTypeError, "M8"),
    WrongCall("xt.CellType.default", lambda: xt.CellType.default("U3"), CellTypeError, "'U3'"),
    WrongCall(
        "xt.CellType.default", lambda: xt.CellType.default(WRONG), CellTypeError, "can't have the"
    ),
    WrongCall(
        "xt.CellType.is_nodata",
        lambda: byte().is_nodata(np.zeros(3, "int16")),
        CellTypeError,
        "expected uint8 cells, as the cell type is uint8ud255; got int16 cells",
    ),
    WrongCall("xt.CellType.is_nodata", lambda: byte().is_nodata(3.5), CellTypeError, "got float64"),
    WrongCall("xt.CellType.is_nodata", lambda: byte().is_nodata(WRONG), CellTypeError, "got str"),
]

EXTENTS = [
    WrongCall(
        "xt.Extent", lambda: extent(xmax=-1), GridError, r"xmin <= xmax .* got \(0\.0, 0\.0, -1"
    ),
    WrongCall("xt.Extent", lambda: extent(xmax=WRONG), GridError, "xmax .* finite number, got 'wr"),
    WrongCall(
        "xt.Extent", lambda: extent(crs="UTM 33"), GridError, "expected a CRS .* got 'UTM 33'"
    ),
    WrongCall(
        "xt.Extent.from_bounds",
        lambda: xt.Extent.from_bounds((0, 0, 1), UTM),  # type: ignore[arg-type]
        GridError,
        r"expected \(xmin, ymin, xmax, ymax\), got \(0, 0, 1\)",
    ),
    WrongCall(
        "xt.Extent.from_bounds", lambda: xt.Extent.from_bounds((0, 0, 1, 1), None), GridError, "CRS"
    ),
    WrongCall(
        "xt.Extent.from_bounds",
        lambda: xt.Extent.from_bounds((0, 1, 1, 0), UTM),
        GridError,
        "the order is xmin, ymin, xmax, ymax",
    ),
    WrongCall(
        "xt.Extent.from_geobox",
        lambda: xt.Extent.from_geobox(geobox(crs=None)),
        GridError,
        "expected a CRS .* got None",
    ),
    WrongCall(
        "xt.Extent.from_geobox",
        lambda: xt.Extent.from_geobox(WRONG),
        GridError,
        r"expected a GeoBox of odc\.geo, got 'wrong'",
    ),
    WrongCall(
        "xt.Extent.from_geobox",
        lambda: xt.Extent.from_geobox((0, 0, 1, 1)),  # type: ignore[arg-type]
        GridError,
        "expected a GeoBox",
    ),
    WrongCall("xt.Extent.to_crs", lambda: extent().to_crs("nowhere"), GridError, "got 'nowhere'"),
    WrongCall("xt.Extent.to_crs", lambda: extent().to_crs(999999), GridError, "got 999999"),
    WrongCall(
        "xt.Extent.to_crs",
        lambda: extent(xmax=1e13).to_crs(4326),
        GridError,
        r"Extent\(.* has no place in EPSG:4326",
    ),
    *(
        WrongCall(f"xt.Extent.{name}", call, GridError, text)
        for name in ("intersects", "intersection", "union", "contains")
        for call, text in (
            (
                lambda name=name: getattr(extent(), name)(extent(crs="EPSG:4326")),
                r"EPSG:32633 and EPSG:4326; bring one to the other with to_crs\(\)",
            ),
            (lambda name=name: getattr(extent(), name)(WRONG), "expected an Extent, got 'wrong'"),
            (
                lambda name=name: getattr(extent(), name)((0, 0, 1, 1)),
                r"got \(0, 0, 1, 1\); make one with Extent\.from_bounds",
            ),
        )
    ),
    WrongCall("xt.Extent.buffered", lambda: extent().buffered(-6), GridError, "xmin <= xmax"),
    WrongCall(
        "xt.Extent.buffered", lambda: extent().buffered(WRONG), GridError, "must be finite numbers"
    ),
    WrongCall(
        "xt.Extent.buffered",
        lambda: extent().buffered(0, float("nan")),
        GridError,
        r"must be finite numbers, got \(0, nan\)",
    ),
]

KEYS = [
    WrongCall(
        "xt.TileKey", lambda: xt.TileKey(1, WRONG), GridError, "row .* an integer, got 'wrong'"
    ),
    WrongCall(
        "xt.TileKey",
        lambda: xt.TileKey(1.5, 2),  # type: ignore[arg-type]
        GridError,
        r"col of a tile key must be an integer, got 1\.5",
    ),
    WrongCall(
        "xt.TileKey",
        lambda: xt.TileKey((1, 2), 3),  # type: ignore[arg-type]
        GridError,
        r"must be an integer, got \(1, 2\)",
    ),
    WrongCall(
        "xt.TileKey.parse", lambda: xt.TileKey.parse("1,2"), GridError, "'col/row' .* got '1,2'"
    ),
    WrongCall("xt.TileKey.parse", lambda: xt.TileKey.parse("1/b"), GridError, "'1/b', got 'b'"),
    WrongCall(
        "xt.TileKey.parse",
        lambda: xt.TileKey.parse(5),  # type: ignore[arg-type]
        GridError,
        "expected a tile key .* got 5",
    ),
    WrongCall(
        "xt.SpaceTimeKey", lambda: xt.SpaceTimeKey(1, WRONG, DAY), GridError, "row .* an integer"
    ),
    WrongCall(
        "xt.SpaceTimeKey",
        lambda: xt.SpaceTimeKey(1, 2, WRONG),
        GridError,
        r"expected a point in time \(datetime64, datetime or ISO 8601\), got 'wrong'",
    ),
    WrongCall(
        "xt.SpaceTimeKey",
        lambda: xt.SpaceTimeKey(1, 2, np.datetime64("3000-01-01")),
        GridError,
        "from 1678 to 2262, got .*3000-01-01",
    ),
    WrongCall(
        "xt.SpaceTimeKey.parse",
        lambda: xt.SpaceTimeKey.parse("1/2"),
        GridError,
        "'col/row/instant' such as '3/5/2018-05-24', got '1/2'",
    ),
    WrongCall(
        "xt.SpaceTimeKey.parse",
        lambda: xt.SpaceTimeKey.parse("1/2/May"),
        GridError,
        "point in time .* got 'May'",
    ),
    WrongCall(
        "xt.SpaceTimeKey.parse",
        lambda: xt.SpaceTimeKey.parse("1/x/2018"),
        GridError,
        "expected an integer in the tile key '1/x/2018', got 'x'",
    ),
]

LAYOUTS = [
    WrongCall(
        "xt.TileLayout", lambda: layout(resolution=(10, -10)), GridError, r"positive .* \(10.0, -1"
    ),
    WrongCall("xt.TileLayout", lambda: layout(tile_shape=256), GridError, "a pair .* got 256"),
    WrongCall("xt.TileLayout", lambda: layout(layout_shape=(0, 1)), GridError, "positive integers"),
    WrongCall(
        "xt.TileLayout.from_geobox",
        lambda: xt.TileLayout.from_geobox(geobox(y=10)),
        GridError,
        r"north-up geobox .* bring the data there with reproject\(\)",
    ),
    WrongCall(
        "xt.TileLayout.from_geobox",
        lambda: xt.TileLayout.from_geobox(geobox(crs=None)),
        GridError,
        "the geobox has no CRS; give it one",
    ),
    WrongCall(
        "xt.TileLayout.from_geobox",
        lambda: xt.TileLayout.from_geobox(geobox(), 0),
        GridError,
        r"positive integer or a pair \(height, width\), got 0",
    ),
    WrongCall(
        "xt.TileLayout.key_at",
        lambda: layout().key_at(-1, 100),
        GridError,
        r"the point \(-1, 100\) lies outside the layout, which covers",
    ),
    WrongCall(
        "xt.TileLayout.key_at",
        lambda: layout().key_at(float("nan"), 0),
        GridError,
        r"finite coordinates, got \(nan, 0\)",
    ),
    WrongCall(
        "xt.TileLayout.key_at", lambda: layout().key_at(WRONG, 0), GridError, "finite coordinates"
    ),
    *(
        WrongCall(f"xt.TileLayout.{name}", call, GridError, text)
        for name in ("key_range", "keys")
        for call, text in (
            (
                lambda name=name: getattr(layout(), name)(extent(crs="EPSG:4326")),
                r"in EPSG:4326, the layout in EPSG:32633; bring the extent there with to_crs",
            ),
            (lambda name=name: getattr(layout(), name)(WRONG), "expected an Extent, got 'wrong'"),
            (lambda name=name: getattr(layout(), name)((0, 0, 1, 1)), r"Extent\.from_bounds"),
        )
    ),
    *(
        WrongCall(f"xt.TileLayout.{name}", call, GridError, text)
        for name in ("extent", "geobox")
        for call, text in (
            (
                lambda name=name: getattr(layout(), name)(xt.TileKey(2, 0)),
                r"2/0 \(col/row\) lies outside the layout, which has 2 columns and 2 rows",
            ),
            (lambda name=name: getattr(layout(), name)(xt.TileKey(0, -1)), "0/-1 .* outside"),
            (lambda name=name: getattr(layout(), name)((0, 0)), r"expected a TileKey .* \(0, 0\)"),
        )
    ),
]

SCHEMES = [
    WrongCall(
        "xt.ZoomedScheme",
        lambda: xt.ZoomedScheme("WebMercator"),
        GridError,
        "unknown TileMatrixSet 'WebMercator'; the names are .*WebMercatorQuad",
    ),
    WrongCall(
        "xt.ZoomedScheme",
        lambda: xt.ZoomedScheme("GNOSISGlobalGrid"),
        GridError,
        r"variable matrix widths: .* Choose one without, such as WGS1984Quad",
    ),
    WrongCall(
        "xt.ZoomedScheme",
        lambda: xt.ZoomedScheme("WebMercatorQuad", tile_size=-1),
        GridError,
        "tile_size must be a positive integer or None, got -1",
    ),
    WrongCall("xt.LocalScheme", lambda: xt.LocalScheme(geobox(y=10)), GridError, "north-up"),
    WrongCall("xt.LocalScheme", lambda: xt.LocalScheme(WRONG), GridError, "expected a GeoBox"),
    WrongCall(
        "xt.LocalScheme",
        lambda: xt.LocalScheme(geobox(), tile_size=0),
        GridError,
        "tile_size must be a positive integer",
    ),
    *(
        WrongCall(f"xt.ZoomedScheme.{name}", call, GridError, text)
        for name in ("layout", "zoom_in", "zoom_out")
        for call, text in (
            (
                lambda name=name: getattr(web(), name)(25),
                "WebMercatorQuad has no zoom level 25; it has 0 to 24",
            ),
            (lambda name=name: getattr(web(), name)(-1), "no zoom level -1"),
            (lambda name=name: getattr(web(), name)("3"), "no zoom level '3'"),
        )
    ),
    *(
        WrongCall(f"xt.LocalScheme.{name}", call, GridError, text)
        for name in ("layout", "zoom_in", "zoom_out")
        for call, text in (
            (lambda name=name: getattr(local(), name)(-1), r"levels 0 \(finest\), 1, 2 .* got -1"),
            (lambda name=name: getattr(local(), name)(1.5), r"got 1\.5"),
            (lambda name=name: getattr(local(), name)("3"), "got '3'"),
        )
    ),
    *(
        WrongCall(f"xt.{name}.zoom_for", call, GridError, text)
        for name, scheme in (("ZoomedScheme", web), ("LocalScheme", local))
        for call, text in (
            (lambda scheme=scheme: scheme().zoom_for(WRONG), "expected a GeoBox of odc"),
            (lambda scheme=scheme: scheme().zoom_for(geobox(y=10)), "expected a north-up geobox"),
            (
                lambda scheme=scheme: scheme().zoom_for(geobox(), threshold=2),
                "threshold must lie between 0 and 1, got 2",
            ),
        )
    ),
]

KEYS_OF_LAYOUTS = [
    WrongCall(
        "xt.TileLayout.keys", lambda: layout().keys(order=WRONG), GridError, "unknown order 'wrong'"
    ),
    WrongCall(
        "xt.TileLayout.keys_at",
        lambda: layout().keys_at([0, -1, 3], [10, 10, 1e9]),
        GridError,
        r"2 of 3 points lie outside the layout, the first is \(-1\.0, 10\.0\); outside='mark'",
    ),
    WrongCall(
        "xt.TileLayout.keys_at",
        lambda: layout().keys_at([0, 1], [1, 2, 3]),
        GridError,
        "numbers of one shape as x and y",
    ),
    WrongCall(
        "xt.TileLayout.keys_at",
        lambda: layout().keys_at(1, 1, outside=WRONG),
        GridError,
        "outside must be 'raise' or 'mark', got 'wrong'",
    ),
    WrongCall(
        "xt.TileLayout.extents",
        lambda: layout().extents([0, 2], 0),
        GridError,
        "cols of this layout go from 0 to 1, got 2",
    ),
    WrongCall(
        "xt.TileLayout.extents",
        lambda: layout().extents(0, -1),
        GridError,
        "rows of this layout go from 0 to 1, got -1",
    ),
    WrongCall(
        "xt.TileLayout.extents",
        lambda: layout().extents(0.5, 0),
        GridError,
        "cols must be integers, got the dtype 'float64'",
    ),
    WrongCall(
        "xt.TileLayout.extents",
        lambda: layout().extents([0, 1], [0, 1, 1]),
        GridError,
        "cols and rows must have shapes that fit",
    ),
    WrongCall(
        "xt.TileLayout.key_ranges",
        lambda: layout().key_ranges(WRONG),
        GridError,
        "expected an Extent, got 'wrong'",
    ),
    WrongCall(
        "xt.TileLayout.key_ranges",
        lambda: layout().key_ranges((0, 0, 1, 1)),  # type: ignore[arg-type]
        GridError,
        r"Extent\.from_bounds",
    ),
    WrongCall(
        "xt.TileLayout.key_ranges",
        lambda: layout().key_ranges(extent(xmax=1e13, crs="EPSG:3035")),
        GridError,
        r"Extent\(.* has no place in EPSG:32633",
    ),
    WrongCall(
        "xt.TileLayout.neighbours",
        lambda: layout().neighbours(WRONG),
        GridError,
        "expected a TileKey or SpaceTimeKey, got 'wrong'",
    ),
    WrongCall(
        "xt.TileLayout.neighbours",
        lambda: layout().neighbours(xt.TileKey(2, 0)),
        GridError,
        "the tile key 2/0 lies outside the layout",
    ),
    WrongCall(
        "xt.TileLayout.neighbours",
        lambda: layout().neighbours(xt.TileKey(0, -1)),
        GridError,
        "the tile key 0/-1 lies outside the layout",
    ),
    WrongCall(
        "xt.TileLayout.from_extent",
        lambda: xt.TileLayout.from_extent(WRONG, 10),
        GridError,
        "expected an Extent, got 'wrong'",
    ),
    WrongCall(
        "xt.TileLayout.from_extent",
        lambda: xt.TileLayout.from_extent(extent(), 0),
        GridError,
        "resolution must be one or two positive numbers, got 0",
    ),
    WrongCall(
        "xt.TileLayout.from_extent",
        lambda: xt.TileLayout.from_extent(extent(xmax=0), 10),
        GridError,
        "an extent with a width and a height",
    ),
    WrongCall(
        "xt.TileLayout.part",
        lambda: layout().part(WRONG),
        GridError,
        "expected KeyBounds, got 'wrong'",
    ),
    *(
        WrongCall(
            "xt.TileLayout.part",
            partial(layout().part, KeyBounds(first, last)),
            GridError,
            r"lies outside the layout, which has 2 columns and 2 rows",
        )
        for first, last in (
            (xt.TileKey(-1, 0), xt.TileKey(1, 1)),
            (xt.TileKey(0, 0), xt.TileKey(1, 2)),
        )
    ),
    *(
        WrongCall(f"xt.{kind}.moved", call, GridError, text)
        for kind, key in (
            ("TileKey", xt.TileKey(1, 2)),
            ("SpaceTimeKey", xt.SpaceTimeKey(1, 2, DAY)),
        )
        for call, text in (
            (lambda key=key: key.moved(0.5, 0), r"col of a tile key must be an integer, got 1\.5"),
            (lambda key=key: key.moved(0, 0.5), r"row of a tile key must be an integer, got 2\.5"),
            (
                lambda key=key: key.moved(np.float64(1), 0),
                r"col of a tile key must be an integer, got np\.float64\(2\.0\)",
            ),
        )
    ),
    WrongCall(
        "xt.ZoomedScheme.from_crs",
        lambda: xt.ZoomedScheme.from_crs("+proj=laea +lat_0=50"),
        GridError,
        "states no area of use: pass the extent that counts as world",
    ),
    WrongCall(
        "xt.ZoomedScheme.from_crs",
        lambda: xt.ZoomedScheme.from_crs(UTM, tile_size=0),
        GridError,
        "tile_size must be a positive integer, got 0",
    ),
    WrongCall(
        "xt.ZoomedScheme.from_crs",
        lambda: xt.ZoomedScheme.from_crs(UTM, zooms=0),
        GridError,
        "zooms must be a positive integer, got 0",
    ),
    WrongCall(
        "xt.ZoomedScheme.from_crs",
        lambda: xt.ZoomedScheme.from_crs(UTM, extent=extent(crs="EPSG:3035")),
        GridError,
        "the extent is in EPSG:3035, the scheme in EPSG:32633; bring the extent there",
    ),
    WrongCall(
        "xt.ZoomedScheme.from_crs",
        lambda: xt.ZoomedScheme.from_crs(UTM, extent=extent(xmax=0)),
        GridError,
        "an extent with a width and a height",
    ),
    *(
        WrongCall(
            f"xt.{name}.zoom_for",
            partial(scheme().zoom_for, geobox(), measure=WRONG),
            GridError,
            "unknown measure 'wrong'; those known are cells, ground",
        )
        for name, scheme in (("ZoomedScheme", web), ("LocalScheme", local))
    ),
]

CALLS: list[WrongCall] = [*CELL_TYPES, *EXTENTS, *KEYS, *LAYOUTS, *SCHEMES, *KEYS_OF_LAYOUTS]
