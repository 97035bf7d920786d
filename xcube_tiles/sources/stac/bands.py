"""Bands of STAC items: which there are, in which order, and how each item encodes its cells."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from xcube_tiles.errors import StacError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from xcube_tiles.sources.stac.query import Json

_RASTER_TYPES = (
    "image/",
    "application/x-hdf",
    "application/hdf",
    "application/x-netcdf",
    "application/netcdf",
)
_PICTURES = frozenset({"thumbnail", "overview", "visual", "metadata", "graphic"})
# Roles of rasters that no one means by "all bands", unless they have the role "data" as well.

_COMMON = ("eo:common_name", "common_name")

_PREFIXED = {"scale": "raster:scale", "offset": "raster:offset"}
# Version 2 of the raster extension; version 1 had them bare in `raster:bands`.


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """One raster band of an asset, by the name of its variable."""

    name: str
    """Name of the variable."""

    asset: str
    """Key of the asset."""

    index: int
    """Number of the band in the file, from 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoding:
    """How one item stores a band; a field that its metadata doesn't tell is None."""

    dtype: np.dtype[Any] | None = None
    """Type of the stored cells."""

    nodata: float | None = None
    """Stored value of cells without data; may be NaN."""

    scale: float = 1.0
    """Factor from stored to physical values."""

    offset: float = 0.0
    """Summand from stored to physical values, after the factor."""

    @property
    def scaled(self) -> bool:
        """Whether physical values differ from the stored ones."""
        return self.scale != 1.0 or self.offset != 0.0


def find_bands(
    items: Sequence[Json], collections: Mapping[str, Json], wanted: Sequence[str] | None
) -> tuple[Band, ...]:
    """Return the bands to load.

    Parameters
    ----------
    items
        Items as JSON.
    collections
        Descriptions of the items' collections, as far as known; their `bands`,
        then `item_assets`, give the order.
    wanted
        Names: of a variable as without `wanted`, of an asset (all its bands), `asset.number`, or a
        common name such as `red`. None is every band of every raster that isn't a picture of
        others (thumbnail, overview, visual).

    Raises
    ------
    StacError
        A name that no item has, one given twice, or no raster at all; the text lists the names.

    Notes
    -----
    A variable is named by its asset. The bands of an asset with several are named by their own
    names where these are unique among all, else `asset.name` or `asset.number`.
    """
    assets = _assets(items, collections)
    named = _named([(key, asset) for key, asset in assets.items() if is_raster(asset)])
    if wanted is None:
        keys = _data_assets(assets)
        found = tuple(band for band in named if band.asset in keys)
        if not found:
            raise StacError(f"the items have no raster assets; their assets are {sorted(assets)!r}")
        return _ordered(found, assets, collections)
    chosen = tuple(band for name in wanted for band in _resolve(name, named, assets))
    (name, uses), *_ = Counter(band.name for band in chosen).most_common(1)
    if uses > 1:
        raise StacError(f"band {name!r} is named twice in {list(wanted)!r}")
    return chosen


def _assets(items: Sequence[Json], collections: Mapping[str, Json]) -> dict[str, Json]:
    """Return the assets of all items: those of the collections first, in their order."""
    present = {key for item in items for key in item["assets"]}
    merged: dict[str, Json] = {}
    for collection in collections.values():
        for key, asset in item_assets(collection).items():
            if key in present:
                merged.setdefault(key, dict(asset))
    for item in items:
        for key, asset in item["assets"].items():
            merged[key] = {**merged.get(key, {}), **asset}
    return merged


def item_assets(collection: Json) -> dict[str, Json]:
    """Return what a collection says of the assets of its items."""
    return dict(collection.get("item_assets") or {})


def is_raster(asset: Json) -> bool:
    """Return whether an asset can be read as a raster, by media type, else by role."""
    media = str(asset.get("type") or "").lower()
    if media:
        return media.startswith(_RASTER_TYPES)
    return "data" in (asset.get("roles") or ())


def _data_assets(assets: Mapping[str, Json]) -> set[str]:
    # The role "data" alone would leave out the reflectances and masks of Landsat, among others.
    rasters = {key: set(a.get("roles") or ()) for key, a in assets.items() if is_raster(a)}
    return {key for key, roles in rasters.items() if "data" in roles or not roles & _PICTURES}


