"""Fourteen changes of an image, and policies that draw among them: TrivialAugment and RandAugment.

The changes and their ranges are torchvision's of the same names. Each image has draws of its own; those of a batch that
are to be changed in one way are changed together. Images are (n, 3, S, S) floats from 0 to 1, magnitudes (n,).
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import ClassVar, NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import affine_grid, grid_sample
from torchvision.transforms.v2 import functional

from dissect.images.colours import brightness, contrast, saturation, sharpness

BINS = 31  # of magnitudes, from the least to the most


@dataclass(frozen=True)
class TrivialAugment:
    """One change of each image, of a random magnitude (Müller & Hutter 2021, their wide space)."""

    on_pixels: ClassVar[bool] = True

    def __call__(self, images: Tensor, targets: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        magnitude = torch.randint(BINS, (len(images),), generator=generator)
        return changed(images, space(images.shape[-1], wide=True), magnitude, generator), targets


@dataclass(frozen=True)
class RandAugment:
    """So many changes of each image, one after another, of one magnitude (Cubuk et al. 2020).

    Args:
        changes: from 1 on. magnitude: from 0 to 30.

    Raises:
        ValueError: for others.
    """

    changes: int = 2
    magnitude: int = 9
    on_pixels: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if self.changes < 1 or not 0 <= self.magnitude < BINS:
            raise ValueError(
                f"changes={self.changes}, magnitude={self.magnitude}: must be 1 or more, and from 0 to {BINS - 1}"
            )

    def __call__(self, images: Tensor, targets: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        among, magnitude = space(images.shape[-1], wide=False), torch.full((len(images),), self.magnitude)
        for _ in range(self.changes):
            images = changed(images, among, magnitude, generator)
        return images, targets


class Change(NamedTuple):
    """What is done with images, and its magnitudes, (BINS,); of a signed one half are taken the other way."""

    do: Callable[[Tensor, Tensor], Tensor]
    magnitudes: Tensor
    signed: bool = False


def space(side: int, *, wide: bool) -> list[Change]:
    """The changes of images of so many pixels a side, in TrivialAugment's wide ranges or RandAugment's."""
    shear, pixels, degrees, colour, bits = (
        (0.99, 32.0, 135.0, 0.99, 6) if wide else (0.3, 150 / 331 * side, 30.0, 0.9, 4)
    )
    none = torch.zeros(BINS)
    return [
        Change(lambda images, _: images, none),
        *(Change(partial(sheared, axis=axis), torch.linspace(0, shear, BINS), signed=True) for axis in (0, 1)),
        *(Change(partial(translated, axis=axis), torch.linspace(0, pixels, BINS), signed=True) for axis in (0, 1)),
        Change(rotated, torch.linspace(0, degrees, BINS), signed=True),
        *(
            Change(partial(blended, blend=blend), torch.linspace(0, colour, BINS), signed=True)
            for blend in (brightness, saturation, contrast, sharpness)
        ),
        Change(posterised, 8 - (torch.arange(BINS) / ((BINS - 1) / bits)).round()),
        Change(solarised, torch.linspace(1, 0, BINS)),
        Change(lambda images, _: functional.autocontrast(images), none),
        Change(lambda images, _: functional.equalize(images), none),
    ]


def changed(images: Tensor, among: list[Change], magnitude: Tensor, generator: torch.Generator) -> Tensor:
    """Each image changed in one way drawn evenly, in place.

    Args:
        magnitude: (B,), the place in the change's magnitudes.
    """
    drawn = torch.randint(len(among), (len(images),), generator=generator)
    sign = 1 - 2 * torch.randint(2, (len(images),), generator=generator)
    for number, change in enumerate(among):
        which = (drawn == number).nonzero().flatten()
        if not len(which):
            continue
        by = change.magnitudes[magnitude[which]] * (sign[which] if change.signed else 1)
        which, by = which.to(images.device), by.to(images.device)
        images[which] = change.do(images[which], by)
    return images


def sheared(images: Tensor, by: Tensor, *, axis: int) -> Tensor:
    """Slanted by so many pixels a pixel along x (axis 0) or y (1), the upper left corner fixed."""
    moves = _still(by)
    moves[:, axis, 1 - axis] = moves[:, axis, 2] = by
    return _moved(images, moves)


def translated(images: Tensor, by: Tensor, *, axis: int) -> Tensor:
    """Moved by so many whole pixels along x (axis 0) or y (1)."""
    moves = _still(by)
    moves[:, axis, 2] = -2 * by.trunc() / images.shape[-1 - axis]
    return _moved(images, moves)


def rotated(images: Tensor, by: Tensor) -> Tensor:
    """Turned by so many degrees, counter-clockwise."""
    moves, angle = _still(by), by.deg2rad()
    moves[:, 0, 0] = moves[:, 1, 1] = angle.cos()
    moves[:, 1, 0] = angle.sin()
    moves[:, 0, 1] = -moves[:, 1, 0]
    return _moved(images, moves)


def blended(images: Tensor, by: Tensor, *, blend: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
    """More of what the image has, or less of it."""
    return blend(images, 1 + by)


def posterised(images: Tensor, by: Tensor) -> Tensor:
    """So many bits of each value, from 1 to 8."""
    levels = (2**by)[:, None, None, None]
    return (images * levels).floor_().clamp_(min=0).minimum(levels - 1) / levels


def solarised(images: Tensor, by: Tensor) -> Tensor:
    """Values from so much on inverted."""
    return torch.where(images >= by[:, None, None, None], 1 - images, images)


def _still(by: Tensor) -> Tensor:
    """(n, 2, 3), where each place comes from: x and y of both, from -1 to 1, and a constant; here from itself."""
    return torch.eye(2, 3, device=by.device).repeat(len(by), 1, 1)


def _moved(images: Tensor, moves: Tensor) -> Tensor:
    """The nearest pixel of where each place comes from, black from outside."""
    grid = affine_grid(moves, list(images.shape), align_corners=False)
    return grid_sample(images, grid, mode="nearest", align_corners=False)
