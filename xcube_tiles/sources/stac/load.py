"""From placed STAC items to a lazy cube, through odc-stac."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, get_args

import odc.stac
import pystac
import shapely
from odc.loader.types import RasterGroupMetadata

from xcube_tiles.cube.georef import canonical
from xcube_tiles.errors import StacError
from xcube_tiles.grid.extent import as_crs
from xcube_tiles.options import get_options
from xcube_tiles.sources.stac.bands import Band, CellPlan, Encoding, band_field, plan_cells
from xcube_tiles.sources.stac.native import reproject
from xcube_tiles.sources.stac.query import instant
from xcube_tiles.sources.stac.read import Driver, Parser, band_metadata
from xcube_tiles.typing import ResamplingName

if TYPE_CHECKING:
    import xarray as xr
    from odc.geo.geobox import GeoBox
    from shapely.geometry.base import BaseGeometry

    from xcube_tiles.sources.stac.scene import Scene


@dataclass(frozen=True, slots=True, kw_only=True)
class Variable:
    """A band of the cube, and how each item stores it."""

    band: Band
    """Asset and number of the band."""

    plan: CellPlan
    """Its cells in the cube."""

    encodings: Mapping[int, Encoding]
    """What reading undoes, by position of the item; items without the band are absent."""


def kernel_names(
    resampling: ResamplingName | Mapping[str, ResamplingName],
) -> dict[str, str]:
    """Return GDAL's names of resampling kernels by variable, `"*"` for all others.

    Raises
    ------
    StacError
        A name that isn't one of `ResamplingName`.
    """
    named = resampling if isinstance(resampling, Mapping) else {"*": resampling}
    known = get_args(ResamplingName)
    for name in named.values():
        if name not in known:
            raise StacError(f"resampling={name!r} is unknown; use one of {', '.join(known)}")
    return {key: "med" if name == "median" else name for key, name in named.items()}


def plan_variables(
    scene: Scene, *, scale: bool, nodata: float | Mapping[str, float] | None
) -> list[Variable]:
    """Return what becomes of each band, from the metadata of all items.

    Raises
    ------
    StacError
        NoData given for a variable that isn't loaded, or metadata that can't be read.
    """
    own = nodata if isinstance(nodata, Mapping) else {"*": nodata}
    _check_variables(own, scene.bands, "nodata")
    return [
        _variable(scene, band, own.get(band.name, own.get("*")), scale=scale)
        for band in scene.bands
    ]


def _variable(scene: Scene, band: Band, nodata: float | None, *, scale: bool) -> Variable:
    stored = scene.encodings(band)
    if nodata is not None:
        stored = {key: replace(each, nodata=float(nodata)) for key, each in stored.items()}
    plan = plan_cells(list(stored.values()), scale=scale)
    if not scale:
        stored = {key: replace(each, scale=1.0, offset=0.0) for key, each in stored.items()}
    return Variable(band=band, plan=plan, encodings=stored)


def _check_variables(named: Mapping[str, Any], bands: Sequence[Band], argument: str) -> None:
    names = [band.name for band in bands]
    unknown = sorted(set(named) - {*names, "*"})
    if unknown:
        raise StacError(
            f"{argument} names {unknown[0]!r}, but the cube's variables are {', '.join(names)}"
        )


def load_cube(
    scene: Scene,
    variables: Sequence[Variable],
    geobox: GeoBox,
    steps: Sequence[int],
    kernels: Mapping[str, str],
    *,
    chunks: int | Mapping[str, int] | None,
    patch_url: Callable[[str], str] | None,
) -> xr.Dataset:
    """Return the lazy cube.

    Parameters
    ----------
    scene
        The items.
    variables
        Bands and how they are stored.
    geobox
        Grid of the cube.
    steps
        Number of the time step of each item.
    kernels
        Resampling by variable, `"*"` for all others.
    chunks
        Sizes of the dask blocks.
    patch_url
        Maps the links of assets to those to open.

    Raises
    ------
    StacError
        Resampling for a variable that isn't loaded, or chunks of an unknown dimension.
    """
    _check_variables(kernels, scene.bands, "resampling")
    numbers = {_identifier(number): step for number, step in enumerate(steps)}
    cube = odc.stac.load(
        _plain_items(scene, geobox, patch_url),
        bands=[each.band.name for each in variables],
        geobox=geobox,
        groupby=lambda item, parsed, index: numbers[item.id],
        resampling=dict(kernels),
        chunks=_block_sizes(chunks),
        driver=Driver(_parser(variables)),
    )
    cube = canonical(cube.assign_coords(time=cube["time"].astype("datetime64[ns]")))
    return cube.assign({each.band.name: _described(cube, each, scene) for each in variables})


def _block_sizes(chunks: int | Mapping[str, int] | None) -> dict[str, int | Literal["auto"]]:
    edge = chunks if isinstance(chunks, int) else get_options().chunk_size
    own = chunks if isinstance(chunks, Mapping) else {}
    sizes = {"time": 1, "y": edge, "x": edge, **own}
    if len(sizes) > 3:
        raise StacError(f"chunks names {sorted(own)!r}, but the dimensions are time, y, x")
    if any(size < 1 for size in sizes.values()):
        raise StacError(f"chunks must be positive numbers of cells, got {chunks!r}")
    return {**sizes}


def _identifier(number: int) -> str:
    # odc-stac orders the items of a step by time and identifier: as text, numbers need their zeros.
    return f"{number:09d}"


def _parser(variables: Sequence[Variable]) -> Parser:
    keys = {each.band.name: (each.band.name, each.band.index) for each in variables}
    group = RasterGroupMetadata(
        bands={
            keys[each.band.name]: band_metadata(each.plan, each.encodings) for each in variables
        },
        aliases={name: [key] for name, key in keys.items()},
    )
    encodings = {
        (_identifier(number), each.band.name): stored
        for each in variables
        for number, stored in each.encodings.items()
    }
    return Parser(group=group, encodings=encodings)


def _plain_items(
    scene: Scene, geobox: GeoBox, patch_url: Callable[[str], str] | None
) -> list[pystac.Item]:
    """Return items that hold just what odc-stac needs; extensions are read by us."""
    plain = []
    pairs = zip(scene.items, scene.footprints, strict=True)
    for number, (content, area) in enumerate(pairs):
        item = pystac.Item(
            id=_identifier(number),
            geometry=_geojson(area, geobox),
            bbox=None,
            datetime=instant(content).to_pydatetime(warn=False),
            properties={},
        )
        for band in scene.bands:
            asset = content["assets"].get(band.asset)
            if asset is not None:
                href = asset["href"] if patch_url is None else patch_url(asset["href"])
                item.add_asset(band.name, pystac.Asset(href, media_type="image/tiff"))
        plain.append(item)
    return plain


def _geojson(area: BaseGeometry, geobox: GeoBox) -> dict[str, Any]:
    # The footprint tells which blocks an item touches. It travels through longitude and latitude,
    # where edges bend: a cell's margin and points along the edges keep every block it touches.
    margin = max(abs(geobox.resolution.x), abs(geobox.resolution.y))
    wide = shapely.buffer(area, margin, join_style="mitre")
    globe = reproject(wide, as_crs(geobox.crs), as_crs("EPSG:4326"))
    geometry: dict[str, Any] = shapely.geometry.mapping(globe)
    return geometry


def _described(cube: xr.Dataset, variable: Variable, scene: Scene) -> xr.DataArray:
    """Return a variable with the attributes of its cells and its band."""
    plan, band = variable.plan, variable.band
    array = cube[band.name]
    attrs = {key: value for key, value in array.attrs.items() if key == "grid_mapping"}
    attrs |= _labels(scene, band)
    if plan.dtype.kind in "iu":
        attrs["_FillValue"] = plan.nodata
    if plan.scale is not None and plan.offset is not None:
        attrs |= {"scale_factor": plan.scale, "add_offset": plan.offset}
    # A new array: the attributes of the loaded one stay as they are.
    described = array.copy(deep=False)
    described.attrs = attrs
    return described


def _labels(scene: Scene, band: Band) -> dict[str, str]:
    """Return title and unit of a band, by their CF names, from the first item that tells."""
    labels: dict[str, str] = {}
    for item in reversed(scene.items):
        # Not through all places of band_field: the title of an item isn't that of its bands.
        title = item["assets"].get(band.asset, {}).get("title")
        unit = band_field(item, scene.collection(item), band, "unit")
        labels |= {k: str(v) for k, v in (("long_name", title), ("units", unit)) if v is not None}
    return labels
