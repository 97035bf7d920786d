"""Layers found and opened by a database, their tiles in different places."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import xarray as xr
from affine import Affine
from zarr.storage import LocalStore

import xcube_tiles as xt
from tests.catalog.cubes import cube_of, random_cube
from xcube_tiles.catalog.index.layers import LayerIndex, Refreshed
from xcube_tiles.catalog.index.rows import database, layers
from xcube_tiles.database import sa
from xcube_tiles.errors import (
    CatalogError,
    LayerExistsError,
    LayerNotFoundError,
    MissingExtraError,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ADDRESSES = {
    "postgresql": os.environ.get("XCUBE_TILES_POSTGRESQL", "postgresql://root@127.0.0.1:5432/test"),
    "mariadb": os.environ.get("XCUBE_TILES_MARIADB", "mysql://root@127.0.0.1/test"),
}
SERVERS = ["sqlite", *(pytest.param(name, marks=pytest.mark.database) for name in ADDRESSES)]


def statement(address: str, text: str) -> None:
    with database.engine(address, create=True) as engine:
        plain = engine.execution_options(isolation_level="AUTOCOMMIT")
        with plain.connect() as connection:
            connection.exec_driver_sql(text)


@pytest.fixture(params=SERVERS)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """An empty database of the tests' own."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/layers.db"
        return
    address, own = ADDRESSES[request.param], f"xcube_tiles_index_{os.getpid()}"
    try:
        statement(address, f"CREATE DATABASE {own}")
    except (CatalogError, MissingExtraError) as error:
        pytest.skip(f"no {request.param} on loopback: {error}")
    yield address.rpartition("/")[0] + f"/{own}"
    statement(address, f"DROP DATABASE {own}")


@pytest.fixture
def places(tmp_path: Path) -> dict[str, str]:
    """Two catalogs in different places."""
    first, second = str(tmp_path / "a.zarr"), str(tmp_path / "deep" / "b.zarr")
    random_cube((3, 300, 70)).tiles.to_catalog(first, "scene")
    north = cube_of([[1, 2], [3, 4]], corner=Affine(10, 0, 700_000, 0, -10, 6_000_000))
    north.tiles.to_catalog(second, "dem")
    return {"a": first, "b": second}


@pytest.fixture
def index(url: str, places: dict[str, str]) -> LayerIndex:
    """An index of both."""
    index = LayerIndex.open(url)
    index.register("scene", places["a"])
    index.register("hoehe", places["b"], "dem")
    return index


def test_layers_of_two_places_are_read_by_one_index(
    index: LayerIndex, url: str, places: dict[str, str]
) -> None:
    assert index.layers == ("hoehe", "scene")
    assert (len(index), list(index)) == (2, ["hoehe", "scene"])
    assert "scene" in index
    assert "dem" not in index
    opened = xt.open_catalog(url)
    for name, (place, own) in {"scene": ("a", "scene"), "hoehe": ("b", "dem")}.items():
        there = xt.open_catalog(places[place])
        xr.testing.assert_identical(
            opened.read(name, zoom=0).compute(), there.read(own, zoom=0).compute()
        )
        assert opened[name].metadata == there[own].metadata
        assert opened[name].geoboxes == there[own].geoboxes
    assert opened.read("scene", time="2018-05-02").band.shape == (300, 70)


