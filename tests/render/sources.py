"""Sources of tiles that the tests draw: plain arrays that note every read."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from affine import Affine
from odc.geo.geobox import GeoBox
from PIL import Image

from xcube_tiles.grid.celltype import CellType

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray
    from odc.geo.crs import CRS


class Read(NamedTuple):
    """A read that a source has seen."""

    variable: str
    level: int
    rows: slice
    cols: slice
    time: int | None


class ArraySource:
    """Arrays in memory as a source of tiles; `reads` lists what was asked for."""

    def __init__(
        self,
        variables: Mapping[str, Sequence[NDArray[Any]]],
        geobox: GeoBox,
        *,
        types: Mapping[str, CellType] | None = None,
        times: Sequence[str] | None = None,
        attrs: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> None:
        self.arrays = {name: list(levels) for name, levels in variables.items()}
        self.types = dict(types or {})
        self.attrs = dict(attrs or {})
        self._times = None if times is None else np.array(times, dtype="datetime64[ns]")
        shapes = [array.shape[-2:] for array in next(iter(self.arrays.values()))]
        self._geoboxes = tuple(_resized(geobox, shape) for shape in shapes)
        self.reads: list[Read] = []

    @property
    def crs(self) -> CRS:
        crs = self._geoboxes[0].crs
        assert crs is not None
        return crs

    @property
    def geoboxes(self) -> tuple[GeoBox, ...]:
        return self._geoboxes

    @property
    def variables(self) -> tuple[str, ...]:
        return tuple(self.arrays)

    @property
    def times(self) -> NDArray[np.datetime64] | None:
        return self._times

    def cell_type(self, variable: str) -> CellType:
        default = CellType.default(self.arrays[variable][0].dtype)
        return self.types.get(variable, default)

    def variable_attrs(self, variable: str) -> Mapping[str, Any]:
        return self.attrs.get(variable, {})

    def read(
        self, variable: str, *, level: int, rows: slice, cols: slice, time: int | None = None
    ) -> NDArray[Any]:
        self.reads.append(Read(variable, level, rows, cols, time))
        array = self.arrays[variable][level]
        height, width = array.shape[-2:]
        assert 0 <= rows.start < rows.stop <= height
        assert 0 <= cols.start < cols.stop <= width
        return np.asarray(array[..., rows, cols] if array.ndim == 2 else array[time, rows, cols])


def _resized(geobox: GeoBox, shape: tuple[int, int]) -> GeoBox:
    affine = geobox.affine
    return GeoBox(
        shape,
        Affine(
            affine.a * geobox.shape[1] / shape[1],
            0.0,
            affine.c,
            0.0,
            affine.e * geobox.shape[0] / shape[0],
            affine.f,
        ),
        geobox.crs,
    )


def grid(shape: tuple[int, int], crs: str, *, left: float, top: float, cell: float) -> GeoBox:
    """Return a north-up grid of square cells."""
    return GeoBox(shape, Affine(cell, 0.0, left, 0.0, -cell, top), crs)


def numbered(
    shape: tuple[int, int], crs: str, *, left: float, top: float, cell: float
) -> ArraySource:
    """Return a source whose cells hold their own flat index; NoData is -1."""
    cells = np.arange(shape[0] * shape[1], dtype=np.int32).reshape(shape)
    return ArraySource(
        {"index": [cells]},
        grid(shape, crs, left=left, top=top, cell=cell),
        types={"index": CellType.parse("int32ud-1")},
    )


def rgba(png: bytes) -> NDArray[np.uint8]:
    """Return a picture as red, green, blue, opacity; shape (height, width, 4)."""
    with Image.open(BytesIO(png)) as image:
        return np.asarray(image.convert("RGBA"))
