from functools import partial

import pytest
import torch
from torch import nn

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
