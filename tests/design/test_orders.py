from itertools import pairwise, permutations
from math import factorial
from random import Random

import pytest

from dissect.design import Component, shapley
from dissect.errors import InputError

FREE = [Component(name) for name in "abcd"]
TIED = [Component("a"), Component("b", requires=("a",)), Component("c"), Component("d", requires=("b", "c"))]


class Games(dict):
    """Random accuracies of any variant, the same for a variant whenever it is asked for."""

    def __missing__(self, names):
        return self.setdefault(names, Random(",".join(names)).random())


def values(design, accuracy):
    return {c.components[0]: sum(w * accuracy[names] for names, w in c.weights.items()) for c in design.contrasts}


def by_brute_force(components, accuracy):
    """Each component's gain in each order that has what it requires before it, averaged."""
    requires = {part.name: set(part.requires) for part in components}
    gains = {name: [] for name in requires}
    for order in permutations(requires):
        if all(requires[name] <= set(order[:place]) for place, name in enumerate(order)):
            walk = [tuple(sorted(order[:count])) for count in range(len(order) + 1)]
            for name, (less, more) in zip(order, pairwise(walk), strict=True):
                gains[name].append(accuracy[more] - accuracy[less])
    return {name: sum(found) / len(found) for name, found in gains.items()}


@pytest.mark.parametrize("components", [FREE, TIED, TIED[::-1]])
def test_exact_values_are_the_mean_over_all_orders_that_keep_the_requirements(components):
    accuracy = Games()
    names = [part.name for part in components]
    in_order = {tuple(sorted(variant)): variant for variant in shapley(components).variants}
    expected = by_brute_force(components, {key: accuracy[variant] for key, variant in in_order.items()})
    assert values(shapley(components), accuracy) == pytest.approx(expected, abs=1e-12)
    assert list(expected) == names


def test_without_requirements_the_weights_are_those_of_the_textbook():
    design = shapley(FREE)
    for contrast in design.contrasts:
        for names, weight in contrast.weights.items():
            before = len(set(names) - set(contrast.components))
            share = factorial(before) * factorial(3 - before) / factorial(4)
            assert weight == pytest.approx(share if contrast.components[0] in names else -share, abs=1e-15)
        assert len(contrast.weights) == 16


def test_the_glove_game_gives_the_owner_of_the_only_left_glove_two_thirds():
    # The textbook's game: a has a left glove, b and c a right one each; a pair is worth 1.
    design = shapley([Component(name) for name in "abc"])
    worth = {names: float("a" in names and len(names) > 1) for names in design.variants}
    assert values(design, worth) == pytest.approx({"a": 2 / 3, "b": 1 / 6, "c": 1 / 6})


@pytest.mark.parametrize("components", [FREE, TIED, [Component(f"c{number}") for number in range(11)]])
@pytest.mark.parametrize("orders", [None, 6])
def test_values_sum_to_the_total_gain(components, orders):
    design = shapley(components, orders)
    total = dict.fromkeys(design.variants, 0.0)
    for contrast in design.contrasts:
        assert sum(contrast.weights.values()) == pytest.approx(0, abs=1e-12)
        for names, weight in contrast.weights.items():
            total[names] += weight
    full = tuple(part.name for part in components)
    assert total == pytest.approx(dict.fromkeys(total, 0) | {full: 1, (): -1}, abs=1e-12)


@pytest.mark.parametrize("components", [FREE, TIED])
def test_sampled_values_converge_to_the_exact_ones(components):
    accuracy = Games()
    exact = values(shapley(components), accuracy)
    # Gains are between -1 and 1, so a mean of 1500 pairs is off by 1/sqrt(1500) = 0.026 at most in one deviation.
    sampled = values(shapley(components, orders=3000), accuracy)
    assert sampled == pytest.approx(exact, abs=3 * 0.026)
    assert sampled != pytest.approx(exact, abs=1e-6)


def orders_of(design):
    """The orders in which components were added, read off the contrasts' own weights."""
    sizes = [
        {
            c.components[0]: max(len(names) for names in weights)
            for c, weights in zip(design.contrasts, each, strict=True)
        }
        for each in zip(*(contrast.orders for contrast in design.contrasts), strict=True)
    ]
    return [tuple(sorted(size, key=size.__getitem__)) for size in sizes]


def test_sampled_orders_come_as_an_order_and_its_reverse():
    orders = orders_of(shapley(FREE, orders=8, seed=3))
    assert len(orders) == 8
    assert all(first[::-1] == second for first, second in zip(orders[::2], orders[1::2], strict=True))


def test_orders_that_must_keep_requirements_are_drawn_uniformly():
    # a before b; b and c before d: acbd, abcd, cabd, equally often
    orders = orders_of(shapley(TIED, orders=3000))
    counts = {order: orders.count(order) for order in set(orders)}
    assert set(counts) == {tuple("acbd"), tuple("abcd"), tuple("cabd")}
    # 1000 each, with a standard deviation of sqrt(3000 * 1/3 * 2/3) = 25.8
    assert counts == pytest.approx(dict.fromkeys(counts, 1000), abs=4 * 25.8)


def test_a_sampled_contrast_is_the_mean_of_its_orders():
    for contrast in shapley(FREE, orders=4, seed=1).contrasts:
        together = dict.fromkeys(contrast.weights, 0.0)
        for weights in contrast.orders:
            assert sorted(weights.values()) == [-1, 1]
            for names, weight in weights.items():
                together[names] += weight / 4
        assert contrast.weights == pytest.approx(together)


def test_orders_depend_on_the_seed_alone():
    assert shapley(FREE, orders=4, seed=0) == shapley(FREE, orders=4, seed=0) != shapley(FREE, orders=4, seed=1)


@pytest.mark.parametrize("orders", [0, 3, -2])
def test_an_odd_number_of_orders_is_refused(orders):
    with pytest.raises(InputError, match=f"orders={orders} must be even"):
        shapley(FREE, orders=orders)
