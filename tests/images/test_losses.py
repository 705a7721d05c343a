import pytest
import torch
from torch import nn
from torch.nn import functional

from dissect.errors import InputError
from dissect.images.losses import check_loss

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
