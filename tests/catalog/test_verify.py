"""What is broken is named by its path; what is whole is left in peace."""

from __future__ import annotations

import json
import re
import shutil
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner
from zarr.storage import MemoryStore

import xcube_tiles as xt
from tests.catalog.cubes import cube_of, random_cube
from xcube_tiles.catalog.building.manifest import read_manifest
from xcube_tiles.catalog.stores.lock import Lock
from xcube_tiles.catalog.stores.objects import get_document, put
from xcube_tiles.cli.app import app
from xcube_tiles.testing.strategies import cubes

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import xarray as xr

    from xcube_tiles.catalog.verify.report import Problem


def smooth_cube(times: int = 2) -> xr.Dataset:
    """Return a cube all of whose blocks have values."""
    random = np.random.default_rng(3)
    return cube_of(random.integers(0, 3000, (times, 300, 280)))


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A catalog with a layer in shards and one without."""
    folder = tmp_path_factory.mktemp("whole") / "c.zarr"
    smooth_cube().tiles.to_catalog(folder, "shards", chunk=64, shard=128)
    smooth_cube().tiles.to_catalog(folder, "chunks", sharded=False, chunk=128)
    assert xt.open_catalog(folder).verify(deep=True).problems == ()
    return folder


@pytest.fixture
def catalog(whole: Path, tmp_path: Path) -> xt.Catalog:
    """A copy of it to break."""
    return xt.open_catalog(shutil.copytree(whole, tmp_path / "c.zarr"))


def folder_of(catalog: xt.Catalog) -> Path:
    """Return where a catalog is."""
    root: Path = catalog.store.root  # type: ignore[attr-defined]
    return root


def broken(catalog: xt.Catalog, *, deep: bool = False) -> list[Problem]:
    """Return what is broken."""
    report = catalog.verify(deep=deep)
    found = [each for each in report.problems if each.is_broken]
    assert report.ok == (not found)
    return found


def truncate(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-3])


def empty(file: Path) -> None:
    file.write_bytes(b"")


def flip(file: Path, at: int) -> None:
    content = bytearray(file.read_bytes())
    content[at] ^= 0x10
    file.write_bytes(content)


DAMAGES: list[tuple[Callable[[Path], None], str]] = [
    (lambda file: file.unlink(), "the object is missing"),
    (truncate, r"the object has \d+ bytes, \d+ were written"),
    (empty, "the object has 0 bytes"),
]


@pytest.mark.parametrize("layer", ["shards", "chunks"])
@pytest.mark.parametrize(("damage", "text"), DAMAGES)
@pytest.mark.parametrize("key", ["0/band/c/1/2/0", "1/band/c/0/0/1", "1/x/c/0", "0/time/c/0"])
def test_damaged_objects_are_named(
    catalog: xt.Catalog, layer: str, damage: Callable[[Path], None], text: str, key: str
) -> None:
    damage(folder_of(catalog) / layer / key)
    found = broken(catalog)
    assert f"{layer}/{key}" in {each.path for each in found}
    first = next(each for each in found if each.path == f"{layer}/{key}")
    assert first.layer == layer
    assert re.match(text, first.text)


@pytest.mark.parametrize(
    ("layer", "at", "text"),
    [
        ("shards", -5, "the index of the shard is damaged"),
        ("chunks", 13, r"it says that it has \d+ bytes, and has \d+"),
    ],
)
def test_flipped_bits_of_headers_and_indexes_are_named(
    catalog: xt.Catalog, layer: str, at: int, text: str
) -> None:
    flip(folder_of(catalog) / layer / "0/band/c/0/0/0", at)
    (found,) = broken(catalog)
    assert (found.path, found.kind) == (f"{layer}/0/band/c/0/0/0", "damaged")
    assert re.match(text, found.text)


@pytest.mark.parametrize("share", [0.5, 0.9])
def test_flipped_bits_of_cells_without_checksums_are_found_by_reading_them(
    catalog: xt.Catalog, share: float
) -> None:
    # A cell that changes by so little that no mean does isn't seen.
    file = folder_of(catalog) / "chunks/0/band/c/1/1/1"
    flip(file, int(file.stat().st_size * share))
    assert not broken(catalog)
    assert catalog.verify().without_checksums == ("chunks",)
    found = broken(catalog, deep=True)
    assert found
    assert {each.layer for each in found} == {"chunks"}
    assert {each.kind for each in found} <= {"damaged", "values"}


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (0.1, "chunk (1, 2, 2) with the cells [1:2, 128:192, 128:192] is damaged, its checksum is"),
        (0.9, "chunk (1, 3, 3) with the cells [1:2, 192:256, 192:256] is damaged, its checksum is"),
    ],
)
@pytest.mark.parametrize("deep", [False, True])
def test_flipped_bits_of_cells_are_named_by_their_chunk(
    catalog: xt.Catalog, share: float, text: str, deep: bool
) -> None:
    file = folder_of(catalog) / "shards/0/band/c/1/1/1"
    flip(file, int(file.stat().st_size * share))
    (found,) = broken(catalog, deep=deep)
    assert (found.layer, found.path, found.kind) == ("shards", "shards/0/band/c/1/1/1", "damaged")
    assert found.text.startswith(text)
    assert "restore it from a copy" in found.action
    assert catalog.verify(checksums=False).ok


def test_all_damaged_chunks_of_a_shard_are_counted(catalog: xt.Catalog) -> None:
    file = folder_of(catalog) / "shards/0/band/c/1/1/1"
    for share in (0.1, 0.4, 0.9):
        flip(file, int(file.stat().st_size * share))
    (found,) = broken(catalog)
    assert found.text.endswith("and so are 2 more chunks of the shard")


@pytest.mark.parametrize("cut", [1, 4, 40, 68, 69, 5000])
@pytest.mark.parametrize("known", [True, False])
def test_indexes_that_are_cut_off_are_named(catalog: xt.Catalog, cut: int, known: bool) -> None:
    file = folder_of(catalog) / "shards/0/band/c/1/1/1"
    file.write_bytes(file.read_bytes()[:-cut])
    if not known:
        edit(catalog, "shards/zarr.json", lambda d: d["attributes"]["xcube_tiles"].pop("manifest"))
    found = [each.text for each in broken(catalog) if each.path == "shards/0/band/c/1/1/1"]
    assert "the index of the shard is damaged or cut off: its checksum is another" in found
    assert len(found) == 1 + known


def test_the_report_says_what_was_compared(catalog: xt.Catalog) -> None:
    heads = [
        str(catalog.verify(layer, **how)).partition("nothing broken ")[2]
        for layer, how in (("shards", {}), (None, {}), (None, {"checksums": False}))
    ]
    assert heads == [
        "(checksums of cells compared)",
        "(checksums of cells compared; none in 'chunks', whose cells deep=True reads)",
        "(no cell read)",
    ]
    assert catalog.verify().as_json()["without_checksums"] == ("chunks",)


def test_swapped_objects_are_found_by_reading_them(catalog: xt.Catalog) -> None:
    folder = folder_of(catalog) / "chunks/0/band/c/0"
    first, second = (folder / "0/0").read_bytes(), (folder / "1/1").read_bytes()
    (folder / "0/0").write_bytes(second)
    (folder / "1/1").write_bytes(first)
    found = broken(catalog, deep=True)
    assert found
    assert {each.kind for each in found} <= {"damaged", "values"}


def test_an_object_that_nobody_has_written_is_named(tmp_path: Path) -> None:
    cells = np.full((300, 280), -9999)
    cells[:100, :100] = 7
    cube_of(cells).tiles.to_catalog(tmp_path, "a", chunk=64, shard=128)
    catalog = xt.open_catalog(tmp_path)
    assert not broken(catalog)
    target = tmp_path / "a/0/band/c/2/2"
    assert not target.exists()
    target.parent.mkdir()
    shutil.copy(tmp_path / "a/0/band/c/0/0", target)
    (found,) = broken(catalog)
    assert (found.path, found.kind) == ("a/0/band/c/2/2", "unexpected")


def edit(catalog: xt.Catalog, key: str, change: Callable[[dict[str, Any]], object]) -> None:
    """Change a JSON document."""
    document = get_document(catalog.store, key)
    assert document is not None
    change(document)
    put(catalog.store, key, json.dumps(document).encode())


def test_documents_are_compared(catalog: xt.Catalog) -> None:
    folder = folder_of(catalog) / "shards"
    (folder / "0/zarr.json").unlink()
    (folder / "1/zarr.json").write_bytes(b"[1, 2]")
    edit(catalog, "shards/1/y/zarr.json", lambda document: document.update(shape=[9]))
    one, other = folder / "0/band/zarr.json", folder / "1/band/zarr.json"
    swapped = one.read_bytes(), other.read_bytes()
    other.write_bytes(swapped[0])
    one.write_bytes(swapped[1])
    found = {each.path: each.text for each in broken(catalog)}
    assert found["shards/0/zarr.json"] == "the document is missing"
    assert "holds '[1, 2]' and no JSON object" in found["shards/1/zarr.json"]
    assert "shape differ" in found["shards/1/y/zarr.json"]
    for level in (0, 1):
        assert "attributes, shape" in found[f"shards/{level}/band/zarr.json"]
    assert len(found) == 5


@pytest.mark.parametrize("content", [None, b"", b"{", b"[]"])
def test_broken_root_documents_are_named(catalog: xt.Catalog, content: bytes | None) -> None:
    root = folder_of(catalog) / "shards/zarr.json"
    if content is None:
        root.unlink()
    else:
        root.write_bytes(content)
    (found,) = broken(catalog)
    assert (found.path, found.kind) == ("shards/zarr.json", "document")


def shift(attributes: dict[str, Any]) -> None:
    attributes["multiscales"]["layout"][1]["spatial:transform"][2] += 10


def rescale(attributes: dict[str, Any]) -> None:
    attributes["multiscales"]["layout"][1]["transform"]["scale"] = [3.0, 3.0]


CONVENTIONS: list[tuple[Callable[[dict[str, Any]], object], str, str]] = [
    (lambda a: a["zarr_conventions"].pop(1), "convention", "'proj:' isn't declared"),
    (lambda a: a.pop("proj:code"), "convention", "no CRS"),
    (lambda a: a.update({"proj:wkt2": "x"}), "convention", "beside another CRS"),
    (lambda a: a.update({"spatial:bbox": [0, 0, 1, 1]}), "grid", "spatial:bbox"),
    (lambda a: a["multiscales"]["layout"][0].pop("asset"), "convention", "lacks asset"),
    (lambda a: a["xcube_tiles"].update(version=99), "convention", "version 99"),
    (shift, "grid", "another corner"),
    (rescale, "grid", "[3.0, 3.0]"),
]


@pytest.mark.parametrize(("change", "kind", "text"), CONVENTIONS)
def test_conventions_are_checked(
    catalog: xt.Catalog, change: Callable[[dict[str, Any]], object], kind: str, text: str
) -> None:
    edit(catalog, "chunks/zarr.json", lambda document: change(document["attributes"]))
    found = broken(catalog)
    assert any(text in each.text and each.kind == kind for each in found), found
    assert {each.layer for each in found} == {"chunks"}


def everywhere(path: str, change: Callable[[dict[str, Any]], object]) -> Callable[..., None]:
    """Return an edit of an array's document and of all copies of it."""

    def applied(catalog: xt.Catalog) -> None:
        level, _, name = path.partition("/")
        edit(catalog, f"chunks/{path}/zarr.json", change)
        for key, inner in (("chunks", path), (f"chunks/{level}", name)):
            edit(
                catalog,
                f"{key}/zarr.json",
                lambda d, inner=inner: change(  # type: ignore[misc]
                    d["consolidated_metadata"]["metadata"][inner]
                ),
            )

    return applied


