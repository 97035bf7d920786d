"""Wrong settings of the tile server."""

from __future__ import annotations

from tests.wrong_calls import WrongCall
from xcube_tiles.errors import ExpressionError, SettingsError, SizeLimitError
from xcube_tiles.server.operations.limits import Limits
from xcube_tiles.server.settings import load_settings

CALLS = [
    WrongCall("load_settings", lambda: load_settings("no.toml"), SettingsError, "no.toml"),
    WrongCall("load_settings", lambda: load_settings(ports=1), SettingsError, "did you mean port"),
    WrongCall("load_settings", lambda: load_settings(workers=0), SettingsError, "workers"),
    WrongCall("Limits", lambda: Limits(page=5).check("page", 6), SizeLimitError, "at most 5"),
    WrongCall(
        "Limits", lambda: Limits().check_expression("a+" * 600 + "a"), ExpressionError, "1201"
    ),
    WrongCall("Limits", lambda: Limits().check_expression("a +"), ExpressionError, "a +"),
]
