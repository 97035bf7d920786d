"""Exceptions of the package; each is also the builtin that a caller would expect.

```text
XcubeTilesError
├── CellTypeError (ValueError)          a cell type can't be parsed or can't hold a value
│   ├── CellOverflowError               a valid value doesn't fit the target type
│   └── NoDataCollisionError            a valid value equals the target's NoData
├── GridError (ValueError)              extent, layout, tile key or scheme out of range
│   └── RegionError                     a bbox, polygon or size that no values can be given for
├── GeoreferenceError (ValueError)      an object's CRS or coordinates are absent or contradict
├── DimensionError (ValueError)         a dimension is unknown, of the wrong type or taken
│   └── IncompatibleCubesError          two cubes differ in grid or labels
├── PatternError (ValueError)           a path pattern can't be parsed
├── CollectionError (ValueError)        a table of rasters is inconsistent
│   ├── DuplicateKeysError              two rasters have equal keys
│   ├── RaggedKeysError                 some key combinations have no raster
│   ├── UnequalGridsError               rasters lie on different grids
│   ├── UnknownKeyError (KeyError)      a key name that the collection doesn't have
│   ├── RasterReadError (OSError)       a raster file is gone, cut short or damaged
│   └── DatabaseError (OSError)         a database of rasters doesn't answer
├── StacError (ValueError)              a STAC source, query or item can't be used
│   └── NoItemsError (LookupError)      the query matches no item
├── SizeLimitError (ValueError)         the result would be larger than allowed
├── AlgebraError (ValueError)           unknown operation, or arguments that don't fit it
│   ├── ReducerError                    unknown reducer, or one that can't be applied here
│   └── ExpressionError                 band mathematics that can't be parsed or evaluated
├── CatalogError (ValueError)           a catalog or layer is malformed
│   ├── LayerNotFoundError (LookupError)
│   ├── LayerExistsError (FileExistsError)
│   ├── LayerBusyError                  somebody else is writing to the layer
│   ├── DamagedLayerError (OSError)     cells of a layer are cut short or damaged
│   └── StoreError (OSError)            a disk, bucket or server refuses or fails
├── StyleError (ValueError)             unknown colour map, format or stretch
├── SettingsError (ValueError)          a setting of the server is unknown or can't be
└── MissingExtraError (ImportError)     an optional dependency isn't installed
```
"""

from __future__ import annotations


class XcubeTilesError(Exception):
    """Base of every error that the package raises on purpose."""

    def __str__(self) -> str:
        # KeyError shows repr(message): the text would lose its line breaks.
        return Exception.__str__(self)


class CellTypeError(XcubeTilesError, ValueError):
    """A cell type can't be parsed, or can't hold a value."""


class CellOverflowError(CellTypeError):
    """A valid value doesn't fit the target cell type."""


class NoDataCollisionError(CellTypeError):
    """A valid value equals the NoData value of the target cell type."""


class GridError(XcubeTilesError, ValueError):
    """An extent, layout, tile key or scheme is malformed or out of range."""


class RegionError(GridError):
    """A bbox, a polygon or a size that no values can be given for."""


class GeoreferenceError(XcubeTilesError, ValueError):
    """The CRS or the coordinates of an object are absent or contradict each other."""


class DimensionError(XcubeTilesError, ValueError):
    """A dimension is unknown, has the wrong type, or is taken."""


class IncompatibleCubesError(DimensionError):
    """Two cubes can't be combined: their grids or labels differ."""


class PatternError(XcubeTilesError, ValueError):
    """A path pattern can't be parsed or matches nothing."""


class CollectionError(XcubeTilesError, ValueError):
    """A table of rasters is inconsistent or can't become a cube."""


class DuplicateKeysError(CollectionError):
    """Two rasters have equal keys."""


class RaggedKeysError(CollectionError):
    """Some combinations of key values have no raster."""


class UnequalGridsError(CollectionError):
    """Rasters of one cube lie on different grids."""


class UnknownKeyError(CollectionError, KeyError):
    """A key name that the collection doesn't have."""


class RasterReadError(CollectionError, OSError):
    """A raster file is gone, cut short or damaged, or the store that it lies in doesn't answer."""


class DatabaseError(CollectionError, OSError):
    """A database of rasters refuses or doesn't answer; it may do so in a moment."""


class StacError(XcubeTilesError, ValueError):
    """A STAC source, query or item can't be used."""


class NoItemsError(StacError, LookupError):
    """A STAC query matches no item."""


class SizeLimitError(XcubeTilesError, ValueError):
    """A result would be larger than the caller allows."""


class AlgebraError(XcubeTilesError, ValueError):
    """An operation of map algebra that doesn't exist, or arguments that don't fit it."""


class ReducerError(AlgebraError):
    """A reducer is unknown, or can't be applied to these cells."""


class ExpressionError(AlgebraError):
    """Band mathematics that can't be parsed or evaluated."""


class CatalogError(XcubeTilesError, ValueError):
    """A catalog or a layer is malformed."""


class LayerNotFoundError(CatalogError, LookupError):
    """A layer that the catalog doesn't have."""


class LayerExistsError(CatalogError, FileExistsError):
    """A layer of that name is in the catalog already."""


class LayerBusyError(CatalogError):
    """Somebody else is writing to a layer."""


class LayerChangedError(CatalogError):
    """A layer was replaced more than once while it was read: open it again."""


class DamagedLayerError(CatalogError, OSError):
    """Cells of a layer can't be read: a file of it is cut short or damaged."""


class StoreError(CatalogError, OSError):
    """A disk, bucket or server refuses or fails: no permission, no space, no answer."""


class StyleError(XcubeTilesError, ValueError):
    """A colour map, image format or stretch that doesn't exist."""


class SettingsError(XcubeTilesError, ValueError):
    """A setting of the server that is unknown, or has a value that can't be."""


class MissingExtraError(XcubeTilesError, ImportError):
    """An optional dependency isn't installed.

    Parameters
    ----------
    module
        Name of the module that can't be imported.
    extra
        Name of the pip extra that brings it.
    """

    def __init__(self, module: str, extra: str) -> None:
        super().__init__(
            f"{module!r} is not installed. Install it with: pip install 'xcube_tiles[{extra}]'"
        )
