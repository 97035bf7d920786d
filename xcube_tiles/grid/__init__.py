"""Cells, extents, layouts, keys and schemes: frozen values with exact arithmetic."""
