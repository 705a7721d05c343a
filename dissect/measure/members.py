"""How well one ensemble would do again, from its own members: intervals without training other ensembles.

Members are exchangeable: the same variant, other seeds. Probabilities are averaged, as everywhere.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from dissect.measure.student import Array, Estimate, estimate, interval

Probabilities = npt.NDArray[np.float32]  # (members, images, classes)


class Members(NamedTuple):
    """The accuracy of an ensemble of `size` members, a fraction, and its interval for other members on these images."""

    accuracy: float
    low: float
    high: float
    size: int


def jackknife(probabilities: Probabilities, labels: npt.NDArray[np.int_], level: float = 0.95) -> Members:
    """The interval for the accuracy of an ensemble of all M members: the delete-one jackknife with Student's t(M - 1).

    variance = (M - 1) / M * sum over members of (accuracy without it - their mean)^2. For a statistic that treats
    members alike this overestimates on average (Efron & Stein 1981, The jackknife estimate of variance). An
    image that one member decides counts in full, so the overestimate is large: in simulations (1,000 images, 10
    classes) the variance was 1.7 times the true one for 5 members and 3 times for 11, and 95% intervals covered 99%.

    Raises:
        ValueError: for fewer than three members: two would leave ensembles of one.
    """
    members = len(probabilities)
    if members < 3:
        raise ValueError(f"a jackknife over members needs three or more: {members}")
    total = probabilities.sum(axis=0, dtype=float)
    without = np.array([_accuracy((total - one) / (members - 1), labels) for one in probabilities])
    spread = estimate(without)
    # estimate's error is sd / sqrt(M); the jackknife's is sd * (M - 1) / sqrt(M).
    error = spread.error * (members - 1)
    low, high = interval(Estimate(np.asarray(_accuracy(total, labels)), error, spread.df), level)
    return Members(_accuracy(total, labels), float(low), float(high), members)


def disjoint_groups(
    probabilities: Probabilities, labels: npt.NDArray[np.int_], groups: int, level: float = 0.95
) -> Members:
    """The mean accuracy of `groups` ensembles that share no member, with a Student t interval over them.

    It speaks of ensembles of M // groups members, which do worse than one of all M; members left over are not used.
    Groups are independent, so the interval is as good as any over seeds.

    Raises:
        ValueError: for fewer than two groups, or more groups than members.
    """
    members = len(probabilities)
    if not 2 <= groups <= members:
        raise ValueError(f"groups are two or more, and not more than the members: {groups} of {members}")
    size = members // groups
    found = estimate([_accuracy(probabilities[g * size : (g + 1) * size].sum(axis=0), labels) for g in range(groups)])
    low, high = interval(found, level)
    return Members(float(found.mean), float(low), float(high), size)


def _accuracy(scores: Array | npt.NDArray[np.float32], labels: npt.NDArray[np.int_]) -> float:
    return float((scores.argmax(axis=-1) == labels).mean())
