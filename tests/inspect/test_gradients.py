"""The three backward passes, against autograd, networks worked by hand, and captum."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from dissect.errors import InputError
from dissect.inspect.gradients import RULES, BackwardRule, neuron_gradient
from dissect.networks.convnet import ConvNet


class Two(nn.Module):
    """x to W2 act(W1 x) on maps of one pixel: W1 the identity, W2 = (1, 1, -2)."""

    def __init__(self, activation: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.first, self.second = nn.Conv2d(3, 3, 1, bias=False), nn.Conv2d(3, 1, 1, bias=False)
        self.activation = activation
        with torch.no_grad():
            self.first.weight.copy_(torch.eye(3)[:, :, None, None])
            self.second.weight.copy_(torch.tensor([1.0, 1.0, -2.0])[None, :, None, None])

    def forward(self, images: Tensor) -> Tensor:
        return self.second(self.activation(self.first(images))).flatten(1)


def unreturned(x: Tensor) -> Tensor:
    functional.relu(x, inplace=True)  # the result is dropped, as one may with a function that works in place
    return x


X = torch.tensor([2.0, -1.0, 3.0])[None, :, None, None]  # the second unit is off
RELU = {"module": nn.ReLU(), "in place": nn.ReLU(inplace=True), "function": functional.relu,
        "method": torch.Tensor.relu, "method in place": torch.Tensor.relu_, "unreturned": unreturned}  # fmt: skip
LEAKY = {"module": nn.LeakyReLU(0.1), "in place": nn.LeakyReLU(0.1, inplace=True),
         "function": lambda x: functional.leaky_relu(x, 0.1), "prelu": nn.PReLU(init=0.1)}  # fmt: skip


def flows(network: nn.Module, layer: str, images: Tensor = X) -> dict[str, list[float]]:
    return {rule: neuron_gradient(network, layer, 0, images, rule).flatten().tolist() for rule in RULES}


@pytest.mark.parametrize("form", RELU)
def test_a_relu_passes_by_hand(form: str):
    # what comes to the activations is R = (1, 1, -2); the gradient passes where x > 0, the deconvolution where R > 0,
    # guided backpropagation where both are
    found = flows(Two(RELU[form]), "second")
    assert found == {"gradient": [1, 0, -2], "guided": [1, 0, 0], "deconvolution": [1, 1, 0]}


@pytest.mark.parametrize("form", LEAKY)
def test_a_leaky_unit_passes_by_hand(form: str):
    found = flows(Two(LEAKY[form]), "second")
    assert found["gradient"] == pytest.approx([1, 0.1, -2])
    assert found["guided"] == pytest.approx([1, 0.1, 0])
    assert found["deconvolution"] == [1, 1, 0]


def test_a_module_that_is_used_twice_follows_the_rule_both_times():
    activation = nn.LeakyReLU(0.1, inplace=True)
    network = Two(lambda x: activation(-activation(x)))
    # x = (2, -1, 3) -> (2, -.1, 3) -> -> (-2, .1, -3): slopes .1, 1, .1 after 1, .1, 1. R = (1, 1, -2) becomes, guided,
    # (.1, 1, 0), then turned round (-.1, -1, 0): nothing is left. The deconvolution: (1, 1, 0), round, nothing.
    found = flows(network, "second")
    assert found["gradient"] == pytest.approx([-0.1, -0.1, 0.2])
    assert found["guided"] == [0, 0, 0]
    assert found["deconvolution"] == [0, 0, 0]


def test_a_seed_at_a_leaky_layer_itself_is_rectified_too():
    network = nn.Sequential(nn.Conv2d(3, 1, 1, bias=False), nn.LeakyReLU(0.1, inplace=True), nn.Flatten())
    with torch.no_grad():
        network[0].weight.copy_(torch.tensor([1.0, 2.0, -3.0])[None, :, None, None])  # 2 - 2 - 9 < 0
    found = flows(network, "1")
    assert found["gradient"] == pytest.approx([0.1, 0.2, -0.3])
    assert found["guided"] == pytest.approx([0.1, 0.2, -0.3])
    assert found["deconvolution"] == [1, 2, -3]


def test_pooling_hands_the_signal_to_where_the_maximum_was():
    network = nn.Sequential(nn.Conv2d(3, 1, 1, bias=False), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten())
    with torch.no_grad():
        network[0].weight.fill_(1.0)
    images = torch.tensor([[1.0, 4.0], [3.0, 2.0]]).expand(1, 3, 2, 2)
    for flow in flows(network, "2", images).values():
        assert flow == 3 * [0, 1, 0, 0]


def convnet(activation: Callable[[], nn.Module]) -> nn.Module:
    torch.manual_seed(0)
    return ConvNet(classes=4, image_size=12, filters=[5, 6, 7], hidden=9, activation=activation, split_conv2=True,
                   dropout1=0.5, dropout2=0.5).eval()  # fmt: skip


@pytest.fixture
def images() -> Tensor:
    return torch.randn(3, 3, 12, 12, generator=torch.Generator().manual_seed(1))


def test_the_gradient_is_autograds_at_each_images_strongest_place(images: Tensor):
    network = convnet(lambda: nn.LeakyReLU(0.01, inplace=True))
    given = images.clone().requires_grad_()
    maps = network.features[:8](given)  # up to act2c
    strongest = torch.stack([one.flatten()[one.argmax()] for one in maps[:, 4]]).sum()
    expected = torch.autograd.grad(strongest, given)[0]
    assert torch.allclose(neuron_gradient(network, "features.act2c", 4, images), expected, atol=1e-7)


def test_the_gradient_of_a_dense_unit_is_autograds(images: Tensor):
    network, given = convnet(nn.ReLU), images.clone().requires_grad_()
    expected = torch.autograd.grad(network(given)[:, 2].sum(), given)[0]
    assert torch.allclose(neuron_gradient(network, "classifier.fc2", 2, images), expected, atol=1e-7)


@pytest.mark.parametrize(
    ("rule", "name"), [("guided", "NeuronGuidedBackprop"), ("deconvolution", "NeuronDeconvolution")]
)
def test_for_modules_of_relu_the_rules_are_captums(rule: str, name: str, images: Tensor):
    attribution = pytest.importorskip("captum.attr")
    network = convnet(nn.ReLU)
    ours = neuron_gradient(network, "classifier.fc2", 1, images, rule)
    with pytest.warns(UserWarning, match="backward hooks"):
        theirs = getattr(attribution, name)(network, network.classifier.fc2).attribute(images.requires_grad_(), (1,))
    assert torch.allclose(ours, theirs, atol=1e-7)
    assert ours.abs().max() > 1e-4


def test_with_a_slope_near_zero_a_leaky_network_is_guided_as_a_relu_network(images: Tensor):
    # not so for the deconvolution: in a pool's window that is off, a ReLU's maximum is the first of equal zeros
    leaky = neuron_gradient(convnet(lambda: nn.LeakyReLU(1e-9)), "features.act3", 2, images, "guided")
    relu = neuron_gradient(convnet(nn.ReLU), "features.act3", 2, images, "guided")
    assert torch.allclose(leaky, relu, atol=1e-6)
    assert leaky.abs().max() > 1e-3


@pytest.mark.parametrize("rule", ["guided", "deconvolution"])
def test_the_forward_pass_is_unchanged_and_nothing_stays_behind(rule: str, images: Tensor):
    network = convnet(lambda: nn.LeakyReLU(0.01, inplace=True))
    before = network(images)
    with BackwardRule(rule) as mode:
        within = network(images)
    assert mode.met == 6  # activations of the split network
    assert torch.equal(within, before)
    neuron_gradient(network, "features.act1", 0, images, rule)
    assert not any(module._forward_hooks for module in network.modules())
    assert torch.equal(network(images), before)


def test_ties_go_to_the_first_place_alone():
    network = nn.Sequential(nn.Conv2d(3, 1, 1, bias=False))
    flow = neuron_gradient(network, "0", 0, torch.ones(1, 3, 2, 2))
    assert (flow != 0).sum() == 3  # the three colours of one pixel
    assert (flow[0, :, 0, 0] != 0).all()


def test_a_network_without_rectifiers_is_refused_where_the_rule_would_do_nothing():
    network = nn.Sequential(nn.Conv2d(3, 1, 1), nn.Tanh())
    with pytest.raises(InputError, match="none of torch's activations"):
        neuron_gradient(network, "1", 0, X, "guided")
    assert neuron_gradient(network, "1", 0, X).shape == X.shape
