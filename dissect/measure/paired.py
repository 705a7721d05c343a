"""Linear contrasts over variants, seed by seed.

Each seed gives one value of sum_v w_v * accuracy(v, seed), from its own runs only, so that what they share cancels.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from dissect.measure.student import Array


class Contrast(NamedTuple):
    """Weights over variants that sum to zero; contrasts of one family share Holm's correction.

    `orders` is empty but for a sampled Shapley value: then each sampled order's own weights, whose mean is `weights`,
    antithetic orders (one the reverse of the other) next to each other.
    """

    weights: Mapping[str, float]
    orders: Sequence[Mapping[str, float]] = ()
    family: str = ""


class Paired(NamedTuple):
    """One contrast seed by seed, in points, over the seeds that have every variant it needs."""

    seeds: list[int]
    differences: Array  # (seeds,)
    pairs: Array  # (seeds, pairs of orders)
    positive: Array  # (seeds,) the part with positive weights, and the other
    negative: Array
    left_out: int
    accuracies: Array  # (seeds, variants of `weights`), fractions


def by_variant(runs: pd.DataFrame) -> pd.DataFrame:
    """Accuracies, one row a seed in order, one column a variant, NaN where there is no such run.

    Raises:
        ValueError: for a seed that occurs twice in a variant, and an accuracy that is NaN.
    """
    for run in runs[runs.duplicated(["variant", "seed"])].itertuples():
        raise ValueError(f"{run.variant} has more than one run of seed {run.seed}")
    for run in runs[runs["accuracy"].isna()].itertuples():
        raise ValueError(f"the accuracy of {run.variant}, seed {run.seed}, is not a number")
    return runs.pivot(index="seed", columns="variant", values="accuracy").sort_index()


def paired(accuracies: pd.DataFrame, contrast: Contrast) -> Paired:
    """One contrast over a table of `by_variant`.

    Raises:
        ValueError: for weights that do not sum to zero, and an odd number of orders.
    """
    named = {name: None for weights in (contrast.weights, *contrast.orders) for name, w in weights.items() if w != 0}
    rows = np.array([[weights.get(name, 0.0) for name in named] for weights in (contrast.weights, *contrast.orders)])
    if not np.allclose(rows.sum(axis=1), 0, atol=1e-9):
        raise ValueError(f"the weights of a contrast sum to zero: {dict(contrast.weights)}")
    if len(contrast.orders) % 2:
        raise ValueError(f"sampled orders come in antithetic pairs: {len(contrast.orders)} orders")
    table = accuracies.reindex(columns=list(named)).to_numpy(dtype=float)
    present = ~np.isnan(table)
    complete = present.all(axis=1)
    points = 100 * table[complete]
    w = rows[0]
    return Paired(
        seeds=accuracies.index[complete].tolist(),
        # An accuracy is a ratio of counts: what differs by less than 1e-9 points differs by rounding only.
        differences=np.round(points @ w, 9),
        pairs=(points @ rows[1:].T).reshape(len(points), -1, 2).mean(axis=-1) if contrast.orders else points[:, :0],
        positive=points @ np.maximum(w, 0),
        negative=points @ np.maximum(-w, 0),
        left_out=int((present.any(axis=1) & ~complete).sum()),
        accuracies=table[complete][:, w != 0],
    )
