"""Files that vanish or are cut short while the server is asked all the time."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest
import rasterio

from tests.server.conftest import TILE, scene
from tests.server.failing import PROBLEM, Load, by_path, serving, statuses
from tests.server.terracotta import rasters
from xcube_tiles.catalog.writer import to_catalog
from xcube_tiles.server.app import create_app
from xcube_tiles.sources.collection import scan

if TYPE_CHECKING:
    from pathlib import Path

    from tests.server.failing import Answer

KEYED = f"/singleband/S2/20180524/{{band}}/{rasters.TILE}?stretch_range=[100,1500]"
LAYER = f"/layers/all/tiles/WebMercatorQuad/{rasters.TILE}?stretch=100,1500&time=2018-05-24&bands="
BROKEN = [KEYED.format(band="B03"), f"{LAYER}B03", "/metadata/S2/20180524/B03"]
WHOLE = [KEYED.format(band="B04"), f"{LAYER}B04", "/datasets", "/healthz"]


def check_told(answers: list[Answer], paths: list[str]) -> None:
    """Each of some paths got one clear problem document, and nothing else."""
    told = [answer for answer in answers if answer.path in paths]
    assert {answer.path for answer in told} == set(paths)
    for answer in told:
        assert (answer.status, answer.kind, answer.retry) == (503, PROBLEM, "2"), answer
        assert json.loads(answer.text)["code"] == "unreadable-data"
        assert "Traceback" not in answer.text


@pytest.mark.parametrize("how", ["vanished", "cut"])
def test_a_raster_that_is_lost_and_found(tmp_path: Path, how: str) -> None:
    pattern = rasters.write_rasters(tmp_path)
    path = tmp_path / "S2_20180524_B03.tif"
    stored = path.read_bytes()
    files = scan(pattern)  # a list that stays: of a pattern, what is gone is no raster any more
    app = create_app(rasters=files, collections={"all": files})
    with serving(app) as address, Load(address, BROKEN + WHOLE) as load:
        right = by_path(load.rounds())
        assert {status for found in right.values() for status, _ in found} == {200}
        assert {len(found) for found in right.values()} == {1}
        if how == "vanished":
            path.unlink()
        else:
            path.write_bytes(stored[: len(stored) // 2])
        answers = load.rounds()
        check_told(answers, BROKEN)
        for whole in WHOLE:
            assert by_path(answers)[whole] == right[whole]
        path.write_bytes(stored)
        assert by_path(load.rounds()) == right
        assert {status for found in statuses(load.answers).values() for status in found} <= {
            200,
            503,
        }


SHOWN = f"/layers/scene/tiles/{TILE}.png?stretch=0,1&bands="
OTHER = "/layers/scene/point?lon=14.0&lat=50.5&bands=landcover"


@pytest.mark.parametrize(("cut", "cache"), [(0.5, 0), (-1, 2**24)])
def test_a_shard_that_is_cut_short_and_mended(tmp_path: Path, cut: float, cache: int) -> None:
    where = tmp_path / "c.zarr"
    to_catalog(scene(), str(where), "scene", progress=False)
    files = [path for path in where.rglob("ndvi/c/**/*") if path.is_file()]
    stored = {path: path.read_bytes() for path in files}
    broken = [f"{SHOWN}ndvi", "/layers/scene/point?lon=14.0&lat=50.5&bands=ndvi"]
    whole = [f"{SHOWN}landcover", OTHER]
    app = create_app(where, tile_cache=cache)
    with serving(app) as address, Load(address, broken + whole) as load:
        right = by_path(load.rounds())
        assert {status for found in right.values() for status, _ in found} == {200}
        for path, content in stored.items():
            path.write_bytes(content[: int(len(content) * cut) if cut >= 0 else -1])
        answers = load.rounds()
        # A tile that was drawn from the whole file may be kept; it is right.
        check_told(answers, broken[1:] if cache else broken)
        for path_ in [*whole, *(broken[:1] if cache else [])]:
            assert by_path(answers)[path_] == right[path_]
        for path, content in stored.items():
            path.write_bytes(content)
        assert by_path(load.rounds()) == right
    assert {answer.status for answer in load.answers} == {200, 503}


def test_a_raster_replaced_by_one_of_another_shape(tmp_path: Path) -> None:
    """The addresses of Terracotta show the new one at once; each answer is whole."""
    pattern = rasters.write_rasters(tmp_path)
    path = tmp_path / "S2_20180524_B03.tif"
    with rasterio.open(path) as file:
        profile = file.profile
    small = tmp_path / "small.part"
    transform = profile["transform"] @ rasterio.Affine.scale(2)
    profile.update(width=128, height=128, transform=transform)
    with rasterio.open(small, "w", **profile) as file:
        file.write(np.full((1, 128, 128), 700, "uint16"))
    shown = KEYED.format(band="B03")
    with serving(create_app(rasters=pattern)) as address, Load(address, [shown]) as load:
        before = load.rounds()
        small.replace(path)
        after = load.rounds()
    old, new = by_path(before)[shown], by_path(after)[shown]
    assert len(old) == len(new) == 1
    assert old != new
    assert by_path(load.answers)[shown] == old | new
    assert {a.etag for a in before}.isdisjoint({a.etag for a in after})
