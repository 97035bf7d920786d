"""Figures of cubes: what `render` draws, with axes, colours that are explained, one part a time."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from xcube_tiles.errors import DimensionError, MissingExtraError, SizeLimitError, StyleError
from xcube_tiles.explore.jupyter import in_notebook
from xcube_tiles.explore.look import Look
from xcube_tiles.explore.source import MapSource
from xcube_tiles.render.draw import index_on
from xcube_tiles.render.instants import iso, select_time
from xcube_tiles.render.legend import label_of
from xcube_tiles.render.preview import PREVIEW_SIZE, preview_geobox
from xcube_tiles.render.source import attributes_of
from xcube_tiles.render.style import Style, complete_style

if TYPE_CHECKING:
    from collections.abc import Sequence

    import xarray as xr
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray
    from odc.geo.geobox import GeoBox

    from xcube_tiles.explore.look import Bands, Colours, Label, Stretches
    from xcube_tiles.render.source import TileSource
    from xcube_tiles.typing import XarrayObject

MOST_PARTS = 36
"""Most times that one figure shows."""

_WIDE = 5.0  # inches of one part
_TRANSPARENT = 0


def plot(
    cube: XarrayObject | xr.DataTree,
    *,
    bands: Bands = None,
    expression: str | None = None,
    stretch: Stretches = None,
    colormap: Colours = None,
    time: Label | Sequence[Label] = None,
    columns: int = 4,
    size: int = PREVIEW_SIZE,
    figure: Figure | None = None,
) -> Figure:
    """Draw a cube as a matplotlib figure.

    Parameters
    ----------
    cube
        Dataset, DataArray, or the DataTree of a pyramid, in memory or lazy.
    bands, expression, stretch, colormap
        As for `explore`. One stretch holds for all times.
    time
        One instant, or several; None: all that there are. Each is a part of the figure.
    columns
        Most parts beside each other.
    size
        Longer edge of each picture, in pixels.
    figure
        What to draw in, such as `plt.figure()`; None: a new one that pyplot doesn't know, so that
        nothing has to be closed.

    Returns
    -------
    Figure
        With axes in units of the CRS, and a colour bar, or a legend of the categories. NoData is
        transparent. Colours are those of `render` to the last bit.

    Raises
    ------
    MissingExtraError
        matplotlib isn't installed.
    StyleError, ExpressionError, DimensionError
        Something to draw that the cube doesn't have; the text lists what there is.
    SizeLimitError
        More than 36 times.
    GridError
        A size out of range.
    """
    check_columns(columns)
    look = Look(bands=bands, expression=expression, stretch=stretch, colormap=colormap)
    source = MapSource(cube)
    times = _chosen_times(source, time)
    grid = preview_geobox(source, size)
    style = complete_style(source, look.style)
    figure = _figure(figure, grid, len(times), columns)
    rows, across = math.ceil(len(times) / columns), min(len(times), columns)
    places = list(figure.subplots(rows, across, squeeze=False).flat)
    shown = places[: len(times)]
    for number, (axes, index) in enumerate(zip(shown, times, strict=True)):
        _draw_part(axes, _colours(source, grid, style, index), grid)
        # Ticks are told where no other part follows in that direction.
        _label(axes, grid, left=number % across == 0, bottom=number + across >= len(times))
        if index is not None and source.times is not None:
            axes.set_title(iso(source.times[index]).removesuffix("T00:00:00Z"))
    for unused in places[len(times) :]:
        unused.set_axis_off()
    _explain(figure, shown, style, _title(source, style))
    return figure


def check_columns(columns: int) -> None:
    """Raise StyleError unless a number of columns is one."""
    if not isinstance(columns, int) or not 1 <= columns <= MOST_PARTS:
        raise StyleError(f"a figure has 1 to {MOST_PARTS} columns, got {columns!r}")


def _chosen_times(source: TileSource, time: Label | Sequence[Label]) -> list[int | None]:
    if source.times is None or isinstance(time, str | np.datetime64):
        return [select_time(source.times, time)]  # type: ignore[arg-type]
    if time is None:
        chosen: list[int | None] = list(range(source.times.size))
    elif isinstance(time, list | tuple | np.ndarray):
        chosen = [select_time(source.times, label) for label in time]
    else:
        raise DimensionError(f"times are a label or a list of labels, got {time!r}")
    if not chosen:
        raise DimensionError("there is no time to draw: the time axis or the list is empty")
    if len(chosen) > MOST_PARTS:
        raise SizeLimitError(
            f"a figure shows at most {MOST_PARTS} times, got {len(chosen)}: choose some by time=, "
            "or aggregate over periods first"
        )
    return chosen


def _figure(figure: Figure | None, grid: GeoBox, parts: int, columns: int) -> Figure:
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingExtraError("matplotlib", "notebook") from error
    if figure is not None:
        if not isinstance(figure, Figure):
            raise StyleError(f"expected a matplotlib figure to draw in, got {figure!r}")
        return figure
    if in_notebook():
        # With pyplot comes what shows a figure that a cell returns.
        import matplotlib.pyplot as plt  # noqa: F401
    wide, high = min(parts, columns), math.ceil(parts / columns)
    edge = _WIDE if parts == 1 else _WIDE * 0.7
    height, width = grid.shape
    shape = min(max(height / width, 0.3), 3.0)
    return Figure(figsize=(edge * wide + 1.2, edge * shape * high + 0.5), layout="constrained")


def _colours(source: TileSource, grid: GeoBox, style: Style, time: int | None) -> NDArray[np.uint8]:
    """Return red, green, blue, opacity, shape (height, width, 4), as a picture of `draw` has."""
    index = index_on(source, grid, style, time=time)
    if index is None:
        return np.zeros((*grid.shape, 4), dtype=np.uint8)
    if not style.is_rgb:
        return np.take(style.palette, index, axis=0)
    opacity = np.where(index.any(axis=-1, keepdims=True), 255, _TRANSPARENT).astype(np.uint8)
    return np.concatenate([index, opacity], axis=-1)


def _draw_part(axes: Axes, colours: NDArray[np.uint8], grid: GeoBox) -> None:
    left, bottom, right, top = grid.boundingbox.bbox
    axes.imshow(colours, extent=(left, right, bottom, top), interpolation="nearest")
    axes.ticklabel_format(style="plain", useOffset=False)
    axes.locator_params(nbins=4)


def _label(axes: Axes, grid: GeoBox, *, left: bool, bottom: bool) -> None:
    x, y = _axis_labels(grid)
    axes.tick_params(labelleft=left, labelbottom=bottom)
    axes.set_xlabel(x if bottom else "")
    axes.set_ylabel(y if left else "")


def _axis_labels(grid: GeoBox) -> tuple[str, str]:
    """Return what the axes say: degrees, or x and y in the unit of the CRS."""
    assert grid.crs is not None
    if grid.crs.geographic:
        return "longitude [degrees]", "latitude [degrees]"
    units = {axis.unit_name for axis in grid.crs.proj.axis_info}
    unit = "m" if units == {"metre"} else ", ".join(sorted(units))
    return f"x [{unit}]", f"y [{unit}]"


def _title(source: TileSource, style: Style) -> str:
    """Return what is drawn, and its unit."""
    if style.expression is not None:
        return style.expression
    name = style.bands[0]
    attributes = attributes_of(source, name) if name in source.variables else {}
    units = str(attributes.get("units") or "")
    text = str(attributes.get("long_name") or name)
    return f"{text} [{units}]" if units not in ("", "1") else text


def _explain(figure: Figure, axes: list[Any], style: Style, title: str) -> None:
    """Add a colour bar, or a legend of categories; three bands need none."""
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import ListedColormap, Normalize
    from matplotlib.patches import Patch

    if style.is_rgb:
        return
    if style.categories:
        patches = [
            Patch(facecolor=item.hex, edgecolor="#222222", linewidth=0.5, label=label_of(item))
            for item in style.categories
        ]
        figure.legend(handles=patches, loc="outside right upper", title=title)
        return
    (low, high), ramp = style.stretch[0], style.palette[1:, :3] / 255
    scale = ScalarMappable(Normalize(low, high), ListedColormap(ramp))
    figure.colorbar(scale, ax=axes, label=title, extend="both", shrink=0.8)
