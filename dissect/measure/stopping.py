"""What looking early brings: a stop for what no later look decides, and gains that seem larger than they are."""

import numpy as np
import numpy.typing as npt
from scipy import stats

from dissect.measure.student import Array, Estimate

HOPELESS = 0.1  # below this chance of a verdict at the last look, more seeds are not worth their price


def foreseen(
    found: Estimate, seeds: npt.ArrayLike, last: int, rate: npt.ArrayLike, margin: float, more: npt.ArrayLike = 0.0
) -> Array:
    """The chance that `last` seeds will decide what `seeds` of them left open, given what these showed.

    The mean over all will be the mean so far and one of new seeds, which is Student t around it (no gain being likelier
    than another beforehand); it decides where it lies beyond the test's limit, or well within the margin. Stopping for
    want of that chance only takes verdicts away, so it costs no error (non-binding futility).

    Args:
        found: over the seeds so far.
        rate: of error, at which the last look is tested.
        margin: NaN where nothing is equivalent.
        more: a variance of the mean that seeds do not lessen, that of examples.
    """
    n, level = np.asarray(seeds, dtype=float), np.asarray(rate, dtype=float)
    with np.errstate(invalid="ignore", divide="ignore"):
        spread = found.error * np.sqrt(n)
        then = np.sqrt(spread**2 / last + np.asarray(more))
        beyond = stats.t.isf(level / 2, last - 1) * then
        within = np.fmax(margin - stats.t.isf(level, last - 1) * then, 0.0)
        step = spread * np.sqrt((last - n) / (last * n))

        def above(limit: Array) -> Array:
            return stats.t.sf((limit - found.mean) / step, n - 1)

        chance = above(beyond) + 1 - above(-beyond) + above(-within) - above(within)
    return np.where(n < last, chance, np.nan)


def shrunken(gain: npt.ArrayLike, p: npt.ArrayLike, rate: npt.ArrayLike) -> Array:
    """The gain that is likeliest, given that it was large enough to be declared at this look.

    What is declared early is what chance has made large. Of all means beyond the limit, which one is seen has the
    likelihood of a normal cut off there; the gain that makes it largest is given back (Zhong & Prentice 2008,
    Bias-reduced estimators for odds ratios in genome-wide association studies). Approximate at few seeds.

    Args:
        p: of this look, two-sided; rate: below which it was declared.
    """
    seen, limit = stats.norm.isf(np.asarray(p, dtype=float) / 2), stats.norm.isf(np.asarray(rate, dtype=float) / 2)
    shares = np.linspace(0.0, 1.0, 201)
    true = shares * seen[..., None]
    cut = np.log(stats.norm.sf(limit[..., None] - true) + stats.norm.sf(limit[..., None] + true))
    likelihood = -0.5 * (seen[..., None] - true) ** 2 - cut
    return np.asarray(gain) * shares[np.argmax(np.nan_to_num(likelihood, nan=-np.inf), axis=-1)]
