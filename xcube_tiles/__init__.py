"""Tiled datacubes for xarray."""
