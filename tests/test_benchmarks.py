"""The benchmarks' own arithmetic: order of the rounds, ratios, bounds, report."""

from __future__ import annotations

import json
import os
import subprocess
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pytest

from benchmarks import __main__ as command
from benchmarks import harness
from benchmarks.cases import serving_peers
from benchmarks.cases.serving import Found, _judge_two
from benchmarks.harness import (
    Memory,
    Report,
    Table,
    Timing,
    alternate,
    at_least,
    at_most,
    environment,
    peak_memory,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

MEBIBYTE = 2**20


def test_median_minimum_and_ratio() -> None:
    slow, fast = Timing(seconds=(4.0, 9.0, 2.0)), Timing(seconds=(1.0, 3.0, 2.0))
    assert (slow.median, slow.minimum) == (4.0, 2.0)
    # The rounds' ratios are 4, 3 and 1: their median is not the ratio of the medians.
    assert slow.ratio_to(fast) == 3.0


def test_each_contender_runs_once_a_round_in_a_rotating_order() -> None:
    calls: list[str] = []
    timings = alternate({name: partial(calls.append, name) for name in "abc"}, rounds=3, warmup=1)
    assert "".join(calls) == "abcbcacababc"
    assert [len(timing.seconds) for timing in timings.values()] == [3, 3, 3]


def test_repeats_are_calls_of_one_round() -> None:
    calls: list[int] = []
    alternate({"a": partial(calls.append, 1)}, rounds=2, warmup=0, repeats=5)
    assert len(calls) == 10


@pytest.mark.parametrize(
    ("check", "passed"),
    [
        (at_most("x", 1.2, 1.2), True),
        (at_most("x", 1.21, 1.2), False),
        (at_least("x", 6.0, 6), True),
        (at_least("x", 5.9, 6), False),
    ],
)
def test_bounds(check: harness.Check, passed: bool) -> None:
    assert check.passed is passed


def make_sum(mebibytes: int) -> Callable[[], object]:
    values = np.ones(mebibytes * MEBIBYTE // 8)
    return partial(np.add, values, values)


def test_peak_memory_counts_input_and_output() -> None:
    memory = peak_memory(make_sum, 64)
    assert memory.with_input == pytest.approx(128 * MEBIBYTE, rel=0.1)
    assert memory.beyond_input == pytest.approx(64 * MEBIBYTE, rel=0.1)


def test_memory_differences() -> None:
    memory = Memory(before=10, prepared=30, peak=70)
    assert (memory.with_input, memory.beyond_input) == (60, 40)


def test_report_says_what_failed_and_keeps_the_raw_times(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(harness, "RESULTS", tmp_path / "results")
    timings = {"ours": Timing(seconds=(0.5, 0.5)), "peer": Timing(seconds=(1.0, 2.0))}
    report = Report(
        name="sample",
        setup="nothing",
        tables=[Table(title="eager", timings=timings, reference="ours")],
        checks=[at_least("speed-up", timings["peer"].ratio_to(timings["ours"]), 4)],
        peers=["no-such-distribution"],
    )
    text = str(report)
    assert "FAIL" in text
    assert "3.00" in text
    assert "no-such-distribution not installed" in text
    saved = json.loads(report.save().read_text())
    assert saved["tables"][0]["timings"]["peer"]["seconds"] == [1.0, 2.0]
    assert saved["environment"] == environment(["no-such-distribution"])


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # the peers' own, while they are imported
@pytest.mark.parametrize("name", command.names())
def test_every_benchmark_can_be_loaded(name: str) -> None:
    pytest.importorskip("numbagg", reason="the peers come with the `bench` group")
    assert callable(command.load(name))


@pytest.mark.parametrize(("cores", "judged"), [(2, False), (3, False), (4, True), (16, True)])
def test_two_workers_are_judged_where_cores_allow(
    monkeypatch: pytest.MonkeyPatch, cores: int, judged: bool
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(cores)), raising=False)
    found = Found()
    _judge_two(1.6, "aligned", found)
    assert [check.passed for check in found.checks] == ([False] if judged else [])
    assert [f"{cores} cores" in note for note in found.notes] == ([] if judged else [True])


def test_quick_runs_install_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: pytest.fail("something was started"))
    python, missing = serving_peers.environment(tmp_path / "peers", install=False)
    assert python is None
    assert set(missing) == set(serving_peers.REQUIREMENTS)
    assert all("installs nothing" in why for why in missing.values())
    assert not (tmp_path / "peers").exists()


def test_one_peer_that_fails_hides_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    python = tmp_path / "bin" / "python"
    python.parent.mkdir()
    python.touch()

    def install(command: list[str]) -> str | None:
        return "no such version" if any("titiler" in part for part in command) else None

    monkeypatch.setattr(serving_peers, "_run", install)
    assert serving_peers.environment(tmp_path, install=True) == (
        python,
        {"titiler": "no such version"},
    )
    assert serving_peers.environment(tmp_path, install=False)[1].keys() == {"titiler"}
