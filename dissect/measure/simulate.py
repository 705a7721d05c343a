"""Simulated studies with known gains: how often intervals cover, verdicts err, and plans are kept.

python -m dissect.measure.simulate [--repeats N] [--workers K]

Every row goes through the functions that `effects` calls, thousands of studies at a time. Levels vary from seed to
seed with a standard deviation of 1, be it of points; `correlation` is that of paired runs.
"""

import argparse
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial

import numpy as np

from dissect.measure.audit import Row, Scenario, audits, normal
from dissect.measure.examples import crossed
from dissect.measure.planning import difference_sd, equivalence_power, power, seeds_for_equivalence, seeds_needed
from dissect.measure.sequential import nominal_level, sequential_p
from dissect.measure.significance import holm, verdicts
from dissect.measure.student import Array, Estimate, estimate, interval, p_equivalent, p_zero
from dissect.process import end_with_parent, speak_plainly

ALPHA = 0.05
PLANNED = 0.8  # power
LADDER = 7  # variants; neighbours make six contrasts
LOOKS = (5, 8, 12)


def skewed(random: np.random.Generator, shape: Sequence[int]) -> Array:
    """Centred exponential: mean 0, sd 1, skewness 2."""
    return random.exponential(size=tuple(shape)) - 1


def coverage(
    random: np.random.Generator, repeats: int, *, seeds: int, correlation: float, treated: str, control: str
) -> Row:
    """How often the 95% interval holds a gain of 1 point."""
    noise = {"normal": normal, "skewed": skewed}
    shared = np.sqrt(correlation) * noise[control](random, (repeats, seeds))
    own = [np.sqrt(1 - correlation) * noise[kind](random, (repeats, seeds)) for kind in (treated, control)]
    low, high = interval(estimate((1 + shared + own[0]) - (shared + own[1])), 1 - ALPHA)
    kinds = treated if treated == control else f"{treated} treated, {control} control"
    what = f"coverage, {kinds}, {seeds} seeds, correlation {correlation:g}"
    # Student t is exact for normal noise only; other rows are told, not held.
    return Row(what, _share((low <= 1) & (high >= 1)), *((0.94, 0.965) if kinds == "normal" else ()))


def repeated_coverage(random: np.random.Generator, repeats: int) -> Row:
    """How often the intervals of all looks hold a gain of 1 point at once."""
    level = 1 - nominal_level(LOOKS, ALPHA)
    differences = 1 + normal(random, (repeats, LOOKS[-1]))
    ends = [interval(estimate(differences[:, :n]), level) for n in LOOKS]
    held = np.all([(low <= 1) & (high >= 1) for low, high in ends], axis=0)
    return Row(f"coverage at all of the looks {LOOKS}, normal", _share(held), 0.94, 0.965)


def crossed_coverage(random: np.random.Generator, repeats: int, *, seeds: int) -> Row:
    """How often the interval for new seeds and new examples holds a gain of 1 point; 40 examples, to keep it small."""
    of_seeds, of_examples = normal(random, (repeats, seeds, 1)), 3 * normal(random, (repeats, 1, 40))
    low, high = interval(crossed(1 + of_seeds + of_examples + 5 * normal(random, (repeats, seeds, 40))), 1 - ALPHA)
    # Satterthwaite's degrees of freedom are an approximation; told, not held.
    return Row(f"coverage for new seeds and new examples, {seeds} seeds", _share((low <= 1) & (high >= 1)))


def false_positives(
    random: np.random.Generator, repeats: int, *, seeds: int, correlation: float, looks: Sequence[int] | None = None
) -> Row:
    """How often any component of a ladder without gains helps or hurts; neighbouring contrasts share a variant."""
    shared = np.sqrt(correlation) * normal(random, (repeats, 1, seeds))
    levels = shared + np.sqrt(1 - correlation) * normal(random, (repeats, LADDER, seeds))
    differences = np.diff(levels, axis=1)
    found = estimate(differences)
    p = p_zero(found) if looks is None else sequential_p(_at(looks, differences, p_zero), looks)
    said = verdicts(found.mean, holm(p), np.ones_like(p), ALPHA)
    how = f"{seeds} seeds" if looks is None else f"looks {tuple(looks)}"
    return Row(
        f"any false verdict of {LADDER - 1}, {how}, correlation {correlation:g}",
        _share(said != "inconclusive", 1),
        0,
        0.055,
    )


def false_equivalence(
    random: np.random.Generator, repeats: int, *, seeds: int, sd: float, looks: Sequence[int] | None = None
) -> Row:
    """How often a gain as large as the margin, 1 point, is called equivalent to none."""
    differences = 1 + sd * normal(random, (repeats, seeds))
    margin = partial(p_equivalent, margin=1.0)
    p = (
        margin(estimate(differences))
        if looks is None
        else sequential_p(_at(looks, differences, margin), looks, one_sided=True)
    )
    said = verdicts(np.ones(repeats), np.ones(repeats), p, ALPHA)
    how = f"{seeds} seeds" if looks is None else f"looks {tuple(looks)}"
    return Row(f"false equivalence, gain at the margin, {how}, sd {sd:g}", _share(said == "equivalent"), 0, 0.055)


