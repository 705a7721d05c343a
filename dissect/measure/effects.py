"""What a study measured: each quantity of interest as a linear contrast over variants, tested over seeds.

A ladder's gain, a leave-one-out loss, a Shapley value, a main effect and an interaction are all weighted sums of
levels, sum_v w_v * metric(v, seed). Each seed gives one, from its own runs only, so that what the runs of a seed
share cancels; over seeds a one-sample Student t says the rest.
"""

from collections.abc import Hashable, Sequence

import numpy as np
import pandas as pd

from dissect.measure.examples import Scores, check, crossed, per_example
from dissect.measure.failures import Untrained, counts, newcombe
from dissect.measure.metric import Metric
from dissect.measure.paired import Contrast, Paired, by_variant, paired
from dissect.measure.planning import smallest_noncentrality
from dissect.measure.pooled import Leaning
from dissect.measure.sequential import nominal_level, sequential_p
from dissect.measure.significance import compatible_alpha, holm, p_sign_flip, still_true, verdicts
from dissect.measure.stopping import foreseen, shrunken
from dissect.measure.student import Array, Estimate, estimate, interval, p_equivalent, p_zero, satterthwaite

# fmt: off
COLUMNS = [
    "gain", "low", "high", "low_alone", "high_alone", "p", "p_pooled", "p_holm", "p_sign_flip", "sign_flip_floor",
    "p_equivalent", "p_equivalent_holm", "together", "seeds", "left_out", "sd", "correlation", "smallest",
    "untrained", "tried", "untrained_control", "tried_control", "rate_low", "rate_high", "foreseen", "shrunken",
    "verdict",
]
COUNTED = ("untrained", "tried", "untrained_control", "tried_control")
EXAMPLES = ["low_examples", "high_examples", "p_examples"]
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
    untrained: Untrained = (),
    variances: str = "own",
) -> pd.DataFrame:
    """Every contrast with its intervals, tests and verdict, one row each, in order.

    Args:
        runs: one row a run: `variant`, `seed`, and the metric by its name, as it was logged.
        margin: in the metric's unit; a gain within +-margin counts as none. NaN where none is known: nothing is then
            equivalent.
        power: with which `smallest` would have been shown.
        looks: the planned numbers of seeds, where one looks more than once (see `sequential`). The first of the seeds
            are used, as many as the last look reached asks for, and that look's result counts; before the first look
            there is no interval.
        scores: for each (variant, seed) each example's part in the metric, the same examples in the same order.
        untrained: the runs that diverged or collapsed (see `failures`), be they among `runs` or not. A gain is that
            where all its runs trained; the others are counted.
        variances: "own", or "pooled" over these contrasts (see `pooled`), for what goes with verdicts, which then rest
            on `p_pooled` (else NaN); what stands alone is by the contrast's own either way. At looks there is no other.

    Returns:
        `gain`, the ends of intervals, `sd` and `smallest` are in the metric's unit.

        A verdict rests on the larger of two p-values, that over seeds, `p` (t test), and that of new seeds and new
        examples, `p_examples` (with `scores`; NaN where some are missing: then on `p` alone). `p_holm` is that after
        Holm's correction over the family of `together` contrasts, those that could not be measured included, and with
        Shaffer's where each two of several levels are compared (`still_true`);
        `p_equivalent` (of a gain outside +-margin) and `p_equivalent_holm` likewise. `verdict`: where p_holm < 1 -
        level "helps" or "hurts", whichever the gain does to this metric, else "equivalent" where p_equivalent_holm is,
        else "inconclusive" (also where all seeds differ by the same), and "" without an interval.

        `low` and `high` go with the verdict: they exclude zero just where it is "helps" or "hurts" (see
        `compatible_alpha`), for new seeds, and with `scores` new examples. `low_alone` and `high_alone` are the
        interval of this contrast alone, for new seeds; `low_examples` and `high_examples` (with `scores`) that for new
        seeds and new examples, never narrower. None reaches beyond what the metric can be, and there is none where all
        seeds differ by the same.

        `p_sign_flip` (exact; NaN beyond 20 seeds; over seeds only, of the last look only) and `sign_flip_floor` (its
        least, 2/2^n); `seeds` (used), `left_out` (seeds that some but not all needed variants have), `sd` (of the
        differences over seeds), `correlation` (over seeds, of the part with positive and the part with negative
        weights: what pairing buys; NaN for fewer than 3 seeds); `smallest` (the smallest true gain that as many seeds
        with this spread show with `power` at the first step of Holm's correction over the family, and at one look; NaN
        with pooled variances, of which no power is known).

        With looks, `foreseen` is the chance that the last look decides what this one left open, and `shrunken` a gain
        that was declared before the last look, less what early declaration has likely added to it (see `stopping`).

        `untrained` of `tried` runs with positive weight, and of those with negative weight, did not train; `rate_low`
        and `rate_high` are the interval for the difference of these rates (Newcombe's).

        One seed gives a gain alone, none gives NaN. For sampled orders the variance is that over seeds plus that over
        pairs of orders; both hold the residual, so the interval is rather too wide.

    Raises:
        ValueError: for a seed that occurs twice in a variant, a value that is NaN, weights that do not sum to zero,
            an odd number of orders, pooled variances at looks, and scores that do not fit each other or the values.
    """
    failures = [counts(runs, untrained, contrast.weights) for contrast in contrasts]
    lost = pd.Series(list(zip(runs["variant"], runs["seed"], strict=True)), runs.index, dtype=object).isin(
        set(untrained)
    )
    runs = runs[~lost]
    levels = by_variant(runs, metric)
    alpha = round(1 - level, 12)
    measured = [paired(levels, contrast, metric, untrained) for contrast in contrasts]
    used = [_used(one, looks) for one in measured]
    rows = [_row(one, n) for one, n in zip(measured, used, strict=True)]
    table = pd.DataFrame(rows, columns=COLUMNS)
    table[["seeds", "left_out"]] = table[["seeds", "left_out"]].astype(int)
    looked = [n if looks is None or n >= looks[0] else 0 for n in used]
    over_seeds = _stacked([_estimate(one, n) for one, n in zip(measured, looked, strict=True)])
    both = [over_seeds]
    if scores is not None:
        keys = zip(runs["variant"], runs["seed"], strict=True)
        scores = {key: parts for key, parts in scores.items() if key not in set(untrained)}
        check(dict(zip(keys, runs[metric.name], strict=True)), scores)
        both.append(_over_examples(measured, contrasts, looked, scores, metric))
    families = pd.Series([contrast.family for contrast in contrasts], index=table.index, dtype=object)
    table["together"] = families.map(families.value_counts()).astype(int)
    zero = [_over_looks(p_zero(found), looks) for found in both]
    equal = [_over_looks(p_equivalent(found, margin), looks, one_sided=True) for found in both]
    leaning = None
    if variances == "pooled":
        if looks is not None:
            raise ValueError("pooled variances are not worked out for more than one look")
        leaning = Leaning.of(over_seeds, both[-1], looked)
        decided = leaning.p_zero(over_seeds.mean), leaning.p_equivalent(over_seeds.mean, margin)
    table["p"], table["p_equivalent"] = zero[0], _largest(equal) if leaning is None else decided[1]
    table["p_pooled"] = np.nan if leaning is None else decided[0]
    decisive = pd.Series(_largest(zero) if leaning is None else decided[0], index=table.index)
    table["p_holm"], rates = _corrected(decisive, families, contrasts, alpha)
    table["p_equivalent_holm"] = table["p_equivalent"].groupby(families).transform(holm)
    table["verdict"] = verdicts(metric.sign * table["gain"], table["p_holm"], table["p_equivalent_holm"], alpha)
    reach = _reach(levels, contrasts, metric)
    table["low"], table["high"] = _widest(both, rates, looks, reach)
    if leaning is not None:
        half = leaning.half_width(rates)
        table["low"], table["high"] = (np.clip(over_seeds.mean + side * half, -reach, reach) for side in (-1, 1))
    alone = np.full(len(table), alpha)
    table["low_alone"], table["high_alone"] = _widest(both[:1], alone, looks, reach)
    if scores is not None:
        table["p_examples"] = zero[1]
        low, high = _widest(both, alone, looks, reach)
        known = np.isfinite(both[1].error)
        table["low_examples"], table["high_examples"] = np.where(known, low, np.nan), np.where(known, high, np.nan)
    first = [_nominal(looks, alpha / count) for count in table["together"]]  # Holm's first step
    widest = _stacked(
        [max(pair, key=lambda one: np.nan_to_num(one.error)) for pair in zip(*map(_single, both), strict=True)]
    )
    table["smallest"] = [
        smallest_noncentrality(float(df), power, step) * error if df > 0 and leaning is None else np.nan
        for error, df, step in zip(widest.error, widest.df, first, strict=True)
    ]
    table["foreseen"], table["shrunken"] = np.nan, np.nan
    if looks is not None:
        nominal = np.array([_nominal(looks, rate) for rate in rates])
        more = np.maximum(np.nan_to_num(both[-1].error ** 2 - over_seeds.error**2), 0.0)
        chance = foreseen(over_seeds, looked, looks[-1], nominal, margin, more)
        table["foreseen"] = np.where(table["verdict"] == "inconclusive", chance, np.nan)
        early = table["verdict"].isin(["helps", "hurts"]) & (table["seeds"] < looks[-1])
        once = _largest([p_zero(found) for found in both])
        table["shrunken"] = np.where(early, shrunken(table["gain"], once, nominal), np.nan)
    table[list(COUNTED)] = pd.DataFrame(failures, table.index, columns=list(COUNTED)).astype(int)
    table["rate_low"], table["rate_high"] = newcombe(
        table["untrained"], table["tried"], table["untrained_control"], table["tried_control"], level
    )
    return table[[*COLUMNS, *(EXAMPLES if scores is not None else [])]]


