"""What a run's predictions amount to, and on what they were made."""

import platform
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
import torch


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
