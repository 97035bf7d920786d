"""The architecture, as tests: imports point down, nothing is cyclic, pieces stay small."""

from __future__ import annotations

import ast
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import xcube_tiles

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(xcube_tiles.__file__).parent
PACKAGE = ROOT.name
LAYERS = (  # low to high; names on one line are siblings that never import each other
    ("_version",),
    ("errors",),
    ("typing",),
    ("options",),
    ("database",),
    ("grid", "kernels"),
    ("cube",),
    ("algebra", "sources", "catalog", "vector"),
    ("render",),
    ("openeo",),
    ("testing",),
    ("server",),
    ("explore",),
    ("accessor",),
    ("cli",),
    ("__main__",),
)
RANK = {name: rank for rank, names in enumerate(LAYERS) for name in names}

SERVER = {"fastapi", "starlette", "uvicorn"}
CLIENT = {"httpx", "requests", "aiohttp", "pystac_client"}
GRAPHS = {"dask", "distributed", "xarray"}
STORAGE = {"zarr", "fsspec", "obstore", "icechunk", "sqlalchemy"}
FORBIDDEN = {  # room -> libraries it never imports
    "grid": GRAPHS | STORAGE | SERVER | CLIENT | {"rasterio", "rioxarray"},
    "kernels": GRAPHS | STORAGE | SERVER | CLIENT | {"pyproj", "odc", "rasterio", "rioxarray"},
    "cube": STORAGE | SERVER | CLIENT | {"rioxarray"},
    "algebra": STORAGE | SERVER | CLIENT,
    "sources": SERVER,
    "catalog": SERVER | CLIENT,
    "vector": STORAGE | SERVER | CLIENT,
    "render": SERVER | CLIENT | {"dask", "distributed", "numba"},
    "openeo": SERVER,
    "server": {"numpy", "scipy", "numba", "xarray", "dask", "rasterio"},
    # Only the endpoint starts a server; graphs are built, and computed, elsewhere.
    "explore": STORAGE | CLIENT | {"dask", "distributed", "numba"},
    "cli": SERVER | {"numpy", "scipy", "numba"},
}

GRAPH_ROOM = f"{PACKAGE}.cube.blocks"
GRAPH_MAKERS = {
    "Array", "HighLevelGraph", "apply_gufunc", "blockwise", "delayed", "from_delayed", "from_map",
    "map_blocks", "map_overlap", "reduction",
}  # fmt: skip
MAX_MODULE_LINES = 400
MAX_BODY_LINES = 60


def module_name(path: Path) -> str:
    """Return the dotted name of a file of the package."""
    parts = path.relative_to(ROOT.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_name(path): path for path in sorted(ROOT.rglob("*.py"))}
TREES = {name: ast.parse(path.read_text()) for name, path in MODULES.items()}


def runtime_nodes(tree: ast.Module) -> Iterator[ast.AST]:
    """Walk everything but the blocks that only a type checker sees."""
    typing_only = {
        node
        for block in ast.walk(tree)
        if isinstance(block, ast.If) and "TYPE_CHECKING" in ast.unparse(block.test)
        for statement in block.body
        for node in ast.walk(statement)
    }
    return (node for node in ast.walk(tree) if node not in typing_only)


