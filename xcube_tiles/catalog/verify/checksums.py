"""Whether the bytes of an array's objects are those that were written, by their checksums."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from google_crc32c import value as crc32c

from xcube_tiles.catalog.building.manifest import object_counts, position_of
from xcube_tiles.catalog.format.conventions import PRIVATE, is_virtual
from xcube_tiles.catalog.format.documents import has_checksums
from xcube_tiles.catalog.format.shards import CHECKSUM_BYTES

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import TypeAlias

    from numpy.typing import NDArray

    Check: TypeAlias = Callable[[bytes, int, str], str]
    """From bytes of an object, its size and its key to what is wrong, or nothing."""

_EMPTY = 2**64 - 1


def lacks_checksums(root: Mapping[str, Any]) -> bool:
    """Whether a layer has cells without checksums, by its root document."""
    attributes = root.get("attributes", {})
    if PRIVATE not in attributes or is_virtual(attributes):
        return False
    inline = root.get("consolidated_metadata", {}).get("metadata", {})
    return any(
        not has_checksums(document)
        for document in inline.values()
        if len(object_counts(document) or ()) >= 2
    )


def object_check(document: Mapping[str, Any]) -> Check | None:
    """Return what compares all bytes of an object with their checksums; None without them.

    Parameters
    ----------
    document
        Of the array.
    """
    if object_counts(document) is None or not has_checksums(document):
        return None
    sharding = sharding_of(document)
    if sharding is None:
        return _whole_check
    parts = index_length(document, sharding)
    return None if parts is None else _shard_check(document, sharding, parts)


def sharding_of(document: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return how the shards of an array are made; None if it has none."""
    codec = (document.get("codecs") or [{}])[0]
    return codec["configuration"] if codec.get("name") == "sharding_indexed" else None


def index_length(document: Mapping[str, Any], sharding: Mapping[str, Any]) -> int | None:
    """Return the length of the index at the end of each shard; None if it isn't as ours."""
    names = [codec.get("name") for codec in sharding.get("index_codecs", [])]
    if names != ["bytes", "crc32c"] or sharding.get("index_location", "end") != "end":
        return None
    return int(np.prod(_counts(document, sharding))) * 16 + CHECKSUM_BYTES


def _counts(document: Mapping[str, Any], sharding: Mapping[str, Any]) -> tuple[int, ...]:
    """Return the number of chunks of a shard along each dimension."""
    outer = document["chunk_grid"]["configuration"]["chunk_shape"]
    return tuple(a // b for a, b in zip(outer, sharding["chunk_shape"], strict=True))


def is_summed(content: bytes) -> bool:
    """Whether bytes end with the checksum of those before."""
    stated = int.from_bytes(content[-CHECKSUM_BYTES:], "little")
    return len(content) > CHECKSUM_BYTES and stated == crc32c(content[:-CHECKSUM_BYTES])


def index_problem(tail: bytes, size: int, length: int) -> str:
    """Return what is wrong with the index of a shard, or nothing.

    Parameters
    ----------
    tail
        The last bytes of the shard, or all.
    size
        Of the shard.
    length
        Of its index.
    """
    if len(tail) < length:
        return f"the shard has only {size} bytes"
    if not is_summed(tail[-length:]):
        return "the index of the shard is damaged or cut off: its checksum is another"
    pairs = _pairs(tail, length)
    places = sorted((int(at), int(at + n)) for at, n in pairs if at != _EMPTY)
    if places and places[-1][1] > size - length:
        return f"a chunk ends beyond the {size} bytes of the shard"
    if any(end > start for (_, end), (start, _) in pairwise(places)):
        return "chunks of the shard overlap"
    return ""


def _pairs(tail: bytes, length: int) -> NDArray[np.uint64]:
    return np.frombuffer(tail[-length:-CHECKSUM_BYTES], "<u8").reshape(-1, 2)


def _whole_check(content: bytes, size: int, key: str) -> str:
    return "" if is_summed(content) else f"{_ANOTHER} than that of its {size} bytes"


_ANOTHER = "the object is damaged: its checksum is another"


def _shard_check(document: Mapping[str, Any], sharding: Mapping[str, Any], length: int) -> Check:
    counts, chunk = _counts(document, sharding), sharding["chunk_shape"]

    def check(content: bytes, size: int, key: str) -> str:
        wrong = index_problem(content, size, length)
        if wrong:
            return wrong
        # All bytes are covered: those of chunks, which follow each other, and those of the index.
        bad = [
            place
            for place, (at, n) in zip(
                np.ndindex(*counts), _pairs(content, length).tolist(), strict=True
            )
            if at != _EMPTY and not is_summed(content[at : at + n])
        ]
        if not bad:
            return ""
        _, shard = position_of(key) or ("", (0,) * len(counts))
        first = tuple(s * c + at for s, c, at in zip(shard, counts, bad[0], strict=True))
        cells = ", ".join(
            f"{at * n}:{min(at * n + n, end)}"
            for at, n, end in zip(first, chunk, document["shape"], strict=True)
        )
        more = f", and so are {len(bad) - 1} more chunks of the shard" if len(bad) > 1 else ""
        return f"chunk {first} with the cells [{cells}] is damaged, its checksum is another{more}"

    return check
