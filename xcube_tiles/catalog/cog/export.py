"""Write a cube or a layer as Cloud Optimized GeoTIFFs."""

from __future__ import annotations

from math import ceil, log2
from typing import TYPE_CHECKING, Any

import numpy as np

from xcube_tiles._version import __version__
from xcube_tiles.catalog.building.running import blocks_ahead, run_stores
from xcube_tiles.catalog.cog.assembly import FilePlan, RawLevels, publish, staged, taken
from xcube_tiles.catalog.cog.bands import band_text, common_cells, text_tags
from xcube_tiles.catalog.cog.encoding import CogEncoding
from xcube_tiles.catalog.cog.naming import Naming, naming_of
from xcube_tiles.catalog.cubes import as_layer_cube
from xcube_tiles.catalog.layer import Layer
from xcube_tiles.catalog.pyramids.pyramid import pyramid
from xcube_tiles.catalog.reading.selection import read_layer
from xcube_tiles.cube.blocks import store_blocks
from xcube_tiles.cube.cells import cell_type_of
from xcube_tiles.cube.georef import geobox_of
from xcube_tiles.errors import CatalogError

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import xarray as xr

    from xcube_tiles.catalog.cog.encoding import BigTiff, Compression
    from xcube_tiles.typing import PyramidResampling, XarrayObject


def to_cog(
    obj: XarrayObject | Layer,
    path: str | os.PathLike[str],
    *,
    compression: Compression = "deflate",
    level: int | None = None,
    max_error: float = 0.0,
    block_size: int = 512,
    resampling: PyramidResampling | Mapping[str, PyramidResampling] | None = None,
    levels: int | None = None,
    min_valid: float = 0.0,
    pad: bool = False,
    bigtiff: BigTiff = "if needed",
    overwrite: bool = False,
    progress: bool | None = None,
) -> tuple[Path, ...]:
    """Write a cube or a layer as Cloud Optimized GeoTIFF, or as several.

    Parameters
    ----------
    obj
        A cube, or a layer of a catalog, whose levels become the overviews.
    path
        Local path. Variables become the bands of one file; ``{band}`` in the path makes a file of
        each. A cube with several times (or labels of another dimension) needs ``{time}`` (or the
        dimension's name in braces), and becomes a file for each. `xcube_tiles.scan` finds the
        files by the same text. Times are written ``20180524``, or ``20180524T101112`` where any
        isn't a midnight.
    compression
        ``deflate``, ``zstd``, ``lzw``, ``none``, or ``lerc``, which may keep cells to within
        `max_error` only.
    level
        Effort of ``deflate`` (1 to 12) or ``zstd`` (1 to 22).
    max_error
        Largest difference that ``lerc`` may make, in units of the cells.
    block_size
        Edge of the tiles in cells, a multiple of 16.
    resampling, min_valid
        How overviews are made, as in `pyramid`; a layer has its levels already.
    levels
        Number of levels, the full resolution included; by default as many as it takes for the last
        one to fit into a tile. None for a layer.
    pad
        Whether rows and columns of NoData are added so that levels halve exactly. Without, GDAL
        places the cells of an overview up to one of them beside their place, as with any GeoTIFF
        whose size isn't divisible.
    bigtiff
        ``if needed``: where the cells of all levels, unpacked, exceed what a classic TIFF can
        hold; ``yes`` or ``no``.
    overwrite
        Whether files that are there are replaced.
    progress
        Whether to show a progress bar; by default the option `progress`.

    Returns
    -------
    tuple of Path
        The files, by time, then by variable.

    Raises
    ------
    CatalogError
        A file that is there already; a path that doesn't fit the cube; options that don't fit the
        cells; variables of one file with unequal cell types, as a GeoTIFF has one dtype and one
        NoData value.
    ReducerError, GridError, DimensionError, GeoreferenceError, CellTypeError
        As `pyramid`.

    Notes
    -----
    Overviews are computed from the full resolution, under NoData from the valid cells, and not
    one from the other. Each of the source's blocks is computed once. Blocks go to raw files in a
    hidden folder beside the result, which takes the room of the unpacked cells of one time; memory
    holds some blocks per worker. Runs on the active dask scheduler; workers of a cluster need
    access to the same path.

    A file appears under its name when it is complete. Cells of bool become bytes, 0 and 1.

    Examples
    --------
    >>> import rasterio, xarray as xr
    >>> from xcube_tiles.cube.georef import set_crs
    >>> cells = xr.DataArray(
    ...     [[1.0, float("nan")], [3.0, 5.0]],
    ...     coords={"y": [15.0, 5.0], "x": [5.0, 15.0]},
    ...     dims=("y", "x"),
    ...     name="height",
    ... )
    >>> [path] = to_cog(set_crs(cells, "EPSG:32633"), "height.tif", levels=2)
    >>> with rasterio.open(path, overview_level=0) as file:
    ...     print(file.read(1), file.nodata)
    [[3.]] nan
    """
    encoding = CogEncoding(
        compression=compression,
        level=level,
        max_error=max_error,
        block_size=block_size,
        bigtiff=bigtiff,
    )
    how = {"resampling": resampling, "levels": levels, "min_valid": min_valid}
    cubes = levels_of(obj, how, block_size=block_size, pad=pad)
    return write_cogs(cubes, path, encoding, overwrite=overwrite, progress=progress)


