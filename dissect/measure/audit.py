"""What verdicts, sentences and plans promise, each as a row for `simulate`; they go through what `effects` calls."""

from collections.abc import Callable, Sequence
from functools import partial
from itertools import combinations, product
from typing import NamedTuple

import numpy as np
from scipy import stats

from dissect.measure import pooled as leaning
from dissect.measure.examples import from_squares
from dissect.measure.failures import newcombe
from dissect.measure.planning import smallest_gain
from dissect.measure.pooled import pooled, quantile
from dissect.measure.sequential import nominal_level, sequential_p
from dissect.measure.significance import compatible_alpha, holm
from dissect.measure.stopping import HOPELESS, foreseen
from dissect.measure.student import Array, Estimate, estimate, interval, p_zero

ALPHA, BLOCK, VARIANTS = 0.05, 1000, 8  # neighbours of a ladder of eight make seven contrasts


class Row(NamedTuple):
    """What was simulated, mostly a rate, and what it must lie between, if anything."""

    what: str
    rate: float
    least: float = 0.0
    most: float = 1.0

    @property
    def holds(self) -> bool:
        return self.least <= self.rate <= self.most


Scenario = Callable[[np.random.Generator, int], Row]  # (random, repeats) -> its row


def normal(random: np.random.Generator, shape: Sequence[int]) -> Array:
    return random.normal(size=tuple(shape))


def ladder(random: np.random.Generator, repeats: int, seeds: int, sd: Array | float = 1.0) -> Array:
    """Differences of neighbours (repeats, contrasts, seeds) without any gain."""
    return np.diff(np.asarray(sd)[..., None] * normal(random, (repeats, VARIANTS, seeds)), axis=1)


def trained(random: np.random.Generator, repeats: int, *, seeds: int) -> Row:
    """How often the interval holds the gain where both trained, 1 point, if 10% of treated runs collapse."""
    differences = 1 + normal(random, (repeats, seeds))
    left = (random.random((repeats, seeds)) >= 0.1).sum(axis=1)
    held = [
        _covers(estimate(differences[left == n, :n]), 1.0).sum() for n in range(2, seeds + 1)
    ]  # of one pair there is no interval
    what = f"coverage of the gain where both trained, 1 run of 10 collapses, {seeds} seeds"
    return Row(what, float(np.sum(held)) / int((left > 1).sum()), 0.94, 0.96)


def failing(random: np.random.Generator, repeats: int, *, seeds: int, rate: float) -> Row:
    """How often Newcombe's interval holds the difference of failure rates."""
    failed, control = random.binomial(seeds, [[rate], [0.0]], (2, repeats))
    low, high = newcombe(failed, np.full(repeats, seeds), control, np.full(repeats, seeds))
    held = (low <= rate) & (high >= rate)
    return Row(f"coverage of failure rates {rate:g} and 0, {seeds} seeds", float(held.mean()), 0.93)


def half_finished(random: np.random.Generator, repeats: int) -> Row:
    """How often any look at a half-finished study without gains, after each variant, tells of one."""
    p = p_zero(estimate(ladder(random, repeats, 5)))
    said = np.zeros(repeats, dtype=bool)
    for done in range(1, VARIANTS):
        seen = np.where(np.arange(VARIANTS - 1) < done, p, np.nan)
        said |= (holm(seen) < ALPHA).any(axis=1)
    return Row("any false verdict, looking at a half-finished study after each variant", float(said.mean()), 0, 0.055)