def _ordered(
    bands: tuple[Band, ...], assets: Mapping[str, Json], collections: Mapping[str, Json]
) -> tuple[Band, ...]:
    """Return bands in the order of the collections' lists of bands; those not listed follow.

    Lists keep their order everywhere; members of `item_assets` don't (PostgreSQL sorts them).
    """
    listed = [
        str(entry.get("name"))
        for collection in collections.values()
        for place in (collection, collection.get("summaries") or {})
        for key in ("bands", "eo:bands")
        for entry in place.get(key) or ()
    ]
    ranks = {name: rank for rank, name in reversed(list(enumerate(listed)))}

    def rank(band: Band) -> int:
        entry = asset_bands(assets[band.asset])[band.index - 1]
        names = (band.name, band.asset, str(entry.get("name")))
        return min((ranks[name] for name in names if name in ranks), default=len(ranks))

    return tuple(sorted(bands, key=rank))


def asset_bands(asset: Json) -> list[Json]:
    """Return the descriptions of an asset's bands, `bands` of STAC 1.1 over older extensions."""
    lists = [asset.get(name) or [] for name in ("bands", "raster:bands", "eo:bands")]
    count = max(map(len, lists)) or 1
    padded = [[*entries, *[{}] * (count - len(entries))] for entries in lists]
    return [{**eo, **raster, **common} for common, raster, eo in zip(*padded, strict=True)]


def _named(assets: Sequence[tuple[str, Json]]) -> list[Band]:
    several = {key: asset_bands(asset) for key, asset in assets}
    uses = Counter(key for key, bands in several.items() if len(bands) == 1)
    uses.update(
        str(band["name"])
        for bands in several.values()
        if len(bands) > 1
        for band in bands
        if "name" in band
    )
    uses.update(several.keys() - uses.keys())
    return [
        Band(name=_variable(key, band, number, len(bands), uses), asset=key, index=number)
        for key, bands in several.items()
        for number, band in enumerate(bands, start=1)
    ]


def _variable(key: str, band: Json, number: int, count: int, uses: Counter[str]) -> str:
    if count == 1:
        return key
    name = str(band.get("name", number))
    return name if "name" in band and uses[name] == 1 else f"{key}.{name}"


def _resolve(name: str, bands: Sequence[Band], assets: Mapping[str, Json]) -> list[Band]:
    for candidates in (
        [band for band in bands if band.name == name],
        [band for band in bands if band.asset == name],
        [band for band in bands if f"{band.asset}.{band.index}" == name],
    ):
        if candidates:
            return candidates
    common = list(_by_common_name(name, bands, assets))
    if not common:
        raise StacError(f"no band {name!r}; the items have {', '.join(b.name for b in bands)}")
    # A file of its own is meant rather than a picture of several bands, and the finest of several.
    best = min(common, key=lambda band: _preference(assets[band.asset]))
    return [Band(name=name, asset=best.asset, index=best.index)]


def _preference(asset: Json) -> tuple[int, float]:
    return len(asset_bands(asset)), float(_or(asset.get("gsd"), math.inf))


def _by_common_name(name: str, bands: Sequence[Band], assets: Mapping[str, Json]) -> Iterator[Band]:
    for band in bands:
        asset = assets[band.asset]
        entry = asset_bands(asset)[band.index - 1]
        if band.index == len(asset_bands(asset)) == 1:
            # STAC 1.1: what holds for the only band may stand at the asset.
            entry = {**{key: asset[key] for key in _COMMON if key in asset}, **entry}
        if name in (entry.get("eo:common_name"), entry.get("common_name"), entry.get("name")):
            yield band


def band_field(item: Json, collection: Json, band: Band, name: str) -> Any:
    """Return a field of a band's metadata, or None.

    Looked for in the band, the asset, the item's properties, then in the same places of what the
    collection says of its items' assets: the inheritance of STAC 1.1.
    """
    names = (name, _PREFIXED.get(name, f"raster:{name}"))
    for asset in (item["assets"].get(band.asset, {}), item_assets(collection).get(band.asset, {})):
        entries = asset_bands(asset)
        entry = entries[band.index - 1] if band.index <= len(entries) else {}
        # A bare name outside of a band's entry has other meanings for scale and offset.
        outer = names if name not in _PREFIXED else names[1:]
        for place, keys in ((entry, names), (asset, outer), (item["properties"], outer)):
            for key in keys:
                if place.get(key) is not None:
                    return place[key]
    return None


