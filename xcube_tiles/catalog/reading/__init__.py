"""Parts of layers as lazy cubes: which level, which cells, which labels."""
