"""Map algebra: operations from cube to cube, lazy on dask."""
