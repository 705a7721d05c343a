"""The small residual network: each idea against a hand calculation or another library, and what is refused."""

from functools import partial

import pytest
import torch
from torch import nn
from torchvision.models.convnext import LayerNorm2d

from dissect.images.build import build
from dissect.networks.resnet import BlurPool, GroupNorm, ResNet

PLAIN = {
    "classes": 5, "image_size": 32, "filters": [4, 8, 16, 32], "blocks": [1, 1, 1], "hidden": 10, "activation": nn.ReLU,
    "norm": None, "residual": False, "zero_init": False, "squeeze_excitation": 0.0, "blur": False, "patch": 0,
    "global_pool": False, "stochastic_depth": 0.0, "dropout": 0.0,
}  # fmt: skip
NORMED = PLAIN | {"norm": nn.BatchNorm2d, "residual": True, "global_pool": True}


def count(**options):
    return sum(weights.numel() for weights in ResNet(**PLAIN | options).parameters())


def shapes(network, side):
    maps, found = torch.zeros(2, 3, side, side), {}
    for name, layer in network.features.named_children():
        maps = layer(maps)
        found[name] = (*maps.shape[2:], maps.shape[1])
    return found


@pytest.mark.parametrize("blur", [False, True])
@pytest.mark.parametrize(("side", "patch", "sides"), [(32, 0, (32, 16, 8, 4)), (64, 0, (64, 32, 16, 8)),
                                                      (64, 2, (32, 16, 8, 4)), (30, 0, (30, 15, 8, 4))])  # fmt: skip
def test_the_shapes_are_those_of_its_table(side, patch, sides, blur):
    network = ResNet(**PLAIN | {"image_size": side, "patch": patch, "blur": blur})
    assert list(shapes(network, side).values()) == [(n, n, c) for n, c in zip(sides, (4, 8, 16, 32), strict=True)]
    assert network(torch.zeros(2, 3, side, side)).shape == (2, 5)


def test_the_parameters_are_those_counted_by_hand():
    def conv(inputs, outputs):
        return 9 * inputs * outputs + outputs  # a bias, or without norm's shift one of batch norm and its scale

    convs = conv(3, 4) + sum(conv(a, b) + 2 * conv(b, b) for a, b in ((4, 8), (8, 16), (16, 32)))
    dense = 32 * 4 * 4 * 10 + 10 + 10 * 5 + 5
    assert count() == convs + dense
    filters = 4 + 3 * (8 + 16 + 32)
    assert count(norm=nn.BatchNorm2d) == count(norm=LayerNorm2d) == convs + filters + dense
    assert count(norm=partial(GroupNorm, groups=2), residual=True, zero_init=True) == count(norm=nn.BatchNorm2d)
    assert count(global_pool=True) == convs + 32 * 5 + 5
    assert count(patch=2, global_pool=True) == count(global_pool=True) - 3 * 4 * (9 - 4)
    squeezed = sum(2 * c * (c // 4) + c // 4 + c for c in (8, 16, 32))
    assert count(squeeze_excitation=0.25) == count() + squeezed
    assert count(blocks=[2, 1, 0]) == count() + 2 * conv(8, 8) - 2 * conv(32, 32)


def test_a_residual_block_adds_its_input_and_a_plain_one_does_not():
    maps = torch.randn(2, 8, 6, 6)
    for residual in (True, False):
        block = ResNet(**NORMED | {"residual": residual}).features.stage1.blocks[0].eval()
        made = block.conv2(torch.relu(block.conv1.conv(maps) / (1 + 1e-5) ** 0.5))
        torch.testing.assert_close(block(maps), torch.relu(maps + made if residual else made))


def test_zero_init_begins_as_a_network_without_blocks():
    torch.manual_seed(0)
    network = ResNet(**NORMED | {"zero_init": True}).eval()
    images = torch.randn(2, 3, 32, 32)
    logits = network(images)
    for stage in (network.features.stage1, network.features.stage2, network.features.stage3):
        stage.blocks = nn.Identity()
    torch.testing.assert_close(network(images), logits)


def test_the_blurred_pool_is_a_binomial_filter_of_the_maxima():
    maps = torch.randn(2, 3, 8, 8)
    line = torch.tensor([1.0, 2.0, 1.0]) / 4
    highest = nn.functional.max_pool2d(maps, 2, stride=1)  # (7, 7), of places 0 to 6
    by_hand = torch.einsum("i,j,ncxyij->ncxy", line, line, highest[:, :, 1:, 1:].unfold(2, 3, 2).unfold(3, 3, 2))
    torch.testing.assert_close(BlurPool()(maps)[:, :, 1:3, 1:3], by_hand)
    torch.testing.assert_close(BlurPool()(torch.ones(1, 2, 5, 7)), torch.ones(1, 2, 3, 4))


def test_group_norm_takes_the_channels_and_is_torchs():
    maps = torch.randn(2, 8, 4, 4)
    torch.testing.assert_close(GroupNorm(8, groups=2)(maps), nn.functional.group_norm(maps, 2))


def test_stochastic_depth_leaves_out_later_blocks_more_often_and_none_at_evaluation():
    network = ResNet(**NORMED | {"blocks": [1, 2, 1], "stochastic_depth": 0.4})
    stages = network.features.stage1, network.features.stage2, network.features.stage3
    assert [block.depth.p for stage in stages for block in stage.blocks] == pytest.approx([0.1, 0.2, 0.3, 0.4])
    images = torch.randn(4, 3, 32, 32)
    assert not torch.equal(network(images), network(images))
    assert torch.equal(network.eval()(images), network(images))


def test_what_is_off_draws_no_random_number():
    network, before = ResNet(**NORMED), torch.get_rng_state()
    network(torch.zeros(2, 3, 32, 32))
    assert torch.equal(before, torch.get_rng_state())


def test_width_multiplies_every_number_of_filters():
    assert count(width=2.0) == count(filters=[8, 16, 32, 64], hidden=20)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"dropout": 1.0}, "dropout=1.0: must be a share"),
        ({"stochastic_depth": 0.1}, "stochastic_depth=0.1: does nothing without model.residual=true"),
        ({"residual": True, "zero_init": True}, "zero_init=True: does nothing without .* a norm"),
        ({"width": 0.01}, "width=0.01: leaves a layer"),
        ({"filters": [1, 2, 3]}, "four numbers"),
    ],
)
def test_what_cannot_be_is_refused(wrong, message):
    with pytest.raises(ValueError, match=message):
        ResNet(**PLAIN | wrong)


OF_THE_NETWORK = ["batch_norm", "group_norm", "layer_norm", "residual", "squeeze_excitation", "blur_pool", "patchify",
                  "global_pool", "dropout", "leaky_relu", "gelu", "silu", "mish"]  # fmt: skip


@pytest.mark.parametrize("name", OF_THE_NETWORK)
def test_each_component_alone_makes_another_network_that_learns(name, variant):
    made = variant("model=resnet", "model.width=0.25", "data.classes=10", "data.image_size=16", f"component=[{name}]")
    images = torch.randn(4, 3, 16, 16)
    logits = []
    for config in (made.base, made.config):
        network = build(config, seed=0).train()
        torch.manual_seed(0)
        logits.append(network(images))
    assert not torch.allclose(*logits)
    logits[1].sum().backward()
    assert all(weights.grad is not None and weights.grad.isfinite().all() for weights in network.parameters())
