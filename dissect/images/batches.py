"""Batches cut on the training device from uint8 images: windows, mirrors and normalisation in one batched operation."""

from collections.abc import Callable, Iterator, Mapping
from copy import copy
from types import MappingProxyType

import torch
from torch import Tensor

from dissect.images.augmentation import Transform
from dissect.images.offline import Doubled, turned
from dissect.images.views import View, window_side
from dissect.streams import stream

Part = tuple[int, int]  # which of how many processes that share every batch, from 0
ALONE: Part = (0, 1)
NO_TRANSFORMS: Mapping[str, Transform] = MappingProxyType({})


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
        rows = (index * self.size + top)[:, None] + span
        columns = left[:, None] + torch.where(flip[:, None], side - 1 - span, span)
        # Of all pixels in one row: torch selects whole entries four times as fast as by three indices.
        places = (rows * self.size)[:, :, None] + columns[:, None, :]
        pixels = self.images.reshape(-1, 3).index_select(0, places.flatten())
        return self._normalised(pixels.view(len(index), side, side, 3))

    def whole(self, index: Tensor) -> Tensor:
        """The images of these numbers, (B,) int64, as (B, 3, S, S) floats."""
        return self._normalised(self.images[index])

    def view(self, start: int, stop: int, side: int, view: View) -> Tensor:
        """One view of the images from `start` to `stop`, as `cut` gives them."""
        top, left, flip = view
        pixels = self.images[start:stop, top : top + side, left : left + side]
        return self._normalised(pixels.flip(2) if flip else pixels)

    def values(self, images: Tensor) -> Tensor:
        """Normalised images as values from 0 to 1; `again` takes them back."""
        return torch.addcmul(self._channels(self._mean / 255), images, self._channels(1 / (255 * self._scale)))

    def again(self, values: Tensor) -> Tensor:
        """Values normalised, those below 0 or above 1 cut off."""
        return values.clamp(0, 1).sub_(self._channels(self._mean / 255)).mul_(self._channels(255 * self._scale))

    @staticmethod
    def _channels(numbers: Tensor) -> Tensor:
        return numbers.view(3, 1, 1)

    def _normalised(self, pixels: Tensor) -> Tensor:
        side = pixels.shape[1]
        # Whole rows at once, which is what a processor does fastest.
        rows = pixels.reshape(-1, side, 3 * side).float().sub_(self._mean.repeat(side)).mul_(self._scale.repeat(side))
        return rows.view(-1, side, side, 3).permute(0, 3, 1, 2)