def _corrected(p: pd.Series, families: pd.Series, contrasts: Sequence[Contrast], alpha: float) -> tuple[Array, Array]:
    """The corrected p-values, family by family, and the rate of each contrast's interval."""
    found, rates = np.full(len(p), np.nan), np.full(len(p), alpha)
    for places in families.groupby(families).indices.values():
        sides = [_sides(contrasts[place]) for place in places]
        ours, left = p.to_numpy(dtype=float)[places], still_true(sides)
        found[places], rates[places] = holm(ours, left), compatible_alpha(ours, alpha, left)
    return found, rates


def _sides(contrast: Contrast) -> tuple[Hashable, Hashable]:
    """The two things that a contrast compares: its variants of positive weight, and those of negative weight."""
    weights = [(name, round(w, 9)) for name, w in contrast.weights.items() if w != 0]
    return tuple(frozenset((name, abs(w)) for name, w in weights if w * sign > 0) for sign in (1, -1))  # type: ignore[return-value]


def _used(measured: Paired, looks: Sequence[int] | None) -> int:
    """How many of the first seeds count: as many as the last look that is reached asks for."""
    reached = [n for n in looks or () if n <= len(measured.seeds)]
    return reached[-1] if reached else len(measured.seeds)


def _row(measured: Paired, n: int) -> dict[str, float]:
    differences = measured.differences[:n]
    over_seeds = estimate(differences)
    row = {
        "gain": over_seeds.mean,
        "p_sign_flip": p_sign_flip(differences, measured.same),
        "sign_flip_floor": 2 / 2**n if n else np.nan,
        "seeds": n,
        "left_out": measured.left_out,
        "sd": over_seeds.error * np.sqrt(n),
        "correlation": _correlation(measured.positive[:n], measured.negative[:n], measured.same),
    }
    return {name: float(value) for name, value in row.items()}


