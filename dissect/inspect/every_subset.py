"""The accuracy of every subset of an ensemble: of the averaged probabilities of any of its members.

An image is right in a subset when no class's summed probability stands above its own class's. So only margins over the
own class count, and only of its rivals: the classes that some member puts above it. Most images have few or none. And
the sums over all subsets of ten members are those over the first five plus those over the other five.
"""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from typing import NamedTuple

import numpy as np
import pandas as pd

LIMIT = 24  # members: 16.8 million subsets, and 24 sums of _MOST that fit into 64 bits

_UNIT = 2.0**58  # float32 numbers from 2^-35 to 1 are whole multiples of 2^-58
_MOST = 1.001  # a probability that rounding has put above 1
_IMAGES = 256  # looked at together, and
_HALF = 5  # members summed together: 2^5 x 2^5 subsets x 256 images x 8 bytes = 2 MB, which a cache holds


class Subset(NamedTuple):
    """Members by number, and the accuracy (a fraction) of their averaged probabilities."""

    members: tuple[int, ...]
    accuracy: float


def subset_accuracies(probabilities: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Accuracy of the averaged probabilities of each of the 2^M - 1 subsets of M members.

    Sums are exact: of 64-bit whole multiples of 2^-58, to which probabilities below 2^-35 are rounded. So no order of
    summing matters, and only what is equal is a tie, which goes to the lower label, as `argmax` has it.

    Args:
        probabilities: (M, N, C) float32, one (N, C) a member; labels: (N,), from 0 to C - 1.

    Returns:
        (2^M,) fractions: entry `mask` is the subset of the members m whose bit 2^m is set; entry 0, of none, is NaN.

    Raises:
        ValueError: for other shapes, more than 24 members, values that are no probabilities, labels without a class.
    """
    _check(probabilities, labels)
    members, images, _ = probabilities.shape
    counts = np.zeros(1 << members, dtype=np.int64)
    lock = Lock()

    def rivals(part: slice) -> np.ndarray:
        return _rivals(probabilities[:, part], labels[part])

    def add(index: np.ndarray) -> None:
        for first, right in _right(probabilities[:, index], labels[index]):
            with lock:
                counts[first : first + len(right)] += right

    with ThreadPoolExecutor(os.cpu_count()) as pool:  # numpy computes outside Python's lock
        known = np.concatenate(list(pool.map(rivals, _parts(images))))
        counts += np.count_nonzero(known == 0)
        open_ = np.flatnonzero(known > 0)
        open_ = open_[np.argsort(known[open_], kind="stable")]  # those with as many rivals together: none waits
        list(pool.map(add, [open_[part] for part in _parts(len(open_))]))
    accuracies = counts / images
    accuracies[0] = np.nan
    return accuracies


def by_size(accuracies: np.ndarray) -> pd.DataFrame:
    """What `subset_accuracies` gives, by the number of members.

    Returns:
        One row a size, from 1 to M: `members`, `subsets` (how many), `mean`, `min`, `max` (fractions).
    """
    frame = pd.DataFrame({"members": sizes(accuracies)[1:], "accuracy": accuracies[1:]})
    table = frame.groupby("members")["accuracy"].agg(subsets="count", mean="mean", min="min", max="max")
    return table.reset_index()


def sizes(accuracies: np.ndarray) -> np.ndarray:
    """The number of members of each entry of `subset_accuracies`: 0, 1, 1, 2, 1, 2, 2, 3, ..."""
    return np.bitwise_count(np.arange(len(accuracies)))


def best(accuracies: np.ndarray) -> Subset:
    """The subset of highest accuracy; of several, the smallest, then the one of the first members."""
    highest = np.flatnonzero(accuracies == np.nanmax(accuracies))
    return _subset(accuracies, int(highest[np.argmin(sizes(accuracies)[highest])]))


def full(accuracies: np.ndarray) -> Subset:
    """The whole ensemble."""
    return _subset(accuracies, len(accuracies) - 1)


def _subset(accuracies: np.ndarray, mask: int) -> Subset:
    return Subset(tuple(m for m in range(mask.bit_length()) if mask >> m & 1), float(accuracies[mask]))


def _parts(count: int) -> list[slice]:
    return [slice(start, start + _IMAGES) for start in range(0, count, _IMAGES)]


def _margins(probabilities: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Each class's margin over the image's own, (M, n, C) in units, and what a class gains by a tie, (n, C).

    A summed margin plus that gain is above 0 exactly where the class beats the own one: a lower label wins a tie.
    """
    units = np.rint(probabilities * _UNIT).astype(np.int64)
    own = np.take_along_axis(units, labels[None, :, None], axis=2)
    ties = (np.arange(units.shape[2]) < labels[:, None]).astype(np.int64)
    return units - own, ties


def _rivals(probabilities: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """How many classes win against each image's own in some subset; -1 where one does so in all. (n,)"""
    margins, ties = _margins(probabilities, labels)
    rivals = (margins.max(0) + ties > 0).sum(1)
    rivals[(margins.min(0) + ties > 0).any(1)] = -1
    return rivals


def _right(probabilities: np.ndarray, labels: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
    """How many of these images are right in each subset: a first mask, and the counts from there on."""
    margins, ties = _margins(probabilities, labels)
    rival = margins.max(0) + ties > 0
    # As many classes of each image as the one with the most rivals has; one too many harms nothing.
    chosen = np.argsort(~rival, axis=1, kind="stable")[:, : rival.sum(1).max()]
    margins = np.ascontiguousarray(np.take_along_axis(margins, chosen[None], 2).transpose(2, 0, 1))  # (J, M, n)
    ties = np.take_along_axis(ties, chosen, 1).T
    further = range(2 * _HALF, margins.shape[1])
    for number in range(1 << len(further)):
        others = [m for place, m in enumerate(further) if number >> place & 1]
        highest = _highest(margins[:, : 2 * _HALF], ties + margins[:, others].sum(1))
        yield number << 2 * _HALF, (highest <= 0).sum(-1).ravel()


def _highest(margins: np.ndarray, start: np.ndarray) -> np.ndarray:
    """The highest over J classes of `start` (J, n) plus the sums over all subsets of margins (J, m, n).

    Returns:
        (2^h, 2^l, n), where the mask's lower l bits are the first half of the members.
    """
    highest = total = np.empty(0)
    for number, (ours, first) in enumerate(zip(margins, start, strict=True)):
        low, high = _sums(ours[:_HALF], first), _sums(ours[_HALF:], np.zeros_like(first))
        if number == 0:
            highest = high[:, None] + low
            total = np.empty_like(highest)
        else:
            np.add(high[:, None], low, out=total)
            np.maximum(highest, total, out=highest)
    return highest


def _sums(margins: np.ndarray, start: np.ndarray) -> np.ndarray:
    """`start` (n,) plus the sums over all subsets of margins (m, n), by mask: (2^m, n)."""
    sums = start[None]
    for margin in margins:
        sums = np.concatenate([sums, sums + margin])
    return sums


def _check(probabilities: np.ndarray, labels: np.ndarray) -> None:
    if probabilities.ndim != 3 or 0 in probabilities.shape or labels.shape != probabilities.shape[1:2]:
        raise ValueError(
            f"probabilities of shape {probabilities.shape} and labels of shape {labels.shape}: must be "
            "(members, images, classes) and (images,), none of them 0"
        )
    if len(probabilities) > LIMIT:
        raise ValueError(
            f"{len(probabilities)} members have {2 ** len(probabilities) - 1} subsets; choose {LIMIT} members or fewer"
        )
    if not (probabilities.min() >= 0 and probabilities.max() <= _MOST):  # NaN is neither
        raise ValueError(f"probabilities from {probabilities.min()} to {probabilities.max()}: must be from 0 to 1")
    if not 0 <= labels.min() <= labels.max() < probabilities.shape[2]:
        raise ValueError(
            f"labels from {labels.min()} to {labels.max()}: must be from 0 to {probabilities.shape[2] - 1}"
        )
