"""Layers as Zarr documents, coordinates and shards."""
