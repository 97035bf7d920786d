"""Dask graphs over the blocks of an array: the only place that builds any.

Every function takes numpy or dask arrays. Numpy input is computed at once; dask input gives a lazy
array with one task per output block, named by a token of all inputs, so that equal work has equal
keys and can be merged or cached. The last two dimensions are always y and x.
"""

from xcube_tiles.cube.blocks.fold import fold_blocks
from xcube_tiles.cube.blocks.graph import Chunks, is_lazy
from xcube_tiles.cube.blocks.halo import map_halo
from xcube_tiles.cube.blocks.mapping import map_blocks
from xcube_tiles.cube.blocks.outputs import map_outputs
from xcube_tiles.cube.blocks.reading import from_reader
from xcube_tiles.cube.blocks.several import map_several
from xcube_tiles.cube.blocks.shared import map_shared
from xcube_tiles.cube.blocks.storing import store_blocks
from xcube_tiles.cube.blocks.tree import tree_reduce
from xcube_tiles.cube.blocks.whole import map_whole
from xcube_tiles.cube.blocks.windows import map_windows

__all__ = [
    "Chunks",
    "fold_blocks",
    "from_reader",
    "is_lazy",
    "map_blocks",
    "map_halo",
    "map_outputs",
    "map_several",
    "map_shared",
    "map_whole",
    "map_windows",
    "store_blocks",
    "tree_reduce",
]
