from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import fsspec
import numpy as np
import pytest

import xcube_tiles as xt
from tests.sources.bucket import serve_bucket
from tests.sources.rasters import ramp, write_raster
from xcube_tiles.errors import CollectionError, MissingExtraError
from xcube_tiles.sources.storage import absolute, is_local

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def memory(tmp_path: Path) -> Iterator[Any]:
    """A file system in memory that holds three rasters."""
    store = fsspec.filesystem("memory")
    for n, name in enumerate(["a/S2_20180506_[1]", "a/S2_20180524_[1]", "b/S1_20180601_[1]"]):
        path = write_raster(
            tmp_path / f"{n}.tif", ramp(40, 60, start=n), tiled=True, blockxsize=16, blockysize=16
        )
        store.pipe(f"/bucket/{name}.tif", path.read_bytes())
    yield store
    store.rm("/bucket", recursive=True)


def test_scanning_and_reading_a_file_system_of_fsspec(memory: Any) -> None:
    files = xt.scan("memory://bucket/{type}/{sensor}_{date}_[1].tif")
    assert [row.path for row in files] == [
        "memory:///bucket/a/S2_20180506_[1].tif",
        "memory:///bucket/a/S2_20180524_[1].tif",
        "memory:///bucket/b/S1_20180601_[1].tif",
    ]
    cube = files.where(type="a").to_cube(chunks=16)
    expected = [ramp(40, 60, start=0), ramp(40, 60, start=1)]
    np.testing.assert_array_equal(cube["raster"].compute(scheduler="threads"), expected)


def test_two_threads_may_read_one_object(memory: Any) -> None:
    files = xt.scan("memory://bucket/{type}/{sensor}_{date}_[1].tif").where(type="b")
    cube = files.to_cube(chunks=16)["raster"]
    with ThreadPoolExecutor(4) as pool:
        parts = list(pool.map(lambda _: cube.compute(scheduler="synchronous"), range(8)))
    for part in parts:
        np.testing.assert_array_equal(part[0], ramp(40, 60, start=2))


def test_statistics_of_objects(memory: Any) -> None:
    files = xt.scan("memory://bucket/{type}/{sensor}_{date}_[1].tif").compute_statistics(
        progress=False
    )
    assert [row.statistics.minimum for row in files if row.statistics] == [0.0, 1.0, 2.0]


@pytest.fixture
def bucket(tmp_path: Path) -> Iterator[str]:
    """Endpoint of a bucket with two folders of rasters."""
    objects = {}
    for n, name in enumerate(["a/S2_20180506", "a/S2_20180524", "b/S1_20180601"]):
        path = write_raster(tmp_path / f"{n}.tif", ramp(40, 60, start=n))
        objects[f"scenes/{name}.tif"] = path.read_bytes()
    with serve_bucket("bucket", objects) as endpoint:
        yield endpoint


def test_a_bucket_with_options_is_read_through_obstore(bucket: str) -> None:
    pytest.importorskip("obstore")
    options = {
        "endpoint": bucket,
        "region": "us-east-1",
        "skip_signature": True,
        "client_options": {"allow_http": True},
    }
    files = xt.scan("s3://bucket/scenes/{type}/{sensor}_{date}.tif", storage_options=options)
    assert [row.path for row in files.where(type="a")] == [
        "s3://bucket/scenes/a/S2_20180506.tif",
        "s3://bucket/scenes/a/S2_20180524.tif",
    ]
    cube = files.where(type="a").to_cube(chunks=16)
    expected = [ramp(40, 60, start=0), ramp(40, 60, start=1)]
    np.testing.assert_array_equal(cube["raster"].compute(), expected)


def test_gdal_reads_a_bucket_with_its_own_settings(
    bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = {
        "AWS_S3_ENDPOINT": bucket.removeprefix("http://"),
        "AWS_HTTPS": "NO",
        "AWS_VIRTUAL_HOSTING": "FALSE",
        "AWS_NO_SIGN_REQUEST": "YES",
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    files = xt.Collection().add("s3://bucket/scenes/b/S1_20180601.tif", name="a")
    np.testing.assert_array_equal(files.to_cube()["raster"], ramp(40, 60, start=2))


def test_an_unknown_scheme_says_so() -> None:
    with pytest.raises(CollectionError, match="Protocol not known: nowhere"):
        xt.scan("nowhere://a/{band}.tif")


def test_stores_that_cannot_be_listed_say_so(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("obstore")
    options = {"endpoint": "http://127.0.0.1:9", "skip_signature": True, "region": "a"}
    options |= {"client_options": {"allow_http": True}, "retry_config": {"max_retries": 0}}
    with pytest.raises(CollectionError, match="can't be listed"):
        xt.scan("s3://bucket/{band}.tif", storage_options=options)
    monkeypatch.setitem(sys.modules, "paramiko", None)
    with pytest.raises(CollectionError, match="paramiko"):
        xt.scan("sftp://host/{band}.tif")
    for module in ("s3fs", "obstore.fsspec"):
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingExtraError, match=r"xcube_tiles\[cloud\]"):
        xt.scan("s3://bucket/{band}.tif")


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/a/../b.tif", "/b.tif"),
        ("file:///a/b.tif", "/a/b.tif"),
        ("s3://bucket/../b.tif", "s3://bucket/../b.tif"),
        ("/vsizip/a.zip/b.tif", "/vsizip/a.zip/b.tif"),
        ("b.tif", str(Path.cwd() / "b.tif")),
        ("~/b.tif", str(Path.home() / "b.tif")),
    ],
)
def test_absolute_paths(path: str, expected: str) -> None:
    assert absolute(path) == expected


def test_local_or_not() -> None:
    assert is_local("a/b.tif")
    assert is_local("file:///a/b.tif")
    assert not is_local("s3://a/b.tif")