def test_opening_reads_the_database_alone(
    index: LayerIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys: list[str] = []
    get = LocalStore.get

    async def noted(self: LocalStore, key: str, *args: Any, **options: Any) -> Any:
        keys.append(key)
        return await get(self, key, *args, **options)

    monkeypatch.setattr(LocalStore, "get", noted)
    layer = index["scene"]
    assert index.where(extent=(0, 0, 90, 90), time="2018", name="s*") == ("scene",)
    layer.array("band", 1)
    assert not keys
    assert np.asarray(layer.array("band", 0)[0, :9, :9]).shape == (9, 9)
    assert keys
    assert not [key for key in keys if key.endswith("zarr.json")]


def test_conditions(index: LayerIndex) -> None:
    west, south, east, north = index["scene"].extent.to_crs("EPSG:4326").bounds
    assert index.where(extent=(west, south, east, north)) == ("scene",)
    assert index.where(extent=(east + 0.01, south, east + 1, north)) == ()
    assert index.where(extent=index["hoehe"].extent) == ("hoehe",)
    assert index.where(time="2018-05-03") == ("scene",)
    assert index.where(time="2018-05-04") == ()
    assert index.where(time=("2018-05-02", None)) == ("scene",)
    assert index.where(time=(None, np.datetime64("2018-04-30"))) == ()
    assert index.where(name="?oehe") == ("hoehe",)
    assert index.where(name="SCENE") == ()
    assert index.where(name="*e", time="2018", extent=(0, 0, 1, 1)) == ()


def test_what_is_stale_is_noticed(index: LayerIndex, places: dict[str, str]) -> None:
    index.check_current("scene")
    assert index.refresh() == Refreshed(changed=(), gone=())
    catalog = xt.open_catalog(places["a"])
    catalog.write(cube_of([[7, 8]]), "scene", overwrite=True)
    with pytest.raises(CatalogError, match=r"has changed since revision 1.*index\.refresh"):
        index.check_current("scene")
    assert index.refresh() == Refreshed(changed=("scene",), gone=())
    assert index.read("scene").band.values.tolist() == [[7, 8]]
    assert index["scene"].revision == 2
    catalog.delete("scene")
    with pytest.raises(LayerNotFoundError, match=r"isn't in '.*a.zarr' any more; index.remove"):
        index.check_current("scene")
    with pytest.raises(CatalogError, match="deleted while it was read"):
        index.read("scene").compute()
    assert index.refresh() == Refreshed(changed=(), gone=("scene",))
    with pytest.raises(LayerNotFoundError, match="any more"):
        index.refresh("scene")
    index.remove("scene")
    assert index.layers == ("hoehe",)


def test_registering(index: LayerIndex, places: dict[str, str]) -> None:
    index.register("scene", places["a"])
    assert len(index) == 2
    with pytest.raises(LayerExistsError, match="has a layer 'scene' already, 'scene' of"):
        index.register("scene", places["b"], "dem")
    with pytest.raises(LayerNotFoundError, match="no layer 'nir' in the catalog"):
        index.register("nir", places["a"])
    with pytest.raises(LayerNotFoundError, match="it has hoehe, scene"):
        index["nir"]
    with pytest.raises(LayerNotFoundError):
        index.remove("nir")
    for wrong in ("a/b", "", None):
        with pytest.raises(CatalogError, match="name must be"):
            index.register(wrong, places["a"])  # type: ignore[arg-type]
    with pytest.raises(CatalogError, match="expected the path or URL"):
        index.register("x", 3)  # type: ignore[arg-type]
    with pytest.raises(CatalogError, match="time must be an instant"):
        index.where(time="soon")
    with pytest.raises(CatalogError, match="name must be a pattern"):
        index.where(name=3)  # type: ignore[arg-type]


def test_another_version_of_the_table_is_refused(index: LayerIndex) -> None:
    with database.engine(index.url, create=False) as engine, engine.begin() as connection:
        connection.execute(sa.update(layers).values(schema_version=99))
    with pytest.raises(CatalogError, match="registered with version 99 of the table"):
        index["scene"]


def test_what_is_no_index_is_refused(url: str) -> None:
    with pytest.raises(CatalogError, match=r"holds no layers|doesn.t exist"):
        xt.open_catalog(url)
    with pytest.raises(CatalogError, match="is no database URL for layers"):
        LayerIndex.open("oracle://me:secret@host/db")
    with pytest.raises(CatalogError, match="in memory ends with the call"):
        LayerIndex.open("sqlite://")
