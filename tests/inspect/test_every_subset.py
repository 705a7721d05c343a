"""Every subset's accuracy, against averaging the probabilities of each subset and taking the highest."""

from itertools import combinations

import numpy as np
import pytest

from dissect.inspect.every_subset import best, by_size, full, sizes, subset_accuracies


def brute_force(probabilities, labels):
    """Each subset by itself: float64 sums, `argmax`; exact where the probabilities are small multiples of 1/16."""
    accuracies = np.full(2 ** len(probabilities), np.nan)
    for mask in range(1, len(accuracies)):
        chosen = [m for m in range(len(probabilities)) if mask >> m & 1]
        accuracies[mask] = (probabilities[chosen].astype(float).sum(0).argmax(1) == labels).mean()
    return accuracies


def softmax(logits):
    raised = np.exp(logits - logits.max(-1, keepdims=True))
    return (raised / raised.sum(-1, keepdims=True)).astype(np.float32)


def members(count, images, classes, *, signal, seed=0):
    """Members that share a part of what they believe, and the labels: the higher the signal, the better they are."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, classes, images)
    shared = rng.normal(size=(images, classes))
    shared[np.arange(images), labels] += signal
    return softmax(shared + rng.normal(size=(count, images, classes))), labels


def test_three_members_worked_by_hand():
    # One image of class 0. Member 0 is right, 1 and 2 are wrong; 0 outweighs 1 (1.1 to 0.9) but not 2 (0.9 to 1.1).
    probabilities = np.array([[[0.7, 0.3]], [[0.4, 0.6]], [[0.2, 0.8]]], dtype=np.float32)
    accuracies = subset_accuracies(probabilities, np.array([0]))
    #                                      {}   0  1  01 2  02 12 012
    np.testing.assert_equal(accuracies, [np.nan, 1, 0, 1, 0, 0, 0, 0])


@pytest.mark.parametrize("seed", range(5))
def test_ties_go_to_the_lower_label_as_in_argmax(seed):
    rng = np.random.default_rng(seed)
    probabilities = rng.integers(0, 4, (5, 40, 4)).astype(np.float32) / 16
    labels = rng.integers(0, 4, 40)
    sums = probabilities.sum(0)
    assert ((sums == sums.max(1, keepdims=True)).sum(1) > 1).any()  # there are ties for the first place
    np.testing.assert_equal(subset_accuracies(probabilities, labels), brute_force(probabilities, labels))


@pytest.mark.parametrize("count", [1, 2, 5, 6, 10, 11, 12])
@pytest.mark.parametrize("signal", [0, 2])
def test_every_subset_is_as_averaging_it_alone_gives(count, signal):
    probabilities, labels = members(count, 150, 12, signal=signal)
    np.testing.assert_equal(subset_accuracies(probabilities, labels), brute_force(probabilities, labels))


def test_images_by_the_hundred_are_each_counted_once():
    probabilities, labels = members(4, 1000, 20, signal=2)
    np.testing.assert_equal(subset_accuracies(probabilities, labels), brute_force(probabilities, labels))


def test_a_tie_is_one_in_whatever_order_members_stand():
    # Two classes with the same seven numbers in another order: equal sums, though float32's differ by rounding.
    rng = np.random.default_rng(0)
    numbers = rng.uniform(0, 1, (7, 50)).astype(np.float32)
    probabilities = np.stack([numbers, rng.permuted(numbers, axis=0)], 2)
    rounded = np.zeros((50, 2), np.float32)
    for member in probabilities:
        rounded += member
    assert (rounded[:, 0] != rounded[:, 1]).any()
    assert full(subset_accuracies(probabilities, np.zeros(50, int))).accuracy == 1
    assert full(subset_accuracies(probabilities, np.ones(50, int))).accuracy == 0


def test_members_in_another_order_give_the_same_subsets():
    probabilities, labels = members(7, 300, 10, signal=1)
    turned = subset_accuracies(probabilities[::-1], labels)
    for mask, accuracy in enumerate(subset_accuracies(probabilities, labels)):
        np.testing.assert_equal(turned[int(f"{mask:07b}"[::-1], 2)], accuracy)


def test_a_member_twice_is_no_other_ensemble():
    probabilities, labels = members(1, 300, 10, signal=1)
    accuracies = subset_accuracies(np.repeat(probabilities, 3, 0), labels)
    assert set(accuracies[1:]) == {(probabilities[0].argmax(1) == labels).mean()}


def test_each_size_has_the_mean_and_the_ends_of_its_subsets():
    probabilities, labels = members(5, 200, 10, signal=1)
    table = by_size(subset_accuracies(probabilities, labels))
    assert table["members"].tolist() == [1, 2, 3, 4, 5]
    assert table["subsets"].tolist() == [5, 10, 10, 5, 1]
    for size, row in table.set_index("members").iterrows():
        alone = [
            (probabilities[list(chosen)].astype(float).mean(0).argmax(1) == labels).mean()
            for chosen in combinations(range(5), size)
        ]
        assert (row["mean"], row["min"], row["max"]) == pytest.approx((np.mean(alone), min(alone), max(alone)))


def test_the_best_subset_is_the_smallest_of_the_highest_and_the_full_one_has_all():
    #                       {}   0    1    01   2    02   12   012
    accuracies = np.array([np.nan, 0.1, 0.2, 0.5, 0.3, 0.5, 0.4, 0.5])
    assert best(accuracies) == ((0, 1), 0.5)
    assert full(accuracies) == ((0, 1, 2), 0.5)
    assert sizes(accuracies).tolist() == [0, 1, 1, 2, 1, 2, 2, 3]


def test_24_members_are_the_most():
    with pytest.raises(ValueError, match="25 members have 33554431 subsets; choose 24"):
        subset_accuracies(np.full((25, 1, 2), 0.5, np.float32), np.zeros(1, int))


@pytest.mark.parametrize(
    ("probabilities", "labels", "said"),
    [
        (np.full((2, 3, 4), np.nan, np.float32), np.zeros(3, int), "from nan to nan"),
        (np.full((2, 3, 4), 3.0, np.float32), np.zeros(3, int), "must be from 0 to 1"),
        (np.full((2, 3, 4), 0.25, np.float32), np.full(3, 4), "labels from 4 to 4: must be from 0 to 3"),
        (np.full((2, 3, 4), 0.25, np.float32), np.zeros(2, int), "labels of shape"),
        (np.full((3, 4), 0.25, np.float32), np.zeros(3, int), r"probabilities of shape \(3, 4\)"),
    ],
)
def test_what_are_no_probabilities_or_labels_is_refused(probabilities, labels, said):
    with pytest.raises(ValueError, match=said):
        subset_accuracies(probabilities, labels)
