"""Chances of later looks and early gains, against simulated studies."""

import numpy as np
import pytest
from scipy import stats

from dissect.measure.stopping import foreseen, shrunken
from dissect.measure.student import Estimate, estimate


@pytest.mark.parametrize("margin", [float("nan"), 1.2])
def test_the_chance_of_a_later_verdict_is_how_often_it_comes(margin: float):
    # seen: 5 seeds of mean 0.6 and sd 1; the true mean and sd are as likely as these make them (flat, Jeffreys)
    random, n, last, rate = np.random.default_rng(1), 5, 12, 0.02
    seen = np.array([-1.2, -0.3, 0.1, 0.5, 0.9])
    seen = 0.6 + (seen - seen.mean()) / seen.std(ddof=1)
    sd = np.sqrt((n - 1) / random.chisquare(n - 1, 100_000))
    mean = 0.6 + sd / np.sqrt(n) * random.normal(size=100_000)
    later = mean[:, None] + sd[:, None] * random.normal(size=(100_000, last - n))
    mean_then = (n * 0.6 + later.sum(axis=1)) / last
    # the limit is that of the sd seen so far, as nobody knows the later one
    error = 1 / np.sqrt(last)
    decided = np.abs(mean_then) > stats.t.isf(rate / 2, last - 1) * error
    if margin == margin:
        decided |= np.abs(mean_then) < margin - stats.t.isf(rate, last - 1) * error
    assert foreseen(estimate(seen), n, last, rate, margin) == pytest.approx(decided.mean(), abs=0.006)


def test_at_the_last_look_nothing_is_foreseen_and_what_examples_leave_open_no_seed_decides():
    found = Estimate(np.array(0.8), np.array(0.3), np.array(4.0))
    assert np.isnan(foreseen(found, 12, 12, 0.05, 1.0))
    assert foreseen(found, 5, 12, 0.05, float("nan"), more=4.0) < 0.01 < foreseen(found, 5, 12, 0.05, float("nan"))


def test_a_gain_that_was_declared_is_shrunken_the_more_the_closer_it_was():
    p = np.array([1e-12, 1e-3, 0.0099])
    ratio = shrunken(np.array([2.0, -2.0, 2.0]), p, np.full(3, 0.01)) / 2
    assert ratio[0] == pytest.approx(1, abs=0.01)
    assert ratio[0] > -ratio[1] > ratio[2] > 0


def test_on_average_the_declared_gain_is_too_large_and_the_shrunken_one_rather_too_small():
    random, true, rate = np.random.default_rng(2), 2.5, 0.01
    seen = random.normal(true, 1, 200_000)
    seen = seen[2 * stats.norm.sf(seen) < rate]
    assert seen.mean() > 1.25 * true
    less = shrunken(seen, 2 * stats.norm.sf(seen), np.full(seen.shape, rate))
    assert true - 0.5 * (seen.mean() - true) < less.mean() < true + 0.1 * (seen.mean() - true)
