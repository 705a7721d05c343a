"""Plans, against statsmodels' power of the t test and simulated studies."""

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.power import TTestPower

from dissect.measure.planning import (
    difference_sd,
    equivalence_power,
    power,
    sd_bound,
    seeds_for_equivalence,
    seeds_needed,
    smallest_gain,
    unsupportable,
)
from dissect.measure.student import estimate, p_equivalent


@pytest.mark.parametrize("seeds", [2, 3, 8, 40])
@pytest.mark.parametrize("gain", [0.0, 0.3, -1.0, 1.6])
@pytest.mark.parametrize("alpha", [0.05, 0.008])
def test_power_is_that_of_statsmodels(seeds: int, gain: float, alpha: float):
    expected = TTestPower().power(gain / 1.4, seeds, alpha)
    assert power(gain, 1.4, seeds, alpha) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize(("gain", "sd", "seeds"), [(1e4, 0.1, 2), (30, 0.1, 400), (5, 0.25, 20)])
def test_a_gain_far_above_the_noise_is_always_shown(gain: float, sd: float, seeds: int):
    assert power(gain, sd, seeds) == pytest.approx(1)


@pytest.mark.parametrize(("gain", "sd"), [(1, 1), (-0.4, 1), (3, 0.5), (0.2, 1.4)])
def test_the_seeds_needed_are_the_fewest_that_reach_the_power(gain: float, sd: float):
    enough = (n for n in range(2, 1000) if TTestPower().power(abs(gain) / sd, n, 0.05) >= 0.8)
    assert seeds_needed(gain, sd, power=0.8, alpha=0.05) == next(enough)


def test_where_the_most_seeds_do_not_do_there_is_no_plan():
    assert seeds_needed(1, 1, most=9) is None  # ten do
    assert seeds_needed(1, 1, most=10) == 10
    assert seeds_for_equivalence(1, 0.01, most=50) is None


@pytest.mark.parametrize("seeds", [3, 12])
def test_the_smallest_gain_is_that_of_statsmodels(seeds: int):
    effect = TTestPower().solve_power(nobs=seeds, alpha=0.05, power=0.9)
    assert smallest_gain(0.7, seeds, power=0.9) == pytest.approx(0.7 * effect, rel=1e-5)


@pytest.mark.parametrize(("seeds", "margin"), [(3, 2.0), (6, 1.6), (12, 1.0), (12, 0.3)])
def test_the_power_of_equivalence_is_that_of_simulated_studies(seeds: int, margin: float):
    noise = np.random.default_rng(7).normal(size=(40_000, seeds))
    rate = (p_equivalent(estimate(noise), margin) < 0.05).mean()
    assert equivalence_power(1, margin, seeds) == pytest.approx(rate, abs=0.01)  # 4 standard errors


def test_the_seeds_for_equivalence_are_the_fewest_that_reach_the_power():
    seeds = seeds_for_equivalence(1, 0.7)
    assert seeds is not None
    assert equivalence_power(1, 0.7, seeds) >= 0.8 > equivalence_power(1, 0.7, seeds - 1)
    # with many seeds s is known, and the power is 2 Phi(m sqrt(n) - 1.645) - 1: n = ((1.645 + 1.2816) / 0.1)^2 = 857
    assert seeds_for_equivalence(1, 0.1) == pytest.approx(857, abs=3)


def test_a_pilots_deviation_is_bounded_by_the_chi_square_limit():
    # chi2(4) has 20% of its mass below 1.6488: 2 * sqrt(4 / 1.6488) = 3.115
    assert sd_bound(2, 5) == pytest.approx(3.115, abs=1e-3)
    pilots = np.random.default_rng(3).normal(size=(20_000, 4)).std(axis=1, ddof=1)
    assert np.mean([sd_bound(sd, 4, confidence=0.9) >= 1 for sd in pilots[:2000]]) == pytest.approx(0.9, abs=0.02)


def test_the_deviation_of_a_difference_is_measured_on_correlated_pairs():
    pairs = np.random.default_rng(4).multivariate_normal([0, 0], [[4, 2.4], [2.4, 9]], 100_000)
    assert difference_sd(2, 3, 0.4) == pytest.approx(np.diff(pairs).std(), rel=0.01)
    assert difference_sd(1, 1, 1) == 0


@pytest.mark.parametrize("call", [lambda: power(1, 0, 5), lambda: power(1, 1, 1), lambda: seeds_needed(1, -1)])
def test_no_spread_and_no_seeds_are_refused(call):
    with pytest.raises(ValueError, match=r"spread above zero: sd|two or more: 1"):
        call()


def test_a_power_below_alpha_is_refused():
    with pytest.raises(ValueError, match=r"power 0\.01, alpha 0\.05"):
        smallest_gain(1, 5, power=0.01)


def test_one_seed_supports_no_claim():
    (sentence,) = unsupportable(1, 6)
    assert "without an interval" in sentence


def test_the_floor_of_the_sign_flip_test_is_told_with_the_seeds_that_would_do():
    # 2/2^5 = 0.0625 >= 0.05: 6 seeds; 0.05/6 = 0.0083: 2/2^8 = 0.0078 is the first below
    alone, of_six = unsupportable(5, 6)
    assert "0.062 or more" in alone
    assert alone.endswith("below 0.05: that takes 6 seeds.")
    assert "0.0083 (0.05 / 6" in of_six
    assert of_six.endswith("that takes 8 seeds.")
    assert len(unsupportable(6, 6)) == 1
    assert unsupportable(8, 6) == []
    assert stats.permutation_test((np.arange(1.0, 9),), np.mean, permutation_type="samples").pvalue < 0.05 / 6


def test_two_seeds_have_no_correlation():
    assert "correlated: that takes 3" in unsupportable(2, 1)[0]


@pytest.mark.parametrize(("seeds", "contrasts"), [(0, 1), (3, 0)])
def test_an_empty_plan_is_refused(seeds: int, contrasts: int):
    with pytest.raises(ValueError, match=f"{seeds} seeds, {contrasts} contrasts"):
        unsupportable(seeds, contrasts)
