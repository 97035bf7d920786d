"""Layers on disk: pyramids in a Zarr catalog that any client opens, written and read lazily."""
