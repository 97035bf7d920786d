"""Few tiles at a time, the first first; one that takes long, or fails, holds up nobody."""

from __future__ import annotations

import asyncio
from threading import Event, Lock
from typing import TYPE_CHECKING

import pytest

from xcube_tiles.server import turns
from xcube_tiles.server.turns import Turns

if TYPE_CHECKING:
    from collections.abc import Callable


class Work:
    """Functions that note when they begin, and end when they are told to."""

    def __init__(self) -> None:
        self.begun: list[int] = []
        self.running = self.most = 0
        self.go = Event()
        self._lock = Lock()

    def piece(self, number: int) -> Callable[[], int]:
        def run() -> int:
            with self._lock:
                self.begun.append(number)
                self.running += 1
                self.most = max(self.most, self.running)
            self.go.wait(30)
            with self._lock:
                self.running -= 1
            return number

        return run


async def until(condition: Callable[[], bool]) -> None:
    while not condition():
        await asyncio.sleep(0.001)


def test_few_run_at_once_in_the_order_of_their_requests(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "PATIENCE", 3600)
    work, one = Work(), Turns(1)

    async def main() -> list[int]:
        tasks = [asyncio.ensure_future(one.run(work.piece(number))) for number in range(6)]
        await until(lambda: bool(work.begun))
        assert work.begun == [0]
        work.go.set()
        return await asyncio.gather(*tasks)

    assert asyncio.run(main()) == [0, 1, 2, 3, 4, 5]
    assert work.begun == [0, 1, 2, 3, 4, 5]
    assert work.most == 1


def test_slow_ones_hold_up_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "PATIENCE", 0.001)
    work, two = Work(), Turns(2)

    async def main() -> list[int]:
        tasks = [asyncio.ensure_future(two.run(work.piece(number))) for number in range(5)]
        await until(lambda: work.running == 5)
        work.go.set()
        return await asyncio.gather(*tasks)

    assert asyncio.run(main()) == [0, 1, 2, 3, 4]


def test_a_turn_is_given_back_by_what_fails_and_by_who_goes_away(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(turns, "PATIENCE", 3600)
    work, one = Work(), Turns(1)

    async def main() -> int:
        with pytest.raises(ZeroDivisionError):
            await one.run(lambda: 1 // 0)
        first = asyncio.ensure_future(one.run(work.piece(1)))
        gone = asyncio.ensure_future(one.run(work.piece(2)))
        await until(lambda: bool(work.begun))
        gone.cancel()
        work.go.set()
        await first
        return await one.run(work.piece(3))

    assert asyncio.run(main()) == 3
    assert work.begun == [1, 3]


def test_an_application_may_run_in_several_loops() -> None:
    two = Turns(2)
    for number in range(3):
        assert asyncio.run(two.run(lambda found=number: found)) == number  # type: ignore[misc]
