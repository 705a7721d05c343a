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
