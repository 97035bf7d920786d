"""What is broken in a catalog: documents, objects and cells, each named by its path."""
