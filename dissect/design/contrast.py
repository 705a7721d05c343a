"""Contrasts: weights on variants' accuracies that add up to an effect."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from itertools import combinations
from typing import NamedTuple

from dissect.design.components import Parts, Variant, variant

Weights = dict[Variant, float]


class Contrast(NamedTuple):
    """The sum of weight times accuracy is the effect; the weights sum to zero, and above zero the components help.

    `kind` is "ladder", "leave_one_out", "one_at_a_time", "shapley", "main_effect", "levels", "interaction" or "pair".
    `components` are those it is about: two for an interaction, several where they only come together.
    `orders`, of sampled Shapley values only, are each order's own weights: their mean is `weights`, and the first and
    second, the third and fourth and so on were drawn as pairs, which are independent of each other.
    """

    kind: str
    components: tuple[str, ...]
    weights: Weights
    orders: tuple[Weights, ...] = ()


class Design(NamedTuple):
    variants: tuple[Variant, ...]
    contrasts: tuple[Contrast, ...]


def difference(kind: str, treated: Variant, control: Variant) -> Contrast:
    """Treated minus control. It is about what the control lacks, then what it alone has."""
    lacking, extra = (
        tuple(n for n in one if n not in other) for one, other in ((treated, control), (control, treated))
    )
    return Contrast(kind, lacking + extra, {treated: 1.0, control: -1.0})


def mean(terms: Sequence[Weights]) -> Weights:
    total: defaultdict[Variant, float] = defaultdict(float)
    for term in terms:
        for names, weight in term.items():
            total[names] += weight
    return {names: weight / len(terms) for names, weight in total.items()}


def additions(among: Collection[Variant], parts: Parts, name: str) -> Iterator[tuple[Variant, Variant]]:
    """Every variant to which the component can be added without leaving `among`, and what it becomes."""
    known = set(among)
    for less in among:
        more = variant({*less, name}, parts)
        if name not in less and more in known:
            yield less, more


def interactions(among: Collection[Variant], parts: Parts) -> Iterator[Contrast]:
    """What two components gain together beyond what each gains alone, averaged over the contexts that have all four."""
    for a, b in combinations(parts, 2):
        if found := squares(among, parts, a, b):
            yield Contrast(
                "interaction", (a, b), mean([{s: 1.0, sa: -1.0, sb: -1.0, sab: 1.0} for s, sa, sb, sab in found])
            )


def squares(
    among: Collection[Variant], parts: Parts, a: str, b: str
) -> list[tuple[Variant, Variant, Variant, Variant]]:
    """Every context S, S with a, S with b, and S with both, where all four are among the variants."""
    with_a, with_b = (dict(additions(among, parts, name)) for name in (a, b))
    return [(s, with_a[s], with_b[s], with_b[with_a[s]]) for s in with_a if s in with_b and with_a[s] in with_b]
