"""The shape of a surface from the eight neighbours of each cell, in one pass over the raster."""