def new_examples(random: np.random.Generator, repeats: int, *, seeds: int, both: bool = True) -> Row:
    """Any false verdict where there is no gain in the population, though there is one on these 500 examples.

    Over seeds the gain varies by 1, over sets of examples by 0.32 (its variance a tenth).
    """
    examples, residual = 500, 200.0  # variance of a cell's own part; of the mean over examples it is 0.4 a seed
    of_examples = 0.1 * examples
    own = ladder(random, repeats, seeds, np.sqrt(0.5))
    shift = np.diff(normal(random, (repeats, VARIANTS)), axis=1) * np.sqrt(0.1 / 2)
    found = estimate(own + shift[..., None])
    p = p_zero(found)
    if both:
        squares = [found.error**2 * seeds * examples * (seeds - 1)]
        squares.append((residual + seeds * of_examples) * random.chisquare(examples - 1, p.shape))
        squares.append(residual * random.chisquare((seeds - 1) * (examples - 1), p.shape))
        p = np.maximum(p, p_zero(from_squares(found.mean, np.stack(squares, axis=-1), seeds, examples)))
    how = "by the larger p" if both else "by the seeds' p alone"
    rate = float((holm(p) < ALPHA).any(axis=1).mean())
    return Row(f"any false verdict for new examples, {how}, {seeds} seeds", rate, 0, 0.065 if both else 1.0)


def _mixed(random: np.random.Generator, repeats: int) -> tuple[Array, Array]:
    truth = random.choice([0.0, 1.5, 3.0], (repeats, VARIANTS - 1))
    return truth, truth[..., None] + ladder(random, repeats, 5, np.sqrt(0.5))


def joint(random: np.random.Generator, repeats: int) -> Row:
    """How often all drawn intervals of a page with mixed truths hold theirs at once."""
    truth, differences = _mixed(random, repeats)
    found = estimate(differences)
    low, high = interval(found, 1 - compatible_alpha(p_zero(found), ALPHA))
    held = ((low <= truth) & (truth <= high)).all(axis=1)
    return Row("all drawn intervals hold at once, mixed truths, 5 seeds", float(held.mean()), 0.88)


def contradicted(random: np.random.Generator, repeats: int) -> Row:
    """Pages on which an interval and its verdict contradict each other."""
    found = estimate(_mixed(random, repeats)[1])
    p = p_zero(found)
    low, high = interval(found, 1 - compatible_alpha(p, ALPHA))
    apart = ((low > 0) | (high < 0)) != (holm(p) < ALPHA)
    return Row("pages on which a drawn interval and its verdict contradict", float(apart.any(axis=1).mean()), 0, 0)


def published(random: np.random.Generator, repeats: int, *, seeds: int) -> Row:
    """How often a published pair of runs of the very same kind lies inside what one pair would show here."""
    values = normal(random, (repeats, seeds + 1))
    found = estimate(values[:, 1:])
    half = stats.t.ppf(1 - ALPHA / 2, seeds - 1) * found.error * np.sqrt(seeds + 1)
    inside = np.abs(values[:, 0] - found.mean) <= half
    return Row(f"a published run of the same kind is inside, {seeds} seeds", float(inside.mean()), 0.94, 0.96)


def exploratory(random: np.random.Generator, repeats: int) -> Row:
    """Any false word on an exploratory page of all subsets of three components without gains."""
    subsets = list(product((0, 1), repeat=3))
    levels = normal(random, (repeats, len(subsets), 5))
    rows = [
        {treated: 1.0, control: -1.0}
        for control, treated in combinations(range(len(subsets)), 2)
        if np.sum(np.abs(np.subtract(subsets[control], subsets[treated]))) == 1
    ]
    rows += [{v: (2 * s[a] - 1) / 4 for v, s in enumerate(subsets)} for a in range(3)]
    signs = [
        {v: (2 * s[a] - 1) * (2 * s[b] - 1) / 2 for v, s in enumerate(subsets)} for a, b in combinations(range(3), 2)
    ]
    weights = np.array([[row.get(v, 0.0) for v in range(len(subsets))] for row in [*rows, *signs]])
    p = p_zero(estimate(np.einsum("kv,rvs->rks", weights, levels)))
    rate = float((holm(p) < ALPHA).any(axis=1).mean())
    return Row("any false word on an exploratory page of all subsets", rate, 0, 0.055)


