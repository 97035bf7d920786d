"""The grid of a reading: a level of a layer, or one finer than all of them."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, isfinite, log2
from typing import TYPE_CHECKING, Literal, TypeAlias, get_args

from affine import Affine
from odc.geo.geobox import GeoBox

from xcube_tiles.errors import CatalogError

if TYPE_CHECKING:
    from xcube_tiles.catalog.layer import Layer, Level

Overzoom: TypeAlias = Literal["nearest", "bilinear", "cubic", "cubic_spline", "lanczos"]
"""How cells are made that are smaller than those of the finest level."""

_FINEST = 24
"""Most times that the finest level is halved: 1 m cells are then 60 nanometres wide."""

_SAME = 1e-9
"""Resolutions that differ by less, relatively, are equal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A grid, and the level whose cells it is made of."""

    level: Level
    """The level that is read."""

    geobox: GeoBox
    """The grid, without the padding of the level."""

    factor: int = 1
    """Cells of the grid per cell of the level, each way."""

    method: Overzoom = "nearest"
    """How smaller cells are made."""


def target_at(
    layer: Layer,
    zoom: int | None = None,
    *,
    resolution: float | None = None,
    overzoom: Overzoom | None = None,
) -> Target:
    """Return the grid of a zoom or resolution; without either that of the finest level.

    Parameters
    ----------
    layer
        Layer of a catalog.
    zoom
        Zoom of the layer's scheme; for a local scheme the number of the level, 0 the finest.
    resolution
        Largest cells that will do, in units of the CRS: the coarsest level that has no larger ones.
    overzoom
        Method for grids finer than the finest level; None: such are refused.

    Raises
    ------
    CatalogError
        A zoom that the layer hasn't, and that can't be made of its finest level.
    """
    if zoom is not None and resolution is not None:
        raise CatalogError(f"pass zoom or resolution, not both: got {zoom!r} and {resolution!r}")
    if overzoom is not None and overzoom not in get_args(Overzoom):
        raise CatalogError(
            f"overzoom must be one of {', '.join(get_args(Overzoom))}, got {overzoom!r}"
        )
    if resolution is not None:
        return _fine_enough(layer, resolution, overzoom)
    if zoom is None:
        return _of_level(layer, layer.levels[0])
    for level in layer.levels:
        if level.zoom == zoom and not isinstance(zoom, bool):
            return _of_level(layer, level)
    return _beyond(layer, zoom, overzoom)


def _fine_enough(layer: Layer, resolution: float, overzoom: Overzoom | None) -> Target:
    if not isinstance(resolution, int | float) or not (isfinite(resolution) and resolution > 0):
        raise CatalogError(f"resolution must be a positive number, got {resolution!r}")
    for level in reversed(layer.levels):
        if max(level.resolution) <= resolution * (1 + _SAME):
            return _of_level(layer, level)
    finest = max(layer.levels[0].resolution)
    if overzoom is None:
        raise CatalogError(
            f"layer {layer.name!r} has no cells of {resolution!r}, the finest are {finest!r}; "
            "pass overzoom='nearest' or 'bilinear' to make finer ones"
        )
    return _finer(layer, ceil(log2(finest / resolution) - _SAME), overzoom)


def _beyond(layer: Layer, zoom: int, overzoom: Overzoom | None) -> Target:
    zooms = ", ".join(str(level.zoom) for level in layer.levels)
    text = f"layer {layer.name!r} has the zooms {zooms} (the finest first), not {zoom!r}"
    if isinstance(zoom, bool) or not isinstance(zoom, int):
        raise CatalogError(text)
    base = layer.levels[0].zoom
    # Zooms of a scheme grow with the resolution, numbers of levels shrink.
    steps = base - zoom if layer.metadata.get("zoom") is None else zoom - base
    if steps > 0 and overzoom is None:
        raise CatalogError(f"{text}; pass overzoom='nearest' or 'bilinear' for finer cells")
    if steps < 0:
        raise CatalogError(
            f"{text}; for coarser cells read the last of them and use cube.tiles.resample(...)"
        )
    return _finer(layer, steps, overzoom or "nearest")


def _finer(layer: Layer, steps: int, method: Overzoom) -> Target:
    if steps > _FINEST:
        raise CatalogError(
            f"cells can be halved {_FINEST} times, {steps} were asked for of layer {layer.name!r}"
        )
    whole, factor = _of_level(layer, layer.levels[0]), 2**steps
    height, width = whole.geobox.shape
    affine = whole.geobox.affine * Affine.scale(1 / factor)
    geobox = GeoBox((height * factor, width * factor), affine, whole.geobox.crs)
    return Target(level=whole.level, geobox=geobox, factor=factor, method=method)


def _of_level(layer: Layer, level: Level) -> Target:
    height, width = layer.shape_of(level.number)
    return Target(level=level, geobox=level.geobox[:height, :width])
