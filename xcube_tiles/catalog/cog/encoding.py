"""How a GeoTIFF is packed: compression, predictor, tiles, classic TIFF or BigTIFF."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, get_args

from xcube_tiles.errors import CatalogError

if TYPE_CHECKING:
    from xcube_tiles.grid.celltype import CellType

Compression: TypeAlias = Literal["deflate", "zstd", "lzw", "lerc", "none"]
"""How the tiles of a GeoTIFF are packed."""

BigTiff: TypeAlias = Literal["if needed", "yes", "no"]
"""Whether offsets in a TIFF have 64 bits, which files beyond 4 GiB need."""

CLASSIC_LIMIT = 2**32
"""Bytes that a classic TIFF can address."""

_OVERHEAD = 1.02
# Cells that can't be packed grow by less than one part in a thousand; the rest is for the
# directories, of some bytes a tile.

_HEADER = 2**20
_LEVELS: dict[str, range] = {"deflate": range(1, 13), "zstd": range(1, 23)}
_NOT_LERC = ("int64", "uint64")
_LEAST_TILE, _MOST_TILE = 16, 8192


@dataclass(frozen=True, slots=True, kw_only=True)
class CogEncoding:
    """How a GeoTIFF is packed.

    Raises
    ------
    CatalogError
        A field that isn't possible.
    """

    compression: Compression = "deflate"
    """`lerc` keeps cells to within `max_error`; all others are exact."""

    level: int | None = None
    """Effort of `deflate` (1 to 12) or `zstd` (1 to 22); None: the library's own choice."""

    max_error: float = 0.0
    """Largest difference, in units of the cells, that `lerc` may make; 0: none."""

    block_size: int = 512
    """Edge of the tiles in cells, a multiple of 16."""

    bigtiff: BigTiff = "if needed"
    """`if needed`: where the cells of all levels, unpacked, wouldn't fit into a classic TIFF."""

    def __post_init__(self) -> None:
        for name, value, known in (
            ("compression", self.compression, get_args(Compression)),
            ("bigtiff", self.bigtiff, get_args(BigTiff)),
        ):
            if value not in known:
                raise CatalogError(f"{name} is one of {', '.join(known)}; got {value!r}")
        self._check_level()
        lossy = isinstance(self.max_error, int | float) and 0 <= self.max_error < float("inf")
        if not lossy or (self.max_error and self.compression != "lerc"):
            raise CatalogError(
                "max_error is a number from 0 upwards, and beyond 0 for compression='lerc' only; "
                f"got {self.max_error!r} for {self.compression!r}"
            )
        size = self.block_size
        if not isinstance(size, int) or size % 16 or not _LEAST_TILE <= size <= _MOST_TILE:
            raise CatalogError(
                f"block_size is a multiple of 16 from {_LEAST_TILE} to {_MOST_TILE} cells, "
                f"got {size!r}"
            )

    def _check_level(self) -> None:
        if self.level is None:
            return
        known = _LEVELS.get(self.compression)
        if known is None or not isinstance(self.level, int) or self.level not in known:
            choices = ", ".join(f"{k} {v[0]} to {v[-1]}" for k, v in _LEVELS.items())
            raise CatalogError(
                f"level {self.level!r} isn't one of {self.compression!r}; the levels are {choices}"
            )

    def check_cells(self, cells: CellType) -> None:
        """Raise unless cells of a type can be packed so without harm to NoData.

        Raises
        ------
        CatalogError
            LERC and cells of 64-bit integers; LERC with an error where a number means NoData.
        """
        if self.compression != "lerc":
            return
        if cells.dtype.name in _NOT_LERC:
            raise CatalogError(f"LERC holds no {cells.dtype.name}; take compression='zstd'")
        number = cells.nodata is not None and cells.nodata == cells.nodata
        if self.max_error and number:
            raise CatalogError(
                f"LERC with max_error={self.max_error} could make NoData ({cells.nodata}) of cells "
                "with values, or values of it. Convert to floats, where NaN is kept exactly: "
                "cube.tiles.convert('float32'); or pass max_error=0"
            )

    def creation_options(self, size: int, *, overviews: bool) -> dict[str, Any]:
        """Return the creation options of GDAL's COG driver.

        Parameters
        ----------
        size
            Bytes of the cells of all levels.
        overviews
            Whether the source has overviews, which are taken as they are.
        """
        options: dict[str, Any] = {
            "COMPRESS": self.compression.upper(),
            "BLOCKSIZE": self.block_size,
            "BIGTIFF": "YES" if self.is_big(size) else "NO",
            "OVERVIEWS": "FORCE_USE_EXISTING" if overviews else "NONE",
        }
        if self.compression in ("deflate", "zstd", "lzw"):
            options["PREDICTOR"] = "YES"  # differences for integers, of bytes for floats
        if self.level is not None:
            options["LEVEL"] = self.level
        if self.compression == "lerc":
            options["MAX_Z_ERROR"] = repr(float(self.max_error))
        return options

    def is_big(self, size: int) -> bool:
        """Whether a file of so many bytes of cells, all levels together, becomes a BigTIFF.

        Examples
        --------
        >>> CogEncoding().is_big(2**30), CogEncoding().is_big(2**32)
        (False, True)
        """
        if self.bigtiff == "if needed":
            return size * _OVERHEAD + _HEADER > CLASSIC_LIMIT
        return self.bigtiff == "yes"
