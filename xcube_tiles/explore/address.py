"""Addresses: how a browser reaches a port of this process, and the tiles of others."""

from __future__ import annotations

import os

from xcube_tiles.errors import SettingsError, StyleError

HUB_PREFIX = "JUPYTERHUB_SERVICE_PREFIX"
"""Environment variable in which JupyterHub tells the path of a person's server."""

_PORT = "{port}"


def base_address(port: int, base_url: str | None = None) -> str:
    """Return the address of a port as a browser has it, with a slash at its end.

    Parameters
    ----------
    port
        Port of this machine's loopback.
    base_url
        What leads there from the browser, `{port}` stands for the port: a whole address, or a path
        on the host of the notebook such as `/proxy/{port}/`. None: where JupyterHub has started
        the process, the path of its jupyter-server-proxy; else loopback itself.

    Raises
    ------
    SettingsError
        Neither an address nor a path.

    Examples
    --------
    >>> base_address(8123, "/proxy/{port}")
    '/proxy/8123/'
    """
    if base_url is None:
        hub = os.environ.get(HUB_PREFIX)
        base_url = f"{hub.rstrip('/')}/proxy/{_PORT}/" if hub else f"http://127.0.0.1:{_PORT}/"
    elif not isinstance(base_url, str) or not base_url.startswith(("http://", "https://", "/")):
        raise SettingsError(
            "base_url is an address or a path that leads a browser to the kernel's port, such as "
            f"'/proxy/{_PORT}/' or 'https://hub.example.org/user/me/proxy/{_PORT}/', "
            f"got {base_url!r}"
        )
    return base_url.replace(_PORT, str(port)).rstrip("/") + "/"


def checked_basemap(basemap: str | None) -> str | None:
    """Return the address of a basemap's tiles.

    Raises
    ------
    StyleError
        No address, or one without `{z}`, `{x}`, `{y}`.
    """
    if basemap is None:
        return None
    parts = ("{z}", "{x}", "{y}")
    if not isinstance(basemap, str) or not all(part in basemap for part in parts):
        raise StyleError(
            "a basemap is the address of tiles, such as "
            f"'https://tile.openstreetmap.org/{{z}}/{{x}}/{{y}}.png', got {basemap!r}"
        )
    return basemap