class TrainBatches:
    """An epoch of training batches: each image once, in random order, each with a window and a mirror of its own.

    What is left over when the batches are full is dropped, another part each epoch, so that all batches have one shape.
    Order, windows and mirrors depend on the seed and `epoch` alone, so a resumed run sees what it would have seen, and
    processes that share the batches see together what one alone sees.

    Args:
        crop: the window's side as a share of the image's; mirror: whether windows are mirrored, half of them.
        alternating: whether an image is mirrored in every other epoch, instead of by a draw of each.
        doubled: the images and their second ones, where an epoch has both, and so twice as many batches.
        part: which part of each batch is this process's; `batch_size`, of the whole, is a multiple of their number.
        transforms: done on each batch in their order. One may mix a batch's images, so processes that share a batch
            each cut and transform the whole, and keep their part.
    """

    def __init__(self, pixels: Pixels, *, batch_size: int, crop: float, mirror: bool, seed: int,
                 alternating: bool = False, doubled: Doubled | None = None, part: Part = ALONE,
                 transforms: Mapping[str, Transform] = NO_TRANSFORMS) -> None:  # fmt: skip
        self.pixels, self.batch_size, self.mirror, self.seed, self.part = pixels, batch_size, mirror, seed, part
        self.alternating, self.transforms, self.side = alternating, transforms, window_side(pixels.size, crop)
        self.doubled = doubled and doubled.to(pixels.images.device)
        self.epoch = 0

    def __len__(self) -> int:
        return self._count() // self.batch_size

    def whole(self) -> "TrainBatches":
        """The same batches, all of each."""
        batches = copy(self)
        batches.part = ALONE
        return batches

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        if not self.transforms:
            yield from self._cut(self.part)
            return
        own = [(transform, self._generator("augmentation", name)) for name, transform in self.transforms.items()]
        share = self.batch_size // self.part[1]
        mine = slice(self.part[0] * share, (self.part[0] + 1) * share)
        for images, targets in self._cut(ALONE):
            for transform, generator in own:
                if getattr(transform, "on_pixels", False):
                    values, targets = transform(self.pixels.values(images), targets, generator)
                    images = self.pixels.again(values)
                else:
                    images, targets = transform(images, targets, generator)
            yield images[mine], targets[mine]

    def _cut(self, part: Part) -> Iterator[tuple[Tensor, Tensor]]:
        count, room = self._count(), self.pixels.size - self.side + 1
        order = torch.randperm(count, generator=self._generator("order"))
        corner = torch.randint(room, (2, count), generator=self._generator("crop"))
        flip = self._flip(count)
        # Drawn on the CPU, so that every device sees the same; moved once an epoch.
        device = self.pixels.images.device
        order, corner, flip = order.to(device), corner.to(device), flip.to(device)
        share = self.batch_size // part[1]
        for start in range(0, len(self) * self.batch_size, self.batch_size):
            if start % 1000 < self.batch_size:
                self.pixels.let_go()
            index = order[start + part[0] * share :][:share]
            top, left = corner[:, index]
            yield self._batch(index, top, left, flip[index])

    def _flip(self, count: int) -> Tensor:
        # Alternating ones are drawn as the first epoch's are.
        drawn = torch.Generator().manual_seed(stream(self.seed, "mirror", 0 if self.alternating else self.epoch))
        flip = torch.randint(2, (count,), generator=drawn).bool()
        return (flip ^ bool(self.alternating and self.epoch % 2)) & self.mirror

    def _count(self) -> int:
        return len(self.pixels) if self.doubled is None else len(self.doubled.image)

    def _batch(self, index: Tensor, top: Tensor, left: Tensor, flip: Tensor) -> tuple[Tensor, Tensor]:
        if self.doubled is None:
            return self.pixels.cut(index, top, left, flip, self.side), self.pixels.labels[index]
        # A window of a mirrored image is a mirrored window of the image, at another place as random.
        image, angle, mirrored = (part[index] for part in self.doubled)
        windows = turned(self.pixels.whole(image), angle, top, left, flip ^ mirrored, self.side)
        return windows, self.pixels.labels[image]

    def _generator(self, *name: str) -> torch.Generator:
        return torch.Generator().manual_seed(stream(self.seed, *name, self.epoch))


class ViewBatches:
    """The images in order, in one view, for evaluation: the centre's, where none is given.

    Args:
        part: which of so many nearly equal parts of the images these are; each has batches of `batch_size`.
    """

    def __init__(self, pixels: Pixels, *, batch_size: int, crop: float, view: View | None = None,
                 part: Part = ALONE) -> None:  # fmt: skip
        self.pixels, self.batch_size = pixels, batch_size
        which, parts = part
        self.begin, self.end = len(pixels) * which // parts, len(pixels) * (which + 1) // parts
        self.side = window_side(pixels.size, crop)
        middle = (pixels.size - self.side) // 2
        self.where = view or (middle, middle, False)

    def __len__(self) -> int:
        return -(-(self.end - self.begin) // self.batch_size)

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        self.pixels.let_go()
        for start in range(self.begin, self.end, self.batch_size):
            stop = min(start + self.batch_size, self.end)
            yield self.pixels.view(start, stop, self.side, self.where), self.pixels.labels[start:stop]
