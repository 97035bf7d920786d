"""A small scene, and what needs an extra."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from xcube_tiles.testing.scene import scene_cube

if TYPE_CHECKING:
    import xarray as xr


@pytest.fixture(scope="session")
def cube() -> xr.Dataset:
    return scene_cube(size=96, dates=3, seed=0)
