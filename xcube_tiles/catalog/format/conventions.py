"""Attributes on disk: the Zarr conventions *multiscales*, *proj* and *spatial*, to and from grids.

Notes
-----
Convention entries carry the uuid and the name and no URL: this form alone passes all published
schemas and is understood by readers that look for the name (rioxarray) as by those that look for
the uuid (GDAL, rio-tiler, OpenLayers). `spatial:registration` is left out, as GDAL 3.13 drops the
levels of a multiscale that states the default.
"""

from __future__ import annotations

import base64
import math
import re
import struct
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import pyproj
from affine import Affine
from odc.geo.crs import CRS
from odc.geo.geobox import GeoBox

from xcube_tiles.errors import CatalogError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from xcube_tiles.grid.celltype import CellType
    from xcube_tiles.typing import PyramidResampling

Attributes: TypeAlias = dict[str, Any]
"""JSON attributes of a Zarr group or array."""

PRIVATE = "xcube_tiles"
"""The one attribute that holds what the conventions have no place for."""

FORMAT_VERSION = 1
"""Version of the private attribute."""

VIRTUAL = "cog"
"""The private attribute's `kind` of a layer whose cells stand in files: there are no arrays."""

_MULTISCALES = {"uuid": "d35379db-88df-4056-af3a-620245f8e347", "name": "multiscales"}
_PROJ = {"uuid": "f17cb550-5864-4468-aeb7-f3180cfb622f", "name": "proj:"}
_SPATIAL = {"uuid": "689b58e2-cf7b-45e0-9fff-9cfc0883d6b4", "name": "spatial:"}

_OWN = ("zarr_conventions", "multiscales", "grid_mapping", "coordinates", PRIVATE)

_CODE = re.compile(r"[A-Z]+:[0-9]+")
_METHODS = {"mean": "average"}
# GDAL and the convention's own examples call the mean "average"; the others have one name.


def layer_attributes(
    geoboxes: Sequence[GeoBox], resampling: PyramidResampling = "mean", *, prefix: str = ""
) -> Attributes:
    """Return the attributes of a layer's group.

    Parameters
    ----------
    geoboxes
        Grids of the levels, the finest first; all begin at the same corner.
    resampling
        The method that most variables were coarsened with.
    prefix
        Where the levels are, below the layer: nothing or a path that ends with ``/``.
    """
    method = _METHODS.get(resampling, resampling)
    return {
        "zarr_conventions": [dict(_MULTISCALES), dict(_PROJ), dict(_SPATIAL)],
        "multiscales": {
            "layout": [
                _layout_entry(geoboxes, level, method, prefix) for level in range(len(geoboxes))
            ],
            "resampling_method": method,
        },
        **_grid_attributes(geoboxes[0]),
    }


def level_attributes(geobox: GeoBox) -> Attributes:
    """Return the attributes of a level's group; its data arrays repeat them.

    Most readers look no further than the array or its group.
    """
    return {"zarr_conventions": [dict(_PROJ), dict(_SPATIAL)], **_grid_attributes(geobox)}


def is_layer(attributes: Mapping[str, Any]) -> bool:
    """Whether the attributes of a group are those of a layer, multiscale or of files."""
    return _is_multiscale(attributes) or is_virtual(attributes)


def is_virtual(attributes: Mapping[str, Any]) -> bool:
    """Whether the attributes of a group are those of a layer whose cells stand in files."""
    private = attributes.get(PRIVATE)
    return isinstance(private, dict) and private.get("kind") == VIRTUAL


def _is_multiscale(attributes: Mapping[str, Any]) -> bool:
    multiscales = attributes.get("multiscales")
    return isinstance(multiscales, dict) and bool(multiscales.get("layout"))


def parse_layout(attributes: Mapping[str, Any]) -> tuple[tuple[str, GeoBox], ...]:
    """Return the path and the grid of each level, the finest first.

    Raises
    ------
    CatalogError
        A layout entry without `asset`, `spatial:transform` or `spatial:shape`; no readable CRS.
    """
    if not _is_multiscale(attributes):
        raise CatalogError("the group isn't a layer: it has no 'multiscales' with a 'layout'")
    crs = _parse_crs(attributes)
    levels = []
    for number, entry in enumerate(attributes["multiscales"]["layout"]):
        absent = {"asset", "spatial:transform", "spatial:shape"} - set(entry)
        if absent:
            raise CatalogError(
                f"entry {number} of the multiscales layout lacks {', '.join(sorted(absent))}"
            )
        height, width = (int(size) for size in entry["spatial:shape"])
        affine = Affine(*(float(value) for value in entry["spatial:transform"]))
        levels.append((str(entry["asset"]), GeoBox((height, width), affine, crs)))
    return tuple(levels)


