"""The designs that need no averaging over orders: each takes components and tells variants and contrasts.

Derived components take part in the ladder only.
"""

from collections.abc import Iterable, Sequence
from itertools import chain, combinations, pairwise

import numpy as np

from dissect.design.components import (
    Component,
    Variant,
    checked,
    closure,
    place,
    refuse_excluded,
    subsets,
    trained,
    variant,
)
from dissect.design.contrast import Contrast, Design, additions, difference, interactions, mean
from dissect.design.levels import between, chosen, each_choice, factors, swapped
from dissect.errors import InputError


def cumulative(components: Sequence[Component]) -> Design:
    """The ladder: each component on top of those before it, derived ones last.

    Of a factor of several levels it takes the first; at its step each other one takes its place, and each two are
    compared.

    Raises:
        InputError: where two components exclude each other, or one stands before what it requires.
    """
    every = checked(components)
    parts = {part.name: part for part in chosen(every)}
    refuse_excluded(parts, "cumulative", "take one of the two out, or compare them as a pair")
    steps = [tuple(parts)[:count] for count in range(len(parts) + 1)]
    for step in steps[1:]:
        if missing := [needed for needed in parts[step[-1]].requires if needed not in step]:
            raise InputError(
                f"cumulative: {step[-1]} requires {missing[0]}, which comes later; list {missing[0]} first"
            )
    ladder = tuple(difference("ladder", step, below) for below, step in pairwise(steps))
    found = _unique([*steps, *chain.from_iterable(swapped(step, every[step[-1]].factor, every) for step in steps[1:])])
    return Design(found, (*ladder, *between(found, every)))


def leave_one_out(components: Sequence[Component]) -> Design:
    """The full model, and it without each component: what leaving it out loses.

    What requires a component leaves with it; the contrast is then about all that left. Of a factor of several levels
    the full model has the first; each other one takes its place, and each two are compared.

    Raises:
        InputError: where two components exclude each other, or another level is required.
    """
    every = trained(checked(components))
    if needed := [name for part in every.values() for name in part.requires if name in every[name].factor[1:]]:
        raise InputError(f"leave_one_out: {needed[0]} is required, so it must be the first level of its factor")
    parts = {part.name: part for part in chosen(every)}
    refuse_excluded(parts, "leave_one_out", "take one of the two out, or use factorial")
    full = tuple(parts)
    rest = [variant([other for other in parts if name not in closure(other, parts)], parts) for name in parts]
    found = _unique([full, *rest, *chain.from_iterable(swapped(full, factor, every) for factor in factors(every))])
    left = tuple(difference("leave_one_out", full, less) for less in rest)
    return Design(found, (*left, *between(found, every)))


def one_at_a_time(components: Sequence[Component]) -> Design:
    """The baseline, and each component added to it; one that requires others is added to those alone.

    Each two levels of a factor are compared as well.
    """
    parts = trained(checked(components))
    added = {name: variant(closure(name, parts), parts) for name in parts}
    steps = [(tuple(other for other in treated if other != name), treated) for name, treated in added.items()]
    contrasts = tuple(difference("one_at_a_time", treated, control) for control, treated in steps)
    variants = _unique([(), *chain.from_iterable(steps)])
    return Design(variants, (*contrasts, *between(variants, parts)))


def factorial(components: Sequence[Component]) -> Design:
    """All feasible subsets: each component's main effect and each pair's interaction.

    A main effect is the component's mean gain over all subsets to which it can be added; an interaction is what two
    gain together beyond the sum of what each gains alone, averaged over all subsets that allow it.
    A pair without such a subset has no contrast. Each two levels of a factor are compared, over all subsets that have
    one or the other.
    """
    parts = trained(checked(components))
    variants = tuple(subsets(parts))
    effects = [
        Contrast(
            "main_effect", (name,), mean([{more: 1.0, less: -1.0} for less, more in additions(variants, parts, name)])
        )
        for name in parts
    ]
    return Design(variants, (*effects, *between(variants, parts), *interactions(variants, parts)))


