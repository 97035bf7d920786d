"""Path patterns: where keys stand in the paths of raster files."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from itertools import product
from string import Formatter
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from xcube_tiles.errors import PatternError
from xcube_tiles.sources.formats import TimeFormat
from xcube_tiles.sources.keys import Key, key_for

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from xcube_tiles.sources.keys import KeyValue

_WORD = r"[^\W_]+"
_GLOB_SPECIAL = re.compile(r"([*?[])")


class _Literal(NamedTuple):
    text: str


class _Anything(NamedTuple):
    """`{}`, with the separator that goes when it matches nothing."""

    before: str = ""
    after: str = ""


class _Field(NamedTuple):
    name: str
    format: TimeFormat | None


_Node: TypeAlias = _Literal | _Anything | _Field


@dataclass(frozen=True, slots=True, kw_only=True)
class PathPattern:
    """A parsed path pattern.

    Examples
    --------
    >>> pattern = PathPattern.parse("{type}/{sensor}_denmark_{date}_{}_{band}.tif")
    >>> pattern.match("radar/S1_denmark_20180615_A_073_VV.tif")["band"]
    'VV'
    >>> pattern.match("indices/S2_denmark_20180506_ndvi.tif")["date"]
    np.datetime64('2018-05-06T00:00:00.000000000')
    >>> pattern.match("indices/S2_sweden_20180506_ndvi.tif") is None
    True
    """

    text: str
    """The pattern as given."""

    keys: tuple[Key, ...]
    """The keys in the order of their first appearance."""

    globs: tuple[str, ...]
    """Shell patterns that together find every path that can match; special characters of literal
    text are escaped as `[*]`."""

    regex: re.Pattern[str]
    """What a whole path must match; key `i` is group `k{i}`, or `k{i}_{j}` for its format `j`."""

    formats: Mapping[str, tuple[TimeFormat, ...]]
    """Formats of the keys that have any, in order of appearance."""

    @classmethod
    def parse(cls, text: str) -> PathPattern:
        """Parse a pattern.

        Parameters
        ----------
        text
            A path with `/` as separator, in which `{name}` stands for a key, `{name:%Y%m%d}` for a
            time key of that format, `{}` for anything, and `{{`, `}}` for braces.

        Raises
        ------
        PatternError
            A stray brace, a name that is no identifier, an unknown format, two keys that touch, or
            no key at all.

        Notes
        -----
        A value of a key is one word of letters and digits of any script: everything else, `_`
        included, separates. A value with a format may hold the separators of the format. A name
        that is repeated must have the same value again; repeated with another format it must be
        the same time (`{date:%Y}/{band}_{date:%Y%m%d}.tif`).

        `{}` doesn't match `/`. Between two separators, or between a separator and the edge of the
        pattern, it also matches nothing together with one of them: the separator before it, or
        after it where the one before is `/` or absent.
        """
        nodes = _settle(list(_nodes(unicodedata.normalize("NFC", text))))
        names = dict.fromkeys(node.name for node in nodes if isinstance(node, _Field))
        if not names:
            raise PatternError(
                f"pattern {text!r} has no key; put one in braces, as in 'S2_{{date}}_{{band}}.tif'"
            )
        formats = {name: _formats(nodes, name) for name in names}
        keys = (Key(name=n, type="time") if formats[n] else key_for(n) for n in names)
        return cls(
            text=text,
            keys=tuple(keys),
            globs=_globs(nodes),
            regex=_regex(nodes),
            formats={name: found for name, found in formats.items() if found},
        )

    def match(self, path: str) -> dict[str, KeyValue] | None:
        """Return the values of the keys in a path, or None if the path doesn't match.

        Raises
        ------
        PatternError
            The path matches, but the value of a time key is no time.
        """
        found = self.regex.fullmatch(unicodedata.normalize("NFC", path))
        if found is None:
            return None
        return {key.name: self._value(place, found, path) for place, key in enumerate(self.keys)}

    def _value(self, place: int, found: re.Match[str], path: str) -> KeyValue:
        key = self.keys[place]
        formats = self.formats.get(key.name, ())
        texts = [found[f"k{place}_{n}"] for n in range(len(formats))]
        try:
            return TimeFormat.instant(formats, texts) if formats else key.value(found[f"k{place}"])
        except ValueError as error:
            raise PatternError(
                f"key {key.name!r} of {path!r} is a time, but {error}. Name another format in the "
                f"pattern, as in {{{key.name}:%d%m%Y}}"
            ) from None


def _nodes(text: str) -> Iterator[_Node]:
    try:
        parts = list(Formatter().parse(text))
    except ValueError as error:
        raise PatternError(f"pattern {text!r}: {error}; write '{{{{' for a brace itself") from None
    for literal, name, spec, conversion in parts:
        if literal:
            yield _Literal(literal)
        if name is None:
            continue
        if conversion:
            raise PatternError(f"pattern {text!r}: {name!r} can't be converted by !{conversion}")
        yield _field(text, name, spec or "")


def _field(text: str, name: str, spec: str) -> _Node:
    if name == "" and not spec:
        return _Anything()
    if not name.isidentifier():
        raise PatternError(
            f"pattern {text!r}: {name!r} can't name a key; a name is letters, digits and "
            f"underscores, not starting with a digit"
        )
    return _Field(name, TimeFormat.parse(spec) if spec else None)


def _settle(nodes: list[_Node]) -> list[_Node]:
    """Join literals, refuse keys that touch, and give each `{}` its optional separator."""
    settled: list[_Node] = []
    for node in nodes:
        last = settled[-1] if settled else None
        if isinstance(node, _Literal) and isinstance(last, _Literal):
            settled[-1] = _Literal(last.text + node.text)
        elif not (isinstance(node, _Anything) and isinstance(last, _Anything)):
            _refuse_touching(last, node)
            settled.append(node)
    for position, node in enumerate(settled):
        if isinstance(node, _Anything):
            _take_separator(settled, position)
    return [node for node in settled if node != _Literal("")]


def _refuse_touching(last: _Node | None, node: _Node) -> None:
    if not isinstance(last, _Field) or not isinstance(node, _Field):
        return
    if last.format is None and node.format is None:
        raise PatternError(
            f"keys {last.name!r} and {node.name!r} touch: where the first ends can't be told; "
            f"put a separator between them, or give one a format as in {{date:%Y%m%d}}"
        )


def _take_separator(nodes: list[_Node], position: int) -> None:
    before, after = _text(nodes, position - 1), _text(nodes, position + 1)
    edges = position == 0, position == len(nodes) - 1
    # A neighbour emptied by the previous `{}` was a separator.
    separated = (
        before is not None and not before[-1:].isalnum(),
        (after is not None and not after[:1].isalnum()),
    )
    if not all(edge or here for edge, here in zip(edges, separated, strict=True)):
        return
    if before and before[-1] != "/":
        nodes[position - 1] = _Literal(before[:-1])
        nodes[position] = _Anything(before=before[-1])
    elif after:
        nodes[position + 1] = _Literal(after[1:])
        nodes[position] = _Anything(after=after[0])


def _text(nodes: Sequence[_Node], position: int) -> str | None:
    if not 0 <= position < len(nodes):
        return None
    node = nodes[position]
    return node.text if isinstance(node, _Literal) else None


def _formats(nodes: Sequence[_Node], name: str) -> tuple[TimeFormat, ...]:
    fields = [node for node in nodes if isinstance(node, _Field) and node.name == name]
    distinct = dict.fromkeys(field.format for field in fields if field.format is not None)
    if distinct and fields[0].format is None:
        raise PatternError(f"key {name!r}: give the format where it appears first")
    return tuple(distinct)


def _regex(nodes: Sequence[_Node]) -> re.Pattern[str]:
    groups: dict[str, dict[TimeFormat | None, str]] = {}
    return re.compile("".join(_fragment(node, groups) for node in nodes))


def _fragment(node: _Node, groups: dict[str, dict[TimeFormat | None, str]]) -> str:
    if isinstance(node, _Literal):
        return re.escape(node.text)
    if isinstance(node, _Anything):
        inner = f"{re.escape(node.before)}[^/]*?{re.escape(node.after)}"
        return f"(?:{inner})??" if node.before or node.after else inner
    place = list(groups).index(node.name) if node.name in groups else len(groups)
    own = groups.setdefault(node.name, {})
    # A name without a format repeats whatever stood at its first place.
    repeated = next(iter(own.values()), None) if node.format is None else own.get(node.format)
    if repeated is not None:
        return f"(?P={repeated})"
    own[node.format] = f"k{place}" if node.format is None else f"k{place}_{len(own)}"
    return f"(?P<{own[node.format]}>{node.format.regex if node.format else _WORD})"


def _globs(nodes: Sequence[_Node]) -> tuple[str, ...]:
    choices = [_glob_choices(node) for node in nodes]
    found = ("".join(choice) for choice in product(*choices))
    # `**` would mean any depth.
    return tuple(dict.fromkeys(re.sub(r"\*{2,}", "*", glob) for glob in found))


def _glob_choices(node: _Node) -> tuple[str, ...]:
    if isinstance(node, _Literal):
        return (_GLOB_SPECIAL.sub(r"[\1]", node.text),)
    if isinstance(node, _Field):
        return (node.format.glob if node.format else "*",)
    return ("*/", "") if node.after == "/" else ("*",)
