"""Rasters by a pattern, a stored table, or the path of one file."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import rasterio
from rasterio.enums import ColorInterp

from xcube_tiles.errors import CollectionError, GeoreferenceError, PatternError
from xcube_tiles.sources.collection import scan
from xcube_tiles.sources.opening import open_rasters

if TYPE_CHECKING:
    from pathlib import Path

GRID = {
    "width": 4,
    "height": 3,
    "crs": "EPSG:32633",
    "transform": rasterio.Affine(10, 0, 0, 0, -10, 30),
}


def write(
    path: Path, *, descriptions: tuple[str, ...] = (), count: int = 1, alpha: bool = False
) -> Path:
    """Write a file whose band n has the cells n."""
    with rasterio.open(path, "w", count=count, dtype="uint8", **GRID) as file:
        for number in range(1, count + 1):
            file.write(np.full((3, 4), number, "uint8"), number)
        for number, text in enumerate(descriptions, 1):
            file.set_band_description(number, text)
        if alpha:
            file.colorinterp = [ColorInterp.gray] * (count - 1) + [ColorInterp.alpha]
    return path


def test_bands_have_the_names_of_their_descriptions(tmp_path: Path) -> None:
    path = write(tmp_path / "a.tif", count=2, descriptions=("red", "near infrared"))
    cube = open_rasters(str(path)).to_cube()
    assert {str(name): int(cube[name][0, 0]) for name in cube} == {"red": 1, "near infrared": 2}


@pytest.mark.parametrize("descriptions", [(), ("red",), ("red", "red", "red")])
def test_bands_without_distinct_descriptions_are_numbered(
    tmp_path: Path, descriptions: tuple[str, ...]
) -> None:
    path = write(tmp_path / "a.tif", count=3, descriptions=descriptions)
    cube = open_rasters(str(path)).to_cube()
    found = {str(name): int(cube[name][0, 0]) for name in cube}
    assert found == {"band_1": 1, "band_2": 2, "band_3": 3}


def test_an_alpha_band_is_no_raster(tmp_path: Path) -> None:
    path = write(tmp_path / "a.tif", count=3, alpha=True)
    assert open_rasters(str(path)).values("band") == ["band_1", "band_2"]


def test_a_pattern(tmp_path: Path) -> None:
    write(tmp_path / "S2_20240501.tif")
    pattern = f"{tmp_path}/{{sensor}}_{{date}}.tif"
    assert open_rasters(pattern) == scan(pattern)


@pytest.mark.parametrize("name", ["rasters.db", "rasters.sqlite", "sqlite:///{folder}/t.any"])
def test_a_stored_table(tmp_path: Path, name: str) -> None:
    write(tmp_path / "S2_20240501.tif")
    files = scan(f"{tmp_path}/{{sensor}}_{{date}}.tif")
    # A pattern has braces, so that the folder stands here without any.
    url = name.replace("{folder}", str(tmp_path)) if "://" in name else f"{tmp_path}/{name}"
    files.save(url)
    assert open_rasters(url) == files


def test_errors_tell_what_was_looked_for(tmp_path: Path) -> None:
    with pytest.raises(CollectionError, match=r"nothing\.tif' doesn't exist"):
        open_rasters(str(tmp_path / "nothing.tif"))
    with pytest.raises(CollectionError, match=r"nothing\.db"):
        open_rasters(str(tmp_path / "nothing.db"))
    with pytest.raises(PatternError, match="matches no file"):
        open_rasters(f"{tmp_path}/{{date}}.tif")
    (tmp_path / "text.tif").write_text("no raster")
    with pytest.raises(CollectionError, match="can't be opened as a raster"):
        open_rasters(str(tmp_path / "text.tif"))


def test_a_file_without_georeference(tmp_path: Path) -> None:
    with (
        pytest.warns(rasterio.errors.NotGeoreferencedWarning),
        rasterio.open(
            tmp_path / "a.tif", "w", driver="GTiff", width=2, height=2, count=1, dtype="uint8"
        ),
    ):
        pass
    with pytest.raises(GeoreferenceError, match="no CRS"):
        open_rasters(str(tmp_path / "a.tif"))
