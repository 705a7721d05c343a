import copy

import pytest
import torch
from torch import nn
from torch.optim.swa_utils import update_bn

from dissect.images.averaging import EMA, SWA


def network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 3), nn.BatchNorm1d(3), nn.Dropout(0.5))


def stepped(model, number):
    """Weights and statistics that are told apart by their number."""
    generator = torch.Generator().manual_seed(number)
    with torch.no_grad():
        for values in [*model.parameters(), model[1].running_mean, model[1].running_var]:
            values.copy_(torch.rand(values.shape, generator=generator))
    return {name: values.double().clone() for name, values in model.state_dict().items()}


def same(network, expected):
    for name, values in network.state_dict().items():
        if "num_batches" not in name:
            torch.testing.assert_close(values.double(), expected[name], atol=1e-6, rtol=1e-6)


def test_an_exponential_average_takes_each_step_with_its_weight_and_the_first_whole():
    model = network()
    averaged = EMA(0.75).of(model)
    assert not averaged.begun
    seen = []
    for number in range(3):
        seen.append(stepped(model, number))
        averaged.after_step(model)
        averaged.after_epoch(model, 1.0)  # nothing more
    assert averaged.begun
    # by hand: 0.75 (0.75 w0 + 0.25 w1) + 0.25 w2, batch norm's statistics too
    same(averaged.network, {name: 9 / 16 * seen[0][name] + 3 / 16 * seen[1][name] + 4 / 16 * seen[2][name]
                            for name in seen[0]})  # fmt: skip


def test_a_plain_average_takes_the_epochs_after_its_start():
    model = network()
    averaged = SWA(0.5).of(model)
    seen = []
    for epoch in range(1, 5):
        averaged.after_step(model)  # nothing
        seen.append(stepped(model, epoch))
        averaged.after_epoch(model, epoch / 4)
        assert averaged.begun == (epoch > 2)
    expected = {name: (seen[2][name] + seen[3][name]) / 2 for name in seen[0]} | {
        name: values for name, values in seen[3].items() if "running" in name
    }
    same(averaged.network, expected)


def test_the_statistics_of_a_plain_average_are_those_of_its_own_activations():
    model = network()
    averaged = SWA(0.0).of(model)
    for epoch in (1, 2):
        stepped(model, epoch)
        averaged.after_epoch(model, epoch / 2)
    batches = [(torch.rand(10, 3), torch.zeros(10)) for _ in range(4)]
    averaged.ready(batches)
    with torch.no_grad():
        inner = averaged.network[0](torch.cat([images for images, _ in batches]))
    torch.testing.assert_close(averaged.network[1].running_mean, inner.mean(0))
    assert not averaged.network.training
    # again only where weights were taken since
    before = copy.deepcopy(averaged.network.state_dict())
    averaged.ready([(torch.rand(10, 3), torch.zeros(10))])
    assert all(torch.equal(values, before[name]) for name, values in averaged.network.state_dict().items())


def test_torchs_own_update_gives_the_same_statistics():
    model = network()
    averaged, batches = SWA(0.0).of(model), [(torch.rand(10, 3), torch.zeros(10)) for _ in range(3)]
    averaged.after_epoch(model, 1.0)
    averaged.ready(batches)
    theirs = network()
    update_bn(batches, theirs)
    assert torch.equal(averaged.network[1].running_var, theirs[1].running_var)


@pytest.mark.parametrize("average", [EMA(0.9), SWA(0.0)])
def test_an_average_goes_on_from_its_state_to_the_same_bits(average):
    model = network()
    whole, cut = average.of(model), average.of(model)
    for number in range(4):
        if number == 2:
            resumed = average.of(network())
            resumed.load_state(copy.deepcopy(cut.state()))
            cut = resumed
        stepped(model, number)
        for averaged in (whole, cut):
            averaged.after_step(model)
            averaged.after_epoch(model, 1.0)
    assert cut.begun
    for name, values in whole.network.state_dict().items():
        assert torch.equal(values, cut.network.state_dict()[name])


def test_the_trained_network_is_left_alone():
    model = network()
    averaged = EMA(0.5).of(model)
    stepped(model, 0)
    averaged.after_step(model)
    before = stepped(model, 1)
    averaged.after_step(model)
    same(model, before)
    assert model.training


@pytest.mark.parametrize("decay", [0, 1, -0.1, 1.5])
def test_a_decay_that_averages_nothing_is_refused(decay):
    with pytest.raises(ValueError, match=f"decay={decay} must lie between 0 and 1"):
        EMA(decay)


@pytest.mark.parametrize("start", [1, 1.5, -0.1])
def test_an_average_that_begins_after_the_last_epoch_is_refused(start):
    with pytest.raises(ValueError, match=f"start={start} must be a share of the epochs"):
        SWA(start)
