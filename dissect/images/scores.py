"""What a run's predictions amount to."""

from collections.abc import Iterable, Mapping

import numpy as np


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


def judged(predictions: Mapping[str, np.ndarray]) -> tuple[dict[str, float | None], dict[str, np.ndarray]]:
    """`scores` of the single view and of the ten-crop, where there is one, and which images are right in each.

    Args:
        predictions: `labels` (N,), `probabilities` (N, classes), and perhaps `probabilities_ten_crop`.

    Returns:
        Metrics by name, those of the ten-crop (None without one) ending in `_ten_crop`; and `scores` and perhaps
        `scores_ten_crop` (N,): whether the likeliest class, of equal ones the lowest, is right.
    """
    labels = predictions["labels"]
    found: dict[str, float | None] = {}
    right: dict[str, np.ndarray] = {}
    for view in ("", "_ten_crop"):
        if (probabilities := predictions.get(f"probabilities{view}")) is None:
            found |= {f"{name}{view}": None for name in ("accuracy", "top5", "loss")}
            continue
        found |= {f"{name}{view}": value for name, value in scores(probabilities, labels).items()}
        right[f"scores{view}"] = probabilities.argmax(axis=1) == labels
    return found, right


def mean(arrays: Iterable[np.ndarray]) -> np.ndarray:
    """The mean of float32 arrays, summed in float64 one after another, so that no more than two are held."""
    total, count = np.zeros(()), 0
    for array in arrays:
        total, count = total + array.astype(np.float64), count + 1
    return np.asarray(total / count, dtype=np.float32)
