"""Transforms that show another part of each image, at the image's own size."""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Translation:
    """Each image moved by up to so many pixels in each direction; what enters is the image mirrored at its border.

    A random window of the padded image, as He et al. (2016, section 4.2) take on CIFAR; Jordan (2024, section 3.2)
    pads with the reflection instead of zeros.

    Args:
        pixels: at most, from 1 on and less than the image has.

    Raises:
        ValueError: for less than 1.
    """

    pixels: int

    def __post_init__(self) -> None:
        if self.pixels < 1:
            raise ValueError(f"pixels={self.pixels} must be 1 or more")

    def __call__(self, images: Tensor, targets: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        count, channels, tall, wide = images.shape
        if self.pixels >= min(tall, wide):
            raise ValueError(f"pixels={self.pixels}: images of {tall}x{wide} cannot be moved so far; choose less")
        moved = torch.randint(-self.pixels, self.pixels + 1, (2, count, 1), generator=generator)
        rows, columns = (reflected(torch.arange(side) + by, side) for side, by in zip((tall, wide), moved, strict=True))
        places = (torch.arange(count)[:, None] * tall + rows)[:, :, None] * wide + columns[:, None, :]
        pixels = images.permute(0, 2, 3, 1).reshape(-1, channels)
        shown = pixels.index_select(0, places.flatten().to(images.device))
        return shown.view(count, tall, wide, channels).permute(0, 3, 1, 2), targets


def reflected(places: Tensor, side: int) -> Tensor:
    """Places outside 0 to side - 1 mirrored at the border, without repeating it: -1 is 1, side is side - 2."""
    places = places.abs()
    return torch.where(places < side, places, 2 * (side - 1) - places)
