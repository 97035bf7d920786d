"""The command `xcube-tiles`: each subcommand calls what a Python program would call."""

from xcube_tiles.cli.app import main

__all__ = ["main"]
