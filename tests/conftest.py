"""Settings of all tests: hypothesis profiles, and no network beyond this machine."""

from __future__ import annotations

import fcntl
import gc
import os
import socket
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import xarray as xr
from hypothesis import HealthCheck, settings
from numba.core.caching import IndexDataCacheFile

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

# No deadline, and slow generation is no failure: numba compiles within a first example, and a busy
# machine is not a bug. CI draws the same examples each time: a red run can be repeated.
SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large]
settings.register_profile("default", max_examples=50, deadline=None, suppress_health_check=SLOW)
settings.register_profile(
    "ci",
    max_examples=60,
    deadline=None,
    derandomize=True,
    print_blob=True,
    suppress_health_check=SLOW,
)
settings.load_profile(
    os.environ.get("HYPOTHESIS_PROFILE", "ci" if os.environ.get("CI") else "default")
)


def pytest_configure() -> None:
    """Let one process at a time add to numba's cache.

    Two of them that add at once may choose the same file, and one of its entries then holds what
    was compiled for other types.
    """
    add: Callable[[Any, object, object], None] = IndexDataCacheFile.save

    def add_alone(self: Any, key: object, data: object) -> None:
        with Path(self._cache_path, "one-at-a-time.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            add(self, key, data)

    IndexDataCacheFile.save = add_alone  # type: ignore[method-assign]


def pytest_collection_finish() -> None:
    """Look for garbage seldom, and not among modules and tests: compiling makes many objects."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


# Where these programs are missing a person's run goes on without them, but CI installs them.
NEVER_SKIPPED_IN_CI = ("browser", "database")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Let a test fail in CI that is skipped for want of a browser or a database."""
    report = yield
    needed = any(item.get_closest_marker(name) for name in NEVER_SKIPPED_IN_CI)
    if os.environ.get("CI") and report.skipped and needed:
        report.outcome, report.longrepr = "failed", f"skipped in CI: {report.longrepr}"
    return report


@pytest.fixture(autouse=True, scope="session")
def _plain_xarray() -> Iterator[None]:
    """Compare with what numpy says, even where numbagg is there, which compiles for long."""
    with xr.set_options(use_numbagg=False):
        yield


@pytest.fixture(autouse=True, scope="session")
def _no_network() -> Iterator[None]:
    """Refuse connections that leave this machine: a test that needs one is not a test of ours."""
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: Any) -> None:
        if leaves_this_machine(self, address):
            raise RuntimeError(f"the tests use no network, but connect to {address!r}")
        connect(self, address)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", guarded)
        yield


def leaves_this_machine(sock: socket.socket, address: Any) -> bool:
    """Whether connecting a socket reaches out; Unix sockets and loopback don't."""
    # Connecting a UDP socket sends nothing: distributed asks in this way for the own address.
    if sock.family not in {socket.AF_INET, socket.AF_INET6} or sock.type == socket.SOCK_DGRAM:
        return False
    host = address[0]
    if host in {"localhost", ""}:
        return False
    try:
        parsed = ip_address(host)
    except ValueError:  # a host name
        return True
    return not (parsed.is_loopback or parsed.is_unspecified)
