"""One map tile, in process: how far rendering is from what reading and encoding alone take."""

from __future__ import annotations

import tempfile
import warnings
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr
from affine import Affine
from odc.geo.geobox import GeoBox
from scipy.ndimage import zoom

from benchmarks.harness import Report, Table, Timing, alternate, at_most
from xcube_tiles.catalog.writer import to_catalog
from xcube_tiles.cube.georef import assign_geobox
from xcube_tiles.render.draw import index_on
from xcube_tiles.render.encode import png_indexed, png_rgb
from xcube_tiles.render.stretch import Stretch
from xcube_tiles.render.style import Style
from xcube_tiles.render.tile import render_tile
from xcube_tiles.render.tms import named_tms, tile_geobox
from xcube_tiles.render.window import find_window

if TYPE_CHECKING:
    from collections.abc import Callable

    from xcube_tiles.catalog.layer import Layer

TMS = "WebMercatorQuad"
GRIDS = {
    "EPSG:4326": Affine(0.0004, 0.0, 10.0, 0.0, -0.0004, 48.0),
    "EPSG:32632": Affine(30.0, 0.0, 500_000.0, 0.0, -30.0, 5_300_000.0),
}
STYLES = {
    "colour map": Style(bands=("height",), stretch=(Stretch(0, 1),), colormap="terrain"),
    "RGB": Style(bands=("red", "green", "blue"), stretch=(Stretch(0, 4000),)),
}
BOUND = 2.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One tile of one layer in one style, prepared for all contenders."""

    layer: Layer
    tile: tuple[str, int, int, int]
    style: Style

    def ours(self) -> bytes:
        """Render the tile."""
        return render_tile(self.layer, self.tile, self.style)

    def floor(self, *, by_zarr: bool = False) -> Callable[[], bytes]:
        """Return a call that reads what the tile needs and encodes what it became, no more."""
        target = tile_geobox(self.tile)
        window = find_window(self.layer, target)
        index = index_on(self.layer, target, self.style)
        assert window is not None
        assert index is not None
        arrays = [self.layer.array(name, window.level) for name in self.style.inputs]
        palette = None if self.style.is_rgb else self.style.palette
        rows, cols = window.rows, window.cols

        def call() -> bytes:
            for name, array in zip(self.style.inputs, arrays, strict=True):
                if by_zarr:
                    array[rows, cols]
                else:
                    self.layer.read(name, level=window.level, rows=rows, cols=cols)
            if palette is None:
                return png_rgb(index, transparent=True)
            return png_indexed(index, palette)

        return call


def run(quick: bool) -> Report:
    """Time tiles at several zooms of two stores, colour-mapped and RGB."""
    edge = 1024 if quick else 4096
    tables, checks = [], []
    with tempfile.TemporaryDirectory() as folder:
        for crs, affine in GRIDS.items():
            layer = to_catalog(_scene(edge, crs, affine), folder, crs.replace(":", "_"))
            for name, style in STYLES.items():
                timings = _time_tiles(layer, style, rounds=3 if quick else 15)
                tables.append(
                    Table(title=f"{crs}, {name}", timings=timings, reference="read + encode")
                )
                ratio = timings["xcube_tiles"].ratio_to(timings["read + encode"])
                checks.append(at_most(f"tile / (read + encode), {crs}, {name}", ratio, BOUND))
    return Report(
        name="tile",
        setup=f"256 x 256 {TMS} tiles at 4 zooms of {edge} x {edge} cells on local disk, sharded "
        "(inner chunks of 256), page cache warm; colour map: float32, RGB: 3 x uint16",
        tables=tables,
        checks=checks,
        peers=["rio-tiler", "imagecodecs"],
        notes=[
            (
                "read + encode: the same windows by Layer.read, or through zarr's pipeline, and "
                "the finished palette indices through the same PNG encoder. rio-tiler: "
                "GroupReader.tile, rescale, colour map, PNG."
            )
        ],
    )


def _scene(edge: int, crs: str, affine: Affine) -> xr.Dataset:
    """Return smooth terrain with some noise, and three bands of 16 bits made of it."""
    rng = np.random.default_rng(7)
    height = zoom(rng.random((edge // 64, edge // 64)), 64, order=3)
    height = (height - height.min()) / np.ptp(height)
    bands = {
        name: (height * gain + rng.normal(0, 40, height.shape)).clip(1, 65535).astype(np.uint16)
        for name, gain in (("red", 3200), ("green", 2800), ("blue", 2400))
    }
    noisy = (height + rng.normal(0, 0.005, height.shape)).astype(np.float32)
    cube = xr.Dataset(
        {"height": (("y", "x"), noisy)}
        | {name: (("y", "x"), band, {"_FillValue": 0}) for name, band in bands.items()}
    )
    return assign_geobox(cube.chunk(2048), GeoBox((edge, edge), affine, crs))


def _time_tiles(layer: Layer, style: Style, *, rounds: int) -> dict[str, Timing]:
    """Return the times of single tiles, all tiles and rounds in one row."""
    seconds: dict[str, list[float]] = {}
    peer = _rio_tiler(layer, style)
    for tile in _tiles(layer):
        case = Case(layer=layer, tile=tile, style=style)
        contenders: dict[str, Callable[[], object]] = {
            "read + encode": case.floor(),
            "xcube_tiles": case.ours,
            "Zarr's read + encode": case.floor(by_zarr=True),
        }
        if peer is not None:
            contenders["rio-tiler"] = partial(peer, tile)
        for name, timing in alternate(contenders, rounds=rounds).items():
            seconds.setdefault(name, []).extend(timing.seconds)
    return {name: Timing(seconds=tuple(values)) for name, values in seconds.items()}


def _tiles(layer: Layer) -> list[tuple[str, int, int, int]]:
    """Return four tiles inside the layer at each of four zooms, from its cells' size outwards."""
    bounds = layer.extent.to_crs("EPSG:4326").bounds
    tms = named_tms(TMS)
    resolution = layer.levels[0].resolution[0] * (111_319 if layer.crs.geographic else 1)
    finest = tms.zoom_for_res(resolution / 0.68)
    places = [(0.4, 0.4), (0.55, 0.45), (0.45, 0.6), (0.6, 0.55)]
    found = []
    for z in range(finest - 3, finest + 1):
        for right, up in places:
            lon = bounds.xmin + right * (bounds.xmax - bounds.xmin)
            lat = bounds.ymin + up * (bounds.ymax - bounds.ymin)
            tile = tms.tile(lon, lat, z)
            found.append((TMS, z, int(tile.x), int(tile.y)))
    return sorted(set(found))


def _rio_tiler(layer: Layer, style: Style) -> Callable[[tuple[str, int, int, int]], bytes] | None:
    """Return rio-tiler's way to the same tile, None where its Zarr reader isn't installed."""
    if find_spec("rio_tiler") is None or find_spec("isochron") is None:
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that the reader is experimental
        from rio_tiler.experimental.zarr import GroupReader
    from rio_tiler.colormap import cmap

    reader: Any = GroupReader(layer.group)
    colours = None if style.is_rgb else cmap.get("terrain")
    limits = [tuple(style.stretch[0])] * len(style.inputs)

    def call(tile: tuple[str, int, int, int]) -> bytes:
        _, z, x, y = tile
        image = reader.tile(x, y, z, variables=list(style.inputs))
        image.rescale(limits)
        return bytes(image.render(img_format="PNG", colormap=colours))

    return call
