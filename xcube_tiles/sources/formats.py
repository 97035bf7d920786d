"""Explicit formats of time keys, as in `{date:%Y%m%d}`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from xcube_tiles.errors import PatternError
from xcube_tiles.sources.times import period_of_parts

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np

# Month names are English whatever the locale: the same files mean the same dates everywhere.
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DIRECTIVES = {
    "Y": "[0-9]{4}",
    "y": "[0-9]{2}",
    "m": "[0-9]{2}",
    "d": "[0-9]{2}",
    "j": "[0-9]{3}",
    "H": "[0-9]{2}",
    "M": "[0-9]{2}",
    "S": "[0-9]{2}",
    "f": "[0-9]{1,9}",
    "b": f"(?i:{'|'.join(_MONTHS)})",
}
_TOKEN = re.compile(r"%(.)|([^%]+)|(%)", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeFormat:
    """A format of times, in the letters of `datetime.strftime`."""

    text: str
    """The format as given, such as `%Y%m%d`."""

    letters: tuple[str, ...]
    """Its directives in order."""

    regex: str
    """What a value looks like, without groups."""

    groups: str
    """The same, each directive being the group of its letter."""

    glob: str
    """The same for a shell pattern."""

    @classmethod
    def parse(cls, text: str) -> TimeFormat:
        r"""Parse a format.

        Raises
        ------
        PatternError
            A directive that isn't supported, one given twice, or none.

        Examples
        --------
        >>> TimeFormat.parse("%Y-%m").regex
        '[0-9]{4}\\-[0-9]{2}'
        """
        letters: list[str] = []
        regex, groups, glob = "", "", ""
        for letter, literal, stray in _TOKEN.findall(text):
            if stray or (letter and letter not in _DIRECTIVES and letter != "%"):
                known = ", ".join(f"%{name}" for name in _DIRECTIVES)
                raise PatternError(f"format {text!r}: %{letter} isn't supported; use {known}")
            if letter and letter != "%":
                letters.append(letter)
                regex += _DIRECTIVES[letter]
                groups += f"(?P<{letter}>{_DIRECTIVES[letter]})"
                glob += "*"
            else:
                plain = literal or "%"
                regex, groups = regex + re.escape(plain), groups + re.escape(plain)
                glob += re.sub(r"([*?[])", r"[\1]", plain)
        if not letters or len(set(letters)) < len(letters):
            raise PatternError(f"format {text!r} must hold directives like %Y%m%d, each once")
        return cls(text=text, letters=tuple(letters), regex=regex, groups=groups, glob=glob)

    @staticmethod
    def instant(formats: Sequence[TimeFormat], texts: Sequence[str]) -> np.datetime64:
        """Return the time that one or several formatted texts say together.

        Raises
        ------
        ValueError
            The texts contradict each other, or are no date.
        """
        parts: dict[str, int] = {}
        for form, text in zip(formats, texts, strict=True):
            for letter, value in form._parts(text):
                if parts.setdefault(letter, value) != value:
                    raise ValueError(f"{' and '.join(map(repr, texts))} name different times")
        if "Y" not in parts:
            raise ValueError(f"{' and '.join(map(repr, texts))} say no year")
        try:
            return period_of_parts(parts).start
        except ValueError as error:
            shown = " and ".join(map(repr, texts))
            raise ValueError(f"{shown} is no date ({error})") from None

    def _parts(self, text: str) -> list[tuple[str, int]]:
        found = re.fullmatch(self.groups, text)
        if found is None:
            raise ValueError(f"{text!r} isn't of the form {self.text!r}")
        return [_part(letter, found[letter]) for letter in self.letters]


def _part(letter: str, text: str) -> tuple[str, int]:
    if letter == "b":
        return "m", _MONTHS.index(text.lower()) + 1
    if letter == "f":
        return "f", int(text.ljust(9, "0"))
    if letter == "y":
        # POSIX: 69 to 99 are 1969 to 1999.
        return "Y", int(text) + (1900 if int(text) >= 69 else 2000)
    return letter, int(text)
