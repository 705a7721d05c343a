from functools import partial

import pytest
import torch
from hydra.utils import instantiate
from torch import nn

from dissect.errors import InputError
from dissect.images.build import build
from dissect.networks.convnet import ConvNet, halved, pool

STEP1 = {"classes": 200, "image_size": 64, "filters": (50, 100, 200), "hidden": 400, "activation": nn.ReLU,
         "split_conv2": False, "dropout1": 0.0, "dropout2": 0.0}  # fmt: skip
STEP5 = STEP1 | {"filters": (64, 128, 256), "hidden": 2048}
STEP7 = STEP5 | {"split_conv2": True, "dropout1": 0.5, "dropout2": 0.5}


def count(network: nn.Module) -> int:
    return sum(weights.numel() for weights in network.parameters())


def test_step_1_has_the_parameters_of_the_report():
    # 3·25·50+50, 50·25·100+100, 100·9·200+200, 200·8·8·400+400, 400·200+200
    assert count(ConvNet(**STEP1)) == 3_800 + 125_100 + 180_200 + 5_120_400 + 80_200 == 5_509_700


def test_the_wider_and_the_split_network_have_the_parameters_of_the_report():
    assert count(ConvNet(**STEP5)) == 34_471_240
    assert count(ConvNet(**STEP5 | {"split_conv2": True})) == 34_635_336
    assert count(ConvNet(**STEP7)) == 34_635_336


def test_the_split_convolution_is_three_3x3_with_an_activation_each_and_no_pool_between():
    names = [type(layer).__name__ for layer in ConvNet(**STEP7).features]
    assert names == [
        "Conv2d", "ReLU", "MaxPool2d",
        "Conv2d", "ReLU", "Conv2d", "ReLU", "Conv2d", "ReLU", "MaxPool2d",
        "Conv2d", "ReLU", "MaxPool2d",
    ]  # fmt: skip


@pytest.mark.parametrize(("image", "crop", "map_side"), [(64, 60, 8), (32, 30, 4), (16, 15, 2)])
def test_a_crop_pools_to_the_same_map_as_the_whole_image(image, crop, map_side):
    network = ConvNet(**STEP1 | {"image_size": image})
    for side in (image, crop):
        assert network.features(torch.zeros(1, 3, side, side)).shape == (1, 200, map_side, map_side)
        assert network(torch.zeros(1, 3, side, side)).shape == (1, 200)


def test_pooling_rounds_up_as_caffes_does():
    # Caffe's pooling layer: ceil((5 - 2) / 2) + 1 = 3
    assert pool()(torch.zeros(1, 1, 5, 5)).shape == (1, 1, 3, 3)
    assert [halved(side) for side in (64, 60, 15, 1)] == [32, 30, 8, 1]


def test_dropout_that_is_off_is_the_identity_and_draws_no_random_number():
    network = ConvNet(**STEP1)
    assert not any(isinstance(layer, nn.Dropout) for layer in network.modules())
    before = torch.get_rng_state()
    network(torch.zeros(1, 3, 64, 64))
    assert torch.equal(before, torch.get_rng_state())


def test_dropouts_stand_where_the_report_puts_them():
    network = ConvNet(**STEP1 | {"dropout1": 0.5, "dropout2": 0.25})
    assert list(network.classifier._modules) == ["flatten", "drop2", "fc1", "act4", "drop1", "fc2"]
    assert (network.classifier.drop1.p, network.classifier.drop2.p) == (0.5, 0.25)


def test_the_activation_stands_after_each_convolution_and_the_first_dense_layer():
    network = ConvNet(**STEP1 | {"activation": partial(nn.LeakyReLU, negative_slope=0.01)})
    assert sum(isinstance(layer, nn.LeakyReLU) for layer in network.modules()) == 4


def test_width_multiplies_filters_and_hidden_units():
    network = ConvNet(**STEP1 | {"width": 0.5})
    assert (network.features.conv1.out_channels, network.features.conv3.out_channels) == (25, 100)
    assert network.classifier.fc1.out_features == 200


