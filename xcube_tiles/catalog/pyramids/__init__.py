"""The levels of a cube."""
