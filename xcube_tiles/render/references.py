"""Bands named by more than a variable: one at a time of its own, or the relief of elevations.

`ndvi@2024-06` is the variable `ndvi` at the last time in June 2024, whatever time is drawn, so that
three times can be red, green and blue, and an expression can subtract one from another.
A label of another dimension does as well: `temperature@10` at a depth of 10.
`hillshade(height)` is computed from the elevations `height` as they are read.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias, get_args

import numpy as np
import xarray as xr
from affine import Affine
from odc.geo.geobox import GeoBox

from xcube_tiles.algebra.terrain.cells import ZFactor, metres_per_unit
from xcube_tiles.algebra.terrain.relief import hillshade
from xcube_tiles.algebra.terrain.surface import aspect, slope
from xcube_tiles.cube.georef import assign_geobox
from xcube_tiles.errors import AlgebraError, DimensionError, StyleError
from xcube_tiles.grid.celltype import CellType
from xcube_tiles.render.instants import select_time
from xcube_tiles.render.pixels import checked_crs
from xcube_tiles.render.sample import as_floats
from xcube_tiles.render.source import (
    attributes_of,
    check_variables,
    labels_of,
    read_cells,
    statistics_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray
    from odc.geo.crs import CRS

    from xcube_tiles.render.source import TileSource

Relief: TypeAlias = Literal["hillshade", "slope", "aspect"]
"""What can be computed from elevations."""

_CALL = re.compile(rf"({'|'.join(get_args(Relief))})\((.*)\)", re.DOTALL)
_OPTIONS = {"hillshade": ("azimuth", "altitude", "light", "z"), "slope": ("z",), "aspect": ("z",)}
_TYPES = {
    "hillshade": CellType.parse("uint8ud0"),
    "slope": CellType.parse("float32"),
    "aspect": CellType.parse("float32"),
}
_RANGES = {"hillshade": (1.0, 255.0), "slope": (0.0, 90.0), "aspect": (0.0, 360.0)}
_ANYWHERE = GeoBox((1, 1), Affine(1, 0, 0, 0, -1, 0), "EPSG:3857")
_SHOWN = 12  # labels that an error lists
_LONGEST = 300  # characters of a reference; a name of a variable with a time has some tens


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """What the name of a band means.

    Examples
    --------
    >>> Reference.parse("ndvi@2024-06").label
    '2024-06'
    >>> Reference.parse("hillshade(height; azimuth=300)").options
    (('azimuth', '300'),)
    """

    variable: str
    """Name of a variable of the source."""

    label: str | None = None
    """Time at which it is read, see `select_time`, or a label of another dimension before y and x;
    None: the time that is drawn."""

    relief: Relief | None = None
    """What is computed from it; None: nothing."""

    options: tuple[tuple[str, str], ...] = ()
    """Options of the relief, as they were given."""

    @classmethod
    def parse(cls, text: str) -> Reference:
        """Return what a text means.

        Parameters
        ----------
        text
            `variable`, `variable@time`, or one of them in `hillshade(...)`, `slope(...)` or
            `aspect(...)`, with options after semicolons: `azimuth`, `altitude` and `light` of a
            hillshade, `z` (factor by which elevations are multiplied) of all.

        Raises
        ------
        StyleError
            A text that isn't of this form.
        """
        if not isinstance(text, str) or len(text) > _LONGEST:
            raise StyleError(f"a band is a text of at most {_LONGEST} characters, got {text!r:.80}")
        inner, given = text.strip(), []
        call = _CALL.fullmatch(inner)
        relief: Any = call and call[1]
        if call is not None:
            inner, *given = (part.strip() for part in call[2].split(";"))
        options = tuple(_option(part, relief) for part in given)
        variable, at, label = inner.rpartition("@")
        variable, label = (variable.strip(), label.strip()) if at else (inner, "")
        if not variable or bool(at) != bool(label):
            raise StyleError(
                f"expected a band as 'variable', 'variable@time' or 'hillshade(variable)', "
                f"got {text!r}"
            )
        return cls(
            variable=variable,
            label=label or None,
            relief=relief,
            options=options,
        )


def _option(text: str, relief: str) -> tuple[str, str]:
    name, equals, value = (part.strip() for part in text.partition("="))
    if not equals or name not in _OPTIONS[relief] or not value:
        raise StyleError(
            f"the options of {relief} are {', '.join(_OPTIONS[relief])}, as in "
            f"'{relief}(height; {_OPTIONS[relief][0]}=2)'; got {text!r}"
        )
    return name, value


def referenced(source: TileSource, names: Iterable[str]) -> TileSource:
    """Return a source that also has the bands that some names refer to.

    Parameters
    ----------
    source
        Has the variables.
    names
        Names of bands: variables of the source, and references (see `Reference.parse`). A name
        that is a variable's is that variable.

    Returns
    -------
    TileSource
        The source itself where no name refers to more than a variable.

    Raises
    ------
    StyleError
        A reference that can't be understood, or to a variable that there isn't.
    DimensionError
        A time or a label that the source doesn't have.

    Examples
    --------
    >>> import numpy as np, xarray as xr
    >>> from xcube_tiles.cube.georef import set_crs
    >>> from xcube_tiles.render.cube import CubeSource
    >>> cells = xr.DataArray(
    ...     np.arange(8.0).reshape(2, 2, 2),
    ...     coords={
    ...         "time": np.array(["2024-05", "2024-06"], "M8[ns]"),
    ...         "y": [15.0, 5.0],
    ...         "x": [5.0, 15.0],
    ...     },
    ...     dims=("time", "y", "x"),
    ...     name="ndvi",
    ... )
    >>> both = referenced(CubeSource(set_crs(cells, "EPSG:32633")), ["ndvi@2024-05"])
    >>> both.variables
    ('ndvi', 'ndvi@2024-05')
    >>> both.read("ndvi@2024-05", level=0, rows=slice(0, 1), cols=slice(0, 2), time=1)
    array([[0., 1.]])
    """
    found = references_in(source, names)
    return ReferencedSource(source, found) if found else source


def selected(source: TileSource, names: Sequence[str]) -> TileSource:
    """Return a source of some bands alone, in this order; parameters and errors as `referenced`."""
    chosen = ReferencedSource(source, references_in(source, names))
    check_variables(chosen, tuple(names))
    chosen.variables = tuple(dict.fromkeys(names))
    return chosen


def references_in(source: TileSource, names: Iterable[str]) -> dict[str, Reference]:
    """Return what names mean that are no variables of a source and look like references."""
    return {
        name: Reference.parse(name)
        for name in names
        if ("@" in name or name.endswith(")")) and name not in source.variables
    }


class _Resolved(NamedTuple):
    reference: Reference
    time: int | None


def _position(source: TileSource, reference: Reference) -> int | None:
    """Return the place of a label on the axis before y and x; None: the reference has no label.

    A source may have a method ``labels(variable)``, as catalog layers do, for axes of any kind.
    """
    if reference.label is None:
        return None
    labels = labels_of(source, reference.variable)
    if labels is None or labels.dtype.kind == "M":
        return select_time(source.times, reference.label)
    for place, label in enumerate(labels.tolist()):
        if str(label) == reference.label or _same_number(label, reference.label):
            return place
    raise DimensionError(
        f"{reference.variable!r} has no label {reference.label!r}; the first labels are "
        f"{', '.join(map(str, labels[:_SHOWN].tolist()))}"
    )


def _same_number(label: object, text: str) -> bool:
    try:
        return isinstance(label, int | float) and float(text) == label
    except ValueError:
        return False


class ReferencedSource:
    """A source with bands that refer to its variables; see `referenced`."""

    __slots__ = ("_bands", "_base", "metadata", "variables")

    def __init__(self, base: TileSource, references: Mapping[str, Reference]) -> None:
        check_variables(base, tuple(found.variable for found in references.values()))
        self._base = base
        self._bands = {
            name: _Resolved(found, _position(base, found)) for name, found in references.items()
        }
        self.variables: tuple[str, ...] = (*base.variables, *references)
        known = {name: statistics_of(base, name) for name in base.variables}
        known |= {name: self._statistics(found) for name, found in references.items()}
        self.metadata = {"statistics": known}
        for found in references.values():
            if found.relief is not None:
                _check_relief(found)

    @property
    def crs(self) -> CRS:
        """Coordinate reference system of all levels."""
        return self._base.crs

    @property
    def geoboxes(self) -> tuple[GeoBox, ...]:
        """Grid of each level, the finest first."""
        return self._base.geoboxes

    @property
    def times(self) -> NDArray[np.datetime64] | None:
        """Instants of the time axis; bands at a time of their own ignore it."""
        return self._base.times

    def cell_type(self, variable: str) -> CellType:
        """Return dtype and NoData of a band."""
        band = self._bands.get(variable)
        if band is None:
            return self._base.cell_type(variable)
        relief = band.reference.relief
        return _TYPES[relief] if relief else self._base.cell_type(band.reference.variable)

    def variable_attrs(self, variable: str) -> Mapping[str, Any]:
        """Return the CF attributes of a band."""
        band = self._bands.get(variable)
        if band is None:
            return attributes_of(self._base, variable)
        if band.reference.relief is None:
            return attributes_of(self._base, band.reference.variable)
        return {} if band.reference.relief == "hillshade" else {"units": "degree"}

    def shape_of(self, level: int) -> tuple[int, int]:
        """Return the rows and columns of a level that hold values, without padding."""
        return filled_shape(self._base, level)

    def read(
        self, variable: str, *, level: int, rows: slice, cols: slice, time: int | None = None
    ) -> NDArray[Any]:
        """Return the cells of a window."""
        band = self._bands.get(variable)
        if band is None:
            return self._base.read(variable, level=level, rows=rows, cols=cols, time=time)
        reference = band.reference
        at = band.time if reference.label is not None else time
        if reference.relief is None:
            return self._base.read(reference.variable, level=level, rows=rows, cols=cols, time=at)
        return _relief(self._base, reference, level=level, rows=rows, cols=cols, time=at)

    def _statistics(self, reference: Reference) -> Mapping[str, float | None]:
        if reference.relief is None:
            return statistics_of(self._base, reference.variable)
        low, high = _RANGES[reference.relief]
        # Of no sample: hillshades are compared with each other, and so want one scale.
        ends = {"min": low, "max": high, "p2": low, "p98": high}
        return ends if reference.relief != "slope" else {}


def filled_shape(source: TileSource, level: int) -> tuple[int, int]:
    """Return the rows and columns of a level that hold values.

    A source may have a method ``shape_of(level)``, as catalog layers do, whose levels are padded
    with cells that are no values even where the cell type has no NoData.
    """
    shape_of = getattr(source, "shape_of", None)
    height, width = source.geoboxes[level].shape if shape_of is None else shape_of(level)
    return int(height), int(width)


def _check_relief(reference: Reference) -> None:
    """Raise StyleError for options that the relief doesn't take, before anything is read."""
    try:
        _computed(np.zeros((1, 1)), _ANYWHERE, reference)
    except AlgebraError as error:
        raise StyleError(str(error)) from error


