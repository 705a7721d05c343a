"""What a run writes down: scores from its predictions, and what they rest on."""

import platform
import subprocess
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from omegaconf import DictConfig, OmegaConf

from dissect.data.arrays import ImageSet
from dissect.variant import Variant

METRICS = ("accuracy", "accuracy_ten_crop", "ten_crop", "top5", "loss", "train_accuracy",
           "parameters", "epochs", "train_seconds", "images_per_second")  # fmt: skip


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


def scores_of(predictions: Mapping[str, np.ndarray]) -> dict[str, float | None]:
    """`scores` of the single view, and the accuracy of the ten-crop where there is one."""
    labels, ten_crop = predictions["labels"], predictions.get("probabilities_ten_crop")
    cropped = None if ten_crop is None else scores(ten_crop, labels)["accuracy"]
    return {**scores(predictions["probabilities"], labels), "accuracy_ten_crop": cropped}


def mean(arrays: Iterable[np.ndarray]) -> np.ndarray:
    """The mean of float32 arrays, summed in float64 one after another, so that no more than two are held."""
    total, count = np.zeros(()), 0
    for array in arrays:
        total, count = total + array.astype(np.float64), count + 1
    return np.asarray(total / count, dtype=np.float32)


def describe(variant: Variant, images: ImageSet) -> dict[str, Any]:
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
        "settings": variant.settings(images.digest),
        "member_of": None,
        "members": None,
        "data": describe_data(config, images),
        **dict.fromkeys(METRICS),
        "device": None,
        "precision": None,
        "versions": versions(),
        "commit": commit(),
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def describe_data(config: DictConfig, images: ImageSet) -> dict[str, Any]:
    """What the run was trained and judged on; `views` of a ten-crop are null until one is evaluated."""
    return {
        "name": config.data.name,
        "classes": len(images.classes),
        "image_size": config.data.image_size,
        "train_images": len(images.train_labels),
        "val_images": len(images.val_labels),
        "mirror": config.data.mirror,
        "views": None,
        "judge": config.data.judge,
        "digest": images.digest,
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


def without_paths(config: DictConfig) -> DictConfig:
    """The config without folders of this machine, which say nothing about the result."""
    kept = cast(DictConfig, OmegaConf.create(OmegaConf.to_container(config, resolve=True)))
    for key in ("runs", "data.root", "data.cache", "data.source.root", "logger.save_dir", "trainer.default_root_dir"):
        if OmegaConf.select(kept, key) is not None:
            OmegaConf.update(kept, key, None)
    return kept


def device_name(device: torch.device) -> str:
    """The processor's own name, with the threads used on a CPU."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    if device.type != "cpu":
        return f"{device.type} ({platform.processor() or platform.machine()})"
    name = platform.processor() or platform.machine()
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        name = next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), name)
    except OSError:
        pass
    threads = torch.get_num_threads()
    return f"CPU {name}, {threads} thread{'' if threads == 1 else 's'}"
