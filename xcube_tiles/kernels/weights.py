"""Kernels that have names: weights for smoothing, for gradients, and by distance."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, get_args

import numpy as np

from xcube_tiles.errors import AlgebraError

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Self

    from numpy.typing import ArrayLike, NDArray

Direction: TypeAlias = Literal["e", "ne", "n", "nw", "w", "sw", "s", "se"]
"""Where a gradient is positive if the cells grow that way."""

_MOST = 1000
"""Largest radius in cells. A window beyond it is a mistake, such as metres for cells."""

_RING = ((1, 2), (0, 2), (0, 1), (0, 0), (1, 0), (2, 0), (2, 1), (2, 2))
"""Row and column of the neighbours in a window of 3 by 3, counter-clockwise from the east."""


class NamedKernels:
    """Makes kernels by name; `Kernel` inherits these.

    Notes
    -----
    Names, and what `normalize` does, are those of Google Earth Engine and GeoTrellis 3.8. The
    weights of gradients are those that lie over the raster, north up: with `flip=False`,
    `convolve` gives a positive number where cells grow in the direction asked for. GeoTrellis' own
    Sobel has a wrong sign in one corner, its gaussian and circle are cut to integers, and its
    Roberts can't be used, as it is 2 by 2.
    """

    __slots__ = ()

    if TYPE_CHECKING:

        def __init__(self, weights: ArrayLike) -> None: ...

    @classmethod
    def gaussian(cls, sigma: float, *, radius: int | None = None, normalize: bool = True) -> Self:
        """Make weights that fall like a bell: exp(-d**2 / (2 * sigma**2)).

        Parameters
        ----------
        sigma
            Standard deviation in cells.
        radius
            Cells from the focus to each side; by default 4 * sigma, rounded, as scipy has it.
        normalize
            Divide the weights by their sum; else the middle one is 1.

        Examples
        --------
        >>> from xcube_tiles.kernels.neighborhood import Kernel
        >>> Kernel.gaussian(1, radius=1).weights.round(3)
        array([[0.075, 0.124, 0.075],
               [0.124, 0.204, 0.124],
               [0.075, 0.124, 0.075]])
        """
        sigma = _number("sigma", sigma)
        reach = max(1, int(4 * sigma + 0.5)) if radius is None else _whole(radius)
        along = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
        # Normalised before, so that the weights are the product of a column and a row.
        along = along / along.sum() if normalize else along
        return cls(np.outer(along, along))

    @classmethod
    def box(cls, radius: int, *, normalize: bool = True) -> Self:
        """Make equal weights in a square of 2 * radius + 1 cells a side."""
        south, east = _offsets(_whole(radius))
        return cls(_shape(np.maximum(abs(south), abs(east)) <= radius, normalize))

    @classmethod
    def circle(cls, radius: float, *, normalize: bool = True) -> Self:
        """Make equal weights where the distance is at most `radius` cells."""
        south, east = _offsets(math.ceil(_number("radius", radius)))
        return cls(_shape(np.sqrt(south**2 + east**2) <= radius, normalize))

    @classmethod
    def diamond(cls, radius: int, *, normalize: bool = True) -> Self:
        """Make equal weights where steps to the east and to the south add up to <= `radius`."""
        south, east = _offsets(_whole(radius))
        return cls(_shape(abs(south) + abs(east) <= radius, normalize))

    @classmethod
    def octagon(cls, radius: int, *, normalize: bool = True) -> Self:
        """Make equal weights in the octagon of cells that is nearest to a regular one."""
        south, east = _offsets(_whole(radius))
        return cls(_shape(abs(south) + abs(east) <= round(math.sqrt(2) * radius), normalize))

    @classmethod
    def plus(cls, radius: int, *, normalize: bool = True) -> Self:
        """Make equal weights due north, east, south and west of the focus, and on it."""
        south, east = _offsets(_whole(radius))
        return cls(_shape((south == 0) | (east == 0), normalize))

    @classmethod
    def cross(cls, radius: int, *, normalize: bool = True) -> Self:
        """Make equal weights on the two diagonals through the focus."""
        south, east = _offsets(_whole(radius))
        return cls(_shape(abs(south) == abs(east), normalize))

    @classmethod
    def cone(cls, radius: float, *, normalize: bool = True) -> Self:
        """Make weights that fall with the distance in a straight line, to 0 at `radius`."""
        return cls(_falling(radius, lambda share: 1 - share, normalize))

    @classmethod
    def quartic(cls, radius: float, *, normalize: bool = True) -> Self:
        """Make the weights of kernel densities: (1 - (d / radius)**2)**2, 0 from `radius` on."""
        return cls(_falling(radius, lambda share: (1 - share**2) ** 2, normalize))

    @classmethod
    def euclidean(cls, radius: int, *, normalize: bool = True) -> Self:
        """Make weights that are the distance from the focus in a straight line."""
        south, east = _offsets(_whole(radius))
        return cls(_shape(np.sqrt(south**2 + east**2), normalize))

    @classmethod
    def manhattan(cls, radius: int, *, normalize: bool = True) -> Self:
        """Make weights that are the steps from the focus along rows and columns."""
        south, east = _offsets(_whole(radius))
        return cls(_shape(abs(south) + abs(east), normalize))

    @classmethod
    def chebyshev(cls, radius: int, *, normalize: bool = True) -> Self:
        """Make weights that are the steps from the focus if diagonal ones count as one."""
        south, east = _offsets(_whole(radius))
        return cls(_shape(np.maximum(abs(south), abs(east)), normalize))

    @classmethod
    def laplacian4(cls) -> Self:
        """Make the sum of the second differences along x and y: 4 neighbours minus the focus."""
        return cls([[0, 1, 0], [1, -4, 1], [0, 1, 0]])

    @classmethod
    def laplacian8(cls) -> Self:
        """Make the second differences along x, y and both diagonals: 8 neighbours minus focus."""
        return cls([[1, 1, 1], [1, -8, 1], [1, 1, 1]])

    @classmethod
    def sobel(cls, direction: Direction = "e") -> Self:
        """Make Sobel's gradient; 8 times the rise per cell along x or y.

        Examples
        --------
        >>> from xcube_tiles.kernels.neighborhood import Kernel
        >>> Kernel.sobel("e").weights.astype(int)
        array([[-1,  0,  1],
               [-2,  0,  2],
               [-1,  0,  1]])
        >>> Kernel.sobel("n").weights.astype(int)
        array([[ 1,  2,  1],
               [ 0,  0,  0],
               [-1, -2, -1]])
        """
        return cls(_turned((2, 1, 0, -1, -2, -1, 0, 1), 0, direction))

    @classmethod
    def prewitt(cls, direction: Direction = "e") -> Self:
        """Make Prewitt's gradient; 6 times the rise per cell along x or y."""
        return cls(_turned((1, 1, 0, -1, -1, -1, 0, 1), 0, direction))

    @classmethod
    def compass(cls, direction: Direction = "e") -> Self:
        """Make Prewitt's compass gradient: 1 for five neighbours, -1 for the three behind."""
        return cls(_turned((1, 1, 1, -1, -1, -1, 1, 1), -2, direction))

    @classmethod
    def kirsch(cls, direction: Direction = "e") -> Self:
        """Make Kirsch's compass gradient: 5 for the three cells ahead, -3 for the other five."""
        return cls(_turned((5, 5, -3, -3, -3, -3, -3, 5), 0, direction))

    @classmethod
    def roberts(cls, direction: Literal["se", "sw", "nw", "ne"] = "se") -> Self:
        """Make a difference of Roberts' cross: across the square of the focus and its south-east.

        Notes
        -----
        The cross is 2 by 2. It lies here in a window of 3 by 3 with the focus as its upper left
        cell, so that the result belongs to the corner between four cells.
        """
        known = ("se", "sw", "nw", "ne")
        if direction not in known:
            raise AlgebraError(f"unknown direction {direction!r}; expected one of {_names(known)}")
        ends = {"se": ((1, 1), (2, 2)), "ne": ((2, 1), (1, 2))}
        low, high = ends["se" if direction in {"se", "nw"} else "ne"]
        weights = np.zeros((3, 3))
        weights[high] = 1 if direction in ends else -1
        weights[low] = -weights[high]
        return cls(weights)

    @classmethod
    def sharpen(cls, amount: float = 1.0) -> Self:
        """Make the focus minus `amount` times its Laplacian of 4 neighbours."""
        return cls(_identity(1) - _number("amount", amount) * cls.laplacian4()._array())

    @classmethod
    def unsharp(cls, sigma: float, *, amount: float = 1.0, radius: int | None = None) -> Self:
        """Make an unsharp mask: the focus plus `amount` times what a gaussian takes away from it.

        Parameters
        ----------
        sigma, radius
            As for `gaussian`.
        amount
            Share of the details that is added; 1 doubles them.
        """
        smooth = cls.gaussian(sigma, radius=radius)._array()
        amount = _number("amount", amount)
        return cls((1 + amount) * _identity(len(smooth) // 2) - amount * smooth)

    def _array(self) -> NDArray[np.float64]:
        weights: NDArray[np.float64] = getattr(self, "weights")  # noqa: B009  (of the heir)
        return weights


def _offsets(reach: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    along = np.arange(-reach, reach + 1)
    return along[:, None], along[None, :]


def _shape(weights: NDArray[Any], normalize: bool) -> NDArray[np.float64]:
    full = weights.astype(np.float64)
    return full / full.sum() if normalize else full


def _falling(
    radius: float, fall: Callable[[NDArray[Any]], NDArray[Any]], normalize: bool
) -> NDArray[np.float64]:
    radius = _number("radius", radius)
    # The weights at the radius are 0: the box ends before it.
    south, east = _offsets(math.ceil(radius) - 1)
    share = np.sqrt(south**2 + east**2) / radius
    return _shape(np.where(share < 1, fall(share), 0.0), normalize)


def _turned(ring: tuple[int, ...], middle: int, direction: str) -> NDArray[np.float64]:
    """Return weights that are given counter-clockwise from the east, turned to a direction."""
    known = get_args(Direction)
    if direction not in known:
        raise AlgebraError(f"unknown direction {direction!r}; expected one of {_names(known)}")
    steps = known.index(direction)
    weights = np.full((3, 3), float(middle))
    for at, place in enumerate(_RING):
        weights[place] = ring[at - steps]
    return weights


def _identity(reach: int) -> NDArray[np.float64]:
    weights = np.zeros((2 * reach + 1,) * 2)
    weights[reach, reach] = 1
    return weights


def _names(known: tuple[str, ...]) -> str:
    return ", ".join(known)


def _number(name: str, value: Any) -> float:
    good = isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)
    if not (good and 0 < value <= _MOST):
        unit = "" if name == "amount" else " in cells"
        raise AlgebraError(
            f"expected a positive {name}{unit}, of at most {_MOST}, got {value!r}"
            + ("; for map units divide by the cell size" if unit else "")
        )
    return float(value)


def _whole(radius: Any) -> int:
    if not isinstance(radius, int | np.integer) or isinstance(radius, bool):
        raise AlgebraError(f"expected a radius in whole cells, an integer, got {radius!r}")
    return int(_number("radius", radius))
