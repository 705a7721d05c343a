"""The yardsticks of training: loops written by hand, on float tensors that are ready."""

import time
from collections.abc import Callable, Sequence
from copy import deepcopy

import torch
from torch import Tensor, nn
from torch.func import functional_call, grad_and_value, stack_module_state, vmap
from torch.nn import functional

Batches = Sequence[tuple[Tensor, Tensor]]  # (B, 3, S, S) floats, channels last in memory, and (B,) labels


def images_per_second(
    network: nn.Module, batches: Batches, *, epochs: int, momentum: float, weight_decay: float,
    compile_mode: str | None = None, bf16: bool | None = None,
) -> float:  # fmt: skip
    """Training images a second: forward, loss, backward, clip, step, and nothing else.

    Args:
        bf16: by torch's autocast; None: on a GPU.
        compile_mode: of torch.compile; compiling does not count.
    """
    network = network.to(memory_format=torch.channels_last).train()
    optimizer = torch.optim.SGD(network.parameters(), lr=0.01, momentum=momentum, weight_decay=weight_decay, fused=True)
    forward = torch.compile(network.forward, mode=compile_mode, dynamic=False) if compile_mode else network

    def step(images: Tensor, labels: Tensor) -> Tensor:
        with _bf16(images.device, bf16):
            loss = functional.cross_entropy(forward(images), labels)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        return loss.detach()

    return _timed(step, batches, epochs, warm=3 if compile_mode or batches[0][0].is_cuda else 0)


class Stacked:
    """Networks of one shape as one: each weight is a stack of theirs, and `torch.func.vmap` trains them all at once.

    Dropout draws from one generator for all, so no network has the masks that its own seed gives it alone.
    """

    def __init__(self, networks: Sequence[nn.Module], *, momentum: float, weight_decay: float) -> None:
        one = deepcopy(networks[0]).to("meta").train()
        self.weights, _ = stack_module_state(list(networks))

        def loss(weights: dict[str, Tensor], images: Tensor, labels: Tensor) -> Tensor:
            with _bf16(images.device):
                return functional.cross_entropy(functional_call(one, weights, (images,)), labels)

        self._gradients = vmap(grad_and_value(loss), randomness="different")
        self._optimizer = torch.optim.SGD(
            list(self.weights.values()), lr=0.01, momentum=momentum, weight_decay=weight_decay, fused=True
        )

    def step(self, images: Tensor, labels: Tensor) -> Tensor:
        """The networks' losses, (K,), before a step on (K, B, 3, S, S) images; each network's gradient is clipped."""
        gradients, losses = self._gradients(self.weights, images, labels)
        norms = torch.stack([g.flatten(1).norm(dim=1) for g in gradients.values()]).norm(dim=0)
        factors = (1 / (norms + 1e-6)).clamp(max=1)  # as torch's clip_grad_norm_ has it
        for name, weights in self.weights.items():
            weights.grad = gradients[name] * factors.view(-1, *[1] * (weights.dim() - 1))
        self._optimizer.step()
        return losses


def stacked_images_per_second(
    networks: Sequence[nn.Module], batches: Batches, *, epochs: int, momentum: float, weight_decay: float
) -> float:
    """Training images a second of all networks together, each of which sees every batch."""
    stacked = Stacked(networks, momentum=momentum, weight_decay=weight_decay)
    each = [
        (torch.stack([images] * len(networks)), torch.stack([labels] * len(networks))) for images, labels in batches
    ]
    return len(networks) * _timed(stacked.step, each, epochs, warm=1)


def _timed(step: Callable[[Tensor, Tensor], Tensor], batches: Batches, epochs: int, *, warm: int) -> float:
    """Images a second of one network: labels' last dimension counts."""
    for images, labels in batches[:1] * warm:
        step(images, labels)
    if warm:
        batches[0][0].sum().item()  # a GPU has done it
    started = time.perf_counter()
    for _ in range(epochs):
        for images, labels in batches:
            loss = step(images, labels)
    loss.sum().item()
    return epochs * sum(labels.shape[-1] for _, labels in batches) / (time.perf_counter() - started)


def _bf16(device: torch.device, wanted: bool | None = None) -> torch.autocast:
    return torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda" if wanted is None else wanted)
