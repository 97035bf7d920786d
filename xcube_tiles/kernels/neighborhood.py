"""Neighbourhoods: which cells around a focus an operation looks at."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from xcube_tiles.errors import AlgebraError
from xcube_tiles.kernels.weights import NamedKernels

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

_TOLERANCE = 1e-9
"""Degrees by which a cell may lie outside a wedge's sides: what rounding of angles amounts to."""

_MOST = 10_000
"""Largest extent in cells. A window beyond it is a mistake, such as metres for cells."""


@dataclass(frozen=True, slots=True)
class Square:
    """The cells of a square around the focus.

    Raises
    ------
    AlgebraError
        An extent that isn't an integer from 1 to 10 000.

    Examples
    --------
    >>> Square(2).mask().shape
    (5, 5)
    """

    extent: int
    """Cells from the focus to each side; the square is 2 * extent + 1 cells wide."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "extent", _extent(self, self.extent))

    def mask(self) -> NDArray[np.bool_]:
        """Return which cells of the box around the focus are in: all of them."""
        return np.ones((2 * self.extent + 1,) * 2, np.bool_)


@dataclass(frozen=True, slots=True)
class Nesw:
    """The cells due north, east, south and west of the focus, and the focus: a cross.

    Raises
    ------
    AlgebraError
        An extent that isn't an integer from 1 to 10 000.

    Examples
    --------
    >>> Nesw(1).mask().astype(int)
    array([[0, 1, 0],
           [1, 1, 1],
           [0, 1, 0]])
    """

    extent: int
    """Cells from the focus to the end of each arm."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "extent", _extent(self, self.extent))

    def mask(self) -> NDArray[np.bool_]:
        """Return which cells of the box around the focus are in."""
        south, east = _offsets(self.extent)
        return np.asarray((south == 0) | (east == 0))


@dataclass(frozen=True, slots=True)
class Circle:
    """The cells whose centres are at most a radius away from the focus.

    Raises
    ------
    AlgebraError
        A radius that isn't positive and at most 10 000.

    Examples
    --------
    A cell at exactly the radius is in:

    >>> Circle(1).mask().astype(int)
    array([[0, 1, 0],
           [1, 1, 1],
           [0, 1, 0]])
    """

    radius: float
    """Radius in cells."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "radius", _radius(self, "radius", self.radius))

    @property
    def extent(self) -> int:
        """Cells from the focus to the side of the box around it."""
        return math.ceil(self.radius)

    def mask(self) -> NDArray[np.bool_]:
        """Return which cells of the box around the focus are in."""
        return np.asarray(_distances(self.extent) <= self.radius)


@dataclass(frozen=True, slots=True)
class Annulus:
    """The cells whose centres are between two radii away from the focus: a ring.

    Raises
    ------
    AlgebraError
        Radii that aren't finite, not positive (`inner` may be 0) or in the wrong order; a ring so
        thin that no cell's centre lies in it.

    Examples
    --------
    Both radii are in; the focus is out unless `inner` is 0:

    >>> Annulus(1, 2).mask().astype(int)
    array([[0, 0, 1, 0, 0],
           [0, 1, 1, 1, 0],
           [1, 1, 0, 1, 1],
           [0, 1, 1, 1, 0],
           [0, 0, 1, 0, 0]])
    """

    inner: float
    """Radius of the hole in cells."""

    outer: float
    """Outer radius in cells."""

    def __post_init__(self) -> None:
        inner, outer = self.inner, _radius(self, "outer radius", self.outer)
        if not (_is_number(inner) and 0 <= inner <= outer):
            raise AlgebraError(
                f"Annulus needs an inner radius of 0 to the outer one, in cells; got "
                f"inner={inner!r}, outer={self.outer!r}"
            )
        object.__setattr__(self, "inner", float(inner))
        object.__setattr__(self, "outer", outer)
        if not self.mask().any():
            raise AlgebraError(
                f"Annulus({inner!r}, {self.outer!r}) is so thin that it holds no cell; cells have "
                "distances of 1, 1.414, 2, 2.236, ... from the focus"
            )

    @property
    def extent(self) -> int:
        """Cells from the focus to the side of the box around it."""
        return math.ceil(self.outer)

    def mask(self) -> NDArray[np.bool_]:
        """Return which cells of the box around the focus are in."""
        away = _distances(self.extent)
        return np.asarray((away >= self.inner) & (away <= self.outer))


@dataclass(frozen=True, slots=True)
class Wedge:
    """The cells of a sector of a circle, and the focus.

    Raises
    ------
    AlgebraError
        A radius that isn't positive and finite; an angle that isn't finite.

    Notes
    -----
    The sector runs counter-clockwise from `start_angle` to `end_angle`, both sides included, and so
    may cross the east: `Wedge(3, 315, 45)` looks east. Angles are taken modulo 360, except that
    two which differ by 360 or more make a whole circle.

    Examples
    --------
    >>> Wedge(2, 0, 90).mask().astype(int)
    array([[0, 0, 1, 0, 0],
           [0, 0, 1, 1, 0],
           [0, 0, 1, 1, 1],
           [0, 0, 0, 0, 0],
           [0, 0, 0, 0, 0]])
    """

    radius: float
    """Radius in cells."""

    start_angle: float
    """Side that the sector starts at, in degrees counter-clockwise from east."""

    end_angle: float
    """Side that the sector ends at, in degrees counter-clockwise from east."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "radius", _radius(self, "radius", self.radius))
        for name in ("start_angle", "end_angle"):
            angle = getattr(self, name)
            if not _is_number(angle):
                raise AlgebraError(
                    f"Wedge needs {name} in degrees counter-clockwise from east, got {angle!r}"
                )
            object.__setattr__(self, name, float(angle))

    @property
    def extent(self) -> int:
        """Cells from the focus to the side of the box around it."""
        return math.ceil(self.radius)

    def mask(self) -> NDArray[np.bool_]:
        """Return which cells of the box around the focus are in."""
        south, east = _offsets(self.extent)
        near = _distances(self.extent) <= self.radius
        return np.asarray(near & (self._holds(south, east) | ((south == 0) & (east == 0))))

    def _holds(self, south: NDArray[Any], east: NDArray[Any]) -> NDArray[np.bool_]:
        width = self.end_angle - self.start_angle
        if abs(width) >= 360:
            return np.ones(np.broadcast_shapes(south.shape, east.shape), np.bool_)
        turned = (np.degrees(np.arctan2(-south, east)) - self.start_angle) % 360
        # a hair before the start is a hair below 360
        return np.asarray((turned <= width % 360 + _TOLERANCE) | (turned >= 360 - _TOLERANCE))


