"""What the soak serves: layers on both kinds of grid, through time and of classes, and rasters."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import rasterio
import xarray as xr
from affine import Affine
from odc.geo.geobox import GeoBox

from benchmarks.cases.serving_data import cells, grid
from xcube_tiles.catalog.reader import open_catalog
from xcube_tiles.catalog.writer import to_catalog
from xcube_tiles.cube.cells import set_cell_type
from xcube_tiles.cube.georef import assign_geobox
from xcube_tiles.grid.celltype import CellType

if TYPE_CHECKING:
    from pathlib import Path

    from xcube_tiles.render.source import TileSource

TIMES = ("2024-04-10", "2024-05-20", "2024-06-15", "2024-07-05")
BANDS = ("blue", "green", "red", "nir")
RASTER_DATES, RASTER_BANDS = ("20240410", "20240520"), ("B02", "B03", "B04")
UTM = "EPSG:32632"


class Bounds(NamedTuple):
    """Where a layer lies, in degrees."""

    west: float
    south: float
    east: float
    north: float


class Served(NamedTuple):
    """What a server is started with, and what this process draws from."""

    catalog: Path
    pattern: str
    sources: dict[str, TileSource]
    bounds: dict[str, Bounds]

    @property
    def options(self) -> list[str]:
        """Arguments of `xcube-tiles serve`."""
        return [str(self.catalog), "--raster-pattern", self.pattern]


def make(folder: Path, edge: int) -> Served:
    """Write the catalog and the rasters; `edge` cells are those of the largest layers."""
    catalog = folder / "catalog.zarr"
    for kind in ("aligned", "UTM"):
        array = xr.DataArray(cells(edge), dims=("y", "x"), name="cells").chunk(1024)
        typed = set_cell_type(array, CellType.parse("uint16ud0"))
        cube = assign_geobox(typed, grid(kind, edge))
        to_catalog(cube, str(catalog), kind.lower(), progress=False)
    to_catalog(_through_time(edge // 2), str(catalog), "stack", progress=False)
    to_catalog(_classes(edge // 2), str(catalog), "classes", progress=False)
    opened = open_catalog(str(catalog))
    sources: dict[str, TileSource] = {name: opened[name] for name in opened.layers}
    extents = {name: opened[name].extent.to_crs("EPSG:4326").bounds for name in opened.layers}
    bounds = {
        name: Bounds(extent.xmin, extent.ymin, extent.xmax, extent.ymax)
        for name, extent in extents.items()
    }
    pattern = _rasters(folder / "rasters", edge // 4)
    return Served(catalog, pattern, sources, bounds | {"rasters": bounds["utm"]})


def _box(edge: int, cell: float) -> GeoBox:
    return GeoBox((edge, edge), Affine(cell, 0, 480_000, 0, -cell, 5_330_000), UTM)


def _through_time(edge: int) -> xr.Dataset:
    """Return bands through time without values in a stripe, and heights with hills."""
    random = np.random.default_rng(11)
    rows, cols = np.mgrid[0:edge, 0:edge].astype(np.float32)
    variables = {}
    for number, band in enumerate(BANDS):
        values = np.stack([(rows * (number + 1) + cols * (when + 1)) % 997 for when in range(4)])
        values += random.normal(0, 20, values.shape).astype(np.float32)
        values[:, edge // 3 : edge // 3 + 9] = np.nan
        variables[band] = (("time", "y", "x"), values.astype(np.float32))
    hills = 400 + 300 * np.sin(rows / 40) * np.cos(cols / 60)
    variables["height"] = (("time", "y", "x"), np.stack([hills] * 4).astype(np.float32))
    times = np.array(TIMES, dtype="datetime64[ns]")
    return assign_geobox(xr.Dataset(variables, coords={"time": times}), _box(edge, 26))


def _classes(edge: int) -> xr.Dataset:
    rows, cols = np.mgrid[0:edge, 0:edge]
    values = ((rows // 60 + cols // 45) % 4).astype(np.uint8)
    flags = {
        "flag_values": [0, 1, 2, 3],
        "flag_meanings": "water forest meadow town",
        "_FillValue": 255,
    }
    return assign_geobox(xr.Dataset({"cover": (("y", "x"), values, flags)}), _box(edge, 26))


def _rasters(folder: Path, edge: int) -> str:
    """Write rasters by date and band; return their pattern."""
    folder.mkdir()
    box = _box(edge, 52)
    for date in RASTER_DATES:
        for band in RASTER_BANDS:
            values = (cells(edge) // (1 + RASTER_BANDS.index(band))).astype(np.uint16)
            with rasterio.open(
                folder / f"S2_{date}_{band}.tif",
                "w",
                driver="GTiff",
                width=edge,
                height=edge,
                count=1,
                dtype="uint16",
                crs=UTM,
                transform=box.affine,
                nodata=0,
                tiled=True,
                compress="deflate",
            ) as file:
                file.write(values, 1)
                file.build_overviews([2, 4], rasterio.enums.Resampling.average)
    return f"{folder}/{{sensor}}_{{date}}_{{band}}.tif"
