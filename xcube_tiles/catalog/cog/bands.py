"""What a GeoTIFF says of its bands, from the CF attributes of variables, and back."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np

from xcube_tiles.catalog.cog.assembly import BandText
from xcube_tiles.catalog.format.conventions import public_attributes
from xcube_tiles.errors import CatalogError
from xcube_tiles.grid.celltype import CellType

if TYPE_CHECKING:
    from collections.abc import Mapping

_ELSEWHERE = frozenset(
    {"_FillValue", "nodata", "missing_value", "units", "scale_factor", "add_offset", "crs_wkt"}
)


def band_text(
    name: str,
    attrs: Mapping[Any, Any],
    colors: Mapping[int, tuple[int, ...]] | None = None,
) -> BandText:
    """Return what a file says of a variable: unit, scale and offset in TIFF's own fields."""
    units = attrs.get("units")
    tags = {key: value for key, value in attrs.items() if key not in _ELSEWHERE}
    return BandText(
        name=name,
        units=None if units is None else str(units),
        scale=float(attrs.get("scale_factor", 1.0)),
        offset=float(attrs.get("add_offset", 0.0)),
        tags=text_tags(tags),
        colors=colors or {},
    )


def text_tags(attrs: Mapping[Any, Any]) -> dict[str, str]:
    """Return attributes as texts; what is no text is written as JSON."""
    found = public_attributes(attrs)
    return {
        key: value if isinstance(value, str) else json.dumps(value) for key, value in found.items()
    }


def attributes_of_text(text: BandText) -> dict[str, Any]:
    """Return the CF attributes that `band_text` was made of, as far as a file keeps them."""
    attrs: dict[str, Any] = {key: _value(value) for key, value in text.tags.items()}
    if text.units:
        attrs["units"] = text.units
    if (text.scale, text.offset) != (1.0, 0.0):
        attrs |= {"scale_factor": text.scale, "add_offset": text.offset}
    return attrs


def _value(text: str) -> Any:
    if not text.startswith("["):
        return text
    try:
        return json.loads(text)
    except ValueError:
        return text


def common_cells(cells: Mapping[str, CellType]) -> CellType:
    """Return the cell type that all variables of a file have.

    Raises
    ------
    CatalogError
        They differ: a GeoTIFF has one dtype and one NoData value.
    """
    kinds = {kind.name: name for name, kind in cells.items()}
    if len(kinds) > 1:
        listed = ", ".join(f"{name}: {kind.name}" for name, kind in cells.items())
        raise CatalogError(
            f"a GeoTIFF has one cell type and these variables have several ({listed}); put "
            "{band} into the path for a file of each, or convert them: "
            "cube.tiles.convert('float32')"
        )
    first = next(iter(cells.values()))
    return CellType(dtype=np.dtype("uint8"), nodata=None) if first.dtype.kind == "b" else first
