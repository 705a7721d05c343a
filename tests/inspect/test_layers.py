"""Layers by name: what they put out, and which are shown."""

import pytest
import torch
from torch import Tensor, nn

from dissect.errors import InputError
from dissect.inspect import layers
from dissect.networks.convnet import ConvNet


class Parallel(nn.Module):
    """Two branches side by side, as in an inception module."""

    def __init__(self, inputs: int) -> None:
        super().__init__()
        self.narrow, self.wide = nn.Conv2d(inputs, 2, 1), nn.Conv2d(inputs, 3, 3, padding=1)

    def forward(self, images: Tensor) -> Tensor:
        return torch.cat([self.narrow(images), self.wide(images)], 1).relu()


class Branched(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 4, 3)
        self.act = nn.ReLU(inplace=True)
        self.modules_ = nn.Sequential(Parallel(4), nn.MaxPool2d(2), Parallel(5))
        self.unused, self.head = nn.Linear(1, 1), nn.Linear(5, 3)

    def forward(self, images: Tensor) -> Tensor:
        return self.head(self.act(self.modules_(self.act(self.stem(images)))).mean((2, 3)))


@pytest.fixture
def images() -> Tensor:
    return torch.randn(2, 3, 16, 16, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def convnet() -> nn.Module:
    return ConvNet(classes=4, image_size=16, filters=[5, 6, 7], hidden=9, split_conv2=True, dropout1=0.5, dropout2=0.5,
                   activation=lambda: nn.LeakyReLU(0.01, inplace=True)).eval()  # fmt: skip


def test_maps_are_those_of_a_forward_pass_by_hand(convnet: nn.Module, images: Tensor):
    first = convnet.features.conv1(images)
    # the activation that follows works in place, which must not reach what was kept of the convolution
    assert torch.equal(layers.outputs(convnet, "features.conv1", images), first)
    assert (first < 0).any()
    activated = torch.where(first > 0, first, 0.01 * first)
    assert torch.allclose(layers.outputs(convnet, "features.act1", images), activated)


def test_a_module_of_branches_is_a_layer_too(images: Tensor):
    network = Branched()
    stem = network.stem(images).relu()
    block = network.modules_[0]
    expected = torch.cat([block.narrow(stem).relu(), block.wide(stem).relu()], 1)
    assert torch.allclose(layers.outputs(network, "modules_.0", images), expected)


def test_a_layer_that_runs_twice_counts_with_its_last_output(images: Tensor):
    network = Branched()
    assert layers.outputs(network, "act", images).shape == (2, 5, 7, 7)


def test_the_layers_shown_are_the_blocks_or_the_ends_of_the_stages(convnet: nn.Module, images: Tensor):
    order = layers.calls(convnet, images)
    assert layers.shown_layers(convnet, order) == ["features.act1", "features.act2c", "features.act3"]
    branched = Branched()
    assert layers.shown_layers(branched, layers.calls(branched, images)) == ["modules_.0", "modules_.2"]
    trunk = nn.Sequential(Branched(), nn.Identity())  # a module around all of it is looked into
    assert layers.blocks(trunk) == ["0.modules_.0", "0.modules_.2"]


def test_a_network_without_maps_is_asked_for_a_layer(images: Tensor):
    network = nn.Sequential(nn.Flatten(), nn.Linear(768, 3))
    with pytest.raises(InputError, match="--layer"):
        layers.shown_layers(network, layers.calls(network, images))
    with pytest.raises(InputError, match="three colours"):
        layers.first_convolution(layers.calls(network, images))


def test_the_first_convolution_and_the_last_dense_layer_are_found_in_the_order_of_running(images: Tensor):
    network = Branched()
    order = layers.calls(network, images)
    assert layers.first_convolution(order) is network.stem
    assert layers.last_dense(order).layer is network.head
    with pytest.raises(InputError, match=r"no torch\.nn\.Linear"):
        layers.last_dense(order[:-1])


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("features.cnv1", "did you mean features.conv1"),
        ("fc2", "did you mean classifier.fc2"),
        ("zzz", "no such layer; there are features.conv1"),
    ],
)
def test_an_unknown_layer_is_answered_with_the_nearest(convnet: nn.Module, name: str, said: str):
    with pytest.raises(InputError, match=said):
        layers.layer_named(convnet, name)


def test_a_layer_that_does_not_run_is_refused(images: Tensor):
    with pytest.raises(InputError, match="--layer unused: is not called"):
        layers.outputs(Branched(), "unused", images)


def test_a_layer_that_gives_no_tensor_is_refused(images: Tensor):
    network = nn.Sequential(nn.Flatten(2), nn.LSTM(256, 2))
    with pytest.raises(InputError, match="puts out a tuple"):
        layers.outputs(network, "1", images)
