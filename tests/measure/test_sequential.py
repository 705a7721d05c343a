"""Looking more than once, against Pocock's published constants and nested t tests by scipy."""

import numpy as np
import pytest
from scipy import stats

from dissect.measure.sequential import nominal_level, sequential_p

LOOKS = (3, 5, 8, 12)


@pytest.mark.parametrize(("looks", "level"), [(2, 0.0294), (3, 0.0221), (4, 0.0182), (5, 0.0158)])
def test_with_many_seeds_the_level_is_pococks(looks: int, level: float):
    # Pocock 1977, table 1: equal steps, alpha 0.05
    assert nominal_level([2000 * (1 + k) for k in range(looks)], 0.05) == pytest.approx(level, abs=5e-4)


def test_one_look_is_an_ordinary_test():
    assert nominal_level([5], 0.05) == 0.05
    assert sequential_p([[0.03], [0.8]], [5]).tolist() == [0.03, 0.8]


@pytest.mark.parametrize("one_sided", [False, True])
def test_the_null_is_that_of_nested_t_tests(one_sided: bool):
    values = np.random.default_rng(11).normal(size=(20_000, 12))
    side = "greater" if one_sided else "two-sided"
    p = np.stack([stats.ttest_1samp(values[:, :n], 0, axis=1, alternative=side).pvalue for n in LOOKS], axis=1)
    adjusted = sequential_p(p, LOOKS, one_sided=one_sided)
    # a p-value is uniform under the null: of 20,000 studies the share below x is x, to 3 standard errors
    for x in (0.01, 0.05, 0.2, 0.5):
        assert (adjusted <= x).mean() == pytest.approx(x, abs=3 * np.sqrt(x * (1 - x) / 20_000) + 0.002)


def test_fewer_looks_than_planned_pay_for_all_that_are_planned():
    assert sequential_p([0.01, 0.5], LOOKS) == sequential_p([0.01], LOOKS) == sequential_p([0.5, 0.2, 0.01, 0.1], LOOKS)


def test_the_p_lies_between_that_of_one_look_and_bonferronis():
    p = np.array([1e-9, 1e-4, 0.01, 0.2, 0.9])[:, None]
    adjusted = sequential_p(p, LOOKS)
    assert (adjusted >= p[:, 0]).all()
    assert (adjusted <= np.minimum(1, 4 * p[:, 0])).all()
    assert (np.diff(adjusted) > 0).all()


def test_the_nominal_level_is_where_the_sequential_p_is_alpha():
    assert sequential_p([nominal_level(LOOKS, 0.05)], LOOKS) == pytest.approx(0.05, abs=2e-5)


@pytest.mark.parametrize("looks", [(), (1, 3), (3, 3), (5, 3)])
def test_looks_that_do_not_increase_from_two_on_are_refused(looks: tuple[int, ...]):
    with pytest.raises(ValueError, match="numbers of seeds that increase"):
        nominal_level(looks, 0.05)


@pytest.mark.parametrize("taken", [[], [0.1, 0.2, 0.3]])
def test_more_looks_than_planned_are_refused(taken: list[float]):
    with pytest.raises(ValueError, match="looks were taken"):
        sequential_p(taken, (3, 5))
