"""Gains and means, against numbers worked by hand and scipy's paired test."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from dissect.measure.gains import gain, summary
from dissect.measure.metric import Metric

ACCURACY = Metric("accuracy", "accuracy", "points", "higher", 100.0)


def frame(**variants: list[float]) -> pd.DataFrame:
    rows = [(name, seed, value) for name, values in variants.items() for seed, value in enumerate(values)]
    return pd.DataFrame(rows, columns=["variant", "seed", "accuracy"])


RUNS = frame(baseline=[0.30, 0.32, 0.28], relu=[0.40, 0.43, 0.40])


def test_a_gain_is_the_mean_paired_difference_in_points():
    # differences 10, 11, 12: sd 1, sem 1/sqrt(3), t(2) = 4.303
    assert gain(RUNS, treated="relu", control="baseline", metric=ACCURACY)[:3] == pytest.approx(
        (11, 8.516, 13.484), abs=1e-3
    )


def test_swapping_treated_and_control_turns_the_sign_and_keeps_p():
    there, back = gain(RUNS, "relu", "baseline", ACCURACY), gain(RUNS, "baseline", "relu", ACCURACY)
    assert back == pytest.approx((-there.gain, -there.high, -there.low, there.p, 3))


@pytest.mark.parametrize("seeds", [2, 3, 12])
@pytest.mark.parametrize("level", [0.5, 0.95, 0.99])
def test_p_and_interval_are_those_of_the_paired_t_test(seeds: int, level: float):
    treated, control = np.random.default_rng(seeds).uniform(0.2, 0.9, (2, seeds))
    test = stats.ttest_rel(100 * treated, 100 * control)
    interval = test.confidence_interval(level)
    found = gain(frame(a=list(treated), b=list(control)), "a", "b", ACCURACY, level)
    assert found == pytest.approx(
        (100 * (treated - control).mean(), interval.low, interval.high, test.pvalue, seeds), abs=1e-7
    )


def test_seeds_are_paired_by_their_number_and_not_by_their_place():
    shuffled = RUNS.sample(frac=1, random_state=3)
    assert gain(shuffled, "relu", "baseline", ACCURACY) == gain(RUNS, "relu", "baseline", ACCURACY)


def test_equal_differences_give_an_interval_without_width_and_show_nothing():
    runs = frame(a=[0.31, 0.41, 0.51], b=[0.30, 0.40, 0.50])
    assert gain(runs, "a", "b", ACCURACY) == pytest.approx((1, 1, 1, 1, 3), abs=1e-9)


def test_no_difference_at_all_is_perfect_agreement_with_no_gain():
    assert gain(frame(a=[0.3, 0.4], b=[0.3, 0.4]), "a", "b", ACCURACY) == (0, 0, 0, 1, 2)


@pytest.mark.parametrize("control", [[0.3, 0.4], [0.3]])
def test_unequal_seeds_are_refused(control: list[float]):
    with pytest.raises(ValueError, match="same seeds"):
        gain(frame(a=[0.3, 0.4, 0.5], b=control), "a", "b", ACCURACY)


def test_one_seed_is_refused():
    with pytest.raises(ValueError, match="two or more"):
        gain(frame(a=[0.3], b=[0.4]), "a", "b", ACCURACY)


def test_a_seed_that_occurs_twice_is_refused():
    with pytest.raises(ValueError, match="more than one run of seed 1"):
        gain(pd.concat([RUNS, RUNS[RUNS["seed"] == 1]]), "relu", "baseline", ACCURACY)


def test_a_summary_has_the_half_width_of_the_t_interval():
    # 30, 32, 28: mean 30, sd 2, half-width 4.303 * 2 / sqrt(3) = 4.968
    first = summary(RUNS, ACCURACY).iloc[0]
    assert first["variant"] == "baseline"
    assert (first["mean"], first["sd"], first["half_width"], first["n"]) == pytest.approx(
        (0.30, 0.02, 0.04968, 3), abs=1e-5
    )


def test_one_run_has_a_mean_and_no_interval():
    only = summary(frame(a=[0.3]), ACCURACY).iloc[0]
    assert only["mean"] == 0.3
    assert np.isnan([only["sd"], only["half_width"]]).all()


def test_a_gain_is_in_the_metrics_unit_and_not_turned_round():
    runs = frame(a=[53.0, 54.0, 52.0], b=[55.0, 57.0, 56.0]).rename(columns={"accuracy": "val/rmse"})
    rmse = Metric("val/rmse", "error", "units", "lower", 1.0)
    # differences -2, -3, -4: half-width 4.303 / sqrt(3)
    assert gain(runs, "a", "b", rmse)[:3] == pytest.approx((-3, -5.484, -0.516), abs=1e-3)
    assert summary(runs, rmse)["mean"].tolist() == [53, 56]
