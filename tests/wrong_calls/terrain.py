"""Wrong calls of what is computed from elevations."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from odc.geo.geobox import GeoBox

import xcube_tiles as xt  # noqa: F401  (registers the accessor)
from tests.cube.rasters import raster
from tests.wrong_calls import WrongCall
from xcube_tiles.algebra import terrain
from xcube_tiles.errors import AlgebraError, DimensionError, GeoreferenceError

if TYPE_CHECKING:
    import xarray as xr

DEGREES = GeoBox.from_bbox((10, 50, 10.05, 50.04), crs="EPSG:4326", resolution=0.01)
FEET = GeoBox.from_bbox((900_000, 200_000, 900_050, 200_040), crs="EPSG:2263", resolution=10)
BEYOND = GeoBox.from_bbox((10, 88, 10.05, 92), crs="EPSG:4326", resolution=0.01)


def metric_calls(name: str) -> tuple[WrongCall, ...]:
    """Return the wrong calls that all products share for which distances matter."""

    def call(array: xr.DataArray, **options: object) -> object:
        return getattr(array.tiles, name)(**options)

    def lonlat() -> xr.DataArray:
        return raster(1.0, geobox=DEGREES)

    label = f"da.tiles.{name}"
    bare = raster(1).drop_vars("spatial_ref")
    return (
        WrongCall(label, lambda: call(lonlat()), GeoreferenceError, "z_factor='latitude'"),
        WrongCall(
            label,
            lambda: call(raster(1, geobox=FEET)),
            GeoreferenceError,
            r"US survey foot .*z_factor=1 if .*z_factor=3\.28",
        ),
        WrongCall(
            label,
            lambda: call(raster(1), z_factor="latitude"),
            GeoreferenceError,
            "for coordinates in degrees",
        ),
        WrongCall(
            label,
            lambda: call(raster(1, geobox=BEYOND), z_factor="latitude"),
            GeoreferenceError,
            "beyond a pole",
        ),
        WrongCall(label, lambda: call(bare), GeoreferenceError, "no CRS"),
        WrongCall(label, lambda: call(raster(1), z_factor=0), AlgebraError, "must be positive"),
        WrongCall(label, lambda: call(raster(1), z_factor=np.inf), AlgebraError, "finite"),
        WrongCall(
            label, lambda: call(raster(1), z_factor=[1]), AlgebraError, "positive and finite"
        ),
        WrongCall(label, lambda: call(raster(1), z_factor="lat"), AlgebraError, "or 'latitude'"),
    )


def edge_calls(name: str) -> tuple[WrongCall, ...]:
    """Return the wrong calls that all products share."""
    label = f"da.tiles.{name}"
    return (
        WrongCall(
            label,
            lambda: getattr(raster(1).tiles, name)(edges="reflect"),
            AlgebraError,
            "'reflect'; expected one of focus, nodata, extrapolate",
        ),
        WrongCall(
            label,
            lambda: getattr(terrain, name)(raster(1).to_dataset()),
            DimensionError,
            "name the variable",
        ),
        WrongCall(
            label,
            lambda: getattr(raster(1).rename(y="row").tiles, name)(),
            GeoreferenceError,
            "no spatial dimensions",
        ),
    )


CALLS = [
    *(
        wrong
        for name in ("slope", "aspect", "hillshade", "curvature")
        for wrong in metric_calls(name)
    ),
    *(
        wrong
        for name in ("slope", "aspect", "hillshade", "curvature", "tpi", "tri", "roughness")
        for wrong in edge_calls(name)
    ),
    WrongCall(
        "da.tiles.slope",
        lambda: raster(1).tiles.slope(method="sobel"),
        AlgebraError,
        "'sobel'; expected one of horn, zevenbergen-thorne",
    ),
    WrongCall(
        "da.tiles.slope",
        lambda: raster(1).tiles.slope(units="gradians"),
        AlgebraError,
        "'gradians'; expected one of degrees, radians, percent",
    ),
    WrongCall(
        "da.tiles.aspect", lambda: raster(1).tiles.aspect(flat="level"), AlgebraError, "'level'"
    ),
    WrongCall(
        "da.tiles.aspect",
        lambda: raster(1).tiles.aspect(trigonometric="yes"),
        AlgebraError,
        "True or False, got 'yes'",
    ),
    WrongCall(
        "da.tiles.hillshade",
        lambda: raster(1).tiles.hillshade(altitude=100),
        AlgebraError,
        "0 to 90",
    ),
    WrongCall(
        "da.tiles.hillshade",
        lambda: raster(1).tiles.hillshade(azimuth=np.nan),
        AlgebraError,
        "clockwise from north, got nan",
    ),
    WrongCall(
        "da.tiles.hillshade",
        lambda: raster(1).tiles.hillshade(light="ambient"),
        AlgebraError,
        "single, multidirectional, combined, igor",
    ),
    WrongCall(
        "da.tiles.hillshade",
        lambda: raster(1).tiles.hillshade(light="multidirectional", azimuth=90),
        AlgebraError,
        "takes no azimuth, got 90",
    ),
    WrongCall(
        "da.tiles.hillshade",
        lambda: raster(1).tiles.hillshade(light="igor", altitude=30),
        AlgebraError,
        "takes no altitude, got 30",
    ),
    WrongCall(
        "da.tiles.hillshade",
        lambda: raster(1).tiles.hillshade(scale="percent"),
        AlgebraError,
        "byte, geotrellis, unit",
    ),
    WrongCall(
        "da.tiles.curvature",
        lambda: raster(1).tiles.curvature(kind="mean"),
        AlgebraError,
        "total, plan, profile",
    ),
    WrongCall(
        "da.tiles.tri",
        lambda: raster(1).tiles.tri(method="horn"),
        AlgebraError,
        "riley, wilson",
    ),
]
