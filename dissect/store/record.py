"""What `result.json` says of a run besides its scores: who it is, its data and its provenance."""

import platform
import subprocess
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omegaconf import DictConfig

from dissect.composing.variant import Variant

if TYPE_CHECKING:
    from dissect.images.arrays import ImageSet

METRICS = ("accuracy", "accuracy_ten_crop", "ten_crop", "top5", "loss", "train_accuracy", "parameters",
           "multiply_adds", "epochs", "train_seconds", "images_per_second")  # fmt: skip


def describe(variant: Variant, images: "ImageSet") -> dict[str, Any]:
    """The body of `result.json`: who the run is, its data and its provenance, every metric null as yet."""
    config = variant.config
    return {
        "key": variant.key(images.digest),
        "study": config.name,
        "variant": variant.name,
        "components": dict(variant.components),
        "seed": variant.seed,
        "status": "finished",
        "error": None,
        "settings": (variant.member_of or variant).settings(images.digest),
        "member_of": variant.member_of and variant.member_of.name,
        "members": None,
        "data": describe_data(config, images),
        **dict.fromkeys(METRICS),
        "device": None,
        "precision": None,
        "versions": versions(),
        "commit": commit(),
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def describe_data(config: DictConfig, images: "ImageSet") -> dict[str, Any]:
    """What the run was trained and judged on; `views` of a ten-crop are null until one is evaluated."""
    return {
        "name": config.data.name,
        "classes": len(images.classes),
        "image_size": config.data.image_size,
        "train_images": len(images.train_labels),
        "val_images": len(images.val_labels),
        "mirror": config.data.mirror,
        "views": None,
        "judge": judged_on(config.data),
        "folds": config.data.get("folds"),  # a manifest that was frozen before there were folds has none
        "fold": config.data.get("fold", 0),
        "digest": images.digest,
    }


def judged_on(data: DictConfig) -> str:
    """What a run's accuracy is measured on: "validation", "tuning" or, of cross-validation, "fold 2 of 5"."""
    return data.judge if data.get("folds") is None else f"fold {data.fold} of {data.folds}"


@cache
def versions() -> dict[str, str]:
    named = ("dissect", "torch", "torchvision", "pytorch-lightning", "numpy")
    return {"python": platform.python_version(), **{name: version(name) for name in named}}


@cache
def commit() -> str | None:
    """The checkout's commit, "-dirty" with changes that are not in it; None where the package is not in a checkout."""
    here = Path(__file__).resolve().parents[2]
    if not (here / ".git").exists():
        return None
    command = ["git", "-C", str(here), "describe", "--always", "--dirty", "--exclude=*"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None
