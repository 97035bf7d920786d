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

    from xcube_tiles.sources.stac_query import Json

_RASTER_TYPES = (
    "image/",
    "application/x-hdf",
    "application/hdf",
    "application/x-netcdf",
    "application/netcdf",
    "application/vnd+zarr",
    "application/vnd.zarr",
    "application/x-zarr",
)
_PICTURES = frozenset({"thumbnail", "overview", "visual", "metadata"})
# Roles of images that no one means by "all bands", where no asset has the role "data".

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
        common name such as `red`. None is every band of every asset with the role `data`.

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
    rasters = {
        key: set(asset.get("roles") or ()) for key, asset in assets.items() if is_raster(asset)
    }
    data = {key for key, roles in rasters.items() if "data" in roles}
    return data or {key for key, roles in rasters.items() if not roles & _PICTURES}


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
    # A single-band file is meant rather than a picture composed of several bands.
    best = min(common, key=lambda band: len(asset_bands(assets[band.asset])))
    return [Band(name=name, asset=best.asset, index=best.index)]


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
    Integers stay integers if nothing is scaled and all items agree on one NoData value. All else is
    floating point with NaN: float32 where every stored value fits it exactly (integers of up to
    16 bits, float32), float64 otherwise, also where no item tells its data type.
    """
    dtypes = {each.dtype for each in encodings}
    known = [dtype for dtype in dtypes if dtype is not None]
    exact32 = all(np.can_cast(dtype, np.float32, casting="safe") for dtype in known)
    floating = np.dtype(np.float32 if exact32 and None not in dtypes else np.float64)
    declared = {each.nodata for each in encodings}
    left = {(each.scale, each.offset) for each in encodings}
    pending = left.pop() if not scale and len(left) == 1 else (1.0, 0.0)
    factors = {"scale": pending[0], "offset": pending[1]} if pending != (1.0, 0.0) else {}
    applied = scale and any(each.scaled for each in encodings)
    if not applied and None not in dtypes and len(declared) == 1:
        stored = np.result_type(*known)
        value = declared.pop()
        if stored.kind in "iu" and value is not None and _fits(value, stored):
            return CellPlan(dtype=stored, nodata=int(value), **factors)
    return CellPlan(dtype=floating, nodata=math.nan, **factors)


def _fits(value: float, dtype: np.dtype[Any]) -> bool:
    if not math.isfinite(value) or value != int(value):
        return False
    info = np.iinfo(dtype)
    return int(info.min) <= int(value) <= int(info.max)
