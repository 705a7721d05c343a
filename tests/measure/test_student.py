"""Means, intervals and tests of many studies at once, against scipy and statsmodels one by one."""

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.weightstats import ttost_paired

from dissect.measure.student import Estimate, estimate, interval, p_equivalent, p_zero, satterthwaite

STUDIES = np.random.default_rng(0).normal(0.4, 1.3, (4, 3, 6))  # (4, 3) studies of six seeds


def test_many_studies_at_once_give_what_scipy_gives_one_by_one():
    found = estimate(STUDIES)
    low, high = interval(found, 0.9)
    for place in np.ndindex(4, 3):
        test = stats.ttest_1samp(STUDIES[place], 0)
        assert (found.mean[place], found.df[place]) == pytest.approx((STUDIES[place].mean(), 5))
        assert (low[place], high[place]) == pytest.approx(tuple(test.confidence_interval(0.9)))
        assert p_zero(found)[place] == pytest.approx(test.pvalue)


@pytest.mark.parametrize("margin", [0.2, 1.0, 3.0])
def test_equivalence_is_that_of_statsmodels_two_one_sided_tests(margin: float):
    p = p_equivalent(estimate(STUDIES), margin)
    for place in np.ndindex(4, 3):
        assert p[place] == pytest.approx(ttost_paired(STUDIES[place], np.zeros(6), -margin, margin)[0])


def test_equal_differences_have_an_interval_without_width_and_show_nothing():
    found = estimate([[0.1] * 3, [0.0] * 3])  # the mean of three 0.1 is not 0.1 in floating point
    assert np.array(interval(found, 0.95)).tolist() == [[0.1, 0], [0.1, 0]]
    assert p_zero(found).tolist() == [1, 1]
    assert p_equivalent(found, 0.05).tolist() == [1, 1]


def test_one_difference_has_a_mean_alone_and_none_has_nothing():
    one, none = estimate([[2.0]]), estimate(np.empty((1, 0)))
    assert one.mean.tolist() == [2]
    assert np.isnan([one.error, one.df, none.mean, none.error, p_zero(one), *interval(one, 0.95)]).all()


def test_satterthwaites_degrees_of_freedom_are_welchs():
    # Welch's t test is the case of two independent means: parts are their squared standard errors.
    a, b = np.random.default_rng(1).normal(size=(2, 7)) * [[1], [3]]
    b = b[:4]
    error, df = satterthwaite([a.var(ddof=1) / 7, b.var(ddof=1) / 4], [6, 3])
    welch = stats.ttest_ind(a, b, equal_var=False)
    assert df == pytest.approx(welch.df)
    assert p_zero(Estimate(a.mean() - b.mean(), error, df)) == pytest.approx(welch.pvalue)


def test_parts_that_are_all_zero_leave_the_smallest_degrees_of_freedom():
    assert np.array(satterthwaite([0.0, 0.0], [6, 3])).tolist() == [0, 3]
