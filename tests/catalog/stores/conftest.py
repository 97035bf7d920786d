"""A server of S3 on loopback, whose requests can be made to fail."""

from __future__ import annotations

import logging
from itertools import count
from typing import TYPE_CHECKING
from urllib.request import Request, urlopen

import pytest

from tests.catalog.stores.faults import FaultyProxy

if TYPE_CHECKING:
    from collections.abc import Iterator

_NUMBERS = count()

ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "key",
    "AWS_SECRET_ACCESS_KEY": "secret",
    "AWS_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
}


@pytest.fixture(scope="session")
def moto() -> Iterator[tuple[str, int]]:
    """Host and port of moto's server."""
    server = pytest.importorskip("moto.server", reason="moto comes with the group test")
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    running = server.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    running.start()
    yield running.get_host_and_port()
    running.stop()


@pytest.fixture
def s3(moto: tuple[str, int], monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultyProxy]:
    """The server behind a proxy, and an environment that leads there."""
    pytest.importorskip("obstore", reason="obstore comes with the cloud extra")
    with FaultyProxy(*moto) as proxy:
        for name, value in {**ENVIRONMENT, "AWS_ENDPOINT_URL": proxy.url}.items():
            monkeypatch.setenv(name, value)
        yield proxy


@pytest.fixture
def bucket(s3: FaultyProxy) -> str:
    """URL of a new bucket."""
    name = f"bucket-{next(_NUMBERS)}"
    urlopen(Request(f"{s3.url}/{name}", method="PUT")).close()
    return f"s3://{name}"
