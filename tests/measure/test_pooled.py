"""Variances that lean on each other, against the t interval and known limits."""

import numpy as np
import pytest
from scipy import stats

from dissect.measure import pooled as module
from dissect.measure.pooled import Mixture, half_width, p_equivalent, p_zero, pooled, quantile


@pytest.mark.parametrize("df", [4, 11])
def test_a_single_contrast_has_the_t_test_again(df: int):
    found = pooled([3.0], df)
    n = df + 1
    # the grid ends somewhere, and has steps
    assert half_width(0.05, n, found)[0] == pytest.approx(stats.t.ppf(0.975, df) * np.sqrt(3 / n), rel=0.06)
    assert p_zero([2.0], n, found)[0] == pytest.approx(2 * stats.t.sf(2 / np.sqrt(3 / n), df), rel=0.1)


def test_the_interval_and_the_p_agree_and_equivalence_is_half_of_it():
    found = pooled([1.0, 2.0, 0.5, 40.0], 2)
    half = half_width(0.02, 3, found, more=0.1)
    assert p_zero(half, 3, found, more=0.1) == pytest.approx(0.02)
    assert p_equivalent(np.zeros(4), 3, found, 1.0) == pytest.approx(p_zero(np.ones(4), 3, found) / 2)


def test_alike_variances_narrow_each_other_and_an_outlier_keeps_its_own():
    alone, together = half_width(0.05, 3, pooled([1.0], 2)), half_width(0.05, 3, pooled(np.ones(7), 2))
    assert (together < 0.9 * alone).all()
    odd = half_width(0.05, 3, pooled([1.0, 1.1, 0.9, 1.0, 1.2, 0.8, 900.0], 2))
    assert odd[-1] > 5 * odd[0]


def test_what_does_not_vary_or_is_missing_gets_what_the_others_say():
    found = pooled([1.0, np.nan, 0.0, 1.2], 4)
    middle = quantile(found, 0.5)
    assert 0.5 < middle[1] < 2
    assert middle[1] == pytest.approx(middle[2])
    assert np.isfinite(found.weights).all()


def test_a_quantile_is_where_so_much_of_the_weight_lies_below():
    found = Mixture(np.array([[1.0, 2.0, 3.0]]), np.array([[0.2, 0.5, 0.3]]))
    assert [quantile(found, share).item() for share in (0.1, 0.6, 0.9)] == [1, 2, 3]


def test_plans_from_pilots_of_three_seeds_are_kept_and_not_dear():
    # seven contrasts of a ladder of equal spread: the sd to plan with lies above the true one in most studies, not far
    random = np.random.default_rng(5)
    differences = np.diff(random.normal(size=(2_000, 8, 3)), axis=1)
    sd = np.sqrt(quantile(pooled(differences.var(axis=-1, ddof=1), 2, module.PLANNED), module.CAUTION) / 2)
    assert 0.75 < (sd > 1).mean() < 0.95
    assert np.median(sd**2) < 1.6
