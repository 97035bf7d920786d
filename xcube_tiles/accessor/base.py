"""What every accessor is: it holds the object and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    import xarray as xr

ObjT = TypeVar("ObjT", "xr.DataArray", "xr.Dataset", "xr.DataTree")
"""What an accessor may be of."""


class Accessor(Generic[ObjT]):
    """Holds the object and nothing else: an accessor is pickled with its object."""

    __slots__ = ("_obj",)

    def __init__(self, obj: ObjT) -> None:
        self._obj: ObjT = obj
