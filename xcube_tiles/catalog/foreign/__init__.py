"""Stores that others made, opened as layers: GeoZarr multiscales, xcube's levels, plain CF Zarr."""
