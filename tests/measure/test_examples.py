"""Intervals for new seeds and new examples, against statsmodels' analysis of variance and the pigeonhole bootstrap."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.formula.api import ols
from statsmodels.stats.anova import anova_lm

from dissect.measure.examples import check, crossed, fits, per_example
from dissect.measure.metric import Metric
from dissect.measure.student import estimate, interval

ACCURACY = Metric("accuracy", "accuracy", "points", "higher", 100.0)


def table(seeds: int, examples: int, sds: tuple[float, float, float], repeats: int = 1, seed: int = 0) -> np.ndarray:
    random = np.random.default_rng(seed)
    shapes = [(repeats, seeds, 1), (repeats, 1, examples), (repeats, seeds, examples)]
    return 1 + sum(sd * random.normal(size=shape) for sd, shape in zip(sds, shapes, strict=True))


def mean_squares(cells: np.ndarray) -> np.ndarray:
    long = pd.DataFrame([(s, i, value) for (s, i), value in np.ndenumerate(cells)], columns=["s", "i", "d"])
    return anova_lm(ols("d ~ C(s) + C(i)", long).fit())["mean_sq"].to_numpy()


def test_the_error_is_that_of_the_two_way_analysis_of_variance():
    cells = table(4, 9, (1, 2, 1))[0]
    of_seeds, of_examples, residual = parts = mean_squares(cells)
    assert of_examples > residual  # or the test below is of the other case
    found = crossed(cells)
    total = of_seeds + of_examples - residual
    assert found.error == pytest.approx(np.sqrt(total / 36))
    assert found.df == pytest.approx(total**2 / (parts**2 / [3, 8, 24]).sum())
    assert found.mean == pytest.approx(cells.mean())


def test_where_examples_add_nothing_the_interval_is_that_over_seeds():
    random = np.random.default_rng(2)
    cells = random.normal(size=(4, 1)) + random.normal(size=(4, 9))
    cells -= cells.mean(axis=0) - cells.mean()  # every example has the same mean
    assert np.array(crossed(cells)) == pytest.approx(np.array(estimate(cells.mean(axis=1))))


def test_the_interval_is_never_narrower_in_error_than_that_over_seeds():
    cells = table(3, 20, (0.2, 0.5, 2), repeats=500)
    assert (crossed(cells).error >= estimate(cells.mean(axis=-1)).error * (1 - 1e-12)).all()


def test_the_pigeonhole_bootstrap_varies_as_much_and_counts_the_residual_three_times():
    seeds, examples = 60, 80
    cells = table(seeds, examples, (1, 1.5, 2))[0]
    random = np.random.default_rng(5)
    # each resample draws whole seeds and whole examples: weights are multinomial counts
    s = random.multinomial(seeds, np.full(seeds, 1 / seeds), 20_000) / seeds
    i = random.multinomial(examples, np.full(examples, 1 / examples), 20_000) / examples
    bootstrap = np.einsum("bs,si,bi->b", s, cells, i, optimize=True).var()
    residuals = cells - cells.mean(axis=0) - cells.mean(axis=1)[:, None] + cells.mean()
    residual = (residuals**2).sum() / ((seeds - 1) * (examples - 1))
    surplus = 2 * residual / (seeds * examples)  # Owen 2007, theorem 4: to terms in 1/n and 1/N
    assert bootstrap == pytest.approx(crossed(cells).error ** 2 + surplus, rel=0.04)
    assert surplus > 0.02 * bootstrap


@pytest.mark.parametrize(("seeds", "sds"), [(3, (1, 3, 5)), (5, (1, 0, 3)), (12, (0.3, 5, 5))])
def test_the_interval_covers_where_seeds_and_examples_are_both_drawn(seeds: int, sds: tuple[float, float, float]):
    low, high = interval(crossed(table(seeds, 30, sds, repeats=5000)), 0.95)
    assert 0.935 <= ((low <= 1) & (high >= 1)).mean() <= 0.965


def test_the_interval_over_seeds_alone_would_not_cover_new_examples():
    low, high = interval(estimate(table(12, 30, (0.3, 5, 5), repeats=5000).mean(axis=-1)), 0.95)
    assert ((low <= 1) & (high >= 1)).mean() < 0.8


def test_each_example_is_weighed_seed_by_seed():
    random = np.random.default_rng(0)
    scores = {(v, s): random.random(7) < 0.5 for v in "abcd" for s in (4, 9, 2)}
    asked = [({"a": 1.0, "b": -1.0}, [2, 9]), ({"d": 1.0, "c": -0.5, "a": -0.5}, [4, 2, 9])]
    for (weights, seeds), found in zip(asked, per_example(asked, scores, ACCURACY), strict=True):
        by_hand = [[100 * sum(w * scores[v, s][i] for v, w in weights.items()) for i in range(7)] for s in seeds]
        assert found == pytest.approx(np.array(by_hand))


def test_missing_scores_leave_that_contrast_out_alone():
    scores = {("a", 0): np.array([True]), ("b", 0): np.array([False]), ("a", 1): np.array([True])}
    gone, there, empty = per_example(
        [({"a": 1, "b": -1}, [0, 1]), ({"a": 1, "b": -1}, [0]), ({"a": 1}, [])], scores, ACCURACY
    )
    assert gone is None
    assert empty is None
    assert there is not None
    assert there.tolist() == [[100]]


def test_scores_of_other_examples_are_refused():
    with pytest.raises(ValueError, match="a, seed 0, has 3 scores, b, seed 0, has 4"):
        check({}, {("a", 0): np.ones(3, bool), ("b", 0): np.ones(4, bool)})


def test_scores_that_the_level_was_not_counted_from_are_refused():
    right = np.array([True, True, False])
    check({("a", 0): 0.6666667}, {("a", 0): right})
    with pytest.raises(ValueError, match=r"scores of a, seed 0, have the mean 0\.666667, not 1$"):
        check({("a", 0): 1.0}, {("a", 0): right})


def test_the_t_of_many_examples_and_no_example_effect_is_close_to_that_over_seeds():
    cells = table(5, 2000, (1, 0.01, 1))[0]
    assert stats.t.ppf(0.975, crossed(cells).df) == pytest.approx(stats.t.ppf(0.975, 4), rel=0.01)


def test_a_mean_over_batches_in_32_bits_fits_and_another_epochs_does_not():
    losses = np.random.default_rng(7).gamma(2, 0.5, 10_000)
    logged = float(np.float32(np.mean([np.float32(losses[k : k + 100].mean()) for k in range(0, 10_000, 100)])))
    assert fits(losses, logged)
    assert not fits(losses, 1.001 * logged)
    assert not fits(losses < 1, (losses < 1).mean() + 0.6 / 10_000)