def fractional(components: Sequence[Component]) -> Design:
    """A two-level fraction of resolution IV, in the fewest runs: the power of two from 2k on.

    Main effects (mean with minus mean without) are clear of each other and of the interactions of two. Those are
    aliased with one another, so there is no contrast for them. The baseline and the full model are among the runs.

    With factors of several levels there is a fraction for each choice of their levels, the runs without any of them
    shared; main effects are means over these.

    Raises:
        InputError: for fewer than four components, or one that requires or excludes another.
    """
    parts = trained(checked(components))
    if factors(parts):
        return each_choice(fractional, parts)
    if tied := [part.name for part in parts.values() if part.requires or set(part.excludes) & set(parts)]:
        raise InputError(f"fractional: {tied[0]} requires or excludes another, which no fraction keeps; use factorial")
    if len(parts) < 4:
        raise InputError(f"fractional: components={list(parts)} are fewer than four; use factorial")
    table = _fraction(len(parts))
    levels = {variant([n for n, level in zip(parts, row, strict=True) if level > 0], parts): row for row in table}
    effects = [
        Contrast("main_effect", (name,), {names: float(2 * row[column] / len(table)) for names, row in levels.items()})
        for column, name in enumerate(parts)
    ]
    return Design(tuple(sorted(levels, key=lambda names: place(names, parts))), tuple(effects))


def _fraction(factors: int) -> np.ndarray:
    """One row a run, one column a factor, -1 or 1, of resolution IV.

    Each factor is a product of an odd number of q letters. Then each word of the defining relation has an even number
    of factors, and never two: four or more (Box, Hunter & Hunter 2005, "Statistics for Experimenters", chapter 6).
    pyDOE3's own search by resolution refuses 4 factors and from 16 on gives resolution III (1.6.2).
    """
    from pyDOE3 import fracfact  # type: ignore[import-untyped]  # here, as one design alone needs it

    letters = "abcdefghijklmnopqrstuvwxyz"[: 1 + (factors - 1).bit_length()]
    words = chain.from_iterable(combinations(letters, size) for size in range(1, len(letters) + 1, 2))
    table = np.asarray(fracfact(" ".join("".join(word) for word, _ in zip(words, range(factors), strict=False))))
    if (found := resolution(table)) < 4:
        raise InputError(f"fractional: of {factors} components, has resolution {found} instead of 4; use factorial")
    return table


def resolution(table: np.ndarray) -> int:
    """Length of the shortest word of the defining relation: the fewest columns whose product is constant.

    Args:
        table: (runs, factors), of -1 and 1. Where no product is constant, as in a full factorial, factors + 1.
    """
    factors = range(table.shape[1])
    for length in range(1, len(factors) + 1):
        for word in combinations(factors, length):
            if abs(table[:, word].prod(axis=1).sum()) == len(table):
                return length
    return len(factors) + 1


def pairs(contrasts: Sequence[tuple[Variant, Variant]]) -> Design:
    """Explicit pairs, each a treated variant and its control.

    A contrast is about what the control lacks, then what it alone has; its weights tell which side is which.

    Raises:
        InputError: for a variant that is its own control, or that names a component twice.
    """
    for treated, control in contrasts:
        for names in (treated, control):
            if len(set(names)) < len(names):
                raise InputError(f"pairs: {list(names)} names a component twice; leave one out")
        if set(treated) == set(control):
            raise InputError(f"pairs: {list(treated)} is compared with itself; change the treated one or its control")
    # One order for all, so that one variant has one name: that of the largest variants.
    largest = sorted((names for pair in contrasts for names in pair), key=len, reverse=True)
    order = dict.fromkeys(chain.from_iterable(largest))
    ordered = {tuple(tuple(name for name in order if name in names) for names in pair): None for pair in contrasts}
    found = tuple(difference("pair", treated, control) for treated, control in ordered)
    return Design(_unique(chain.from_iterable(contrast.weights for contrast in found)), found)


def _unique(variants: Iterable[Variant]) -> tuple[Variant, ...]:
    return tuple(dict.fromkeys(variants))
