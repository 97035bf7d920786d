"""A live map of a cube, whose look is its attributes."""

from __future__ import annotations

from enum import Enum
from html import escape
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode

from xcube_tiles.errors import StyleError
from xcube_tiles.explore.address import base_address, checked_basemap
from xcube_tiles.explore.jupyter import check_widgets, in_notebook
from xcube_tiles.explore.look import Look, stretch_text
from xcube_tiles.explore.source import MapSource
from xcube_tiles.render.cube import UNNAMED
from xcube_tiles.render.instants import iso, select_time

if TYPE_CHECKING:
    from typing import Self

    import xarray as xr

    from xcube_tiles.explore.endpoint import Lease
    from xcube_tiles.explore.look import Bands, Colours, Label, Stretches
    from xcube_tiles.explore.widget import MapWidget
    from xcube_tiles.render.source import TileSource
    from xcube_tiles.render.style import Style
    from xcube_tiles.typing import XarrayObject

_SMALLEST, _LARGEST = 100, 4000


class _Keep(Enum):
    """Stands for an attribute that isn't set: None means something."""

    KEEP = "kept"


class LiveMap:
    """A map of a cube that is drawn anew when an attribute is set; made by `explore`.

    Each attribute is checked when it is set, and reads as what is drawn: a stretch that was found
    from the cube can be read from `stretch`. Setting None finds it again.

    `with` and `close` end it; so does forgetting it, unless a notebook shows it.

    Parameters
    ----------
    source
        What is drawn.
    look
        How it is drawn at first.
    name
        Name of the layer.
    height
        Height in a notebook, in pixels.
    base_url, basemap
        See `explore`.
    """

    __slots__ = (
        "__weakref__",
        "_basemap",
        "_height",
        "_lease",
        "_look",
        "_root",
        "_source",
        "_style",
        "_widget",
    )

    def __init__(
        self,
        source: TileSource,
        look: Look,
        *,
        name: str,
        height: int,
        base_url: str | None,
        basemap: str | None,
    ) -> None:
        self._source = source
        self._height = height
        self._basemap = basemap
        self._widget: MapWidget | None = None
        self._lease = _lease(source, name)
        try:
            self._root = base_address(self._lease.port, base_url) + f"{self._lease.token}/"
            self._look, self._style = look, self._checked(look)
        except BaseException:
            self._lease.close()
            raise

    @property
    def bands(self) -> tuple[str, ...]:
        """The band that is drawn, or three as red, green and blue; empty for an expression."""
        return self._style.bands

    @bands.setter
    def bands(self, bands: Bands) -> None:
        self.update(bands=bands)

    @property
    def expression(self) -> str | None:
        """Band mathematics that are drawn instead of bands."""
        return self._look.expression

    @expression.setter
    def expression(self, expression: str | None) -> None:
        self.update(expression=expression)

    @property
    def stretch(self) -> tuple[float, float] | tuple[tuple[float, float], ...] | None:
        """Values of the first and the last colour: one pair, or three; None for categories."""
        pairs = tuple((low, high) for low, high in self._style.stretch)
        return pairs[0] if len(pairs) == 1 else pairs or None

    @stretch.setter
    def stretch(self, stretch: Stretches) -> None:
        self.update(stretch=stretch)

    @property
    def colormap(self) -> Colours:
        """Name of the colour map, or colours of values; None for three bands."""
        if self._style.categories:
            return {category.value: category.hex for category in self._style.categories}
        return self._style.colormap

    @colormap.setter
    def colormap(self, colormap: Colours) -> None:
        self.update(colormap=colormap)

    @property
    def time(self) -> str | None:
        """The instant that is drawn; None: there is no time axis."""
        index = select_time(self._source.times, self._look.time)
        times = self._source.times
        return None if index is None or times is None else iso(times[index])

    @time.setter
    def time(self, time: Label) -> None:
        self.update(time=time)

    @property
    def opacity(self) -> float:
        """0, nothing is seen, to 1."""
        return self._look.opacity

    @opacity.setter
    def opacity(self, opacity: float) -> None:
        self.update(opacity=opacity)

    def update(
        self,
        *,
        bands: Bands | _Keep = _Keep.KEEP,
        expression: str | _Keep | None = _Keep.KEEP,
        stretch: Stretches | _Keep = _Keep.KEEP,
        colormap: Colours | _Keep = _Keep.KEEP,
        time: Label | _Keep = _Keep.KEEP,
        opacity: float | _Keep = _Keep.KEEP,
    ) -> None:
        """Set several attributes, and draw once.

        Another band or expression begins with a stretch of its own, found from the cube, unless
        one is set with it. When one of the values can't be used nothing is changed.

        Raises
        ------
        StyleError, ExpressionError, DimensionError
            A value that can't be used; the text says what there is.
        """
        given = {
            "bands": bands,
            "expression": expression,
            "stretch": stretch,
            "colormap": colormap,
            "time": time,
            "opacity": opacity,
        }
        self._check_open()
        look = self._look.changed({name: v for name, v in given.items() if v is not _Keep.KEEP})
        self._style = self._checked(look)
        self._look = look
        if self._widget is not None:
            self._widget.show(self)

    @property
    def style(self) -> Style:
        """What is drawn, as a style for `render` and `plot`."""
        return self._style

    @property
    def source(self) -> TileSource:
        """What the tiles are drawn from."""
        return self._source

    @property
    def height(self) -> int:
        """Height in a notebook, in pixels."""
        return self._height

    @property
    def basemap(self) -> str | None:
        """Address of the tiles below the cube; None: there are none."""
        return self._basemap

    @property
    def url(self) -> str:
        """Address of the map page, with the cube as it is drawn now."""
        self._check_open()
        shown = self._look.query(self.time) | {"layer": self._lease.name}
        if self._style.bands:
            shown["bands"] = ",".join(self._style.bands)
        if self._style.stretch:
            shown["stretch"] = stretch_text(self._style.stretch)
        if self.opacity != 1:
            shown["opacity"] = f"{self.opacity:g}"
        return f"{self._root}#{urlencode(shown, safe=',;:/', quote_via=quote)}"

    @property
    def tile_url(self) -> str:
        """Address of the tiles, with `{z}`, `{x}` and `{y}`, for any other map."""
        self._check_open()
        layer = f"{self._root}layers/{quote(self._lease.name, safe='')}"
        return f"{layer}/tiles/WebMercatorQuad/{{z}}/{{x}}/{{y}}.png?{self._query()}"

    @property
    def widget(self) -> MapWidget:
        """The ipyleaflet map, to put further layers and controls on.

        Raises
        ------
        MissingExtraError
            ipyleaflet isn't installed.
        """
        self._check_open()
        if self._widget is None:
            check_widgets()
            from xcube_tiles.explore.widget import MapWidget

            self._widget = MapWidget(self)
        return self._widget

    @property
    def units(self) -> str | None:
        """Unit of the values, where it is known."""
        return self._lease.layer.units_of(self._style)

    @property
    def is_closed(self) -> bool:
        """Whether the map has ended."""
        return self._lease.is_closed

    def close(self) -> None:
        """Take the map away, and stop the server if no other map needs it."""
        if self._widget is not None:
            self._widget.close_all()
            self._widget = None
        self._lease.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<LiveMap {'closed' if self.is_closed else self.url}>"

    def _repr_html_(self) -> str:
        if self.is_closed:
            return f"<p>{escape(repr(self))}</p>"
        address = escape(self.url)
        return (
            f'<iframe src="{address}" width="100%" height="{self._height}" style="border:0">'
            f'</iframe><p><a href="{address}" target="_blank">{address}</a></p>'
        )

    def _repr_mimebundle_(
        self, include: object = None, exclude: object = None
    ) -> dict[str, object]:
        """Return the widget in a notebook, else the page in a frame."""
        if self.is_closed or not in_notebook():
            return {"text/plain": repr(self), "text/html": self._repr_html_()}
        return self.widget.bundle(self)

    def _query(self) -> str:
        return urlencode(self._look.query(self.time), quote_via=quote)

    def _checked(self, look: Look) -> Style:
        select_time(self._source.times, look.time)
        return self._lease.layer.complete(look.style)

    def _check_open(self) -> None:
        if self.is_closed:
            raise StyleError("this map is closed: make another one with tiles.explore()")


