"""Linear contrasts over variants, seed by seed.

Each seed gives one value of sum_v w_v * metric(v, seed), from its own runs only, so that what they share cancels.
"""

from collections.abc import Collection, Mapping, Sequence
from math import ceil, log10
from typing import NamedTuple

import numpy as np
import pandas as pd

from dissect.measure.metric import Metric
from dissect.measure.student import Array

SAME = 4 * 2.0**-23  # of the largest level: what logged 32-bit numbers that are equal may differ by


class Contrast(NamedTuple):
    """Weights over variants that sum to zero; contrasts of one family share Holm's correction.

    `orders` is empty but for a sampled Shapley value: then each sampled order's own weights, whose mean is `weights`,
    antithetic orders (one the reverse of the other) next to each other.
    """

    weights: Mapping[str, float]
    orders: Sequence[Mapping[str, float]] = ()
    family: str = ""


class Paired(NamedTuple):
    """One contrast seed by seed, in the metric's unit, over the seeds that have every variant it needs."""

    seeds: list[int]
    differences: Array  # (seeds,)
    pairs: Array  # (seeds, pairs of orders)
    positive: Array  # (seeds,) the part with positive weights, and the other
    negative: Array
    left_out: int
    same: float  # what differs by less differs by rounding only


def by_variant(runs: pd.DataFrame, metric: Metric) -> pd.DataFrame:
    """The metric as it was logged, one row a seed in order, one column a variant, NaN where there is no such run.

    Raises:
        ValueError: for a seed that occurs twice in a variant, and a value that is NaN.
    """
    for run in runs[runs.duplicated(["variant", "seed"])].itertuples():
        raise ValueError(f"{run.variant} has more than one run of seed {run.seed}")
    for run in runs[runs[metric.name].isna()].itertuples():
        raise ValueError(f"the {metric.label} of {run.variant}, seed {run.seed}, is not a number")
    return runs.pivot(index="seed", columns="variant", values=metric.name).sort_index()


def paired(
    levels: pd.DataFrame, contrast: Contrast, metric: Metric, untrained: Collection[tuple[str, int]] = ()
) -> Paired:
    """One contrast over a table of `by_variant`.

    Args:
        untrained: (variant, seed) of runs that are no gaps, though they have no place in the table.

    Raises:
        ValueError: for weights that do not sum to zero, and an odd number of orders.
    """
    named = {name: None for weights in (contrast.weights, *contrast.orders) for name, w in weights.items() if w != 0}
    rows = np.array([[weights.get(name, 0.0) for name in named] for weights in (contrast.weights, *contrast.orders)])
    if not np.allclose(rows.sum(axis=1), 0, atol=1e-9):
        raise ValueError(f"the weights of a contrast sum to zero: {dict(contrast.weights)}")
    if len(contrast.orders) % 2:
        raise ValueError(f"sampled orders come in antithetic pairs: {len(contrast.orders)} orders")
    table = levels.reindex(columns=list(named)).to_numpy(dtype=float)
    present = ~np.isnan(table)
    complete = present.all(axis=1)
    known = np.array([(name, seed) in untrained for seed in levels.index for name in named], dtype=bool)
    known = known.reshape(present.shape)
    scaled = metric.times * table[complete]
    w = rows[0]
    return Paired(
        seeds=levels.index[complete].tolist(),
        differences=settled(scaled @ w, scaled),
        pairs=(scaled @ rows[1:].T).reshape(len(scaled), -1, 2).mean(axis=-1) if contrast.orders else scaled[:, :0],
        positive=scaled @ np.maximum(w, 0),
        negative=scaled @ np.maximum(-w, 0),
        left_out=int((present.any(axis=1) & ~(present | known).all(axis=1)).sum()),
        same=rounding(scaled),
    )


def settled(differences: Array, levels: Array) -> Array:
    """The differences of such levels without what rounding has put there.

    They keep eleven digits of the largest level, so that of ratios of counts the equal ones are equal. Where all lie
    within SAME of that level, they are equal too: levels may have been logged in 32 bits.
    """
    largest = float(np.abs(levels).max(initial=0.0))
    if not largest:
        return differences
    rounded = np.round(differences, 11 - ceil(log10(largest)))
    if np.ptp(rounded) <= rounding(levels):
        rounded[:] = np.median(rounded)
    return rounded


def rounding(levels: Array) -> float:
    """By how much such levels, or sums of them, may differ though they are equal."""
    return SAME * float(np.abs(levels).max(initial=0.0))
