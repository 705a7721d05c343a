"""What a study measured: each quantity of interest as a linear contrast over variants, tested over seeds.

A ladder's gain, a leave-one-out loss, a Shapley value, a main effect and an interaction are all weighted sums of
levels, sum_v w_v * metric(v, seed). Each seed gives one, from its own runs only, so that what the runs of a seed
share cancels; over seeds a one-sample Student t says the rest.
"""

from collections import Counter
from collections.abc import Sequence

import numpy as np
import pandas as pd

from dissect.measure.examples import Scores, check, crossed, per_example
from dissect.measure.metric import Metric
from dissect.measure.paired import Contrast, Paired, by_variant, paired
from dissect.measure.planning import smallest_noncentrality
from dissect.measure.sequential import nominal_level, sequential_p
from dissect.measure.significance import holm, p_sign_flip, verdicts
from dissect.measure.student import Array, Estimate, estimate, interval, p_equivalent, p_zero, satterthwaite

# fmt: off
COLUMNS = [
    "gain", "low", "high", "p", "p_holm", "p_sign_flip", "sign_flip_floor", "p_equivalent", "p_equivalent_holm",
    "seeds", "left_out", "sd", "correlation", "smallest", "verdict",
]
EXAMPLES = ["low_examples", "high_examples"]
# fmt: on


def effects(
    runs: pd.DataFrame,
    contrasts: Sequence[Contrast],
    metric: Metric,
    *,
    level: float = 0.95,
    margin: float = 1.0,
    power: float = 0.8,
    looks: Sequence[int] | None = None,
    scores: Scores | None = None,
) -> pd.DataFrame:
    """Every contrast with its interval, tests and verdict, one row each, in order.

    Args:
        runs: one row a run: `variant`, `seed`, and the metric by its name, as it was logged.
        margin: in the metric's unit; a gain within +-margin counts as none. NaN where none is known: nothing is then
            equivalent.
        power: with which `smallest` would have been shown.
        looks: the planned numbers of seeds, where one looks more than once (see `sequential`). The first of the seeds
            are used, as many as the last look reached asks for; before the first look there is no interval.
        scores: for each (variant, seed) each example's part in the metric, the same examples in the same order.

    Returns:
        `gain`, `low`, `high`, `sd` and `smallest` are in the metric's unit. `p` (t test), `p_holm` (Holm's correction
        over the family), `p_sign_flip` (exact; NaN beyond 20 seeds; over seeds only, of the last look only) and
        `sign_flip_floor` (its least, 2/2^n); `p_equivalent` (of a gain outside +-margin) and `p_equivalent_holm`;
        `seeds` (used), `left_out` (seeds that some but not all needed variants have), `sd` (of the differences over
        seeds), `correlation` (over seeds, of the part with positive and the part with negative weights: what pairing
        buys; NaN for fewer than 3 seeds); `smallest` (the smallest true gain that as many seeds with this spread show
        with `power` at the first step of Holm's correction over the family, and at one look); `verdict`: where p_holm <
        1 - level "helps" or "hurts", whichever the gain does to this metric, else "equivalent" where p_equivalent_holm
        is, else "inconclusive" (also where all seeds differ by the same), and "" without an interval. With `scores`
        also `low_examples` and `high_examples`: the interval for new seeds and new examples, never narrower than that
        for new seeds, NaN where scores are missing.

        One seed gives a gain alone, none gives NaN. For sampled orders the variance is that over seeds plus that over
        pairs of orders; both hold the residual, so the interval is rather too wide.

    Raises:
        ValueError: for a seed that occurs twice in a variant, a value that is NaN, weights that do not sum to zero,
            an odd number of orders, and scores that do not fit each other or the values.
    """
    levels = by_variant(runs, metric)
    alpha = 1 - level
    nominal = nominal_level(looks, alpha) if looks is not None else alpha
    measured = [paired(levels, contrast, metric) for contrast in contrasts]
    together = Counter(contrast.family for contrast in contrasts)
    first = [nominal / together[contrast.family] for contrast in contrasts]  # Holm's first step
    rows = [_row(one, nominal, step, margin, power, looks) for one, step in zip(measured, first, strict=True)]
    table = pd.DataFrame(rows, columns=COLUMNS)
    if scores is not None:
        keys = zip(runs["variant"], runs["seed"], strict=True)
        check(dict(zip(keys, runs[metric.name], strict=True)), scores)
        reached = table["seeds"].where(table["low"].notna(), 0).astype(int)
        rows = _over_examples(measured, contrasts, reached.tolist(), nominal, scores, metric)
        table[EXAMPLES] = pd.DataFrame(rows, columns=EXAMPLES)
        # With the examples' degrees of freedom the t interval of few seeds may shrink; who asks for more is less sure.
        table["low_examples"] = table[["low", "low_examples"]].min(axis=1, skipna=False)
        table["high_examples"] = table[["high", "high_examples"]].max(axis=1, skipna=False)
    families = pd.Series([contrast.family for contrast in contrasts], index=table.index, dtype=object)
    for name in ("p", "p_equivalent"):
        table[f"{name}_holm"] = table[name].groupby(families).transform(holm)
    table["verdict"] = verdicts(metric.sign * table["gain"], table["p_holm"], table["p_equivalent_holm"], alpha)
    # Equal differences come from a metric in steps, and tell nothing of the spread that a test would need.
    table.loc[(table["sd"] == 0) & (table["verdict"] != ""), "verdict"] = "inconclusive"
    return table


