"""Whether this process is the kernel of a notebook, and what a notebook needs."""

from __future__ import annotations

import sys
from importlib.util import find_spec

from xcube_tiles.errors import MissingExtraError

WIDGETS = "ipyleaflet"
"""Library that shows maps in notebooks."""


def in_notebook() -> bool:
    """Whether what a cell returns is shown by a front end that has widgets."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return getattr(shell, "kernel", None) is not None


def check_widgets() -> None:
    """Raise MissingExtraError unless maps can be shown in notebooks."""
    if find_spec(WIDGETS) is None:
        raise MissingExtraError(WIDGETS, "notebook")
