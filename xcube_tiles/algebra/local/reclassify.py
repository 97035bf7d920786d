"""Reclassification: new values for old ones, or for what lies between breaks."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, get_args

import numpy as np

from xcube_tiles.algebra.attributes import value_attrs
from xcube_tiles.algebra.choosing import check_choice
from xcube_tiles.algebra.local.numbers import Numbers, join, numbers_of, result_type
from xcube_tiles.algebra.local.operands import (
    Number,
    map_operands,
    number,
    result_like,
    threads_for,
)
from xcube_tiles.cube.blocks import map_blocks
from xcube_tiles.cube.cells import cell_type_of, set_cell_type
from xcube_tiles.errors import AlgebraError, CellTypeError
from xcube_tiles.grid.celltype import CellType, convert
from xcube_tiles.grid.dtypes import limits
from xcube_tiles.kernels.local.classes import breaks_below
from xcube_tiles.kernels.local.pieces import in_pieces
from xcube_tiles.kernels.nodata import average_dtype

if TYPE_CHECKING:
    import xarray as xr
    from numpy.typing import NDArray

    from xcube_tiles.typing import XarrayT

Boundary: TypeAlias = Literal["less-equal", "less", "greater", "greater-equal", "exact"]
"""How a cell compares with the break whose class it gets."""

Fallback: TypeAlias = Number | Literal["keep"] | None
"""What cells without a class become: a number, what they were, or NoData."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Classes:
    """A table of classes for cells of one type."""

    source: CellType
    """Cell type of the cells."""

    target: CellType
    """Cell type of the result."""

    keys: tuple[Number, ...]
    """Old values or breaks, ascending, as cells can have them."""

    values: tuple[Number | None, ...]
    """New values: one more than there are keys, for breaks those between them."""

    classed: tuple[bool, ...]
    """Which of `values` are classes."""

    inclusive: bool
    """Whether a cell that equals a break lies above it."""

    exact: bool
    """Whether the keys are values."""

    fallback: Fallback
    """What cells without a class become."""

    strict: bool
    """Whether a cell without a class is an error."""


def reclassify(
    obj: XarrayT,
    table: Mapping[float, float | None],
    *,
    boundary: Boundary = "less-equal",
    fallback: Fallback = None,
    strict: bool = False,
    cell_type: CellType | str | None = None,
) -> XarrayT:
    """Give cells new values by a table of old ones, or of breaks.

    Parameters
    ----------
    obj
        A cube; of a Dataset, every variable with y and x.
    table
        New values by break, or by old value (``boundary="exact"``). A new value of None is NoData.
    boundary
        Which break's value a cell gets:

        - ``less-equal``: the lowest break that it is less than or equal to,
        - ``less``: the lowest break that it is less than,
        - ``greater``: the highest break that it is greater than,
        - ``greater-equal``: the highest break that it is greater than or equal to,
        - ``exact``: the one that it equals.
    fallback
        What a cell becomes that has no such break: NoData, a number, or ``"keep"``: what it was.
    strict
        Whether a cell without a break is an error, when it is computed.
    cell_type
        Cell type of the result, or its name; by default, if all new values are integers, the
        smallest integer type that holds them and NoData beside them (and the old values, with
        ``fallback="keep"``), otherwise floats.

    Returns
    -------
    DataArray or Dataset
        As `obj`; NoData stays NoData. Lazy if `obj` is, with one task per block.

    Raises
    ------
    AlgebraError
        An empty table, one that isn't a table of numbers, or an unknown boundary or fallback. When
        computed with `strict`: a cell without a break.
    CellTypeError
        New values that `cell_type` doesn't hold, or that it takes for NoData.

    Notes
    -----
    Boundaries, fallback and strictness are those of GeoTrellis' ``BreakMap``. Breaks are rounded to
    the dtype of float cells, so that 0.1 is what a float32 cell can have of it; integer cells are
    compared exactly, with fractions too. 64-bit integers that are kept beside fractions become
    float64, which rounds those beyond 2**53.

    Examples
    --------
    >>> from affine import Affine
    >>> from odc.geo.geobox import GeoBox
    >>> from xcube_tiles.cube.georef import assign_geobox
    >>> import xarray as xr
    >>> grid = GeoBox((1, 4), Affine(10, 0, 0, 0, -10, 0), "EPSG:32633")
    >>> slope = assign_geobox(xr.DataArray([[2.0, 5.0, 30.0, np.nan]], dims=("y", "x")), grid)
    >>> reclassify(slope, {5: 1, 15: 2, 90: 3}).values
    array([[  1,   1,   3, 255]], dtype=uint8)
    >>> reclassify(slope, {2: 10}, boundary="exact", fallback="keep").values
    array([[10.,  5., 30., nan]])
    """
    check_choice("boundary", boundary, get_args(Boundary))
    if fallback is not None and fallback != "keep":
        fallback = _fallback(fallback)
    pairs = _pairs(table)
    goal = CellType.parse(cell_type) if isinstance(cell_type, str) else cell_type
    if goal is not None and not isinstance(goal, CellType):
        raise CellTypeError(f"cell_type is a cell type or its name, got {cell_type!r}")

    def run(array: xr.DataArray, _: list[Any]) -> xr.DataArray:
        source = cell_type_of(array)
        target = _target(source, pairs, fallback, goal, strict=strict)
        classes = _classes(source, target, pairs, boundary, fallback, strict=strict)
        data = map_blocks(
            _classify_block,
            array.data,
            name="reclassify",
            dtype=target.dtype,
            classes=classes,
            threads=threads_for([array.data]),
        )
        attrs = value_attrs(array.attrs, "keep" if fallback == "keep" else "drop")
        return set_cell_type(result_like([array], data, attrs), target)

    return map_operands(obj, [], run)


