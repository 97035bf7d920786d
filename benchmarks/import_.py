"""What `import xcube_tiles` costs beyond the two libraries that it stands on."""

from __future__ import annotations

import subprocess
import sys
from functools import partial

from benchmarks.harness import Report, Table, alternate, at_most

OURS = "import xcube_tiles"
BASE = "import xarray, dask.array"
# xarray imports numbagg, and with it numba, where it is installed, as it is with the `bench` group:
# that would hide a second of ours behind one of xarray's. None makes the import fail.
WITHOUT_NUMBAGG = "import sys; sys.modules['numbagg'] = None; "


def run(quick: bool) -> Report:
    """Time whole interpreters, from start to exit, each in a process of its own."""
    timings = alternate(
        {statement: partial(_interpreter, statement) for statement in (OURS, BASE, "pass")},
        rounds=5 if quick else 25,
    )
    return Report(
        name="import",
        setup="a whole Python process, started and ended, with a warm page cache",
        tables=[Table(title="python -c", timings=timings, reference=BASE)],
        checks=[
            at_most(f"{OURS!r} / {BASE!r}", timings[OURS].ratio_to(timings[BASE]), 1.2),
        ],
    )


def _interpreter(statement: str) -> None:
    subprocess.run([sys.executable, "-c", WITHOUT_NUMBAGG + statement], check=True)
