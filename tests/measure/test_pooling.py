"""Means over studies, against statsmodels and worked numbers."""

import numpy as np
import pytest
from statsmodels.stats.meta_analysis import combine_effects

from dissect.measure.pooling import difference, pooled

approx = pytest.approx

GAINS, ERRORS = [1.0, 3.0, 2.2, 6.0], [0.5, 0.6, 0.4, 1.0]


def test_gains_that_differ_are_pooled_as_statsmodels_does():
    found = pooled(GAINS, ERRORS)
    oracle = combine_effects(np.array(GAINS), np.array(ERRORS) ** 2, method_re="iterated", use_t=True)
    assert found.tau**2 == approx(oracle.tau2, rel=1e-4)
    assert found.mean == approx(oracle.mean_effect_re, rel=1e-5)
    low, high = oracle.conf_int(use_t=True)[3]  # Hartung and Knapp's
    assert (found.low, found.high) == approx((low, high), rel=1e-4)
    assert found.p_alike == approx(oracle.test_homogeneity().pvalue)


def test_gains_that_agree_have_no_narrower_an_interval_than_a_fixed_effect():
    found = pooled([2.0, 2.0, 2.0], [1.0, 1.0, 1.0])
    # standard error 1/sqrt(3), t(2) = 4.303
    assert (found.mean, found.low, found.high) == approx((2.0, 2 - 4.303 / 3**0.5, 2 + 4.303 / 3**0.5), abs=1e-3)
    assert found.tau == 0


def test_studies_without_spread_count_alike():
    found = pooled([1.0, 2.0, 3.0], [0.0, 0.1, 0.1])
    assert (found.mean, found.tau) == approx((2.0, 1.0))
    assert np.isnan(found.p_alike)


def test_one_study_has_no_mean_over_studies():
    with pytest.raises(ValueError, match="needs two"):
        pooled([1.0], [0.1])


def test_a_difference_has_welchs_interval():
    # equal errors 1 with 3 df each: error sqrt 2, df 6, t(6) = 2.447
    half = 2.447 * 2**0.5
    assert difference((1.0, 1.0, 3.0), (4.0, 1.0, 3.0)) == approx((3.0, 3 - half, 3 + half), abs=1e-3)
