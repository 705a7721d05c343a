"""How a network's weights start.

Every layer draws from a stream of its own, named after it: layers of one name and shape start equal in two variants
of one seed, whatever else differs between them.
"""

from collections.abc import Callable, Iterator

import torch
from torch import nn

LayerSeed = Callable[[str], int]  # a layer's seed, by its name


def he(network: nn.Module, *, layer_seed: LayerSeed) -> None:
    """He et al. 2015, equation 10: weights from N(0, 2 / fan_in), biases zero, for dense and convolutional layers."""
    for name, layer in _layers(network):
        nn.init.kaiming_normal_(layer.weight, nonlinearity="relu", generator=_generator(layer_seed(name)))
        _zero(layer.bias)


def gaussian(network: nn.Module, *, layer_seed: LayerSeed, std: float) -> None:
    """Weights from N(0, std^2) with one `std` for all dense and convolutional layers, biases zero.

    Raises:
        ValueError: unless std is above 0.
    """
    if not std > 0:
        raise ValueError(f"init.std={std}: must be above 0, such as 0.03")
    for name, layer in _layers(network):
        nn.init.normal_(layer.weight, std=std, generator=_generator(layer_seed(name)))
        _zero(layer.bias)


def own(network: nn.Module, *, layer_seed: LayerSeed) -> None:
    """Leave the weights as the constructor drew them."""


def _layers(network: nn.Module) -> Iterator[tuple[str, nn.Conv2d | nn.Linear]]:
    for name, layer in network.named_modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            yield name, layer


def _generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def _zero(bias: torch.Tensor | None) -> None:
    if bias is not None:
        nn.init.zeros_(bias)
