"""Rasters and databases of them on an object store that throttles, hangs up and loses objects."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.catalog.stores.conftest import bucket, moto, s3
from tests.server.client import Client
from tests.server.terracotta.rasters import BANDS, TILE, write_rasters
from xcube_tiles.errors import DatabaseError
from xcube_tiles.server.app import create_app
from xcube_tiles.server.terracotta.options import TerracottaOptions, options_from_environment
from xcube_tiles.server.terracotta.shelf import Shelf
from xcube_tiles.sources.collection import Collection, scan
from xcube_tiles.sources.storage import filesystem

if TYPE_CHECKING:
    from pathlib import Path

    from tests.catalog.stores.faults import FaultyProxy

__all__ = ["bucket", "moto", "s3"]

DAY = "20180524"
SHOWN = f"/singleband/S2/{DAY}/{{band}}/{TILE}?stretch_range=[100,1500]"
NAMES = "{sensor}_{date}_{band}.tif"


def put(url: str, content: bytes) -> None:
    store, inner = filesystem(url, None)
    store.pipe_file(inner, content)


def drop(url: str) -> None:
    store, inner = filesystem(url, None)
    store.rm_file(inner)


@pytest.fixture
def local(tmp_path: Path) -> str:
    """Return the pattern of rasters on disk."""
    return write_rasters(tmp_path)


@pytest.fixture
def pattern(
    s3: FaultyProxy, bucket: str, local: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> str:
    """Return the pattern of the same rasters in a bucket."""
    for name, value in {
        "AWS_ALLOW_HTTP": "true",
        "AWS_S3_ENDPOINT": s3.url.removeprefix("http://"),
        "AWS_HTTPS": "NO",
        "AWS_VIRTUAL_HOSTING": "FALSE",
        "GDAL_HTTP_RETRY_DELAY": "0.01",
    }.items():
        monkeypatch.setenv(name, value)
    for path in tmp_path.glob("*.tif"):
        put(f"{bucket}/{path.name}", path.read_bytes())
    return f"{bucket}/{NAMES}"


def tiles(client: Client) -> list[bytes]:
    answers = [client.get(SHOWN.format(band=band)) for band in BANDS]
    assert [answer.status_code for answer in answers] == [200] * len(BANDS), answers[0].text
    return [answer.content for answer in answers]


def test_rasters_in_a_bucket_are_drawn_as_those_on_disk(
    pattern: str, local: str, tmp_path: Path
) -> None:
    right = tiles(Client(create_app(rasters=local)))
    assert tiles(Client(create_app(rasters=pattern))) == right
    base = tmp_path / "rasters.sqlite"
    scan(pattern).compute_statistics(progress=False).save(base)
    assert {raster.path.partition("://")[0] for raster in Collection.open(base)} == {"s3"}
    client = Client(create_app(rasters=base))
    assert tiles(client) == right
    expected = Client(create_app(rasters=local)).get(f"/metadata/S2/{DAY}/B03").json()
    found = client.get(f"/metadata/S2/{DAY}/B03").json()
    assert found["range"] == expected["range"]
    assert found["mean"] == pytest.approx(expected["mean"])


@pytest.mark.parametrize("kind", ["slow-down", "drop-before"])
def test_what_fails_now_and_then_is_asked_again(
    pattern: str, local: str, s3: FaultyProxy, kind: str
) -> None:
    right = tiles(Client(create_app(rasters=local)))
    client = Client(create_app(rasters=pattern))
    s3.fail(0.3, kind, only=".tif")
    assert tiles(client) == right
    assert s3.faults[kind] > 0


def test_a_store_that_always_fails_is_told_and_recovers(
    pattern: str, local: str, s3: FaultyProxy
) -> None:
    right = tiles(Client(create_app(rasters=local)))
    client = Client(create_app(rasters=pattern))
    s3.fail(1, "slow-down", only="B03.tif")
    for _ in range(2):
        answer = client.get(SHOWN.format(band="B03"))
        assert (answer.status_code, answer.json()["code"]) == (503, "unreadable-data")
        assert answer.headers["retry-after"] == "2"
    assert client.get(SHOWN.format(band="B04")).status_code == 200
    s3.fail(0)
    assert tiles(client) == right


def test_an_object_that_is_lost_and_found(
    pattern: str, local: str, bucket: str, tmp_path: Path
) -> None:
    right = tiles(Client(create_app(rasters=local)))
    client = Client(create_app(rasters=scan(pattern)))  # a list that stays
    name = f"S2_{DAY}_B03.tif"
    drop(f"{bucket}/{name}")
    answer = client.get(SHOWN.format(band="B03"))
    assert (answer.status_code, answer.json()["code"]) == (503, "unreadable-data")
    put(f"{bucket}/{name}", (tmp_path / name).read_bytes())
    assert tiles(client) == right


def test_a_database_in_a_bucket_is_served_and_read_anew(
    pattern: str, local: str, bucket: str, s3: FaultyProxy, tmp_path: Path
) -> None:
    base, url = tmp_path / "rasters.sqlite", f"{bucket}/rasters.sqlite"
    files = scan(pattern)
    with pytest.raises(DatabaseError, match=r"there is no database at|can't be fetched"):
        Shelf.open(url)
    files.where(band="B02").save(base)
    put(url, base.read_bytes())
    copies = tmp_path / "copies"
    options = TerracottaOptions(remote_folder=str(copies), remote_seconds=0)
    shelf = Shelf.open(url, options=options, refresh=0)
    client = Client(create_app(rasters=shelf))
    assert client.get("/datasets").json()["total"] == 2
    files.save(base, if_exists="update")
    put(url, base.read_bytes())
    assert client.get("/datasets").json()["total"] == 6
    assert tiles(client) == tiles(Client(create_app(rasters=local)))
    drop(url)
    assert client.get("/datasets").status_code == 503
    assert client.get(SHOWN.format(band="B03")).status_code == 200
    put(url, base.read_bytes())
    assert client.get("/datasets").json()["total"] == 6
    assert len(list(copies.iterdir())) == 1


def test_a_copy_is_used_until_it_is_too_old(
    pattern: str, bucket: str, s3: FaultyProxy, tmp_path: Path
) -> None:
    base, url = tmp_path / "rasters.sqlite", f"{bucket}/rasters.sqlite"
    scan(pattern).save(base)
    put(url, base.read_bytes())
    given = {"TC_REMOTE_DB_CACHE_TTL": "900", "TC_REMOTE_DB_CACHE_DIR": str(tmp_path / "copies")}
    options, _ = options_from_environment(given)
    client = Client(create_app(rasters=Shelf.open(url, options=options)))
    asked = len(s3.requests)
    for _ in range(3):
        assert client.get("/datasets").json()["total"] == 6
    assert len(s3.requests) == asked
    put(url, b"no database")
    assert client.get("/datasets").json()["total"] == 6
    assert (tmp_path / "copies").is_dir()


def test_the_time_out_of_terracotta_goes_into_the_address() -> None:
    given = {"TC_DB_CONNECTION_TIMEOUT": "4", "TC_DRIVER_PATH": "postgresql://host/tc"}
    others = options_from_environment(given)[1]
    assert others == {"driver_path": "postgresql://host/tc?connect_timeout=4"}
