"""Muon beside AdamW, as one optimiser."""

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer


class Muon(Optimizer):
    """Muon for all weights of two dimensions and more, AdamW for norms and biases (Jordan 2024, "Muon").

    Both are torch's. A filter counts as one row of a matrix, as in Jordan's own code; the last layer is no exception
    here. Muon's steps are as large as AdamW's (Liu et al. 2025, equation 4: `match_rms_adamw`), so that one
    rate suits both.

    Args:
        params: the network's weights.
        lr: of both.
        momentum: Muon's. weight_decay: of both, decoupled; a step takes lr times as much of each weight.
        vector_weight_decay: of norms and biases, where it is another one.
        betas: AdamW's.

    Raises:
        ValueError: where no weight has two dimensions.
    """

    def __init__(self, params: Iterable[nn.Parameter], lr: float = 1e-3, weight_decay: float = 0.01,
                 momentum: float = 0.95, betas: tuple[float, float] = (0.9, 0.999),
                 vector_weight_decay: float | None = None) -> None:  # fmt: skip
        weights = list(params)
        matrices = [one for one in weights if one.ndim > 1]
        vectors = [one for one in weights if one.ndim < 2]
        if not matrices:
            raise ValueError("the network has no weight of two dimensions or more, which is what Muon is for")
        self._views = [nn.Parameter(_matrix(one, one)) for one in matrices]  # the same memory
        self._parts: list[Optimizer] = [
            torch.optim.Muon(self._views, lr, weight_decay, momentum, adjust_lr_fn="match_rms_adamw")
        ]
        groups: list[dict[str, Any]] = [{"params": matrices, "lr": lr, "weight_decay": weight_decay}]
        if vectors:
            decay = weight_decay if vector_weight_decay is None else vector_weight_decay
            self._parts.append(
                torch.optim.AdamW(vectors, lr=lr, betas=(betas[0], betas[1]), weight_decay=decay, fused=True)
            )
            groups.append({"params": vectors, "lr": lr, "weight_decay": decay})
        super().__init__(groups, {})

    @torch.no_grad()
    def step(self, closure: Any = None) -> Any:
        loss = None if closure is None else torch.enable_grad()(closure)()
        for group, part in zip(self.param_groups, self._parts, strict=True):
            part.param_groups[0]["lr"] = group["lr"]
        for weights, view in zip(self.param_groups[0]["params"], self._views, strict=True):
            view.grad = None if weights.grad is None else _matrix(weights.grad, weights)
        for part in self._parts:
            part.step()
        return loss

    def state_dict(self) -> dict[str, Any]:
        return super().state_dict() | {"parts": [part.state_dict() for part in self._parts]}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        own = dict(state_dict)
        for part, state in zip(self._parts, own.pop("parts"), strict=True):
            part.load_state_dict(state)
        super().load_state_dict(own)


def _matrix(weights: Tensor, like: Tensor) -> Tensor:
    """Weights or their gradient as a matrix of a row a filter, in the order in which `like` lies in memory."""
    rows = weights.detach()
    if like.ndim == 4 and like.is_contiguous(memory_format=torch.channels_last):
        rows = rows.permute(0, 2, 3, 1)
    return rows.reshape(len(rows), -1)
