"""Cross-validation's statistics against numbers worked by hand and scipy's t."""

import math

import pandas as pd
import pytest
from scipy import stats

from dissect.measure.folds import compare, cross_validated, judged
from dissect.measure.metric import Metric

ACCURACY = Metric("accuracy", "accuracy", "points", "higher", 100.0)


def test_the_error_of_folds_is_corrected_for_training_examples_they_share():
    # s = 0.1; Nadeau and Bengio's variance: (1/3 + 1/2) * 0.01
    found = cross_validated([0.5, 0.6, 0.7])
    assert found.mean == pytest.approx(0.6)
    assert found.error == pytest.approx(math.sqrt(5 / 6 * 0.01))
    assert found.df == 2


def test_a_judged_value_may_err_by_its_seeds_and_by_its_examples():
    # of examples: (0.6 * 0.4 + 0.7 * 0.3) / 2 / 100 = 0.00225; of seeds: 0.005 / 2 = 0.0025
    found = judged([0.6, 0.7], [math.sqrt(0.0024), math.sqrt(0.0021)])
    assert found.mean == pytest.approx(0.65)
    assert found.error == pytest.approx(math.sqrt(0.00475))
    assert found.df == pytest.approx(0.00475**2 / (0.0025**2 / 1))


def test_one_seed_has_no_error():
    assert math.isnan(judged([0.6], [0.05]).error)


def test_variants_are_compared_fold_means_first():
    folds = pd.DataFrame(
        [("a", seed, fold, accuracy) for seed, row in enumerate([(0.4, 0.6, 0.8), (0.6, 0.6, 0.6)])
         for fold, accuracy in enumerate(row)] + [("b", 0, fold, 0.5) for fold in range(3)],
        columns=["variant", "seed", "fold", "accuracy"],
    )  # fmt: skip
    validation = pd.DataFrame(
        {"variant": "a", "seed": [0, 1], "accuracy": [0.6, 0.7], "error": [0.24 / 100, 0.21 / 100]}
    )
    validation["error"] **= 0.5
    a, b = compare(folds, validation, ACCURACY, level=0.9).to_dict("records")
    # seeds averaged in each fold: 0.5, 0.6, 0.7
    assert (a["folds"], a["seeds"], a["value"], a["min"], a["max"]) == pytest.approx((3, 2, 0.6, 0.5, 0.7))
    assert a["sd"] == pytest.approx(0.1)
    crossed, beside = 5 / 6 * 0.01, 0.00475
    assert a["high"] == pytest.approx(0.6 + stats.t.ppf(0.95, 2) * math.sqrt(crossed))
    assert a["difference"] == pytest.approx(5.0)
    df = (crossed + beside) ** 2 / (crossed**2 / 2 + beside**2 / (0.00475**2 / 0.0025**2))
    half = 100 * stats.t.ppf(0.95, df) * math.sqrt(crossed + beside)
    assert (a["difference_low"], a["difference_high"]) == pytest.approx((5 - half, 5 + half))
    assert (b["value"], b["low"], b["high"], b["validation_seeds"]) == (0.5, 0.5, 0.5, 0)
    assert math.isnan(b["validation"])
    assert math.isnan(b["difference"])


def test_without_scores_a_value_errs_by_its_seeds_alone():
    found = judged([0.6, 0.7], [math.nan, math.nan])
    assert (found.error, found.df) == pytest.approx((0.05, 1))


def test_differences_are_in_the_metrics_unit():
    folds = pd.DataFrame({"variant": "a", "seed": 0, "fold": [0, 1], "rmse": [50.0, 52.0]})
    validation = pd.DataFrame({"variant": "a", "seed": [0, 1], "rmse": [55.0, 57.0], "error": math.nan})
    row = compare(folds, validation, Metric("rmse", "error", "units", "lower", 1.0)).iloc[0]
    assert (row["value"], row["validation"], row["difference"]) == (51, 56, 5)
