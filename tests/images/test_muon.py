"""Muon beside AdamW against torch's own two, on a network whose filters are written as matrices."""

import copy
from functools import partial

import pytest
import torch
from torch import nn

from dissect.errors import InputError
from dissect.images.muon import Muon
from dissect.images.optimizers import check_optimizer


def stepped(network, optimizer, steps):
    """Weights after so many steps on one fixed batch."""
    for _ in range(steps):
        optimizer.zero_grad()
        network(torch.linspace(-1, 1, 24).view(2, 3, 2, 2)).square().sum().backward()
        optimizer.step()
    return [weights.detach().clone() for weights in network.parameters()]


def conv(layout=torch.contiguous_format):
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(3, 4, 2), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(4, 3))
    return network.eval().to(memory_format=layout)  # of normalised maps of one pixel every square sum is the same


def test_muon_takes_torchs_steps_of_filters_as_matrices_and_adamw_of_the_rest():
    network, steps = conv(), 3
    found = stepped(network, Muon(network.parameters(), lr=0.01, weight_decay=0.1, vector_weight_decay=0.0), steps)

    class Filters(nn.Module):
        """The same network whose filters are matrices, as torch's Muon wants them."""

        def __init__(self):
            super().__init__()
            self.rest = conv()
            self.matrix = nn.Parameter(self.rest[0].weight.detach().flatten(1).clone())

        def forward(self, images):
            maps = nn.functional.conv2d(images, self.matrix.view(4, 3, 2, 2), self.rest[0].bias)
            return self.rest[1:](maps)

    reference = Filters()
    vectors = [weights for weights in reference.rest.parameters() if weights.ndim == 1]
    parts = (
        torch.optim.Muon([reference.matrix, reference.rest[3].weight], lr=0.01, weight_decay=0.1,
                         adjust_lr_fn="match_rms_adamw"),
        torch.optim.AdamW(vectors, lr=0.01, weight_decay=0.0),
    )  # fmt: skip
    for _ in range(steps):
        for part in parts:
            part.zero_grad()
        reference(torch.linspace(-1, 1, 24).view(2, 3, 2, 2)).square().sum().backward()
        for part in parts:
            part.step()
    expected = [reference.matrix.view(4, 3, 2, 2), *[*reference.rest.parameters()][1:]]
    for ours, theirs in zip(found, expected, strict=True):
        torch.testing.assert_close(ours, theirs.detach(), atol=1e-6, rtol=1e-4)


def test_muon_does_not_mind_how_filters_lie_in_memory():
    plain, last = conv(), conv(torch.channels_last)
    for ours, theirs in zip(stepped(plain, Muon(plain.parameters()), 3), stepped(last, Muon(last.parameters()), 3),
                            strict=True):  # fmt: skip
        torch.testing.assert_close(ours, theirs, atol=1e-4, rtol=1e-3)  # Muon's products are in bfloat16


def test_muon_goes_on_from_its_state_to_the_same_bits():
    whole, cut = conv(), conv()
    expected = stepped(whole, Muon(whole.parameters(), lr=0.01), 4)
    first = Muon(cut.parameters(), lr=0.01)
    stepped(cut, first, 2)
    second = Muon(cut.parameters(), lr=0.01)
    second.load_state_dict(copy.deepcopy(first.state_dict()))
    assert all(map(torch.equal, stepped(cut, second, 2), expected))


def test_muon_follows_the_schedule_in_both_parts():
    network = conv()
    made = Muon(network.parameters(), lr=1.0)
    before = [weights.detach().clone() for weights in network.parameters()]
    for group in made.param_groups:
        group["lr"] = 0.0
    assert all(map(torch.equal, stepped(network, made, 1), before))


def test_muon_of_a_network_without_matrices_is_refused():
    with pytest.raises(InputError, match=r"optimizer=dissect\.images\.muon\.Muon: .*no weight of two dimensions"):
        check_optimizer(nn.BatchNorm1d(2), partial(Muon, lr=1.0))
