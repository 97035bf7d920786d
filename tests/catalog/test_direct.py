"""Windows read past Zarr's pipeline are those that Zarr reads."""

from __future__ import annotations

import os
import pickle
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import zarr
from hypothesis import given, settings
from hypothesis import strategies as st
from zarr.codecs import BloscCodec, BytesCodec, Crc32cCodec, GzipCodec, ShardingCodec, ZstdCodec
from zarr.storage import MemoryStore

from xcube_tiles.catalog.format import parts
from xcube_tiles.catalog.format.direct import DirectReader, direct_reader
from xcube_tiles.catalog.reader import open_catalog
from xcube_tiles.catalog.writer import to_catalog

if TYPE_CHECKING:
    from pathlib import Path

    import xarray as xr
    from numpy.typing import NDArray

BLOSC = BloscCodec(cname="zstd", clevel=3, shuffle="shuffle")


def make(
    folder: Path,
    *,
    shape: tuple[int, ...] = (3, 70, 90),
    dtype: str = "int16",
    shards: bool = True,
    codecs: tuple[Any, ...] = (BytesCodec(), BLOSC, Crc32cCodec()),
    chunk: tuple[int, ...] = (1, 16, 16),
    shard: tuple[int, ...] = (1, 32, 32),
) -> zarr.Array[Any]:
    """Return an array of which a shard and some chunks aren't there."""
    packed = (ShardingCodec(chunk_shape=chunk, codecs=codecs),) if shards else codecs
    array = zarr.create(
        store=str(folder / "array"),
        shape=shape,
        chunks=shard if shards else chunk,
        dtype=dtype,
        codecs=packed,
        fill_value=7,
        zarr_format=3,
    )
    values = np.random.default_rng(3).integers(0, 100, shape).astype(dtype)
    values[..., :32, 32:64] = 7
    values[..., 48:64, :16] = 7
    array[...] = values
    return zarr.open_array(str(folder / "array"), mode="r")


def lead_of(array: zarr.Array[Any]) -> tuple[int, ...]:
    return (1,) * (array.ndim - 2)


def _zarr(array: zarr.Array[Any], rows: slice, cols: slice) -> Any:
    index: Any = (*lead_of(array), rows, cols)
    return array[index]


def read(array: zarr.Array[Any], rows: slice, cols: slice) -> NDArray[Any] | None:
    reader = direct_reader(array)
    assert reader is not None
    return reader.read(lead_of(array), rows, cols)


@pytest.mark.parametrize("shards", [True, False])
@pytest.mark.parametrize("sums", [True, False])
@pytest.mark.parametrize("dtype", ["uint8", "int16", "uint16", "float32", "float64", "int64"])
def test_whole_array(tmp_path: Path, shards: bool, sums: bool, dtype: str) -> None:
    codecs = (BytesCodec(), BLOSC, *([Crc32cCodec()] if sums else []))
    array = make(tmp_path, dtype=dtype, shards=shards, codecs=codecs)
    found = read(array, slice(0, 70), slice(0, 90))
    assert found is not None
    assert found.dtype == array.dtype
    np.testing.assert_array_equal(found, array[1])


@pytest.fixture(scope="module")
def arrays(tmp_path_factory: pytest.TempPathFactory) -> list[zarr.Array[Any]]:
    return [
        make(tmp_path_factory.mktemp("sharded")),
        make(tmp_path_factory.mktemp("plain"), shards=False),
        make(tmp_path_factory.mktemp("flat"), shape=(70, 90), chunk=(16, 16), shard=(32, 32)),
        make(tmp_path_factory.mktemp("thick"), chunk=(2, 16, 16), shard=(4, 32, 32)),
    ]


@settings(max_examples=60, deadline=None)
@given(
    which=st.integers(0, 3),
    rows=st.tuples(st.integers(0, 69), st.integers(1, 70)),
    cols=st.tuples(st.integers(0, 89), st.integers(1, 90)),
)
def test_any_window(
    arrays: list[zarr.Array[Any]], which: int, rows: tuple[int, int], cols: tuple[int, int]
) -> None:
    array = arrays[which]
    down, across = slice(rows[0], max(rows)), slice(cols[0], max(cols))
    if down.start == down.stop or across.start == across.stop:
        return
    found = read(array, down, across)
    assert found is not None
    np.testing.assert_array_equal(found, _zarr(array, down, across))


def test_a_window_can_be_written_to_and_shares_nothing(tmp_path: Path) -> None:
    array = make(tmp_path)
    for window in (slice(0, 16), slice(3, 9), slice(3, 40)):
        first = read(array, window, window)
        assert first is not None
        first[...] = 0
        np.testing.assert_array_equal(read(array, window, window), array[1, window, window])


