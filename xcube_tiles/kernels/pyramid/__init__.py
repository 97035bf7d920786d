"""Coarser cells from windows of finer ones."""
