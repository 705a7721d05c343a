"""Cross-validation's statistics against numbers worked by hand and scipy's t."""

import math

import pandas as pd
import pytest
from scipy import stats

from dissect.measure.folds import compare, cross_validated, judged


def test_the_error_of_folds_is_corrected_for_training_images_they_share():
    # s = 0.1; Nadeau and Bengio's variance: (1/3 + 1/2) * 0.01
    found = cross_validated([0.5, 0.6, 0.7])
    assert found.mean == pytest.approx(0.6)
    assert found.error == pytest.approx(math.sqrt(5 / 6 * 0.01))
    assert found.df == 2


def test_a_judged_accuracy_may_err_by_its_seeds_and_by_its_images():
    # of images: 0.65 * 0.35 / 100 = 0.002275; of seeds: 0.005 / 2 = 0.0025
    found = judged([0.6, 0.7], 100)
    assert found.mean == pytest.approx(0.65)
    assert found.error == pytest.approx(math.sqrt(0.004775))
    assert found.df == pytest.approx(0.004775**2 / (0.0025**2 / 1))


def test_one_seed_has_no_error():
    assert math.isnan(judged([0.6], 100).error)


def test_variants_are_compared_fold_means_first():
    folds = pd.DataFrame(
        [("a", seed, fold, accuracy) for seed, row in enumerate([(0.4, 0.6, 0.8), (0.6, 0.6, 0.6)])
         for fold, accuracy in enumerate(row)] + [("b", 0, fold, 0.5) for fold in range(3)],
        columns=["variant", "seed", "fold", "accuracy"],
    )  # fmt: skip
    validation = pd.DataFrame({"variant": "a", "seed": [0, 1], "accuracy": [0.6, 0.7], "images": 100})
    a, b = compare(folds, validation, level=0.9).to_dict("records")
    # seeds averaged in each fold: 0.5, 0.6, 0.7
    assert (a["folds"], a["seeds"], a["accuracy"], a["min"], a["max"]) == pytest.approx((3, 2, 0.6, 0.5, 0.7))
    assert a["sd"] == pytest.approx(0.1)
    crossed, beside = 5 / 6 * 0.01, 0.004775
    assert a["high"] == pytest.approx(0.6 + stats.t.ppf(0.95, 2) * math.sqrt(crossed))
    assert a["difference"] == pytest.approx(5.0)
    df = (crossed + beside) ** 2 / (crossed**2 / 2 + beside**2 / (0.004775**2 / 0.0025**2))
    half = 100 * stats.t.ppf(0.95, df) * math.sqrt(crossed + beside)
    assert (a["difference_low"], a["difference_high"]) == pytest.approx((5 - half, 5 + half))
    assert (b["accuracy"], b["low"], b["high"], b["validation_seeds"]) == (0.5, 0.5, 0.5, 0)
    assert math.isnan(b["validation"])
    assert math.isnan(b["difference"])
