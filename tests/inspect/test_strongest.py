"""The strongest images, and what is shown of them."""

import numpy as np
import pytest
import torch
from torch import nn

from dissect.errors import InputError
from dissect.inspect import strongest

NETWORK = nn.Sequential(nn.Conv2d(3, 7, 3), nn.LeakyReLU(0.1, inplace=True), nn.Flatten(), nn.Linear(7 * 36, 5))
IMAGES = torch.randn(40, 3, 8, 8, generator=torch.Generator().manual_seed(0))


def test_a_units_activation_is_the_maximum_over_its_map():
    found = strongest.activations(NETWORK, ["0", "3"], IMAGES.split(7))
    assert found["0"] == pytest.approx(NETWORK[0](IMAGES).detach().numpy().max((2, 3)))
    assert found["3"] == pytest.approx(NETWORK(IMAGES).detach().numpy(), abs=1e-6)


def test_a_layer_of_neither_maps_nor_units_is_refused():
    with pytest.raises(InputError, match="neither maps nor units"):
        strongest.activations(nn.Sequential(nn.Flatten(2)), ["0"], [IMAGES])


def test_the_strongest_six_are_those_of_brute_force():
    activation = np.random.default_rng(0).normal(size=200).round(1)  # with ties
    left, expected = list(range(200)), []
    for _ in range(6):
        best = left[0]
        for number in left:
            if activation[number] > activation[best]:
                best = number
        expected.append(best)
        left.remove(best)
    assert strongest.strongest(activation, 6).tolist() == expected
    assert strongest.strongest(np.array([1.0, 3.0, 3.0]), 6).tolist() == [1, 2, 0]


def test_what_is_shown_is_cut_to_what_the_unit_sees():
    network = nn.Sequential(nn.Conv2d(3, 2, 3, bias=False), nn.ReLU())
    images = torch.zeros(2, 3, 8, 8)
    images[0, :, 4, 5], images[1, :, 1, 2] = 9, 9
    with torch.no_grad():
        network[0].weight.zero_()[1, :, 1, 1] = 1.0  # unit 1 sees the middle of its 3x3
    found = strongest.excited(network, "1", 1, images, np.array([12, 3]), np.array([27.0, 26.0]))
    assert [one.image for one in found] == [12, 3]
    assert [one.box for one in found] == [(4, 4, 5, 5), (1, 1, 2, 2)]
    for one in found:
        assert one.views["gradient"].tolist() == [[[1, 1, 1]]]
        assert one.views["deconvolution"].tolist() == [[[1, 1, 1]]]


def test_a_unit_that_is_never_active_is_shown_as_grey_and_not_as_an_error():
    network = nn.Sequential(nn.Conv2d(3, 1, 3), nn.ReLU())
    with torch.no_grad():
        network[0].weight.zero_(), network[0].bias.fill_(-1.0)
    one = strongest.excited(network, "1", 0, torch.ones(1, 3, 8, 8), np.array([0]), np.array([0.0]))[0]
    assert one.box == (0, 7, 0, 7)
    assert (one.views["gradient"] == 0).all()
    assert (one.views["guided"] == 0.5).all()


def test_the_extent_is_the_smallest_box_around_what_is_not_zero():
    flow = np.zeros((9, 9, 3))
    flow[2, 3, 0], flow[5, 4, 2] = -1, 1e-9
    assert strongest.extent(flow) == (2, 5, 3, 4)
    assert strongest.extent(np.zeros((9, 8, 3))) == (0, 8, 0, 7)


def test_squares_have_one_size_hold_their_boxes_and_stay_inside():
    random = np.random.default_rng(0)
    for _ in range(200):
        ends = np.sort(random.integers(0, 12, (4, 2, 2)), axis=2).reshape(4, 4)
        squares = np.array(strongest.squares([tuple(map(int, box)) for box in ends], side=12))
        sizes = squares[:, [1, 3]] - squares[:, [0, 2]]
        assert (sizes == (ends[:, [1, 3]] - ends[:, [0, 2]]).max()).all()
        assert (squares[:, [0, 2]] <= ends[:, [0, 2]]).all()
        assert (squares[:, [1, 3]] >= ends[:, [1, 3]]).all()
        assert squares.min() >= 0
        assert squares.max() <= 11


def test_units_are_spread_evenly():
    assert strongest.spread_units(64) == [0, 16, 32, 48]
    assert strongest.spread_units(3) == [0, 1, 2]


def test_signed_values_are_grey_at_zero_and_saliency_is_the_largest_colour():
    flow = np.array([[[0.0, -2.0, 1.0], [0.5, 0.0, 0.0]]])
    assert strongest.coloured(flow).tolist() == [[[0.5, 0.0, 0.75], [0.625, 0.5, 0.5]]]
    assert strongest.strength(flow).tolist() == [[[1, 1, 1], [0.25, 0.25, 0.25]]]
