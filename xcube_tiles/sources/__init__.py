"""Cubes from elsewhere: raster files found by their keys, SQL tables of them, STAC items."""
