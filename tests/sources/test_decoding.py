from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from xcube_tiles.errors import CellTypeError
from xcube_tiles.grid.celltype import CellType
from xcube_tiles.sources.decoding import Decoding, decodings
from xcube_tiles.sources.header import BandHeader, BlockShape


def band(
    cells: str, *, masked: bool = False, scale: float = 1.0, offset: float = 0.0
) -> BandHeader:
    return BandHeader(
        cell_type=CellType.parse(cells),
        scale=1.0,
        offset=0.0,
        masked=masked,
        alpha=False,
        unit=None,
        description=None,
        block_shape=BlockShape(1, 1),
    )


@pytest.mark.parametrize(
    ("stored", "needs_nodata", "target"),
    [
        (["uint8raw"], False, "uint8raw"),
        (["uint8raw"], True, "int16"),
        (["uint8ud255"], True, "uint8ud255"),
        (["uint8ud255", "uint8ud255"], False, "uint8ud255"),
        (["uint8ud255", "uint8ud0"], False, "int16"),
        (["uint8ud255", "uint16ud255"], False, "int32"),
        (["uint8raw", "int8raw"], False, "int16raw"),
        (["uint8raw", "uint8ud1"], False, "int16"),
        (["uint32raw"], True, "int64"),
        (["int8", "uint32raw"], False, "int64"),
        (["uint8raw", "int8raw"], True, "int16"),
        (["float32raw"], False, "float32"),
        (["float32", "float64ud-9999"], False, "float64"),
        (["uint8ud255", "float32"], False, "float32"),
        (["int32ud-1", "float32"], False, "float64"),
    ],
)
def test_the_common_cell_type(stored: list[str], needs_nodata: bool, target: str) -> None:
    bands = [band(name) for name in stored]
    found = decodings(bands, scaled=True, needs_nodata=needs_nodata, variable="v")
    assert {one.target.name for one in found} == {target}


def test_what_has_no_common_cell_type() -> None:
    with pytest.raises(CellTypeError, match="hold int64, uint64: no integer dtype"):
        decodings(
            [band("int64raw"), band("uint64raw")], scaled=True, needs_nodata=False, variable="v"
        )
    with pytest.raises(CellTypeError, match="no dtype is wider"):
        decodings([band("uint64raw")], scaled=True, needs_nodata=True, variable="v")


CELLS = st.sampled_from(["uint8raw", "uint8ud7", "int8", "int16ud-1", "uint16ud0", "uint32raw"])


@given(st.lists(CELLS, min_size=1, max_size=3), st.booleans(), st.data())
def test_values_survive_and_only_nodata_becomes_nodata(
    stored: list[str], masked: bool, data: st.DataObject
) -> None:
    """Whatever the mixture: a loop over the cells, each by Python's own numbers, says the same."""
    bands = [band(name, masked=masked) for name in stored]
    for one in decodings(bands, scaled=True, needs_nodata=False, variable="v"):
        cells = data.draw(arrays(one.stored.dtype, 6))
        mask = (
            data.draw(arrays(np.uint8, 6, elements=st.sampled_from([0, 255]))) if masked else None
        )
        decoded = one.apply(cells, mask)
        assert decoded.dtype == one.target.dtype
        missing = one.target.is_nodata(decoded)
        for n, cell in enumerate(cells.tolist()):
            gone = cell == one.stored.nodata or (mask is not None and mask[n] == 0)
            assert missing[n] == gone
            assert gone or decoded[n] == cell


def test_scaling_rounds_once() -> None:
    cells = np.array([1, 2, 65535, 0], "uint16")
    one = Decoding(
        stored=CellType.parse("uint16ud65535"),
        target=CellType.parse("float32"),
        scale=0.0000275,
        offset=-0.2,
    )
    expected: list[Any] = [float(cell) * 0.0000275 - 0.2 for cell in (1, 2)]
    found = one.apply(cells, np.array([255, 255, 255, 0], "uint8"))
    np.testing.assert_array_equal(found, np.array([*expected, np.nan, np.nan], "float32"))
