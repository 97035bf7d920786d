from __future__ import annotations

import os
import sys
from threading import Thread
from typing import TYPE_CHECKING, Any

import numpy as np

from tests.processes import exit_code_of, needs_fork
from tests.sources.rasters import ramp, write_raster
from xcube_tiles.sources import handles
from xcube_tiles.sources.handles import handle

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def opened(path: Path) -> Any:
    with handle(str(path), None) as file:
        return file


def test_a_thread_keeps_its_files_open_and_apart(tmp_path: Path) -> None:
    path = write_raster(tmp_path / "a.tif", ramp())
    first = opened(path)
    assert opened(path) is first
    others: list[Any] = []
    thread = Thread(target=lambda: others.append(opened(path)))
    thread.start()
    thread.join()
    assert others[0] is not first


def test_a_rewritten_file_is_opened_anew(tmp_path: Path) -> None:
    path = write_raster(tmp_path / "a.tif", ramp())
    first = opened(path)
    write_raster(path, ramp(start=9))
    second = opened(path)
    assert first.closed
    np.testing.assert_array_equal(second.read(1), ramp(start=9))


def test_the_oldest_file_is_closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handles, "_CAPACITY", 2)
    paths = [write_raster(tmp_path / f"{n}.tif", ramp()) for n in range(3)]
    first, second = opened(paths[0]), opened(paths[1])
    assert opened(paths[0]) is first
    third = opened(paths[2])
    assert (first.closed, second.closed, third.closed) == (False, True, False)


def fork_with_files(path: Path) -> None:
    """Fork where a file is open; exit with the number of files that the child has."""
    with handle(str(path), None) as file:
        file.read(1)
    assert handles._HANDLES.open
    child = os.fork()
    if child == 0:
        os._exit(len(handles._HANDLES.open))
    sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))


@needs_fork
def test_a_forked_process_shares_no_files(tmp_path: Path) -> None:
    # not a fork of this process, which has threads
    assert exit_code_of(fork_with_files, write_raster(tmp_path / "a.tif", ramp())) == 0
