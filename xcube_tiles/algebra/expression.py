"""Band mathematics: a formula over the bands of a cube, as text."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from functools import partial, reduce
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from xcube_tiles.algebra import expression_syntax as syntax
from xcube_tiles.algebra.expression_values import (
    BINARY,
    COMPARISONS,
    FUNCTIONS,
    LOGIC,
    UNARY,
    choose,
)
from xcube_tiles.cube.bands import unstack_bands
from xcube_tiles.cube.blocks import is_lazy, map_blocks
from xcube_tiles.cube.cells import cell_type_of
from xcube_tiles.errors import DimensionError, ExpressionError
from xcube_tiles.kernels.nodata import average_dtype, with_nan

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from xcube_tiles.typing import XarrayObject


@dataclass(frozen=True, slots=True, kw_only=True)
class Expression:
    """A formula that has been read and found harmless.

    Examples
    --------
    >>> ndvi = Expression.parse("(nir - red) / (nir + red)")
    >>> ndvi.names
    ('nir', 'red')
    >>> ndvi.evaluate({"nir": np.array([0.6, 0.0, np.nan]), "red": np.array([0.2, 0.0, 0.2])})
    array([0.5, nan, nan])
    """

    text: str
    """The formula as written."""

    names: tuple[str, ...]
    """Bands that it uses, in order of appearance."""

    @classmethod
    def parse(cls, text: str) -> Expression:
        """Read a formula.

        Parameters
        ----------
        text
            See `expression` for the language.

        Raises
        ------
        ExpressionError
            The text isn't a formula, uses what isn't allowed, names no band, or is too long or
            too deep.
        """
        if not isinstance(text, str):
            raise ExpressionError(f"an expression is text, got {text!r}")
        names = syntax.band_names(syntax.parse(text))
        if not names:
            raise ExpressionError(f"the expression {text!r:.80} names no band")
        return cls(text=text, names=names)

    def __dask_tokenize__(self) -> tuple[str, str]:
        return ("xcube_tiles.Expression", self.text)

    def evaluate(self, arrays: Mapping[str, Any]) -> Any:
        """Compute the formula.

        Parameters
        ----------
        arrays
            Numpy or dask arrays by band name, of shapes that broadcast; NaN means NoData, and
            every number of an integer array is a value.

        Returns
        -------
        array
            Floats, NaN where there is no value; lazy, with one task per block, if an array is.

        Raises
        ------
        ExpressionError
            A band is missing; the text lists those that there are.
        """
        missing = [name for name in self.names if name not in arrays]
        if missing:
            raise ExpressionError(
                f"no band {missing[0]!r} for the expression {self.text!r:.80}; the bands are "
                f"{', '.join(map(repr, arrays))}"
            )
        bands = [arrays[name] for name in self.names]
        return _run(self, bands, [None] * len(bands))


def expression(obj: XarrayObject, text: str, *, name: str = "expression") -> xr.DataArray:
    """Compute a formula over the bands of a cube.

    Parameters
    ----------
    obj
        A Dataset, whose variables are the bands, or a DataArray with a band axis. Lazy input gives
        a lazy result, with one task per block.
    text
        Names of bands, numbers, ``+ - * / // % **``, ``< <= > >= == !=``, ``& | ~`` or ``and or
        not`` (both logical, never bitwise), ``a if c else b``, and the functions

        - ``abs sqrt exp log log2 log10 floor ceil round trunc sign min max clip(x, low, high)``,
        - ``sin cos tan arcsin arccos arctan arctan2 sinh cosh tanh radians degrees``,
        - ``where(condition, a, b)``, ``isnodata(x)``,
        - ``band("B-04")`` for a band whose name is no identifier.

        An exponent is a number from -64 to 64.
    name
        Name of the result.

    Returns
    -------
    DataArray
        Floats with NaN as NoData, dimensions of the bands that the formula uses: float32 if they
        are integers of at most 16 bits or float32, else float64. Comparisons and logic give 1
        and 0.

    Raises
    ------
    ExpressionError
        Text that can't be read or isn't allowed; a band that doesn't exist (the text lists those
        that do).

    Notes
    -----
    Bands become floats before anything is computed: nothing wraps, and division is exact.
    NoData of any operand makes the result NoData, in comparisons and logic as well. Exceptions:
    ``where`` and ``if`` ignore what they don't choose, ``isnodata`` tells. Division by zero,
    overflow and roots or logarithms outside their domain give NoData.

    The text is parsed, checked against the list above and interpreted; it is never executed.

    Examples
    --------
    >>> cells = {"nir": ("x", np.array([200, 7, 255], "uint8"), {"_FillValue": 255})}
    >>> cube = xr.Dataset({**cells, "red": ("x", np.array([100, 7, 9], "uint8"))})
    >>> expression(cube, "(nir - red) / (nir + red)").values
    array([0.33333334, 0.        ,        nan], dtype=float32)
    >>> expression(cube, "where(isnodata(nir), red, nir + red)").values
    array([300.,  14.,   9.], dtype=float32)
    """
    formula = Expression.parse(text)
    cube = obj if isinstance(obj, xr.Dataset) else _bands_of(obj)
    missing = [band for band in formula.names if band not in cube.data_vars]
    if missing:
        raise ExpressionError(
            f"no band {missing[0]!r} for the expression {text!r:.80}; the bands are "
            f"{', '.join(repr(str(band)) for band in cube.data_vars)}"
        )
    arrays = _alike([cube[band] for band in formula.names])
    data = _run(
        formula,
        [array.data for array in arrays],
        [cell_type_of(array).nodata for array in arrays],
    )
    coords = cube[list(formula.names)].coords
    attrs = {"long_name": text, "expression": text}
    return xr.DataArray(data, coords=coords, dims=arrays[0].dims, name=name, attrs=attrs)


def _bands_of(array: xr.DataArray) -> xr.Dataset:
    try:
        return unstack_bands(array)
    except DimensionError as error:
        raise ExpressionError(f"an expression needs bands: {error}") from error


def _alike(arrays: Sequence[xr.DataArray]) -> list[xr.DataArray]:
    """Give arrays of one Dataset equal dimensions and blocks."""
    if any(array.dims != arrays[0].dims for array in arrays):
        widest = max(arrays, key=lambda array: array.ndim).dims
        dims = tuple(dict.fromkeys([*widest, *(dim for array in arrays for dim in array.dims)]))
        spread = xr.broadcast(*arrays)
        arrays = [
            wide.transpose(*dims).assign_attrs(array.attrs)
            for wide, array in zip(spread, arrays, strict=True)
        ]
    lazy = [array for array in arrays if is_lazy(array.data)]
    if not lazy:
        return list(arrays)
    blocks = lazy[0].chunksizes
    return [array if array.chunksizes == blocks else array.chunk(blocks) for array in arrays]


def _run(formula: Expression, bands: Sequence[Any], nodata: Sequence[float | None]) -> Any:
    dtype = np.result_type(*(average_dtype(band.dtype) for band in bands))
    call = partial(_evaluate_blocks, formula=formula, nodata=tuple(nodata), dtype=dtype)
    return map_blocks(call, *bands, name="expression", dtype=dtype)


def _evaluate_blocks(
    *blocks: NDArray[Any],
    formula: Expression,
    nodata: tuple[float | None, ...],
    dtype: np.dtype[Any],
) -> NDArray[Any]:
    # The same band may come as a 0-d block: operations need arrays, whose dtype numpy keeps.
    values = {
        name: with_nan(np.asarray(block), number, dtype)
        for name, block, number in zip(formula.names, blocks, nodata, strict=True)
    }
    with np.errstate(all="ignore"):
        result = np.asarray(_value(syntax.parse(formula.text), values, dtype), dtype)
        infinite = np.isinf(result)
        return np.where(infinite, dtype.type(np.nan), result) if infinite.any() else result


def _value(node: ast.expr, values: Mapping[str, NDArray[Any]], dtype: np.dtype[Any]) -> Any:
    """Interpret a checked tree; its depth is bounded, and so is this recursion."""

    def value(inner: ast.expr) -> Any:
        return _value(inner, values, dtype)

    band = syntax.band_of(node)
    if band is not None:
        return values[band]
    match node:
        case ast.Constant(value=bool() | int() | float() as number):
            return dtype.type(number)
        case ast.UnaryOp(op=op, operand=operand):
            return UNARY[type(op)](value(operand))
        case ast.BinOp(left=left, op=operator, right=right):
            return BINARY[type(operator)](value(left), value(right))
        case ast.BoolOp(op=logic, values=parts):
            return reduce(LOGIC[type(logic)], [value(part) for part in parts])
        case ast.IfExp(test=test, body=body, orelse=orelse):
            return choose(value(test), value(body), value(orelse))
        case ast.Call(func=ast.Name(id=name), args=args):
            return FUNCTIONS[name](*(value(argument) for argument in args))
        case ast.Compare(left=first, ops=ops, comparators=others):
            terms = [value(first), *(value(other) for other in others)]
            pairs = [COMPARISONS[type(op)](terms[i], terms[i + 1]) for i, op in enumerate(ops)]
            return reduce(LOGIC[ast.And], pairs)
    raise ExpressionError(f"can't compute {type(node).__name__}")
