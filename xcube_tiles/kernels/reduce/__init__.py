"""Reductions of one axis of an array."""
