"""From levels of raw cells to one GeoTIFF: staged beside its place, packed, checked, renamed."""

from __future__ import annotations

import os
import shutil
import sys
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from uuid import uuid4
from xml.etree import ElementTree as ET

import numpy as np
import rasterio
import rasterio.shutil
from rasterio.errors import NotGeoreferencedWarning, RasterioError

from xcube_tiles.errors import CatalogError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray
    from odc.geo.geobox import GeoBox

    from xcube_tiles.catalog.cog.encoding import CogEncoding
    from xcube_tiles.grid.celltype import CellType

_GDAL_NAMES = {
    "bool": "Byte",
    "uint8": "Byte",
    "int8": "Int8",
    "int16": "Int16",
    "uint16": "UInt16",
    "int32": "Int32",
    "uint32": "UInt32",
    "int64": "Int64",
    "uint64": "UInt64",
    "float32": "Float32",
    "float64": "Float64",
}

_BYTE_ORDER = "LSB" if sys.byteorder == "little" else "MSB"


@dataclass(frozen=True, slots=True, kw_only=True)
class BandText:
    """What a file says of one of its bands beside the cells."""

    name: str
    """Its description."""

    units: str | None = None
    """Unit of the values."""

    scale: float = 1.0
    """Factor from cells to values."""

    offset: float = 0.0
    """What is added after the factor."""

    tags: Mapping[str, str] = field(default_factory=dict)
    """Further metadata."""

    colors: Mapping[int, tuple[int, ...]] = field(default_factory=dict)
    """Colour table: red, green, blue, alpha by cell."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FilePlan:
    """A file to be made: its bands, its levels, and what it says of them."""

    cells: CellType
    """Cell type of all bands."""

    geobox: GeoBox
    """Grid of the full resolution."""

    shapes: tuple[tuple[int, int], ...]
    """Rows and columns of the levels, the finest first."""

    bands: tuple[BandText, ...]
    """The bands in their order."""

    tags: Mapping[str, str] = field(default_factory=dict)
    """Metadata of the file."""

    @property
    def size(self) -> int:
        """Bytes of the cells of all levels."""
        cells = sum(rows * cols for rows, cols in self.shapes)
        return cells * len(self.bands) * self.cells.dtype.itemsize


class Plane:
    """The cells of a band at a level in a raw file; many processes may write to parts of it.

    What isn't written is NoData: the file is filled when it is made.
    """

    __slots__ = ("dtype", "ndim", "offset", "path", "shape")

    def __init__(self, path: str, offset: int, shape: tuple[int, int], dtype: Any) -> None:
        self.path, self.offset, self.shape = path, offset, shape
        self.dtype, self.ndim = np.dtype(dtype), len(shape)

    def __setitem__(self, index: Any, cells: NDArray[Any]) -> None:
        # Opened for each block: a map of the whole file would have to travel to other processes.
        plane = np.memmap(self.path, self.dtype, "r+", self.offset, self.shape)
        plane[index] = cells
        plane.flush()


class RawLevels:
    """The cells of a file while it is made: a raw file per level.

    Parameters
    ----------
    plan
        The file to be made.
    folder
        Where the raw files go.
    """

    def __init__(self, plan: FilePlan, folder: Path) -> None:
        self.plan, self.folder = plan, folder
        folder.mkdir(parents=True, exist_ok=True)
        self.planes = tuple(self._made(number) for number in range(len(plan.shapes)))
        """For each level the planes of the bands."""

    def _path(self, level: int) -> Path:
        return self.folder / f"{level}.raw"

    def _made(self, level: int) -> tuple[Plane, ...]:
        plan, path, shape = self.plan, self._path(level), self.plan.shapes[level]
        dtype, nodata = plan.cells.dtype, plan.cells.nodata
        size = shape[0] * shape[1] * dtype.itemsize
        with path.open("wb") as file:
            file.truncate(size * len(plan.bands))
        if nodata:  # zeros need not be written, nor do they take room on most disks
            whole = np.memmap(path, dtype, "r+", shape=(len(plan.bands) * shape[0], shape[1]))
            for row in range(0, whole.shape[0], 4096):
                whole[row : row + 4096] = nodata
        return tuple(Plane(str(path), n * size, shape, dtype) for n in range(len(plan.bands)))

    def pack(self, encoding: CogEncoding, target: Path) -> None:
        """Write the GeoTIFF.

        Raises
        ------
        CatalogError
            GDAL can't write it.
        """
        plan = self.plan
        for level in range(len(plan.shapes)):
            (self.folder / f"{level}.vrt").write_text(self._document(level), encoding="utf-8")
        options = encoding.creation_options(plan.size, overviews=len(plan.shapes) > 1)
        try:
            rasterio.shutil.copy(
                str(self.folder / "0.vrt"), str(target), driver="COG", NUM_THREADS="ALL_CPUS",
                **options,
            )  # fmt: skip
        except (RasterioError, NotGeoreferencedWarning) as error:
            raise CatalogError(f"the GeoTIFF can't be written: {error}") from error

    def _document(self, level: int) -> str:
        """Return a VRT that shows the raw cells of a level, and the coarser ones as overviews."""
        rows, cols = self.plan.shapes[level]
        root = ET.Element("VRTDataset", rasterXSize=str(cols), rasterYSize=str(rows))
        if level == 0:
            crs = self.plan.geobox.crs
            _add(root, "SRS", "" if crs is None else crs.proj.to_wkt())
            a, b, c, d, e, f = tuple(self.plan.geobox.affine)[:6]
            _add(root, "GeoTransform", ",".join(map(repr, map(float, (c, a, b, f, d, e)))))
            _add_tags(root, self.plan.tags)
        for number in range(len(self.plan.bands)):
            self._add_band(root, level, number)
        return ET.tostring(root, encoding="unicode")

    def _add_band(self, root: ET.Element, level: int, number: int) -> None:
        plan, cells = self.plan, self.plan.cells
        width = plan.shapes[level][1] * cells.dtype.itemsize
        band = ET.SubElement(
            root,
            "VRTRasterBand",
            dataType=_GDAL_NAMES[cells.dtype.name],
            band=str(number + 1),
            subClass="VRTRawRasterBand",
        )
        source = _add(band, "SourceFilename", self._path(level).name)
        source.set("relativeToVRT", "1")
        _add(band, "ImageOffset", self.planes[level][number].offset)
        _add(band, "PixelOffset", cells.dtype.itemsize)
        _add(band, "LineOffset", width)
        _add(band, "ByteOrder", _BYTE_ORDER)
        if cells.nodata is not None:
            _add(band, "NoDataValue", repr(cells.nodata))
        if level == 0:
            _add_text(band, plan.bands[number])
            for coarser in range(1, len(plan.shapes)):
                overview = ET.SubElement(band, "Overview")
                _add(overview, "SourceFilename", f"{coarser}.vrt").set("relativeToVRT", "1")
                _add(overview, "SourceBand", number + 1)


def _add(parent: ET.Element, name: str, value: object) -> ET.Element:
    element = ET.SubElement(parent, name)
    element.text = str(value)
    return element


def _add_tags(parent: ET.Element, tags: Mapping[str, str]) -> None:
    if tags:
        metadata = ET.SubElement(parent, "Metadata")
        for key, value in tags.items():
            _add(metadata, "MDI", value).set("key", key)


def _add_text(band: ET.Element, text: BandText) -> None:
    _add(band, "Description", text.name)
    if text.units:
        _add(band, "UnitType", text.units)
    if (text.scale, text.offset) != (1.0, 0.0):
        _add(band, "Offset", repr(float(text.offset)))
        _add(band, "Scale", repr(float(text.scale)))
    _add_tags(band, text.tags)
    if text.colors:
        _add(band, "ColorInterp", "Palette")
        table = ET.SubElement(band, "ColorTable")
        for value in range(max(text.colors) + 1):
            color = (*text.colors.get(value, (0, 0, 0, 255)), 255)[:4]
            names = zip(("c1", "c2", "c3", "c4"), map(str, color), strict=True)
            ET.SubElement(table, "Entry", dict(names))


@contextmanager
def staged(folder: Path) -> Iterator[Path]:
    """Give a hidden folder within another; it is removed at the end, whatever happens."""
    folder.mkdir(parents=True, exist_ok=True)
    stage = folder / f".cog-{uuid4().hex[:8]}"
    stage.mkdir()
    try:
        yield stage
    finally:
        shutil.rmtree(stage, ignore_errors=True)


def publish(made: Sequence[tuple[Path, Path]], *, overwrite: bool) -> None:
    """Rename finished files onto their names; each appears as a whole.

    Raises
    ------
    CatalogError
        A name is taken, and `overwrite` is False.
    """
    for source, target in made:
        if overwrite:
            os.replace(source, target)
            continue
        try:
            # Unlike a rename this fails where the name is taken, also by somebody else meanwhile.
            os.link(source, target)
        except FileExistsError:
            raise taken(target) from None
        except OSError:
            if target.exists():
                raise taken(target) from None
            os.rename(source, target)


def taken(target: Path) -> CatalogError:
    """Return the error of a file that is there already."""
    return CatalogError(f"{str(target)!r} is there already; pass overwrite=True to replace it")
