"""Distances over a raster: straight to the nearest target, or along the cheapest way."""
