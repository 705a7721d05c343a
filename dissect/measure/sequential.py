"""Looking more than once: p-values and levels that stay right when seeds are added until something shows.

A study that looks after 3, 5, 8 and 12 seeds and stops at the first p below 0.05 is wrong far more often than 1 time in
20. Under "no gain" with normal differences the t tests at the planned looks have a joint distribution without any
unknown, so the chance that the smallest of their p-values falls below x can be had by simulation. One constant level
a look is Pocock's idea (1977, Group sequential methods in the design and analysis of clinical trials), taken here for t
tests at any numbers of seeds instead of normal ones at equal steps; intervals at that level are the repeated confidence
intervals of Jennison & Turnbull (1989): all looks together cover with the stated chance, whenever one stops.

Limits: the looks are planned before the first one, and counted in seeds, not in days. What other contrasts say may
decide when to stop. The differences are taken to be normal, as by the t test itself.
"""

from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise
from math import ceil

import numpy as np
import numpy.typing as npt
from scipy import stats

from dissect.measure.student import Array

REPLICATES = 200_000  # the level of 0.05 is then known to 0.0005 (binomial standard error)


def sequential_p(p_values: npt.ArrayLike, looks: Sequence[int], *, one_sided: bool = False) -> Array:
    """One p-value for a sequence of looks: the chance under the null that any planned look has a p as small.

    Args:
        p_values: (..., looks so far), of a t test over the first looks[0], looks[1], ... seeds.
        looks: the increasing numbers of seeds at which one looks, all that were planned.
        one_sided: whether the p-values are those of one-sided tests, or of an equivalence test, which is two of them.

    Raises:
        ValueError: where the looks do not increase from two seeds on, or are fewer than the p-values.
    """
    values = np.asarray(p_values, dtype=float)
    planned = _checked(looks)
    if not 1 <= values.shape[-1] <= len(planned):
        raise ValueError(f"{values.shape[-1]} looks were taken of those planned: {list(planned)}")
    smallest = values.min(axis=-1)
    null = _smallest_p(planned, one_sided)
    simulated = np.searchsorted(null, smallest, side="right") / len(null)
    # No better than a single look, no worse than Bonferroni's bound, which also reaches where the simulation has no p.
    return np.clip(simulated, smallest, np.minimum(smallest * len(planned), 1.0))


def nominal_level(looks: Sequence[int], alpha: float) -> float:
    """The level at which each two-sided look is tested so that all looks together are wrong with chance `alpha`.

    Raises:
        ValueError: where the looks do not increase from two seeds on.
    """
    planned = _checked(looks)
    null = _smallest_p(planned, False)
    # The value below which `sequential_p` is below alpha, so that intervals agree with it.
    reached = null[max(ceil(alpha * len(null)) - 1, 0)]
    return float(np.clip(reached, alpha / len(planned), alpha))


@lru_cache(maxsize=32)
def _smallest_p(looks: tuple[int, ...], one_sided: bool) -> Array:
    """The smallest p-value over nested t tests of normal noise, sorted (REPLICATES,).

    The mean of further values is normal and their sum of squares chi-square, so no value is drawn by itself.
    """
    random = np.random.default_rng(20_150_311)
    mean, squares = np.zeros(REPLICATES), np.zeros(REPLICATES)
    smallest = np.ones(REPLICATES)
    for before, n in zip((0, *looks), looks, strict=False):
        new = n - before
        shift = random.normal(scale=1 / np.sqrt(new), size=REPLICATES) - mean
        squares += shift**2 * before * new / n
        if new > 1:
            squares += random.chisquare(new - 1, REPLICATES)
        mean += shift * new / n
        t = mean / np.sqrt(squares / (n - 1) / n)
        np.minimum(smallest, stats.t.sf(t, n - 1) if one_sided else 2 * stats.t.sf(np.abs(t), n - 1), out=smallest)
    return np.sort(smallest)


def _checked(looks: Sequence[int]) -> tuple[int, ...]:
    planned = tuple(int(n) for n in looks)
    if not planned or planned[0] < 2 or any(a >= b for a, b in pairwise(planned)):
        raise ValueError(f"looks are numbers of seeds that increase, from two on: {list(planned)}")
    return planned
