"""The tile server: HTTP in front of `render`, and the page with the map."""

from __future__ import annotations

from importlib.util import find_spec

from xcube_tiles.errors import MissingExtraError

for _module in ("fastapi", "uvicorn", "PIL", "pydantic_settings"):
    if find_spec(_module) is None:
        raise MissingExtraError(_module, "server")
