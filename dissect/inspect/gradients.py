"""A neuron's gradient with respect to the image, and the two other backward passes that show what it responds to.

Captum has all three, but hooks only modules of the class nn.ReLU: for LeakyReLU, for functions such as F.relu and for a
module that is used twice it silently gives the plain gradient, and in-place activations break its hooks. Here a
TorchFunctionMode sees each activation at the moment it is called, whichever of these it is.
"""

from collections.abc import Callable, Iterable
from contextlib import nullcontext
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from dissect.errors import InputError
from dissect.inspect.layers import captured, ran

RULES = ("gradient", "guided", "deconvolution")

# By torch's own names, before or behind which an underscore may stand. Tanh and sigmoid rectify nothing.
RECTIFIERS = {"relu", "relu6", "leaky_relu", "prelu", "rrelu", "threshold", "hardtanh", "elu", "celu", "selu", "gelu",
              "silu", "mish", "hardswish", "softplus"}  # fmt: skip


class _Rectified(torch.autograd.Function):
    """Puts out `value`, and hands the positive part of the backward signal to `source`."""

    @staticmethod
    def forward(ctx: Any, source: Tensor, value: Tensor) -> Tensor:
        return value.clone()

    @staticmethod
    def backward(ctx: Any, signal: Tensor) -> tuple[Tensor, None]:  # type: ignore[override]
        return signal.clamp(min=0), None


class BackwardRule(TorchFunctionMode):
    """Within the block, the backward pass treats every activation f by a rule of its own. R is the backward signal.

    - "deconvolution" (Zeiler & Fergus 2014, section 2.1): R becomes max(R, 0), whatever the unit's input x was.
    - "guided" (Springenberg et al. 2015, section 3.4): R becomes max(R, 0) f'(x). For a ReLU that is R where both R
      and x are positive. A leaky unit passes its slope of the signal where x is negative, as it does in training,
      and nothing where R is negative. As the slope goes to 0 it becomes a ReLU.

    The deconvolution's rule is the same for ReLU and leaky ReLU: both are asked what excites them, and a slope in the
    backward pass would only let in a trace of what does not. Max pooling passes the signal to where the maximum was,
    which is unpooling by switches. The forward pass is unchanged.
    """

    def __init__(self, rule: str) -> None:
        super().__init__()
        self.rule = rule
        self.met = 0  # activations that were called

    def __torch_function__(
        self, func: Callable[..., Any], types: Iterable[type], args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        kwargs = dict(kwargs or {})
        name = getattr(func, "__name__", "")
        if name.strip("_") not in RECTIFIERS:
            return func(*args, **kwargs)
        self.met += 1
        source, *others = (kwargs.pop("input"), *args) if "input" in kwargs else args
        # On a copy, so that in-place activations leave the input to be differentiated.
        if self.rule == "guided":
            value = func(source.clone(), *others, **kwargs)
            passed = _Rectified.apply(value, value.detach())
        else:
            passed = _Rectified.apply(source, func(source.detach().clone(), *others, **kwargs))
        in_place = kwargs.get("inplace", False) or name.endswith("_")
        return source.copy_(passed) if in_place else passed


def neuron_gradient(network: nn.Module, layer: str, unit: int, images: Tensor, rule: str = "gradient") -> Tensor:
    """What flows back to each image from a layer's unit, at the place where the image excites it most.

    Args:
        unit: a channel of a layer that puts out maps (N, C, H, W), else one of its outputs (N, C).
        images: (N, 3, S, S); the network is in evaluation mode, so they do not affect each other.
        rule: "gradient", "guided" or "deconvolution"; see `BackwardRule`.

    Returns:
        (N, 3, S, S), for a backward signal of 1 at the unit; its size does not matter to either rule.

    Raises:
        InputError: for an unknown layer, or a rule for a network that calls none of torch's activations.
    """
    images = images.detach().clone().requires_grad_()
    mode = BackwardRule(rule) if rule != "gradient" else nullcontext()
    with torch.enable_grad(), captured(network, [layer]) as kept, mode:
        network(images)
        activation = ran(kept, layer)[:, unit].flatten(1) if ran(kept, layer).ndim > 2 else ran(kept, layer)[:, [unit]]
        # The maximum's own gradient would be shared between ties.
        strongest = activation.gather(1, activation.detach().argmax(1, keepdim=True))
    if isinstance(mode, BackwardRule) and mode.met == 0:
        raise InputError(f"{rule}: the network calls none of torch's activations ({', '.join(sorted(RECTIFIERS))})")
    if not strongest.requires_grad:
        raise InputError(f"--layer {layer}: does not depend on the image; name another layer")
    return torch.autograd.grad(strongest.sum(), images)[0]