def explore(
    cube: XarrayObject | xr.DataTree,
    *,
    bands: Bands = None,
    expression: str | None = None,
    stretch: Stretches = None,
    colormap: Colours = None,
    time: Label = None,
    opacity: float = 1.0,
    height: int = 500,
    basemap: str | None = None,
    base_url: str | None = None,
) -> LiveMap:
    """Show a cube on a live map.

    The map is drawn from tiles that a server inside of this process answers with. Its attributes
    are how it looks: setting `map.time`, `map.expression`, `map.stretch` draws it anew.

    Parameters
    ----------
    cube
        Dataset, DataArray, or the DataTree of a pyramid, in memory or lazy. What is drawn of a lazy
        cube is computed when it is first seen, block by block, and kept.
    bands
        One variable, or three for red, green and blue. None: the first.
    expression
        Band mathematics instead, such as `(nir - red) / (nir + red)`.
    stretch
        Values of the first and the last colour; for three bands also three pairs. None: found from
        the cube, as `complete_style` does, which reads from it.
    colormap
        Name of a colour map, or a mapping from value to colour.
    time
        The instant, as precise as you like: see `select_time`. None: the last.
    opacity
        0, nothing is seen, to 1.
    height
        Height in a notebook, in pixels.
    basemap
        Address of tiles to lay the cube on, such as
        `https://tile.openstreetmap.org/{z}/{x}/{y}.png`. None: none; nothing but this process is
        asked for anything.
    base_url
        How the browser reaches a port of the kernel's machine where that isn't its own:
        `/proxy/{port}/` with jupyter-server-proxy, or a whole address. None: under JupyterHub the
        path of the hub's proxy, else `http://127.0.0.1:{port}/`.

    Returns
    -------
    LiveMap
        A notebook shows it as an ipyleaflet map. Elsewhere `.url` is a page to open in a browser.

    Raises
    ------
    MissingExtraError
        The extra `server`, or in a notebook the extra `notebook`, isn't installed.
    StyleError, ExpressionError, DimensionError
        Something to draw that the cube doesn't have; the text lists what there is.
    SettingsError
        A `base_url` or `basemap` that is no address.
    GeoreferenceError
        No CRS.
    """
    if in_notebook():
        check_widgets()
    if not isinstance(height, int) or not _SMALLEST <= height <= _LARGEST:
        raise StyleError(f"a map is {_SMALLEST} to {_LARGEST} pixels high, got {height!r}")
    look = Look(
        bands=bands,
        expression=expression,
        stretch=stretch,
        colormap=colormap,
        time=time,
        opacity=opacity,
    )
    return LiveMap(
        MapSource(cube),
        look,
        name=str(cube.name or UNNAMED) if hasattr(cube, "name") else "cube",
        height=height,
        base_url=base_url,
        basemap=checked_basemap(basemap),
    )


def _lease(source: TileSource, name: str) -> Lease:
    # The server's room says which extra is missing.
    from xcube_tiles.explore.endpoint import Lease

    return Lease(source, name)
