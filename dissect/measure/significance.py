"""From p-values to verdicts: the correction for many contrasts, a test without a normal distribution, and the words."""

import numpy as np
import numpy.typing as npt

from dissect.measure.student import Array

MOST_FLIPPED = 20  # 2^19 sums of 8 bytes are 4 MB and a few milliseconds; each further value doubles both


def holm(p: npt.ArrayLike) -> Array:
    """Holm's step-down correction of p-values (..., k) over their last axis; one that is missing counts as 1.

    The smallest of k is multiplied by k, the next by k - 1, and so on, none below the one before
    (Holm 1979, A simple sequentially rejective multiple test procedure). Holds under any dependence. A contrast that
    was not measured yet, or failed to be, was asked all the same: NaN takes its place among the k, and stays NaN.
    """
    values = np.asarray(p, dtype=float)
    known = np.where(np.isnan(values), 1.0, values)
    order, scaled = _stepped(known)
    adjusted = np.empty_like(values)
    np.put_along_axis(adjusted, order, np.minimum(scaled, 1.0), axis=-1)
    return np.where(np.isnan(values), np.nan, adjusted)


def compatible_alpha(p: npt.ArrayLike, alpha: float) -> Array:
    """For p-values (..., k) each contrast's own error rate, at which its interval agrees with Holm's verdict.

    The r-th smallest of k, where Holm's correction decides it, gets alpha / (k - r + 1), the rate at which it was
    tested; what is not decided gets alpha / (k - decided). So an interval excludes zero just where Holm's p decides.
    No bounded intervals go with a step-down test and hold all together with 1 - alpha exactly; these did with 89 to 95%
    in simulated studies. A missing p counts as 1.
    """
    values = np.asarray(p, dtype=float)
    order, scaled = _stepped(np.where(np.isnan(values), 1.0, values))
    k = values.shape[-1]
    decided = scaled < alpha
    left = np.where(decided, k - np.arange(k), k - decided.sum(axis=-1, keepdims=True))
    rates = np.empty_like(values)
    np.put_along_axis(rates, order, alpha / np.maximum(left, 1), axis=-1)
    return rates


def _stepped(p: Array) -> tuple[npt.NDArray[np.intp], Array]:
    """The order of p-values, and in that order each times what is left, none below the one before."""
    order = np.argsort(p, axis=-1, kind="stable")
    scaled = np.take_along_axis(p, order, axis=-1) * (p.shape[-1] - np.arange(p.shape[-1]))
    return order, np.maximum.accumulate(scaled, axis=-1)


def p_sign_flip(differences: npt.ArrayLike, same: float = 1e-7) -> Array:
    """The exact two-sided sign-flip test of differences (..., n): NaN unless n is 1 to MOST_FLIPPED.

    The share of all 2^n ways to choose signs whose mean lies at least as far from zero as the one observed, so never
    below 2/2^n; sums that differ by `same` or less count as equal. It supposes symmetric differences, not normal ones
    (Fisher 1935, The Design of Experiments, 21).
    """
    values = np.asarray(differences, dtype=float)
    n = values.shape[-1]
    if not 1 <= n <= MOST_FLIPPED:
        return np.full(values.shape[:-1], np.nan)
    sums = values[..., :1]  # the first keeps its sign: turning all signs changes no distance
    for place in range(1, n):
        one = values[..., place, None]
        sums = np.concatenate([sums + one, sums - one], axis=-1)
    # Of ratios of counts many sums are equal, but for their rounding.
    return (np.abs(sums) >= np.abs(values.sum(axis=-1))[..., None] - same).mean(axis=-1)


def verdicts(gain: npt.ArrayLike, p: npt.ArrayLike, p_equal: npt.ArrayLike, alpha: float) -> npt.NDArray[np.str_]:
    """Of each contrast "helps", "hurts", "equivalent" or "inconclusive"; "" where p is NaN.

    Args:
        gain: above zero where it is for the better.
        p: of no gain, corrected.
        p_equal: of a gain beyond the margin, corrected.
    """
    gains, zero, equal = np.asarray(gain), np.asarray(p), np.asarray(p_equal)
    cases = [np.isnan(zero), (zero < alpha) & (gains > 0), (zero < alpha) & (gains < 0), equal < alpha]
    return np.select(cases, ["", "helps", "hurts", "equivalent"], "inconclusive")
