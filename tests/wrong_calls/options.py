"""Wrong options."""

from __future__ import annotations

import xcube_tiles as xt
from tests.wrong_calls import WrongCall

CALLS = [
    WrongCall(
        "xt.set_options", lambda: xt.set_options(colour=1), TypeError, "max_pixels, progress"
    ),
    WrongCall("xt.set_options", lambda: xt.set_options(max_pixels=0), ValueError, "positive"),
    WrongCall(
        "xt.set_options",
        lambda: xt.set_options(database_connections=0),
        ValueError,
        "'database_connections' must be a positive integer, got 0",
    ),
    WrongCall("xt.set_options", lambda: xt.set_options(progress=2), ValueError, "True, False or"),
]
