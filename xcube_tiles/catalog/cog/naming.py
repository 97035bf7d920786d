"""Names of the files that a cube becomes: a path with `{time}` and `{band}` in braces."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from string import Formatter
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from xcube_tiles.cube.dimensions import dimension_types
from xcube_tiles.errors import CatalogError

if TYPE_CHECKING:
    import xarray as xr

BAND = "band"
"""Field of a path that stands for the variable's name."""

TIME = "time"
"""Field of a path that stands for the instant, whatever the name of the dimension."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Naming:
    """Which part of a cube goes into which file."""

    pattern: str
    """Path, with fields in braces."""

    dim: str | None
    """The dimension before y and x; None: there is none."""

    labels: tuple[str, ...]
    """Text of each label of the dimension, as in names of files."""

    instants: tuple[np.datetime64, ...] | None
    """Instant of each label of a temporal dimension."""

    fields: frozenset[str]
    """Fields of the path."""

    @property
    def by_band(self) -> bool:
        """Whether each variable has a file of its own."""
        return BAND in self.fields

    def path(self, label: int, band: str) -> Path:
        """Return the path of a file."""
        text = self.labels[label] if self.labels else ""
        named = {TIME: text, self.dim or TIME: text, BAND: band}
        return Path(os.path.abspath(self.pattern.format(**named)))


def naming_of(cube: xr.Dataset, path: str | os.PathLike[str]) -> Naming:
    """Return which part of a cube goes into which file.

    Parameters
    ----------
    cube
        In canonical form; variables (y, x), or with one dimension more, the same for all.
    path
        A local path; with fields where it becomes several files.

    Raises
    ------
    CatalogError
        A URL; several labels without a field to name them, or a field that means nothing here;
        variables with different dimensions; two files of one name.
    """
    pattern = _text_of(path)
    dims = sorted({str(dim) for array in cube.data_vars.values() for dim in array.dims[:-2]})
    if len(dims) > 1:
        raise CatalogError(
            f"the variables have the dimensions {', '.join(dims)} before y and x; files are made "
            "along one: select or reduce the others"
        )
    dim = dims[0] if dims else None
    known = {BAND} | ({dim} if dim else set())
    temporal = dim is not None and dimension_types(cube)[dim] == "temporal"
    known |= {TIME} if temporal else set()
    fields = _fields(pattern, known)
    count = cube.sizes[dim] if dim else 1
    if not count:
        raise CatalogError(f"dimension {dim!r} is empty: there is nothing to write")
    if count > 1 and not fields & {dim, TIME if temporal else dim}:
        raise CatalogError(
            f"the cube has {count} labels along {dim!r} and {pattern!r} names one file; put "
            f"{{{dim}}} into the path for a file of each, or select or reduce: "
            f"cube.isel({dim}=0), cube.tiles.reduce({dim!r}, 'mean')"
        )
    labels, instants = _labels(cube, dim, temporal) if dim else ((), None)
    naming = Naming(pattern=pattern, dim=dim, labels=labels, instants=instants, fields=fields)
    names = [naming.path(at, str(n)) for at in range(count) for n in _bands(cube, naming)]
    twice = {str(name) for name in names if names.count(name) > 1} if len(names) < 10_000 else set()
    if len(set(names)) < len(names):
        raise CatalogError(f"several files would have the name {min(twice, default=pattern)!r}")
    return naming


def _bands(cube: xr.Dataset, naming: Naming) -> list[str]:
    return [str(name) for name in cube.data_vars] if naming.by_band else [""]


def _text_of(path: object) -> str:
    if not isinstance(path, str | os.PathLike) or not os.fspath(path):
        raise CatalogError(f"expected the path of a GeoTIFF, got {path!r}")
    text = os.fspath(path)
    if not isinstance(text, str) or "://" in text:
        raise CatalogError(
            f"GeoTIFFs are written to local paths, got {path!r}; copy them from there"
        )
    if not Path(text).name or Path(text).is_dir():
        raise CatalogError(f"{text!r} is a folder; name the file, e.g. {text.rstrip('/')}/ndvi.tif")
    return text


def _fields(pattern: str, known: set[str]) -> frozenset[str]:
    try:
        parts = [(name, spec) for _, name, spec, _ in Formatter().parse(pattern)]
    except ValueError as error:
        raise CatalogError(f"{pattern!r} can't be understood: {error}") from error
    fields = {name for name, _ in parts if name is not None}
    odd = fields - known
    if odd or any(spec for _, spec in parts):
        raise CatalogError(
            f"{pattern!r} has the field {min(odd, default='with a format')!r}; for this cube the "
            f"fields are {', '.join(f'{{{name}}}' for name in sorted(known))}"
        )
    return frozenset(fields)


def _labels(
    cube: xr.Dataset, dim: str, temporal: bool
) -> tuple[tuple[str, ...], tuple[np.datetime64, ...] | None]:
    values = cube[dim].values
    if not temporal:
        return tuple(str(value).replace(os.sep, "_") for value in values), None
    if np.isnat(values).any():
        raise CatalogError(f"dimension {dim!r} has missing times (NaT): drop them first")
    index = pd.DatetimeIndex(values)
    whole_days = bool((index == index.normalize()).all())
    text = index.strftime("%Y%m%d" if whole_days else "%Y%m%dT%H%M%S")
    return tuple(text), tuple(index.values.astype("datetime64[ns]"))
