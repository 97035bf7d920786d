"""The map as a notebook shows it: ipyleaflet's, with a legend."""

from __future__ import annotations

import math
from html import escape
from typing import TYPE_CHECKING

import ipyleaflet
import ipywidgets

from xcube_tiles.render.bounds import wgs84_bounds
from xcube_tiles.render.legend import legend

if TYPE_CHECKING:
    from xcube_tiles.explore.live import LiveMap

DEEPEST = 24
"""Zoom levels go from 0 to this: WebMercatorQuad's."""

_WIDTH = 700  # pixels that a map is assumed to be wide: the browser doesn't tell before


class MapWidget(ipyleaflet.Map):  # type: ignore[misc]
    """An ipyleaflet map of one cube.

    Parameters
    ----------
    live
        The map, as it is when it is first shown.
    """

    def __init__(self, live: LiveMap) -> None:
        west, south, east, north = wgs84_bounds(live.source)
        below = [_tiles(live.basemap, "basemap")] if live.basemap else []
        self._corners = [(south, west), (north, east)]
        self._tiles = _tiles(live.tile_url, "cube", bounds=self._corners)
        self._before: ipyleaflet.TileLayer | None = None
        self._legend = ipywidgets.HTML()
        self._shown: LiveMap | None = None
        super().__init__(
            layers=(*below, self._tiles),
            center=((south + north) / 2, (west + east) / 2),
            zoom=_zoom((west, south, east, north), (_WIDTH, live.height)),
            max_zoom=DEEPEST,
            scroll_wheel_zoom=True,
            layout=ipywidgets.Layout(height=f"{live.height}px"),
        )
        self.add(ipyleaflet.ScaleControl(position="bottomleft"))
        self.add(ipyleaflet.WidgetControl(widget=self._legend, position="topright"))
        self.show(live)

    def show(self, live: LiveMap) -> None:
        """Draw the cube as it looks now."""
        if self._tiles.url != live.tile_url:
            # A layer of its own for each look: a layer that gets another address while it is drawn
            # may keep tiles of the one before.
            new = _tiles(live.tile_url, "cube", bounds=self._corners, opacity=float(live.opacity))
            self.substitute(self._tiles, new)
            if self._before is not None:  # by now no page shows it any more
                self._before.close()
            self._before, self._tiles = self._tiles, new
        self._tiles.opacity = float(live.opacity)
        self._legend.value = legend_html(live)

    def bundle(self, live: LiveMap) -> dict[str, object]:
        """Return the widget as a notebook takes it; from then on it keeps the map alive."""
        self._shown = live
        found: dict[str, object] = dict(self._repr_mimebundle_())
        return found | {"text/plain": repr(live)}

    def close_all(self) -> None:
        """Take the map off the page."""
        self._shown = None
        self._legend.close()
        self._tiles.close()
        if self._before is not None:
            self._before.close()
        self.close()


def legend_html(live: LiveMap) -> str:
    """Return what is drawn, and which colour means which value, as HTML."""
    found = legend(live.style, units=live.units)
    title = live.expression or ", ".join(live.bands)
    lines = [f"<b>{escape(title)}</b>" + (f" ({escape(found['units'])})" if found["units"] else "")]
    if live.time is not None:
        lines.append(escape(live.time))
    if found["colors"]:
        (low, high), ramp = found["stretch"][0], ", ".join(found["colors"])
        lines.append(
            f'<div style="height:10px;background:linear-gradient(to right, {ramp})"></div>'
            f'<div style="display:flex;justify-content:space-between"><span>{low:.4g}</span>'
            f"<span>{high:.4g}</span></div>"
        )
    lines += [
        f'<span style="background:{item["color"]};padding:0 .6em"></span> {escape(item["label"])}'
        for item in found["categories"]
    ]
    body = "<br>".join(lines[:2]) + "".join(f"<div>{line}</div>" for line in lines[2:])
    return f'<div style="line-height:1.4;padding:4px 8px;min-width:120px">{body}</div>'


def _tiles(url: str, name: str, **options: object) -> ipyleaflet.TileLayer:
    return ipyleaflet.TileLayer(url=url, name=name, attribution="", max_zoom=DEEPEST, **options)


def _zoom(bounds: tuple[float, float, float, float], size: tuple[int, int]) -> int:
    """Return the deepest zoom at which bounds fit into a map of a size, in pixels."""
    west, south, east, north = bounds
    shares = (max(east - west, 1e-9) / 360, max(_mercator(north) - _mercator(south), 1e-9))
    zooms = (math.log2(pixels / 256 / share) for pixels, share in zip(size, shares, strict=True))
    return max(0, min(DEEPEST, math.floor(min(zooms))))


def _mercator(latitude: float) -> float:
    """Return where a latitude lies on the world's height in Mercator, -0.5 to 0.5."""
    bounded = math.radians(max(-85.051129, min(85.051129, latitude)))
    return math.asinh(math.tan(bounded)) / (2 * math.pi)
