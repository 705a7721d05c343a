"""What a run writes down: scores from its predictions, and what they rest on."""

import platform
import subprocess
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from dissect.data.arrays import ImageSet
from dissect.variant import Variant

METRICS = ("accuracy", "accuracy_ten_crop", "top5", "loss", "train_accuracy", "parameters", "epochs", "train_seconds",
           "images_per_second")  # fmt: skip


def scores(probabilities: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    """Accuracy and top-5 accuracy (fractions) and the mean cross entropy (nats) of `probabilities` (N, classes)."""
    own = probabilities[np.arange(len(labels)), labels]
    # A class's rank is the number of classes ahead of it; a tie counts for the lower label, as argmax has it.
    tied = (probabilities == own[:, None]) & (np.arange(probabilities.shape[1]) < labels[:, None])
    rank = (probabilities > own[:, None]).sum(1) + tied.sum(1)
    smallest = np.finfo(probabilities.dtype).tiny
    return {
        "accuracy": float((rank == 0).mean()),
        "top5": float((rank < 5).mean()),
        "loss": float(-np.log(np.maximum(own, smallest), dtype=np.float64).mean()),
    }


def describe(variant: Variant, images: ImageSet, *, views: int, **rest: Any) -> dict[str, Any]:
    """The body of `result.json`: identity, data and provenance, metrics null until `rest` gives them."""
    config = variant.config
    return {
        "key": variant.key(images.digest),
        "study": config.name,
        "variant": variant.name,
        "components": dict(variant.components),
        "seed": variant.seed,
        "status": "finished",
        "error": None,
        "settings": variant.settings(images.digest),
        "member_of": None,
        "members": None,
        "data": {
            "name": config.data.name,
            "classes": len(images.classes),
            "image_size": config.data.image_size,
            "train_images": len(images.train_labels),
            "val_images": len(images.val_labels),
            "mirror": config.data.mirror,
            "views": views,
            "judge": config.data.judge,
            "digest": images.digest,
        },
        **dict.fromkeys(METRICS),
        "device": None,
        "versions": versions(),
        "commit": commit(),
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        **rest,
    }


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
