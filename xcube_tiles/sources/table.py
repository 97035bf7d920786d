"""Tables of rasters: rows that are described by the same ordered keys."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from xcube_tiles.errors import CollectionError, DuplicateKeysError
from xcube_tiles.sources import summary
from xcube_tiles.sources.dense import key_named
from xcube_tiles.sources.header import HeaderCache
from xcube_tiles.sources.keys import Key, key_for, natural_order
from xcube_tiles.sources.raster import Raster, keys_text
from xcube_tiles.sources.select import condition_test
from xcube_tiles.sources.storage import absolute, text_of

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from typing import Self

    import pandas as pd

    from xcube_tiles.sources.header import RasterHeader
    from xcube_tiles.sources.keys import KeyLike, KeyType, KeyValue
    from xcube_tiles.sources.select import Condition


TableT = TypeVar("TableT", bound="RasterTable")


class RasterTable:
    """An immutable table of rasters; `Collection` adds what can be made of it."""

    __slots__ = ("_headers", "_index", "_keys", "_storage")

    def __init__(
        self,
        rasters: Iterable[Raster] = (),
        *,
        keys: Iterable[str | Key] = (),
        storage_options: Mapping[str, Any] | None = None,
    ) -> None:
        rows = list(rasters)
        names = keys or (rows[0].keys if rows else ())
        self._keys = tuple(name if isinstance(name, Key) else key_for(name) for name in names)
        _check_keys(self._keys)
        self._storage = dict(storage_options) if storage_options else None
        self._headers = HeaderCache(self._storage)
        self._index: dict[tuple[KeyValue, ...], Raster] = {}
        for row in rows:
            self._insert(row)

    @property
    def keys(self) -> tuple[str, ...]:
        """Names of the keys in order."""
        return tuple(key.name for key in self._keys)

    @property
    def key_types(self) -> dict[str, KeyType]:
        """Type of each key, `"time"` or `"label"`, in order."""
        return {key.name: key.type for key in self._keys}

    @property
    def storage_options(self) -> dict[str, Any] | None:
        """A copy of the options of the file system that the paths lie in."""
        return dict(self._storage) if self._storage else None

    def values(self, key: str) -> list[KeyValue]:
        """Return the distinct values of a key, sorted: `B2` before `B10`.

        Raises
        ------
        UnknownKeyError
            The collection has no such key.
        """
        name = key_named(self._keys, key).name
        return sorted({row.keys[name] for row in self}, key=natural_order)

    def __len__(self) -> int:
        return len(self._index)

    def __iter__(self) -> Iterator[Raster]:
        return iter(self._index.values())

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, RasterTable):
            return NotImplemented
        return self._keys == other._keys and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]

    def where(self, **conditions: Condition) -> Self:
        """Return the rasters that meet all conditions.

        Parameters
        ----------
        **conditions
            For a key its value; a list or set of values, any of which will do; or a range as a
            tuple ``(first, last)``, both included, None being open. A time covers what its text
            says: ``date="2018-05"`` is all of May, ``date=("2018-05", "2018-06")`` two months.

        Returns
        -------
        Collection
            May be empty.

        Raises
        ------
        UnknownKeyError
            A key that the collection doesn't have; the text lists those it has.
        CollectionError
            A condition that doesn't fit the key: a time that can't be read, a range of three.
        """
        tests = {
            name: condition_test(key_named(self._keys, name), condition)
            for name, condition in conditions.items()
        }
        return self._derived(
            {
                place: row
                for place, row in self._index.items()
                if all(test(row.keys[name]) for name, test in tests.items())
            }
        )

    def add(
        self, path: str | os.PathLike[str], /, *, raster_band: int | None = None, **keys: KeyLike
    ) -> Self:
        """Return the collection with one raster more.

        Parameters
        ----------
        path
            Path or URL of a file that GDAL can read.
        raster_band
            Band of the file, from 1; None: its only one.
        **keys
            A value for each key. The first raster of an empty collection defines the keys.

        Raises
        ------
        CollectionError
            Keys missing or too many; a value of the wrong type; a band that is no number.
        DuplicateKeysError
            There is a raster with these keys.

        Examples
        --------
        >>> from xcube_tiles.sources.collection import Collection
        >>> rgb = Collection(keys=["date", "band"])
        >>> for number, band in enumerate(["red", "green", "blue"], 1):
        ...     rgb = rgb.add("rgb.tif", date="2018-05-24", band=band, raster_band=number)
        >>> rgb.values("band")
        ['blue', 'green', 'red']
        """
        names = self._keys or tuple(map(key_for, keys))
        _check_keys(names)
        place = absolute(text_of(path))
        row = Raster(path=place, keys=_typed(names, keys, place), raster_band=raster_band)
        larger = self._derived(dict(self._index))
        larger._keys = names
        larger._insert(row)
        return larger

    def headers(self) -> dict[str, RasterHeader]:
        """Return the header of each file by its path, reading those not yet read, in parallel.

        Raises
        ------
        CollectionError
            A file that can't be opened as a raster.
        GeoreferenceError
            A file without a CRS or with a rotated grid.
        """
        return self._headers.get(row.path for row in self)

    def to_pandas(self) -> pd.DataFrame:
        """Return the table as a data frame: keys, `path`, `raster_band` and scalar statistics."""
        return summary.data_frame(self, self._keys)

    def __repr__(self) -> str:
        return summary.as_text(self, self._keys)

    def _repr_html_(self) -> str:
        return summary.as_html(self, self._keys)

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuilt, (type(self), list(self), self._keys, self._storage)

    def _insert(self, row: Raster) -> None:
        if tuple(row.keys) != self.keys:
            raise CollectionError(
                f"{row.path!r} has the keys {', '.join(row.keys) or 'none'}; expected "
                f"{', '.join(self.keys)}"
            )
        place = tuple(row.keys.values())
        other = self._index.setdefault(place, row)
        if other is not row:
            raise DuplicateKeysError(
                f"two rasters have the keys {keys_text(row.keys)}:\n  {other}\n  {row}\n"
                f"Put what tells them apart into a key of the pattern"
            )

    def _derived(self, index: dict[tuple[KeyValue, ...], Raster]) -> Self:
        """Return a collection of other rows that shares keys and known headers."""
        derived = type(self)(keys=self._keys)
        derived._storage, derived._headers, derived._index = self._storage, self._headers, index
        return derived


def with_headers_of(table: TableT, known: RasterTable) -> TableT:
    """Return the same rasters with the headers that another table has read.

    Parameters
    ----------
    table
        The rasters.
    known
        May be the same table. What it knows of files that have changed since is left out.
    """
    found = table._derived(dict(table._index))
    if found._storage == known._storage:
        found._headers = known._headers.unchanged()
    return found


def _rebuilt(
    kind: type[RasterTable],
    rasters: list[Raster],
    keys: tuple[Key, ...],
    storage: Mapping[str, Any] | None,
) -> RasterTable:
    return kind(rasters, keys=keys, storage_options=storage)


def _check_keys(keys: Sequence[Key]) -> None:
    names = [key.name for key in keys]
    for name in names:
        if not name.isidentifier() or names.count(name) > 1:
            raise CollectionError(f"keys must be distinct identifiers, got {', '.join(names)}")


def _typed(keys: Sequence[Key], given: Mapping[str, KeyLike], path: str) -> dict[str, KeyValue]:
    names = [key.name for key in keys]
    if set(given) != set(names) or not names:
        raise CollectionError(
            f"a raster needs a value for each of the keys {', '.join(names) or '(none yet)'}; got "
            f"{', '.join(given) or 'none'} for {path!r}"
        )
    try:
        return {key.name: key.value(given[key.name]) for key in keys}
    except (TypeError, ValueError) as error:
        raise CollectionError(f"{path!r}: {error}") from None
