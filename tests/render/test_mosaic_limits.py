"""How much a mosaic reads: as few files as can be, from their overviews, and never too many."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from affine import Affine
from pyproj import Transformer

import xcube_tiles as xt
from tests.sources.rasters import NORTH_UP, write_raster
from xcube_tiles.errors import SizeLimitError
from xcube_tiles.render import mosaic_cells
from xcube_tiles.render.bounds import wgs84_bounds, zoom_range
from xcube_tiles.render.mosaic import MosaicSource
from xcube_tiles.render.point import values_at
from xcube_tiles.render.sample import sample
from xcube_tiles.render.statistics import range_of
from xcube_tiles.render.tms import named_tms, tile_geobox
from xcube_tiles.sources import handles
from xcube_tiles.sources.header import read_header
from xcube_tiles.sources.reading import read_window
from xcube_tiles.sources.table import with_headers_of

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray


class Reads(list[tuple[str, int | None]]):
    """Files and overviews that were read, in order."""

    @property
    def names(self) -> list[str]:
        """Names without suffix."""
        return [path.rpartition("/")[2].removesuffix(".tif") for path, _ in self]


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> Reads:
    found = Reads()

    def noted(part: Any, *args: Any, overview: int | None = None, **options: Any) -> NDArray[Any]:
        found.append((part.path, overview))
        return read_window(part, *args, overview=overview, **options)

    monkeypatch.setattr(mosaic_cells, "read_window", noted)
    return found


def put(folder: Path, name: str, value: int, *, col: int = 0, size: int = 64, **more: Any) -> None:
    cells = np.full((size, size), value, "int16")
    cells[0, 0] = -1
    transform = NORTH_UP @ Affine.translation(col, 0)
    write_raster(folder / f"{name}.tif", cells, transform=transform, nodata=-1, **more)


def test_files_below_are_not_read_where_nothing_is_missing(tmp_path: Path, reads: Reads) -> None:
    for name, value in (("a", 1), ("b", 2), ("c", 3)):
        put(tmp_path, name, value)
    put(tmp_path, "d", 4, col=64)
    source = MosaicSource(xt.scan(f"{tmp_path}/{{place}}.tif"), over=["place"])
    inner = source.read("raster", level=0, rows=slice(10, 20), cols=slice(10, 20))
    assert (inner == 1).all()
    assert reads.names == ["a"]
    reads.clear()
    source.read("raster", level=0, rows=slice(10, 20), cols=slice(60, 70))
    assert reads.names == ["a", "d"]
    reads.clear()
    source.read("raster", level=0, rows=slice(0, 10), cols=slice(0, 10))
    assert reads.names == ["a", "b", "c"]  # all have a hole there
    reads.clear()
    last = MosaicSource(xt.scan(f"{tmp_path}/{{place}}.tif"), over=["place"], selection="last")
    last.read("raster", level=0, rows=slice(10, 20), cols=slice(10, 20))
    assert reads.names == ["c"]


def test_coarse_levels_are_read_from_overviews(tmp_path: Path, reads: Reads) -> None:
    for number in range(4):
        put(tmp_path, f"t{number}", number, col=256 * number, size=256, overviews=(2, 4))
    source = MosaicSource(xt.scan(f"{tmp_path}/{{place}}.tif"))
    assert [box.shape[1] for box in source.geoboxes] == [1024, 512, 256]
    for level, overview in ((0, None), (1, 0), (2, 1)):
        reads.clear()
        height, width = source.geoboxes[level].shape
        cells = source.read("raster", level=level, rows=slice(0, height), cols=slice(0, width))
        assert [each for _, each in reads] == [overview] * 4
        edge = width // 4
        for number in range(4):
            assert (cells[1:, number * edge + 1 : (number + 1) * edge] == number).all()


def test_too_many_files_are_refused_with_what_to_do(tmp_path: Path, reads: Reads) -> None:
    for number in range(12):
        put(tmp_path, f"t{number}", number, col=64 * number)
    source = MosaicSource(xt.scan(f"{tmp_path}/{{place}}.tif"), max_files=3)
    _, width = source.geoboxes[0].shape
    with pytest.raises(SizeLimitError, match=r"more than 3 files.*zoom in, store.*as a pyramid"):
        source.read("raster", level=0, rows=slice(0, 64), cols=slice(0, width))
    assert len(reads) == 3
    three = source.read("raster", level=0, rows=slice(0, 64), cols=slice(64, 250))
    assert set(np.unique(three)) == {-1, 1, 2, 3}


def test_levels_that_need_too_many_files_are_left_out(tmp_path: Path) -> None:
    for number in range(64):
        put(tmp_path, f"t{number}", number, col=64 * number, overviews=(2, 4, 8))
    files = xt.scan(f"{tmp_path}/{{place}}.tif")
    free, bound = MosaicSource(files), MosaicSource(files, max_files=20)
    assert len(free.geoboxes) == 5
    assert free.widest_pixel is None
    # 512 cells of level 1 lie about 17 files, those of level 2 about 33.
    assert len(bound.geoboxes) == 2
    assert bound.widest_pixel == 20
    least, most = zoom_range(bound)
    assert zoom_range(free)[0] < least <= most
    tms = named_tms("WebMercatorQuad")
    west, south, east, north = wgs84_bounds(bound)
    tile = tms.tile((west + east) / 2, (south + north) / 2, least)
    found = sample(bound, tile_geobox(("WebMercatorQuad", least, tile.x, tile.y)), ("raster",))
    assert found is not None
    # The range of values is found, although no picture can show the whole.
    assert range_of(bound, "raster") == (0.0, 63.0)


def test_files_without_overviews_are_refused_where_that_takes_too_many_cells(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(tmp_path, "a", 1, size=256)
    source = MosaicSource(xt.scan(f"{tmp_path}/{{place}}.tif"), resolution=160)
    monkeypatch.setattr(mosaic_cells, "MOST_CELLS", 1000)
    with pytest.raises(SizeLimitError, match=r"a.tif' has no overviews.*xcube-tiles optimize"):
        source.read("raster", level=0, rows=slice(0, 16), cols=slice(0, 16))


def test_few_files_stay_open(tmp_path: Path) -> None:
    for number in range(40):
        put(tmp_path, f"t{number}", number, col=64 * number)
    source = MosaicSource(xt.scan(f"{tmp_path}/{{place}}.tif"))
    source.read("raster", level=0, rows=slice(0, 64), cols=slice(0, 64 * 40))
    assert len(handles._HANDLES.open) <= handles._CAPACITY


def test_a_raster_across_the_antimeridian_is_one_place(tmp_path: Path) -> None:
    east = Affine(0.01, 0, 179.5, 0, -0.01, -16.0)  # to 180.5
    write_raster(
        tmp_path / "a.tif",
        np.full((100, 100), 5, "int16"),
        transform=east,
        crs="EPSG:4326",
        nodata=-1,
    )
    utm = Affine(1000, 0, 300_000, 0, -1000, 8_230_000)  # zone 1: about 179 degrees west
    write_raster(
        tmp_path / "b.tif",
        np.full((100, 100), 7, "int16"),
        transform=utm,
        crs="EPSG:32701",
        nodata=-1,
    )
    source = MosaicSource(xt.scan(f"{tmp_path}/{{place}}.tif"))
    assert source.crs.epsg == 3857
    lon, lat = Transformer.from_crs(32701, 4326, always_xy=True).transform(350_000, 8_180_000)
    for place, expected in (
        ((179.7, -16.5), 5),
        ((-179.7, -16.5), 5),
        ((180.3, -16.5), 5),
        ((lon, lat), 7),
        ((0.0, -16.5), None),
        ((178.0, -16.5), None),
    ):
        assert values_at(source, *place) == {"raster": expected}, place


def test_degrees_on_both_sides_of_the_antimeridian_meet(tmp_path: Path) -> None:
    for name, left, value in (("a", 170.0, 1), ("b", -180.0, 2)):
        write_raster(
            tmp_path / f"{name}.tif",
            np.full((100, 150), value, "int16"),
            transform=Affine(0.1, 0, left, 0, -0.1, 5.0),
            crs="EPSG:4326",
            nodata=-1,
        )
    source = MosaicSource(xt.scan(f"{tmp_path}/{{place}}.tif"))
    for lon, expected in ((171, 1), (179.95, 1), (-179.95, 1), (-174, 2), (160, None)):
        assert values_at(source, lon, 0.0) == {"raster": expected}, lon


def test_headers_of_changed_files_are_forgotten(tmp_path: Path) -> None:
    put(tmp_path, "a", 1)
    put(tmp_path, "b", 1)
    files = xt.scan(f"{tmp_path}/{{place}}.tif")
    before = files.headers()
    put(tmp_path, "b", 1, size=32)
    (tmp_path / "a.tif").touch()
    after = with_headers_of(files, files).headers()
    path = str(tmp_path / "b.tif")
    assert before[path].geobox.shape == (64, 64)
    assert after[path] == read_header(path)
    assert files.headers() == before
