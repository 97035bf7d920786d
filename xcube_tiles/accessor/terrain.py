"""What the shape of a terrain tells: its slopes, its light, what is seen from a place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import xarray as xr

from xcube_tiles.accessor.base import Accessor

if TYPE_CHECKING:
    from xcube_tiles.algebra.terrain.cells import ZFactor
    from xcube_tiles.algebra.terrain.run import Edges, GradientMethod


class TerrainMethods(Accessor[xr.DataArray]):
    """What the shape of a terrain tells: its slopes, its light, what is seen from a place."""

    __slots__ = ()

    def slope(
        self,
        *,
        method: GradientMethod = "horn",
        units: Literal["degrees", "percent", "radians"] = "degrees",
        z_factor: ZFactor = None,
        edges: Edges = "focus",
    ) -> xr.DataArray:
        """Return the slope of elevations; see `xcube_tiles.algebra.terrain.slope`."""
        from xcube_tiles.algebra.terrain import slope

        return slope(self._obj, method=method, units=units, z_factor=z_factor, edges=edges)

    def aspect(
        self,
        *,
        method: GradientMethod = "horn",
        trigonometric: bool = False,
        flat: float = -1.0,
        z_factor: ZFactor = None,
        edges: Edges = "focus",
    ) -> xr.DataArray:
        """Return the aspect of elevations; see `xcube_tiles.algebra.terrain.aspect`."""
        from xcube_tiles.algebra.terrain import aspect

        return aspect(
            self._obj,
            method=method,
            trigonometric=trigonometric,
            flat=flat,
            z_factor=z_factor,
            edges=edges,
        )

    def hillshade(
        self,
        *,
        azimuth: float = 315.0,
        altitude: float = 45.0,
        light: Literal["single", "multidirectional", "combined", "igor"] = "single",
        scale: Literal["byte", "geotrellis", "unit"] = "byte",
        method: GradientMethod = "horn",
        z_factor: ZFactor = None,
        edges: Edges = "focus",
    ) -> xr.DataArray:
        """Return the shaded relief; see `xcube_tiles.algebra.terrain.hillshade`."""
        from xcube_tiles.algebra.terrain import hillshade

        return hillshade(
            self._obj,
            azimuth=azimuth,
            altitude=altitude,
            light=light,
            scale=scale,
            method=method,
            z_factor=z_factor,
            edges=edges,
        )

    def curvature(
        self,
        *,
        kind: Literal["total", "plan", "profile"] = "total",
        z_factor: ZFactor = None,
        edges: Edges = "focus",
    ) -> xr.DataArray:
        """Return how the surface bends; see `xcube_tiles.algebra.terrain.curvature`."""
        from xcube_tiles.algebra.terrain import curvature

        return curvature(self._obj, kind=kind, z_factor=z_factor, edges=edges)

    def tpi(self, *, edges: Edges = "focus") -> xr.DataArray:
        """Return the topographic position index; see `xcube_tiles.algebra.terrain.tpi`."""
        from xcube_tiles.algebra.terrain import tpi

        return tpi(self._obj, edges=edges)

    def tri(
        self, *, method: Literal["riley", "wilson"] = "riley", edges: Edges = "focus"
    ) -> xr.DataArray:
        """Return the terrain ruggedness index; see `xcube_tiles.algebra.terrain.tri`."""
        from xcube_tiles.algebra.terrain import tri

        return tri(self._obj, method=method, edges=edges)

    def roughness(self, *, edges: Edges = "focus") -> xr.DataArray:
        """Return the range of elevations around; see `xcube_tiles.algebra.terrain.roughness`."""
        from xcube_tiles.algebra.terrain import roughness

        return roughness(self._obj, edges=edges)

    def viewshed(
        self,
        x: float,
        y: float,
        *,
        observer_height: float = 1.75,
        target_height: float = 0.0,
        max_distance: float | None = None,
        azimuth: float = 0.0,
        field_of_view: float = 360.0,
        lowest: float = -90.0,
        highest: float = 90.0,
        curvature: bool = True,
        refraction: float = 0.13,
        output: Literal["visible", "height"] = "visible",
        z_factor: float | None = None,
    ) -> xr.DataArray:
        """Return what is seen from a place; see `xcube_tiles.algebra.visibility.viewshed`."""
        from xcube_tiles.algebra.visibility import viewshed

        return viewshed(
            self._obj,
            x,
            y,
            observer_height=observer_height,
            target_height=target_height,
            max_distance=max_distance,
            azimuth=azimuth,
            field_of_view=field_of_view,
            lowest=lowest,
            highest=highest,
            curvature=curvature,
            refraction=refraction,
            output=output,
            z_factor=z_factor,
        )
