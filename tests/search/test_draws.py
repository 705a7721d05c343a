"""What is drawn: log-uniform by scipy's test, the same each time, and closer around the best in later rounds."""

import numpy as np
import pytest
from scipy import stats

from dissect.search.draws import SHRINK, Box, trials_of


def setting(rate, decay):
    return {"optimizer.lr": rate, "optimizer.weight_decay": decay}


def values(of):
    return list(of.values())


BOX = Box(setting(1e-3, 1e-5), setting(0.3, 1e-2))


def test_settings_are_log_uniform_and_independent():
    drawn = np.log([values(BOX.draw(0, 0, trial)) for trial in range(2000)])
    low, high = np.log(values(BOX.low)), np.log(values(BOX.high))
    for column, least, most in zip(drawn.T, low, high, strict=True):
        assert stats.kstest(column, "uniform", (least, most - least)).pvalue > 0.05
    assert abs(stats.pearsonr(*drawn.T).statistic) < 0.05


def test_a_draw_is_the_same_again_and_another_for_another_seed_round_and_trial():
    assert BOX.draw(0, 1, 2) == BOX.draw(0, 1, 2)
    assert len({tuple(BOX.draw(*at).values()) for at in ((0, 1, 2), (1, 1, 2), (0, 2, 2), (0, 1, 3))}) == 4


def test_a_draw_has_four_digits_and_stays_inside():
    narrow = Box(setting(0.0123456, 1e-3), setting(0.0123457, 2e-3))
    for trial in range(50):
        rate, decay = values(narrow.draw(0, 0, trial))
        assert 0.0123456 <= rate <= 0.0123457
        assert float(f"{decay:.4g}") == decay


@pytest.mark.parametrize("centre", [setting(0.01, 1e-3), setting(1e-3, 1e-2), setting(0.29, 1.1e-5)])
def test_a_later_box_is_a_third_as_wide_contains_the_best_and_lies_inside(centre):
    box = BOX.around(centre, SHRINK)
    for low, best, high, least, most in zip(*map(values, (box.low, centre, box.high, BOX.low, BOX.high)), strict=True):
        assert least <= low <= best <= high <= most
        assert np.log(high / low) == pytest.approx(np.log(most / least) / 3)


def test_a_box_in_the_middle_has_the_best_at_its_centre():
    centre = setting(0.02, 3e-4)
    box = BOX.around(centre, 0.1)
    assert np.sqrt(np.multiply(values(box.low), values(box.high))) == pytest.approx(values(centre))


def test_the_outermost_twentieth_is_the_edge():
    # the ranges span a factor of 300 and 1,000: a twentieth is a factor of 1.33 and 1.41
    assert BOX.at_edge(setting(0.3 / 1.3, 1e-3)) == ["optimizer.lr"]
    assert BOX.at_edge(setting(0.3 / 1.4, 1.4e-5)) == ["optimizer.weight_decay"]
    assert BOX.at_edge(setting(0.02, 1e-3)) == []


def test_trials_are_shared_by_the_rounds():
    assert trials_of(2, 24) == [12, 12]
    assert trials_of(3, 8) == [3, 3, 2]
