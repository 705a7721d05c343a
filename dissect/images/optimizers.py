"""The optimiser: any of torch's, made for a network's parameters, fused where it can be."""

from collections.abc import Callable, Iterable
from functools import partial
from inspect import signature
from typing import Any

from torch import nn
from torch.optim import Optimizer

from dissect.errors import InputError

MakesOptimizer = Callable[..., Optimizer]  # from parameters: an optimiser's class, or a partial of one
VECTORS = "vector_weight_decay"


def optimizer_for(parameters: Iterable[nn.Parameter], make: MakesOptimizer) -> Optimizer:
    """`make(parameters)`, one fused kernel a step where the class has it and nothing else was said.

    Half a step of a small network is the optimiser's, tensor by tensor; fused, SGD is the fastest that torch has.

    An argument `vector_weight_decay` that the optimiser itself does not take is the weight decay of norms and biases,
    which are all weights of one dimension: they become a group of their own.
    """
    parameters = list(parameters)
    groups: list[Any] = parameters
    if isinstance(make, partial) and VECTORS in make.keywords and VECTORS not in signature(make.func).parameters:
        said = dict(make.keywords)
        decay, make = said.pop(VECTORS), partial(make.func, *make.args, **said)
        vectors = [weights for weights in parameters if weights.ndim < 2]
        groups = [{"params": [weights for weights in parameters if weights.ndim > 1]}]
        groups += [{"params": vectors, "weight_decay": decay}] if vectors else []
    if _fusible(make) and all(weights.is_floating_point() for weights in parameters):
        return make(groups, fused=True)
    return make(groups)


def check_optimizer(network: nn.Module, make: MakesOptimizer) -> None:
    """Make one for the network, to learn before training whether that can be done.

    Raises:
        InputError: for arguments that it refuses, or a function that makes something else.
    """
    name = _name(make)
    said = getattr(make, "keywords", {})
    if VECTORS in said and said[VECTORS] == said.get("weight_decay"):
        raise InputError(
            f"optimizer.{VECTORS}={said[VECTORS]}: is the weight decay of all weights, so it changes nothing; set "
            "optimizer.weight_decay too, or leave it out"
        )
    try:
        made = optimizer_for(network.parameters(), make)
    except (TypeError, ValueError, RuntimeError, AttributeError) as problem:
        reason = "; ".join(str(problem).splitlines())
        said = ", ".join(f"{key}={value}" for key, value in getattr(make, "keywords", {}).items())
        raise InputError(f"optimizer={name}: cannot be made for this network with {said}: {reason}") from problem
    if not isinstance(made, Optimizer):
        raise InputError(f"optimizer={name}: makes a {type(made).__name__}, not a torch.optim.Optimizer")


def _fusible(make: MakesOptimizer) -> bool:
    given = signature(getattr(make, "func", make)).parameters
    said = {name: one.default for name, one in given.items()} | getattr(make, "keywords", {})
    if said.get("fused", False) is not None:
        return False
    # What fused kernels cannot do, and a loop that was asked for.
    return said.get("foreach") is None and not said.get("differentiable")


def _name(make: MakesOptimizer) -> str:
    made = getattr(make, "func", make)
    return f"{made.__module__}.{getattr(made, '__qualname__', type(made).__name__)}"
