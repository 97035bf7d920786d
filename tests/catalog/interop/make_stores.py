"""Make the stores of `stores/` with the libraries that they come from.

Each library wants versions of others that this project can't have beside it, so the stores are kept
as archives and this script runs in an environment of the library's own::

    uv venv /tmp/topozarr && uv pip install --python /tmp/topozarr topozarr==0.2.1 rioxarray dask
    /tmp/topozarr/bin/python tests/catalog/interop/make_stores.py topozarr

Names: `topozarr`, `ndpyramid` (0.4, with rioxarray), `xcube` (xcube-core 1.14, with zarr 3).
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

STORES = Path(__file__).parent / "stores"


def scene(height: int, width: int, *, ascending: bool = False) -> xr.Dataset:
    """Return two days of a temperature, and classes, with cells that have no value."""
    rows, cols = np.mgrid[0:height, 0:width]
    heat = np.asarray(10 + rows / 4 + np.round(3 * np.sin(cols / 9.0), 1), np.float32)
    heat[(rows - 20) ** 2 + (cols - 30) ** 2 < 90] = np.nan
    classes = ((rows // 7 + cols // 5) % 4).astype("uint8")
    classes[:5, :5] = 255
    lat = 50 - 0.25 * (np.arange(height) + 0.5)
    cube = xr.Dataset(
        {
            "heat": (("time", "lat", "lon"), np.stack([heat, heat + 1]), {"units": "degC"}),
            "classes": (("time", "lat", "lon"), np.stack([classes, classes])),
        },
        coords={
            "time": np.array(["2024-05-01", "2024-05-02"], "datetime64[ns]"),
            "lat": ("lat", lat, {"standard_name": "latitude", "units": "degrees_north"}),
            "lon": (
                "lon",
                5 + 0.25 * (np.arange(width) + 0.5),
                {"standard_name": "longitude", "units": "degrees_east"},
            ),
        },
    )
    cube.heat.encoding = {"_FillValue": np.float32(np.nan)}
    cube.classes.encoding = {"_FillValue": np.uint8(255)}
    return cube.isel(lat=slice(None, None, -1)) if ascending else cube


def make_xcube(folder: Path) -> None:
    """Write two `.levels`: one that holds all levels, one whose finest level is a link."""
    levels: Any = import_module("xcube.core.mldataset").FsMultiLevelDataset
    options = {"tile_size": 32, "agg_methods": {"heat": "mean", "classes": "mode"}}
    levels.write_dataset(scene(90, 131), str(folder / "all.levels"), **options)
    base = scene(90, 131, ascending=True)
    base.chunk({"lat": 32, "lon": 32}).to_zarr(folder / "base.zarr", zarr_format=2)
    levels.write_dataset(
        base,
        str(folder / "linked.levels"),
        base_dataset_path="base.zarr",
        fs_root=str(folder),
        **options,
    )


def make_topozarr(folder: Path) -> None:
    """Write a GeoZarr multiscale whose sizes are odd: its coarser levels are trimmed."""
    import_module("xproj")
    cube = scene(91, 131)
    steps = {
        "lat": 5_000_000 - 10.0 * (np.arange(91) + 0.5),
        "lon": 300_000 + 10.0 * (np.arange(131) + 0.5),
    }
    cube = cube.assign_coords(steps).rename(lat="y", lon="x")
    cube = cube.drop_attrs(deep=True)
    spatial: Any = cube.proj.assign_crs(spatial_ref="EPSG:32632")
    create = import_module("topozarr").create_pyramid
    create(spatial, levels=3, chunks_per_shard=2).write(str(folder / "topozarr.zarr"))


def make_ndpyramid(folder: Path) -> None:
    """Write the legacy form of a multiscale, of Zarr v2 and v3, warped and coarsened."""
    pyramids: Any = import_module("ndpyramid")
    import_module("rioxarray")
    cube = scene(90, 132)[["heat"]]
    spatial: Any = cube.rio.write_crs("EPSG:4326").rio.set_spatial_dims("lon", "lat")
    warped = pyramids.pyramid_reproject(spatial, levels=3, pixels_per_tile=64)
    warped.to_zarr(folder / "reprojected_v2.zarr", zarr_format=2)
    warped.to_zarr(folder / "reprojected_v3.zarr", zarr_format=3)
    coarse = pyramids.pyramid_coarsen(
        spatial, factors=[1, 2, 3], dims=["lat", "lon"], boundary="trim"
    )
    coarse.to_zarr(folder / "coarsened.zarr", zarr_format=2)


def main() -> None:
    """Make the archive that the command line names."""
    name = sys.argv[1]
    with tempfile.TemporaryDirectory() as folder:
        globals()[f"make_{name}"](Path(folder))
        shutil.make_archive(str(STORES / name), "zip", folder)


if __name__ == "__main__":
    main()
