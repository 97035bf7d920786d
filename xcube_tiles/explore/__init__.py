"""Look at cubes from Python: a live map in a notebook, and figures."""