def _fallback(fallback: object) -> Number:
    if isinstance(fallback, str):
        raise AlgebraError(
            f"unknown fallback {fallback!r}; expected a number, 'keep', or None for NoData"
        )
    return number(fallback, "fallback")


def _pairs(table: object) -> dict[Number, Number | None]:
    if not isinstance(table, Mapping) or not table:
        raise AlgebraError(
            f"a table maps breaks or values to new values, such as {{10: 1, 20: 2}}; got {table!r}"
        )
    pairs = {
        number(key, "a break"): None if new is None else number(new, "a new value")
        for key, new in table.items()
    }
    if any(math.isnan(key) for key in pairs):
        raise AlgebraError("a break can't be NaN: cells without a value stay without one")
    return dict(sorted(pairs.items()))


def _target(
    source: CellType,
    pairs: dict[Number, Number | None],
    fallback: Fallback,
    goal: CellType | None,
    *,
    strict: bool,
) -> CellType:
    new = [value for value in pairs.values() if value is not None and value == value]
    new += [fallback] if isinstance(fallback, int | float) and fallback == fallback else []
    if goal is not None:
        lacks = len(new) < len(pairs) or source.nodata is not None
        _check_held(new, goal, lacks=lacks or (fallback is None and not strict))
        return goal
    whole = [value for value in new if isinstance(value, int)]
    kept = source.dtype if fallback == "keep" else np.dtype(np.uint8)
    if len(whole) < len(new) or kept.kind == "f":
        return CellType.default(_float_dtype(source, new))
    numbers = Numbers(min(whole, default=0), max(whole, default=0))
    if fallback == "keep":
        numbers = join(numbers_of(source), numbers) if whole else numbers_of(source)
    target, leaves = result_type(numbers, [source] if fallback == "keep" else [], lacks=True)
    if leaves or numbers.holds(int(target.nodata or 0)):
        raise CellTypeError(
            f"no integer type holds the values {new!r} and NoData beside them; make them floats, "
            "or pass cell_type"
        )
    return target


def _float_dtype(source: CellType, new: list[Number]) -> np.dtype[Any]:
    dtype = source.dtype if source.dtype.kind == "f" else average_dtype(source.dtype)
    with np.errstate(over="ignore"):
        exact = all(float(dtype.type(value)) == value for value in new if isinstance(value, int))
    most = np.finfo(dtype).max
    fits = all(abs(value) <= most for value in new if math.isfinite(value))
    return dtype if exact and fits else np.dtype(np.float64)


def _check_held(new: list[Number], goal: CellType, *, lacks: bool) -> None:
    low, high = limits(goal.dtype)
    for value in new:
        whole = goal.dtype.kind == "f" or float(value).is_integer()
        if not (low <= value <= high) or not whole:
            raise CellTypeError(f"{goal.name} cells can't hold the new value {value!r}")
        if value == goal.nodata:
            raise CellTypeError(
                f"the new value {value!r} is NoData in {goal.name}; make it None if that is meant"
            )
    if lacks and goal.nodata is None:
        raise CellTypeError(
            f"{goal.name} cells can't be NoData, but cells without a value or without a class can "
            "be there; choose a type with NoData, or fill the cells and pass a fallback"
        )


