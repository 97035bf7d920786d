"""The accessor `tiles` of Datasets, DataArrays and DataTrees: one-line delegates, no logic.

Every method imports the room that does the work when it is called, so that registering the
accessor costs nothing.
"""

import xarray as xr

from xcube_tiles.accessor.dataarray import DataArrayTiles
from xcube_tiles.accessor.dataset import DatasetTiles
from xcube_tiles.accessor.datatree import DataTreeTiles

__all__ = ["DataArrayTiles", "DataTreeTiles", "DatasetTiles", "register"]


def register() -> None:
    """Register the accessors under the name `tiles`."""
    xr.register_dataset_accessor("tiles")(DatasetTiles)
    xr.register_dataarray_accessor("tiles")(DataArrayTiles)
    xr.register_datatree_accessor("tiles")(DataTreeTiles)