def piloted(random: np.random.Generator, repeats: int, *, seeds: int, told: str, spread: float) -> Row:
    """What becomes of plans from a pilot: the real power for 80%, its tenth percentile, and what they cost."""
    sd = np.exp(spread * normal(random, (repeats, VARIANTS)))
    true = np.sqrt(sd[:, 1:] ** 2 + sd[:, :-1] ** 2)
    pilot = ladder(random, repeats, seeds, sd).var(axis=-1, ddof=1)
    planned = np.concatenate(
        [np.sqrt(quantile(pooled(part, seeds - 1, leaning.PLANNED), leaning.CAUTION)) for part in _blocks(pilot)]
    )
    level, gain = ALPHA / (VARIANTS - 1), 2.0
    reach = np.array([smallest_gain(1.0, n, 0.8, level) for n in range(2, 201)])  # falls with n
    needed, taken = (2 + np.searchsorted(-reach, -gain / one).clip(0, 198) for one in (true, planned))
    limit = stats.t.ppf(1 - level / 2, taken - 1)
    power = stats.nct.sf(limit, taken - 1, gain * np.sqrt(taken) / true)
    found = {
        "median": np.median(power),
        "tenth percentile": np.quantile(power, 0.1),
        "seeds": np.median(taken / needed),
    }
    least, most = {"median": (0.8, 1.0), "tenth percentile": (0.6, 1.0), "seeds": (1.0, 1.5)}[told]
    words = {"median": "real power for 80%, median", "tenth percentile": "the same, tenth percentile"}
    what = f"{words.get(told, 'seeds planned over seeds needed, median')}, pilot of {seeds} seeds, spreads {spread:g}"
    return Row(what, float(found[told]), least, most)


def looked(
    random: np.random.Generator, repeats: int, *, gain: float, margin: float, looks: Sequence[int], cost: bool
) -> Row:
    """Of components alone, all with the same gain: runs of seeds=auto over those of a fixed design of equal power, or
    any false verdict (where gain is 0)."""
    last = looks[-1]
    levels = normal(random, (repeats, VARIANTS, last))
    differences = gain + (levels[:, 1:] - levels[:, :1]) * np.sqrt(0.5)
    open_ = np.ones((repeats, VARIANTS - 1), dtype=bool)
    shown, used = np.zeros_like(open_), np.zeros((repeats, VARIANTS))
    for look in looks:
        found = estimate(differences[..., :look])
        used[:, 1:], used[:, 0] = np.where(open_, look, used[:, 1:]), np.where(open_.any(axis=1), look, used[:, 0])
        p = sequential_p(p_zero(found)[..., None], looks)
        adjusted = holm(p)
        shown = np.where(open_, adjusted < ALPHA, shown)
        open_ &= adjusted >= ALPHA
        if look < last:
            rates = compatible_alpha(p, ALPHA)
            levels_at = {rate: nominal_level(looks, rate) for rate in np.unique(rates)}
            nominal = np.vectorize(levels_at.get)(rates)
            open_ &= ~(foreseen(found, look, last, nominal, margin) < HOPELESS)
    if not cost:
        return Row(f"any false verdict, looks {tuple(looks)} and giving up", float(shown.any(axis=1).mean()), 0, 0.055)
    power = shown.mean()
    fixed = {n: (holm(p_zero(estimate(differences[..., :n]))) < ALPHA).mean() for n in range(3, last + 1)}
    below = max((n for n, reached in fixed.items() if reached <= power), default=3)
    above = min(below + 1, last)
    part = (power - fixed[below]) / (fixed[above] - fixed[below]) if fixed[above] > fixed[below] else 0.0
    ratio = float(used.mean() / (below + np.clip(part, 0, 1)))
    what = f"runs of looks {tuple(looks)} of those of a fixed design of equal power, gains {gain:g} sd"
    return Row(what, ratio, 0, 1.0 if gain >= 2 else 9.0)


