"""The training loss: any function or module from logits and targets to one number. Cross entropy is torch's own.

Targets are labels (B,), or shares of each class (B, classes) where a transform mixes images.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

from dissect.errors import InputError

Loss = Callable[[Tensor, Tensor], Tensor]


def binary_cross_entropy(logits: Tensor, targets: Tensor, *, smoothing: float = 0.0) -> Tensor:
    """Each class yes or no by itself, summed over the classes (Wightman et al. 2021, section 2; Beyer et al. 2020).

    Args:
        smoothing: so much of each target is spread over all classes evenly.

    Raises:
        ValueError: for a smoothing outside 0 to below 1.
    """
    if not 0 <= smoothing < 1:
        raise ValueError(f"smoothing={smoothing} must be from 0 to below 1")
    classes = logits.shape[1]
    shares = shares_of(targets, classes).to(logits.dtype) * (1 - smoothing) + smoothing / classes
    return functional.binary_cross_entropy_with_logits(logits, shares, reduction="none").sum(1).mean()


def focal(logits: Tensor, targets: Tensor, *, gamma: float) -> Tensor:
    """Cross entropy in which a class counts less, the surer the network is of it (Lin et al. 2017, equation 4).

    Args:
        gamma: 0 is cross entropy; 2 is theirs.

    Raises:
        ValueError: for a gamma below 0.
    """
    if gamma < 0:
        raise ValueError(f"gamma={gamma} must be 0 or more")
    logs = logits.log_softmax(1)
    return -(shares_of(targets, logits.shape[1]) * (1 - logs.exp()) ** gamma * logs).sum(1).mean()


def shares_of(targets: Tensor, classes: int) -> Tensor:
    """Shares of each class (B, classes), float, of labels (B,) or of such shares."""
    return functional.one_hot(targets, classes).float() if targets.ndim == 1 else targets


def check_loss(loss: Loss, targets: Tensor, classes: int) -> None:
    """Try the loss on logits of zero.

    Args:
        targets: such as the network will be trained on: (B,) labels, or (B, classes) shares of each class.

    Raises:
        InputError: where it fails, gives no single number, or has weights that no optimiser would train.
    """
    made = getattr(loss, "func", loss)  # of a partial
    name = type(loss).__name__ if isinstance(loss, nn.Module) else getattr(made, "__name__", repr(loss))
    if isinstance(loss, nn.Module) and any(weights.requires_grad for weights in loss.parameters()):
        raise InputError(f"loss={name}: has weights of its own, which nothing would train; put them into the network")
    kind = "labels" if targets.ndim == 1 else "shares of each class, as an augmentation mixes them"
    try:
        found = loss(torch.zeros(len(targets), classes), targets)
    except Exception as problem:  # the loss is anybody's, so anything may come
        reason = "; ".join(str(problem).splitlines())
        raise InputError(f"loss={name}: fails on targets that are {kind}: {reason}; choose another loss") from problem
    if not isinstance(found, Tensor) or found.ndim:
        shape = tuple(found.shape) if isinstance(found, Tensor) else type(found).__name__
        raise InputError(f"loss={name}: gives {shape} for a batch, not one number; its mean, say (reduction: mean)")
