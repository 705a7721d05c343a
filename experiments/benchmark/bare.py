"""The yardstick of training: a loop written by hand, on float tensors that are ready."""

import time
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional


def images_per_second(
    network: nn.Module, batches: Sequence[tuple[Tensor, Tensor]], *, epochs: int, momentum: float, weight_decay: float
) -> float:
    """Training images a second: forward, loss, backward, clip, step, and nothing else.

    Args:
        batches: (B, 3, S, S) floats, channels last in memory, and (B,) labels.
    """
    network = network.to(memory_format=torch.channels_last).train()
    optimizer = torch.optim.SGD(network.parameters(), lr=0.01, momentum=momentum, weight_decay=weight_decay, fused=True)
    started = time.perf_counter()
    for _ in range(epochs):
        for images, labels in batches:
            loss = functional.cross_entropy(network(images), labels)
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimizer.step()
    loss.item()
    return epochs * sum(len(labels) for _, labels in batches) / (time.perf_counter() - started)