def _classes(
    source: CellType,
    target: CellType,
    pairs: dict[Number, Number | None],
    boundary: Boundary,
    fallback: Fallback,
    *,
    strict: bool,
) -> Classes:
    exact, inclusive = boundary == "exact", boundary in ("less", "greater-equal")
    keys, values = list(pairs), list(pairs.values())
    classed = [True] * len(keys)
    if boundary in ("less", "less-equal"):
        values, classed = [*values, None], [*classed, False]
    else:
        values, classed = [None, *values], [False, *classed]
    if exact:
        found = [(key, new) for key, new in pairs.items() if _held(key, source)]
        keys, values = [key for key, _ in found], [None, *(new for _, new in found)]
        classed = [False] + [True] * len(keys)
    elif source.dtype.kind != "f":
        keys, first, last = _whole_breaks(keys, source, inclusive=inclusive)
        values, classed = values[first:last], classed[first:last]
    if source.dtype.kind != "f":
        keys = [int(key) for key in keys]
    else:
        keys = [_float_break(key, source, inclusive=inclusive) for key in keys]
    return Classes(
        source=source,
        target=target,
        keys=tuple(keys),
        values=tuple(values),
        classed=tuple(classed),
        inclusive=inclusive,
        exact=exact,
        fallback=fallback,
        strict=strict,
    )


def _held(key: Number, source: CellType) -> bool:
    low, high = limits(source.dtype)
    if source.dtype.kind == "f":
        return math.isinf(key) or low <= key <= high
    return low <= key <= high and float(key).is_integer()


def _float_break(key: Number, source: CellType, *, inclusive: bool) -> Number:
    """Return a break that floats compare with alike, where it is finite but beyond them."""
    low, high = limits(source.dtype)
    if math.isinf(key) or low <= key <= high:
        return key
    if key > high:
        return math.inf if inclusive else high
    return low if inclusive else -math.inf


def _whole_breaks(
    keys: list[Number], source: CellType, *, inclusive: bool
) -> tuple[list[Number], int, int]:
    """Return breaks that integers compare with alike, and which classes lie between them."""
    low, high = limits(source.dtype)
    whole: list[Number] = []
    first = 0
    for key in keys:
        edge: Number = key
        if math.isfinite(key):
            # v > 2.5 is v > 2; v >= 2.5 is v >= 3
            edge = math.ceil(key) if inclusive else math.floor(key)
        if (edge <= low) if inclusive else (edge < low):
            first += 1  # below every cell
        elif edge <= high:
            whole.append(edge)
    return whole, first, first + len(whole) + 1


def _classify_block(block: NDArray[Any], *, classes: Classes, threads: int) -> NDArray[Any]:
    cells = block.view(np.uint8) if block.dtype.kind == "b" else block
    dtype = cells.dtype
    keys = np.array(classes.keys, dtype)
    run = partial(_classify_piece, classes=classes, keys=keys)
    some = classes.strict or classes.fallback == "keep"  # what isn't there may be wrong
    if some or dtype.kind == "f" or dtype.itemsize > 2 or cells.size < np.iinfo(dtype).max:
        return in_pieces(run, cells, dtype=classes.target.dtype, threads=threads)
    # every number there is, once: then each cell is one look at a table that fits the cache
    unsigned = np.dtype(f"u{dtype.itemsize}")
    every = np.arange(np.iinfo(unsigned).max + 1, dtype=unsigned).view(dtype)
    table = np.empty(every.size, classes.target.dtype)
    run(every, table)
    return in_pieces(
        partial(_look_up, table=table), cells.view(unsigned), dtype=table.dtype, threads=threads
    )


def _look_up(cells: NDArray[Any], out: NDArray[Any], *, table: NDArray[Any]) -> None:
    np.take(table, cells, out=out, mode="clip")


def _classify_piece(
    cells: NDArray[Any], out: NDArray[Any], *, classes: Classes, keys: NDArray[Any]
) -> None:
    source, target = classes.source, classes.target
    missing = source.is_nodata(cells if source.dtype.kind != "b" else cells.view(bool))
    if classes.exact:
        at = np.searchsorted(keys, cells).astype(np.int32)
        near = np.minimum(at, max(keys.size - 1, 0))
        index = np.where(keys[near] == cells, near + 1, 0) if keys.size else np.zeros_like(at)
    else:
        index = breaks_below(cells, keys, inclusive=classes.inclusive)
    index = np.where(missing, 0, index)
    unclassed = ~np.array(classes.classed)[index] & ~missing
    if classes.strict and unclassed.any():
        raise AlgebraError(
            f"{cells[unclassed][0]} has no class; add it to the table, choose a fallback, or pass "
            "strict=False"
        )
    nodata = _nodata(target)
    new = [nodata if value is None or value != value else value for value in classes.values]
    np.take(np.array(new, target.dtype), index, out=out, mode="clip")
    if classes.fallback == "keep":
        own = cells.view(source.dtype) if source.dtype.kind == "b" else cells
        out[unclassed] = convert(own[unclassed], source, target)
    elif classes.fallback is not None:
        np.copyto(out, target.dtype.type(classes.fallback), where=unclassed)
    np.copyto(out, target.dtype.type(nodata), where=missing)


def _nodata(target: CellType) -> Number:
    return 0 if target.nodata is None else target.nodata
