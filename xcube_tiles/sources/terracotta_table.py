"""Rasters by the texts of their keys, as addresses and Terracotta's clients name them."""

from __future__ import annotations

import unicodedata
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from xcube_tiles.errors import UnknownKeyError
from xcube_tiles.sources.collection import Collection, scan
from xcube_tiles.sources.keys import Key, value_text
from xcube_tiles.sources.opening import is_database, open_rasters
from xcube_tiles.sources.pattern import PathPattern
from xcube_tiles.sources.storage import absolute_pattern, is_local
from xcube_tiles.sources.times import parse_period

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from xcube_tiles.sources.keys import KeyLike, KeyValue
    from xcube_tiles.sources.raster import Raster
    from xcube_tiles.sources.terracotta import Texts


class KeyedRasters:
    """Rasters by the texts of their keys.

    Parameters
    ----------
    keys
        Names and types, in order.
    rasters
        By the texts of their keys.
    descriptions
        What is said about keys, by name.
    extras
        Whatever else is known of rasters, by their texts.
    storage_options
        Options of the file system that the paths lie in.
    stored
        Whether the rasters' statistics are of the cells as files store them, scale and offset not
        applied.

    Examples
    --------
    >>> files = Collection().add("a.tif", date="20180524", band="B04")
    >>> rasters = KeyedRasters.of(files)
    >>> rasters.find(["2018-05-24", "B04"])
    ('2018-05-24', 'B04')
    >>> rasters.find(["20180524", "B04"])
    ('2018-05-24', 'B04')
    """

    __slots__ = ("_keys", "_places", "_rasters", "descriptions", "extras", "storage", "stored")

    def __init__(
        self,
        keys: Sequence[Key],
        rasters: Mapping[Texts, Raster],
        *,
        descriptions: Mapping[str, str] | None = None,
        extras: Mapping[Texts, Any] | None = None,
        storage_options: Mapping[str, Any] | None = None,
        stored: bool = False,
    ) -> None:
        self._keys = tuple(keys)
        self._rasters = dict(sorted(rasters.items()))
        self.descriptions = dict(descriptions or {})
        self.extras = dict(extras or {})
        self.storage = dict(storage_options) if storage_options else None
        self.stored = stored
        self._places = {self._place(raster): texts for texts, raster in self._rasters.items()}

    @classmethod
    def of(
        cls, collection: Collection, *, descriptions: Mapping[str, str] | None = None
    ) -> KeyedRasters:
        """Return the rasters of a collection; times are ISO 8601 texts."""
        return cls(
            [Key(name=name, type=kind) for name, kind in collection.key_types.items()],
            {tuple(map(value_text, raster.keys.values())): raster for raster in collection},
            descriptions=descriptions,
            storage_options=collection.storage_options,
        )

    @property
    def keys(self) -> tuple[str, ...]:
        """Names of the keys, in order."""
        return tuple(key.name for key in self._keys)

    def __len__(self) -> int:
        return len(self._rasters)

    def __getitem__(self, texts: Texts) -> Raster:
        return self._rasters[texts]

    def collection(self) -> Collection:
        """Return the rasters as a collection, their keys typed."""
        return Collection(self._rasters.values(), keys=self._keys, storage_options=self.storage)

    def find(self, values: Sequence[str]) -> Texts | None:
        """Return the texts of the raster that has certain values, None if there is none.

        Parameters
        ----------
        values
            One for each key, in order. A time may be written in any way that `Key.value` reads.
        """
        texts = tuple(values)
        if texts in self._rasters:
            return texts
        try:
            pairs = zip(self._keys, texts, strict=True)
            return self._places.get(tuple(key.value(text) for key, text in pairs))
        except (TypeError, ValueError):
            return None

    def select(self, conditions: Mapping[str, Sequence[str]]) -> list[Texts]:
        """Return the texts of the rasters that meet all conditions, sorted.

        Parameters
        ----------
        conditions
            For names of keys the values of which any will do. A time covers what its text says:
            `2018-05` is all of May.

        Raises
        ------
        UnknownKeyError
            A key that there isn't; the text lists those there are.
        """
        unknown = [name for name in conditions if name not in self.keys]
        if unknown:
            raise UnknownKeyError(
                f"unrecognized keys: {', '.join(unknown)}; the keys are {', '.join(self.keys)}"
            )
        tests = [
            (self.keys.index(name), _Values(self._keys[self.keys.index(name)], values))
            for name, values in conditions.items()
        ]
        return [
            texts
            for texts, raster in self._rasters.items()
            if all(test.hold(texts[at], raster.keys[self.keys[at]]) for at, test in tests)
        ]

    def added(
        self, path: str, keys: Mapping[str, KeyLike], raster_band: int | None = None
    ) -> KeyedRasters:
        """Return the rasters with one more; parameters and errors as of `Collection.add`."""
        larger = self.collection().add(path, raster_band=raster_band, **keys)
        raster = list(larger)[-1]
        texts = tuple(map(value_text, raster.keys.values()))
        return KeyedRasters(
            [Key(name=name, type=kind) for name, kind in larger.key_types.items()],
            {**self._rasters, texts: raster},
            descriptions=self.descriptions,
            extras=self.extras,
            storage_options=self.storage,
            stored=self.stored,
        )

    def emptied(self) -> KeyedRasters:
        """Return no rasters, of the same keys."""
        return KeyedRasters(
            self._keys,
            {},
            descriptions=self.descriptions,
            storage_options=self.storage,
            stored=self.stored,
        )

    def with_last(self, name: str) -> KeyedRasters:
        """Return the same rasters with one key moved to the end.

        Raises
        ------
        UnknownKeyError
            There is no such key.
        """
        if name not in self.keys:
            raise UnknownKeyError(f"no key {name!r}; the keys are {', '.join(self.keys)}")
        at = self.keys.index(name)

        def moved(texts: Texts) -> Texts:
            return (*texts[:at], *texts[at + 1 :], texts[at])

        keys = [*self._keys[:at], *self._keys[at + 1 :], self._keys[at]]
        return KeyedRasters(
            keys,
            {
                moved(texts): replace(
                    raster, keys={key.name: raster.keys[key.name] for key in keys}
                )
                for texts, raster in self._rasters.items()
            },
            descriptions=self.descriptions,
            extras={moved(texts): extra for texts, extra in self.extras.items()},
            storage_options=self.storage,
            stored=self.stored,
        )

    def _place(self, raster: Raster) -> tuple[KeyValue, ...]:
        return tuple(raster.keys[key.name] for key in self._keys)