@pytest.mark.parametrize("wrong", [{"dropout1": 1.0}, {"dropout2": -0.1}, {"width": 0.001}])
def test_impossible_arguments_are_named(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        ConvNet(**STEP1 | wrong)


MORE = {"filters": (64, 128, 256), "hidden": 2048}
SCALES = [{}, {"width": 0.25}, {"classes": 10, "image_size": 16}, {"classes": 10, "image_size": 8, "width": 0.5}]


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("split", [False, True])
def test_the_dense_layer_alone_takes_as_many_parameters_as_the_wider_network(scale, split):
    own = STEP1 | scale | {"split_conv2": split}
    network = ConvNet(**own, match={"fc1": MORE})
    one_unit = network.classifier.fc1.in_features + 1 + own["classes"]
    assert abs(count(network) - count(ConvNet(**own | MORE))) <= one_unit / 2
    assert shapes(network.features) == shapes(ConvNet(**own).features)


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("size", [{}, MORE])
def test_the_second_convolution_unsplit_takes_as_many_parameters_as_the_split_one(scale, size):
    own = STEP1 | scale | size
    network = ConvNet(**own, match={"conv2": {"split_conv2": True}})
    conv1, conv2, conv3 = (layer for layer in network.features if isinstance(layer, nn.Conv2d))
    one_filter = 25 * conv1.out_channels + 1 + 9 * conv3.out_channels
    assert abs(count(network) - count(ConvNet(**own | {"split_conv2": True}))) <= one_filter / 2
    assert conv2.kernel_size == (5, 5)
    assert shapes(network.classifier) == shapes(ConvNet(**own).classifier)


def shapes(part: nn.Module) -> dict[str, torch.Size]:
    return {name: weights.shape for name, weights in part.named_parameters()}


def test_matched_networks_of_the_report_have_the_units_worked_by_hand():
    # (34,471,240 - 5,509,700) / (12,800 + 1 + 200) = 2227.6 units more
    assert ConvNet(**STEP1, match={"fc1": MORE}).classifier.fc1.out_features == 400 + 2228
    # 164,096 / (25·64 + 1 + 9·256) = 42.02 filters more
    assert ConvNet(**STEP5, match={"conv2": {"split_conv2": True}}).features.conv2.out_channels == 128 + 42


def test_matching_a_count_changes_no_draw_of_the_constructor():
    torch.manual_seed(0)
    plain = ConvNet(**STEP1 | {"hidden": 40, "image_size": 16})
    torch.manual_seed(0)
    matched = ConvNet(**STEP1 | {"hidden": 7, "image_size": 16}, match={"fc1": {"hidden": 40}})
    assert plain.state_dict().keys() == matched.state_dict().keys()
    assert all(torch.equal(weights, matched.state_dict()[name]) for name, weights in plain.state_dict().items())


@pytest.mark.parametrize(
    ("match", "said"),
    [
        ({"fc2": {"hidden": 9}}, "must name one layer"),
        ({}, "must name one layer"),
        ({"fc1": MORE, "conv2": {"split_conv2": True}}, "must name one layer"),
        ({"fc1": {"hidden": 1, "filters": (1, 1, 1)}}, "more parameters already"),
    ],
)
def test_a_match_that_cannot_be_is_refused(match, said):
    with pytest.raises(ValueError, match=said):
        ConvNet(**STEP1, match=match)
    with pytest.raises(ValueError, match="not split"):
        ConvNet(**STEP7, match={"conv2": {"hidden": 1}})


@pytest.mark.parametrize(
    ("control", "structure"), [("count_in_dense", "more_parameters"), ("count_in_conv2", "split_conv2")]
)
def test_a_controls_component_matches_the_component_that_it_stands_for(variant, control, structure):
    sizes = {
        name: count(instantiate(variant(f"component=[{name}]", "model.width=0.5").config.model))
        for name in (control, structure)
    }
    assert sizes[control] == pytest.approx(sizes[structure], rel=0.005)
    with pytest.raises(InputError, match=f"{control}: excludes {structure}"):
        variant(f"component=[{control},{structure}]")


@pytest.mark.parametrize("name", ["leaky_relu", "gelu", "silu", "mish"])
def test_each_activation_takes_the_place_of_the_bases(variant, name):
    made = variant("model.width=0.1", f"component=[{name}]").config
    kinds = {type(layer).__name__.lower() for layer in build(made, seed=0).modules()}
    assert name.replace("_", "") in kinds
    assert "relu" not in kinds