def either_kind(random: np.random.Generator, repeats: int) -> Row:
    """How often any false word of either kind is said, where three gains are none and three as large as the margin.

    What helps and what is small are tested with corrections of their own, so the two risks add up.
    """
    gains = np.repeat([0.0, 1.0], 3)
    found = estimate(gains[:, None] + 0.2 * normal(random, (repeats, len(gains), 5)))
    larger, smaller = holm(p_zero(found)) < ALPHA, holm(p_equivalent(found, 1.0)) < ALPHA
    what = "any false word of either kind, 3 gains of zero and 3 at the margin"
    return Row(what, _share(np.where(gains == 0, larger, smaller), 1), 0, 0.105)


def reached_power(random: np.random.Generator, repeats: int, *, gain: float, correlation: float) -> Row:
    """How often a gain is shown by as many seeds as the plan asks for."""
    sd = difference_sd(1, 1, correlation)
    seeds = seeds_needed(gain, sd, power=PLANNED, alpha=ALPHA)
    assert seeds is not None
    found = estimate(gain + sd * normal(random, (repeats, seeds)))
    said = verdicts(found.mean, p_zero(found), np.ones(repeats), ALPHA)
    real = power(gain, sd, seeds, ALPHA)
    what = f"power, gain {gain:g}, correlation {correlation:g}: {seeds} seeds planned, {real:.3f} by formula"
    return Row(what, _share(said == "helps"), max(PLANNED, real) - 0.03, min(real + 0.03, 1.0))


def reached_equivalence(random: np.random.Generator, repeats: int, *, margin: float, correlation: float) -> Row:
    """How often no gain at all is called equivalent by as many seeds as the plan asks for."""
    sd = difference_sd(1, 1, correlation)
    seeds = seeds_for_equivalence(sd, margin, PLANNED, ALPHA)
    assert seeds is not None
    p = p_equivalent(estimate(sd * normal(random, (repeats, seeds))), margin)
    real = equivalence_power(sd, margin, seeds, ALPHA)
    what = f"power of equivalence, margin {margin:g}: {seeds} seeds planned, {real:.3f} by formula"
    return Row(what, _share(p < ALPHA), max(PLANNED, real) - 0.03, min(real + 0.03, 1.0))


def scenarios() -> list[Scenario]:
    kinds = [("normal", "normal"), ("skewed", "skewed"), ("skewed", "normal")]
    covered: list[Scenario] = [
        partial(coverage, seeds=seeds, correlation=correlation, treated=treated, control=control)
        for treated, control in kinds
        for correlation in (0.0, 0.8)
        for seeds in (3, 5, 12)
    ]
    return [
        *covered,
        repeated_coverage,
        *(partial(crossed_coverage, seeds=seeds) for seeds in (3, 5, 12)),
        *(partial(false_positives, seeds=seeds, correlation=r) for r in (0.0, 0.8) for seeds in (3, 5, 12)),
        partial(false_positives, seeds=LOOKS[-1], correlation=0.8, looks=LOOKS),
        *(partial(false_equivalence, seeds=seeds, sd=0.5) for seeds in (3, 5, 12)),
        partial(false_equivalence, seeds=LOOKS[-1], sd=0.5, looks=LOOKS),
        *(partial(reached_power, gain=gain, correlation=r) for gain in (0.5, 1.0, 2.0) for r in (0.0, 0.8)),
        partial(reached_equivalence, margin=1.0, correlation=0.8),
        *audits(),
        either_kind,
    ]


def simulate(repeats: int, workers: int = 1) -> list[Row]:
    """All rows, each of `repeats` studies; the same numbers whatever the number of workers."""
    chosen = scenarios()
    randoms = np.random.default_rng(2015).spawn(len(chosen))
    if workers == 1:
        return [scenario(random, repeats) for scenario, random in zip(chosen, randoms, strict=True)]
    with ProcessPoolExecutor(workers, initializer=end_with_parent) as pool:
        return list(pool.map(_call, chosen, randoms, [repeats] * len(chosen)))


def _call(scenario: Scenario, random: np.random.Generator, repeats: int) -> Row:
    return scenario(random, repeats)


def _at(looks: Sequence[int], differences: Array, p: Callable[[Estimate], Array]) -> Array:
    """The p-values of each look, (..., looks)."""
    return np.stack([p(estimate(differences[..., :n])) for n in looks], axis=-1)


def _share(happened: np.ndarray, axis: int | None = None) -> float:
    """Of the studies, or with an axis, of those in which it happened at all along it."""
    return float((happened if axis is None else happened.any(axis=axis)).mean())


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m dissect.measure.simulate", description="Simulated studies.")
    parser.add_argument("--repeats", type=int, default=20_000, help="studies a row (20000)")
    parser.add_argument("--workers", type=int, default=1, help="processes (1)")
    chosen = parser.parse_args()
    if chosen.repeats < 1 or chosen.workers < 1:
        parser.error(f"one or more of each: --repeats {chosen.repeats} --workers {chosen.workers}")
    rows = simulate(chosen.repeats, chosen.workers)
    width = max(len(row.what) for row in rows)
    print(f"{'':{width}}    rate   standard error   wanted")
    for row in rows:
        error = np.sqrt(max(row.rate * (1 - row.rate), 0) / chosen.repeats)  # of what is no rate none is known
        wanted = f"{row.least:.3f} to {row.most:.3f}" if row.least > 0 or row.most < 1 else ""
        missed = "" if row.holds else "  MISSED"
        print(f"{row.what:{width}}   {row.rate:.4f}   {error:.4f}           {wanted}{missed}".rstrip())


if __name__ == "__main__":
    speak_plainly()
    main()
