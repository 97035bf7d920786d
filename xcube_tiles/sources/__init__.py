"""Cubes from what lies elsewhere: raster files found by their keys, SQL tables of them, STAC items."""