@pytest.mark.parametrize(
    ("change", "path", "text"),
    [
        (everywhere("1/band", lambda d: d.update(fill_value=3)), "1/band", "fill_value is"),
        (everywhere("1/band", lambda d: d.update(data_type="uint16", fill_value=5)), "1/band",
         "dtype"),
        (everywhere("1/band", lambda d: d.update(dimension_names=["t", "y", "x"])), "1/band",
         "dimensions"),
        (everywhere("1/band", lambda d: d["attributes"].pop("proj:code")), "1/band/zarr.json",
         "proj:code is None"),
        (everywhere("0/time", lambda d: d.update(shape=[3])), "0/time", "shape (3,)"),
    ],
)  # fmt: skip
def test_variables_are_compared(
    catalog: xt.Catalog, change: Callable[[xt.Catalog], None], path: str, text: str
) -> None:
    change(catalog)
    found = broken(catalog)
    assert any(each.path == f"chunks/{path}" and text in each.text for each in found), found


def test_coordinates_are_compared_with_the_grid(catalog: xt.Catalog) -> None:
    import zarr

    array = zarr.open_array(folder_of(catalog) / "shards/1/x", mode="r+")
    array[3] = 0
    found = [each for each in broken(catalog) if each.kind == "coordinate"]
    assert [each.path for each in found] == ["shards/1/x"]
    assert found[0].text.startswith("1 of its values")