class _Values:
    """Values of a key of which any will do."""

    def __init__(self, key: Key, values: Sequence[str]) -> None:
        self._texts = frozenset(values)
        self._periods = _periods(values) if key.type == "time" else []

    def hold(self, text: str, value: KeyValue) -> bool:
        """Return whether a raster has one of them."""
        if text in self._texts or isinstance(value, str):
            return text in self._texts
        return any(bool(period.start <= value < period.stop) for period in self._periods)


def _periods(values: Iterable[str]) -> list[Any]:
    found = []
    for value in values:
        try:
            found.append(parse_period(value))
        except ValueError:
            continue  # no time: no raster has it
    return found


def open_keyed(source: str, *, storage_options: Mapping[str, Any] | None = None) -> KeyedRasters:
    """Return the rasters that a text names, with the texts of their keys as they stand there.

    Parameters
    ----------
    source
        As for `open_rasters`: a path pattern, a database of ours or of Terracotta, or a file.
    storage_options
        Options of the file system that the files lie in.

    Raises
    ------
    PatternError, DuplicateKeysError, CollectionError, GeoreferenceError, MissingExtraError
        As `open_rasters`.
    """
    if "{" in source:
        return _of_pattern(source, storage_options)
    if is_database(source):
        # A server without databases needs none of their libraries.
        from xcube_tiles.sources.terracotta import holds_terracotta, open_terracotta

        if holds_terracotta(source):
            found = open_terracotta(source)
            return KeyedRasters(
                found.keys,
                found.rasters,
                descriptions=found.descriptions,
                extras=found.extras,
                storage_options=storage_options,
                stored=True,
            )
    return KeyedRasters.of(open_rasters(source, storage_options=storage_options))


def _of_pattern(pattern: str, options: Mapping[str, Any] | None) -> KeyedRasters:
    files = scan(pattern, storage_options=options)
    parsed = PathPattern.parse(absolute_pattern(pattern) if is_local(pattern) else _inner(pattern))
    keys = [Key(name=name, type=kind) for name, kind in files.key_types.items()]
    rasters = {_texts(parsed, raster): raster for raster in files}
    return KeyedRasters(keys, rasters, storage_options=options)


def _inner(url: str) -> str:
    return url.partition("://")[2]


def _texts(pattern: PathPattern, raster: Raster) -> Texts:
    """Return the texts in a path; of a time with a format of its own, ISO 8601."""
    path = raster.path if is_local(raster.path) else _inner(raster.path)
    found = pattern.regex.fullmatch(unicodedata.normalize("NFC", path))
    groups = {} if found is None else found.groupdict()
    return tuple(
        groups.get(f"k{place}") or value_text(value)
        for place, value in enumerate(raster.keys.values())
    )
