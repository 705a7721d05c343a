"""One gain over several studies: its mean with a random-effects interval, and how much it differs between them."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy import optimize, stats

from dissect.measure.student import Estimate, interval, satterthwaite


class Pooled(NamedTuple):
    """The mean gain over studies, in the gains' unit.

    `tau` is the sd of true gains between studies; `p_alike` that of Cochran's Q, small where gains differ by more than
    their own errors explain; NaN where an error is zero.
    """

    mean: float
    low: float
    high: float
    tau: float
    p_alike: float
    studies: int


def pooled(gains: Sequence[float], errors: Sequence[float], level: float = 0.95) -> Pooled:
    """Random effects by Hartung & Knapp (2001), over two studies or more.

    `tau` is Paule & Mandel's (1982). The scale of the interval is not let below that of a fixed-effect mean, or few
    studies that happen to agree would give an interval far too narrow (Rover, Knapp & Friede 2015).

    Args:
        errors: the gains' standard errors.

    Raises:
        ValueError: for fewer than two studies.
    """
    y, v = np.asarray(gains, dtype=float), np.asarray(errors, dtype=float) ** 2
    k = len(y)
    if k < 2:
        raise ValueError(f"a mean over studies needs two of them; there are {k}")
    if (v == 0).any():  # no spread within a study, of which no weight follows
        v, known = np.zeros(k), False
    else:
        known = True
    fixed = float(_q(0.0, y, v)) if known else float("nan")
    if not known:
        tau2 = float(y.var(ddof=1))
    elif fixed <= k - 1:
        tau2 = 0.0
    else:
        high = float(y.var(ddof=1)) + float(v.max())
        while _q(high, y, v) > k - 1:
            high *= 2
        tau2 = optimize.brentq(lambda t: _q(t, y, v) - (k - 1), 0.0, high, xtol=1e-14)
    w = 1 / np.maximum(v + tau2, 1e-300)
    mean = float((w * y).sum() / w.sum())
    scale = max(1.0, float((w * (y - mean) ** 2).sum()) / (k - 1))
    half = stats.t.ppf((1 + level) / 2, k - 1) * np.sqrt(scale / w.sum())
    p = float(stats.chi2.sf(fixed, k - 1)) if known else float("nan")
    return Pooled(mean, mean - half, mean + half, float(np.sqrt(tau2)), p, k)


def _q(tau2: float, y: np.ndarray, v: np.ndarray) -> float:
    w = 1 / (v + tau2)
    return float((w * (y - (w * y).sum() / w.sum()) ** 2).sum())


def difference(first: tuple[float, float, float], second: tuple[float, float, float], level: float = 0.95) \
        -> tuple[float, float, float]:  # fmt: skip
    """The second gain minus the first, with Welch's interval: each is a gain, its standard error, and the error's
    degrees of freedom; the runs behind them are taken to be independent."""
    (a, error_a, df_a), (b, error_b, df_b) = first, second
    error, df = satterthwaite([error_a**2, error_b**2], [df_a, df_b])
    low, high = interval(Estimate(np.asarray(b - a), error, df), level)
    return b - a, float(low), float(high)
