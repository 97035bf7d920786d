"""Layers found by a database: their metadata apart from their tiles, which may be anywhere."""

from __future__ import annotations

__all__ = ["is_database"]


def is_database(url: object) -> bool:
    """Whether a URL is that of a database."""
    schemes = ("sqlite", "postgresql", "postgres", "mysql", "mariadb")
    return isinstance(url, str) and url.partition("://")[0].partition("+")[0] in schemes
