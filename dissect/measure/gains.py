"""One gain and one mean, each with its Student t interval over seeds."""

from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy import stats

from dissect.measure.student import estimate, interval, p_zero


class Gain(NamedTuple):
    """Treated minus control, in percentage points, over `seeds` pairs; `low`, `high` and `p` are NaN for one pair."""

    gain: float
    low: float
    high: float
    p: float
    seeds: int


def gain(runs: pd.DataFrame, treated: str, control: str, level: float = 0.95) -> Gain:
    """Mean accuracy gain of `treated` over `control`, paired by seed, with a Student t interval.

    Args:
        runs: one row a run: `variant`, `seed`, `accuracy` (a fraction, 0 to 1).

    Raises:
        ValueError: unless both variants have the same seeds, two or more.
    """
    ours, theirs = by_seed(runs, treated), by_seed(runs, control)
    if list(ours.index) != list(theirs.index) or len(ours) < 2:
        raise ValueError(
            f"a gain needs the same seeds in both variants, two or more: {treated} has {list(ours.index)}, "
            f"{control} has {list(theirs.index)}"
        )
    # An accuracy is a ratio of counts: what differs by less than 1e-9 points differs by rounding only.
    differences = np.round(100 * (ours - theirs).to_numpy(dtype=float), 9)
    found = estimate(differences)
    low, high = interval(found, level)
    return Gain(float(found.mean), float(low), float(high), float(p_zero(found)), len(differences))


def by_seed(runs: pd.DataFrame, variant: str) -> pd.Series:
    """The accuracies of one variant, indexed and sorted by seed.

    Raises:
        ValueError: when a seed occurs twice.
    """
    chosen = runs[runs["variant"] == variant].set_index("seed")["accuracy"].sort_index()
    if not chosen.index.is_unique:
        raise ValueError(f"{variant} has more than one run of seed {chosen.index[chosen.index.duplicated()][0]}")
    return chosen


def summary(runs: pd.DataFrame, level: float = 0.95) -> pd.DataFrame:
    """The mean accuracy of each variant, in the order in which the variants first occur.

    Args:
        runs: one row a run: `variant`, `accuracy` (a fraction, 0 to 1).

    Returns:
        One row a variant: `variant`, `mean`, `sd`, `half_width` (of the Student t interval), all fractions, and `n`;
        `sd` and `half_width` are NaN for one run.
    """
    table = runs.groupby("variant", sort=False)["accuracy"].agg(mean="mean", sd="std", n="count").reset_index()
    # A single run has no degree of freedom left; t(1) stands in, and the missing sd makes the half-width NaN.
    t = stats.t.ppf((1 + level) / 2, np.maximum(table["n"] - 1, 1))
    table["half_width"] = t * table["sd"] / np.sqrt(table["n"])
    return table[["variant", "mean", "sd", "half_width", "n"]]