def encoding(item: Json, collection: Json, band: Band) -> Encoding:
    """Return how an item stores a band.

    Raises
    ------
    StacError
        Metadata that aren't numbers or name no data type.
    """
    try:
        dtype = band_field(item, collection, band, "data_type")
        nodata = band_field(item, collection, band, "nodata")
        return Encoding(
            dtype=None if dtype is None else np.dtype(dtype),
            nodata=None if nodata is None else float(nodata),
            scale=float(_or(band_field(item, collection, band, "scale"), 1.0)),
            offset=float(_or(band_field(item, collection, band, "offset"), 0.0)),
        )
    except (TypeError, ValueError) as error:
        raise StacError(
            f"band {band.name!r} of item {item['id']!r} has metadata that can't be read: {error}"
        ) from error


def _or(value: Any, default: float) -> Any:
    return default if value is None else value


@dataclass(frozen=True, slots=True, kw_only=True)
class CellPlan:
    """How the cells of a band appear in the cube."""

    dtype: np.dtype[Any]
    """Type of the variable."""

    nodata: int | float
    """Value of cells without data; NaN for floats."""

    scale: float | None = None
    """Factor that the reader of the cube still has to apply; None if there is none."""

    offset: float | None = None
    """Summand that the reader of the cube still has to apply; None if there is none."""


def plan_cells(encodings: Sequence[Encoding], *, scale: bool) -> CellPlan:
    """Return type and NoData of a variable from the encodings of its items.

    Parameters
    ----------
    encodings
        One per item that has the band.
    scale
        Whether scale and offset of the metadata are applied.

    Notes
    -----
    Integers stay integers if nothing is scaled: of the same type if all items agree on one NoData
    value, else of the next signed type that has room for one more, its lowest. (Cells outside of an
    item need a value that no stored one has; and bit flags must stay bits.) All else is floating
    point with NaN: float32 where every stored value fits it exactly (integers of up to 16 bits,
    float32), float64 otherwise, also where no item tells its data type.
    """
    left = {(each.scale, each.offset) for each in encodings}
    pending = left.pop() if not scale and len(left) == 1 else (1.0, 0.0)
    factors = {"scale": pending[0], "offset": pending[1]} if pending != (1.0, 0.0) else {}
    if not (scale and any(each.scaled for each in encodings)):
        kept = _integers(encodings)
        if kept is not None:
            return CellPlan(dtype=kept[0], nodata=kept[1], **factors)
    known = [each.dtype for each in encodings if each.dtype is not None]
    exact32 = all(np.can_cast(dtype, np.float32, casting="safe") for dtype in known)
    dtype = np.float32 if exact32 and len(known) == len(encodings) else np.float64
    return CellPlan(dtype=np.dtype(dtype), nodata=math.nan, **factors)


def _integers(encodings: Sequence[Encoding]) -> tuple[np.dtype[Any], int] | None:
    """Return an integer type and a NoData value that hold what all items store, or None."""
    known = [each.dtype for each in encodings if each.dtype is not None]
    if not known or len(known) < len(encodings) or any(d.kind not in "iu" for d in known):
        return None
    stored = np.result_type(*known)
    declared = {each.nodata for each in encodings}
    value = declared.pop()
    if not declared and value is not None and _fits(value, stored):
        return stored, int(value)
    wider = np.promote_types(stored, f"i{min(8, 2 * stored.itemsize)}")
    if wider.kind != "i" or wider.itemsize == stored.itemsize:
        return None
    return wider, int(np.iinfo(wider).min)


def _fits(value: float, dtype: np.dtype[Any]) -> bool:
    if not math.isfinite(value) or value != int(value):
        return False
    info = np.iinfo(dtype)
    return int(info.min) <= int(value) <= int(info.max)