@pytest.mark.parametrize(
    "codecs",
    [
        (BytesCodec(), ZstdCodec()),
        (BytesCodec(), GzipCodec()),
        (BytesCodec(),),
        (BytesCodec(endian="big"), BLOSC),
        (BytesCodec(), BLOSC, Crc32cCodec(), Crc32cCodec()),
    ],
)
@pytest.mark.parametrize("shards", [True, False])
def test_what_is_packed_otherwise_is_left_to_zarr(
    tmp_path: Path, codecs: tuple[Any, ...], shards: bool
) -> None:
    array = make(tmp_path, codecs=codecs, shards=shards)
    assert direct_reader(array) is None


def test_stores_elsewhere_are_left_to_zarr() -> None:
    array = zarr.create(store=MemoryStore(), shape=(4, 4), chunks=(2, 2), dtype="u1")
    assert direct_reader(array) is None
    assert direct_reader(np.zeros((4, 4))) is None


def files_of(folder: Path) -> list[Path]:
    return sorted(path for path in (folder / "array/c").rglob("*") if path.is_file())


def test_a_replaced_shard_is_noticed(tmp_path: Path) -> None:
    array = make(tmp_path)
    reader = direct_reader(array)
    assert reader is not None
    window = slice(0, 30)
    reader.read((1,), window, window)
    writable = zarr.open_array(str(tmp_path / "array"), mode="a")
    writable[1, :32, :32] = np.arange(32 * 32).reshape(32, 32)
    np.testing.assert_array_equal(reader.read((1,), window, window), array[1, window, window])


@pytest.mark.parametrize("shards", [True, False])
@pytest.mark.parametrize("place", [0.3, 1.0])
def test_damage_is_left_to_zarr_to_tell(tmp_path: Path, shards: bool, place: float) -> None:
    array = make(tmp_path, shards=shards)
    for path in files_of(tmp_path):
        content = bytearray(path.read_bytes())
        content[int((len(content) - 1) * place)] ^= 0xFF
        path.write_bytes(content)
    reader = direct_reader(array)
    assert reader is not None
    assert reader.read((1,), slice(0, 30), slice(0, 30)) is None


@pytest.mark.parametrize("shards", [True, False])
def test_cut_off_files_are_left_to_zarr_to_tell(tmp_path: Path, shards: bool) -> None:
    array = make(tmp_path, shards=shards)
    for path in files_of(tmp_path):
        os.truncate(path, 10)
    reader = direct_reader(array)
    assert reader is not None
    assert reader.read((1,), slice(0, 30), slice(0, 30)) is None


def test_indexes_that_are_kept_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "MOST_INDEXES", 2)
    reader = direct_reader(make(tmp_path))
    assert reader is not None
    reader.read((1,), slice(0, 70), slice(0, 90))
    assert isinstance(reader.parts, parts.FileParts)
    assert len(reader.parts.indexes) == 2


def test_a_reader_can_be_sent_elsewhere(tmp_path: Path) -> None:
    array = make(tmp_path)
    reader = direct_reader(array)
    assert reader is not None
    reader.read((1,), slice(0, 9), slice(0, 9))
    again = pickle.loads(pickle.dumps(reader))
    assert isinstance(again, DirectReader)
    np.testing.assert_array_equal(again.read((2,), slice(0, 9), slice(0, 9)), array[2, :9, :9])


def test_layers_read_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cube = _cube()
    to_catalog(cube, str(tmp_path / "c.zarr"), "layer", progress=False)
    layer = open_catalog(str(tmp_path / "c.zarr"))["layer"]
    expected = layer.array("height", 0)[1, 100:400, 50:500]
    monkeypatch.setattr(zarr.Array, "__getitem__", lambda *_: pytest.fail("Zarr was asked"))
    found = layer.read("height", level=0, rows=slice(100, 400), cols=slice(50, 500), time=1)
    np.testing.assert_array_equal(found, expected)


def _cube() -> xr.Dataset:
    import xarray as xr

    from tests.render.sources import grid
    from xcube_tiles.cube.georef import assign_geobox

    values = np.random.default_rng(1).random((2, 600, 600), dtype=np.float32)
    times = np.array(["2024-01-01", "2024-02-01"], "datetime64[ns]")
    cube = xr.Dataset({"height": (("time", "y", "x"), values)}, {"time": times})
    box = grid((600, 600), "EPSG:32633", left=400_000, top=5_650_000, cell=20)
    return assign_geobox(cube, box)
