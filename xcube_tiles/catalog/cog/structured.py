"""Layers of COGs: one pyramid as a grid of files for each range of zooms, and an index."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from affine import Affine
from odc.geo.geobox import GeoBox

from xcube_tiles.catalog.cog.assembly import FilePlan, RawLevels, staged, taken
from xcube_tiles.catalog.cog.encoding import CogEncoding
from xcube_tiles.catalog.cog.index import (
    INDEX,
    IndexedFile,
    file_path,
    read_index,
    table_of_index,
    write_index,
)
from xcube_tiles.catalog.cog.job import Job, prepared
from xcube_tiles.catalog.cog.ranges import MAX_TILE_SIZE
from xcube_tiles.catalog.cog.virtual import make_virtual
from xcube_tiles.catalog.cubes import checked_name
from xcube_tiles.catalog.writer import to_catalog
from xcube_tiles.errors import CatalogError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

    from xcube_tiles.catalog.cog.encoding import Compression
    from xcube_tiles.catalog.cog.ranges import ZoomRange
    from xcube_tiles.catalog.cog.virtual import VirtualLayer
    from xcube_tiles.catalog.layer import Layer
    from xcube_tiles.typing import PyramidResampling, XarrayObject


def write_cog_layer(
    obj: XarrayObject,
    folder: str | os.PathLike[str],
    name: str,
    *,
    scheme: str = "WebMercatorQuad",
    tile_size: int = 256,
    max_tile_size: int = MAX_TILE_SIZE,
    min_zoom: int = 0,
    resampling: PyramidResampling | Mapping[str, PyramidResampling] | None = None,
    min_valid: float = 0.0,
    compression: Compression = "deflate",
    level: int | None = None,
    max_error: float = 0.0,
    overwrite: bool = False,
    progress: bool | None = None,
) -> VirtualLayer:
    """Write a cube as a layer of COGs: its zooms in ranges, each a grid of files.

    Parameters
    ----------
    obj
        A cube; its variables become the bands of each file and need one cell type.
    folder
        Local folder of such layers.
    name
        Name of the layer, a folder in `folder`.
    scheme
        Name of a TileMatrixSet whose cells double from zoom to zoom.
    tile_size
        Edge of a tile in cells, a power of two from 16 upwards.
    max_tile_size
        Edge of the files in cells at which a range ends.
    min_zoom
        The coarsest zoom wanted; the range that holds it is kept whole.
    resampling, min_valid
        As in `pyramid`.
    compression, level, max_error
        As in `to_cog`.
    overwrite
        Whether a layer of that name is replaced.
    progress
        Whether to show a progress bar; by default the option `progress`.

    Returns
    -------
    VirtualLayer
        The layer, to be read as any other; its levels are the zooms.

    Raises
    ------
    CatalogError
        The layer is there already; a name that isn't possible; options that don't fit the cells.
    GridError
        A scheme whose cells don't double; more than 17 zooms; sizes that aren't possible.
    DimensionError
        A dimension besides time, y and x.

    Notes
    -----
    Files stand at ``<min zoom>_<max zoom>/<col>_<row>.tif``, the key being that of the tile at the
    coarsest zoom of the range, and with times at ``<min zoom>_<max zoom>/<time>/<col>_<row>.tif``.
    Each is an ordinary COG, whose overviews are the coarser zooms. Files without any value are left
    out. ``layer.json`` lists the files and is written last.

    Every zoom is computed from the cells of the finest, those of other ranges included.

    Examples
    --------
    >>> import numpy as np, xarray as xr
    >>> from xcube_tiles.cube.georef import set_crs
    >>> cells = xr.DataArray(
    ...     np.ones((300, 300), "float32"),
    ...     coords={"y": 5e6 - 30.0 * np.arange(300), "x": 5e5 + 30.0 * np.arange(300)},
    ...     dims=("y", "x"),
    ...     name="height",
    ... )
    >>> layer = write_cog_layer(set_crs(cells, "EPSG:32633"), "layers", "dem", min_zoom=10)
    >>> [level.zoom for level in layer.levels]
    [12, 11, 10]
    """
    target = Path(os.path.abspath(folder)) / checked_name(name)
    if target.exists() and not overwrite:
        raise taken(target)
    job = prepared(obj, scheme, tile_size, max_tile_size, min_zoom, resampling, min_valid)
    encoding = CogEncoding(
        compression=compression, level=level, max_error=max_error, block_size=tile_size
    )
    encoding.check_cells(job.plan_of(job.ranges[0]).cells)
    with staged(target.parent) as stage:
        levels = to_catalog(job.tree, stage / "levels.zarr", "levels", progress=progress)
        built = stage / "layer"
        built.mkdir()
        files = tuple(_write_files(job, levels, encoding, stage, built))
        write_index(built, job.index(levels, files))
        if overwrite and target.exists():
            target.rename(stage / "replaced")
        try:
            built.rename(target)
        except OSError:
            raise taken(target) from None
    return open_cog_layer(target)


def is_cog_layer(place: object) -> bool:
    """Whether a local path is the folder of a layer of COGs."""
    return isinstance(place, str | os.PathLike) and (Path(os.fspath(place)) / INDEX).is_file()


def open_cog_layer(folder: str | os.PathLike[str]) -> VirtualLayer:
    """Open a layer of COGs.

    Parameters
    ----------
    folder
        The layer's folder, which holds ``layer.json``.

    Raises
    ------
    CatalogError
        There is no index, or it can't be understood.
    """
    if not isinstance(folder, str | os.PathLike):
        raise CatalogError(f"expected the folder of a layer of COGs, got {folder!r}")
    path = Path(os.path.abspath(folder))
    index = read_index(path)
    private = {
        "kind": "cog layer",
        "scheme": index.scheme,
        "zoom": index.ranges[0].max_zoom,
        **index.made,
    }
    return make_virtual(path.name, table_of_index(index, path), private)


def _write_files(
    job: Job, levels: Layer, encoding: CogEncoding, stage: Path, built: Path
) -> Iterator[IndexedFile]:
    times = levels.times
    for zooms in job.ranges:
        layout = job.scheme.layout(zooms.min_zoom)
        cols, rows = layout.key_range(job.extent)
        for time in [None] if times is None else range(times.size):
            for key in ((col, row) for row in rows for col in cols):
                path = built / file_path(zooms, *key, times, time)
                if _write_file(job, levels, zooms, key, time, encoding, stage / "raw", path):
                    size = path.stat().st_size
                    yield IndexedFile(zooms=zooms, col=key[0], row=key[1], time=time, size=size)


def _write_file(
    job: Job,
    levels: Layer,
    zooms: ZoomRange,
    key: tuple[int, int],
    time: int | None,
    encoding: CogEncoding,
    folder: Path,
    path: Path,
) -> bool:
    """Write a file unless it would have no value; say whether it is there."""
    plan = _placed(job.plan_of(zooms), job, zooms, key)
    raw = RawLevels(plan, folder)
    valid = plan.cells.nodata is None
    for number, zoom in enumerate(zooms.zooms):
        for band, name in enumerate(levels.variables):
            window = _window(job, levels, zooms, key, zoom, number)
            if window is None:
                continue
            rows, cols, target = window
            cells = _cells(levels, name, job.ranges[0].max_zoom - zoom, rows, cols, time)
            raw.planes[number][band][target] = cells
            valid = valid or not plan.cells.is_nodata(cells).all()
    if valid:
        path.parent.mkdir(parents=True, exist_ok=True)
        raw.pack(encoding, path)
    shutil.rmtree(folder)
    return valid


def _placed(plan: FilePlan, job: Job, zooms: ZoomRange, key: tuple[int, int]) -> FilePlan:
    layout = job.scheme.layout(zooms.max_zoom)
    (x, y), (width, height) = layout.origin, layout.resolution
    edge = plan.shapes[0][0]
    corner = Affine(width, 0, x + key[0] * edge * width, 0, -height, y - key[1] * edge * height)
    return FilePlan(
        cells=plan.cells,
        geobox=GeoBox((edge, edge), corner, layout.crs),
        shapes=plan.shapes,
        bands=plan.bands,
        tags={"tile_key": f'{{"col": {key[0]}, "row": {key[1]}}}'},
    )


def _window(
    job: Job, levels: Layer, zooms: ZoomRange, key: tuple[int, int], zoom: int, number: int
) -> tuple[slice, slice, tuple[slice, slice]] | None:
    """Return the part of a level that lies in a file, and its place there."""
    edge = job.tile_size << (zoom - zooms.min_zoom)
    depth = job.ranges[0].max_zoom - zoom
    height, width = levels.levels[depth].shape
    first = [at * edge - (start >> depth) for at, start in zip(key[::-1], job.origin, strict=True)]
    spans = [
        slice(max(0, start), min(size, start + edge))
        for start, size in zip(first, (height, width), strict=True)
    ]
    if any(span.start >= span.stop for span in spans):
        return None
    target = tuple(
        slice(span.start - start, span.stop - start)
        for span, start in zip(spans, first, strict=True)
    )
    return spans[0], spans[1], (target[0], target[1])


def _cells(
    levels: Layer, name: str, level: int, rows: slice, cols: slice, time: int | None
) -> NDArray[Any]:
    lead = None if len(levels.dims(name)) == 2 else time
    return np.asarray(levels.read(name, level=level, rows=rows, cols=cols, time=lead))
