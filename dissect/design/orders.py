"""Shapley values: what each component gains, averaged over the orders in which components may be added."""

import random
from collections.abc import Callable, Iterator, Sequence
from functools import cache, partial
from itertools import combinations, pairwise

from dissect.design.components import (
    Component,
    Parts,
    Variant,
    checked,
    feasible,
    place,
    refuse_excluded,
    subsets,
    trained,
    variant,
)
from dissect.design.contrast import Contrast, Design, Weights, additions, mean
from dissect.design.levels import each_choice, factors
from dissect.errors import InputError

Count = Callable[[Variant], int]


def shapley(components: Sequence[Component], orders: int | None = None, seed: int = 0) -> Design:
    """Each component's gain, averaged over all orders (exact) or over randomly drawn ones; they sum to the total gain.

    Args:
        orders: None for the exact values, from all feasible subsets: the weights are |S|! (k - |S| - 1)! / k!
            (Shapley 1953), or, where components require others, the shares of those orders in which what is required
            comes first (Faigle & Kern 1992). A number for so many random orders (Castro et al. 2009), drawn with
            replacement: an order and its reverse by turns (antithetic; Mitchell et al. 2022). Where components
            require others, which a reversed order would break, all are drawn independently.
        seed: of the random orders.

    A factor of several levels takes part with each of them in turn: values are means over the choices of levels, and
    each two are compared.

    Raises:
        InputError: where two components exclude each other, or for a number of orders that is odd or below 2.
    """
    parts = trained(checked(components))
    if factors(parts):
        return each_choice(partial(shapley, orders=orders, seed=seed), parts)
    refuse_excluded(parts, "shapley", "take one of the two out, or use factorial")
    if orders is None:
        variants = tuple(subsets(parts))
        return Design(variants, tuple(_exact(variants, parts)))
    if orders < 2 or orders % 2:
        raise InputError(f"shapley: orders={orders} must be even and 2 or more, as orders are drawn in pairs")
    walks = [_walk(order, parts) for order in _drawn(parts, orders, random.Random(seed))]
    variants = tuple(sorted({names for walk in walks for names in walk}, key=lambda names: place(names, parts)))
    return Design(variants, tuple(_sampled(walks, parts)))


def _exact(variants: Sequence[Variant], parts: Parts) -> Iterator[Contrast]:
    # The orders in which exactly S comes before c: those of S, times those of all that follows S and c.
    before, after = _counter(_narrower, parts), _counter(_wider, parts)
    for name in parts:
        weights: Weights = {}
        for less, more in additions(variants, parts, name):
            weights[more] = before(less) * after(more) / after(())
            weights[less] = -weights[more]
        yield Contrast("shapley", (name,), weights)


def _sampled(walks: Sequence[Sequence[Variant]], parts: Parts) -> Iterator[Contrast]:
    gains = [{more: {more: 1.0, less: -1.0} for less, more in pairwise(walk)} for walk in walks]
    for name in parts:
        # The first variant of a walk that has the component is the one to which it was just added.
        own = tuple(next(gain for more, gain in each.items() if name in more) for each in gains)
        yield Contrast("shapley", (name,), mean(own), own)


def _drawn(parts: Parts, count: int, generator: random.Random) -> list[Variant]:
    if any(part.requires for part in parts.values()):
        after = _counter(_wider, parts)
        return [_order(after, parts, generator) for _ in range(count)]
    # By random keys: that random() draws the same in every version of Python is promised, of shuffle() it is not.
    firsts = [tuple(sorted(parts, key=lambda _: generator.random())) for _ in range(count // 2)]
    return [order for first in firsts for order in (first, first[::-1])]


def _order(after: Count, parts: Parts, generator: random.Random) -> Variant:
    """One of the orders that keep what is required first, all equally likely: each step by the orders left after it."""
    order: Variant = ()
    while following := [name for name in parts if name not in order and set(parts[name].requires) <= set(order)]:
        left = [after(variant((*order, name), parts)) for name in following]
        order += tuple(generator.choices(following, left))
    return order


def _walk(order: Variant, parts: Parts) -> list[Variant]:
    return [variant(order[:count], parts) for count in range(len(order) + 1)]


def _counter(neighbours: Callable[[Variant, Parts], list[Variant]], parts: Parts) -> Count:
    """Counts the ways to go on from a variant, neighbour by neighbour, until there is none."""

    @cache
    def count(names: Variant) -> int:
        return sum(count(other) for other in neighbours(names, parts)) or 1

    return count


def _wider(names: Variant, parts: Parts) -> list[Variant]:
    more = (variant((*names, name), parts) for name in parts if name not in names)
    return [wider for wider in more if feasible(wider, parts)]


def _narrower(names: Variant, parts: Parts) -> list[Variant]:
    return [less for less in combinations(names, max(len(names) - 1, 0)) if less != names and feasible(less, parts)]
