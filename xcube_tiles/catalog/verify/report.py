"""What a check of a catalog has found."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

Kind: TypeAlias = Literal[
    "document",
    "convention",
    "grid",
    "variable",
    "coordinate",
    "missing",
    "unexpected",
    "damaged",
    "values",
    "unchecked",
    "unfinished",
    "replaced",
    "busy",
]
"""Kinds of what is found; the last four break nothing."""

_RESTORE = "restore it from a copy, or write the layer again with overwrite=True"
_VACUUM = "catalog.vacuum({layer!r}) removes it"
ACTIONS: dict[Kind, str] = {
    "document": _RESTORE,
    "convention": _RESTORE,
    "grid": _RESTORE,
    "variable": _RESTORE,
    "coordinate": _RESTORE,
    "missing": _RESTORE,
    "unexpected": "find out who has put it there; if nobody needs it, delete it",
    "damaged": _RESTORE,
    "values": _RESTORE,
    "unchecked": "catalog.reindex({layer!r}) writes it so that all of it can be checked",
    "unfinished": "the same call with resume=True goes on from there; " + _VACUUM,
    "replaced": _VACUUM,
    "busy": "check again when that has ended",
}
"""What to do about each kind."""

NOTES = frozenset({"unchecked", "unfinished", "replaced", "busy"})
"""Kinds that break nothing."""

MOST_OF_A_KIND = 20
"""Objects of an array that are named for one reason; the others are counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing that isn't as it should be."""

    layer: str
    """Name of the layer."""

    path: str
    """What is concerned, as a path below the catalog."""

    kind: Kind
    """Kind of the problem."""

    text: str
    """What was expected, and what is there."""

    action: str
    """What to do about it."""

    @property
    def is_broken(self) -> bool:
        """Whether readers are misled; otherwise it is just worth knowing."""
        return self.kind not in NOTES

    def __str__(self) -> str:
        return (
            f"{'broken' if self.is_broken else 'note':<7} {self.path}: {self.text}; {self.action}"
        )


def problem(layer: str, path: str, kind: Kind, text: str) -> Problem:
    """Return a problem with what to do about it; `path` is below the layer."""
    below = f"{layer}/{path}" if path else layer
    return Problem(
        layer=layer, path=below, kind=kind, text=text, action=ACTIONS[kind].format(layer=layer)
    )


def limited(problems: Iterable[Problem]) -> Iterator[Problem]:
    """Yield the first problems of an array, and how many more there are."""
    rest: list[Problem] = []
    for at, each in enumerate(problems):
        if at < MOST_OF_A_KIND:
            yield each
        else:
            rest.append(each)
    if rest:
        last = rest[-1]
        text = f"and {len(rest)} more of its objects, the last of them this"
        yield Problem(
            layer=last.layer, path=last.path, kind=last.kind, text=text, action=last.action
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a check of a catalog has found; it prints as lines of text."""

    catalog: str
    """Path or URL of the catalog."""

    layers: tuple[str, ...]
    """Names of the layers that were checked."""

    deep: bool
    """Whether all cells were read."""

    checksums: bool
    """Whether the bytes of all objects that have checksums were compared with them."""

    without_checksums: tuple[str, ...]
    """Names of those layers that have cells without checksums."""

    problems: tuple[Problem, ...]
    """What was found, in the order of the layers."""

    @property
    def ok(self) -> bool:
        """Whether nothing is broken."""
        return not any(each.is_broken for each in self.problems)

    def as_json(self) -> dict[str, Any]:
        """Return the report in types that JSON has."""
        return {"ok": self.ok, **asdict(self)}

    def __str__(self) -> str:
        broken = sum(each.is_broken for each in self.problems)
        state = f"{broken} broken" if broken else "nothing broken"
        head = f"{self.catalog}: {len(self.layers)} checked, {state} ({self._how()})"
        return "\n".join([head, *(f"  {each}" for each in self.problems)])

    def _how(self) -> str:
        """Return what is known of the cells."""
        if self.deep:
            return "all cells read"
        if not self.checksums:
            return "no cell read"
        bare = ", ".join(map(repr, self.without_checksums))
        without = f"; none in {bare}, whose cells deep=True reads" if bare else ""
        return f"checksums of cells compared{without}"
