"""Augmentation: transforms by name, of which three are done where batches are cut, and the others on batches."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import torch
from torch import Tensor

from dissect.errors import InputError
from dissect.images.offline import Doubled, doubled


class Transform(Protocol):
    """Changes a batch on the training device, after it was cut and normalised.

    One whose attribute `on_pixels` is true is given values from 0 to 1 instead, as torchvision's functions of floats
    take them; what it makes is cut off there, and normalised again.

    Args:
        images: (B, 3, S, S) floats, channels last in memory.
        targets: (B,) int64 labels, or (B, classes) float shares of each class where a transform before made them so.
        generator: on the CPU, so that every device sees the same draws; the transform's own in each epoch, so that
            neither a killed run nor another transform changes them. Whatever is drawn without it cannot be repeated.

    Returns:
        Images of the same shape, and targets of either form. What it was given may be written into.
    """

    def __call__(self, images: Tensor, targets: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]: ...


@dataclass(frozen=True)
class Crop:
    """A random window in training, the centre's at evaluation.

    Args:
        share: the window's side as a share of the image's, above 0 and at most 1.
    """

    share: float

    def __post_init__(self) -> None:
        if not 0 < self.share <= 1:
            raise ValueError(f"share={self.share} must be a share of the image's side, above 0 and at most 1")


@dataclass(frozen=True)
class Mirror:
    """Half the images mirrored, left to right, drawn anew each epoch.

    Args:
        active: false where labels do not survive it, as a digit's.
        alternating: drawn once, for the first epoch; in each later one those are mirrored that were not in the one
            before, so that two epochs show all images both ways (Jordan 2024, section 3.6).
    """

    active: bool = True
    alternating: bool = False


@dataclass(frozen=True)
class Offline:
    """Each image has a second one, mirrored or turned once for all: an epoch is twice as long.

    Args:
        mirror: whether some are mirrored; false where labels do not survive it.
    """

    mirror: bool = True


@dataclass(frozen=True)
class Augmentation:
    """What is done where batches are cut, and `transforms`, done on each batch in their order."""

    crop: float = 1.0
    mirror: bool = False
    alternating: bool = False
    offline: Offline | None = None
    transforms: Mapping[str, Transform] = field(default_factory=dict)

    @classmethod
    def of(cls, named: Mapping[str, Any]) -> "Augmentation":
        """From the config's objects by name, None where one is off.

        Raises:
            InputError: for two that would do the same in one cut, or what is no transform.
        """
        cut: dict[type, tuple[str, Any]] = {}
        transforms: dict[str, Transform] = {}
        for name, made in named.items():
            kind = type(made)
            if kind in cut:
                raise InputError(
                    f"augmentation.{name}: is a second {kind.__name__}, beside augmentation.{cut[kind][0]}; "
                    "set one of them to null"
                )
            if kind in (Crop, Mirror, Offline):
                cut[kind] = name, made
            elif callable(made):
                transforms[name] = made
            elif made is not None:
                raise InputError(f"augmentation.{name}: is {made!r}, which cannot be called on images")
        crop, mirror, offline = (cut.get(kind, (None, None))[1] for kind in (Crop, Mirror, Offline))
        mirror = mirror or Mirror(active=False)
        return cls(crop.share if crop else 1.0, mirror.active, mirror.alternating, offline, transforms)

    def doubled(self, count: int) -> Doubled | None:
        """So many images and their second ones, where there are any."""
        return doubled(count, mirror=self.offline.mirror) if self.offline else None

    def check(self, *, side: int, classes: int, mirror: bool) -> Tensor:
        """Try every transform on a small batch.

        Args:
            side: of the windows, pixels.
            mirror: whether labels survive a mirror.

        Returns:
            The targets that the loss will be given, for four images: (4,) or (4, classes).

        Raises:
            InputError: for a mirror that labels do not survive, or a transform that fails, draws without its generator,
                or changes more than the values of images and targets.
        """
        if not mirror:
            for name, on in (
                ("mirror.active", self.mirror),
                ("offline.mirror", bool(self.offline and self.offline.mirror)),
            ):
                if on:
                    raise InputError(
                        f"augmentation.{name}=true: these labels do not survive a mirror (data.mirror=false)"
                    )
        images = torch.rand(4, 3, side, side, generator=torch.Generator().manual_seed(0))
        images, targets = images.contiguous(memory_format=torch.channels_last), torch.arange(4) % classes
        for name, transform in self.transforms.items():
            images, targets = _tried(name, transform, images, targets, classes)
        return targets


def _tried(name: str, transform: Transform, images: Tensor, targets: Tensor, classes: int) -> tuple[Tensor, Tensor]:
    key = f"augmentation.{name}={type(transform).__name__}"
    before = torch.random.get_rng_state()
    try:
        found, labels = transform(images.clone(), targets.clone(), torch.Generator().manual_seed(0))
        shape, kind, length = tuple(found.shape), found.dtype, tuple(labels.shape)
    except Exception as problem:  # the transform is anybody's, so anything may come
        reason = "; ".join(str(problem).splitlines())
        raise InputError(
            f"{key}: fails on images of shape {tuple(images.shape)} and targets of shape {tuple(targets.shape)} "
            f"({type(problem).__name__}: {reason})"
        ) from problem
    if (shape, kind) != (tuple(images.shape), images.dtype):
        raise InputError(
            f"{key}: makes {kind} images of shape {shape} of {images.dtype} ones of shape {tuple(images.shape)}; "
            "a transform keeps both"
        )
    if length not in ((len(images),), (len(images), classes)) or labels.is_floating_point() != (len(length) == 2):
        raise InputError(
            f"{key}: makes {labels.dtype} targets of shape {length}; they must be labels, int64 of shape "
            f"{(len(images),)}, or shares of the classes, floats of shape {(len(images), classes)}"
        )
    if not torch.equal(before, torch.random.get_rng_state()):
        raise InputError(f"{key}: draws numbers without the generator it is given, so that no run could be repeated")
    return found, labels
