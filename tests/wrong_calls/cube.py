"""Wrong calls of what works on the grid, the dimensions and the cells of a cube."""

from __future__ import annotations

import numpy as np

import xcube_tiles as xt  # noqa: F401  (registers the accessor)
from tests.cube.rasters import UTM, raster
from tests.wrong_calls import WrongCall
from xcube_tiles.cube.labels import empty_cube
from xcube_tiles.errors import (
    CellOverflowError,
    CellTypeError,
    DimensionError,
    GeoreferenceError,
    GridError,
    IncompatibleCubesError,
)

DATES = ["2024-01-01", "2024-02-01"]


CALLS = [
    WrongCall("da.tiles.layout", lambda: raster(1).tiles.layout(0), GridError, "0"),
    WrongCall("da.tiles.layout", lambda: raster(1).tiles.layout(-256), GridError, "-256"),
    WrongCall(
        "da.tiles.layout",
        lambda: raster(1).drop_vars("spatial_ref").tiles.layout(256),
        GeoreferenceError,
        "set_crs",
    ),
    WrongCall("da.tiles.set_crs", lambda: raster(1).tiles.set_crs("nope"), GridError, "nope"),
    WrongCall(
        "da.tiles.set_crs",
        lambda: raster(1).isel(x=[0, 1, 3]).tiles.set_crs(32633),
        GeoreferenceError,
        "isn't regular",
    ),
    WrongCall(
        "da.tiles.set_crs",
        lambda: raster(1).rename(y="rows").tiles.set_crs(32633),
        GeoreferenceError,
        "no spatial dimensions",
    ),
    WrongCall("da.tiles.convert", lambda: raster(1).tiles.convert("int9"), CellTypeError, "int9"),
    WrongCall(
        "da.tiles.convert",
        lambda: raster(np.int16(300)).tiles.convert("uint8raw"),
        CellOverflowError,
        "300",
    ),
    WrongCall(
        "da.tiles.convert",
        lambda: raster(1).tiles.convert("uint8raw", overflow="wrap"),
        CellTypeError,
        "raise, saturate, nodata",
    ),
    WrongCall(
        "da.tiles.check_compatible",
        lambda: raster(1).tiles.check_compatible(raster(1).isel(x=slice(1, None))),
        IncompatibleCubesError,
        "differ in size",
    ),
    WrongCall(
        "da.tiles.check_compatible",
        lambda: raster(1, times=DATES).tiles.check_compatible(raster(1, times=DATES[:1])),
        IncompatibleCubesError,
        "only the first has",
    ),
    WrongCall(
        "da.tiles.check_compatible",
        lambda: raster(1).tiles.check_compatible(raster(1).drop_vars("spatial_ref")),
        GeoreferenceError,
        "no CRS",
    ),
    WrongCall(
        "da.tiles.add_dimension",
        lambda: raster(1).tiles.add_dimension("x", 1),
        DimensionError,
        "inherent to a cube",
    ),
    WrongCall(
        "da.tiles.add_dimension",
        lambda: raster(1).tiles.add_dimension("z", 1, type="spatial"),
        DimensionError,
        "can't be added",
    ),
    WrongCall(
        "da.tiles.add_dimension",
        lambda: raster(1).tiles.add_dimension("when", "soon", type="temporal"),
        DimensionError,
        "must be a date",
    ),
    WrongCall(
        "ds.tiles.add_dimension",
        lambda: raster(1).to_dataset().tiles.add_dimension("band", "b", type="bands"),
        DimensionError,
        "stack_bands",
    ),
    WrongCall(
        "da.tiles.drop_dimension",
        lambda: raster(1, times=DATES).tiles.drop_dimension("time"),
        DimensionError,
        "has 2 labels",
    ),
    WrongCall(
        "da.tiles.drop_dimension",
        lambda: raster(1).tiles.drop_dimension("y"),
        DimensionError,
        "spatial dimension 'y'",
    ),
    WrongCall(
        "da.tiles.drop_dimension",
        lambda: raster(1).tiles.drop_dimension("sensor"),
        DimensionError,
        "no dimension 'sensor'",
    ),
    WrongCall(
        "da.tiles.rename_labels",
        lambda: raster(1, times=DATES).tiles.rename_labels("time", ["2024-03-01"]),
        DimensionError,
        "1 new labels for 2",
    ),
    WrongCall(
        "da.tiles.rename_labels",
        lambda: raster(1).expand_dims(s=["a", "b"]).tiles.rename_labels("s", {"a": "b"}),
        DimensionError,
        "occur twice",
    ),
    WrongCall(
        "da.tiles.rename_labels",
        lambda: raster(1).expand_dims(s=["a", "b"]).tiles.rename_labels("s", {"z": "b"}),
        DimensionError,
        "no label 'z'",
    ),
    WrongCall(
        "da.tiles.merge",
        lambda: raster(1).tiles.merge(raster(2)),
        DimensionError,
        "overlap='first'",
    ),
    WrongCall(
        "da.tiles.merge",
        lambda: raster(1).tiles.merge(raster(2), overlap="middle"),
        DimensionError,
        "first, last, min",
    ),
    WrongCall(
        "da.tiles.merge",
        lambda: raster(1).tiles.merge(raster(2, geobox=UTM.zoom_out(2)), overlap="first"),
        IncompatibleCubesError,
        "differ in size",
    ),
    WrongCall(
        "da.tiles.mask",
        lambda: raster(np.uint8(1)).tiles.mask(raster(np.uint8(1))),
        CellTypeError,
        "no NoData value",
    ),
    WrongCall(
        "da.tiles.mask",
        lambda: raster(1.0).tiles.mask(raster(1).to_dataset()),
        DimensionError,
        "one raster",
    ),
    WrongCall(
        "da.tiles.mask",
        lambda: raster(1.0).tiles.mask(raster(1, geobox=UTM.zoom_out(2))),
        IncompatibleCubesError,
        "size",
    ),
    WrongCall("da.tiles.reproject", lambda: raster(1.0).tiles.reproject("here"), GridError, "here"),
    WrongCall(
        "da.tiles.reproject",
        lambda: raster(1.0).tiles.reproject(3857, resolution=0),
        GridError,
        "positive",
    ),
    WrongCall(
        "da.tiles.reproject",
        lambda: raster(1.0).tiles.reproject(3857, resampling="best"),
        GridError,
        "nearest, bilinear",
    ),
    WrongCall(
        "da.tiles.crop",
        lambda: raster(1).tiles.crop((0, 0, 1, 1)),
        GridError,
        "doesn't touch the cube",
    ),
    WrongCall("da.tiles.crop", lambda: raster(1).tiles.crop((1, 2, 3)), GridError, "xmin, ymin"),
    WrongCall(
        "da.tiles.crop",
        lambda: raster(1).tiles.crop((10, 0, 0, 10)),
        GridError,
        "xmin <= xmax",
    ),
    WrongCall(
        "ds.tiles.merge",
        lambda: (
            empty_cube()
            .tiles.add_dimension("s", "a")
            .tiles.merge(raster(1).expand_dims(s=["b"]).to_dataset())
        ),
        DimensionError,
        "rename_labels",
    ),
]
