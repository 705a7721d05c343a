from functools import partial

import pytest
import torch
from torch import nn

from dissect.errors import InputError
from dissect.images.optimizers import check_optimizer, optimizer_for


def fused(make, network=None):
    return optimizer_for((network or nn.Linear(2, 2)).parameters(), make).defaults.get("fused")


@pytest.mark.parametrize("kind", [torch.optim.SGD, torch.optim.Adam, torch.optim.AdamW, torch.optim.Adagrad])
def test_what_can_be_fused_is_unless_something_else_was_said(kind):
    assert fused(partial(kind, lr=0.1)) is True
    assert fused(partial(kind, lr=0.1, fused=False)) is False
    assert not fused(partial(kind, lr=0.1, foreach=True))


def test_what_cannot_be_fused_is_not():
    assert fused(partial(torch.optim.RMSprop, lr=0.1)) is None
    assert fused(lambda weights: torch.optim.SGD(weights, lr=0.1)) is None
    assert fused(partial(torch.optim.SGD, lr=0.1), nn.Linear(2, 2, dtype=torch.complex64)) is None


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (partial(torch.optim.SGD, lr=-1), r"optimizer=torch.optim.sgd.SGD: cannot be made .*Invalid learning rate: -1"),
        (partial(torch.optim.SGD, rate=1), "optimizer=torch.optim.sgd.SGD: .* unexpected keyword argument 'rate'"),
        (
            partial(torch.optim.Muon, lr=1),
            "optimizer=torch.optim.*Muon: cannot be made for this network with lr=1: .*2D",
        ),
        (list, "optimizer=builtins.list: makes a list, not a torch.optim.Optimizer"),
    ],
)
def test_what_cannot_be_made_is_refused_and_nothing_of_the_network_has_changed(make, message):
    network = nn.BatchNorm1d(2)
    with pytest.raises(InputError, match=message):
        check_optimizer(network, make)
    check_optimizer(network, partial(torch.optim.AdamW, lr=1.0))
    assert network.weight.tolist() == [1, 1]


def conv():
    return nn.Sequential(nn.Conv2d(3, 4, 2), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(4, 3))


def test_norms_and_biases_have_a_weight_decay_of_their_own():
    made = optimizer_for(conv().parameters(), partial(torch.optim.SGD, lr=1, weight_decay=0.5, vector_weight_decay=0.0))
    assert [(group["weight_decay"], [weights.ndim for weights in group["params"]]) for group in made.param_groups] == [
        (0.5, [4, 2]), (0.0, [1, 1, 1, 1]),
    ]  # fmt: skip
    assert made.defaults["fused"] is True
    # a step of SGD with a gradient of zero takes lr times the decay of each weight, by hand
    network = conv()
    before = [weights.detach().clone() for weights in network.parameters()]
    made = optimizer_for(
        network.parameters(), partial(torch.optim.SGD, lr=0.5, weight_decay=0.5, vector_weight_decay=0.0)
    )
    for weights in network.parameters():
        weights.grad = torch.zeros_like(weights)
    made.step()
    for old, new in zip(before, network.parameters(), strict=True):
        torch.testing.assert_close(new.detach(), old * (0.75 if old.ndim > 1 else 1))


def test_a_decay_of_norms_that_is_the_decay_of_all_is_refused():
    made = partial(torch.optim.SGD, lr=1, weight_decay=0.0, vector_weight_decay=0.0)
    with pytest.raises(InputError, match=r"vector_weight_decay=0.0: is the weight decay of all weights"):
        check_optimizer(conv(), made)
