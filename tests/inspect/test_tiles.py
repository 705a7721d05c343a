"""Filters and maps as pictures."""

import numpy as np
import pytest

from dissect.inspect import tiles

FILTERS = np.random.default_rng(0).normal(size=(5, 3, 3, 3)) * np.array([1, 2, 3, 4, 5])[:, None, None, None]


def test_a_filter_by_its_own_range_goes_from_zero_to_one_in_proportion():
    for picture, weights in zip(tiles.each_scaled(FILTERS), FILTERS, strict=True):
        assert (picture.min(), picture.max()) == (0, 1)
        assert picture * np.ptp(weights) + weights.min() == pytest.approx(weights)
    assert (tiles.each_scaled(np.full((1, 2, 2, 3), 7.0)) == 0.5).all()


def test_by_one_range_filters_keep_their_sizes_and_zero_is_grey():
    scaled = tiles.together_scaled(FILTERS)
    assert (scaled - 0.5) * 2 * np.abs(FILTERS).max() == pytest.approx(FILTERS)
    assert (scaled.min() == 0) != (scaled.max() == 1)
    assert (tiles.together_scaled(np.zeros((1, 2, 2, 3))) == 0.5).all()


def test_each_tile_stands_in_its_place_with_white_between():
    pictures = np.arange(5 * 2 * 3 * 3).reshape(5, 2, 3, 3) / 100
    sheet = tiles.mosaic(pictures, columns=2)
    assert sheet.shape == (3 * 3 + 1, 2 * 4 + 1, 3)
    for number, (row, column) in enumerate([(0, 0), (0, 1), (1, 0), (1, 1), (2, 0)]):
        assert (sheet[3 * row + 1 : 3 * row + 3, 4 * column + 1 : 4 * column + 4] == pictures[number]).all()
    assert (sheet[::3] == 1).all()
    assert (sheet[:, ::4] == 1).all()
    assert (sheet[7:, 5:] == 1).all()


def test_small_tiles_are_enlarged_by_whole_pixels():
    large = tiles.enlarged(FILTERS)
    assert large.shape == (5, 33, 33, 3)
    assert (large[:, ::11, ::11] == FILTERS).all()
    assert (large[:, 10::11, 10::11] == FILTERS).all()
    assert tiles.enlarged(np.zeros((1, 40, 50, 3))).shape == (1, 40, 50, 3)
