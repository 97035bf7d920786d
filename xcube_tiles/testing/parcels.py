"""Parcels of land: blocks of fields, each block with its own direction."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from xcube_tiles.testing.noise import MARGIN, SPAN

if TYPE_CHECKING:
    from numpy.typing import NDArray

_ROWS_AT_ONCE = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Parcels:
    """Which parcel each cell belongs to."""

    number: NDArray[np.uint16]
    """`(y, x)`: a number below the `numbers` asked for; distant parcels may share one."""

    track: NDArray[np.bool_]
    """`(y, x)`: cells on the tracks between two blocks."""


def make_parcels(
    x: NDArray[np.floating],
    y: NDArray[np.floating],
    *,
    seed: tuple[int, ...],
    block: float,
    parcel: tuple[float, float],
    numbers: int,
) -> Parcels:
    """Cut a plane into blocks (Voronoi cells) and each block into rectangles.

    Parameters
    ----------
    x, y
        1-D cell centres in metres.
    seed
        Names the pattern.
    block
        Mean distance of the centres of two blocks, in metres.
    parcel
        Least and greatest width of a parcel, in metres. Parcels are 1.5 to 4 times as long.
    numbers
        How many distinct parcel numbers to give.

    Returns
    -------
    Parcels
        The number of each cell's parcel, and the tracks between blocks.

    Examples
    --------
    >>> x = np.arange(0, 2000.0, 20.0)
    >>> fields = make_parcels(x, x, seed=(3,), block=900.0, parcel=(60.0, 150.0), numbers=500)
    >>> fields.number.shape, int(fields.number.max()) < 500, bool(fields.track.any())
    ((100, 100), True, True)
    """
    blocks = _Blocks.draw(seed, block, parcel)
    number = np.empty((y.size, x.size), np.uint16)
    track = np.empty((y.size, x.size), np.bool_)
    half_track = max(5.0, 0.3 * float(x[1] - x[0]))
    for start in range(0, y.size, _ROWS_AT_ONCE):
        rows = slice(start, start + _ROWS_AT_ONCE)
        nearest, border = blocks.nearest(x, y[rows])
        number[rows] = blocks.parcel_numbers(nearest, x, y[rows]) % numbers
        track[rows] = border < half_track
    return Parcels(number=number, track=track)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Blocks:
    """A jittered lattice of block centres, with what each block looks like."""

    spacing: float
    columns: int
    x: NDArray[np.float32]
    y: NDArray[np.float32]
    angle: NDArray[np.float32]
    width: NDArray[np.float32]
    length: NDArray[np.float32]

    @classmethod
    def draw(cls, seed: tuple[int, ...], spacing: float, parcel: tuple[float, float]) -> _Blocks:
        columns = int((SPAN + 2 * MARGIN) / spacing) + 2
        chance = np.random.default_rng(seed)
        row, column = np.divmod(np.arange(columns**2), columns)
        jitter = chance.uniform(0.1, 0.9, (2, columns**2))
        width = chance.uniform(*parcel, columns**2)
        return cls(
            spacing=spacing,
            columns=columns,
            x=((column + jitter[0]) * spacing - MARGIN).astype(np.float32),
            y=((row + jitter[1]) * spacing - MARGIN).astype(np.float32),
            angle=chance.uniform(0, np.pi, columns**2).astype(np.float32),
            width=width.astype(np.float32),
            length=(width * chance.uniform(1.5, 4, columns**2)).astype(np.float32),
        )

    def nearest(
        self, x: NDArray[np.floating], y: NDArray[np.floating]
    ) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
        """Return each cell's block, and its distance from the border to the next block."""
        column = ((x + MARGIN) // self.spacing).astype(np.intp)
        row = ((y + MARGIN) // self.spacing).astype(np.intp)
        shape = (y.size, x.size)
        block = np.zeros(shape, np.intp)
        first = np.full(shape, np.inf, np.float32)
        second = np.full(shape, np.inf, np.float32)
        for down in (-1, 0, 1):
            for right in (-1, 0, 1):
                candidate = (row[:, None] + down) * self.columns + column + right
                distance = np.hypot(
                    self.x[candidate] - x.astype(np.float32),
                    self.y[candidate] - y.astype(np.float32)[:, None],
                )
                closer = distance < first
                second = np.where(closer, first, np.minimum(second, distance))
                first = np.where(closer, distance, first)
                block = np.where(closer, candidate, block)
        return block, np.asarray((second - first) / 2, np.float32)

    def parcel_numbers(
        self, block: NDArray[np.intp], x: NDArray[np.floating], y: NDArray[np.floating]
    ) -> NDArray[np.uint64]:
        """Return a hash of the block and of the rectangle within it."""
        east = x.astype(np.float32) - self.x[block]
        south = y.astype(np.float32)[:, None] - self.y[block]
        cosine, sine = np.cos(self.angle)[block], np.sin(self.angle)[block]
        across = np.floor((east * cosine + south * sine) / self.width[block]).astype(np.int64)
        along = np.floor((south * cosine - east * sine) / self.length[block]).astype(np.int64)
        # Multiplication by large odd numbers and a shift: a hash whose low bits are well mixed.
        mixed = block * 0x9E3779B1 + (across + 4096) * 0x85EBCA77 + (along + 4096) * 0xC2B2AE3D
        return np.asarray((mixed ^ (mixed >> 15)).astype(np.uint64) >> np.uint64(4))
