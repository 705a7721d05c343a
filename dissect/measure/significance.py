"""From p-values to verdicts: the correction for many contrasts, a test without a normal distribution, and the words."""

import numpy as np
import numpy.typing as npt

from dissect.measure.student import Array

MOST_FLIPPED = 20  # 2^19 sums of 8 bytes are 4 MB and a few milliseconds; each further value doubles both


def holm(p: npt.ArrayLike) -> Array:
    """Holm's step-down correction of p-values (..., k) over their last axis; NaN is not counted and stays NaN.

    The smallest of k is multiplied by k, the next by k - 1, and so on, none below the one before
    (Holm 1979, A simple sequentially rejective multiple test procedure). Holds under any dependence.
    """
    values = np.asarray(p, dtype=float)
    order = np.argsort(values, axis=-1)  # NaN last
    counted = (~np.isnan(values)).sum(axis=-1, keepdims=True)
    scaled = np.take_along_axis(values, order, axis=-1) * (counted - np.arange(values.shape[-1]))
    adjusted = np.empty_like(values)
    np.put_along_axis(adjusted, order, np.minimum(np.maximum.accumulate(scaled, axis=-1), 1.0), axis=-1)
    return adjusted


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
