"""Every level against the cells of the base, by fractions and counters, past the blocks too."""

from __future__ import annotations

import math
from collections import Counter
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import dask.array as da
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.catalog.cubes import cells_of, cube_of, level_of, random_cube
from xcube_tiles.catalog.pyramids.grids import padded_geoboxes
from xcube_tiles.catalog.pyramids.pyramid import levels_on, pyramid
from xcube_tiles.cube.georef import geobox_of
from xcube_tiles.errors import GridError
from xcube_tiles.grid.scheme import ZoomedScheme
from xcube_tiles.testing.asserts import assert_lazy

if TYPE_CHECKING:
    from collections.abc import Iterator

    import xarray as xr
    from numpy.typing import NDArray

    from xcube_tiles.typing import PyramidResampling

CELLS = (
    "uint8ud0", "int8ud-128", "uint16ud65535", "int16ud-9999", "int32ud-1", "uint32ud7",
    "int64ud-5", "uint64ud18446744073709551615",
)  # fmt: skip


def windows(base: NDArray[Any], edge: int) -> Iterator[tuple[tuple[int, int], NDArray[Any]]]:
    for i in range(-(-base.shape[0] // edge)):
        for j in range(-(-base.shape[1] // edge)):
            yield (i, j), base[i * edge : (i + 1) * edge, j * edge : (j + 1) * edge]


def all_cells_of(tree: xr.DataTree, levels: int) -> list[NDArray[Any]]:
    return list(da.compute(*(level_of(tree, level).data for level in range(levels))))


def exact(valid: list[int], method: str, nodata: int) -> int:
    """One cell of a level, with numbers of any length."""
    if method == "mode":
        counts = Counter(valid)
        return min(counts, key=lambda value: (-counts[value], value))
    ordered = sorted(valid)
    middle = ordered[(len(valid) - 1) // 2] + ordered[len(valid) // 2]
    value = {
        "mean": Fraction(sum(valid), len(valid)),
        "median": Fraction(middle, 2),
        "min": Fraction(ordered[0]),
        "max": Fraction(ordered[-1]),
    }[method]
    number = round(value)
    if number == nodata:
        side = (value > nodata) - (value < nodata) or (-1 if nodata > 0 else 1)
        number += side
    return number


@pytest.mark.parametrize("method", ["mean", "median", "mode", "min", "max"])
@settings(max_examples=12)
@given(data=st.data())
def test_every_level_of_integers_is_exact(method: PyramidResampling, data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(CELLS))
    shape = data.draw(st.tuples(st.integers(1, 11), st.integers(1, 19)))
    block = data.draw(st.sampled_from((2, 3, 4, 6, 64)))
    min_valid = data.draw(st.sampled_from((0.0, 0.3, 1.0)))
    random = np.random.default_rng(data.draw(st.integers(0, 99)))
    cube = cube_of(np.zeros(shape), cells=name)
    dtype, nodata = cube.band.dtype, int(cube.band.attrs["_FillValue"])
    limits = np.iinfo(dtype)
    low, high = data.draw(
        st.sampled_from(((limits.min, limits.max), (nodata - 2, nodata + 2), (1, 3)))
    )
    low, high = max(low, limits.min), min(high, limits.max)
    base = random.integers(low, high, shape, dtype=dtype, endpoint=True)
    base[random.random(shape) < data.draw(st.sampled_from((0.0, 0.7, 1.0)))] = nodata
    cube["band"] = cube.band.copy(data=base)
    levels = math.ceil(math.log2(max(shape))) + 1
    tree = pyramid(cube, levels=levels, resampling=method, block=block, min_valid=min_valid)
    computed = all_cells_of(tree, levels)
    for level in range(1, levels):
        found, edge = computed[level], 2**level
        assert found.dtype == dtype
        for at, window in windows(base, edge):
            valid = window[window != nodata].tolist()
            enough = len(valid) >= max(1, math.ceil(min_valid * edge**2))
            assert found[at] == (exact(valid, method, nodata) if enough else nodata)


def test_modes_are_exact_past_eleven_levels() -> None:
    random = np.random.default_rng(3)
    base = random.integers(0, 4, (3, 4100)).astype("int16")
    tree = pyramid(cube_of(base, flag_values=[0, 1, 2, 3]), levels=14, block=1024)
    for level in (11, 12, 13):
        found = cells_of(tree, level)
        for at, window in windows(base, 2**level):
            counts = Counter(window.ravel().tolist())
            assert found[at] == min(counts, key=lambda value: (-counts[value], value))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("method", ["mean", "sum", "median", "mode", "min", "max", "nearest"])
def test_blocks_and_chunks_change_no_bit_of_floats(dtype: str, method: PyramidResampling) -> None:
    random = np.random.default_rng(1)
    base = random.normal(0, 1e3, (37, 70)).astype(dtype)
    base[random.random(base.shape) < 0.4] = np.nan
    cube = cube_of(base, cells=dtype)
    trees = [
        pyramid(cube, levels=7, resampling=method, block=128),
        pyramid(cube, levels=7, resampling=method, block=4),
        pyramid(cube.chunk(y=5, x=13), levels=7, resampling=method, block=3),
    ]
    for first, *others in zip(*(all_cells_of(tree, 7) for tree in trees), strict=True):
        for other in others:
            np.testing.assert_array_equal(first, other)


@given(seed=st.integers(0, 999))
@settings(max_examples=20)
def test_means_of_floats_are_as_close_as_floats_can_be(seed: int) -> None:
    random = np.random.default_rng(seed)
    base = (random.normal(0, 1, (9, 17)) * 10.0 ** random.integers(-3, 6, (9, 17))).astype("f4")
    base[random.random(base.shape) < 0.3] = np.nan
    tree = pyramid(cube_of(base, cells="float32"), levels=6, block=4)
    for level, found in enumerate(all_cells_of(tree, 6)[1:], 1):
        for at, window in windows(base, 2**level):
            valid = [Fraction(float(value)) for value in window[~np.isnan(window)]]
            if not valid:
                assert np.isnan(found[at])
                continue
            size = float(max(abs(value) for value in valid))
            wanted = float(sum(valid, Fraction(0)) / len(valid))
            assert found[at] == pytest.approx(wanted, rel=1e-6, abs=1e-12 * size)


@pytest.mark.parametrize("method", ["mean", "mode", "median", "max", "nearest"])
@pytest.mark.parametrize("block", [8, 64])
def test_a_factor_of_four_takes_every_second_level(method: PyramidResampling, block: int) -> None:
    cube = random_cube((66, 130))
    twos = pyramid(cube, levels=7, resampling=method, block=block)
    fours = pyramid(cube, levels=4, resampling=method, block=block, factor=4)
    cells = zip(all_cells_of(fours, 4), all_cells_of(twos, 7)[::2], strict=True)
    for level, (found, wanted) in enumerate(cells):
        there = (slice(-(-66 // 4**level)), slice(-(-130 // 4**level)))
        np.testing.assert_array_equal(found[there], wanted[there])
        box = geobox_of(fours[str(level)].to_dataset())
        assert box.affine.a == 10 * 4**level
        assert box.shape == (128 // 4**level, 192 // 4**level)
    assert fours.attrs["multiscales"]["layout"][1]["transform"]["scale"] == [4.0, 4.0]


def test_a_part_of_the_zooms_equals_that_of_all() -> None:
    cube = random_cube((300, 500), missing=0.2)
    whole = pyramid(cube, scheme="WebMercatorQuad")
    zoom = whole.attrs["xcube_tiles"]["zoom"]
    part = pyramid(cube, scheme="WebMercatorQuad", zooms=(zoom - 1, zoom))
    assert set(part.children) == {"0", "1"}
    open_end = pyramid(cube, scheme="WebMercatorQuad", zooms=(None, zoom - 1))
    assert open_end.attrs["xcube_tiles"]["zoom"] == zoom - 1
    for level in range(2):
        found, wanted = (level_of(tree, level) for tree in (part, whole))
        both = found.reindex_like(wanted, method="nearest", tolerance=1e-3, fill_value=-9999)
        np.testing.assert_array_equal(both, wanted)


def test_the_coarsest_zoom_lies_on_its_grid() -> None:
    scheme = ZoomedScheme("WebMercatorQuad")
    tree = pyramid(random_cube((300, 500)), scheme="WebMercatorQuad", zooms=(5, 11), factor=4)
    zooms = [11, 9, 7, 5]
    assert len(tree.children) == len(zooms)
    for level, zoom in enumerate(zooms):
        layout, affine = scheme.layout(zoom), geobox_of(tree[str(level)].to_dataset()).affine
        assert affine.a == pytest.approx(layout.resolution[0], rel=1e-12)
        for offset in (
            (affine.c - layout.origin[0]) / affine.a, (layout.origin[1] - affine.f) / affine.a,
        ):  # fmt: skip
            assert offset == pytest.approx(round(offset), abs=1e-6)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"factor": 3}, "factor must be 2 or 4, got 3"),
        ({"zooms": (1, 2)}, "a local scheme has levels and no zooms"),
        ({"scheme": "WebMercatorQuad", "zooms": (9, 8)}, "the smaller first"),
        ({"scheme": "WebMercatorQuad", "zooms": (9, 99)}, "of 0 to 24"),
        ({"scheme": "WebMercatorQuad", "zooms": 9}, "must be .coarsest, finest."),
        ({"scheme": "WebMercatorQuad", "zooms": (20, None)}, "finer than that of the cube"),
        ({"scheme": "WebMercatorQuad", "zooms": (9, 10), "levels": 2}, "either levels or"),
        ({"levels": 0}, "levels must be a number from 1"),
        ({"levels": True}, "levels must be a number from 1"),
    ],
)
def test_wrong_parts_of_pyramids_are_refused(wrong: dict[str, Any], words: str) -> None:
    with pytest.raises(GridError, match=words):
        pyramid(random_cube((300, 500)), **wrong)


def test_sums_that_may_overflow_are_refused() -> None:
    cells = da.zeros((2**16, 2**15), dtype="int32", chunks=2**11)
    cube = cube_of(np.zeros((1, 1)), cells="int32ud-1")
    big = cube_of(np.zeros((4, 2)), cells="int32ud-1")
    assert big.band.dtype == cube.band.dtype
    from xcube_tiles.catalog.pyramids.levels import coarsen_levels
    from xcube_tiles.cube.cells import cell_type_of

    how: dict[str, Any] = {
        "shapes": [(2**16, 2**16), (1, 1)], "exponents": (0, 16), "block": 2048,
        "cell_type": cell_type_of(cube.band), "min_valid": 0.0,
    }  # fmt: skip
    with pytest.raises(GridError, match="take fewer levels, or convert the cells to float64"):
        coarsen_levels(cells, method="mean", **how)
    with assert_lazy():
        assert len(coarsen_levels(cells, method="max", **how)) == 2


def test_levels_on_given_grids_are_those_of_the_pyramid() -> None:
    cube = random_cube((3, 75, 90)).chunk(time=1)
    tree = pyramid(cube, levels=4, block=16, min_valid=0.4)
    boxes = [geobox_of(tree[str(level)].to_dataset()) for level in range(4)]
    with assert_lazy():
        day = levels_on(cube.isel(time=[1]), boxes, {"band": "mean"}, 0.4, 16)
        padded = levels_on(tree["0"].to_dataset(), boxes, {"band": "mean"}, 0.4, 16)
    for level in range(4):
        wanted = cells_of(tree, level)
        np.testing.assert_array_equal(day["band"][level].compute(), wanted[1:2])
        np.testing.assert_array_equal(padded["band"][level].compute(), wanted)


def test_levels_on_other_grids_are_refused() -> None:
    cube = random_cube((75, 90))
    boxes = padded_geoboxes(geobox_of(cube), (0, 1, 2))
    moved = random_cube((75, 90))
    moved["x"] = moved.x + 5
    with pytest.raises(GridError, match="must lie on the base grid"):
        levels_on(cube, [boxes[1], boxes[2]], {"band": "mean"})
    with pytest.raises(GridError, match="begin at one corner"):
        levels_on(cube, [boxes[0], boxes[2], boxes[1]], {"band": "mean"})
    with pytest.raises(GridError, match="begin at one corner"):
        levels_on(cube, [boxes[0], boxes[1][1:, :]], {"band": "mean"})
