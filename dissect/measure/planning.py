"""How many seeds a claim needs, and which claims a number of seeds can never support.

The tests are those of `effects`: a two-sided paired t test over seeds, and two one-sided ones for equivalence. `sd` is
that of the differences between paired runs, in the gain's unit, whichever that is. Powers under normal noise are
exact.
"""

from bisect import bisect_left
from collections.abc import Callable
from functools import lru_cache
from math import sqrt

import numpy as np
from scipy import integrate, optimize, stats


def power(gain: float, sd: float, seeds: int, alpha: float = 0.05) -> float:
    """The chance that `seeds` pairs show a true `gain`: noncentral t with noncentrality gain * sqrt(seeds) / sd.

    Raises:
        ValueError: for fewer than two seeds, or an sd that is not above zero.
    """
    _check(sd, seeds)
    return _rejection(abs(gain) * sqrt(seeds) / sd, seeds - 1, alpha)


def seeds_needed(gain: float, sd: float, *, power: float = 0.8, alpha: float = 0.05, most: int = 1000) -> int | None:
    """The fewest seeds, two or more, that show a true `gain` with `power`; None where `most` do not."""
    _check(sd, 2)
    return _fewest(lambda n: _rejection(abs(gain) * sqrt(n) / sd, n - 1, alpha), power, most)


def smallest_gain(sd: float, seeds: int, power: float = 0.8, alpha: float = 0.05) -> float:
    """The smallest true gain that `seeds` pairs show with `power`."""
    _check(sd, seeds)
    return smallest_noncentrality(seeds - 1, power, alpha) * sd / sqrt(seeds)


@lru_cache(maxsize=1024)
def smallest_noncentrality(df: float, power: float, alpha: float) -> float:
    """The smallest true mean, in standard errors, that a two-sided t test with `df` shows with `power`."""
    if not 0 < alpha < power < 1:
        raise ValueError(f"a power lies between alpha and 1: power {power}, alpha {alpha}")
    high = 1.0
    while _rejection(high, df, alpha) < power:
        high *= 2
    return optimize.brentq(lambda noncentrality: _rejection(noncentrality, df, alpha) - power, 0.0, high, xtol=1e-10)


def seeds_for_equivalence(
    sd: float, margin: float, power: float = 0.8, alpha: float = 0.05, most: int = 1000
) -> int | None:
    """The fewest seeds that find a true gain of zero equivalent within +-margin; None where `most` do not."""
    _check(sd, 2)
    return _fewest(lambda n: equivalence_power(sd, margin, n, alpha), power, most)


def equivalence_power(sd: float, margin: float, seeds: int, alpha: float = 0.05) -> float:
    """The chance that two one-sided tests at `alpha` find a true gain of zero equivalent within +-margin.

    Both reject where |mean| < margin - t * s / sqrt(n). Given s the mean is normal, so the chance is
    2 Phi(margin * sqrt(n) / sd - t * s / sd) - 1, averaged over the chi distribution of s.
    """
    _check(sd, seeds)
    df, t, reach = seeds - 1, stats.t.ppf(1 - alpha, seeds - 1), margin * sqrt(seeds) / sd
    spread = stats.chi(df, scale=1 / sqrt(df))  # of s / sd
    widest = min(reach / t, spread.isf(1e-12))
    chance, _ = integrate.quad(lambda s: (2 * stats.norm.cdf(reach - t * s) - 1) * spread.pdf(s), 0, widest)
    return float(chance)


def sd_bound(sd: float, seeds: int, confidence: float = 0.8) -> float:
    """The sd that the true one stays below with `confidence`, given a pilot's sd over `seeds` pairs (chi-square limit).

    A plan from a small pilot's own sd is too small in half of all cases (Browne 1995, On the use of a pilot sample for
    sample size determination).
    """
    _check(sd, seeds)
    return float(sd * np.sqrt((seeds - 1) / stats.chi2.ppf(1 - confidence, seeds - 1)))


def sd_range(df: float, confidence: float = 0.8) -> tuple[float, float]:
    """By what an sd from `df` degrees of freedom is to be multiplied to get the ends of its interval (chi-square)."""
    low, high = stats.chi2.ppf([(1 + confidence) / 2, (1 - confidence) / 2], df)
    return float(np.sqrt(df / low)), float(np.sqrt(df / high))


def difference_sd(sd_a: float, sd_b: float, correlation: float) -> float:
    """The sd of the differences between paired runs of two variants: sqrt(a^2 + b^2 - 2 r a b)."""
    return sqrt(max(sd_a**2 + sd_b**2 - 2 * correlation * sd_a * sd_b, 0.0))


def unsupportable(seeds: int, contrasts: int, alpha: float = 0.05) -> list[str]:
    """Sentences about what `seeds` pairs can never show, whatever the runs say; empty where there is nothing.

    The sign-flip test cannot fall below 2/2^n, and of several contrasts Holm's first step asks for alpha / contrasts.

    Raises:
        ValueError: for less than one seed or one contrast.
    """
    if seeds < 1 or contrasts < 1:
        raise ValueError(f"a plan has seeds and contrasts, one or more of each: {seeds} seeds, {contrasts} contrasts")
    if seeds == 1:
        return [
            "One seed gives a gain without an interval: no component can be said to help, to hurt or to be equivalent."
        ]
    floor, first = 2 / 2**seeds, alpha / contrasts
    found = []
    if seeds == 2:
        found.append("Two seeds cannot tell how strongly paired runs are correlated: that takes 3.")
    if floor >= alpha:
        found.append(_floor_sentence(seeds, floor, f"{alpha:g}", alpha))
    if contrasts > 1 and floor >= first:
        claim = f"{first:.2g} ({alpha:g} / {contrasts}, Holm's first step over {contrasts} contrasts)"
        found.append(_floor_sentence(seeds, floor, claim, first))
    return found


def _floor_sentence(seeds: int, floor: float, claim: str, wanted: float) -> str:
    enough = next(n for n in range(seeds, 1100) if 2 / 2**n < wanted)  # 2^-1074 is the smallest float above zero
    return (
        f"The sign-flip test over {seeds} seeds has p of {floor:.2g} or more, so it never falls below {claim}: "
        f"that takes {enough} seeds."
    )


def _rejection(noncentrality: float, df: float, alpha: float) -> float:
    t = stats.t.ppf(1 - alpha / 2, df)
    # The far side as an upper tail, mirrored: nct.cdf gives NaN where that chance is tiny (scipy 1.17).
    return float(stats.nct.sf(t, df, noncentrality) + stats.nct.sf(t, df, -noncentrality))


def _fewest(reached: Callable[[int], float], power: float, most: int) -> int | None:
    seeds = 2 + bisect_left(range(2, most + 1), power, key=reached)
    return seeds if seeds <= most else None


def _check(sd: float, seeds: int) -> None:
    if not sd > 0:
        raise ValueError(f"a plan needs a spread above zero: sd {sd}")
    if seeds < 2:
        raise ValueError(f"a test over seeds needs two or more: {seeds}")
