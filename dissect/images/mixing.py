"""Transforms that mix the images of a batch, and their targets as much. A mixed target is a share of each class."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from dissect.images.losses import shares_of


@dataclass(frozen=True)
class Mixup:
    """Each image blended with its neighbour in the batch (Zhang et al. 2018, equation 1).

    One weight a batch, as there and in torchvision: lambda from Beta(alpha, alpha) of the image itself, the rest of the
    one before it. Batches are drawn in random order, so the neighbour is a random other image.

    Args:
        alpha: above 0; 0.2 mixes little, 1 evenly.
        classes: how many there are.

    Raises:
        ValueError: for another alpha.
    """

    alpha: float
    classes: int

    def __post_init__(self) -> None:
        check_alpha(self.alpha)

    def __call__(self, images: Tensor, targets: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        rest = 1 - drawn(self.alpha, generator)
        images = images.lerp_(images.roll(1, 0), rest)
        return images, mixed(targets, self.classes, rest)


@dataclass(frozen=True)
class CutMix:
    """A rectangle of each image is that of its neighbour in the batch (Yun et al. 2019, section 3.1).

    One rectangle a batch: its centre anywhere, its area a share 1 - lambda of the image's, lambda from Beta(alpha,
    alpha), what lies outside the image cut off. Targets are mixed by the areas that are left.

    Args:
        alpha: above 0; 1 is Yun's.
        classes: how many there are.

    Raises:
        ValueError: for another alpha.
    """

    alpha: float
    classes: int

    def __post_init__(self) -> None:
        check_alpha(self.alpha)

    def __call__(self, images: Tensor, targets: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        tall, wide = images.shape[2:]
        half = 0.5 * (1 - drawn(self.alpha, generator)) ** 0.5
        row, column = (int(torch.randint(side, (), generator=generator)) for side in (tall, wide))
        top, bottom = max(0, row - int(half * tall)), min(tall, row + int(half * tall))
        left, right = max(0, column - int(half * wide)), min(wide, column + int(half * wide))
        box = images[:, :, top:bottom, left:right]
        box.copy_(box.roll(1, 0))
        return images, mixed(targets, self.classes, (bottom - top) * (right - left) / (tall * wide))


def check_alpha(alpha: float) -> None:
    if not alpha > 0:
        raise ValueError(f"alpha={alpha} must be above 0: of Beta(alpha, alpha), such as 0.2")


def drawn(alpha: float, generator: torch.Generator) -> float:
    """A number from Beta(alpha, alpha). Torch draws none from a generator, so this one seeds numpy's."""
    return float(np.random.default_rng(int(torch.randint(2**62, (), generator=generator))).beta(alpha, alpha))


def mixed(targets: Tensor, classes: int, rest: float) -> Tensor:
    """The shares (B, classes) of labels (B,), or of shares, mixed with so much of the target before each."""
    shares = shares_of(targets, classes)
    return shares.lerp(shares.roll(1, 0), rest)
