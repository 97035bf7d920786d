"""Space-filling curves: one integer for each tile key, close numbers for close tiles."""

from __future__ import annotations

from xcube_tiles.grid.curves.documents import index_from_json, index_to_json, key_index
from xcube_tiles.grid.curves.index import KeyIndex, Keys
from xcube_tiles.grid.curves.indexes import HilbertIndex, RowMajorIndex, ZOrderIndex
from xcube_tiles.grid.curves.ordering import Order, order

__all__ = [
    "HilbertIndex",
    "KeyIndex",
    "Keys",
    "Order",
    "RowMajorIndex",
    "ZOrderIndex",
    "index_from_json",
    "index_to_json",
    "key_index",
    "order",
]
