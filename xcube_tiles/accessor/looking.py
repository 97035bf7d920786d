"""Looking at cubes: pictures, figures, live maps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xcube_tiles.accessor.base import Accessor, ObjT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.figure import Figure

    from xcube_tiles.explore.live import LiveMap
    from xcube_tiles.explore.look import Bands, Colours, Label, Stretches


class LookingMethods(Accessor[ObjT]):
    """Figures and live maps, of cubes and of pyramids."""

    __slots__ = ()

    def explore(
        self,
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
        """Show the cube on a live map; see `xcube_tiles.explore.live.explore`."""
        from xcube_tiles.explore.live import explore

        return explore(
            self._obj,
            bands=bands,
            expression=expression,
            stretch=stretch,
            colormap=colormap,
            time=time,
            opacity=opacity,
            height=height,
            basemap=basemap,
            base_url=base_url,
        )

    def plot(
        self,
        *,
        bands: Bands = None,
        expression: str | None = None,
        stretch: Stretches = None,
        colormap: Colours = None,
        time: Label | Sequence[Label] = None,
        columns: int = 4,
        size: int = 512,
        figure: Figure | None = None,
    ) -> Figure:
        """Draw the cube as a matplotlib figure; see `xcube_tiles.explore.plot.plot`."""
        from xcube_tiles.explore.plot import plot

        return plot(
            self._obj,
            bands=bands,
            expression=expression,
            stretch=stretch,
            colormap=colormap,
            time=time,
            columns=columns,
            size=size,
            figure=figure,
        )
