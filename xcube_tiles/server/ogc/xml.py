"""XML texts as trees of elements whose names are written with their prefixes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

if TYPE_CHECKING:
    from collections.abc import Iterable
    from xml.etree.ElementTree import Element

# What XML 1.0 can't hold, not even escaped: a title may come from anywhere.
_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

XLINK = {"xmlns:xlink": "http://www.w3.org/1999/xlink"}


def element(
    name: str,
    *inside: Element | str | Iterable[Element] | None,
    attributes: dict[str, object] | None = None,
) -> Element:
    r"""Return an element.

    Parameters
    ----------
    name
        Its name, with the prefix that the root declares.
    inside
        Elements, series of them, at most one text; None is left out.
    attributes
        Attributes; None values are left out.

    Examples
    --------
    >>> document(element("a", element("b", "x & y"), attributes={"n": 1, "m": None})).decode()
    '<?xml version="1.0" encoding="UTF-8"?>\n<a n="1"><b>x &amp; y</b></a>'
    """
    given = {key: plain(value) for key, value in (attributes or {}).items() if value is not None}
    made = ET.Element(name, given)
    for part in inside:
        if isinstance(part, str):
            made.text = plain(part)
        elif isinstance(part, ET.Element):
            made.append(part)
        elif part is not None:
            made.extend(part)
    return made


def link(href: str, name: str = "OnlineResource", **more: str) -> Element:
    """Return an element that refers to an address."""
    return element(
        name,
        attributes={**XLINK, "xlink:type": "simple", "xlink:href": href, **more},
    )


def plain(value: object) -> str:
    """Return a value as text that XML can hold; numbers as short as they are exact."""
    text = repr(value) if isinstance(value, float) else str(value)
    return _FORBIDDEN.sub("\N{REPLACEMENT CHARACTER}", text)


def document(root: Element) -> bytes:
    """Return an XML document in UTF-8."""
    head = b'<?xml version="1.0" encoding="UTF-8"?>\n'
    return head + ET.tostring(root, encoding="unicode").encode()
