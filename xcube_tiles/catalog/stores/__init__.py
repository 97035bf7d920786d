"""Where the objects of catalogs are kept: opened, read, written and locked."""
