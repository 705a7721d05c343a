"""All subsets of an ensemble, beside averaging them with plain numpy, one subset after another."""

import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from images import probabilities
from table import Pair, Row, interleaved, speedup

from dissect.inspect.every_subset import subset_accuracies

SAMPLE = 50  # subsets averaged with plain numpy; all 2,047 would take most of a minute


def averaging(outputs: np.ndarray, labels: np.ndarray, mask: int) -> float:
    """The yardstick: the accuracy of one subset."""
    members = [member for number, member in enumerate(outputs) if mask >> number & 1]
    return float((np.mean(members, axis=0).argmax(1) == labels).mean())


def rows(scratch: Path, repeats: int) -> Iterator[Row]:
    outputs, labels = probabilities(11)
    subset_accuracies(outputs[:2], labels)  # warms up

    def ours(number: int) -> float:
        started = time.perf_counter()
        subset_accuracies(outputs, labels)
        return time.perf_counter() - started

    def plain(number: int) -> float:
        masks = np.random.default_rng(number).integers(1, 2**11, SAMPLE)
        started = time.perf_counter()
        for mask in masks:
            averaging(outputs, labels, int(mask))
        return (time.perf_counter() - started) / SAMPLE * (2**11 - 1)

    yield Row(
        "all 2,047 subsets of 11 members", f"plain numpy averaging, from {SAMPLE} of them",
        "s", interleaved(repeats, ours, plain), speedup, "x", 10, absolute=3,
    )  # fmt: skip
    outputs, labels = probabilities(16)
    seconds = ours(0)
    each = plain(0) / (2**11 - 1)
    yield Row(
        "all 65,535 subsets of 16 members", f"plain numpy averaging, from {SAMPLE} of them",
        "s", [Pair(seconds, each * (2**16 - 1))], speedup, "x", 10, absolute=90,
    )  # fmt: skip
