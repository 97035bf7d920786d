"""Write the colours of matplotlib's maps to `xcube_tiles/render/colormaps.npz`.

Needs matplotlib; the package itself reads the file without it. Names come as arguments, in lower
case; by default those that the file has. Aliases and reversed maps are maps of their own.
"""

from __future__ import annotations

import sys
from pathlib import Path

import matplotlib as mpl
import numpy as np

FILE = Path(__file__).parents[1] / "xcube_tiles" / "render" / "colormaps.npz"
COLOURS = 255


def main(names: list[str]) -> None:
    maps = {name.lower(): colours for name, colours in mpl.colormaps.items()}
    places = np.linspace(0, 1, COLOURS)
    tables = [(maps[name](places)[:, :3] * 255).astype(np.uint8).T for name in names]
    # Steps from one colour to the next: a tenth of the bytes once compressed.
    steps = np.diff(np.stack(tables), axis=2, prepend=np.uint8(0))
    np.savez_compressed(FILE, names=np.array(names), steps=steps)


if __name__ == "__main__":
    with np.load(FILE) as file:
        present = file["names"].tolist()
    main(sys.argv[1:] or present)
