"""What every accessor is: it holds the object and nothing else."""

from __future__ import annotations

from typing import Generic

from xcube_tiles.typing import XarrayT


class Accessor(Generic[XarrayT]):
    """Holds the object and nothing else: an accessor is pickled with its object."""

    __slots__ = ("_obj",)

    def __init__(self, obj: XarrayT) -> None:
        self._obj: XarrayT = obj
