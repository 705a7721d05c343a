"""The convolutional network that J.-B. Boin dissects (2015), with every one of its ablations as an argument."""

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn


class ConvNet(nn.Module):
    """Three convolutional blocks and two dense layers (Boin 2015, section 3).

    Maps images (N, 3, H, W) to logits (N, classes). H and W may be anything that pools to the same map as
    `image_size`: with pooling that rounds up, as Caffe's does, 60x60 and 64x64 both end as 8x8, so a crop changes
    no parameter.

    Args:
        filters: output channels of the three blocks; hidden: units of the first dense layer.
        activation: makes the layer that stands after each convolution and after the first dense layer.
        split_conv2: three 3x3 convolutions instead of one 5x5, an activation after each, no pool between.
        dropout1: probability between the two dense layers; dropout2: between the last pool and the first of them.
        width: multiplies `filters` and `hidden`.
        match: a layer, `conv2` (not split) or `fc1`, and arguments: the layer gets as many units as it takes for the
            network to have as many parameters as one made with these arguments instead, to the nearest unit.
            {"fc1": {"filters": [64, 128, 256], "hidden": 2048}} spends that network's count in the dense layer.

    Raises:
        ValueError: for a probability outside [0, 1), a width that leaves a layer without units, or a match of another
            layer or of a count too small for it.
    """

    def __init__(self, *, classes: int, image_size: int, filters: Sequence[int], hidden: int,
                 activation: Callable[[], nn.Module], split_conv2: bool, dropout1: float, dropout2: float,
                 width: float = 1.0, match: Mapping[str, Mapping[str, Any]] | None = None) -> None:  # fmt: skip
        super().__init__()
        for name, probability in (("dropout1", dropout1), ("dropout2", dropout2)):
            if not 0 <= probability < 1:
                raise ValueError(f"{name}={probability}: must be a probability from 0 to below 1")
        a, b, c, units = (round(width * size) for size in (*filters, hidden))
        if min(a, b, c, units) < 1:
            raise ValueError(
                f"width={width}: leaves a layer of {[*filters, hidden]} without units; choose a larger one"
            )
        if match is not None:
            own = {"classes": classes, "image_size": image_size, "split_conv2": split_conv2}
            goal = {**own, "filters": filters, "hidden": hidden, "width": width}
            b, units = matched(match, goal, {**own, "filters": (a, b, c), "hidden": units})
        side = halved(halved(halved(image_size)))

        # fmt: off
        if split_conv2:
            conv2: dict[str, nn.Module] = {
                "conv2a": nn.Conv2d(a, b, 3, padding=1), "act2a": activation(),
                "conv2b": nn.Conv2d(b, b, 3, padding=1), "act2b": activation(),
                "conv2c": nn.Conv2d(b, b, 3, padding=1), "act2c": activation(),
            }
        else:
            conv2 = {"conv2": nn.Conv2d(a, b, 5, padding=2), "act2": activation()}
        self.features = nn.Sequential(OrderedDict(                                        # of 64x64x3:
            conv1=nn.Conv2d(3, a, 5, padding=2), act1=activation(), pool1=pool(),         # 32x32x50
            **conv2, pool2=pool(),                                                        # 16x16x100
            conv3=nn.Conv2d(b, c, 3, padding=1), act3=activation(), pool3=pool(),         # 8x8x200
        ))
        self.classifier = nn.Sequential(OrderedDict(
            flatten=nn.Flatten(), drop2=dropout(dropout2),                                # 12800
            fc1=nn.Linear(c * side * side, units), act4=activation(), drop1=dropout(dropout1),   # 400
            fc2=nn.Linear(units, classes),                                                # 200
        ))
        # fmt: on

    def forward(self, images: Tensor) -> Tensor:
        return self.classifier(self.features(images))


def matched(match: Mapping[str, Mapping[str, Any]], goal: dict[str, Any], own: dict[str, Any]) -> tuple[int, int]:
    """Second filters and hidden units of the network `own` with one of them enlarged, so that the counts agree.

    Args:
        match: as in ConvNet; goal: the arguments that it changes; own: those of the network, with width multiplied in.
    """
    if len(match) != 1 or not match.keys() <= {"conv2", "fc1"} or ("conv2" in match and own["split_conv2"]):
        raise ValueError(f"match={dict(match)}: must name one layer to enlarge, fc1, or conv2 where it is not split")
    [(layer, arguments)] = match.items()
    a, b, c = own["filters"]

    def counted(units: int) -> int:
        return parameters(own | ({"hidden": units} if layer == "fc1" else {"filters": (a, units, c)}))

    # Either layer's share of the count is linear in its units.
    first, worth = counted(1), counted(2) - counted(1)
    units = 1 + round((parameters({**goal, **arguments}) - first) / worth)
    if units < 1:
        raise ValueError(f"match={dict(match)}: the rest of the network has more parameters already; match another")
    return (b, units) if layer == "fc1" else (units, own["hidden"])


def parameters(arguments: Mapping[str, Any]) -> int:
    """Parameters of a network, counted on one without memory or random draws."""
    with torch.device("meta"):
        network = ConvNet(**arguments, activation=nn.Identity, dropout1=0.0, dropout2=0.0)
    return sum(weights.numel() for weights in network.parameters())


def pool() -> nn.Module:
    """2x2, stride 2, rounding up as Caffe's pooling does."""
    return nn.MaxPool2d(2, ceil_mode=True)


def halved(side: int) -> int:
    """The side of a map after `pool`."""
    return -(-side // 2)


def dropout(probability: float) -> nn.Module:
    """Dropout that is the identity when it is off, so that it draws no random number either."""
    return nn.Dropout(probability) if probability else nn.Identity()
