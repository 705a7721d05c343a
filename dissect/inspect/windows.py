"""Images as the network sees them at evaluation: the central window, normalised as in training."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from omegaconf import DictConfig
from torch import Tensor, nn

from dissect.errors import InputError
from dissect.images.arrays import ImageSet, let_go
from dissect.images.batches import Pixels, ViewBatches
from dissect.images.build import augmentation
from dissect.images.pictures import any_image
from dissect.images.trees import Folder
from dissect.images.views import View, ten_crop_views, window_side


@dataclass(frozen=True)
class Windows:
    """Cuts windows out of uint8 images (N, S, S, 3), as a run's evaluation does.

    Args:
        crop: the window's side as a share of the image's.
        mean, std: float32 (3,), those of the training images.
    """

    crop: float
    mean: np.ndarray
    std: np.ndarray
    batch_size: int
    device: torch.device

    def batches(self, images: np.ndarray, *, crop: float | None = None, view: View | None = None) -> Iterator[Tensor]:
        """Batches (B, 3, side, side) on the device, in order; the centre's view where none is given."""
        pixels = Pixels(
            torch.from_numpy(images).to(self.device), torch.zeros(len(images), dtype=torch.int64),
            mean=torch.from_numpy(self.mean), std=torch.from_numpy(self.std), let_go=lambda: let_go(images),
        )  # fmt: skip
        return (batch for batch, _ in ViewBatches(
            pixels, batch_size=self.batch_size, crop=self.crop if crop is None else crop, view=view))  # fmt: skip

    def tensor(self, images: np.ndarray) -> Tensor:
        """All of a few images at once."""
        return torch.cat(list(self.batches(images)))

    def seen(self, images: np.ndarray) -> np.ndarray:
        """The same windows as uint8 (N, side, side, 3), to be looked at."""
        side = window_side(images.shape[1], self.crop)
        edge = (images.shape[1] - side) // 2
        return images[:, edge : edge + side, edge : edge + side]


def windows_of(config: DictConfig, images: ImageSet, network: nn.Module) -> Windows:
    """How a run's evaluation cuts images, on the device where its network is."""
    device = next(network.parameters()).device
    return Windows(augmentation(config).crop, images.mean, images.std, config.evaluate.batch_size, device)


def ten_crop(config: DictConfig) -> Sequence[View]:
    """The ten-crop's views, as the run's own evaluation has them.

    Raises:
        InputError: for a run that was told to leave it out.
    """
    share, size = config.evaluate.ten_crop, config.data.image_size
    if share is None:
        raise InputError("--ten-crop: this run has evaluate.ten_crop=null; leave it out")
    return ten_crop_views(size - window_side(size, share), mirror=config.data.mirror)


@torch.inference_mode()
def probabilities(network: nn.Module, batches: Iterator[Tensor]) -> np.ndarray:
    """Softmax outputs (N, classes), float32."""
    return torch.cat([network(images).float().softmax(1).cpu() for images in batches]).numpy()


def image_at(images: ImageSet, image: str) -> tuple[np.ndarray, str]:
    """A validation image by its number, or a file's, as uint8 (S, S, 3), and what to call it.

    A file is prepared as the data are: short side to S, cut to its centre.

    Raises:
        InputError: for a number that is out of range, or a file that is missing or no image.
    """
    size = images.val_images.shape[1]
    if image.lstrip("-").isdigit():
        count = len(images.val_labels)
        if not 0 <= int(image) < count:
            raise InputError(f"--image {image}: there are {count} validation images, 0 to {count - 1}")
        return images.val_images[int(image)], f"image {image}, {images.classes[images.val_labels[int(image)]]}"
    path = Path(image)
    try:
        return any_image(
            Folder(path.parent).read(path.name), None, size
        ).copy(), path.name  # PIL's own memory is read-only
    except Exception as problem:  # PIL raises a dozen kinds for damaged files
        reason = getattr(problem, "strerror", None) or str(problem).split("<")[0].strip()
        raise InputError(
            f"--image {image}: is neither a validation image's number nor a readable image ({reason})"
        ) from problem
