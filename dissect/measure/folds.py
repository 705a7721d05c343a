"""Accuracy by k-fold cross-validation, and whether the validation images tell another one.

A run of fold k trains on the other parts and is judged on part k. Two folds share most of their training images, so
accuracies of folds are not independent, and the plain standard error of their mean is too small.
"""

import numpy as np
import numpy.typing as npt
import pandas as pd

from dissect.measure.student import Estimate, estimate, interval, satterthwaite


def cross_validated(accuracies: npt.ArrayLike) -> Estimate:
    """The mean over K folds (K,), and its standard error corrected for training sets that overlap, with K - 1 df.

    variance = (1/K + test/train) * s^2, where test/train = 1 / (K - 1) images (Nadeau & Bengio 2003, Inference for the
    generalization error, who derive it for random splits). An approximation: no unbiased one exists for folds (Bengio &
    Grandvalet 2004).
    """
    values = np.asarray(accuracies, dtype=float)
    plain = estimate(values)
    folds = len(values)
    # plain.error^2 is s^2 / K
    return Estimate(plain.mean, plain.error * np.sqrt(1 + folds / (folds - 1)), plain.df)


def judged(accuracies: npt.ArrayLike, images: int) -> Estimate:
    """The mean accuracy of several seeds (S,) on the same images, with the error for other seeds and other images.

    variance = p (1 - p) / images + s^2 / S. The first part is that of one run and so rather too large for a mean of
    several. One seed gives no error.
    """
    seeds = estimate(accuracies)
    p = float(seeds.mean)
    # What other images would give is a share of so many independent ones: as good as a known variance.
    error, df = satterthwaite([p * (1 - p) / images, float(seeds.error) ** 2], [np.inf, float(seeds.df)])
    return Estimate(seeds.mean, error, df)


def compare(folds: pd.DataFrame, validation: pd.DataFrame, level: float = 0.95) -> pd.DataFrame:
    """Each variant's accuracy by cross-validation beside that on the validation images.

    Args:
        folds: a row a run: `variant`, `seed`, `fold`, `accuracy`; every seed of a variant with every fold.
        validation: a row a run: `variant`, `seed`, `accuracy`, `images` (how many judged it).

    Returns:
        A row a variant, in the order of `folds`: `variant`; `folds`, `seeds`, `accuracy`, `low`, `high` (fractions: the
        mean over folds and seeds with its interval), `sd`, `min`, `max` (over folds, each the mean of its seeds);
        `validation_seeds`, `validation`, `validation_low`, `validation_high`; and `difference`, `difference_low`,
        `difference_high`, validation minus cross-validation in points. NaN where there are no such runs, or one seed.
    """
    rows = []
    for variant in folds["variant"].unique():
        ours, theirs = (frame[frame["variant"] == variant] for frame in (folds, validation))
        by_fold = ours.groupby("fold")["accuracy"].mean().to_numpy()
        crossed = cross_validated(by_fold)
        row: dict[str, object] = {"variant": variant, "folds": len(by_fold), "seeds": ours["seed"].nunique()}
        row |= _named("", crossed, level)
        row |= {"sd": by_fold.std(ddof=1), "min": by_fold.min(), "max": by_fold.max()}
        images = int(theirs["images"].iloc[0]) if len(theirs) else 1
        beside = judged(theirs["accuracy"], images)
        row |= {"validation_seeds": len(theirs), **_named("validation", beside, level)}
        error, df = satterthwaite([crossed.error**2, beside.error**2], [crossed.df, beside.df])
        row |= _named("difference", Estimate(100 * (beside.mean - crossed.mean), 100 * error, df), level)
        rows.append(row)
    return pd.DataFrame(rows)


def _named(name: str, found: Estimate, level: float) -> dict[str, float]:
    low, high = interval(found, level)
    return {
        name or "accuracy": float(found.mean),
        f"{name}_low".lstrip("_"): float(low),
        f"{name}_high".lstrip("_"): float(high),
    }
