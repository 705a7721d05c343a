"""What is drawn: log-uniform by scipy's test, the same each time, and closer around the best in later rounds."""

import numpy as np
import pytest
from scipy import stats

from dissect.search.draws import SHRINK, Box, Setting, trials_of

BOX = Box(Setting(1e-3, 1e-5), Setting(0.3, 1e-2))


def test_settings_are_log_uniform_and_independent():
    drawn = np.log([BOX.draw(0, 0, trial) for trial in range(2000)])
    low, high = np.log(BOX.low), np.log(BOX.high)
    for column, least, most in zip(drawn.T, low, high, strict=True):
        assert stats.kstest(column, "uniform", (least, most - least)).pvalue > 0.05
    assert abs(stats.pearsonr(*drawn.T).statistic) < 0.05


def test_a_draw_is_the_same_again_and_another_for_another_seed_round_and_trial():
    assert BOX.draw(0, 1, 2) == BOX.draw(0, 1, 2)
    assert len({BOX.draw(0, 1, 2), BOX.draw(1, 1, 2), BOX.draw(0, 2, 2), BOX.draw(0, 1, 3)}) == 4


def test_a_draw_has_four_digits_and_stays_inside():
    narrow = Box(Setting(0.0123456, 1e-3), Setting(0.0123457, 2e-3))
    for trial in range(50):
        rate, decay = narrow.draw(0, 0, trial)
        assert 0.0123456 <= rate <= 0.0123457
        assert float(f"{decay:.4g}") == decay


@pytest.mark.parametrize("centre", [Setting(0.01, 1e-3), Setting(1e-3, 1e-2), Setting(0.29, 1.1e-5)])
def test_a_later_box_is_a_third_as_wide_contains_the_best_and_lies_inside(centre: Setting):
    box = BOX.around(centre, SHRINK)
    for low, best, high, least, most in zip(box.low, centre, box.high, BOX.low, BOX.high, strict=True):
        assert least <= low <= best <= high <= most
        assert np.log(high / low) == pytest.approx(np.log(most / least) / 3)


def test_a_box_in_the_middle_has_the_best_at_its_centre():
    centre = Setting(0.02, 3e-4)
    box = BOX.around(centre, 0.1)
    assert np.sqrt(np.multiply(box.low, box.high)) == pytest.approx(list(centre))


def test_the_outermost_twentieth_is_the_edge():
    # the ranges span a factor of 300 and 1,000: a twentieth is a factor of 1.33 and 1.41
    assert BOX.at_edge(Setting(0.3 / 1.3, 1e-3)) == ["learning_rate"]
    assert BOX.at_edge(Setting(0.3 / 1.4, 1.4e-5)) == ["weight_decay"]
    assert BOX.at_edge(Setting(0.02, 1e-3)) == []


def test_trials_are_shared_by_the_rounds():
    assert trials_of(2, 24) == [12, 12]
    assert trials_of(3, 8) == [3, 3, 2]
