"""`open_stac`: one lazy cube from the items of a STAC API, catalog, collection or list."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, TypeAlias

from xcube_tiles.errors import StacError
from xcube_tiles.grid.extent import Extent, as_crs
from xcube_tiles.options import get_options
from xcube_tiles.sources.stac.bands import find_bands
from xcube_tiles.sources.stac.grid import SizeRequest, check_size, cropped, plan_geobox
from xcube_tiles.sources.stac.items import find_items
from xcube_tiles.sources.stac.load import kernel_names, load_cube, plan_variables
from xcube_tiles.sources.stac.native import choose_crs
from xcube_tiles.sources.stac.query import Query, parse_filter, search_bbox, time_span
from xcube_tiles.sources.stac.scene import place_items
from xcube_tiles.sources.stac.steps import check_groupby, time_steps

if TYPE_CHECKING:
    import xarray as xr
    from odc.geo import SomeCRS

    from xcube_tiles.sources.stac.grid import Resolution
    from xcube_tiles.sources.stac.items import StacSource
    from xcube_tiles.sources.stac.query import FilterLike, TimeSpan
    from xcube_tiles.sources.stac.steps import GroupBy
    from xcube_tiles.typing import ResamplingName

BBox: TypeAlias = Sequence[float]
"""West, south, east, north edge: x before y, in the units of `bbox_crs`."""


def open_stac(
    source: StacSource,
    *,
    collections: str | Sequence[str] | None = None,
    bbox: BBox | Extent | None = None,
    bbox_crs: SomeCRS = 4326,
    datetime: TimeSpan | None = None,
    bands: str | Sequence[str] | None = None,
    filter: FilterLike | None = None,
    width: int | None = None,
    height: int | None = None,
    resolution: Resolution | None = None,
    target_crs: SomeCRS | None = None,
    crop: bool = True,
    groupby: GroupBy = "time",
    resampling: ResamplingName | Mapping[str, ResamplingName] = "nearest",
    scale: bool = True,
    nodata: float | Mapping[str, float] | None = None,
    chunks: int | Mapping[str, int] | None = None,
    max_items: int = 1000,
    max_pixels: int | None = None,
    page_size: int = 200,
    patch_url: Callable[[str], str] | None = None,
) -> xr.Dataset:
    """Open the items of a STAC source as one lazy cube.

    The items' metadata is read, no file of theirs is opened before the cube is computed.

    Parameters
    ----------
    source
        URL of a STAC API; URL or path of a static catalog, a collection, an item or an item
        collection; an object of `pystac` or `pystac_client` (also an API opened with one's own
        headers, or a search); a list of `pystac.Item` or of their JSON.
    collections
        Identifiers of collections; every collection unless given.
    bbox
        Area wanted, `(xmin, ymin, xmax, ymax)` in `bbox_crs`, or an `Extent`; the area of all
        items unless given.
    bbox_crs
        CRS of `bbox`, independent of `target_crs`: EPSG code or anything that `odc.geo.CRS` reads.
    datetime
        `"2024-05"`, `"2024-05-03/2024-06"`, `"2024/.."`, a `datetime`, or a pair of such ends.
        Both ends belong to the span; a year, month or day is all of it.
    bands
        Names of bands, assets (all their bands) or common names such as `"red"`. Unless given:
        every band of every raster but thumbnails, overviews and pictures, in the order of the
        collection (its `bands`, else `item_assets`, else the items).
    filter
        CQL2, text or JSON, over item properties: `"eo:cloud_cover < 20"`. An API with the filter
        extension gets it; elsewhere it is applied here. Items that lack the property don't match.
    width, height
        Columns and rows over `bbox`. One alone keeps the proportions, both may stretch the cells,
        neither (and no `resolution`) is a width of 1024.
    resolution
        Size of a cell in units of the target CRS, or `"native"`: the finest of all items and
        bands, at the centre of `bbox`. More than 1 in a geographic CRS is refused: a degree is
        111 km, so metres must be meant.
    target_crs
        EPSG code, WKT2 or anything else that `odc.geo.CRS` reads. None keeps the items' own; if
        they have several, the most common one, and a `MixedCRSWarning` says so.
    crop
        Whether the grid ends where the items do; the cells stay those of the whole `bbox`, so the
        size shrinks in proportion. False always covers `bbox`.
    groupby
        Items of one time step, mosaicked (the first valid cell by time, then identifier):
        `"time"` those of one instant, `"solar_day"` those of one local day, or a function
        `pystac.Item -> key`. The label of a step is its earliest instant.
    resampling
        How cells are computed on another grid; per variable as a mapping, `"*"` for the others.
        Where the cube is coarser than the files, it starts from their overviews.
    scale
        Whether `scale` and `offset` of the metadata are applied, item by item. If not, stored
        values are returned and attributes `scale_factor` and `add_offset` tell what is left to do,
        provided that all items agree.
    nodata
        Stored value without data, one or per variable, where the metadata doesn't tell or is wrong.
    chunks
        Edge of the dask blocks along y and x, or sizes by dimension (`{"time": 1, "y": 512}`);
        one time step by `options.chunk_size` squared unless given.
    max_items
        Most items to accept. All pages of an API are read; nothing is ever left out silently.
    max_pixels
        Most cells, width x height x times x bands; `options.max_pixels` unless given.
    page_size
        Items to ask of an API at a time.
    patch_url
        Maps each asset's link to the one to open, e.g. a function that signs it.

    Returns
    -------
    xarray.Dataset
        One variable per band, dimensions `(time, y, x)`, in canonical form. `time` is UTC,
        `datetime64[ns]`. What is scaled is floating point with NaN: float32 where that holds every
        stored value exactly, else float64; also a band whose data type no item tells. Integers
        that aren't scaled stay integers, with NoData in the attribute `_FillValue`: of their type
        if all items agree on one NoData value, else of the next wider signed type, so that cells
        outside of an item can be told from stored values.

    Raises
    ------
    NoItemsError
        Nothing matches, or no footprint overlaps `bbox`.
    SizeLimitError
        The cube would have more than `max_pixels` cells; nothing was read.
    StacError
        The source can't be read, an argument is wrong, or more than `max_items` items match.

    Warns
    -----
    MixedCRSWarning
        The items have several CRSs and `target_crs` is None.

    Notes
    -----
    Cells come from `odc.stac.load`; sizing follows the rules of openEO by TiTiler, with kept
    proportions. Native resolution is looked for in `proj:transform`, `proj:shape` with `proj:bbox`,
    the spatial resolution of the raster extension, then `gsd`.

    Examples
    --------
    >>> import xcube_tiles as xt
    >>> item = {
    ...     "type": "Feature",
    ...     "stac_version": "1.1.0",
    ...     "id": "scene",
    ...     "geometry": None,
    ...     "properties": {
    ...         "datetime": "2024-05-01T10:00:00Z",
    ...         "proj:code": "EPSG:32633",
    ...         "proj:shape": [200, 400],
    ...         "proj:transform": [10, 0, 500000, 0, -10, 5100000],
    ...     },
    ...     "links": [],
    ...     "assets": {
    ...         "red": {
    ...             "href": "https://example.com/red.tif",
    ...             "roles": ["data"],
    ...             "data_type": "uint16",
    ...             "nodata": 0,
    ...         }
    ...     },
    ... }
    >>> cube = xt.open_stac([item], resolution="native")
    >>> dict(cube.sizes), cube["red"].dtype.name, cube["red"].attrs["_FillValue"]
    ({'time': 1, 'y': 200, 'x': 400}, 'uint16', 0)
    >>> dict(xt.open_stac([item], width=100).sizes)
    {'time': 1, 'y': 50, 'x': 100}
    """
    size = SizeRequest(width=width, height=height, resolution=resolution)
    check_groupby(groupby)
    kernels = kernel_names(resampling)
    crs = None if target_crs is None else as_crs(target_crs)
    asked = _extent(bbox, bbox_crs)
    query = Query(
        collections=_names(collections, "collections"),
        bbox=None if asked is None else search_bbox(asked),
        span=None if datetime is None else time_span(datetime),
        filter=None if filter is None else parse_filter(filter),
    )
    _check_count(max_items, "max_items")
    _check_count(page_size, "page_size")
    found = find_items(source, query, max_items=max_items, page_size=page_size)
    variables = find_bands(found.items, found.collections, _names(bands, "bands"))
    if crs is None:
        crs = choose_crs(found.items, variables, as_crs(bbox_crs))
    scene = place_items(found, variables, asked, crs)
    full = plan_geobox(scene.extent, size, scene.grids())
    geobox = cropped(full, scene.area) if crop else full
    steps = time_steps(scene.items, groupby, geobox)
    limit = get_options().max_pixels if max_pixels is None else max_pixels
    check_size(geobox, full, times=max(steps) + 1, bands=len(variables), max_pixels=limit)
    plans = plan_variables(scene, scale=scale, nodata=nodata)
    return load_cube(scene, plans, geobox, steps, kernels, chunks=chunks, patch_url=patch_url)


def _extent(bbox: BBox | Extent | None, crs: SomeCRS) -> Extent | None:
    if bbox is None or isinstance(bbox, Extent):
        return bbox
    if isinstance(bbox, str) or len(bbox) != 4:
        raise StacError(f"expected bbox as (xmin, ymin, xmax, ymax), got {bbox!r}")
    xmin, ymin, xmax, ymax = bbox
    if xmin > xmax and as_crs(crs).geographic:
        raise StacError(
            f"bbox {tuple(bbox)!r} crosses the antimeridian, where longitudes break; give it in a "
            "CRS that doesn't break there, e.g. bbox_crs=3832 (Pacific Mercator)"
        )
    return Extent(xmin=xmin, ymin=ymin, xmax=xmax, ymax=ymax, crs=as_crs(crs))


def _names(names: str | Sequence[str] | None, argument: str) -> tuple[str, ...] | None:
    if names is None:
        return None
    names = (names,) if isinstance(names, str) else tuple(names)
    if not names or not all(isinstance(name, str) for name in names):
        raise StacError(f"{argument} must be one or more names, or None for all; got {names!r}")
    return names


def _check_count(value: int, argument: str) -> None:
    if value < 1:
        raise StacError(f"{argument} must be at least 1, got {value!r}")
