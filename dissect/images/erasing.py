"""Transforms that leave out a rectangle of each image. What is erased is 0, the mean of the training images."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Cutout:
    """A square of each image is erased, its centre anywhere, what lies outside cut off (DeVries & Taylor 2017).

    Args:
        share: the square's side as a share of the image's, above 0 and at most 1; 0.5 is theirs for CIFAR-10.

    Raises:
        ValueError: for another share.
    """

    share: float

    def __post_init__(self) -> None:
        if not 0 < self.share <= 1:
            raise ValueError(f"share={self.share} must be a share of the image's side, above 0 and at most 1")

    def __call__(self, images: Tensor, targets: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        side, length = images.shape[-1], max(1, round(self.share * images.shape[-1]))
        first = torch.randint(side, (2, len(images)), generator=generator) - length // 2
        return erased(images, first, torch.full_like(first, length)), targets


@dataclass(frozen=True)
class RandomErasing:
    """A rectangle of some images is erased, all of it inside (Zhong et al. 2020, algorithm 1).

    A rectangle that is longer than the image is drawn again up to ten times, as there; then the image stays as it is.

    Args:
        chance: of each image, above 0 and at most 1.
        area: the least and the most of the image's, as shares of it.
        ratio: the least of height to width, the most is 1 / ratio; its logarithm is drawn evenly, as torchvision does.

    Raises:
        ValueError: for numbers outside these ranges.
    """

    chance: float
    area: tuple[float, float] = (0.02, 1 / 3)
    ratio: float = 0.3

    def __post_init__(self) -> None:
        low, high = self.area
        if not (0 < self.chance <= 1 and 0 < low <= high <= 1 and 0 < self.ratio <= 1):
            raise ValueError(
                f"chance={self.chance}, area={list(self.area)}, ratio={self.ratio}: must be shares above 0 and at most "
                "1, the least area first"
            )

    def __call__(self, images: Tensor, targets: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        count, side = len(images), images.shape[-1]
        low, high = self.area
        area, ratio = torch.rand(2, count, 10, generator=generator)
        area, ratio = low + area * (high - low), torch.exp((2 * ratio - 1) * math.log(self.ratio))
        sizes = torch.stack([(area * ratio).sqrt(), (area / ratio).sqrt()]).mul(side).round().long().clamp(min=1)
        fits = (sizes < side).all(0)
        sizes = sizes[:, torch.arange(count), fits.float().argmax(1)]  # the first of the ten that fits
        on = (torch.rand(count, generator=generator) < self.chance) & fits.any(1)
        first = (torch.rand(2, count, generator=generator) * (side - sizes + 1)).long()
        return erased(images, first, sizes * on), targets


def erased(images: Tensor, first: Tensor, sizes: Tensor) -> Tensor:
    """The images (B, C, H, W) with a rectangle each set to 0, in place: `first` row and column and `sizes`, (2, B)."""
    within = []
    for start, size, side in zip(first, sizes, images.shape[2:], strict=True):
        place = torch.arange(side)
        within.append((place >= start[:, None]) & (place < (start + size)[:, None]))
    box = (within[0][:, None, :, None] & within[1][:, None, None, :]).to(images.device)
    return images.masked_fill_(box, 0)
