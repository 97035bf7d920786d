"""What a layer knows of itself: statistics, where it comes from, what has changed it."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np

from xcube_tiles.errors import CatalogError
from xcube_tiles.grid.curves import order

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xcube_tiles.grid.curves import Order


class Tile(NamedTuple):
    """A tile of a level: what one object of an array holds."""

    col: int
    """Counted from the left."""

    row: int
    """Counted from the top."""

    rows: slice
    """Rows of the level's arrays, padding left out."""

    cols: slice
    """Columns of the level's arrays, padding left out."""


_ORIGIN = ("source", "expression", "title", "references")
_MAKING = ("scheme", "resampling", "min_valid", "software", "created", "updated", "revision")


class _Described(Protocol):
    """What the methods below need of a layer."""

    @property
    def name(self) -> str: ...
    @property
    def levels(self) -> tuple[Any, ...]: ...
    @property
    def metadata(self) -> dict[str, Any]: ...
    @property
    def attrs(self) -> dict[str, Any]: ...
    @property
    def variables(self) -> tuple[str, ...]: ...


class Recorded:
    """What a layer knows of itself; all of it is in the document that was read on opening."""

    __slots__ = ()

    @property
    def statistics(self: _Described) -> dict[str, dict[str, float | None]]:
        """Statistics of each variable, from the coarsest level; empty for layers made by others.

        `min`, `max`, `mean`, `std`, `p2`, `p50` and `p98` of the finite cells, None where there are
        none, and their share `valid`.
        """
        return dict(self.metadata.get("statistics", {}))

    @property
    def revision(self: _Described) -> int:
        """Number of the last change, 1 for a new layer; 0 for layers made by others."""
        return int(self.metadata.get("revision", 0))

    @property
    def history(self: _Described) -> tuple[dict[str, Any], ...]:
        """The last 100 changes, the first of them first.

        Each has its `revision`, `operation`, the instant `when`, and the `software`.
        """
        return tuple(self.metadata.get("history", ()))

    @property
    def provenance(self: _Described) -> dict[str, Any]:
        """Where the layer comes from and how it was made.

        `source`, `expression`, `title` and `references` are attributes of the cube that was
        written, or were set later; `resampling`, `scheme`, `min_valid`, `software`, `created`,
        `updated` and `revision` were noted on writing. What isn't known is left out.
        """
        made = {key: self.metadata[key] for key in _MAKING if key in self.metadata}
        given = {key: self.attrs[key] for key in _ORIGIN if key in self.attrs}
        return {**given, **self.metadata.get("provenance", {}), **made}

    def partitions(
        self, n: int, *, level: int = 0, by: Order = "hilbert"
    ) -> tuple[tuple[Tile, ...], ...]:
        """Return the tiles of a level in groups, one for each of some workers.

        A tile is what one object holds, a shard or a chunk: workers that write to different ones
        don't meet. Groups differ by at most one tile in number, and tiles of a group are near to
        each other, as a curve is cut into pieces.

        Parameters
        ----------
        n
            Number of groups; those that are left without a tile are empty.
        level
            Number of a level.
        by
            Curve: ``hilbert``, ``zorder`` or ``rowmajor``.

        Raises
        ------
        CatalogError
            A number of groups below 1, or a level that isn't there.
        GridError
            An unknown order.
        """
        layer: Any = self
        if not isinstance(n, int) or isinstance(n, bool) or n < 1:
            raise CatalogError(f"n must be a number of groups from 1, got {n!r}")
        height, width = layer.shape_of(level)
        array = layer.array(layer.variables[0], level)
        tall, wide = (array.shards or array.chunks)[-2:]
        tiles = [
            Tile(
                col=int(col),
                row=int(row),
                rows=slice(int(row) * tall, min((int(row) + 1) * tall, height)),
                cols=slice(int(col) * wide, min((int(col) + 1) * wide, width)),
            )
            for row, col in order(-(-height // tall), -(-width // wide), by=by)
        ]
        cuts = [len(tiles) * at // n for at in range(n + 1)]
        return tuple(tuple(tiles[start:stop]) for start, stop in pairwise(cuts))

    def level_statistics(self: _Described, level: int) -> dict[str, dict[str, Any]]:
        """Return statistics of all cells of a level, and a histogram, for each variable.

        Raises
        ------
        CatalogError
            `Catalog.compute_statistics` wasn't called for that level since it was written.
        """
        known = self.metadata.get("level_statistics", {})
        if not isinstance(level, int) or str(level) not in known:
            there = ", ".join(known) or "none"
            raise CatalogError(
                f"layer {self.name!r} has no statistics of level {level!r}, those of {there}; "
                f"catalog.compute_statistics({self.name!r}, levels=[...]) computes them"
            )
        found: dict[str, dict[str, Any]] = known[str(level)]
        return dict(found)

    def histogram(
        self, variable: str, *, level: int = 0
    ) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Return the edges of equal bins and the number of cells in each, at a level.

        Integers of at most 256 different values are counted one by one: their edges are halfway,
        0.5 below and above each value from the lowest to the highest.

        Raises
        ------
        CatalogError
            A variable that the layer hasn't, or one without a valid cell; or
            `Catalog.compute_statistics` wasn't called for that level since it was written.
        """
        layer: Any = self
        found = layer.level_statistics(level)
        if variable not in found:
            raise CatalogError(
                f"layer {layer.name!r} has no variable {variable!r}; it has {', '.join(found)}"
            )
        histogram = found[variable]["histogram"]
        if histogram is None:
            raise CatalogError(f"variable {variable!r} has no valid cell at level {level}")
        counts = np.array(histogram["counts"], np.int64)
        if "edges" in histogram:
            first, last = histogram["edges"]
            return np.linspace(first, last, counts.size + 1), counts
        values = np.array(histogram["values"])
        all_counts = np.zeros(int(values[-1] - values[0]) + 1, np.int64)
        all_counts[(values - values[0]).astype(np.int64)] = counts
        return values[0] - 0.5 + np.arange(all_counts.size + 1), all_counts
