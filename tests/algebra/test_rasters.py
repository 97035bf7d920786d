from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from tests.cube.rasters import raster
from xcube_tiles.algebra.rasters import raster_of, with_other
from xcube_tiles.errors import DimensionError


def layers(**sizes: int) -> xr.DataArray:
    """Return a raster whose layers along the given dimensions differ."""
    numbers = np.arange(np.prod(list(sizes.values()), dtype=int)).reshape(tuple(sizes.values()))
    array = raster(1.0) * xr.DataArray(numbers, dims=tuple(sizes))
    return raster_of(array, "rasters")


def test_dimensions_keep_their_order() -> None:
    one, two = with_other(layers(kind=2, member=3), layers(member=3, run=4))
    assert one.dims == two.dims == ("run", "kind", "member", "y", "x")
    assert one.shape == two.shape == (4, 2, 3, *one.shape[-2:])
    assert one[:, :, :, 0, 0].values.tolist() == [[[0, 1, 2], [3, 4, 5]]] * 4
    assert two[1, :, :, 0, 0].values.tolist() == [[1, 5, 9]] * 2


def test_lazy_rasters_stay_lazy() -> None:
    one, two = with_other(layers(member=3).chunk(member=1), layers(run=2))
    assert one.chunks is not None
    assert two.shape == one.shape


def test_no_raster() -> None:
    with pytest.raises(DimensionError, match=r"weights must be one raster, got a Dataset"):
        raster_of(raster(1).to_dataset(name="a"), "weights")  # type: ignore[arg-type]
    with pytest.raises(DimensionError, match=r"weights must be a DataArray, got \[1\]"):
        raster_of([1], "weights")  # type: ignore[arg-type]
