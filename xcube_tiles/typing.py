"""Type aliases and option names shared by the rooms."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias, TypeVar

if TYPE_CHECKING:
    import numpy as np
    import xarray as xr
    from numpy.typing import NDArray

    Array: TypeAlias = NDArray[np.generic]
    """A numpy array of any dtype."""

    XarrayObject: TypeAlias = xr.DataArray | xr.Dataset
    """What an operation on cubes accepts."""

XarrayT = TypeVar("XarrayT", "xr.DataArray", "xr.Dataset")
"""An operation that returns the kind of object it was given."""

DimensionType: TypeAlias = Literal["spatial", "temporal", "bands", "other"]
"""What a dimension means; `spatial` is exactly y and x."""

OverflowPolicy: TypeAlias = Literal["raise", "saturate", "nodata"]
"""What becomes of a valid value that the target cell type can't hold."""

OverlapName: TypeAlias = Literal["first", "last", "min", "max", "mean", "sum"]
"""How `merge` resolves a label that both cubes have."""

ResamplingName: TypeAlias = Literal[
    "nearest",
    "bilinear",
    "cubic",
    "cubic_spline",
    "lanczos",
    "average",
    "mode",
    "median",
    "min",
    "max",
    "sum",
    "q1",
    "q3",
]
"""How cells are computed on another grid."""

PyramidResampling: TypeAlias = Literal["mean", "nearest", "mode", "min", "max", "median", "sum"]
"""How a coarser level is computed from the finer one."""

ImageFormat: TypeAlias = Literal["png", "webp", "jpg", "npy", "tif"]
"""Encodings of a tile."""
