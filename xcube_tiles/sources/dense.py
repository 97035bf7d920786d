"""Dense arrangement: which raster stands where in a cube, and which are missing."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations, product
from typing import TYPE_CHECKING

from xcube_tiles.errors import CollectionError, RaggedKeysError, UnknownKeyError
from xcube_tiles.sources.keys import natural_order
from xcube_tiles.sources.raster import keys_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from xcube_tiles.sources.keys import Key, KeyValue
    from xcube_tiles.sources.raster import Raster

TIME = "time"
"""Dimension that the time key becomes."""

UNNAMED = "raster"
"""Variable of rasters without a band key."""

_BAND_NAMES = ("band", "bands")
_TAKEN = frozenset({"x", "y", "spatial_ref", "bands", TIME})
_SHOWN = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Axis:
    """One non-spatial dimension of a cube."""

    dim: str
    """Name of the dimension."""

    key: Key
    """The key it comes from."""

    values: tuple[KeyValue, ...]
    """Labels, sorted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DenseTable:
    """Rasters arranged along axes, without gaps."""

    axes: tuple[Axis, ...]
    """Non-spatial dimensions in the cube's order: time first."""

    scalars: Mapping[Key, KeyValue]
    """Keys with one value."""

    band_key: Key | None
    """The key whose values name the variables."""

    variables: Mapping[str, tuple[Raster, ...]]
    """Rasters of each variable in the order of `axes`, the last axis running fastest."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Sizes of the axes."""
        return tuple(len(axis.values) for axis in self.axes)


def arrange(
    rasters: Sequence[Raster], keys: Sequence[Key], *, time: str | None, bands: str | None
) -> DenseTable:
    """Arrange rasters along their keys.

    Parameters
    ----------
    rasters
        Rows of a collection.
    keys
        Its keys.
    time
        Key that becomes the dimension `time`; None: the only key that is a time.
    bands
        Key whose values name the variables; None: the key `band` or `bands`.

    Raises
    ------
    CollectionError
        No rasters; a key of the wrong type; several keys that are times.
    UnknownKeyError
        A key that isn't there.
    RaggedKeysError
        A combination of key values has no raster.
    """
    if not rasters:
        raise CollectionError("the collection has no rasters; nothing was found or selected")
    time_key, band_key = time_key_of(keys, time), band_key_of(keys, bands)
    values = {key: _distinct(rasters, key) for key in keys}
    axes = [Axis(dim=TIME, key=time_key, values=values[time_key])] if time_key else []
    others = [key for key in keys if key not in (time_key, band_key)]
    _refuse_taken(others, values[band_key] if band_key else (), time_key)
    axes += [Axis(dim=k.name, key=k, values=values[k]) for k in others if len(values[k]) > 1]
    labels = [str(value) for value in values[band_key]] if band_key else [UNNAMED]
    return DenseTable(
        axes=tuple(axes),
        scalars={key: values[key][0] for key in others if len(values[key]) == 1},
        band_key=band_key,
        variables=_fill(rasters, keys, axes, band_key, labels),
    )


def key_named(keys: Sequence[Key], name: str) -> Key:
    """Return the key of a name.

    Raises
    ------
    UnknownKeyError
        There is none; the text lists those there are.
    """
    for key in keys:
        if key.name == name:
            return key
    known = ", ".join(key.name for key in keys) or "none"
    raise UnknownKeyError(f"unknown key {name!r}; the keys are {known}")


def time_key_of(keys: Sequence[Key], name: str | None) -> Key | None:
    """Return the key that is the time: the one named, or the only one; see `arrange`."""
    if name is not None:
        key = key_named(keys, name)
        if key.type != "time":
            raise CollectionError(f"key {name!r} is a label and can't be the time dimension")
        return key
    times = [key for key in keys if key.type == "time"]
    if len(times) > 1:
        names = ", ".join(repr(key.name) for key in times)
        raise CollectionError(f"several keys are times: say which is the dimension: time={names}")
    return times[0] if times else None


