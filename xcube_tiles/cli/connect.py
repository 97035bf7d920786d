"""`xcube-tiles connect`: what a running server has, and its map page."""

import json
import webbrowser
from typing import Annotated, Any
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

import typer

from xcube_tiles._version import __version__

_SECONDS = 10
_SHOWN = 10


def connect(
    url: Annotated[str, typer.Argument(help="Address of a server: localhost:8000")],
    no_browser: Annotated[
        bool, typer.Option("--no-browser", help="Don't open the map page.")
    ] = False,
) -> None:
    """Show what a running server has, and open its map page; Terracotta's servers, too."""
    base = (url if "://" in url else f"http://{url}").rstrip("/")
    keys, layers = _json(f"{base}/keys"), _json(f"{base}/layers")
    if keys is None and layers is None:
        raise OSError(f"{base} answers, but is no server of xcube_tiles or Terracotta")
    if keys is not None:
        _show_rasters(keys, _json(f"{base}/datasets?limit={_SHOWN}") or {})
    if layers is not None:
        names = [layer["name"] for layer in layers["layers"]]
        many = "1 layer" if len(names) == 1 else f"{len(names)} layers"
        typer.echo(f"{many}: {', '.join(names) or 'none'}")
        if not no_browser:
            webbrowser.open(base)


def _show_rasters(keys: dict[str, Any], page: dict[str, Any]) -> None:
    rows = page.get("datasets", [])
    # Terracotta itself doesn't count.
    many = page.get("total", len(rows) if len(rows) < _SHOWN else f"{_SHOWN} or more")
    typer.echo(f"{many} rasters by the keys")
    for key in keys["keys"]:
        typer.echo(f"  {key['key']}  {key.get('description', '')}".rstrip())
    for row in rows:
        typer.echo("/".join(map(str, row.values())))
    if page.get("total", 0) > len(rows):
        typer.echo("...")


def _json(address: str) -> Any:
    """Return what an address answers; None if it isn't there."""
    headers = {"User-Agent": f"xcube_tiles/{__version__}", "Accept": "application/json"}
    try:
        with urlopen(Request(address, headers=headers), timeout=_SECONDS) as answer:
            return json.load(answer)
    except HTTPError as error:
        if error.code == 404:
            return None
        raise OSError(f"{address} answers with the error {error.code}") from None
    except URLError as error:
        raise OSError(f"no server answers at {address}: {error.reason}") from None
    except ValueError:
        return None
