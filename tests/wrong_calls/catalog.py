"""Wrong calls of catalogs, layers and pyramids."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr
from zarr.storage import MemoryStore

import xcube_tiles as xt
from tests.catalog.cubes import cube_of, random_cube
from tests.wrong_calls import WrongCall
from xcube_tiles.errors import (
    CatalogError,
    DimensionError,
    GeoreferenceError,
    GridError,
    LayerExistsError,
    LayerNotFoundError,
    ReducerError,
)

# what a type checker refuses, a user of a notebook may still pass
WRONG: Any = "wrong"
NONE: Any = None
ONE: Any = 1


def catalog() -> xt.Catalog:
    """Return a catalog in memory with one layer."""
    store = MemoryStore()
    cube().tiles.to_catalog(store, "scene")
    return xt.open_catalog(store)


def layer() -> xt.Layer:
    return catalog()["scene"]


def cube() -> Any:
    return random_cube((2, 300, 20))


def four_dimensions() -> Any:
    return xr.concat([cube(), cube()], "height")


def bare() -> xr.Dataset:
    return xr.Dataset({"band": (("y", "x"), np.zeros((4, 4)))})


def text() -> xr.Dataset:
    return cube_of([[1, 2]]).assign(note="a scene")


ROWS: dict[str, Any] = {"rows": slice(0, 2), "cols": slice(0, 2)}

CALLS = [
    WrongCall(
        "xt.open_catalog",
        lambda: xt.open_catalog("/no/such/catalog.zarr"),
        CatalogError,
        r"no catalog at '/no/such/catalog.zarr'.*ds\.tiles\.to_catalog",
    ),
    WrongCall(
        "xt.open_catalog",
        lambda: xt.open_catalog(ONE),
        CatalogError,
        "expected a path, a URL or a Zarr store, got 1",
    ),
    WrongCall(
        "xt.open_catalog",
        lambda: xt.open_catalog("nowhere://bucket/c.zarr"),
        CatalogError,
        "can't open 'nowhere://bucket/c.zarr'",
    ),
    WrongCall(
        "xt.Catalog",
        lambda: xt.Catalog("c.zarr"),  # type: ignore[call-arg]
        TypeError,
        "positional argument",
    ),
    WrongCall("xt.Catalog", lambda: xt.Catalog(), TypeError, "'url' and 'store'"),  # type: ignore[call-arg]
    WrongCall(
        "xt.Catalog",
        lambda: xt.Catalog(path="c.zarr"),  # type: ignore[call-arg]
        TypeError,
        "'path'",
    ),
    WrongCall(
        "xt.Catalog.read",
        lambda: catalog().read("nir"),
        LayerNotFoundError,
        "no layer 'nir'.*scene",
    ),
    WrongCall(
        "xt.Catalog.read",
        lambda: catalog().read("scene", zoom=9),
        CatalogError,
        r"has the zooms 0, 1 \(the finest first\), not 9",
    ),
    WrongCall(
        "xt.Catalog.read",
        lambda: catalog().read("scene", bands="nir"),
        CatalogError,
        "no band 'nir'; it has band",
    ),
    WrongCall(
        "xt.Catalog.read",
        lambda: catalog().read("scene", time="1999"),
        CatalogError,
        "no time '1999'; it has 2 from 2018-05-01T00:00:00 to 2018-05-02",
    ),
    WrongCall(
        "xt.Catalog.read",
        lambda: catalog().read("scene", extent=(0, 0, 10, 10)),
        GridError,
        r"\(0.0, 0.0, 10.0, 10.0\) doesn't touch layer 'scene', which covers",
    ),
    WrongCall(
        "xt.Catalog.write",
        lambda: catalog().write(cube(), "scene"),
        LayerExistsError,
        "'scene' is in the catalog already; pass overwrite=True",
    ),
    WrongCall(
        "xt.Catalog.write",
        lambda: catalog().write(cube(), "../scene"),
        CatalogError,
        "name must be letters, digits.* got '../scene'",
    ),
    WrongCall(
        "xt.Catalog.write",
        lambda: catalog().write(WRONG, "other"),
        CatalogError,
        "expected an xarray Dataset or DataArray, got str",
    ),
    WrongCall(
        "xt.Catalog.__getitem__",
        lambda: catalog()["nir"],
        LayerNotFoundError,
        "no layer 'nir' in the catalog 'memory://.*'; it has scene",
    ),
    WrongCall(
        "xt.Catalog.__getitem__", lambda: catalog()[ONE], LayerNotFoundError, "no layer 1 in"
    ),
    WrongCall(
        "xt.Catalog.__getitem__", lambda: catalog()["scene/0"], LayerNotFoundError, "'scene/0'"
    ),
    WrongCall(
        "xt.Catalog.delete", lambda: catalog().delete("nir"), LayerNotFoundError, "it has scene"
    ),
    WrongCall("xt.Catalog.delete", lambda: catalog().delete(""), LayerNotFoundError, "no layer ''"),
    WrongCall(
        "xt.Catalog.delete", lambda: catalog().delete(NONE), LayerNotFoundError, "no layer None"
    ),
    WrongCall("xt.Layer", lambda: xt.Layer(), TypeError, "'name', 'levels', and 'group'"),  # type: ignore[call-arg]
    WrongCall("xt.Layer", lambda: xt.Layer("scene"), TypeError, "positional argument"),  # type: ignore[call-arg]
    WrongCall("xt.Layer", lambda: xt.Layer(path="scene"), TypeError, "'path'"),  # type: ignore[call-arg]
    WrongCall(
        "xt.Layer.read",
        lambda: layer().read("nir", level=0, **ROWS),
        CatalogError,
        "no variable 'nir'; it has band",
    ),
    WrongCall(
        "xt.Layer.read",
        lambda: layer().read("band", level=2, **ROWS),
        CatalogError,
        "has the levels 0 to 1, got 2",
    ),
    WrongCall(
        "xt.Layer.read",
        lambda: layer().read("band", level=0, time=5, **ROWS),
        CatalogError,
        "2 positions along 'time', got 5",
    ),
    *(
        WrongCall(
            f"xt.Layer.{method}",
            lambda method=method, name=name: getattr(layer(), method)(name),  # type: ignore[misc]
            CatalogError,
            f"no variable {name!r}; it has band",
        )
        for method in ("cell_type", "dims", "variable_attrs")
        for name in ("nir", "", "band/c")
    ),
    WrongCall(
        "xt.Layer.array", lambda: layer().array("nir", 0), CatalogError, "'nir'; it has band"
    ),
    WrongCall("xt.Layer.array", lambda: layer().array("band", -1), CatalogError, "0 to 1, got -1"),
    WrongCall("xt.Layer.array", lambda: layer().array("band", WRONG), CatalogError, "got 'wrong'"),
    *(
        WrongCall(
            "xt.Layer.shape_of",
            lambda level=level: layer().shape_of(level),  # type: ignore[misc]
            CatalogError,
            f"has the levels 0 to 1, got {level!r}",
        )
        for level in (2, -1, "0")
    ),
    WrongCall(
        "ds.tiles.pyramid",
        lambda: cube().tiles.pyramid(resampling="average"),
        ReducerError,
        "unknown resampling 'average' for 'band'; the methods are mean, nearest",
    ),
    WrongCall(
        "ds.tiles.pyramid",
        lambda: cube().tiles.pyramid(resampling={"nir": "mean"}),
        ReducerError,
        "resampling names 'nir'; the variables are band",
    ),
    WrongCall(
        "ds.tiles.pyramid",
        lambda: cube().tiles.pyramid(levels=30),
        GridError,
        "levels must be a number from 1 to 10 for this grid, got 30",
    ),
    WrongCall(
        "ds.tiles.pyramid",
        lambda: cube().tiles.pyramid(scheme="Mercator"),
        GridError,
        "Mercator.*WebMercatorQuad",
    ),
    WrongCall(
        "ds.tiles.pyramid",
        lambda: cube().tiles.pyramid(min_valid=50),
        GridError,
        "min_valid is a share from 0 to 1, got 50",
    ),
    WrongCall(
        "ds.tiles.pyramid",
        lambda: four_dimensions().tiles.pyramid(),
        DimensionError,
        r"has the dimensions \('height', 'time', 'y', 'x'\); a layer holds y, x and one more",
    ),
    WrongCall(
        "ds.tiles.pyramid",
        lambda: bare().tiles.pyramid(),
        GeoreferenceError,
        "the object has no CRS",
    ),
    WrongCall(
        "ds.tiles.to_catalog",
        lambda: text().tiles.to_catalog(MemoryStore(), "scene"),
        DimensionError,
        r"'note' has the dimensions \(\); a layer needs y and x.*drop_vars\('note'\)",
    ),
    WrongCall(
        "ds.tiles.to_catalog",
        lambda: cube().tiles.to_catalog(MemoryStore(), ".hidden"),
        CatalogError,
        "begin with a letter or digit; got '.hidden'",
    ),
    WrongCall(
        "xt.Catalog.write",
        lambda: catalog().write(cube(), "other", chunk=300),
        CatalogError,
        "shard must be a multiple of chunk, got 2048 and 300",
    ),
    WrongCall(
        "xt.Catalog.write",
        lambda: catalog().write(cube(), "other", chunk=0),
        CatalogError,
        "chunk must be a positive number of cells, got 0",
    ),
    WrongCall(
        "ds.tiles.to_catalog",
        lambda: cube()[[]].tiles.to_catalog(MemoryStore(), "scene"),
        CatalogError,
        "the cube has no variables",
    ),
    WrongCall(
        "tree.tiles.to_catalog",
        lambda: xr.DataTree.from_dict({"/low": cube()}).tiles.to_catalog(MemoryStore(), "scene"),
        CatalogError,
        r"a pyramid has the children '0' \(the finest\), '1' ..., got \['low'\]",
    ),
    WrongCall(
        "xt.Catalog.write",
        lambda: catalog().write(cube().tiles.pyramid(), "other", levels=2),
        CatalogError,
        "a tree has its levels",
    ),
]
