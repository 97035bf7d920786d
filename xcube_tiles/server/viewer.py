"""The page with the map: built by npm, or a page that says how to build it."""

import re
from html import escape
from pathlib import Path
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import FileResponse, HTMLResponse
from starlette.exceptions import HTTPException

from xcube_tiles.server.library import Library, library_of

STATIC = Path(__file__).parent / "static"
"""Where the build of the map lies."""

# Names of files of the build; none is hidden, or the folder above.
_PLAIN = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.-]*")

router = APIRouter(include_in_schema=False)

_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>xcube_tiles</title>
<style>
  :root {{ color-scheme: light dark; }}
  body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto;
         padding: 0 1rem; }}
  ul {{ list-style: none; padding: 0; display: grid; gap: 1.5rem;
       grid-template-columns: repeat(auto-fill, minmax(16rem, 1fr)); }}
  img {{ display: block; max-width: 100%; max-height: 16rem; margin-top: .5rem; }}
  pre {{ padding: .75rem; border: 1px solid #8884; border-radius: .5rem; overflow: auto; }}
</style>
<h1>xcube_tiles</h1>
<p>The tiles are served; the map is not built yet. It needs <a href="https://nodejs.org">npm</a>
once, in a checkout of the package:</p>
<pre>cd viewer
npm install
npm run build</pre>
<p>Then load this page again. The interface is described at <a href="docs">docs</a>.</p>
<h2>Layers</h2>
{layers}
</html>
"""


@router.get("/")
def page(library: Annotated[Library, Depends(library_of)]) -> Response:
    """Return the map, or a page that says how to build it."""
    built = STATIC / "index.html"
    if built.is_file():
        # The page names its scripts by their contents: it alone must not be kept.
        return FileResponse(built, headers={"Cache-Control": "no-cache"})
    items = [
        f'<li><a href="layers/{quote(name, safe="")}">{escape(name)}</a>'
        f'<img src="layers/{quote(name, safe="")}/preview.png?size=256" alt="" loading="lazy"></li>'
        for name in library.names()
    ]
    listed = f"<ul>{''.join(items)}</ul>" if items else "<p>There are no layers yet.</p>"
    return HTMLResponse(_PAGE.format(layers=listed))


@router.get("/{path:path}")
def static_file(path: str, request: Request) -> Response:
    """Return a file of the build; it comes last, after all other routes."""
    root = STATIC.resolve()
    # Looked at before the disk is: nothing outside the folder is even touched.
    if not all(map(_PLAIN.fullmatch, path.split("/"))):
        raise HTTPException(status_code=404)
    file = (root / path).resolve()
    if not file.is_relative_to(root) or not file.is_file():
        raise HTTPException(status_code=404)
    kept = "public, max-age=31536000, immutable" if "assets" in file.parts else "no-cache"
    return FileResponse(file, headers={"Cache-Control": kept})
