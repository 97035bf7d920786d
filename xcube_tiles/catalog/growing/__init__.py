"""Layers that change: slices appended along a dimension, windows of cells replaced."""
