"""Cubes from STAC: items found, a grid laid over them, their assets read lazily."""
