"""Run one benchmark by its name."""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from importlib import import_module
from keyword import iskeyword
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.harness import Report

SUPPORT = {"__init__", "__main__", "harness"}


def names() -> list[str]:
    """Return the names of the benchmarks; a trailing underscore of a module is not part of it."""
    modules = {path.stem for path in Path(__file__).parent.glob("*.py")} - SUPPORT
    return sorted(name.rstrip("_") for name in modules)


def main(argv: list[str] | None = None) -> int:
    """Run a benchmark, print and save its report; return 1 if a figure misses its bound."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("name", choices=names())
    parser.add_argument("--quick", action="store_true", help="small sizes, to see that it runs")
    arguments = parser.parse_args(argv)
    report = load(arguments.name)(arguments.quick)
    report = replace(report, quick=arguments.quick)
    print(report)
    print(f"\nsaved to {report.save()}")
    return 0 if arguments.quick or all(check.passed for check in report.checks) else 1


def load(name: str) -> Callable[[bool], Report]:
    """Return the `run` function of a benchmark."""
    # `import` can't name a module: the keyword gets an underscore, as PEP 8 has it.
    module = import_module(f"benchmarks.{name}_" if iskeyword(name) else f"benchmarks.{name}")
    run: Callable[[bool], Report] = module.run
    return run


if __name__ == "__main__":
    sys.exit(main())
