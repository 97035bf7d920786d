"""Where water flows on a terrain."""

from __future__ import annotations

import xarray as xr

from xcube_tiles.accessor.base import Accessor


class HydrologyMethods(Accessor[xr.DataArray]):
    """Where water flows on a terrain."""

    __slots__ = ()
