"""The parts of the synthetic landscape: noise, water, parcels, plants and the sun."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from xcube_tiles.testing.drainage import CONCAVITY, STEEPEST, drained_heights
from xcube_tiles.testing.noise import SPAN, fractal_noise, resample_lattice
from xcube_tiles.testing.parcels import make_parcels
from xcube_tiles.testing.phenology import BANDS, CROPS, crop
from xcube_tiles.testing.sun import Sun

if TYPE_CHECKING:
    from numpy.typing import NDArray

X = (np.arange(256) + 0.5) * (SPAN / 256)


@pytest.mark.parametrize("octaves", [1, 3, 6])
def test_noise_has_about_zero_mean_and_unit_deviation(octaves: int) -> None:
    fields = [
        fractal_noise(X, X, seed=(seed,), wavelength=1_000.0, octaves=octaves) for seed in range(4)
    ]
    assert abs(np.mean(fields)) < 0.1
    assert 0.8 < np.std(fields) < 1.25


def test_noise_of_a_part_is_part_of_the_noise() -> None:
    whole = fractal_noise(X, X, seed=(1, 2), wavelength=3_000.0)
    part = fractal_noise(X[40:90], X[10:20], seed=(1, 2), wavelength=3_000.0)
    np.testing.assert_allclose(part, whole[10:20, 40:90], atol=1e-5)


def test_noise_is_smooth() -> None:
    field = fractal_noise(X, X, seed=(5,), wavelength=4_000.0, octaves=1)
    assert np.abs(np.diff(field, axis=0)).max() < 0.25


def test_a_lattice_keeps_planes() -> None:
    """The cubic B-spline has linear precision: a slope stays a slope, beyond the edge too."""
    centres = (np.arange(20) + 0.5) * (SPAN / 20)
    lattice = (2 * centres[:, None] + 3 * centres).astype(np.float32)
    got = resample_lattice(lattice, X, X)
    np.testing.assert_allclose(got, 2 * X[:, None] + 3 * X, rtol=1e-5, atol=1)


def _noisy(shape: tuple[int, int], seed: int) -> NDArray[np.float32]:
    return np.random.default_rng(seed).uniform(0.5, 2, shape).astype(np.float32)


def test_a_straight_stream_has_the_profile_of_the_formula() -> None:
    """One row draining to its left end: the slope of a cell is uplift times area ** -0.45."""
    outlets = np.array([[True, False, False, False]])
    flat = np.ones((1, 4), np.float32)
    got = drained_heights(flat, 0.1 * flat, outlets, cell=10.0)[0]
    areas = np.array([3, 2, 1])
    np.testing.assert_allclose(got, np.r_[0, np.cumsum(areas**-CONCAVITY)], rtol=1e-6)


@pytest.mark.parametrize("seed", range(3))
def test_water_finds_its_way_down_from_everywhere(seed: int) -> None:
    shape = (24, 30)
    outlets = np.zeros(shape, bool)
    outlets[12, 3] = True
    uplift = np.full(shape, 0.2, np.float32)
    heights = drained_heights(_noisy(shape, seed), uplift, outlets, cell=50.0)
    padded = np.pad(heights, 1, constant_values=np.inf)
    around = [
        padded[1 + down : 25 + down, 1 + right : 31 + right]
        for down in (-1, 0, 1)
        for right in (-1, 0, 1)
        if down or right
    ]
    assert (heights[~outlets] > np.min(around, axis=0)[~outlets]).all()
    assert heights[12, 3] == 0


def test_no_slope_is_steeper_than_the_limit() -> None:
    shape = (20, 20)
    outlets = np.zeros(shape, bool)
    outlets[:, 0] = True
    heights = drained_heights(_noisy(shape, 1), np.full(shape, 9.0, np.float32), outlets, cell=10.0)
    for axis in (0, 1):
        assert np.abs(np.diff(heights, axis=axis)).max() <= 10 * STEEPEST + 1e-3


def test_parcels_are_numbered_below_the_count_and_repeatable() -> None:
    parcels = [
        make_parcels(X, X, seed=(9,), block=1_500.0, parcel=(200.0, 500.0), numbers=77)
        for _ in range(2)
    ]
    np.testing.assert_array_equal(parcels[0].number, parcels[1].number)
    assert parcels[0].number.max() < 77
    assert np.unique(parcels[0].number).size > 60
    assert 0.005 < parcels[0].track.mean() < 0.2


def test_parcels_are_patches_not_grains() -> None:
    number = make_parcels(
        X, X, seed=(2,), block=2_500.0, parcel=(600.0, 900.0), numbers=5_000
    ).number
    equal = number[:, 1:] == number[:, :-1]
    assert equal.mean() > 0.7


def test_the_year_of_every_crop_is_closed_and_a_share() -> None:
    days = np.arange(0.0, 730.0)
    for plant in CROPS:
        green = plant.green_share(days)
        assert ((green >= 0) & (green <= 1)).all(), plant.name
        np.testing.assert_allclose(green[:365], green[365:])
        assert np.abs(np.diff(green)).max() < 0.1, plant.name


def test_rapeseed_flowers_yellow() -> None:
    one = np.ones(1)
    blossom, leaves = (
        dict(zip(BANDS, crop("rapeseed").spectrum(day * one, one, one)[0], strict=True))
        for day in (120, 95)
    )
    assert blossom["green"] > 2 * leaves["green"]
    assert blossom["red"] > 2 * leaves["red"]
    assert blossom["blue"] < blossom["red"] / 2


def test_an_unknown_crop_is_refused() -> None:
    with pytest.raises(KeyError, match="wheat, maize"):
        crop("rice")


@pytest.mark.parametrize(("day", "declination"), [(172, 23.45), (355, -23.45), (81, 0.0)])
def test_the_noon_sun_stands_in_the_south(day: int, declination: float) -> None:
    sun = Sun.on_day(day, latitude=46.6, hour=12.0)
    assert sun.height == pytest.approx(90 - 46.6 + declination, abs=0.1)
    assert sun.azimuth == pytest.approx(180, abs=0.01)


def test_the_morning_sun_stands_in_the_east() -> None:
    assert 90 < Sun.on_day(200, hour=9.0).azimuth < 180
    assert 180 < Sun.on_day(200, hour=15.0).azimuth < 270


def test_slopes_toward_the_sun_are_brighter() -> None:
    sun = Sun(height=30.0, azimuth=180.0)
    rise = np.array([[-0.5, 0.0, 0.5, 2.0]], np.float32)
    # y grows to the south: ground that rises to the south faces north.
    light = sun.light(np.zeros_like(rise), rise)[0]
    assert light[0] > light[1] == 1 > light[2] > light[3] == 0
