"""What a run's predictions amount to."""

from collections.abc import Iterable, Mapping
from math import log

import numpy as np

TOP5_FROM = 6  # classes; with fewer, all are among the first five


def parts(probabilities: np.ndarray, labels: np.ndarray) -> dict[str, np.ndarray]:
    """Each image's part (N,) in accuracy, in top-5 accuracy (right or wrong) and in the cross entropy (nats).

    The likeliest class counts, of equal ones the lowest.

    Args:
        probabilities: (N, classes).
    """
    own = probabilities[np.arange(len(labels)), labels]
    # A class's rank is the number of classes ahead of it; a tie counts for the lower label, as argmax has it.
    tied = (probabilities == own[:, None]) & (np.arange(probabilities.shape[1]) < labels[:, None])
    rank = (probabilities > own[:, None]).sum(1) + tied.sum(1)
    smallest = np.finfo(probabilities.dtype).tiny
    return {
        "accuracy": rank == 0,
        "top5": rank < 5,
        "loss": -np.log(np.maximum(own, smallest), dtype=np.float64),
    }


def scores(probabilities: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    """Accuracy and top-5 accuracy (fractions) and the mean cross entropy (nats) of `probabilities` (N, classes)."""
    return {name: float(values.mean()) for name, values in parts(probabilities, labels).items()}


def chance(labels: np.ndarray, classes: int) -> dict[str, float]:
    """What guessing comes to: always the most frequent class, or the five; for the cross entropy all equally likely."""
    shares = np.sort(np.bincount(labels, minlength=classes) / max(len(labels), 1))[::-1]
    return {"accuracy": float(shares[0]), "top5": float(shares[:5].sum()), "loss": log(classes)}


def judged(predictions: Mapping[str, np.ndarray], metric: str) -> tuple[dict[str, float | None], dict[str, np.ndarray]]:
    """`scores` of the single view and of the ten-crop, where there is one, and each image's part in the metric.

    Args:
        predictions: `labels` (N,), `probabilities` (N, classes), and perhaps `probabilities_ten_crop`.

    Returns:
        Metrics by name, those of the ten-crop (None without one) ending in `_ten_crop`; and `scores` and perhaps
        `scores_ten_crop` (N,), `parts` of `metric` where it is one of those. Of fewer than six classes top-5 accuracy
        says nothing, and is left out.
    """
    labels = predictions["labels"]
    found: dict[str, float | None] = {}
    kept: dict[str, np.ndarray] = {}
    for view in ("", "_ten_crop"):
        if (probabilities := predictions.get(f"probabilities{view}")) is None:
            found |= {f"{name}{view}": None for name in ("accuracy", "top5", "loss") if name in found or not view}
            continue
        known = parts(probabilities, labels)
        if probabilities.shape[1] < TOP5_FROM:
            del known["top5"]
        found |= {f"{name}{view}": float(values.mean()) for name, values in known.items()}
        if metric in known:
            kept[f"scores{view}"] = known[metric]
    return found, kept


def mean(arrays: Iterable[np.ndarray]) -> np.ndarray:
    """The mean of float32 arrays, summed in float64 one after another, so that no more than two are held."""
    total, count = np.zeros(()), 0
    for array in arrays:
        total, count = total + array.astype(np.float64), count + 1
    return np.asarray(total / count, dtype=np.float32)
