"""The methods of a catalog, one family a file."""
