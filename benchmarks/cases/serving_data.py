"""What the tile endpoint's benchmark serves: one raster, as a layer and as a COG, and its tiles."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import rasterio
import xarray as xr
from affine import Affine
from odc.geo.geobox import GeoBox
from rasterio.shutil import copy as copy_raster
from scipy.ndimage import zoom

from xcube_tiles.catalog.reader import open_catalog
from xcube_tiles.catalog.writer import to_catalog
from xcube_tiles.cube.cells import set_cell_type
from xcube_tiles.cube.georef import assign_geobox
from xcube_tiles.grid.celltype import CellType
from xcube_tiles.render.tms import named_tms

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

TMS, ZOOM = "WebMercatorQuad", 13
HIGHEST = 10_000
"""The stretch ends here."""

GRIDS = {"aligned": "EPSG:3857", "UTM": "EPSG:32632"}
"""Kind of grid to its CRS."""


class Place(NamedTuple):
    """A tile, and the level of the layer whose cells fit it."""

    z: int
    x: int
    y: int
    level: int


def grid(kind: str, edge: int) -> GeoBox:
    """Return the grid of the raster: cells of a zoom level's size, or 13 m in UTM."""
    if kind == "aligned":
        tms = named_tms(TMS)
        # A tile whose number is divisible by many powers of two: all levels of a pyramid align.
        at = tms.tile(9.0, 47.5, ZOOM)
        corner = tms.xy_bounds(type(at)(at.x // 32 * 32, at.y // 32 * 32, ZOOM))
        cell = (corner.right - corner.left) / 256
        return GeoBox((edge, edge), Affine(cell, 0, corner.left, 0, -cell, corner.top), GRIDS[kind])
    return GeoBox((edge, edge), Affine(13, 0, 480_000, 0, -13, 5_330_000), GRIDS[kind])


def cells(edge: int) -> NDArray[np.uint16]:
    """Return terrain-like values of 16 bits with noise, 0 (NoData) in a band and in some spots."""
    random = np.random.default_rng(20180524)
    coarse = random.random((edge // 256 + 2, edge // 256 + 2))
    smooth = zoom(coarse, 256, order=1)[:edge, :edge].astype(np.float32)
    values = smooth * (HIGHEST - 200) + random.normal(0, 60, smooth.shape).astype(np.float32)
    found: NDArray[np.uint16] = values.clip(1, 65535).astype(np.uint16)
    found[np.add.outer(np.arange(edge), np.arange(edge)) % 4096 < 200] = 0
    return found


def make(folder: Path, kind: str, edge: int) -> None:
    """Write the raster as the layer `scene` of a catalog and as `scene.tif`, a COG."""
    box, values = grid(kind, edge), cells(edge)
    path = folder / "plain.tif"
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        width=edge,
        height=edge,
        count=1,
        dtype="uint16",
        crs=str(box.crs),
        transform=box.affine,
        nodata=0,
        tiled=True,
    ) as file:
        file.write(values, 1)
    copy_raster(
        path,
        folder / "scene.tif",
        driver="COG",
        blocksize=256,
        compress="deflate",
        predictor=2,
        overview_resampling="average",
    )
    path.unlink()
    array = xr.DataArray(values, dims=("y", "x"), name="cells").chunk(2048)
    cube = assign_geobox(set_cell_type(array, CellType.parse("uint16ud0")), box)
    to_catalog(cube, str(folder / "catalog.zarr"), "scene", progress=False)


def tiles(folder: Path, kind: str, count: int) -> list[Place]:
    """Return tiles over three zooms whose middles lie in the raster, in no order."""
    layer = open_catalog(str(folder / "catalog.zarr"))["scene"]
    tms = named_tms(TMS)
    bounds = layer.extent.to_crs("EPSG:4326").bounds
    random = np.random.default_rng(7)
    resolution = layer.levels[0].resolution[0]
    if kind != "aligned":
        resolution /= np.cos(np.radians((bounds.ymin + bounds.ymax) / 2))
    finest = tms.zoom_for_res(resolution)
    found: dict[Place, None] = {}
    shares = {finest: 0.6, finest - 1: 0.3, finest - 2: 0.1}
    for z, share in shares.items():
        wanted, tries = len(found) + round(count * share), 0
        while len(found) < wanted and tries < 40 * count:
            tries += 1
            right, up = random.uniform(0.06, 0.94, 2)
            lon = bounds.xmin + right * (bounds.xmax - bounds.xmin)
            lat = bounds.ymin + up * (bounds.ymax - bounds.ymin)
            at = tms.tile(lon, lat, z)
            level = min(finest - z, len(layer.levels) - 1)
            found[Place(z, int(at.x), int(at.y), level)] = None
    places = list(found)
    return [places[i] for i in random.permutation(len(places))]
