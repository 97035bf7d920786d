"""Layers and cubes as Cloud Optimized GeoTIFFs: written, arranged as layers, read in place."""