def test_what_is_unfinished_is_noted_and_not_broken(catalog: xt.Catalog) -> None:
    catalog.write(smooth_cube(), "shards", overwrite=True, chunk=64, shard=128)
    put(catalog.store, "new/.build.json", json.dumps(RECORD).encode())
    put(catalog.store, "new/0/band/c/0/0", b"1")
    put(catalog.store, "chunks/g9/0/band/c/0/0", b"1")
    with Lock(catalog.store, "chunks"):
        report = catalog.verify()
    assert report.ok
    notes = {each.path: each for each in report.problems}
    assert re.match(r"\d+ objects of levels that were replaced", notes["shards/0"].text)
    assert notes["new/.build.json"].kind == "unfinished"
    assert notes["chunks/g9/0/band/c/0/0"].text.startswith("1 objects that belong to no level")
    assert "is being written by process" in notes[".lock-chunks"].text
    assert "catalog.vacuum('shards') removes it" in str(report)
    catalog.vacuum()
    assert catalog.verify().problems == ()


RECORD = {"operation": "write", "fingerprint": "f", "prefix": "", "revision": 0, "software": "s"}


def test_a_manifest_that_is_missing_is_told(catalog: xt.Catalog) -> None:
    (folder_of(catalog) / "shards/.manifest-1.json").unlink()
    (found,) = broken(catalog)
    assert "shards/.manifest-1.json is absent" in found.text
    edit(catalog, "chunks/zarr.json", lambda d: d["attributes"]["xcube_tiles"].pop("manifest"))
    report = catalog.verify("chunks")
    assert report.ok
    assert "reads as NoData" in str(report)