def band_key_of(keys: Sequence[Key], name: str | None) -> Key | None:
    """Return the key that names the variables: the one named, or `band`; see `arrange`."""
    if name is not None:
        key = key_named(keys, name)
        if key.type != "label":
            raise CollectionError(f"key {name!r} is a time: its values can't name variables")
        return key
    return next((key for key in keys if key.name in _BAND_NAMES and key.type == "label"), None)


def _refuse_taken(others: Sequence[Key], labels: Sequence[KeyValue], time: Key | None) -> None:
    for key in others:
        if key.name in _TAKEN:
            raise CollectionError(
                f"key {key.name!r} can't be a coordinate: a cube has its own {key.name!r}. Name "
                f"the key otherwise in the pattern, or select one cube per value: to_tree(by=...)"
            )
    coords = {"x", "y", "spatial_ref", *(key.name for key in others), *([TIME] if time else [])}
    for label in labels:
        if label in coords:
            raise CollectionError(
                f"band {label!r} can't name a variable, as a cube has a coordinate of that name; "
                f"add the raster under another label: collection.add(path, ...)"
            )


def _distinct(rasters: Sequence[Raster], key: Key) -> tuple[KeyValue, ...]:
    return tuple(sorted({raster.keys[key.name] for raster in rasters}, key=natural_order))


def _fill(
    rasters: Sequence[Raster],
    keys: Sequence[Key],
    axes: Sequence[Axis],
    band_key: Key | None,
    labels: Sequence[str],
) -> dict[str, tuple[Raster, ...]]:
    names = [*([band_key.name] if band_key else []), *(axis.key.name for axis in axes)]
    held = {tuple(raster.keys[name] for name in names): raster for raster in rasters}
    lead: list[Sequence[KeyValue]] = [labels] if band_key else []
    wanted = list(product(*lead, *(axis.values for axis in axes)))
    missing = [place for place in wanted if place not in held]
    if missing:
        raise _ragged(names, missing, len(wanted), rasters, keys)
    each = len(wanted) // len(labels)
    found = [held[place] for place in wanted]
    return {label: tuple(found[n * each : (n + 1) * each]) for n, label in enumerate(labels)}


def _ragged(
    names: Sequence[str],
    missing: Sequence[tuple[KeyValue, ...]],
    total: int,
    rasters: Sequence[Raster],
    keys: Sequence[Key],
) -> RaggedKeysError:
    shown = [f"  {keys_text(dict(zip(names, place, strict=True)))}" for place in missing[:_SHOWN]]
    if len(missing) > _SHOWN:
        shown.append(f"  … and {len(missing) - _SHOWN} more")
    return RaggedKeysError(
        f"{len(missing)} of {total} key combinations have no raster:\n" + "\n".join(shown) + "\n"
        f"Select some with where(...), or make one dense cube per group: "
        f"to_tree(by={_dense_groups(rasters, keys)!r})"
    )


def _dense_groups(rasters: Sequence[Raster], keys: Sequence[Key]) -> list[str]:
    """Return the fewest keys by which the groups have no gaps; labels before times."""
    names = [key.name for key in sorted(keys, key=lambda key: key.type == "time")]
    for count in range(1, len(names)):
        for chosen in combinations(names, count):
            if _all_dense(rasters, names, chosen):
                return list(chosen)
    return names


def _all_dense(rasters: Sequence[Raster], names: Sequence[str], by: tuple[str, ...]) -> bool:
    groups: dict[tuple[KeyValue, ...], list[Raster]] = {}
    for raster in rasters:
        groups.setdefault(tuple(raster.keys[name] for name in by), []).append(raster)
    rest = [name for name in names if name not in by]
    for group in groups.values():
        full = 1
        for name in rest:
            full *= len({raster.keys[name] for raster in group})
        if full != len(group):
            return False
    return True