def _relief(
    source: TileSource,
    reference: Reference,
    *,
    level: int,
    rows: slice,
    cols: slice,
    time: int | None,
) -> NDArray[Any]:
    """Compute a window of a relief from the elevations in it and one cell around."""
    height, width = filled_shape(source, level)
    down, right = _widened(rows, height), _widened(cols, width)
    name = reference.variable
    cells = read_cells(source, name, level=level, rows=down, cols=right, time=time)
    floats = as_floats(cells, source.cell_type(name)).astype(np.float64)
    shaded = _computed(floats, source.geoboxes[level][down, right], reference)
    wanted = (rows.stop - rows.start, cols.stop - cols.start)
    top, left = rows.start - down.start, cols.start - right.start
    part = shaded[top : top + wanted[0], left : left + wanted[1]]
    if part.shape == wanted:
        return np.asarray(part)
    whole = np.full_like(part, _TYPES[reference.relief or "hillshade"].nodata, shape=wanted)
    whole[: part.shape[0], : part.shape[1]] = part
    return whole


def _widened(span: slice, size: int) -> slice:
    """Return a span with a cell more on each side, where there are any; never an empty one."""
    return slice(max(0, min(span.start, size) - 1), max(1, min(size, span.stop + 1)))


def _computed(cells: NDArray[Any], grid: GeoBox, reference: Reference) -> NDArray[Any]:
    options = dict(reference.options)
    cells = cells * _number(options.pop("z", "1"), "z")
    elevations = assign_geobox(xr.DataArray(cells, dims=("y", "x")), grid)
    # Elevations are in metres, whatever the unit of the coordinates.
    crs = checked_crs(grid)
    z_factor: ZFactor = "latitude" if crs.geographic else 1.0 / metres_per_unit(crs)
    if reference.relief == "slope":
        return slope(elevations, z_factor=z_factor).values
    if reference.relief == "aspect":
        return aspect(elevations, z_factor=z_factor).values
    light: Any = options.pop("light", "single")
    angles: dict[str, Any] = {name: _number(value, name) for name, value in options.items()}
    return hillshade(elevations, light=light, z_factor=z_factor, **angles).values


def _number(text: str, name: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = np.nan
    if not np.isfinite(number) or (name == "z" and number <= 0):
        raise StyleError(f"{name} is a {'positive ' * (name == 'z')}number, got {text!r}")
    return number
