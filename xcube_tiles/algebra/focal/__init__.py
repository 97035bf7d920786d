"""Focal map algebra: each cell from the cells around it."""
