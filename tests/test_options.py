"""Options: in force inside the block, restored after it, one context's own."""

from __future__ import annotations

from contextvars import copy_context

import pytest

import xcube_tiles as xt


def test_block_restores() -> None:
    before = xt.get_options()
    with xt.set_options(chunk_size=512, progress=False):
        assert xt.get_options().chunk_size == 512
        with xt.set_options(chunk_size=256):
            assert xt.get_options().chunk_size == 256
            assert xt.get_options().progress is False
        assert xt.get_options().chunk_size == 512
    assert xt.get_options() == before


def test_restores_after_an_error() -> None:
    before = xt.get_options()
    with pytest.raises(RuntimeError), xt.set_options(max_pixels=1):
        raise RuntimeError
    assert xt.get_options() == before


def test_contexts_are_apart() -> None:
    def inside() -> int:
        xt.set_options(chunk_size=64)
        return xt.get_options().chunk_size

    before = xt.get_options().chunk_size
    assert copy_context().run(inside) == 64
    assert xt.get_options().chunk_size == before
