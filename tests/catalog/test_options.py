"""The same options wherever a layer is written from."""

from __future__ import annotations

import inspect

from xcube_tiles.catalog.model import Catalog
from xcube_tiles.catalog.writer import to_catalog


def test_an_open_catalog_writes_with_the_options_of_to_catalog() -> None:
    method = dict(inspect.signature(Catalog.write).parameters)
    function = dict(inspect.signature(to_catalog).parameters)
    # The catalog knows where it is, and calls what comes in a cube.
    assert [method.pop(name).kind for name in ("self", "cube")]
    assert [function.pop(name).kind for name in ("obj", "url", "storage_options")]
    assert method == function
    assert list(method) == list(function)
