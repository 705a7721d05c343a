"""The reduced GoogLeNet against the poster's table, its parameters counted by hand."""

import pytest
import torch
from omegaconf import OmegaConf
from torch import nn

from dissect.composing.compose import compose
from dissect.images.build import build
from dissect.networks.inception import Inception, ReducedGoogLeNet

TABLE = {
    "classes": 200,
    "stem": 128,
    "modules": [
        [32, 48, 64, 8, 16, 16],
        [32, 48, 64, 8, 16, 16],
        [64, 96, 128, 16, 32, 32],
        [80, 120, 160, 20, 40, 40],
    ],
    "dropout": 0.0,
}


def count(network):
    return sum(weights.numel() for weights in network.parameters())


def shapes(network, side):
    """Each layer's output for an image of side x side, as (side, side, channels), by name."""
    maps, found = torch.zeros(2, 3, side, side), {}
    for name, layer in [*network.features.named_children(), *network.classifier.named_children()]:
        maps = layer(maps)
        found[name] = (*maps.shape[2:], maps.shape[1])
    return found


def test_the_shapes_are_those_of_the_posters_table():
    assert shapes(ReducedGoogLeNet(**TABLE), 64) == {
        "conv1": (62, 62, 128), "pool1": (30, 30, 128),
        "inception1": (30, 30, 128), "pool2": (16, 16, 128),
        "inception2": (16, 16, 128), "inception3": (16, 16, 256), "pool3": (8, 8, 256),
        "inception4": (8, 8, 320), "pool4": (1, 1, 320), "flatten": (320,), "fc": (200,),
    }  # fmt: skip


def test_the_configs_network_is_the_posters_table():
    model = compose(["model=inception", "data.classes=200"]).config.model
    assert count(build_of(model)) == count(ReducedGoogLeNet(**TABLE))
    assert OmegaConf.to_container(model.modules) == TABLE["modules"]


def build_of(model):
    arguments = {str(key): value for key, value in OmegaConf.to_container(model, resolve=True).items()}
    del arguments["_target_"]
    return ReducedGoogLeNet(**arguments)


def test_the_parameters_are_those_counted_by_hand():
    # Convolutions without bias, two numbers a filter for its normalisation, a dense layer with bias.
    def module(inputs, a, b, c, d, e, f):
        return inputs * (a + b + d + f) + 9 * b * c + 25 * d * e + 2 * (a + b + c + d + e + f)

    one, two, three, four = TABLE["modules"]
    by_hand = 3 * 9 * 128 + 2 * 128 + module(128, *one) + module(128, *two) + module(128, *three) + module(256, *four)
    assert count(ReducedGoogLeNet(**TABLE)) == by_hand + 320 * 200 + 200 == 568_000


def test_the_mean_of_the_last_map_is_the_posters_8x8_pool_at_64x64():
    torch.manual_seed(0)
    network = ReducedGoogLeNet(**TABLE).eval()
    images = torch.randn(2, 3, 64, 64)
    pooled = nn.AvgPool2d(8, stride=1)(network.features(images)).flatten(1)
    torch.testing.assert_close(network(images), network.classifier.fc(pooled))


@pytest.mark.parametrize(("side", "last"), [(60, 7), (32, 4), (30, 3), (16, 2), (8, 1)])
def test_smaller_images_and_windows_change_no_parameter(side, last):
    network = ReducedGoogLeNet(**TABLE)
    assert shapes(network, side)["inception4"] == (last, last, 320)
    assert network(torch.zeros(2, 3, side, side)).shape == (2, 200)


def test_a_module_puts_its_four_branches_side_by_side():
    torch.manual_seed(0)
    module = Inception(3, 4, 2, 5, 2, 6, 7, dropout=0.0).eval()
    maps = torch.randn(2, 3, 9, 9)
    found = module(maps)
    assert found.shape == (2, 4 + 5 + 6 + 7, 9, 9)
    # The last 7 channels by hand: the highest of each 3x3, projected, normalised by a fresh norm (mean 0, variance 1).
    highest = nn.functional.pad(maps, (1, 1, 1, 1), value=-torch.inf).unfold(2, 3, 1).unfold(3, 3, 1).amax((4, 5))
    projected = torch.einsum("oi,nihw->nohw", module.pool[1].conv.weight[:, :, 0, 0], highest)
    torch.testing.assert_close(found[:, 15:], torch.relu(projected) / (1 + 1e-5) ** 0.5, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(found[:, 4:9], module.three(maps))


@pytest.mark.parametrize("dropout", [0.0, 0.25])
def test_every_convolution_is_followed_by_normalisation_relu_and_dropout(dropout):
    layers = [layer for layer in ReducedGoogLeNet(**TABLE | {"dropout": dropout}).modules() if not [*layer.children()]]
    after = [type(layer).__name__ for layer in layers]
    places = [place for place, name in enumerate(after) if name == "Conv2d"]
    assert len(places) == 1 + 4 * 6
    last = "Dropout" if dropout else "Identity"
    assert all(after[place + 1 : place + 4] == ["BatchNorm2d", "ReLU", last] for place in places)
    assert all(layers[place + 3].p == dropout for place in places if dropout)


def test_dropout_that_is_off_draws_no_random_number():
    network = ReducedGoogLeNet(**TABLE)
    before = torch.get_rng_state()
    network(torch.zeros(2, 3, 16, 16))
    assert torch.equal(before, torch.get_rng_state())


def test_width_multiplies_every_number_of_filters():
    half = ReducedGoogLeNet(**TABLE, width=0.5)
    assert shapes(half, 16)["inception4"] == (2, 2, 160)
    assert half.features.inception1.three[0].conv.out_channels == 24


@pytest.mark.parametrize("wrong", [{"dropout": 1.0}, {"width": 0.01}, {"modules": TABLE["modules"][:3]}])
def test_impossible_arguments_are_named(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        ReducedGoogLeNet(**TABLE | wrong)


def test_each_step_of_its_ladder_changes_what_it_says(variant):
    steps = ["offline_augmentation", "conv_dropout", "more_filters"]
    made = [variant("model=inception", f"component=[{','.join(steps[:n])}]") for n in range(4)]
    assert [one.name for one in made] == ["step1", "step2", "step3", "step4"]
    assert [one.config.augmentation.offline is not None for one in made] == [False, True, True, True]
    assert [one.config.model.dropout > 0 for one in made] == [False, False, True, True]
    ours, theirs = made[3].config.model, made[0].config.model
    assert ours.stem == 1.5 * theirs.stem
    assert [[*row] for row in ours.modules] == [[1.5 * size for size in row] for row in theirs.modules]


def test_it_is_built_and_initialised_from_its_config(variant):
    network = build(variant("model=inception", "data.classes=10", "component=[conv_dropout]").config, seed=0)
    assert network(torch.zeros(2, 3, 16, 16)).shape == (2, 10)
    # He et al. 2015: variance 2 / fan-in, of the 3x3 with 96 channels before it
    assert network.features.inception3.three[1].conv.weight.var().item() == pytest.approx(2 / (9 * 96), rel=0.03)
