"""The years that nanoseconds since 1970 in 64 bits cover wholly."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

YEARS = range(1678, 2262)
"""Years that datetime64[ns] holds whole."""


def beyond_years(times: NDArray[np.datetime64]) -> NDArray[np.bool_]:
    """Return which times are outside of `YEARS`; NaT isn't.

    Cast to nanoseconds they would wrap into other centuries.

    Examples
    --------
    >>> beyond_years(np.array(["0850-01-01", "2018-05-24", "NaT"], "datetime64[s]"))
    array([ True, False, False])
    """
    years = times.astype("datetime64[Y]").astype(np.int64) + 1970
    outside: NDArray[np.bool_] = (years < YEARS.start) | (years >= YEARS.stop)
    return outside & ~np.isnat(times)
