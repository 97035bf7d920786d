"""Local map algebra: each cell from the cells at its place."""
