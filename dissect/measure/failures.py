"""Runs that did not train: which are such, and how much more often one variant's are than another's."""

from collections.abc import Collection, Mapping

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats

from dissect.measure.metric import Metric
from dissect.measure.student import Array

Untrained = Collection[tuple[str, int]]  # (variant, seed) of runs that diverged or collapsed


def collapsed(value: float, chance: float | None, metric: Metric) -> bool:
    """Whether a finished run is no better than guessing, which is the rule that tells a collapse from a bad result.

    It is that of Mosbach, Andriushchenko & Klakow (2021, On the stability of fine-tuning BERT, section 3): a run has
    failed where its accuracy is at most that of always saying the most frequent class. Where lower is better it tells
    nothing: a loss may exceed that of guessing though the network has learned. Without a known `chance` none has.
    """
    return chance is not None and metric.better == "higher" and value <= chance


def newcombe(
    failed: npt.ArrayLike, tried: npt.ArrayLike, failed_control: npt.ArrayLike, tried_control: npt.ArrayLike,
    level: float = 0.95,
) -> tuple[Array, Array]:  # fmt: skip
    """The interval for the difference of two failure rates, first minus second; NaN where nothing was tried.

    Newcombe's hybrid of two Wilson intervals (1998, Interval estimation for the difference between independent
    proportions, method 10), which keeps its level at few runs and at rates of zero.
    """
    z = stats.norm.ppf((1 + level) / 2)
    rates, ends = [], []
    for count, total in ((failed, tried), (failed_control, tried_control)):
        n = np.where(np.asarray(total) > 0, np.asarray(total, dtype=float), np.nan)
        rate = np.asarray(count, dtype=float) / n
        centre, half = rate + z**2 / (2 * n), z * np.sqrt(rate * (1 - rate) / n + z**2 / (4 * n**2))
        rates.append(rate)
        ends.append(((centre - half) / (1 + z**2 / n), (centre + half) / (1 + z**2 / n)))
    (ours, theirs), ((low, high), (low_control, high_control)) = rates, ends
    below = np.sqrt((ours - low) ** 2 + (high_control - theirs) ** 2)
    above = np.sqrt((high - ours) ** 2 + (theirs - low_control) ** 2)
    return ours - theirs - below, ours - theirs + above


def counts(runs: pd.DataFrame, untrained: Untrained, weights: Mapping[str, float]) -> dict[str, int]:
    """How many runs were tried on each side of a contrast, and how many of them did not train.

    Args:
        runs: a row a run that came to a number, `variant` and `seed`; collapsed ones may be among them.
        untrained: those, and the ones that diverged.
    """
    tried = {*zip(runs["variant"], runs["seed"], strict=True), *untrained}
    found = {}
    for side, sign in (("", 1), ("_control", -1)):
        ours = {(name, seed) for name, seed in tried if weights.get(name, 0) * sign > 0}
        found[f"untrained{side}"] = len(ours & set(untrained))
        found[f"tried{side}"] = len(ours)
    return found
