"""Batches cut on the training device from uint8 images: windows, mirrors and normalisation in one batched operation."""

from collections.abc import Callable, Iterator
from copy import copy

import torch
from torch import Tensor

from dissect.streams import stream

View = tuple[int, int, bool]  # the window's first row and column, and whether it is mirrored


def ten_crop_views(room: int, *, mirror: bool) -> list[View]:
    """The centre and the four corners, and their mirrors unless labels do not survive one (Boin's "oversampling").

    Args:
        room: how many pixels smaller the window is than the image. With one pixel or none, some of these windows are
            the same, and each counts once.
    """
    middle = room // 2
    windows = dict.fromkeys([(middle, middle), (0, 0), (0, room), (room, 0), (room, room)])
    return [(top, left, flip) for flip in ((False, True) if mirror else (False,)) for top, left in windows]


def window_side(image_size: int, share: float) -> int:
    """The window's side in pixels: 60 for 64-pixel images and a share of 0.9375."""
    return max(1, round(image_size * share))


class Pixels:
    """A uint8 image set on a device, from which normalised windows are cut.

    Args:
        images: (N, S, S, 3) uint8, left where it lies; labels: (N,) int64.
        mean, std: (3,), of pixel values scaled to 0..1.
        let_go: called every 1,000 images, for images that are mapped from a file and would pile up in memory.
    """

    def __init__(self, images: Tensor, labels: Tensor, *, mean: Tensor, std: Tensor,
                 let_go: Callable[[], None] = lambda: None) -> None:  # fmt: skip
        self.images, self.labels, self.let_go = images, labels, let_go
        self.size = images.shape[1]
        self._mean = (255 * mean).to(images.device, torch.float32)
        self._scale = (1 / (255 * std)).to(images.device, torch.float32)

    def __len__(self) -> int:
        return len(self.images)

    def first(self, count: int) -> "Pixels":
        """The first so many images, or all; as the data layer orders them, as many of each class."""
        part = copy(self)
        part.images, part.labels = self.images[:count], self.labels[:count]
        return part

    def cut(self, index: Tensor, top: Tensor, left: Tensor, flip: Tensor, side: int) -> Tensor:
        """Windows of `side` pixels, one an image, as (B, 3, side, side) floats, channels last in memory.

        Args:
            index, top, left: (B,) int64: which images, and each window's first row and column.
            flip: (B,) bool: which windows are mirrored.
        """
        span = torch.arange(side, device=index.device)
        rows = top[:, None] + span
        columns = left[:, None] + torch.where(flip[:, None], side - 1 - span, span)
        pixels = self.images[index[:, None, None], rows[:, :, None], columns[:, None, :]]
        return pixels.float().sub_(self._mean).mul_(self._scale).permute(0, 3, 1, 2)

    def view(self, start: int, stop: int, side: int, view: View) -> Tensor:
        """One view of the images from `start` to `stop`, as `cut` gives them."""
        top, left, flip = view
        pixels = self.images[start:stop, top : top + side, left : left + side]
        pixels = pixels.flip(2) if flip else pixels
        return (pixels.float() - self._mean).mul_(self._scale).permute(0, 3, 1, 2)


class TrainBatches:
    """An epoch of training batches: each image once, in random order, each with a window and a mirror of its own.

    What is left over when the batches are full is dropped, another part each epoch, so that all batches have one shape.
    Order, windows and mirrors depend on the seed and `epoch` alone, so a resumed run sees what it would have seen.

    Args:
        crop: the window's side as a share of the image's; mirror: whether windows are mirrored, half of them.
    """

    def __init__(self, pixels: Pixels, *, batch_size: int, crop: float, mirror: bool, seed: int) -> None:
        self.pixels, self.batch_size, self.mirror, self.seed = pixels, batch_size, mirror, seed
        self.side = window_side(pixels.size, crop)
        self.epoch = 0

    def __len__(self) -> int:
        return len(self.pixels) // self.batch_size

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        count, room = len(self.pixels), self.pixels.size - self.side + 1
        order = torch.randperm(count, generator=self._generator("order"))
        corner = torch.randint(room, (2, count), generator=self._generator("crop"))
        flip = torch.randint(2, (count,), generator=self._generator("mirror")).bool() & self.mirror
        # Drawn on the CPU, so that every device sees the same; moved once an epoch.
        device = self.pixels.images.device
        order, corner, flip = order.to(device), corner.to(device), flip.to(device)
        for start in range(0, len(self) * self.batch_size, self.batch_size):
            if start % 1000 < self.batch_size:
                self.pixels.let_go()
            index = order[start : start + self.batch_size]
            top, left = corner[:, index]
            yield self.pixels.cut(index, top, left, flip[index], self.side), self.pixels.labels[index]

    def _generator(self, name: str) -> torch.Generator:
        return torch.Generator().manual_seed(stream(self.seed, name, self.epoch))


class ViewBatches:
    """The images in order, in one view, for evaluation: the centre's, where none is given."""

    def __init__(self, pixels: Pixels, *, batch_size: int, crop: float, view: View | None = None) -> None:
        self.pixels, self.batch_size = pixels, batch_size
        self.side = window_side(pixels.size, crop)
        middle = (pixels.size - self.side) // 2
        self.where = view or (middle, middle, False)

    def __len__(self) -> int:
        return -(-len(self.pixels) // self.batch_size)

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        self.pixels.let_go()
        for start in range(0, len(self.pixels), self.batch_size):
            stop = start + self.batch_size
            yield self.pixels.view(start, stop, self.side, self.where), self.pixels.labels[start:stop]