def _over_examples(
    measured: Sequence[Paired], contrasts: Sequence[Contrast], used: Sequence[int], scores: Scores, metric: Metric
) -> Estimate:
    """Of each contrast over its first seeds, both seeds and examples being drawn; NaN where scores are missing."""
    asked = [
        ({name: w for name, w in contrast.weights.items() if w != 0}, one.seeds[:n])
        for contrast, one, n in zip(contrasts, measured, used, strict=True)
    ]
    found = []
    for one, n, table in zip(measured, used, per_example(asked, scores, metric), strict=True):
        if table is None or n < 2:
            found.append(estimate(np.empty(0)))
        else:
            found.append(_with_orders(crossed(table), one.pairs[:n]))
    return _stacked(found)


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


def _stacked(found: Sequence[Estimate]) -> Estimate:
    return (
        Estimate(*(np.array(part, dtype=float) for part in zip(*found, strict=True)))
        if found
        else Estimate(*3 * [np.empty(0)])
    )


def _single(found: Estimate) -> list[Estimate]:
    return [Estimate(*one) for one in zip(*found, strict=True)]


def _largest(p: Sequence[Array]) -> Array:
    """The largest of the p-values that are known, NaN where the first is not."""
    return np.where(np.isnan(p[0]), np.nan, np.fmax.reduce(p)) if len(p[0]) else p[0]


def _over_looks(p: Array, looks: Sequence[int] | None, *, one_sided: bool = False) -> Array:
    """The p-values of the last look, as all planned looks make them."""
    if looks is None:
        return p
    known = ~np.isnan(p)
    return np.where(known, sequential_p(np.where(known, p, 1.0)[:, None], looks, one_sided=one_sided), np.nan)


def _nominal(looks: Sequence[int] | None, alpha: float) -> float:
    return alpha if looks is None else nominal_level(looks, alpha)


def _widest(both: Sequence[Estimate], rates: Array, looks: Sequence[int] | None, reach: Array) -> tuple[Array, Array]:
    """Of each contrast the hull of its intervals at its own error rate, within +-reach; NaN where nothing varies."""
    level = 1 - np.array([_nominal(looks, rate) for rate in rates])
    ends = [interval(found, level) for found in both]
    low, high = np.fmin.reduce([end[0] for end in ends]), np.fmax.reduce([end[1] for end in ends])
    flat = ~(both[0].error > 0)
    return tuple(np.where(flat, np.nan, np.clip(end, -reach, reach)) for end in (low, high))  # type: ignore[return-value]


def _reach(levels: pd.DataFrame, contrasts: Sequence[Contrast], metric: Metric) -> Array:
    """How far each contrast can be from zero at most: shares lie between 0 and 1; of other metrics nothing is known."""
    values = levels.to_numpy(dtype=float)
    share = metric.unit == "points" and len(values) and np.nanmin(values) >= 0 and np.nanmax(values) <= 1
    weights = [sum(w for w in contrast.weights.values() if w > 0) for contrast in contrasts]
    return np.array([metric.times * weight if share else np.inf for weight in weights])


def _correlation(ours: Array, theirs: Array, same: float) -> float:
    # Two points always lie on a line, and what is constant but for rounding correlates with nothing.
    if len(ours) < 3 or np.ptp(ours) <= same or np.ptp(theirs) <= same:
        return np.nan
    return float(np.corrcoef(ours, theirs)[0, 1])
