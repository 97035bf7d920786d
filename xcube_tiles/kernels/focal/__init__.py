"""Focal kernels: what a cell's neighbourhood says, for every cell of a window.

All have one signature, ``kernel(window, mask, nodata, masked, missing, out, **params)``:

``window``
    Cells of shape (h + 2 * dy, w + 2 * dx), C-contiguous: a block with its rims, padded beyond the
    raster as the edge policy has it (`padded` in `xcube_tiles.kernels.focal.window`).
``mask``
    Bool of shape (2 * dy + 1, 2 * dx + 1): the cells of the neighbourhood. The focus of result
    (i, j) is the cell (i + dy, j + dx) of the window.
``nodata, masked``
    A scalar of the window's dtype, and whether it means NoData; NaN always does.
``missing``
    A scalar of the result's dtype, for neighbourhoods without a valid cell.
``out``
    The result, of shape (h, w), C-contiguous; all of it is written.

No result depends on where a window starts, to the bit: sums are made of sums of neighbours in an
order that the neighbourhood alone decides, never of running totals.
"""