def lean(random: np.random.Generator, repeats: int, *, seeds: int, cell: str, told: str, own: bool = False) -> Row:
    """Pooled variances, or each contrast's own: what is `told` of them, where spreads vary as `cell` says."""
    n, sums, studies = seeds, dict.fromkeys(("coverage", "unstable", "false", "width", "power"), 0.0), 0
    for size in [BLOCK] * max(repeats // BLOCK, 1):
        sd = np.exp((0.6 if cell == "spreads of 0.6" else 0.0) * normal(random, (size, VARIANTS)))
        sd[:, 3] *= {"5 times": np.sqrt(5), "25 times": 5.0}.get(cell, 1.0)
        differences = ladder(random, size, n, sd)
        found, variances = estimate(differences), differences.var(axis=-1, ddof=1)
        gains = np.zeros(found.mean.shape)
        gains[:, ::2] = 3 * np.sqrt((sd[:, 1:] ** 2 + sd[:, :-1] ** 2) / 2)[:, ::2]
        t_half = stats.t.ppf(1 - ALPHA / 2, n - 1) * found.error
        if own:
            half, p, shown = t_half, p_zero(found), p_zero(found._replace(mean=found.mean + gains))
        else:
            mixture = pooled(variances, n - 1)
            half = leaning.half_width(ALPHA, n, mixture)
            p, shown = (leaning.p_zero(mean, n, mixture) for mean in (found.mean, found.mean + gains))
        covered = np.abs(found.mean) <= half
        sums["coverage"] += covered.mean()
        sums["unstable"] += covered[:, 2:4].mean()
        sums["false"] += (holm(p) < ALPHA).any(axis=1).mean()
        sums["width"] += half.mean() / t_half.mean()
        sums["power"] += (holm(shown) < ALPHA)[:, ::2].mean()
        studies += 1
    limits = {"coverage": (0.94, 1.0), "false": (0.0, 0.055), "width": (0.0, 0.75 if n == 3 else 1.0)}
    words = {"unstable": "coverage at the unstable variant", "false": "any false verdict"}
    words |= {"width": "width over that of t", "power": "power for gains of 3 sd"}
    how = "own" if own else "pooled"
    what = f"{how} variances, {words.get(told, told)}, {n} seeds, {cell}"
    return Row(what, sums[told] / studies, *(limits.get(told, ()) if not own else ()))


def _blocks(values: Array) -> list[Array]:
    return np.array_split(values, max(len(values) // BLOCK, 1))


def _covers(found: Estimate, truth: float) -> np.ndarray:
    low, high = interval(found, 1 - ALPHA)
    return (low <= truth) & (truth <= high)


def audits() -> list[Scenario]:
    numbers, cells = (3, 5, 8, 12), ("equal spreads", "spreads of 0.6", "5 times", "25 times")
    planned = [(told, spread) for spread in (0.0, 0.3) for told in ("median", "tenth percentile", "seeds")]
    priced = [(gain, looks) for gain in (0.5, 1.0, 2.0, 3.0) for looks in ((3, 5, 8, 12), (5, 8, 12))]
    return [
        *(partial(trained, seeds=n) for n in numbers),
        *(partial(failing, seeds=n, rate=0.1) for n in numbers),
        half_finished,
        *(partial(new_examples, seeds=n, both=both) for both in (False, True) for n in numbers),
        joint,
        contradicted,
        *(partial(published, seeds=n) for n in (4, 8, 12)),
        exploratory,
        *(partial(piloted, seeds=3, told=told, spread=spread) for told, spread in planned),
        partial(looked, gain=0.0, margin=np.nan, looks=(5, 8, 12), cost=False),
        *(partial(looked, gain=gain, margin=np.nan, looks=looks, cost=True) for gain, looks in priced),
        *(partial(lean, seeds=n, cell=cell, told="false") for n in (3, 5) for cell in cells),
        *(partial(lean, seeds=n, cell=cell, told="coverage") for n in (3, 5) for cell in cells),
        *(partial(lean, seeds=n, cell=cell, told="unstable") for n in (3, 5) for cell in cells[2:]),
        *(partial(lean, seeds=n, cell=cells[0], told="width") for n in (3, 5)),
        *(partial(lean, seeds=n, cell=cells[0], told="power", own=own) for n in (3, 5) for own in (False, True)),
    ]