def imported_names(tree: ast.Module) -> Iterator[str]:
    """Yield the dotted names that a file imports, deferred imports included."""
    for node in runtime_nodes(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            origin = "." * node.level + (node.module or "")
            yield from (f"{origin}.{alias.name}" for alias in node.names)


def internal_imports(tree: ast.Module) -> set[str]:
    """Return the modules of ours that a file needs at run time.

    A dotted name in a string counts too: `import_module` takes such.
    """
    found = set()
    for name in imported_names(tree):
        while name not in MODULES and "." in name:
            name = name.rpartition(".")[0]  # noqa: PLW2901
        found.add(name)
    for node in runtime_nodes(tree):
        if isinstance(node, ast.Constant) and "." in str(node.value):
            found.add(str(node.value))
    return found & MODULES.keys()


GRAPH = {name: internal_imports(tree) - {name} for name, tree in TREES.items()}


def room(name: str) -> str:
    """Return the room a module is in; the package root is in none."""
    return name.split(".")[1] if "." in name else ""


def bodies(tree: ast.Module) -> Iterator[tuple[str, int]]:
    """Yield each function and the lines of its body, docstring left out."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            start = node.body[1 if ast.get_docstring(node) and node.body[1:] else 0]
            yield node.name, (node.end_lineno or 0) - start.lineno + 1


def external_names(tree: ast.Module) -> dict[str, str]:
    """Map each local name to the dotted name that it was imported from."""
    names = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                top = alias.name.partition(".")[0]
                names[alias.asname or top] = alias.name if alias.asname else top
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                names[alias.asname or alias.name] = f"{node.module}.{alias.name}"
    return names


def graph_building(tree: ast.Module) -> list[str]:
    """Return the calls that make dask graphs, as "line: call"."""
    names = external_names(tree)
    found = []
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        first, *rest = ast.unparse(node.func).split(".")
        path = [*names.get(first, first).split("."), *rest]
        foreign = path[0] in {"dask", "xarray"} and not GRAPH_MAKERS.isdisjoint(path)
        # A method of an array or a cube: no import says where it comes from.
        method = first not in names and path[-1] in {"map_blocks", "map_overlap"}
        parallel = any(ast.unparse(keyword) == "dask='parallelized'" for keyword in node.keywords)
        if foreign or method or parallel:
            found.append(f"line {node.lineno}: {ast.unparse(node.func)}")
    return found


def test_every_module_is_in_a_room() -> None:
    assert {room(name) for name in MODULES} - {""} <= RANK.keys()


def test_no_cycles() -> None:
    TopologicalSorter(GRAPH).prepare()


@pytest.mark.parametrize("name", MODULES)
def test_imports_point_down(name: str) -> None:
    for other in GRAPH[name]:
        below = RANK.get(room(other), len(LAYERS)) < RANK.get(room(name), len(LAYERS))
        assert below or room(other) == room(name), f"{name} imports {other}"


@pytest.mark.parametrize("name", sorted(MODULES.keys() - {PACKAGE}))
def test_the_root_is_not_imported(name: str) -> None:
    assert PACKAGE not in GRAPH[name]


@pytest.mark.parametrize("name", MODULES)
def test_imports_are_absolute(name: str) -> None:
    assert not [other for other in imported_names(TREES[name]) if other.startswith(".")]


@pytest.mark.parametrize("name", MODULES)
def test_rooms_keep_to_their_libraries(name: str) -> None:
    imported = {other.partition(".")[0] for other in imported_names(TREES[name])}
    assert not imported & FORBIDDEN.get(room(name), set())


@pytest.mark.parametrize("name", [name for name in MODULES if not name.startswith(GRAPH_ROOM)])
def test_one_module_builds_graphs(name: str) -> None:
    assert not graph_building(TREES[name])


@pytest.mark.parametrize("name", MODULES)
def test_modules_stay_small(name: str) -> None:
    lines = len(MODULES[name].read_text().splitlines())
    assert lines <= MAX_MODULE_LINES, f"{name} has {lines} lines"


@pytest.mark.parametrize("name", MODULES)
def test_functions_stay_small(name: str) -> None:
    for function, lines in bodies(TREES[name]):
        assert lines <= MAX_BODY_LINES, f"{name}.{function} has {lines} lines of body"


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("from xcube_tiles.errors import GridError", {"xcube_tiles.errors"}),
        ("from xcube_tiles import errors", {"xcube_tiles.errors"}),
        ("from xcube_tiles import scan", {"xcube_tiles"}),
        ("def f():\n    import xcube_tiles.options as o", {"xcube_tiles.options"}),
        ("import_module('xcube_tiles.options')", {"xcube_tiles.options"}),
        ("if TYPE_CHECKING:\n    from xcube_tiles.errors import GridError", set()),
        ("import numpy", set()),
    ],
)
def test_finds_imports(source: str, found: set[str]) -> None:
    assert internal_imports(ast.parse(source)) == found


@pytest.mark.parametrize(
    ("source", "count"),
    [
        ("import dask.array as da\nda.map_blocks(f, a)", 1),
        ("import dask\ndask.delayed(f)", 1),
        ("from dask.highlevelgraph import HighLevelGraph as H\nH.from_collections()", 1),
        ("def g():\n    from dask import delayed\n    delayed(f)", 1),
        ("array.map_overlap(f)", 1),
        ("import xarray as xr\nxr.apply_ufunc(f, a, dask='parallelized')", 1),
        ("from xcube_tiles.cube.blocks import map_blocks\nmap_blocks(f, a)", 0),
        ("from xcube_tiles.cube import blocks\nblocks.map_blocks(f, a)", 0),
        ("import dask.array as da\nda.concatenate([a, b])", 0),
    ],
)
def test_finds_graph_building(source: str, count: int) -> None:
    assert len(graph_building(ast.parse(source))) == count


def test_finds_cycles() -> None:
    with pytest.raises(CycleError):
        TopologicalSorter({"a": {"b"}, "b": {"a"}}).prepare()
