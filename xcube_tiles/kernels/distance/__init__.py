"""Distances over rasters: straight, and by what each cell costs to cross."""