def test_many_lost_objects_are_counted(catalog: xt.Catalog) -> None:
    shutil.rmtree(folder_of(catalog) / "shards/0/band/c")
    found = broken(catalog)
    assert len(found) == 18
    assert {each.kind for each in found} == {"missing"}


@given(cubes(), st.booleans())
def test_nothing_false_is_said_of_whole_layers(cube: xr.Dataset, sharded: bool) -> None:
    """Whatever can be written is whole afterwards, also when all cells are read."""
    store = MemoryStore()
    cube.tiles.to_catalog(store, "a", sharded=sharded, chunk=4, shard=8)
    report = xt.open_catalog(store).verify(deep=True)
    assert report.problems == (), report


@pytest.mark.parametrize("method", ["mean", "nearest", "mode", "min", "max", "median", "sum"])
@pytest.mark.parametrize("scheme", ["local", "WebMercatorQuad"])
def test_whole_layers_of_all_kinds(method: Any, scheme: str) -> None:
    store = MemoryStore()
    random_cube((2, 150, 90)).tiles.to_catalog(
        store, "a", resampling=method, scheme=scheme, min_valid=0.3, chunk=16, shard=32
    )
    report = xt.open_catalog(store).verify(deep=True)
    assert report.problems == (), report


def test_the_manifest_has_what_is_there(catalog: xt.Catalog) -> None:
    root = get_document(catalog.store, "shards/zarr.json")
    assert root is not None
    manifest = read_manifest(catalog.store, "shards", root)
    assert manifest is not None
    assert manifest["0/band"].shape == (2, 3, 3)
    there = folder_of(catalog) / "shards/0/band/c/1/2/0"
    assert manifest["0/band"][1, 2, 0] == there.stat().st_size
    assert int(manifest["1/spatial_ref"]) == 0  # its only value is the fill value
    assert manifest["1/x"].tolist() == [(folder_of(catalog) / "shards/1/x/c/0").stat().st_size]


def test_the_command(catalog: xt.Catalog) -> None:
    path = str(folder_of(catalog))
    good = CliRunner().invoke(app, ["verify", path, "--deep"])
    assert good.exit_code == 0
    assert good.stdout == f"{path}: 2 checked, nothing broken (all cells read)\n"
    (folder_of(catalog) / "shards/0/band/c/0/0/0").unlink()
    bad = CliRunner().invoke(app, ["verify", path, "--json"])
    assert bad.exit_code == 1
    report = json.loads(bad.stdout)
    assert report["ok"] is False
    assert [each["path"] for each in report["problems"]] == ["shards/0/band/c/0/0/0"]
    assert CliRunner().invoke(app, ["verify", path, "--layer", "chunks"]).exit_code == 0
    quick = CliRunner().invoke(app, ["verify", path, "--layer", "chunks", "--no-checksums"])
    assert quick.stdout == f"{path}: 1 checked, nothing broken (no cell read)\n"
    text = CliRunner().invoke(app, ["verify", path]).stdout.splitlines()
    assert text[1].startswith("  broken  shards/0/band/c/0/0/0: the object is missing")
    unknown = CliRunner().invoke(app, ["verify", path, "--layer", "x"])
    assert unknown.exit_code == 1
    assert "no layer 'x'" in unknown.output
