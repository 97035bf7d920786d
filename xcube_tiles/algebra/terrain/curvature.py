"""Curvature: how a surface bends."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

from xcube_tiles.algebra.choosing import chosen
from xcube_tiles.algebra.terrain.cells import positive
from xcube_tiles.algebra.terrain.run import run_product
from xcube_tiles.kernels.terrain import bends

if TYPE_CHECKING:
    import xarray as xr

    from xcube_tiles.algebra.terrain.cells import ZFactor
    from xcube_tiles.algebra.terrain.run import Edges

_KINDS = MappingProxyType({"total": bends.TOTAL, "plan": bends.PLAN, "profile": bends.PROFILE})


def curvature(
    elevation: xr.DataArray,
    *,
    kind: Literal["total", "plan", "profile"] = "total",
    z_factor: ZFactor = None,
    edges: Edges = "focus",
) -> xr.DataArray:
    """Return how the surface bends, in hundredths of one over the unit of the coordinates.

    Parameters
    ----------
    elevation, z_factor, edges
        As for `slope`.
    kind
        `"total"`: positive on hills, where the surface is convex, negative in hollows.
        `"plan"`: across the slope; positive where it is convex and water parts, negative where
        water gathers.
        `"profile"`: along the slope; negative where it is convex and grows steeper downhill,
        positive where it is concave. Total is plan less profile.

    Returns
    -------
    float32, NaN for NoData; 0 for plan and profile where the surface is level. Per metre with
    `z_factor="latitude"`. Lazy if `elevation` is, with one task per block.

    Raises
    ------
    AlgebraError
        An unknown kind; and as for `slope`.
    GeoreferenceError, DimensionError
        As for `slope`.

    Notes
    -----
    Zevenbergen and Thorne (1987), with the signs and the factor 100 of ArcGIS: from
    ``D = ((w + e) / 2 - z) / width**2``, ``E = ((n + s) / 2 - z) / height**2``,
    ``F = (ne - nw + sw - se) / (4 width height)``, ``G = (e - w) / (2 width)`` and
    ``H = (n - s) / (2 height)``

    - total = -200 (D + E),
    - plan = -200 (D H**2 + E G**2 - F G H) / (G**2 + H**2),
    - profile = 200 (D G**2 + E H**2 + F G H) / (G**2 + H**2).

    Examples
    --------
    >>> import xarray as xr
    >>> from affine import Affine
    >>> from odc.geo.geobox import GeoBox
    >>> from xcube_tiles.cube.georef import assign_geobox
    >>> grid = GeoBox((3, 3), Affine(10, 0, 0, 0, -10, 0), "EPSG:32633")
    >>> ridge = assign_geobox(xr.DataArray([[0.0, 1.0, 0.0]] * 3, dims=("y", "x")), grid)
    >>> curvature(ridge).values[1, 1], curvature(ridge * float("nan")).values[1, 1]
    (np.float32(2.0), np.float32(nan))
    """
    row = chosen("kind of curvature", kind, _KINDS)
    # The kernel measures cells in the unit of the elevations, and so what it returns.
    factor = 1.0 if z_factor is None or isinstance(z_factor, str) else 1 / positive(z_factor)
    return run_product(
        elevation,
        "curvature",
        (row,),
        edges=edges,
        z_factor=z_factor,
        scale=(100 * factor, 0.0),
        units="0.01 m-1" if factor == 1 else None,
    )
