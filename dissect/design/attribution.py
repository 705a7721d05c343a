"""What the variants at hand allow to say about each component."""

from collections.abc import Iterable, Sequence
from itertools import pairwise

from dissect.design.components import (
    MOST,
    Component,
    Parts,
    Variant,
    checked,
    closure,
    excluded,
    feasible,
    place,
    subsets,
    trained,
    variant,
)
from dissect.design.contrast import Contrast, difference, interactions, mean, squares
from dissect.design.orders import shapley
from dissect.design.rules import leave_one_out, one_at_a_time
from dissect.errors import InputError


def attributions(have: Iterable[Variant], components: Sequence[Component]) -> list[Contrast]:
    """Every contrast whose variants are all at hand, none twice within its kind.

    In this order: the ladder's steps (over a missing one, about several components), leaving one out of the full
    model, one at a time, exact Shapley values (with all feasible subsets of the full model), and interactions (over
    the contexts at hand). The full model has all trained components that occur. Of those that exclude each other, it
    and the ladder take the first. One difference may stand in two kinds: the ladder's last step leaves one out, too.

    Args:
        have: variants, their components in any order (the weights name them in the order of `components`); what is no
            feasible variant of `components` is left aside.
    """
    parts = checked(components)
    known = _known(have, parts)
    at_hand = set(known)
    occurring = [name for name in parts if any(name in names for names in known)]
    full = list(trained(_compatible(occurring, parts)).values())
    # Of a single component both say the same; nothing is left out of a model that has nothing else.
    without = leave_one_out(full).contrasts if len(full) > 1 else ()
    designs = [*without, *one_at_a_time(list(parts.values())).contrasts]
    if len(full) <= MOST and all(names in at_hand for names in subsets(checked(full))):
        designs += shapley(full).contrasts
    found = [contrast for contrast in designs if at_hand.issuperset(contrast.weights)]
    return [*_ladder(known, parts), *found, *interactions(_plain(known, parts), parts)]


def conditional(have: Iterable[Variant], components: Sequence[Component], a: str, b: str) -> list[Contrast]:
    """The gain of `b` without `a`, then with it, over the same contexts: those where all four variants are at hand.

    Both are of the kind "pair" and about `b`; their difference is the interaction. Empty where there is no context.

    Raises:
        InputError: unless `a` and `b` are two of the components.
    """
    parts = checked(components)
    if a == b or not {a, b} <= set(parts):
        raise InputError(f"conditional: {a} and {b} must be two different ones of {list(parts)}")
    found = squares(_plain(_known(have, parts), parts, besides=(a, b)), parts, a, b)
    gains = [[{sb: 1.0, s: -1.0} for s, _, sb, _ in found], [{sab: 1.0, sa: -1.0} for _, sa, _, sab in found]]
    return [Contrast("pair", (b,), mean(gain)) for gain in gains if gain]


def _known(have: Iterable[Variant], parts: Parts) -> list[Variant]:
    found = {variant(names, parts) for names in have if set(names) <= set(parts) and feasible(names, parts)}
    return sorted(found, key=lambda names: place(names, parts))


def _plain(known: Iterable[Variant], parts: Parts, besides: Iterable[str] = ()) -> list[Variant]:
    """Those without a derived component: it would count the same runs a second time."""
    derived = {name for name in parts if parts[name].derived} - set(besides)
    return [names for names in known if not derived & set(names)]


def _ladder(known: Sequence[Variant], parts: Parts) -> list[Contrast]:
    names = tuple(_compatible(parts, parts))
    steps = [names[:count] for count in range(len(names) + 1) if names[:count] in known]
    return [difference("ladder", step, below) for below, step in pairwise(steps)]


def _compatible(names: Iterable[str], parts: Parts) -> dict[str, Component]:
    """Of the components named, and what they require, those that are not excluded by one before them."""
    kept: set[str] = set()
    for name in names:
        wider = kept | closure(name, parts)
        kept = kept if excluded(wider, parts) else wider
    return {name: part for name, part in parts.items() if name in kept}
