"""The training loss: any function or module from logits and targets to one number. Cross entropy is torch's own."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from dissect.errors import InputError

Loss = Callable[[Tensor, Tensor], Tensor]


def check_loss(loss: Loss, targets: Tensor, classes: int) -> None:
    """Try the loss on logits of zero.

    Args:
        targets: such as the network will be trained on: (B,) labels, or (B, classes) shares of each class.

    Raises:
        InputError: where it fails, gives no single number, or has weights that no optimiser would train.
    """
    name = type(loss).__name__ if isinstance(loss, nn.Module) else getattr(loss, "__name__", repr(loss))
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
