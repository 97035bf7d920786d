"""What the package asks of a grid of cells (`odc.geo.geobox.GeoBox`)."""

from __future__ import annotations

from odc.geo.geobox import GeoBox

from xcube_tiles.errors import GridError

TOLERANCE = 1e-6
"""Share of a cell that counts as nothing: coordinates carry that much noise."""


def north_up_resolution(geobox: GeoBox) -> tuple[float, float]:
    """Return width and height of the cells of a north-up geobox, both positive.

    Raises
    ------
    GridError
        A geobox that is rotated, south-up, empty or has no CRS.

    Examples
    --------
    >>> from affine import Affine
    >>> north_up_resolution(GeoBox((5, 5), Affine(10, 0, 0, 0, -20, 0), "EPSG:32633"))
    (10.0, 20.0)
    """
    if not isinstance(geobox, GeoBox):
        raise GridError(f"expected a GeoBox of odc.geo, got {geobox!r}")
    if geobox.crs is None:
        raise GridError("the geobox has no CRS; give it one: GeoBox(shape, affine, crs)")
    if 0 in geobox.shape.yx:
        raise GridError(f"expected a geobox with cells, got the shape {geobox.shape.yx!r}")
    affine = geobox.affine
    rows, cols = geobox.shape.yx
    # a shear is noise as long as no cell of the grid leaves its place by it
    sheared = abs(affine.b) * rows / abs(affine.a or 1), abs(affine.d) * cols / abs(affine.e or 1)
    if affine.a <= 0 or affine.e >= 0 or max(sheared) > TOLERANCE:
        raise GridError(
            "expected a north-up geobox (x to the east, y to the south, not rotated), got the "
            f"transform {tuple(affine)[:6]!r}; bring the data there with reproject()"
        )
    return float(affine.a), float(-affine.e)
