"""Wrong calls of GeoTIFFs: exported, arranged in layers, read in place."""

from __future__ import annotations

from typing import Any

from zarr.storage import MemoryStore

import xcube_tiles as xt
from tests.catalog.cubes import cube_of, random_cube
from tests.wrong_calls import WrongCall
from xcube_tiles.errors import CatalogError, GridError, ReducerError

# what a type checker refuses, a user of a notebook may still pass
ONE: Any = 1


def cube() -> Any:
    return random_cube((20, 20))


def catalog() -> xt.Catalog:
    store = MemoryStore()
    cube().tiles.to_catalog(store, "scene")
    return xt.open_catalog(store)


CALLS = [
    WrongCall(
        "ds.tiles.to_cog",
        lambda: random_cube((3, 4, 4)).tiles.to_cog("a.tif"),
        CatalogError,
        r"has 3 labels along 'time'.*put \{time\} into the path",
    ),
    WrongCall(
        "ds.tiles.to_cog",
        lambda: cube().tiles.to_cog("a.tif", compression="jpeg"),
        CatalogError,
        "compression is one of deflate, zstd, lzw, lerc, none; got 'jpeg'",
    ),
    WrongCall(
        "ds.tiles.to_cog",
        lambda: cube().tiles.to_cog("a.tif", compression="lzw", level=9),
        CatalogError,
        "level 9 isn't one of 'lzw'; the levels are deflate 1 to 12, zstd 1 to 22",
    ),
    WrongCall(
        "ds.tiles.to_cog",
        lambda: cube().tiles.to_cog("a.tif", max_error=0.1),
        CatalogError,
        "beyond 0 for compression='lerc' only; got 0.1 for 'deflate'",
    ),
    WrongCall(
        "ds.tiles.to_cog",
        lambda: cube().tiles.to_cog("a.tif", compression="lerc", max_error=0.1),
        CatalogError,
        "could make NoData",
    ),
    WrongCall(
        "ds.tiles.to_cog",
        lambda: cube().tiles.to_cog("a.tif", block_size=100),
        CatalogError,
        "block_size is a multiple of 16 from 16 to 8192 cells, got 100",
    ),
    WrongCall(
        "ds.tiles.to_cog",
        lambda: cube().tiles.to_cog("s3://bucket/a.tif"),
        CatalogError,
        "written to local paths, got 's3://bucket/a.tif'",
    ),
    WrongCall(
        "ds.tiles.to_cog",
        lambda: cube().tiles.to_cog("a_{date}.tif"),
        CatalogError,
        "has the field 'date'; for this cube the fields are {band}",
    ),
    WrongCall(
        "ds.tiles.to_cog", lambda: cube().tiles.to_cog(ONE), CatalogError, "path of a GeoTIFF"
    ),
    WrongCall(
        "ds.tiles.to_cog",
        lambda: (
            cube().assign(b=cube_of([[1] * 20] * 20, cells="uint8ud0").band).tiles.to_cog("a.tif")
        ),
        CatalogError,
        "a GeoTIFF has one cell type and these variables have several",
    ),
    WrongCall(
        "ds.tiles.to_cog",
        lambda: cube().tiles.to_cog("a.tif", resampling="average"),
        ReducerError,
        "'average'",
    ),
    WrongCall(
        "ds.tiles.to_cog",
        lambda: cube().tiles.to_cog("a.tif", bigtiff=True),
        CatalogError,
        "bigtiff is one of if needed, yes, no; got True",
    ),
    WrongCall(
        "ds.tiles.to_cog_layer",
        lambda: cube().tiles.to_cog_layer("layers", "../a"),
        CatalogError,
        "name must be letters",
    ),
    WrongCall(
        "ds.tiles.to_cog_layer",
        lambda: cube().tiles.to_cog_layer("layers", "a", tile_size=100),
        GridError,
        "tile_size is a power of two from 16 upwards, got 100",
    ),
    WrongCall(
        "ds.tiles.to_cog_layer",
        lambda: cube().tiles.to_cog_layer("layers", "a", min_zoom=20),
        GridError,
        "got max_zoom=14, min_zoom=20",
    ),
    WrongCall(
        "ds.tiles.to_cog_layer",
        lambda: cube().tiles.to_cog_layer("layers", "a", max_tile_size=100),
        GridError,
        "max_tile_size is at least a tile, 256 cells; got 100",
    ),
    WrongCall(
        "xt.Catalog.link",
        lambda: catalog().link([], "files"),
        CatalogError,
        "no files: give at least one path",
    ),
    WrongCall(
        "xt.Catalog.link",
        lambda: catalog().link(["/no/such/file.tif"], "files"),
        CatalogError,
        "'/no/such/file.tif' can't be read: No such file",
    ),
    WrongCall(
        "xt.Catalog.link",
        lambda: catalog().link(ONE, "files"),
        CatalogError,
        "expected paths, or a collection of rasters, got 1",
    ),
    WrongCall(
        "xt.Catalog.link",
        lambda: catalog().link([ONE], "files"),
        CatalogError,
        "expected the path or URL of a raster, got 1",
    ),
    WrongCall(
        "xt.Catalog.link",
        lambda: catalog().link(["a.tif"], ".hidden"),
        CatalogError,
        "begin with a letter or digit; got '.hidden'",
    ),
]
