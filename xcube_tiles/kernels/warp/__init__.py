"""Cells of one grid from those of another."""