def write_cogs(
    cubes: Sequence[xr.Dataset],
    path: str | os.PathLike[str],
    encoding: CogEncoding,
    *,
    overwrite: bool,
    progress: bool | None,
    colors: Mapping[str, Mapping[int, tuple[int, ...]]] | None = None,
) -> tuple[Path, ...]:
    """Write levels as files.

    Parameters
    ----------
    cubes
        The levels, the finest first, with equal variables.
    path, overwrite, progress
        As in `to_cog`, with its errors.
    encoding
        How the files are packed.
    colors
        Colour table of variables: red, green, blue, alpha by cell.
    """
    naming = naming_of(cubes[0], path)
    plans = _plans(cubes, naming, encoding, colors or {})
    if not overwrite:
        for target in (naming.path(n, band) for n in range(_count(naming)) for band in plans):
            if target.exists():
                raise taken(target)
    made: list[Path] = []
    for label in range(_count(naming)):
        made += _write(cubes, naming, label, plans, encoding, overwrite, progress)
    return tuple(made)


def levels_of(
    obj: XarrayObject | Layer, how: Mapping[str, Any], *, block_size: int, pad: bool
) -> tuple[xr.Dataset, ...]:
    """Return the levels of a cube or layer, the finest first.

    Parameters
    ----------
    obj, pad
        As in `to_cog`.
    how
        Its `resampling`, `levels` and `min_valid`.
    block_size
        Size that the last level fits into, by default.
    """
    if isinstance(obj, Layer):
        given = [name for name, value in how.items() if value not in (None, 0.0)]
        if given or pad:
            raise CatalogError(
                f"a layer has its levels: {given[0] if given else 'pad'} is for cubes. Pass "
                "catalog.read(layer) to make them anew"
            )
        return tuple(read_layer(obj, zoom=level.zoom) for level in obj.levels)
    cube = as_layer_cube(obj)
    height, width = cube.sizes["y"], cube.sizes["x"]
    enough = max(0, ceil(log2(max(height, width, 1) / block_size))) + 1
    count = enough if how["levels"] is None else how["levels"]
    tree = pyramid(cube, resampling=how["resampling"], min_valid=how["min_valid"], levels=count)
    levels = []
    for number in range(len(tree.children)):
        found = tree.children[str(number)].to_dataset(inherit=False)
        if not pad:
            shape = {"y": -(-height // 2**number), "x": -(-width // 2**number)}
            found = found.isel({dim: slice(size) for dim, size in shape.items()})
        levels.append(found)
    return tuple(levels)


def _count(naming: Naming) -> int:
    return max(1, len(naming.labels))


def _plans(
    cubes: Sequence[xr.Dataset],
    naming: Naming,
    encoding: CogEncoding,
    colors: Mapping[str, Mapping[int, tuple[int, ...]]],
) -> dict[str, FilePlan]:
    """Return what each file of a time is like, by the name of its variable, or "" for all."""
    base = cubes[0]
    names = [str(name) for name in base.data_vars]
    groups = {name: [name] for name in names} if naming.by_band else {"": names}
    plans = {}
    for group, members in groups.items():
        cells = common_cells({name: cell_type_of(base[name]) for name in members})
        encoding.check_cells(cells)
        plans[group] = FilePlan(
            cells=cells,
            geobox=geobox_of(base),
            shapes=tuple((cube.sizes["y"], cube.sizes["x"]) for cube in cubes),
            bands=tuple(band_text(name, base[name].attrs, colors.get(name)) for name in members),
            tags=text_tags(base.attrs),
        )
    return plans


def _write(
    cubes: Sequence[xr.Dataset],
    naming: Naming,
    label: int,
    plans: Mapping[str, FilePlan],
    encoding: CogEncoding,
    overwrite: bool,
    progress: bool | None,
) -> list[Path]:
    """Write the files of one label of the leading dimension."""
    targets = {band: naming.path(label, band) for band in plans}
    with staged(next(iter(targets.values())).parent) as stage:
        raws = {
            band: RawLevels(_of_time(plan, naming, label), stage / str(number))
            for number, (band, plan) in enumerate(plans.items())
        }
        pairs = [
            (_plane_of(cube[text.name], naming, label), raw.planes[level][at])
            for level, cube in enumerate(cubes)
            for raw in raws.values()
            for at, text in enumerate(raw.plan.bands)
        ]
        arrays, planes = zip(*pairs, strict=True)
        names = [str(number) for number in range(len(pairs))]
        stores = store_blocks(arrays, planes, names, levels=len(cubes), ahead=blocks_ahead())
        run_stores(stores, progress)
        made = []
        for number, (band, raw) in enumerate(raws.items()):
            packed = stage / f"{number}.tif"
            raw.pack(encoding, packed)
            targets[band].parent.mkdir(parents=True, exist_ok=True)
            made.append((packed, targets[band]))
        publish(made, overwrite=overwrite)
    return list(targets.values())


def _plane_of(array: xr.DataArray, naming: Naming, label: int) -> Any:
    """Return the cells of a variable at a label, as a lazy array (y, x)."""
    at = array.isel({naming.dim: label}) if naming.dim in array.dims else array
    return at.variable.chunk().data if at.chunks is None else at.data


def _of_time(plan: FilePlan, naming: Naming, label: int) -> FilePlan:
    tags = {**plan.tags, "TIFFTAG_SOFTWARE": f"xcube_tiles {__version__}"}
    if naming.instants is not None:
        instant = naming.instants[label]
        second = np.datetime_as_string(instant, unit="s")
        tags["TIFFTAG_DATETIME"] = second.replace("-", ":").replace("T", " ")
        tags["time"] = str(np.datetime_as_string(instant, unit="auto"))
    elif naming.dim is not None:
        tags[naming.dim] = naming.labels[label]
    return FilePlan(
        cells=plan.cells, geobox=plan.geobox, shapes=plan.shapes, bands=plan.bands, tags=tags
    )
