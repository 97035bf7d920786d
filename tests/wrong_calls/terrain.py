"""Wrong calls of what is computed from elevations."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from odc.geo.geobox import GeoBox

import xcube_tiles as xt  # noqa: F401  (registers the accessor)
from tests.cube.rasters import raster
from tests.wrong_calls import WrongCall
from xcube_tiles.algebra import terrain
from xcube_tiles.algebra.visibility import viewshed
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


def look(x: object = 300_005, y: float = 5_000_005, **options: object) -> object:
    """Look from a cell of a plain."""
    return raster(1).tiles.viewshed(x, y, **options)


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
        "clockwise from north, must be finite, got nan",
    ),
    WrongCall(
        "da.tiles.hillshade",
        lambda: raster(1).tiles.hillshade(azimuth="north-west"),
        AlgebraError,
        "must be a number, got 'north-west'",
    ),
    WrongCall(
        "da.tiles.hillshade",
        lambda: raster(1).tiles.hillshade(altitude=None),
        AlgebraError,
        "altitude must be a number, got None",
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
    WrongCall("da.tiles.viewshed", lambda: look(x=0), AlgebraError, "observer: .* lies outside"),
    WrongCall("da.tiles.viewshed", lambda: look(x="here"), AlgebraError, "coordinates .*'here'"),
    WrongCall(
        "da.tiles.viewshed", lambda: look(observer_height="2 m"), AlgebraError, "number, got '2 m'"
    ),
    WrongCall("da.tiles.viewshed", lambda: look(max_distance="1 km"), AlgebraError, "'1 km'"),
    WrongCall("da.tiles.viewshed", lambda: look(field_of_view="all"), AlgebraError, "'all'"),
    WrongCall("da.tiles.viewshed", lambda: look(lowest=None), AlgebraError, "lowest.* None"),
    WrongCall("da.tiles.viewshed", lambda: look(refraction="air"), AlgebraError, "'air'"),
    WrongCall(
        "da.tiles.viewshed", lambda: look(curvature="no"), AlgebraError, "or False, got 'no'"
    ),
    WrongCall(
        "da.tiles.viewshed",
        lambda: raster(np.nan).tiles.viewshed(300_005, 5_000_005),
        AlgebraError,
        "has no elevation",
    ),
    WrongCall(
        "da.tiles.viewshed",
        lambda: raster(1, geobox=DEGREES).tiles.viewshed(10.01, 50.01),
        GeoreferenceError,
        "need a projected CRS",
    ),
    WrongCall(
        "da.tiles.viewshed",
        lambda: raster(1, geobox=FEET).tiles.viewshed(900_005, 200_005),
        GeoreferenceError,
        "z_factor=1 if",
    ),
    WrongCall("da.tiles.viewshed", lambda: look(z_factor=-1), AlgebraError, "must be positive"),
    WrongCall(
        "da.tiles.viewshed", lambda: look(observer_height=-1), AlgebraError, "observer_height.*-1"
    ),
    WrongCall(
        "da.tiles.viewshed", lambda: look(target_height=np.inf), AlgebraError, "target_height.*inf"
    ),
    WrongCall("da.tiles.viewshed", lambda: look(max_distance=0), AlgebraError, "positive, or None"),
    WrongCall("da.tiles.viewshed", lambda: look(azimuth=np.nan), AlgebraError, "got nan"),
    WrongCall("da.tiles.viewshed", lambda: look(field_of_view=0), AlgebraError, "up to 360"),
    WrongCall(
        "da.tiles.viewshed",
        lambda: look(lowest=10, highest=5),
        AlgebraError,
        "the first below the second, got 10 and 5",
    ),
    WrongCall("da.tiles.viewshed", lambda: look(refraction=1), AlgebraError, "less than 1, got 1"),
    WrongCall(
        "da.tiles.viewshed", lambda: look(output="angle"), AlgebraError, "one of visible, height"
    ),
    WrongCall(
        "da.tiles.viewshed",
        lambda: viewshed(raster(1).to_dataset(), 300_005, 5_000_005),  # type: ignore[arg-type]
        DimensionError,
        "name the variable",
    ),
]
