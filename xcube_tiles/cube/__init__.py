"""The cube: georeference, dimensions, cell types, lazy blocks."""
