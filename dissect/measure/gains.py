"""One gain and one mean, each with its Student t interval over seeds."""

from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy import stats

from dissect.measure.metric import Metric
from dissect.measure.paired import settled
from dissect.measure.student import estimate, interval, p_zero


class Gain(NamedTuple):
    """Treated minus control, in the metric's unit, over `seeds` pairs; `low`, `high` and `p` are NaN for one pair."""

    gain: float
    low: float
    high: float
    p: float
    seeds: int


def gain(runs: pd.DataFrame, treated: str, control: str, metric: Metric, level: float = 0.95) -> Gain:
    """Mean gain of `treated` over `control`, paired by seed, with a Student t interval.

    Args:
        runs: one row a run: `variant`, `seed`, and the metric by its name, as it was logged.

    Raises:
        ValueError: unless both variants have the same seeds, two or more.
    """
    ours, theirs = by_seed(runs, treated, metric), by_seed(runs, control, metric)
    if list(ours.index) != list(theirs.index) or len(ours) < 2:
        raise ValueError(
            f"a gain needs the same seeds in both variants, two or more: {treated} has {list(ours.index)}, "
            f"{control} has {list(theirs.index)}"
        )
    levels = metric.times * np.stack([ours.to_numpy(dtype=float), theirs.to_numpy(dtype=float)])
    differences = settled(levels[0] - levels[1], levels)
    found = estimate(differences)
    low, high = interval(found, level)
    return Gain(float(found.mean), float(low), float(high), float(p_zero(found)), len(differences))


def by_seed(runs: pd.DataFrame, variant: str, metric: Metric) -> pd.Series:
    """The metric of one variant, indexed and sorted by seed.

    Raises:
        ValueError: when a seed occurs twice.
    """
    chosen = runs[runs["variant"] == variant].set_index("seed")[metric.name].sort_index()
    if not chosen.index.is_unique:
        raise ValueError(f"{variant} has more than one run of seed {chosen.index[chosen.index.duplicated()][0]}")
    return chosen


def summary(runs: pd.DataFrame, metric: Metric, level: float = 0.95) -> pd.DataFrame:
    """The mean level of each variant, in the order in which the variants first occur.

    Args:
        runs: one row a run: `variant`, and the metric by its name.

    Returns:
        One row a variant: `variant`, `mean`, `sd`, `half_width` (of the Student t interval), all as logged, and `n`;
        `sd` and `half_width` are NaN for one run.
    """
    table = runs.groupby("variant", sort=False)[metric.name].agg(mean="mean", sd="std", n="count").reset_index()
    # A single run has no degree of freedom left; t(1) stands in, and the missing sd makes the half-width NaN.
    t = stats.t.ppf((1 + level) / 2, np.maximum(table["n"] - 1, 1))
    table["half_width"] = t * table["sd"] / np.sqrt(table["n"])
    return table[["variant", "mean", "sd", "half_width", "n"]]
