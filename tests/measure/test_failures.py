"""Failure rates against statsmodels, and which runs count as not trained."""

import numpy as np
import pandas as pd
import pytest
from statsmodels.stats.proportion import confint_proportions_2indep

from dissect.measure.effects import effects
from dissect.measure.failures import collapsed, newcombe
from dissect.measure.metric import Metric
from dissect.measure.paired import Contrast

ACCURACY = Metric("accuracy", "accuracy", "points", "higher", 100.0)
GAIN = [Contrast({"b": 1, "a": -1})]


@pytest.mark.parametrize("counts", [(2, 6, 0, 6), (0, 5, 0, 5), (5, 5, 1, 4), (3, 8, 5, 12)])
@pytest.mark.parametrize("level", [0.8, 0.95])
def test_the_interval_of_failure_rates_is_statsmodels(counts: tuple[int, int, int, int], level: float):
    theirs = confint_proportions_2indep(*counts, method="newcomb", compare="diff", alpha=1 - level)
    assert newcombe(*counts, level=level) == pytest.approx(theirs)


def test_without_runs_there_is_no_rate():
    assert np.isnan(newcombe(0, 0, 1, 3)).all()


def test_a_run_no_better_than_guessing_has_collapsed_where_guessing_is_known():
    loss = ACCURACY._replace(name="loss", better="lower")
    assert [collapsed(value, 0.1, ACCURACY) for value in (0.1, 0.101, 0.02)] == [True, False, True]
    assert not collapsed(0.02, None, ACCURACY)
    assert not collapsed(9.0, 2.3, loss)  # a loss may exceed that of guessing though the network has learned


def test_a_gain_is_that_where_both_trained_and_failures_are_counted():
    # seed 1 of b collapsed, seed 3 diverged and has no row, a lacks seed 4: pairs 0 and 2 are left
    rows = [("a", s, 0.5 + s / 100) for s in range(4)]
    rows += [("b", 0, 0.53), ("b", 1, 0.1), ("b", 2, 0.57), ("b", 4, 0.6)]
    runs = pd.DataFrame(rows, columns=["variant", "seed", "accuracy"])
    row = effects(runs, GAIN, ACCURACY, untrained={("b", 1), ("b", 3)}).iloc[0]
    assert (row["gain"], row["seeds"], row["left_out"]) == (pytest.approx(4), 2, 1)
    assert tuple(row[["untrained", "tried", "untrained_control", "tried_control"]]) == (2, 5, 0, 4)
    assert (row["rate_low"], row["rate_high"]) == pytest.approx(newcombe(2, 5, 0, 4))
    none = effects(runs, GAIN, ACCURACY, untrained={("b", s) for s in range(5)}).iloc[0]
    assert np.isnan(none["gain"])
    assert (none["untrained"], none["tried"], none["verdict"]) == (5, 5, "")


def test_where_no_run_has_a_value_there_is_no_gain_and_every_run_is_counted():
    none = pd.DataFrame({"variant": [], "seed": [], "accuracy": []})
    row = effects(none, GAIN, ACCURACY, untrained={(name, s) for name in "ab" for s in range(2)}).iloc[0]
    assert np.isnan(row["gain"])
    assert (row["untrained"], row["tried"], row["untrained_control"], row["tried_control"]) == (2, 2, 2, 2)
