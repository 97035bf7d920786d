"""What a collection shows of itself: text, HTML, a data frame."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

import pandas as pd

from xcube_tiles.sources.keys import natural_order, value_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from xcube_tiles.sources.keys import Key
    from xcube_tiles.sources.raster import Raster

_SHOWN = 5
_SCALARS = ("valid_share", "minimum", "maximum", "mean", "std")


def as_text(rasters: Iterable[Raster], keys: Sequence[Key]) -> str:
    """Return a few lines that tell the keys and their values."""
    rows = list(rasters)
    lines = [f"<Collection of {_count(len(rows), 'raster')}>"]
    width = max((len(key.name) for key in keys), default=0)
    for key, count, values in _keys(rows, keys):
        kind = f"({key.type})"
        lines.append(f"  {key.name:{width}} {kind:7} {_count(count, 'value')}: {values}".rstrip())
    return "\n".join(lines)


def as_html(rasters: Iterable[Raster], keys: Sequence[Key]) -> str:
    """Return the same as an HTML table."""
    rows = list(rasters)
    body = "".join(
        f"<tr><td><b>{escape(key.name)}</b></td><td>{key.type}</td><td>{count}</td>"
        f"<td style='text-align:left'>{escape(values)}</td></tr>"
        for key, count, values in _keys(rows, keys)
    )
    return (
        f"<div><b>Collection</b> of {_count(len(rows), 'raster')}<table><thead><tr><th>key</th>"
        f"<th>type</th><th>values</th><th></th></tr></thead><tbody>{body}</tbody></table></div>"
    )


def data_frame(rasters: Iterable[Raster], keys: Sequence[Key]) -> pd.DataFrame:
    """Return one row per raster; statistics that aren't computed are missing values."""
    rows = list(rasters)
    columns: dict[str, object] = {
        key.name: pd.Series(
            [row.keys[key.name] for row in rows],
            dtype="datetime64[ns]" if key.type == "time" else "object",
        )
        for key in keys
    }
    columns["path"] = pd.Series([row.path for row in rows], dtype="object")
    columns["raster_band"] = pd.Series([row.raster_band for row in rows], dtype="Int64")
    for name in _SCALARS:
        values = [getattr(row.statistics, name, None) for row in rows]
        columns[name] = pd.Series(values, dtype="float64")
    return pd.DataFrame(columns)


def _keys(rows: Sequence[Raster], keys: Sequence[Key]) -> Iterator[tuple[Key, int, str]]:
    for key in keys:
        values = sorted({row.keys[key.name] for row in rows}, key=natural_order)
        texts = [value_text(value) for value in values]
        if key.type == "time" and len(texts) > 1:
            yield key, len(texts), f"{texts[0]} … {texts[-1]}"
        else:
            more = ", …" if len(texts) > _SHOWN else ""
            yield key, len(texts), ", ".join(texts[:_SHOWN]) + more


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
