"""Transforms that show another part of each image, at the image's own size."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional


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


@dataclass(frozen=True)
class ResizedCrop:
    """A random rectangle of each image, resized to the image's size (Szegedy et al. 2015, section 6).

    A rectangle that is longer than the image is drawn again up to ten times, as torchvision does; then the whole image
    is shown. As no rectangle is larger than what it becomes, the interpolation is bilinear without a filter before it.

    Args:
        area: the least and the most of the image's, as shares of it; 0.08 and 1 are Szegedy's.
        ratio: the least of height to width, the most is 1 / ratio; its logarithm is drawn evenly.

    Raises:
        ValueError: for numbers outside 0 to 1.
    """

    area: tuple[float, float] = (0.08, 1.0)
    ratio: float = 3 / 4

    def __post_init__(self) -> None:
        low, high = self.area
        if not (0 < low <= high <= 1 and 0 < self.ratio <= 1):
            raise ValueError(
                f"area={list(self.area)}, ratio={self.ratio}: must be shares above 0 and at most 1, least area first"
            )

    def __call__(self, images: Tensor, targets: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        count, _, *sides = images.shape
        first, sizes = boxes(count, sides, self.area, self.ratio, generator)
        places = []
        for start, size, side in zip(first, sizes, sides, strict=True):
            scale = size[:, None] / side
            inside = ((torch.arange(side) + 0.5) * scale - 0.5).clamp(min=0).minimum(size[:, None] - 1)
            places.append((start[:, None] + inside + 0.5) * 2 / side - 1)  # from -1 to 1, as grid_sample counts
        grid = torch.stack([places[1][:, None, :].expand(-1, *sides), places[0][:, :, None].expand(-1, *sides)], dim=-1)
        shown = functional.grid_sample(images, grid.to(images.device), align_corners=False)
        return shown.contiguous(memory_format=torch.channels_last), targets


def boxes(count: int, sides: list[int], area: tuple[float, float], ratio: float,
          generator: torch.Generator) -> tuple[Tensor, Tensor]:  # fmt: skip
    """First rows and columns and sizes, (2, count) each, of random rectangles within images of these sides.

    Of ten rectangles drawn the first that fits counts; where none does, it is the whole image.
    """
    low, high = area
    drawn, shape = torch.rand(2, count, 10, generator=generator)
    drawn, shape = low + drawn * (high - low), torch.exp((2 * shape - 1) * math.log(ratio))
    lengths = torch.stack([(drawn * shape).sqrt(), (drawn / shape).sqrt()])
    whole = torch.tensor(sides)[:, None]
    sizes = (lengths * (sides[0] * sides[1]) ** 0.5).round().long().clamp(min=1)
    fits = (sizes <= whole[..., None]).all(0)
    chosen = sizes[:, torch.arange(count), fits.float().argmax(1)]
    chosen = torch.where(fits.any(1), chosen, whole)
    return (torch.rand(2, count, generator=generator) * (whole - chosen + 1)).long(), chosen
