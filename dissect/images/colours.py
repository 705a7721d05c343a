"""Colours changed image by image: each is blended with another version of it, or away from it.

The other version is torchvision's own function at a factor of 0; torchvision has one factor for all images, and here
each has its own. Images are (B, 3, S, S) floats from 0 to 1.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor
from torchvision.transforms.v2 import functional

Change = Callable[[Tensor, Tensor], Tensor]  # images, and a factor of each (B,): 1 leaves it as it is


def brightness(images: Tensor, factor: Tensor) -> Tensor:
    """Beside black."""
    return (images * _each(factor)).clamp_(0, 1)


def contrast(images: Tensor, factor: Tensor) -> Tensor:
    """Beside the image's mean grey."""
    return _blend(functional.adjust_contrast(images, 0.0), images, factor)


def saturation(images: Tensor, factor: Tensor) -> Tensor:
    """Beside the image in grey."""
    return _blend(functional.adjust_saturation(images, 0.0), images, factor)


def sharpness(images: Tensor, factor: Tensor) -> Tensor:
    """Beside the image smoothed."""
    return _blend(functional.adjust_sharpness(images, 0.0), images, factor)


@dataclass(frozen=True)
class ColourJitter:
    """Brightness, contrast and saturation of each image by random factors, in a random order (Krizhevsky 2014 and
    the ResNets of Gross & Wilber 2016, whose 0.4 each is).

    Factors are of each image, the order of the batch. Hue stays as it is.

    Args:
        brightness, contrast, saturation: a factor is drawn evenly from 1 - so much to 1 + so much, from 0 to 1.

    Raises:
        ValueError: for another number.
    """

    brightness: float = 0.4
    contrast: float = 0.4
    saturation: float = 0.4
    on_pixels: ClassVar[bool] = True

    def __post_init__(self) -> None:
        for name in ("brightness", "contrast", "saturation"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name}={getattr(self, name)} must be from 0 to 1: factors are 1 - and 1 + as much")

    def __call__(self, images: Tensor, targets: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        changes: list[tuple[Change, float]] = [
            (brightness, self.brightness), (contrast, self.contrast), (saturation, self.saturation)
        ]  # fmt: skip
        order = torch.randperm(len(changes), generator=generator).tolist()
        factors = 2 * torch.rand(len(changes), len(images), generator=generator) - 1
        for change, most in (changes[place] for place in order):
            factor, factors = 1 + most * factors[0], factors[1:]
            if most:
                images = change(images, factor.to(images.device))
        return images, targets


def _blend(other: Tensor, images: Tensor, factor: Tensor) -> Tensor:
    return other.lerp(images, _each(factor)).clamp_(0, 1)


def _each(factor: Tensor) -> Tensor:
    return factor[:, None, None, None]
