from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import rasterio
from affine import Affine

import xcube_tiles as xt
from tests.sources.rasters import NORTH_UP, ramp, write_raster
from xcube_tiles.errors import CollectionError, RaggedKeysError, UnequalGridsError
from xcube_tiles.render.source import TileSource, check_variables
from xcube_tiles.sources.geotiff import GeoTiffSource

if TYPE_CHECKING:
    from numpy.typing import NDArray

DATES = ("20180506", "20180524")


@pytest.fixture
def files(tmp_path: Path) -> xt.Collection:
    for n, day in enumerate(DATES):
        for m, band in enumerate(["red", "nir"]):
            write_raster(
                tmp_path / f"{day}_{band}.tif",
                ramp(101, 90, start=100 * n + 10 * m),
                nodata=-1,
                overviews=(2, 4) if band == "red" else (2, 4, 8),
                tiled=True,
                blockxsize=32,
                blockysize=32,
            )
    return xt.scan(f"{tmp_path}/{{date}}_{{band}}.tif")


def test_a_collection_is_a_tile_source(files: xt.Collection) -> None:
    source: TileSource = GeoTiffSource(files)
    check_variables(source, ("nir", "red"))
    assert source.variables == ("nir", "red")
    assert str(source.crs) == "EPSG:32633"
    # the third overview isn't in all files
    assert [tuple(box.shape) for box in source.geoboxes] == [(101, 90), (51, 45), (26, 23)]
    assert source.geoboxes[1].affine.a == 20
    times = source.times
    assert times is not None
    assert list(times) == [np.datetime64("2018-05-06", "ns"), np.datetime64("2018-05-24", "ns")]
    assert source.cell_type("red").name == "int16ud-1"


@pytest.mark.parametrize("level", [0, 1, 2])
def test_windows_of_every_level_equal_gdal(files: xt.Collection, level: int) -> None:
    source = GeoTiffSource(files)
    height, width = source.geoboxes[level].shape
    for row in files:
        time = DATES.index(str(row.keys["date"])[:10].replace("-", ""))
        extra = {} if level == 0 else {"overview_level": level - 1}
        with rasterio.open(row.path, **extra) as file:
            whole = file.read(1)
        for rows, cols in (
            (slice(0, height), slice(0, width)),
            (slice(3, 11), slice(5, 6)),
            (slice(4, 4), slice(0, 3)),
        ):
            part = source.read(str(row.keys["band"]), level=level, rows=rows, cols=cols, time=time)
            np.testing.assert_array_equal(part, whole[rows, cols])
            assert part.dtype == np.int16


def test_cells_are_those_of_the_cube(tmp_path: Path) -> None:
    south_up = NORTH_UP * Affine(1, 0, 0, 0, -1, 8)
    mask = ramp(8, 9) % 3 > 0
    path = write_raster(
        tmp_path / "a.tif",
        ramp(8, 9, dtype="uint8"),
        transform=south_up,
        mask=mask,
        scale=0.5,
        overviews=(2,),
    )
    files = xt.Collection().add(str(path), band="cells")
    source = GeoTiffSource(files)
    cube = files.to_cube()
    whole = source.read("cells", level=0, rows=slice(0, 8), cols=slice(0, 9))
    np.testing.assert_array_equal(whole, cube["cells"])
    assert source.times is None
    assert source.cell_type("cells").name == "float32"
    # the overview is flipped alike
    half = source.read("cells", level=1, rows=slice(0, 4), cols=slice(0, 5))
    assert half.shape == (4, 5)
    assert np.nanmax(half[0]) > np.nanmax(half[-1])


def test_many_threads_read_at_once(files: xt.Collection) -> None:
    source = GeoTiffSource(files)

    def read(n: int) -> NDArray[np.int16]:
        rows = slice(n % 50, n % 50 + 40)
        return source.read("red", level=0, rows=rows, cols=slice(0, 90), time=n % 2)

    with ThreadPoolExecutor(8) as pool:
        parts = list(pool.map(read, range(200)))
    for n, part in enumerate(parts):
        expected = ramp(101, 90, start=100 * (n % 2))[n % 50 : n % 50 + 40]
        np.testing.assert_array_equal(part, expected)


def test_a_changed_file_is_opened_anew(files: xt.Collection) -> None:
    source = GeoTiffSource(files)
    window: Any = {"rows": slice(0, 2), "cols": slice(0, 2)}
    before = source.read("red", level=0, time=0, **window)
    row = next(iter(files.where(band="red", date=DATES[0])))
    write_raster(Path(row.path), ramp(101, 90, start=7), nodata=-1)
    after = source.read("red", level=0, time=0, **window)
    np.testing.assert_array_equal(after, before + 7)


def test_wrong_reads(files: xt.Collection) -> None:
    source = GeoTiffSource(files)
    window: Any = {"rows": slice(0, 2), "cols": slice(0, 2)}
    with pytest.raises(CollectionError, match="'blue'; the variables are nir, red"):
        source.read("blue", level=0, time=0, **window)
    with pytest.raises(CollectionError, match="levels are 0 to 2, got 3"):
        source.read("red", level=3, time=0, **window)
    with pytest.raises(CollectionError, match="time must be an index from 0 to 1, got None"):
        source.read("red", level=0, **window)
    with pytest.raises(CollectionError, match="time must be an index from 0 to 1, got 2"):
        source.read("red", level=0, time=2, **window)


def test_collections_that_are_no_source(files: xt.Collection, tmp_path: Path) -> None:
    rows = list(files)
    with pytest.raises(RaggedKeysError):
        GeoTiffSource(xt.Collection(rows[:-1]))
    write_raster(tmp_path / "20180506_red.tif", ramp(5, 5))
    with pytest.raises(UnequalGridsError):
        GeoTiffSource(xt.Collection(rows))
    other = tmp_path / "other"
    for name in ("A_red", "D_red"):
        write_raster(other / f"{name}.tif", ramp())
    with pytest.raises(CollectionError, match=r"where\(orbit=...\)"):
        GeoTiffSource(xt.scan(f"{other}/{{orbit}}_{{band}}.tif"))
