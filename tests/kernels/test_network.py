from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from xcube_tiles.kernels.network import median_network, sorting_network


def run(network: np.ndarray, columns: np.ndarray) -> np.ndarray:
    columns = columns.copy()
    for i, j in network:
        low, high = np.minimum(columns[i], columns[j]), np.maximum(columns[i], columns[j])
        columns[i], columns[j] = low, high
    return columns


@pytest.mark.parametrize("size", range(1, 13))
def test_sorts_every_column_of_zeros_and_ones(size: int) -> None:
    # The zero-one principle (Knuth 5.3.4, theorem Z): then it sorts everything.
    columns = np.array(list(product((0, 1), repeat=size))).T
    np.testing.assert_array_equal(run(sorting_network(size), columns), np.sort(columns, axis=0))


@pytest.mark.parametrize("size", [24, 31, 64, 65, 100, 365])
def test_sorts_columns_of_many_values(size: int) -> None:
    columns = np.random.default_rng(size).random((size, 200))
    np.testing.assert_array_equal(run(sorting_network(size), columns), np.sort(columns, axis=0))


@pytest.mark.parametrize("size", [1, 2, 3, 12, 24, 33, 64])
def test_the_median_network_puts_the_lower_half_in_place(size: int) -> None:
    columns = np.random.default_rng(size).random((size, 200))
    half = size // 2 + 1
    sorted_half = np.sort(columns, axis=0)[:half]
    np.testing.assert_array_equal(run(median_network(size), columns)[:half], sorted_half)
    assert len(median_network(size)) <= len(sorting_network(size))


def test_comparisons_are_as_many_as_knuth_says() -> None:
    # 5.2.2, exercise 14: 63 comparisons for 16 values, 19 for 8.
    assert [len(sorting_network(size)) for size in (1, 2, 4, 8, 16)] == [0, 1, 5, 19, 63]


def test_networks_are_shared_and_can_not_be_written() -> None:
    assert sorting_network(24) is sorting_network(24)
    with pytest.raises(ValueError, match="read-only"):
        sorting_network(24)[0, 0] = 1
