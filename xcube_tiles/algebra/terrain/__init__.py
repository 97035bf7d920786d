"""Terrain: what the cells around each cell tell about the shape of a surface."""

from xcube_tiles.algebra.terrain.curvature import curvature
from xcube_tiles.algebra.terrain.relief import hillshade
from xcube_tiles.algebra.terrain.ruggedness import roughness, tpi, tri
from xcube_tiles.algebra.terrain.surface import aspect, slope

__all__ = ["aspect", "curvature", "hillshade", "roughness", "slope", "tpi", "tri"]
