"""Folders of rasters to folders of COGs: each file by itself, and what failed is told."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias, get_args

import rasterio
from rasterio.errors import RasterioError

from xcube_tiles.catalog.cog.export import levels_of, write_cogs
from xcube_tiles.catalog.pyramids.pyramid import pyramid
from xcube_tiles.errors import CatalogError, XcubeTilesError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    import xarray as xr

    from xcube_tiles.catalog.cog.encoding import CogEncoding
    from xcube_tiles.typing import PyramidResampling

IfExists: TypeAlias = Literal["error", "skip", "overwrite"]
"""What becomes of a result that is there already."""

Outcome: TypeAlias = Literal["written", "skipped", "failed"]
"""What became of a file."""

_WEB = "WebMercatorQuad"
_NOT_KEPT = ("AREA_OR_POINT", "TIFFTAG_SOFTWARE", "OVR_RESAMPLING_ALG")


@dataclass(frozen=True, slots=True, kw_only=True)
class Optimized:
    """What became of a file."""

    source: str
    """The file."""

    target: Path
    """The COG."""

    outcome: Outcome
    """Whether it was written, skipped as it was there, or failed."""

    error: str | None = None
    """Why it failed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OptimizeOptions:
    """How files become COGs."""

    encoding: CogEncoding
    """How they are packed."""

    if_exists: IfExists = "error"
    """What becomes of a result that is there already."""

    reproject: bool = False
    """Whether they are warped to Web Mercator, onto the grid of the zoom that keeps the cells."""

    resampling: PyramidResampling | None = None
    """How overviews are made; None: mode for files with a colour table, mean for others."""

    def __post_init__(self) -> None:
        if self.if_exists not in get_args(IfExists):
            raise CatalogError(
                f"if_exists is one of {', '.join(get_args(IfExists))}; got {self.if_exists!r}"
            )


def optimize(
    sources: Iterable[str],
    folder: str | os.PathLike[str],
    read: Callable[[str], xr.Dataset],
    options: OptimizeOptions,
    *,
    jobs: int = 1,
    report: Callable[[Optimized], None] | None = None,
) -> tuple[Optimized, ...]:
    """Rewrite raster files as COGs of the same names.

    Parameters
    ----------
    sources
        Paths of files.
    folder
        Where the COGs go, made if it isn't there. Suffixes other than ``.tif`` and ``.tiff``
        become ``.tif``.
    read
        Returns a file as a lazy cube with one variable per band, in the file's order, cells as
        they are stored.
    options
        How files become COGs.
    jobs
        Number of files at a time.
    report
        Called with the outcome of each file as soon as it is known.

    Returns
    -------
    tuple of Optimized
        One for each file, in their order. A file that fails doesn't keep the others from being
        written, and leaves what was there before.

    Raises
    ------
    CatalogError
        No files; two with one result; a number of jobs below 1. Nothing is written then.
    """
    if not isinstance(jobs, int) or jobs < 1:
        raise CatalogError(f"jobs is a number from 1, got {jobs!r}")
    paths = [os.path.abspath(path) for path in sources]
    if not paths:
        raise CatalogError("no files: nothing to optimize")
    targets = _targets(paths, Path(os.path.abspath(folder)))

    def run(source: str) -> Optimized:
        done = _optimized(source, targets[source], read, options)
        if report is not None:
            report(done)
        return done

    with ThreadPoolExecutor(jobs) as pool:
        return tuple(pool.map(run, dict.fromkeys(paths)))


def _targets(paths: Iterable[str], folder: Path) -> dict[str, Path]:
    targets: dict[str, Path] = {}
    taken: dict[Path, str] = {}
    for path in paths:
        name = Path(path)
        suffix = name.suffix if name.suffix.lower() in (".tif", ".tiff") else ".tif"
        target = folder / f"{name.stem}{suffix}"
        other = taken.setdefault(target, path)
        if other != path:
            raise CatalogError(
                f"{other!r} and {path!r} would both become {str(target)!r}; optimize them into "
                "folders of their own"
            )
        targets[path] = target
    return targets


def _optimized(
    source: str, target: Path, read: Callable[[str], xr.Dataset], options: OptimizeOptions
) -> Optimized:
    if target.exists() and options.if_exists == "skip":
        return Optimized(source=source, target=target, outcome="skipped")
    try:
        _write(source, target, read, options)
    except (XcubeTilesError, RasterioError, OSError) as error:
        return Optimized(source=source, target=target, outcome="failed", error=str(error))
    return Optimized(source=source, target=target, outcome="written")


def _write(
    source: str, target: Path, read: Callable[[str], xr.Dataset], options: OptimizeOptions
) -> None:
    if target.exists() and options.if_exists == "error":
        raise CatalogError(f"{str(target)!r} is there already: overwrite or skip it")
    cube = read(source)
    tags, colors = _extras(source, [str(name) for name in cube.data_vars])
    method: PyramidResampling = options.resampling or ("mode" if colors else "mean")
    if options.reproject:
        tree = pyramid(cube, scheme=_WEB, resampling=method, levels=1)
        cube = tree.children["0"].to_dataset(inherit=False)
    how = {"resampling": method, "levels": None, "min_valid": 0.0}
    cubes = levels_of(cube, how, block_size=options.encoding.block_size, pad=False)
    # Braces in a name are no fields here.
    path = str(target).replace("{", "{{").replace("}", "}}")
    write_cogs(
        [level.assign_attrs(tags) for level in cubes],
        path,
        options.encoding,
        overwrite=options.if_exists == "overwrite",
        progress=False,
        colors=colors,
    )


def _extras(
    source: str, names: list[str]
) -> tuple[Mapping[str, str], dict[str, Mapping[int, tuple[int, ...]]]]:
    """Return the tags of a file and the colour tables of its bands."""
    colors = {}
    with rasterio.open(source) as file:
        tags = {key: text for key, text in file.tags().items() if key not in _NOT_KEPT}
        if len(names) == file.count:
            for number, name in enumerate(names, 1):
                try:
                    colors[name] = file.colormap(number)
                except ValueError:
                    continue  # there is none
    return tags, colors
