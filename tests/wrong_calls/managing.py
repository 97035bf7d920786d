"""Wrong calls of what manages layers as a whole."""

from __future__ import annotations

from typing import Any

from tests.wrong_calls import WrongCall
from tests.wrong_calls.catalog import NONE, WRONG, catalog, cube, layer
from xcube_tiles.errors import (
    CatalogError,
    GridError,
    LayerExistsError,
    LayerNotFoundError,
)

NO_LAYER = "no layer 'nir' in the catalog 'memory://.*'; it has scene"


def counted() -> Any:
    """Return a layer whose finest level has statistics."""
    return catalog().compute_statistics("scene", levels=[0])


CALLS = [
    *(
        WrongCall(f"xt.Catalog.{name}", call, LayerNotFoundError, NO_LAYER)
        for name, call in {
            "copy": lambda: catalog().copy("nir", "red"),
            "rename": lambda: catalog().rename("nir", "red"),
            "vacuum": lambda: catalog().vacuum("nir"),
            "verify": lambda: catalog().verify("nir"),
            "set_attributes": lambda: catalog().set_attributes("nir", {}),
            "compute_statistics": lambda: catalog().compute_statistics("nir"),
            "reindex": lambda: catalog().reindex("nir"),
        }.items()
    ),
    WrongCall(
        "xt.Catalog.copy",
        lambda: catalog().copy("scene", "scene"),
        LayerExistsError,
        "'scene' is in the catalog already; delete it first or choose another name",
    ),
    WrongCall(
        "xt.Catalog.copy",
        lambda: catalog().copy("scene", "a/b"),
        CatalogError,
        "name must be letters, digits.* got 'a/b'",
    ),
    WrongCall(
        "xt.Catalog.copy",
        lambda: catalog().copy("scene", "b", to=WRONG + "://x"),
        CatalogError,
        "can't open 'wrong://x'",
    ),
    WrongCall(
        "xt.Catalog.rename",
        lambda: catalog().rename("scene", "scene"),
        LayerExistsError,
        "'scene' is in the catalog already",
    ),
    WrongCall(
        "xt.Catalog.rename",
        lambda: catalog().rename("scene", NONE),
        CatalogError,
        "name must be letters, digits.* got None",
    ),
    *(
        WrongCall(
            f"xt.Catalog.{method}",
            lambda method=method, name=name: getattr(catalog(), method)(name),  # type: ignore[misc]
            LayerNotFoundError,
            f"no layer {name!r} in the catalog",
        )
        for method in ("vacuum", "verify")
        for name in ("", "scene/0", 3)
    ),
    WrongCall(
        "xt.Catalog.set_attributes",
        lambda: catalog().set_attributes("scene", {"multiscales": {}}),
        CatalogError,
        "'multiscales' describes the grid on disk, or the format, and can't be set",
    ),
    WrongCall(
        "xt.Catalog.set_attributes",
        lambda: catalog().set_attributes("scene", {"made": cube()}),
        CatalogError,
        "can't store the attribute value",
    ),
    WrongCall(
        "xt.Catalog.set_attributes",
        lambda: catalog().set_attributes("scene", WRONG),
        CatalogError,
        "attributes must be a mapping of names, got 'wrong'",
    ),
    *(
        WrongCall(
            "xt.Catalog.compute_statistics",
            lambda levels=levels: catalog().compute_statistics("scene", levels=levels),  # type: ignore[misc]
            CatalogError,
            f"has the levels 0 to 1, got {wrong!r}",
        )
        for levels, wrong in (([0, 9], 9), ("finest", "finest"), ([-1], -1))
    ),
    WrongCall(
        "xt.Catalog.reindex",
        lambda: catalog().reindex("scene", chunk=300),
        CatalogError,
        "shard must be a multiple of chunk, got 2048 and 300",
    ),
    WrongCall(
        "xt.Catalog.reindex",
        lambda: catalog().reindex("scene", order=WRONG),
        GridError,
        "unknown order 'wrong'; the names are hilbert, zorder, rowmajor",
    ),
    WrongCall(
        "xt.Catalog.reindex",
        lambda: catalog().reindex("scene", shard=-1),
        CatalogError,
        "shard must be a positive number of cells, got -1",
    ),
    *(
        WrongCall(
            "xt.Layer.level_statistics",
            lambda level=level: layer().level_statistics(level),  # type: ignore[misc]
            CatalogError,
            f"no statistics of level {level!r}, those of none; catalog.compute_statistics",
        )
        for level in (0, 9, "all")
    ),
    WrongCall(
        "xt.Layer.histogram",
        lambda: layer().histogram("band"),
        CatalogError,
        "no statistics of level 0, those of none",
    ),
    WrongCall(
        "xt.Layer.histogram",
        lambda: counted().histogram("nir"),
        CatalogError,
        "no variable 'nir'; it has band",
    ),
    WrongCall(
        "xt.Layer.histogram",
        lambda: counted().histogram("band", level=1),
        CatalogError,
        "no statistics of level 1, those of 0",
    ),
    WrongCall(
        "xt.Layer.partitions",
        lambda: layer().partitions(0),
        CatalogError,
        "n must be a number of groups from 1, got 0",
    ),
    WrongCall(
        "xt.Layer.partitions",
        lambda: layer().partitions(2, level=7),
        CatalogError,
        "has the levels 0 to 1, got 7",
    ),
    WrongCall(
        "xt.Layer.partitions",
        lambda: layer().partitions(2, by=WRONG),
        GridError,
        "unknown order 'wrong'; the names are hilbert, zorder, rowmajor",
    ),
]
