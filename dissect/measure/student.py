"""The t statistics that every contrast goes through: a mean, its standard error, and what both together allow to say.

All functions work on arrays of any leading shape, so that a simulation of thousands of studies calls the very same code
as a report on one. Everything is in one unit, which any is.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import stats

Array = npt.NDArray[np.float64]


class Estimate(NamedTuple):
    """A mean, its standard error and the error's degrees of freedom; both of these are NaN for one value."""

    mean: Array
    error: Array
    df: Array


def estimate(differences: npt.ArrayLike) -> Estimate:
    """The mean of differences (..., n) over their last axis, n independent values, with its standard error.

    One value has no standard error, none has no mean.
    """
    values = np.asarray(differences, dtype=float)
    n = values.shape[-1]
    if n < 2:
        missing = np.full(values.shape[:-1], np.nan)
        return Estimate(values[..., 0] if n else missing, missing, missing)
    # Equal values have no spread at all, which the rounding of their mean must not hide.
    flat = np.ptp(values, axis=-1) == 0
    mean = np.where(flat, values[..., 0], values.mean(axis=-1))
    error = np.where(flat, 0.0, values.std(axis=-1, ddof=1) / np.sqrt(n))
    return Estimate(mean, error, np.full(mean.shape, n - 1.0))


def satterthwaite(parts: npt.ArrayLike, df: npt.ArrayLike) -> tuple[Array, Array]:
    """The root of a variance that is a sum of independent estimated parts (..., k), and its degrees of freedom.

    The degrees of freedom are those of the chi-square with the same mean and variance: (sum v)^2 / sum(v^2 / df)
    (Satterthwaite 1946, An approximate distribution of estimates of variance components).
    """
    variances, freedoms = np.asarray(parts, dtype=float), np.asarray(df, dtype=float)
    total = variances.sum(axis=-1)
    squares = (variances**2 / freedoms).sum(axis=-1)
    # Parts that are all zero come without a distribution; the smallest df leaves the claim the weakest.
    combined = np.divide(total**2, squares, out=np.full_like(total, freedoms.min()), where=squares > 0)
    return np.sqrt(total), combined


def interval(found: Estimate, level: float | Array) -> tuple[Array, Array]:
    """The lower and the upper end of the Student t interval."""
    half = stats.t.ppf((1 + level) / 2, found.df) * found.error
    return found.mean - half, found.mean + half


def p_zero(found: Estimate) -> Array:
    """The two-sided p of "the mean is zero".

    Without any spread it is 1: equal differences come from a metric in steps, and tell nothing of what a test needs.
    """
    return 2 * stats.t.sf(np.abs(_t(found.mean, found.error)), found.df)


def p_equivalent(found: Estimate, margin: float) -> Array:
    """The p of "the mean lies outside -margin..margin": the larger of two one-sided tests.

    Below alpha, the mean is equivalent to zero within the margin (Schuirmann 1987, two one-sided tests). Without any
    spread it is 1, as in `p_zero`.
    """
    above, below = _t(found.mean + margin, found.error), _t(margin - found.mean, found.error)
    p = stats.t.sf(np.minimum(above, below), found.df)
    return np.where(found.error == 0, 1.0, p)


def _t(shift: Array, error: Array) -> Array:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(error == 0, 0.0, shift / error)
