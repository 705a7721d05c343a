"""Intervals from the members of one ensemble, against shares of right ones counted by hand and simulated ensembles."""

import numpy as np
import pytest
from scipy import stats

from dissect.measure.members import Score, disjoint_groups, jackknife

Case = tuple[np.ndarray, np.ndarray]


def ensemble(members: int, images: int = 400, classes: int = 5, seed: int = 0) -> Case:
    """Members that share what an image looks like and differ by their own noise."""
    random = np.random.default_rng(seed)
    shared = np.random.default_rng(99)
    labels = shared.integers(0, classes, images)
    base = shared.normal(size=(images, classes)) + np.eye(classes)[labels]
    scores = np.exp(base + random.normal(size=(members, images, classes)))
    return (scores / scores.sum(axis=-1, keepdims=True)).astype(np.float32), labels


def accuracy(probabilities: np.ndarray, labels: np.ndarray) -> float:
    return np.mean([probabilities[:, i].mean(axis=0).argmax() == label for i, label in enumerate(labels)])


def worth(labels: np.ndarray) -> Score:
    return lambda averaged: float((averaged.argmax(axis=1) == labels).mean())


def test_the_jackknife_is_that_of_ensembles_built_without_each_member():
    probabilities, labels = ensemble(6)
    without = np.array([accuracy(np.delete(probabilities, m, axis=0), labels) for m in range(6)])
    error = np.sqrt(5 / 6 * ((without - without.mean()) ** 2).sum())
    whole, half = accuracy(probabilities, labels), stats.t.ppf(0.975, 5) * error
    assert error > 0
    assert jackknife(probabilities, worth(labels)) == pytest.approx((whole, whole - half, whole + half, 6))


def test_disjoint_groups_are_a_t_interval_over_ensembles_that_share_nobody():
    probabilities, labels = ensemble(7)  # the seventh is left over
    accuracies = [accuracy(probabilities[a : a + 2], labels) for a in (0, 2, 4)]
    expected = stats.ttest_1samp(accuracies, 0).confidence_interval(0.9)
    found = disjoint_groups(probabilities, worth(labels), 3, level=0.9)
    assert found == pytest.approx((np.mean(accuracies), expected.low, expected.high, 2))


def test_equal_members_have_an_interval_without_width():
    probabilities, labels = ensemble(1)
    same = np.repeat(probabilities, 4, axis=0)
    assert jackknife(same, worth(labels))[:3] == pytest.approx([accuracy(probabilities, labels)] * 3)


def test_the_jackknife_is_wider_than_ensembles_truly_vary():
    cases = [ensemble(5, seed=seed) for seed in range(1, 121)]
    found = [jackknife(probabilities, worth(labels)) for probabilities, labels in cases]
    truth = np.mean([one.value for one in found])
    errors = [(one.high - one.low) / 2 / stats.t.ppf(0.975, 4) for one in found]
    assert np.mean(np.square(errors)) > np.var([one.value for one in found])
    assert np.mean([one.low <= truth <= one.high for one in found]) >= 0.95


def test_too_few_members_are_refused():
    probabilities, labels = ensemble(2)
    with pytest.raises(ValueError, match="three or more: 2"):
        jackknife(probabilities, worth(labels))
    for groups in (1, 3):
        with pytest.raises(ValueError, match=f"{groups} of 2"):
            disjoint_groups(probabilities, worth(labels), groups)


def test_an_ensemble_of_regressors_is_judged_by_its_error():
    random = np.random.default_rng(1)
    truth = random.normal(size=50)
    predicted = truth + random.normal(size=(5, 50))

    def rmse(averaged: np.ndarray) -> float:
        return float(np.sqrt(np.mean((averaged - truth) ** 2)))

    without = np.array([rmse(np.delete(predicted, m, axis=0).mean(axis=0)) for m in range(5)])
    half = stats.t.ppf(0.975, 4) * np.sqrt(4 / 5 * ((without - without.mean()) ** 2).sum())
    whole = rmse(predicted.mean(axis=0))
    assert jackknife(predicted, rmse) == pytest.approx((whole, whole - half, whole + half, 5))
