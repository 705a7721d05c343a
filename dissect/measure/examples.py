"""Intervals for new seeds and new examples, from each example's part in the metric: right or wrong, say, or its loss.

An interval over seeds speaks of the one set of examples that all runs share. Here both are drawn at random, seeds
crossed with examples: d[s, i] = gain + seed_s + example_i + residual_si, a two-way table with one value a cell.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from dissect.measure.metric import Metric
from dissect.measure.student import Array, Estimate, satterthwaite

# (variant, seed) -> each example's part (examples,), whose mean is the metric as it was logged
Scores = Mapping[tuple[str, int], npt.NDArray[np.bool_] | npt.NDArray[np.floating]]
Asked = tuple[Mapping[str, float], list[int]]  # variant -> weight, and seeds


def crossed(differences: npt.ArrayLike) -> Estimate:
    """The mean of a table (..., seeds, examples), both drawn at random, two or more of each, with its standard error.

    The mean varies by v_seeds/n + v_examples/N + v_residual/(n N), which the mean squares of the two-way analysis of
    variance estimate without bias: (MS_seeds + MS_examples - MS_residual) / (n N) (Cornfield & Tukey 1956, Average
    values of mean squares in factorials), never below MS_seeds / (n N), the variance of the interval over seeds alone.
    Degrees of freedom: Satterthwaite's, and never fewer than those over seeds alone.

    The obvious alternative, resampling seeds and examples at once (Owen 2007, The pigeonhole bootstrap), counts the
    residual three times, and its percentiles cover too little at few seeds.
    """
    table = np.asarray(differences, dtype=float)
    n, examples = table.shape[-2:]
    mean = table.mean(axis=(-2, -1))
    centred = table - mean[..., None, None]
    seeds, columns = centred.mean(axis=-1), centred.mean(axis=-2)
    of_seeds, of_examples = examples * (seeds**2).sum(axis=-1), n * (columns**2).sum(axis=-1)
    residual = np.maximum(np.einsum("...si,...si->...", centred, centred) - of_seeds - of_examples, 0.0)
    return from_squares(mean, np.stack([of_seeds, of_examples, residual], axis=-1), n, examples)


def from_squares(mean: Array, sums: Array, n: int, examples: int) -> Estimate:
    """`crossed`, from the sums of squares (..., 3) of seeds, examples and residual."""
    cells = n * examples
    df = np.array([n - 1, examples - 1, (n - 1) * (examples - 1)], dtype=float)
    squares = sums / df
    # Where examples add nothing beyond the residual, both terms go, and with them their degrees of freedom.
    examples_add = squares[..., 1] > squares[..., 2]
    signed = squares * np.stack([np.ones_like(examples_add), examples_add, -1.0 * examples_add], axis=-1)
    error, freedom = satterthwaite(signed / cells, df)
    # What is subtracted can leave Satterthwaite's next to nothing, and an interval without end.
    return Estimate(mean, error, np.maximum(freedom, n - 1.0))


def per_example(asked: Sequence[Asked], scores: Scores, metric: Metric) -> list[Array | None]:
    """For each pair of weights and seeds the weighted sum of scores, in the metric's unit: (seeds, examples).

    None where the scores of a run are missing, or no seed was asked for.
    """
    examples = next((one.size for one in scores.values()), 0)
    tables = [
        np.empty((len(seeds), examples)) if seeds and all((v, s) in scores for v in weights for s in seeds) else None
        for weights, seeds in asked
    ]
    # One seed at a time: (variants, examples) floats, shared by all contrasts, never all runs at once.
    for seed in sorted({seed for _, seeds in asked for seed in seeds}):
        users = [(w, table[seeds.index(seed)]) for (w, seeds), table in _with(asked, tables) if seed in seeds]
        variants = list(dict.fromkeys(variant for weights, _ in users for variant in weights))
        if users:
            parts = np.stack([scores[variant, seed] for variant in variants]).astype(float)
            matrix = metric.times * np.array(
                [[weights.get(variant, 0.0) for variant in variants] for weights, _ in users]
            )
            for (_, row), values in zip(users, matrix @ parts, strict=True):
                row[:] = values
    return tables


def _with(asked: Sequence[Asked], tables: Sequence[Array | None]) -> list[tuple[Asked, Array]]:
    return [(one, table) for one, table in zip(asked, tables, strict=True) if table is not None]


def check(levels: Mapping[tuple[str, int], float], scores: Scores) -> None:
    """Raise ValueError unless levels are the means of these scores, of as many examples each."""
    first = next(iter(scores), None)
    for (variant, seed), parts in scores.items():
        if first is not None and parts.size != scores[first].size:
            raise ValueError(
                f"runs are compared on the same examples: {first[0]}, seed {first[1]}, has {scores[first].size} "
                f"scores, {variant}, seed {seed}, has {parts.size}"
            )
        level = levels.get((variant, seed), np.nan)
        if not fits(parts, level):
            raise ValueError(f"the scores of {variant}, seed {seed}, have the mean {parts.mean():.6g}, not {level:.6g}")


def fits(scores: npt.NDArray[Any], level: float) -> bool:
    """Whether a level may be the mean of these scores: rounding is allowed, another epoch is not."""
    mean = float(scores.mean(dtype=float))
    # Of counts half an example; else what a mean over batches in 32 bits may lose.
    allowed = 0.5 / scores.size if scores.dtype == bool else 1e-4 * float(np.abs(scores).mean(dtype=float))
    return not abs(mean - level) > allowed