@dataclass(frozen=True, slots=True, eq=False, init=False)
class Kernel(NamedKernels):
    """Weights of the cells around the focus, for convolution; or a window of any shape.

    Raises
    ------
    AlgebraError
        Weights that aren't two-dimensional, of odd height and width, finite, and not all 0.

    Notes
    -----
    Focal statistics don't weigh: a kernel of zeros and ones is a window of the cells that have a
    one; other weights are for convolution.

    Examples
    --------
    >>> Kernel([[0, 0, 0], [1, 1, 1], [0, 0, 1]]).mask().sum()
    np.int64(4)
    """

    weights: NDArray[np.float64]
    """Weights, float64 of shape (h, w), both odd, north up; read-only. Given as anything that makes
    such an array."""

    def __init__(self, weights: ArrayLike) -> None:
        object.__setattr__(self, "weights", _weights(weights))

    @property
    def extent(self) -> int:
        """Cells from the focus to the farther side of the box around it."""
        return int(max(self.weights.shape)) // 2

    def mask(self) -> NDArray[np.bool_]:
        """Return which cells of the box around the focus have a weight other than 0."""
        return np.asarray(self.weights != 0)

    # Arrays compare by cells, which makes neither one truth value nor a hash.
    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Kernel):
            return NotImplemented
        return np.array_equal(self.weights, other.weights)

    def __hash__(self) -> int:
        return hash((self.weights.shape, (self.weights + 0.0).tobytes()))


Neighborhood: TypeAlias = Square | Circle | Nesw | Wedge | Annulus | Kernel
"""Any of the neighbourhoods. `mask()` is bool of shape (2 * dy + 1, 2 * dx + 1), north up, focus in
the middle, True for the cells that are in; `extent` is the larger of dy and dx."""


def _offsets(extent: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return how far the cells of a box are from its middle, to the south and to the east."""
    along = np.arange(-extent, extent + 1)
    return along[:, None], along[None, :]


def _distances(extent: int) -> NDArray[np.float64]:
    south, east = _offsets(extent)
    # The root of an exact integer is correctly rounded: a radius of math.sqrt(5) reaches (1, 2).
    return np.asarray(np.sqrt(south * south + east * east))


def _is_number(value: object) -> bool:
    if isinstance(value, bool | np.bool_) or not isinstance(
        value, int | float | np.integer | np.floating
    ):
        return False
    return math.isfinite(value)


def _extent(owner: object, value: Any) -> int:
    whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
    if not whole or not 1 <= int(value) <= _MOST:
        raise AlgebraError(
            f"{type(owner).__name__} needs an extent in cells, an integer from 1 (a window of 3 by "
            f"3 cells) to {_MOST}; got {value!r}"
        )
    return int(value)


def _radius(owner: object, name: str, value: Any) -> float:
    if not _is_number(value) or not 0 < value <= _MOST:
        raise AlgebraError(
            f"{type(owner).__name__} needs a positive {name} in cells, of at most {_MOST}; got "
            f"{value!r}. Divide a distance in map units by the cell size: metres / "
            "cube.tiles.resolution[0]"
        )
    return float(value)


def _weights(values: ArrayLike) -> NDArray[np.float64]:
    try:
        weights = np.array(values, np.float64, order="C")
    except (TypeError, ValueError) as error:
        raise AlgebraError(
            f"Kernel needs weights in rows of equal length, got {values!r}"
        ) from error
    if weights.ndim != 2:
        raise AlgebraError(
            f"Kernel needs weights in rows and columns, got {weights.ndim} dimensions of shape "
            f"{weights.shape!r}"
        )
    height, width = weights.shape
    if not (height % 2 and width % 2):
        raise AlgebraError(
            f"Kernel needs an odd number of rows and columns, so that one cell is the focus; got "
            f"{height} by {width}. Add a row or column of zeros on the side that the focus is "
            "nearer to"
        )
    if not np.isfinite(weights).all():
        raise AlgebraError(f"Kernel needs finite weights, got {weights.tolist()!r}")
    if not weights.any():
        raise AlgebraError("Kernel needs a weight other than 0, got only zeros")
    weights.flags.writeable = False
    return weights
