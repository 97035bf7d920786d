"""The documents of a layer, as the draft of its next state."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr
import zarr

from xcube_tiles.catalog.building.leftovers import level_paths
from xcube_tiles.catalog.format.conventions import PRIVATE
from xcube_tiles.catalog.format.coords import encode_coord, is_stored_as_array, to_json
from xcube_tiles.catalog.format.documents import compressors, has_checksums, write_coord
from xcube_tiles.catalog.stores.objects import as_document, copy_all, delete_all, keys_below, put
from xcube_tiles.errors import CatalogError, LayerBusyError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from xcube_tiles.catalog.building.build import Build
    from xcube_tiles.catalog.growing.labels import Growth
    from xcube_tiles.catalog.layer import Layer

Chunk = tuple[int, ...]
"""Position of a stored object in its array."""

_LINKED = "linked"
"""Label that tells that all objects which stay as they are have their new names."""


class Draft:
    """The next state of a layer, at first equal to the present one.

    Parameters
    ----------
    build
        The change, entered; where it moves levels, the draft's are at the new place.
    layer
        The layer as it was opened.

    Raises
    ------
    LayerBusyError
        The layer was changed between opening and entering the build.
    """

    def __init__(self, build: Build, layer: Layer) -> None:
        root = build.root or {}
        attributes: dict[str, Any] = root.get("attributes", {})
        if attributes != layer.group.attrs.asdict():
            raise LayerBusyError(f"layer {layer.name!r} was changed just now; try again")
        self.build, self.layer = build, layer
        self.attributes = copy.deepcopy(attributes)
        old = level_paths(root)
        new = [f"{build.prefix}{number}" for number in range(len(old))] if build.prefix else old
        self.paths = dict(zip(old, new, strict=True))
        self.documents: dict[str, dict[str, Any]] = root["consolidated_metadata"]["metadata"]
        for entry in self.attributes["multiscales"]["layout"]:
            for field in {"asset", "derived_from"} & set(entry):
                entry[field] = self.paths[entry[field]]
        if build.prefix:  # zarr takes no metadata of levels without that of the group above
            above = {"zarr_format": 3, "node_type": "group", "attributes": {}}
            put(build.draft, f"{build.prefix}zarr.json", as_document(above))
        for path, document in self.documents.items():
            if not (build.prefix and self._is_above(path)):
                put(build.draft, f"{self.moved(path)}/zarr.json", as_document(document))

    def moved(self, path: str) -> str:
        """Return where something below the layer is in the draft."""
        for old, new in self.paths.items():
            if path == old or path.startswith(f"{old}/"):
                return f"{new}{path.removeprefix(old)}"
        return path

    def _is_above(self, path: str) -> bool:
        """Whether something is the group above the levels of the present generation."""
        return not any(path == old or path.startswith(f"{old}/") for old in self.paths)

    def array(self, name: str, level: int) -> zarr.Array[Any]:
        """Return an array of the draft."""
        path = f"{list(self.paths.values())[level]}/{name}"
        return zarr.open_array(self.build.draft, path=path, mode="r+", zarr_format=3)

    def cells(self, name: str, level: int) -> zarr.Array[Any]:
        """Return an array of the draft whose cells go to the catalog's store."""
        return self.build.bound(self.array(name, level))

    def lengthen(self, dim: str, size: int) -> None:
        """Let all arrays have another number of slices along a dimension."""
        for path, document in self.documents.items():
            if document["node_type"] == "array" and dim in (document.get("dimension_names") or ()):
                shape = list(document["shape"])
                shape[document["dimension_names"].index(dim)] = size
                longer = as_document({**document, "shape": shape})
                put(self.build.draft, f"{self.moved(path)}/zarr.json", longer)

    def write_coords(self, grown: Growth) -> None:
        """Write grown coordinates: the labels that come, or all if their place is new."""
        private = self.attributes[PRIVATE]
        for name, variable in grown.coords.items():
            coord = xr.DataArray(variable, name=name)
            if not is_stored_as_array(coord):
                private["coords"] = {**private["coords"], name: to_json(coord)}
                continue
            for level, (old, path) in enumerate(self.paths.items()):
                if self.build.prefix:
                    checksums = has_checksums(self.documents[f"{old}/{name}"])
                    _remove(self.build, f"{path}/{name}")
                    codecs = compressors(checksums=checksums)
                    write_coord(self.build.draft, f"{path}/{name}", coord, codecs)
                else:
                    array = self.array(name, level)
                    start = len(grown.old) // array.chunks[0] * array.chunks[0]
                    array[start:] = encode_coord(coord)[0][start:]

    def link(
        self,
        moved: Callable[[str, Chunk], Chunk | None],
        left_out: Collection[str] = (),
    ) -> int:
        """Give the objects of the present state that stay as they are names in the new place.

        Parameters
        ----------
        moved
            Position in the new state of an object of an array, given the array's path and its
            position; None: it doesn't stay.
        left_out
            Names of arrays that are written anew.

        Returns
        -------
        int
            How many there are.
        """
        store, name = self.build.store, self.layer.name
        pairs = []
        for old in self.paths:
            depth = len(old.split("/")) + 1
            for key in keys_below(store, f"{name}/{old}"):
                parts = key.removeprefix(f"{name}/").split("/")
                path = "/".join(parts[:depth])
                if parts[-1] == "zarr.json" or parts[depth - 1] in left_out:
                    continue
                new = moved(path, tuple(map(int, parts[depth + 1 :])))
                if new is not None:
                    place = "/".join([self.moved(path), "c", *map(str, new)])
                    pairs.append((key, f"{name}/{place}"))
        pairs = [(key, target) for key, target in pairs if key != target]
        if _LINKED not in self.build.finished:
            self.build.announce()
            there = set(keys_below(store, f"{name}/{self.build.prefix.rstrip('/')}"))
            delete_all(store, there & {target for _, target in pairs})
            copy_all(store, pairs)
            self.build.mark(_LINKED)
        return len(pairs)


def _remove(build: Build, path: str) -> None:
    delete_all(build.draft, keys_below(build.draft, path))


def keeps_coords(layer: Layer, arrays: Mapping[str, zarr.Array[Any]], grown: Growth) -> bool:
    """Whether grown coordinates are encoded as the layer's are, so that labels can be added.

    Raises
    ------
    CatalogError
        A coordinate that can't be stored together with the present one.
    """
    for name, variable in grown.coords.items():
        coord = xr.DataArray(variable, name=name)
        if is_stored_as_array(coord) != (name in arrays):
            raise CatalogError(
                f"coordinate {name!r} has another kind of value ({variable.dtype}) than that of "
                f"layer {layer.name!r}"
            )
        if name in arrays:
            values, attrs = encode_coord(coord)
            present = arrays[name]
            same = attrs.get("units") == present.attrs.get("units") or variable.dtype.kind != "M"
            if not same or np.dtype(values.dtype) != present.dtype:
                return False
    return True