def _row(
    measured: Paired, nominal: float, first: float, margin: float, power: float, looks: Sequence[int] | None
) -> dict[str, float]:
    reached = [n for n in looks if n <= len(measured.seeds)] if looks is not None else [len(measured.seeds)]
    n = reached[-1] if reached else len(measured.seeds)
    found = [_estimate(measured, m) for m in reached or [0]]
    last = found[-1]
    low, high = interval(last, 1 - nominal)
    p, p_equal = _p_values(found, margin, looks)
    differences = measured.differences[:n]
    over_seeds = estimate(differences)
    smallest = smallest_noncentrality(float(last.df), power, first) * last.error if last.df > 0 else np.nan
    row = {
        "gain": over_seeds.mean,
        "low": low,
        "high": high,
        "p": p,
        "p_sign_flip": p_sign_flip(differences, measured.same),
        "sign_flip_floor": 2 / 2**n if n else np.nan,
        "p_equivalent": p_equal,
        "seeds": n,
        "left_out": measured.left_out,
        "sd": over_seeds.error * np.sqrt(n),
        "correlation": _correlation(measured.positive[:n], measured.negative[:n], measured.same),
        "smallest": smallest,
    }
    return {name: value if isinstance(value, int) else float(value) for name, value in row.items()}


def _over_examples(
    measured: Sequence[Paired], contrasts: Sequence[Contrast], reached: Sequence[int], nominal: float, scores: Scores,
    metric: Metric,
) -> list[dict[str, float]]:  # fmt: skip
    """The interval for new seeds and examples of each contrast over the first seeds, as its last look reached."""
    asked = [
        ({name: w for name, w in contrast.weights.items() if w != 0}, one.seeds[:n])
        for contrast, one, n in zip(contrasts, measured, reached, strict=True)
    ]
    rows = []
    for one, n, table in zip(measured, reached, per_example(asked, scores, metric), strict=True):
        found = estimate(np.empty(0)) if table is None or n < 2 else _with_orders(crossed(table), one.pairs[:n])
        rows.append(dict(zip(EXAMPLES, map(float, interval(found, 1 - nominal)), strict=True)))
    return rows


def _estimate(measured: Paired, n: int) -> Estimate:
    """Over the first n seeds, and over the pairs of orders where orders were sampled."""
    return _with_orders(estimate(measured.differences[:n]), measured.pairs[:n])


def _with_orders(over_seeds: Estimate, pairs: Array) -> Estimate:
    if not pairs.shape[1] or np.isnan(over_seeds.error):
        return over_seeds
    over_orders = estimate(pairs.mean(axis=0))
    if np.isnan(over_orders.error):
        return over_orders._replace(mean=over_seeds.mean)
    parts, df = [over_seeds.error**2, over_orders.error**2], [over_seeds.df, over_orders.df]
    return Estimate(over_seeds.mean, *satterthwaite(parts, df))


def _p_values(found: Sequence[Estimate], margin: float, looks: Sequence[int] | None) -> tuple[Array, Array]:
    """Of no gain, and of a gain outside +-margin, over all looks so far."""
    together = Estimate(*(np.array(part) for part in zip(*found, strict=True)))
    zero, equal = p_zero(together), p_equivalent(together, margin)
    if looks is None or np.isnan(zero).any():
        return zero[-1], equal[-1]
    # A look that saw the opposite of what is reported must not lend it its p.
    zero = np.where(np.sign(together.mean) == np.sign(together.mean[-1]), zero, 1.0)
    return sequential_p(zero, looks), sequential_p(equal, looks, one_sided=True)


def _correlation(ours: Array, theirs: Array, same: float) -> float:
    # Two points always lie on a line, and what is constant but for rounding correlates with nothing.
    if len(ours) < 3 or np.ptp(ours) <= same or np.ptp(theirs) <= same:
        return np.nan
    return float(np.corrcoef(ours, theirs)[0, 1])
