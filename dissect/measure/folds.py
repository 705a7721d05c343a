"""A metric by k-fold cross-validation, and whether the validation examples tell another one.

A run of fold k trains on the other parts and is judged on part k. Two folds share most of their training examples, so
what folds say is not independent, and the plain standard error of their mean is too small.
"""

import numpy as np
import numpy.typing as npt
import pandas as pd

from dissect.measure.metric import Metric
from dissect.measure.student import Estimate, estimate, interval, satterthwaite


def cross_validated(values: npt.ArrayLike) -> Estimate:
    """The mean over K folds (K,), and its standard error corrected for training sets that overlap, with K - 1 df.

    variance = (1/K + test/train) * s^2, where test/train = 1 / (K - 1) examples (Nadeau & Bengio 2003, Inference for
    the generalization error, who derive it for random splits). An approximation: no unbiased one exists for folds
    (Bengio & Grandvalet 2004).
    """
    by_fold = np.asarray(values, dtype=float)
    plain = estimate(by_fold)
    folds = len(by_fold)
    # plain.error^2 is s^2 / K
    return Estimate(plain.mean, plain.error * np.sqrt(1 + folds / (folds - 1)), plain.df)


def judged(values: npt.ArrayLike, errors: npt.ArrayLike) -> Estimate:
    """The mean of several seeds (S,) on the same examples, with the error for other seeds and other examples.

    variance = the mean of errors^2 + s^2 / S, where `errors` (S,) are those of each run's value as a mean over its
    examples, the sd of their scores by the root of how many there are; NaN where these are not known, and then other
    seeds are all that the error speaks of. The first part is that of one run and so rather too large for a mean of
    several. One seed gives no error.
    """
    seeds = estimate(values)
    examples = float(np.mean(np.square(np.asarray(errors, dtype=float)))) if np.size(errors) else np.nan
    if np.isnan(examples):
        return seeds
    # What other examples would give is a mean of so many independent ones: as good as a known variance.
    error, df = satterthwaite([examples, float(seeds.error) ** 2], [np.inf, float(seeds.df)])
    return Estimate(seeds.mean, error, df)


def compare(folds: pd.DataFrame, validation: pd.DataFrame, metric: Metric, level: float = 0.95) -> pd.DataFrame:
    """Each variant's metric by cross-validation beside that on the validation examples.

    Args:
        folds: a row a run: `variant`, `seed`, `fold` and the metric by its name; every seed of a variant, every fold.
        validation: a row a run: `variant`, `seed`, the metric, and `error` as in `judged`.

    Returns:
        A row a variant, in the order of `folds`: `variant`; `folds`, `seeds`, `value`, `low`, `high` (as logged: the
        mean over folds and seeds with its interval), `sd`, `min`, `max` (over folds, each the mean of its seeds);
        `validation_seeds`, `validation`, `validation_low`, `validation_high`; and `difference`, `difference_low`,
        `difference_high`, validation minus cross-validation in the metric's unit. NaN where there are no such runs, or
        one seed.
    """
    rows = []
    for variant in folds["variant"].unique():
        ours, theirs = (frame[frame["variant"] == variant] for frame in (folds, validation))
        by_fold = ours.groupby("fold")[metric.name].mean().to_numpy()
        crossed = cross_validated(by_fold)
        row: dict[str, object] = {"variant": variant, "folds": len(by_fold), "seeds": ours["seed"].nunique()}
        row |= _named("", crossed, level)
        row |= {"sd": by_fold.std(ddof=1), "min": by_fold.min(), "max": by_fold.max()}
        beside = judged(theirs[metric.name], theirs["error"])
        row |= {"validation_seeds": len(theirs), **_named("validation", beside, level)}
        error, df = satterthwaite([crossed.error**2, beside.error**2], [crossed.df, beside.df])
        apart = Estimate(metric.times * (beside.mean - crossed.mean), metric.times * error, df)
        rows.append(row | _named("difference", apart, level))
    return pd.DataFrame(rows)


def _named(name: str, found: Estimate, level: float) -> dict[str, float]:
    low, high = interval(found, level)
    return {
        name or "value": float(found.mean),
        f"{name}_low".lstrip("_"): float(low),
        f"{name}_high".lstrip("_"): float(high),
    }
