from functools import partial

import pytest
import torch
from torch import nn
from torch.nn import functional

from dissect.errors import InputError
from dissect.images.losses import binary_cross_entropy, check_loss, focal, shares_of

LABELS, SHARES = torch.tensor([0, 1]), torch.tensor([[0.5, 0.5, 0], [0, 0.2, 0.8]])


class Weighted(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(3))

    def forward(self, logits, targets):
        return functional.cross_entropy(logits, targets, weight=self.weight)


def test_cross_entropy_takes_labels_and_shares():
    check_loss(nn.CrossEntropyLoss(label_smoothing=0.1), LABELS, 3)
    check_loss(functional.cross_entropy, SHARES, 3)


@pytest.mark.parametrize(
    ("loss", "targets", "message"),
    [
        (nn.MultiMarginLoss(), SHARES, "loss=MultiMarginLoss: fails on targets that are shares of each class"),
        (nn.BCEWithLogitsLoss(), LABELS, "loss=BCEWithLogitsLoss: fails on targets that are labels: .*choose another"),
        (nn.CrossEntropyLoss(reduction="none"), LABELS, r"loss=CrossEntropyLoss: gives \(2,\) for a batch, not one"),
        (lambda logits, targets: 1.0, LABELS, "gives float for a batch"),
        (Weighted(), LABELS, "loss=Weighted: has weights of its own"),
    ],
)
def test_a_loss_that_cannot_be_minimised_is_refused(loss, targets, message):
    with pytest.raises(InputError, match=message):
        check_loss(loss, targets, 3)


LOGITS = torch.tensor([[2.0, -1.0, 0.5], [0.0, 1.0, -2.0]])


@pytest.mark.parametrize("loss", [binary_cross_entropy, lambda *given: focal(*given, gamma=2.0)])
def test_labels_are_shares_of_one_class_each(loss):
    check_loss(loss, LABELS, 3)
    check_loss(loss, SHARES, 3)
    whole = torch.tensor([[1.0, 0, 0], [0, 1, 0]])
    assert torch.equal(shares_of(LABELS, 3), whole)
    torch.testing.assert_close(loss(LOGITS, LABELS), loss(LOGITS, whole))


def test_binary_cross_entropy_is_the_sum_over_classes_of_torchs():
    for targets in (LABELS, SHARES):
        expected = nn.BCEWithLogitsLoss()(LOGITS, shares_of(targets, 3)) * 3
        torch.testing.assert_close(binary_cross_entropy(LOGITS, targets), expected)


def test_smoothed_targets_are_those_of_torchs_cross_entropy():
    # by hand: 0.3 spread over three classes leaves 0.8 and 0.1, 0.1
    expected = nn.BCEWithLogitsLoss()(LOGITS[:1], torch.tensor([[0.8, 0.1, 0.1]])) * 3
    torch.testing.assert_close(binary_cross_entropy(LOGITS[:1], LABELS[:1], smoothing=0.3), expected)
    torch.testing.assert_close(
        nn.CrossEntropyLoss(label_smoothing=0.3)(LOGITS[:1], LABELS[:1]),
        nn.CrossEntropyLoss()(LOGITS[:1], torch.tensor([[0.8, 0.1, 0.1]])),
    )


def test_focal_loss_weighs_cross_entropy_by_what_is_not_sure():
    torch.testing.assert_close(focal(LOGITS, LABELS, gamma=0.0), functional.cross_entropy(LOGITS, LABELS))
    torch.testing.assert_close(focal(LOGITS, SHARES, gamma=0.0), functional.cross_entropy(LOGITS, SHARES))
    sure = LOGITS.softmax(1)[[0, 1], LABELS]
    torch.testing.assert_close(focal(LOGITS, LABELS, gamma=2.0), ((1 - sure) ** 2 * -sure.log()).mean())


def test_losses_out_of_range_are_refused():
    with pytest.raises(InputError, match=r"loss=.*gamma=-1 must be 0 or more"):
        check_loss(partial(focal, gamma=-1), LABELS, 3)
    with pytest.raises(InputError, match=r"smoothing=1 must be from 0 to below 1"):
        check_loss(partial(binary_cross_entropy, smoothing=1), LABELS, 3)
