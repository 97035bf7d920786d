"""How the tiles of the soak are drawn: queries, and the styles of the library that they mean."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from benchmarks.cases.soaking_data import TIMES


class Look(NamedTuple):
    """A query of the tile route and what it means."""

    query: dict[str, str]
    style: dict[str, Any]
    layers: tuple[str, ...]
    time: str | None = None
    nearest: bool = False


CELLS = ("aligned", "utm")
"""Layers of one variable, `cells`."""

_STACK = ("stack",)
_NDVI = "(nir - red) / (nir + red)"
_CLASSES = {"0": "#1f78b4", "1": "#33a02c", "3": "#e31a1c"}
LOOKS = (
    Look({}, {}, (*CELLS, "classes")),
    Look(
        {"stretch": "0,10000", "colormap": "viridis"},
        {"stretch": (0, 10000), "colormap": "viridis"},
        CELLS,
    ),
    Look({"stretch": "p5,p95"}, {"percentiles": (5.0, 95.0)}, CELLS),
    Look(
        {"stretch": "0,9000", "resampling": "bilinear", "colormap": "magma_r"},
        {"stretch": (0, 9000), "resampling": "bilinear", "colormap": "magma_r"},
        CELLS,
    ),
    Look(
        {"stretch": "0,9000", "resampling": "average"},
        {"stretch": (0, 9000), "resampling": "average"},
        CELLS,
    ),
    Look(
        {"expression": "cells * 2 - 100", "stretch": "0,20000"},
        {"expression": "cells * 2 - 100", "stretch": (0, 20000)},
        CELLS,
    ),
    Look(
        {"bands": "red,green,blue", "stretch": "0,900"},
        {"bands": ("red", "green", "blue"), "stretch": (0, 900)},
        _STACK,
    ),
    Look(
        {
            "bands": "red,green,blue",
            "stretch": "0,900;0,800;0,700",
            "color_formula": "gamma 1.2, saturation 1.3",
        },
        {
            "bands": ("red", "green", "blue"),
            "stretch": ((0, 900), (0, 800), (0, 700)),
            "formula": "gamma 1.2, saturation 1.3",
        },
        _STACK,
    ),
    Look(
        {"expression": _NDVI, "stretch": "-1,1"}, {"expression": _NDVI, "stretch": (-1, 1)}, _STACK
    ),
    Look(
        {"bands": "nir", "stretch": "0,900", "time": TIMES[1]},
        {"bands": ("nir",), "stretch": (0, 900)},
        _STACK,
        time=TIMES[1],
    ),
    Look(
        {"bands": "blue", "stretch": "0,900", "time": "2024-06-01", "time_match": "nearest"},
        {"bands": ("blue",), "stretch": (0, 900)},
        _STACK,
        time="2024-06-01",
        nearest=True,
    ),
    Look(
        {"bands": "red@2024-04,red@2024-05,red@2024-06", "stretch": "0,900"},
        {"bands": ("red@2024-04", "red@2024-05", "red@2024-06"), "stretch": (0, 900)},
        _STACK,
    ),
    Look(
        {"bands": "hillshade(height; azimuth=300)"},
        {"bands": ("hillshade(height; azimuth=300)",)},
        _STACK,
    ),
    Look(
        {"bands": "height", "elevation": "terrarium"},
        {"bands": ("height",), "elevation": "terrarium"},
        _STACK,
    ),
    Look({"colormap": json.dumps(_CLASSES)}, {"categories": _CLASSES}, ("classes",)),
    Look({"resampling": "average"}, {"resampling": "average"}, ("classes",)),
)
