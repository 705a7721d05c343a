import math

import pytest
import torch
from torch import nn

from dissect.networks.init import gaussian, he, own
from dissect.streams import stream


def layers() -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(8, 64, 5), nn.ReLU(), nn.Flatten(), nn.Linear(500, 400))


def seeded(seed):
    return lambda name: stream(seed, name)


def test_he_draws_with_standard_deviation_root_of_two_over_fan_in():
    network = layers()
    he(network, layer_seed=seeded(0))
    assert network[0].weight.std().item() == pytest.approx(math.sqrt(2 / (8 * 25)), rel=0.03)
    assert network[3].weight.std().item() == pytest.approx(math.sqrt(2 / 500), rel=0.03)
    assert not network[0].bias.any()
    assert not network[3].bias.any()


def test_gaussian_draws_with_one_standard_deviation_for_all_layers():
    network = layers()
    gaussian(network, layer_seed=seeded(0), std=0.03)
    for layer in (network[0], network[3]):
        assert layer.weight.std().item() == pytest.approx(0.03, rel=0.03)


def test_own_leaves_the_constructors_weights():
    network = layers()
    before = network[0].weight.clone()
    own(network, layer_seed=seeded(0))
    assert torch.equal(network[0].weight, before)


@pytest.mark.parametrize("rule", [he, lambda network, layer_seed: gaussian(network, layer_seed=layer_seed, std=0.03)])
def test_one_seed_gives_equal_weights_and_another_different_ones(rule):
    first, again, other = layers(), layers(), layers()
    rule(first, layer_seed=seeded(1))
    rule(again, layer_seed=seeded(1))
    rule(other, layer_seed=seeded(2))
    assert torch.equal(first[0].weight, again[0].weight)
    assert not torch.equal(first[0].weight, other[0].weight)


def test_a_layer_of_equal_name_and_shape_starts_equal_whatever_else_the_network_holds():
    small, large = (
        nn.ModuleDict({"conv1": nn.Conv2d(3, 4, 3)}),
        nn.ModuleDict({"extra": nn.Linear(9, 9), "conv1": nn.Conv2d(3, 4, 3)}),
    )
    he(small, layer_seed=seeded(5))
    he(large, layer_seed=seeded(5))
    assert torch.equal(small["conv1"].weight, large["conv1"].weight)


def test_a_standard_deviation_of_nothing_is_refused():
    with pytest.raises(ValueError, match="std=0"):
        gaussian(layers(), layer_seed=seeded(0), std=0)
