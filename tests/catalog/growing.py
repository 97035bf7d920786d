"""What the tests of growing layers share."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from tests.catalog.cubes import cube_of
from xcube_tiles.catalog.reader import open_catalog
from xcube_tiles.catalog.stores.objects import get, keys_below
from xcube_tiles.catalog.writer import to_catalog

if TYPE_CHECKING:
    from collections.abc import Iterable

    from zarr.abc.store import Store

    from xcube_tiles.catalog.model import Catalog


def scenes(days: Iterable[int], shape: tuple[int, int] = (70, 90), **options: Any) -> xr.Dataset:
    """Return a cube of random int16, a slice for each day of 2024; a day's cells depend on it."""
    wanted = list(days)
    values = [_scene(day, shape) for day in wanted]
    cube = cube_of(np.stack(values), **options)
    times = np.datetime64("2024-01-01", "ns") + np.array(wanted) * np.timedelta64(1, "D")
    return cube.assign_coords(time=cube.time.copy(data=times))


def _scene(day: int, shape: tuple[int, int]) -> Any:
    random = np.random.default_rng(day)
    cells = random.integers(-50, 3000, shape).astype("int16")
    cells[random.random(shape) < 0.3] = -9999
    return cells


def catalog_of(place: Any, cube: xr.Dataset, name: str = "layer", **options: Any) -> Catalog:
    """Write a cube as a layer of small shards and return the catalog."""
    options = {"shard": 32, "chunk": 16, "levels": 4, **options}
    to_catalog(cube, place, name, **options)
    return open_catalog(place)


def assert_equal_layers(catalog: Catalog, name: str, expected: str) -> None:
    """Compare two layers: levels, cells, padding, cell types, coordinates, statistics."""
    one, two = catalog[name], catalog[expected]
    assert one.variables == two.variables
    assert one.metadata["statistics"] == two.metadata["statistics"]
    for level in range(len(two.levels)):
        assert one.levels[level].geobox == two.levels[level].geobox
        for variable in two.variables:
            ours, other = one.array(variable, level), two.array(variable, level)
            assert ours.chunks == other.chunks
            assert ours.shards == other.shards
            assert ours.attrs.asdict() == other.attrs.asdict()
            np.testing.assert_array_equal(ours[...], other[...])
    xr.testing.assert_identical(catalog.read(name).compute(), catalog.read(expected).compute())
    for level in range(len(two.levels)):
        opened = [
            xr.open_zarr(
                catalog.store, group=f"{layer.name}/{layer.levels[level].path}", consolidated=False
            )
            for layer in (one, two)
        ]
        xr.testing.assert_equal(*(dataset.load() for dataset in opened))


def hashes(store: Store, name: str = "layer") -> dict[str, str]:
    """Return a hash of each object of a layer."""
    return {
        key: hashlib.sha256(get(store, key) or b"").hexdigest() for key in keys_below(store, name)
    }
