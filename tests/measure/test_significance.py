"""Holm against statsmodels, the sign-flip test against scipy's enumeration and binomial chances, and the words."""

from itertools import combinations

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.multitest import multipletests

from dissect.measure.significance import compatible_alpha, holm, p_sign_flip, still_true, verdicts


@pytest.mark.parametrize("seed", range(5))
def test_holm_is_that_of_statsmodels(seed: int):
    p = np.random.default_rng(seed).beta(0.3, 2, (3, 8)).round(2)  # rounded, so that some are equal
    for row, adjusted in zip(p, holm(p), strict=True):
        assert adjusted == pytest.approx(multipletests(row, method="holm")[1])


def test_a_missing_p_value_counts_as_one():
    # three of three: 0.01 * 3, 0.04 * 2
    assert holm([0.04, np.nan, 0.01]) == pytest.approx([0.08, np.nan, 0.03], nan_ok=True)
    assert holm([0.04, np.nan, 0.01])[[0, 2]] == pytest.approx(multipletests([0.04, 1, 0.01], method="holm")[1][[0, 2]])


def test_each_interval_has_the_rate_at_which_its_p_was_tested():
    # of four, 0.001 and 0.01 are decided: 0.05 / 4, 0.05 / 3; two are left, the missing one among them
    assert compatible_alpha([0.01, 0.03, 0.001, np.nan], 0.05) == pytest.approx([0.05 / 3, 0.025, 0.0125, 0.025])
    assert compatible_alpha([0.2, 0.9], 0.05).tolist() == [0.025, 0.025]
    assert compatible_alpha([0.001, 0.002], 0.05).tolist() == [0.025, 0.05]


@pytest.mark.parametrize("seed", range(5))
def test_a_p_below_its_own_rate_is_one_that_holm_decides(seed: int):
    p = np.random.default_rng(seed).beta(0.2, 2, (2_000, 7))
    assert ((p < compatible_alpha(p, 0.05)) == (holm(p) < 0.05)).all()


def pairs_of(levels):
    return list(combinations(levels, 2))


@pytest.mark.parametrize(
    ("pairs", "left"),
    [
        (pairs_of("abc"), [3, 1, 1]),
        (pairs_of("abcd"), [6, 3, 3, 3, 2, 1]),
        (pairs_of("abcde"), [10, 6, 6, 6, 6, 4, 4, 3, 2, 1]),  # Shaffer 1986, table 1
        ([*pairs_of("abc"), ("x", "y")], [4, 3, 2, 1]),  # none, one or three of the first, and the last or not
        ([*pairs_of("abc"), *pairs_of("xyz")], [6, 4, 4, 3, 2, 1]),
        ([("a", "0"), ("b", "0"), ("c", "0")], [3, 2, 1]),  # each over one control: any may be true alone
        ([("b", "a"), ("c", "b"), ("d", "c")], [3, 2, 1]),  # a ladder
        (pairs_of(range(9)), list(range(36, 0, -1))),  # too many levels to go through
    ],
)
def test_how_many_hypotheses_can_still_be_true(pairs, left):
    assert still_true(pairs).tolist() == left


def test_when_one_of_three_levels_is_told_apart_the_other_two_comparisons_are_tested_alone():
    p, left = [0.03, 0.01, 0.04], still_true(pairs_of("abc"))
    assert holm(p, left).tolist() == [0.03, 0.03, 0.04]
    assert compatible_alpha(p, 0.05, left) == pytest.approx([0.05, 0.05 / 3, 0.05])
    assert compatible_alpha([0.03, 0.02, 0.04], 0.05, left) == pytest.approx([0.05 / 3] * 3)  # nothing is decided


@pytest.mark.parametrize("n", [2, 5, 9])
def test_the_sign_flip_test_is_scipys_over_all_flips(n: int):
    differences = np.random.default_rng(n).normal(0.7, 1, n).round(1)
    scipys = stats.permutation_test(
        (differences,), np.mean, permutation_type="samples", n_resamples=np.inf, vectorized=True
    )
    assert p_sign_flip(differences) == pytest.approx(scipys.pvalue)


def test_of_equal_differences_the_sign_flip_p_is_a_binomial_one():
    # with all steps of equal size, the sum of signs is binomial: ties in abundance, and 0.1 + 0.2 is not 0.3
    differences = 0.1 * np.array([1, 1, 1, 1, 1, 1, 1, 1, -1, -1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1])
    assert p_sign_flip(differences) == pytest.approx(stats.binomtest(18, 20).pvalue)


def test_the_sign_flip_p_never_falls_below_its_floor():
    assert p_sign_flip([[9.0, 10, 11], [-9, -10, -11]]).tolist() == [2 / 2**3] * 2


def test_more_values_than_can_be_enumerated_have_no_sign_flip_p():
    assert np.isnan(p_sign_flip(np.ones((2, 21)))).all()
    assert np.isnan(p_sign_flip(np.empty(0)))
    assert p_sign_flip([3.0]) == 1


def test_each_verdict_has_its_case():
    cases = [
        # gain, p, p of a gain beyond the margin
        (1.0, 0.04, 0.5, "helps"),
        (-1.0, 0.04, 0.5, "hurts"),
        (0.1, 0.04, 0.01, "helps"),  # shown and small: shown comes first
        (0.1, 0.05, 0.04, "equivalent"),
        (0.1, 0.50, 0.05, "inconclusive"),
        (1.0, np.nan, np.nan, ""),
    ]
    gain, p, equal, words = zip(*cases, strict=True)
    assert verdicts(gain, p, equal, alpha=0.05).tolist() == list(words)