def public_attributes(attributes: Mapping[Any, Any]) -> Attributes:
    """Return a cube's own attributes as JSON, without any that this module writes."""
    attributes = {str(key): value for key, value in attributes.items()}
    kept: Attributes = as_json(without_conventions(attributes))
    return kept


def without_conventions(attributes: Mapping[str, Any]) -> Attributes:
    """Return attributes without those that describe the grid on disk.

    They would be wrong as soon as the array is cropped or warped in memory.
    """
    return {
        key: value
        for key, value in attributes.items()
        if key not in _OWN and not key.startswith(("proj:", "spatial:"))
    }


def encode_nodata(cell_type: CellType) -> int | str | None:
    """Return the attribute `_FillValue` of a Zarr v3 array as xarray writes it.

    Integers as they are, floats as base64 of a little-endian float64; None where every cell is
    valid.
    """
    if cell_type.nodata is None or cell_type.dtype.kind == "b":
        return None
    if cell_type.dtype.kind == "f":
        return base64.standard_b64encode(struct.pack("<d", cell_type.nodata)).decode()
    return int(cell_type.nodata)


def decode_nodata(value: object, dtype: np.dtype[Any]) -> int | float | None:
    """Return the number that an attribute `_FillValue` stands for.

    Raises
    ------
    CatalogError
        Something that is no number.
    """
    if value is None:
        return None
    try:
        if dtype.kind == "f" and isinstance(value, str):
            return float(struct.unpack("<d", base64.standard_b64decode(value))[0])
        return float(str(value)) if dtype.kind == "f" else int(str(value))
    except (ValueError, TypeError, struct.error) as error:
        raise CatalogError(f"_FillValue must be a number, got {value!r}") from error


def as_json(value: Any) -> Any:
    """Return an attribute in types that JSON has: numpy scalars and arrays become Python's.

    Raises
    ------
    CatalogError
        A value that JSON can't hold.
    """
    if isinstance(value, np.datetime64 | np.timedelta64):
        return str(value)
    if isinstance(value, np.generic | np.ndarray):
        return as_json(value.tolist())
    if isinstance(value, dict):
        return {str(key): as_json(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [as_json(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)  # JSON has neither NaN nor infinity
    if value is None or isinstance(value, str | int | float | bool):
        return value
    raise CatalogError(f"can't store the attribute value {value!r}; expected what JSON can hold")


def _layout_entry(geoboxes: Sequence[GeoBox], level: int, method: str, prefix: str) -> Attributes:
    grid = _grid_attributes(geoboxes[level])
    entry: Attributes = {"asset": f"{prefix}{level}"}
    scale = [1.0, 1.0]
    if level:
        finer, own = geoboxes[level - 1].shape, geoboxes[level].shape
        scale = [finer[0] / own[0], finer[1] / own[1]]
        entry |= {"derived_from": f"{prefix}{level - 1}", "resampling_method": method}
    return {
        **entry,
        "transform": {"scale": scale, "translation": [0.0, 0.0]},
        "spatial:shape": grid["spatial:shape"],
        "spatial:transform": grid["spatial:transform"],
    }


def _grid_attributes(geobox: GeoBox) -> Attributes:
    if geobox.crs is None:
        raise CatalogError("a grid without a CRS can't be stored")
    box = geobox.boundingbox
    return {
        **_crs_attributes(geobox.crs),
        "spatial:dimensions": ["y", "x"],
        "spatial:bbox": [float(edge) for edge in (box.left, box.bottom, box.right, box.top)],
        "spatial:shape": [int(size) for size in geobox.shape],
        "spatial:transform": [float(value) for value in tuple(geobox.affine)[:6]],
    }


def _crs_attributes(crs: CRS) -> Attributes:
    """Return `proj:code` or else `proj:wkt2`: never both, the schema forbids it."""
    epsg = crs.to_epsg()
    # A custom CRS can resemble a registered one without being equal: its WKT is then kept.
    if epsg is not None and pyproj.CRS.from_epsg(epsg).equals(crs.proj, ignore_axis_order=True):
        return {"proj:code": f"EPSG:{epsg}"}
    authority = crs.proj.to_authority(min_confidence=100)
    code = ":".join(authority) if authority else ""
    if _CODE.fullmatch(code):
        return {"proj:code": code}
    return {"proj:wkt2": crs.proj.to_wkt()}


def _parse_crs(attributes: Mapping[str, Any]) -> CRS:
    for name in ("proj:code", "proj:wkt2", "proj:projjson"):
        if name in attributes:
            value = attributes[name]
            try:
                return CRS(value if isinstance(value, str) else pyproj.CRS.from_user_input(value))
            except pyproj.exceptions.CRSError as error:
                raise CatalogError(f"{name!r} can't be read: {attributes[name]!r}") from error
    raise CatalogError("the layer has no CRS: expected 'proj:code', 'proj:wkt2' or 'proj:projjson'")
