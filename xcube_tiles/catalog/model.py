"""A catalog: a Zarr group of named layers."""

from __future__ import annotations

from xcube_tiles.catalog.layer import Layer, Level
from xcube_tiles.catalog.methods.archiving import Archiving
from xcube_tiles.catalog.methods.growing import Growing
from xcube_tiles.catalog.methods.linking import Linking
from xcube_tiles.catalog.methods.managing import Managing
from xcube_tiles.catalog.methods.reading import Reading

__all__ = ["Catalog", "Layer", "Level"]


class Catalog(Reading, Growing, Linking, Managing, Archiving):
    """Named layers in one place; what is listed is what lies there at that moment."""

    __slots__ = ()
