"""Offline augmentation: each training image has a second one, made once, before any training."""

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from dissect.streams import stream

ANGLES = (-10.0, -8.0, -6.0, 6.0, 8.0, 10.0)  # degrees; the poster on the reduced GoogLeNet


class Doubled(NamedTuple):
    """N images and then N second ones, each described by what it is made of; all are (2 N,).

    `image` is the number of the image, `angle` the degrees that it is turned counter-clockwise about its centre, `flip`
    whether it is mirrored.
    """

    image: Tensor
    angle: Tensor
    flip: Tensor

    def to(self, device: torch.device) -> "Doubled":
        return Doubled(*(part.to(device) for part in self))


def doubled(count: int, *, mirror: bool) -> Doubled:
    """Each of `count` images, and its second one: mirrored, unless `mirror` says that labels do not survive it, or
    turned by one of ANGLES, all as probable.

    The choice is one of the data's, the same for every seed and epoch.
    """
    generator = torch.Generator().manual_seed(stream(0, "offline"))
    kind = torch.randint(len(ANGLES) + mirror, (count,), generator=generator)
    angle, flip = torch.tensor([*ANGLES, 0.0])[kind], kind == len(ANGLES)
    return Doubled(
        torch.arange(count).repeat(2), torch.cat([torch.zeros(count), angle]), torch.cat([torch.zeros_like(flip), flip])
    )


def turned(images: Tensor, angle: Tensor, top: Tensor, left: Tensor, flip: Tensor, side: int) -> Tensor:
    """Windows of images that are first turned about their centre, as (B, 3, side, side), channels last in memory.

    Pixels between four of an image's are interpolated from them, those outside of it are as the nearest on its edge.
    Nothing is kept: made anew for each batch they take half a millisecond longer than plain windows, for 64 images of
    64x64 on a CPU core, where a set of them would take as much memory as the images.

    Args:
        images: (B, 3, S, S) floats; angle: (B,) degrees, counter-clockwise.
        top, left: (B,) int64, each window's first row and column; flip: (B,) bool, which windows are mirrored.
    """
    size = images.shape[-1]
    span, middle = torch.arange(side, device=images.device), (size - 1) / 2
    rows = (top[:, None] + span - middle)[:, :, None]
    columns = (left[:, None] + torch.where(flip[:, None], side - 1 - span, span) - middle)[:, None, :]
    cosine, sine = torch.deg2rad(angle).cos()[:, None, None], torch.deg2rad(angle).sin()[:, None, None]
    # Where each pixel comes from: turned back. The sampler counts from -1 to 1 from edge to edge.
    places = torch.stack([cosine * columns - sine * rows, sine * columns + cosine * rows], 3) * (2 / size)
    windows = functional.grid_sample(images, places, mode="bilinear", padding_mode="border", align_corners=False)
    return windows.contiguous(memory_format=torch.channels_last)
