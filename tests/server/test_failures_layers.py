"""Layers that are replaced, grown or deleted while the server is asked all the time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from tests.server.conftest import TILE, scene
from tests.server.failing import Load, by_path, serving
from xcube_tiles.catalog.reader import open_catalog
from xcube_tiles.catalog.writer import to_catalog
from xcube_tiles.server.app import create_app

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import xarray as xr

    from tests.server.failing import Answer

NDVI = f"/layers/scene/tiles/{TILE}.png?bands=ndvi&stretch=0,1"
CLASSES = f"/layers/scene/tiles/{TILE}.png?bands=landcover&stretch=0,3"
POINT = "/layers/scene/point?lon=14.0&lat=50.5"
PREVIEW = "/layers/scene/preview.png?bands=ndvi&stretch=0,1&size=256"
PATHS = [NDVI, CLASSES, POINT, PREVIEW]


def altered(cube: xr.Dataset, number: int) -> xr.Dataset:
    """Return a cube whose every picture is another."""
    changed = cube.copy()
    changed["ndvi"] = cube.ndvi.copy(data=1 - cube.ndvi.values / (1 + number))
    changed["landcover"] = cube.landcover.copy(data=(cube.landcover.values + number) % 3)
    return changed


def etags(answers: list[Answer]) -> dict[str, set[str | None]]:
    found: dict[str, set[str | None]] = {}
    for answer in answers:
        found.setdefault(answer.path, set()).add(answer.etag)
    return found


def pictures(where: Path) -> dict[str, set[tuple[int, str]]]:
    """Return what a server answers that has never seen anything else."""
    with serving(create_app(where)) as address, Load(address, PATHS, clients=1) as load:
        return by_path(load.answers)


@pytest.mark.slow
def test_a_layer_that_is_replaced(tmp_path: Path) -> None:
    """Each answer is of one state; after the last, only of that."""
    where = tmp_path / "c.zarr"
    to_catalog(scene(), str(where), "scene", progress=False)
    allowed = pictures(where)
    with serving(create_app(where)) as address, Load(address, PATHS) as load:
        before = etags(load.rounds())
        for number in (1, 2):  # the second takes away what the first has left
            to_catalog(
                altered(scene(), number), str(where), "scene", progress=False, overwrite=True
            )
            only = pictures(where)
            answers = load.rounds()
            assert by_path(answers) == only
            allowed = {path: allowed[path] | only[path] for path in PATHS}
            now = etags(answers)
            assert all(before[path].isdisjoint(now[path]) for path in (NDVI, CLASSES, PREVIEW))
            before = now
    assert {answer.status for answer in load.answers} == {200}
    for path, found in by_path(load.answers).items():
        assert found <= allowed[path], path


def _append(where: Path) -> None:
    later = altered(scene().isel(time=[0]), 1)
    later = later.assign_coords(time=np.array(["2019-01-01"], "datetime64[ns]"))
    open_catalog(where).append("scene", later, progress=False)


def _other_type(where: Path) -> None:
    catalog = open_catalog(where)
    catalog.delete("scene")
    other = altered(scene(), 1)
    other["ndvi"] = (other.ndvi.fillna(0) * 2).astype("uint8").assign_attrs(_FillValue=255)
    to_catalog(other, str(where), "scene", progress=False)


@pytest.mark.parametrize("change", [_append, _other_type], ids=["append", "delete-write"])
def test_a_layer_that_grows_or_comes_back_as_another(
    tmp_path: Path, change: Callable[[Path], None]
) -> None:
    where = tmp_path / "c.zarr"
    to_catalog(scene(), str(where), "scene", progress=False)
    old = pictures(where)
    with serving(create_app(where)) as address, Load(address, PATHS) as load:
        before = etags(load.rounds())
        change(where)
        new = pictures(where)
        answers = load.rounds()
        assert by_path(answers) == new
        now = etags(answers)
    assert new != old
    assert all(before[path].isdisjoint(now[path]) for path in (NDVI, CLASSES, PREVIEW))
    for answer in load.answers:
        # Between the two there is no such layer; who began with the old one may be sent back.
        gone = answer.status in (404, 503) and change is _other_type
        assert gone or (answer.status, answer.digest) in old[answer.path] | new[answer.path], answer
